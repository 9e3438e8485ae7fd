//! Ranges of versions, such as `bincode:>=3`.

use std::cmp::Ordering;
use std::fmt;

/// A crate, or a range of its versions.
#[derive(Debug)]
pub(crate) struct Versions {
    spec: String,
    name: String,
    /// The comparison and the version it is with; without it these are all versions.
    range: Option<(&'static str, [u64; 3])>,
}

impl Versions {
    /// Reads `name` or `name:RANGE`. What follows an `@`, cargo-deny takes for one exact version, whatever stands
    /// there, so that is refused.
    pub(crate) fn parse(spec: &str) -> Result<Self, String> {
        let unknown = || format!("deny.toml names `{spec}`; xtask knows `name` and `name:<2`, with one of < <= = >= >");
        let (name, range) = match spec.split_once(':') {
            None if spec.contains('@') => return Err(unknown()),
            None => (spec, None),
            Some((name, range)) => {
                let operator = ["<=", "<", "=", ">=", ">"].into_iter().find(|operator| range.starts_with(operator));
                let operator = operator.ok_or_else(unknown)?;
                let bound = numbers(range[operator.len()..].trim()).ok_or_else(unknown)?;
                (name, Some((operator, bound)))
            }
        };
        Ok(Self { spec: spec.to_owned(), name: name.to_owned(), range })
    }

    pub(crate) fn contain(&self, name: &str, version: &str) -> bool {
        let Some((operator, bound)) = self.range else { return name == self.name };
        // `+metadata` and `-prerelease` do not count here.
        let release = version.split(['+', '-']).next().unwrap_or(version);
        name == self.name
            && numbers(release).is_none_or(|version| match (operator, version.cmp(&bound)) {
                (">" | ">=", Ordering::Greater) | ("<" | "<=", Ordering::Less) => true,
                (operator, Ordering::Equal) => operator.ends_with('='),
                _ => false,
            })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

/// `1.2.3` as numbers; parts that are left out are 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let parts: Vec<&str> = version.split('.').collect();
    for (place, part) in parts.iter().enumerate() {
        *numbers.get_mut(place)? = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::Versions;

    #[track_caller]
    fn check(spec: &str, version: &str, expected: bool) {
        let versions = Versions::parse(spec).expect("the range is well formed");
        assert_eq!(versions.contain("a", version), expected, "{spec} {version}");
        assert!(!versions.contain("b", version));
    }

    #[test]
    fn ranges_compare_by_number() {
        check("a:>=3", "3.0.0", true);
        check("a:>=3", "10.0.0", true);
        check("a:>=3", "2.9.9", false);
        check("a:<2", "1.3.3", true);
        check("a:<2", "2.0.0", false);
        check("a:>1.2", "1.2.0", false);
        check("a:<=1.2", "1.2.0", true);
        check("a:=1.2.3", "1.2.3", true);
        check("a:=1.2.3", "1.2.4", false);
    }

    #[test]
    fn without_a_range_these_are_all_versions() {
        check("a", "0.0.1", true);
    }

    #[test]
    fn additions_to_a_version_do_not_hide_it() {
        check("a:>=3", "3.1.0-rc.1", true);
        check("a:>=3", "3.1.0+spec", true);
    }

    #[test]
    fn a_range_that_is_not_known_is_refused() {
        for spec in ["a:^3", "a:3", "a:>=x", "a:>=1.2.3.4", "a@>=3"] {
            let error = Versions::parse(spec).expect_err("this range is not known");
            assert!(error.contains(spec), "{error}");
        }
    }
}
