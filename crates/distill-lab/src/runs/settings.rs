use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use distill_recipe::renamed;

use crate::folder::RESOLVED;

/// The settings of a run by their dotted keys, as TOML.
pub(super) type Settings = BTreeMap<String, String>;

/// What changes no result, or names the run and not the experiment.
const LEFT_OUT: [&str; 3] = ["version", "name", "checkpoint"];

/// The settings of a run, whatever version of the program wrote them. `None` where they cannot be read.
pub(super) fn read(run: &Path) -> Option<Settings> {
    let text = std::fs::read_to_string(run.join(RESOLVED)).ok()?;
    let mut table = text.parse::<Table>().ok()?;
    renamed::update(&mut table).ok()?;
    let mut settings = Settings::new();
    flatten(&table, "", &mut settings);
    Some(settings)
}

fn flatten(table: &Table, prefix: &str, settings: &mut Settings) {
    for (key, value) in table {
        if prefix.is_empty() && LEFT_OUT.contains(&key.as_str()) {
            continue;
        }
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(table) => flatten(table, &path, settings),
            Value::String(text) => drop(settings.insert(path, text.clone())),
            value => drop(settings.insert(path, value.to_string())),
        }
    }
}

/// The keys that do not have the same value in all of these, or are missing in some.
pub fn differing<'a>(all: &[&'a Settings]) -> Vec<&'a str> {
    let keys: BTreeSet<&str> = all.iter().flat_map(|settings| settings.keys().map(String::as_str)).collect();
    let differs = |key: &&str| all.windows(2).any(|pair| pair[0].get(*key) != pair[1].get(*key));
    keys.into_iter().filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ() {
        let settings = |text: &str| {
            let mut settings = Settings::new();
            flatten(&text.parse().unwrap(), "", &mut settings);
            settings
        };
        let a = settings(
            "name = \"a\"\nseeds = [1, 2]\nkd.temperature = 4.0\ncheckpoint.keep_last = 1\nkd.method = \"kd\"",
        );
        let b = settings("name = \"b\"\nseeds = [1, 2]\nkd.temperature = 8.0\nkd.method = \"kd\"\ntrain.batch = 16");
        assert_eq!(a["seeds"], "[1, 2]");
        assert_eq!((a["kd.method"].as_str(), a.get("name")), ("kd", None));
        assert_eq!(differing(&[&a, &b]), ["kd.temperature", "train.batch"]);
        assert_eq!(differing(&[&a, &a, &b]), ["kd.temperature", "train.batch"]);
        assert_eq!(differing(&[&a]), [""; 0]);
    }
}
