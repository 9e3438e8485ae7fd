/// The version of a package in the text of a `Cargo.lock`: what a peer was built with.
pub fn version_in_lock<'l>(lock: &'l str, package: &str) -> &'l str {
    let start = format!("name = \"{package}\"\nversion = \"");
    let after = lock.find(&start).map(|at| &lock[at + start.len()..]);
    after.and_then(|after| after.split('"').next()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_the_name() {
        let lock =
            "[[package]]\nname = \"b-c\"\nversion = \"2.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"1.2.3\"\n";
        assert_eq!(version_in_lock(lock, "b"), "1.2.3");
        assert_eq!(version_in_lock(lock, "c"), "unknown");
    }
}
