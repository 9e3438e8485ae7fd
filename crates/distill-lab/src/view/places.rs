use std::path::{Path, PathBuf};

/// Folders that say where somebody's files are, and that no report names.
pub struct Places {
    /// Left out of paths, which are then relative to it.
    here: Option<String>,
    /// Written as `~`.
    home: Option<String>,
}

impl Places {
    /// The current folder, and the home of the user.
    pub fn of_the_user() -> Self {
        Self::new(std::env::current_dir().ok(), std::env::home_dir())
    }

    fn new(here: Option<PathBuf>, home: Option<PathBuf>) -> Self {
        // All paths begin with the root.
        let text = |folder: PathBuf| folder.to_str().filter(|_| folder.parent().is_some()).map(str::to_owned);
        Self { here: here.and_then(text), home: home.and_then(text) }
    }

    /// A text of which every path in these folders is short.
    pub fn hide(&self, text: &str) -> String {
        let text = self.here.as_ref().map_or(text.to_owned(), |here| replaced(text, here, ""));
        self.home.as_ref().map_or(text.clone(), |home| replaced(&text, home, "~"))
    }

    /// The path as text that names no folder of the user.
    pub fn hide_path(&self, path: &Path) -> String {
        self.hide(&path.display().to_string())
    }
}

/// Writes a short name for a folder, where it is the start of a path and a whole one.
fn replaced(text: &str, folder: &str, name: &str) -> String {
    let is_of_a_name = |c: char| c.is_alphanumeric() || "_-.~".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(folder) {
        let goes_on = before.ends_with(|c| is_of_a_name(c) || c == '/') || after.starts_with(is_of_a_name);
        out += before;
        rest = after;
        if goes_on {
            out += folder;
        } else if !name.is_empty() {
            out += name;
        } else if let Some(inside) = after.strip_prefix('/').filter(|inside| inside.starts_with(is_of_a_name)) {
            rest = inside;
        } else {
            out.push('.');
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let places = Places::new(Some("/home/ann/work".into()), Some("/home/ann".into()));
        assert_eq!(places.hide(text), expected);
    }

    #[test]
    fn folders_of_a_person_are_not_named() {
        check("source = \"/home/ann/work/data\"", "source = \"data\"");
        check("weights = ['/home/ann/t.onnx', '/home/ann/work/.t']", "weights = ['~/t.onnx', '.t']");
        check("/home/ann/.cargo/bin/distill run /home/ann/work/r.toml", "~/.cargo/bin/distill run r.toml");
        check("/home/ann/work /home/ann/work/ /home/ann/", ". ./ ~/");
        check("teacher.weights=/home/ann/work/t data=\"/data/mnist\"", "teacher.weights=t data=\"/data/mnist\"");
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        check(
            "/home/anna/x /home/ann-2 /mnt/home/ann/x /home/ann.old",
            "/home/anna/x /home/ann-2 /mnt/home/ann/x /home/ann.old",
        );
        check("/home/ann/workshop", "~/workshop");
        assert_eq!(Places::new(Some("/".into()), Some("/".into())).hide("/a/b"), "/a/b");
        assert_eq!(Places::new(None, None).hide("/home/ann"), "/home/ann");
    }
}
