//! What was probably meant: keys that stand elsewhere, words that look alike, and values of the right type.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::schema::recipe_schema;
use crate::words::shell;

/// No word of ours is nearly as long.
const MAX_SUGGESTED: usize = 100;

/// A key that stands in more places than this is shown in the first of them.
const MAX_PLACES: usize = 4;

/// Names that other programs have for keys of ours.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("learning_rate", "lr"),
    ("batch_size", "batch"),
    ("num_epochs", "epochs"),
    ("hidden_size", "hidden"),
    ("hidden_sizes", "hidden"),
    ("layers", "hidden"),
    ("tau", "temperature"),
    ("dataset", "source"),
    ("patience", "early_stopping"),
];

/// The keys of a recipe, as its schema has them.
pub(super) struct Keys {
    schema: Value,
    /// Dotted paths, each with what the schema says of it.
    keys: Vec<(String, Value)>,
}

impl Keys {
    /// They are the same for every recipe, and take longer to make than a recipe to be read.
    pub(super) fn get() -> &'static Self {
        static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);
        &KEYS
    }

    fn new() -> Self {
        let schema = serde_json::to_value(recipe_schema()).unwrap_or_default();
        let mut keys = vec![];
        collect(&schema, &schema, "", &mut keys);
        Self { schema, keys }
    }

    /// Where a key stands that was looked for in a table, `""` for the recipe itself: below that table if it is there,
    /// else anywhere. `typed` may have several parts, such as `optimizer.lr`.
    pub(super) fn elsewhere(&self, table: &str, typed: &str) -> Vec<&str> {
        let typed = typed.trim().replace('-', "_").to_lowercase();
        let ours = OTHER_NAMES.iter().find(|(other, _)| *other == typed).map_or(typed.as_str(), |(_, ours)| ours);
        let named = |name: &str| -> Vec<&str> {
            let end = format!(".{name}");
            self.paths().filter(|path| *path == name || path.ends_with(&end)).collect()
        };
        let mut found = named(ours);
        if found.is_empty() {
            let names = self.paths().map(|path| path.rsplit('.').next().unwrap_or_default());
            found = nearest(ours, names).map_or(vec![], named);
        }
        let below = |path: &&str| path.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
        if !table.is_empty() && found.iter().any(below) {
            found.retain(below);
        }
        // The student is what most settings are meant for.
        found.sort_by_key(|path| (path.starts_with("teacher"), path.matches('.').count(), *path));
        found.truncate(MAX_PLACES);
        found
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(path, _)| path.as_str())
    }

    fn find(&self, path: &str) -> Option<&Value> {
        self.keys.iter().find(|(key, _)| key == path).map(|(_, schema)| schema)
    }

    /// A value that a key may have, as TOML.
    pub(super) fn example(&self, path: &str) -> Option<String> {
        toml_text(&self.value(self.find(path)?)?)
    }

    /// An example, the default, or whatever the type allows.
    fn value(&self, schema: &Value) -> Option<Value> {
        if let Some(example) = schema["examples"].get(0) {
            return Some(example.clone());
        }
        let schema = resolved(&self.schema, schema);
        match &schema["default"] {
            Value::Object(table) => {
                let (key, value) = table.iter().find(|(_, value)| !value.is_object())?;
                return Some(Value::Object(Map::from_iter([(key.clone(), value.clone())])));
            }
            Value::Null => {}
            Value::Array(list) if list.is_empty() => {}
            Value::String(text) if text.is_empty() => {}
            default => return Some(default.clone()),
        }
        if let Some(word) = schema.get("const") {
            return Some(word.clone());
        }
        let choice = ["oneOf", "anyOf"].iter().find_map(|name| schema[*name].get(0));
        if let Some(choice) = choice {
            return self.value(choice);
        }
        let bound = |name: &str| schema[name].as_f64();
        match schema["type"].as_str()? {
            "boolean" => Some(Value::Bool(true)),
            "integer" => Some(Value::from(schema["minimum"].as_u64().unwrap_or_default().max(1))),
            "number" if bound("maximum").or(bound("exclusiveMaximum")).is_some_and(|max| max <= 1.0) => {
                Some(Value::from(0.5))
            }
            "number" => Some(Value::from(1.0)),
            "string" => Some(Value::from("name")),
            "array" => {
                let n = schema["minItems"].as_u64().unwrap_or_default().max(1);
                let unique = schema["uniqueItems"] == true;
                let item = self.value(&schema["items"])?;
                let nth = |i: u64| match item.as_u64() {
                    Some(first) if unique => Value::from(first + i),
                    _ => item.clone(),
                };
                Some((0..n).map(nth).collect())
            }
            "object" => {
                let (key, property) = schema["properties"].as_object()?.iter().next()?;
                Some(Value::Object(Map::from_iter([(key.clone(), self.value(property)?)])))
            }
            _ => None,
        }
    }

    /// Whether a key wants a list and nothing else.
    fn is_list(&self, path: &str) -> bool {
        self.find(path).is_some_and(|schema| resolved(&self.schema, schema)["type"] == "array")
    }
}

/// What was typed as a flag, such as `--epochs`, as the settings that it probably was meant to be.
pub fn flag_as_settings(flag: &str, value: Option<&str>) -> Option<String> {
    let keys = Keys::get();
    let name = flag.trim_start_matches('-').replace('-', "_");
    let is_name = |path: &&str| *path == name || path.ends_with(&format!(".{name}"));
    let is_known = keys.paths().any(|path| is_name(&path)) || OTHER_NAMES.iter().any(|(other, _)| *other == name);
    let found = keys.elsewhere("", &name);
    if !is_known || found.is_empty() {
        return None;
    }
    let setting = |path: &&str| {
        let value = match value {
            Some(value) if keys.is_list(path) && !value.starts_with('[') => format!("[{value}]"),
            Some(value) => value.to_owned(),
            None => keys.example(path).unwrap_or_default(),
        };
        format!("`{}`", shell([format!("{path}={value}").as_str()]))
    };
    Some(format!("settings have no dashes: {}", found.iter().map(setting).collect::<Vec<_>>().join(" or ")))
}

/// All keys below a table, and what the schema says of each.
fn collect(root: &Value, table: &Value, prefix: &str, keys: &mut Vec<(String, Value)>) {
    let table = resolved(root, table);
    for (key, property) in table["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        collect(root, property, &path, keys);
        keys.push((path, property.clone()));
    }
    // What may be a table or something else, such as a model.
    for choice in table["anyOf"].as_array().into_iter().flatten() {
        collect(root, choice, prefix, keys);
    }
}

/// A schema with what it refers to; what it says itself goes before that.
fn resolved(root: &Value, schema: &Value) -> Value {
    let target = schema["$ref"].as_str().and_then(|path| root.pointer(path.strip_prefix('#')?));
    match (target, schema.as_object()) {
        (Some(Value::Object(target)), Some(own)) => {
            let mut all = target.clone();
            all.extend(
                own.iter().filter(|(name, _)| *name != "$ref").map(|(name, value)| (name.clone(), value.clone())),
            );
            Value::Object(all)
        }
        _ => schema.clone(),
    }
}

/// A value as it stands in a recipe.
fn toml_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Object(table) => {
            let pairs: Option<Vec<_>> =
                table.iter().map(|(key, value)| Some(format!("{key} = {}", toml_text(value)?))).collect();
            format!("{{ {} }}", pairs?.join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(toml_text).collect::<Option<Vec<_>>>()?.join(", "))
        }
        value => toml::Value::try_from(value).ok()?.to_string(),
    })
}

/// What Serde calls a kind of value, in the words of TOML.
pub(super) fn wanted(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "a sequence" => "a list",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 up",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "text in quotes",
        "string or table" | "string only" => "a word in quotes",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("an array of length ") => "a list",
        _ => return None,
    })
}

/// The word in backquotes after a phrase.
pub(super) fn quoted_after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    text.split_once(phrase)?.1.strip_prefix('`')?.split_once('`').map(|(word, _)| word)
}

pub(super) fn suggestion(key: &str, valid: &[&str], kind: &str) -> String {
    let list = format!("{kind}: {}", valid.join(", "));
    match nearest(key, valid.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? {list}"),
        None => list,
    }
}

/// The word that was probably meant.
pub fn nearest<'a>(typed: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time and memory for each pair of characters.
    if typed.len() > MAX_SUGGESTED {
        return None;
    }
    valid
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .min()
        .filter(|&(distance, name)| distance <= 1 + name.len() / 3)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key gets an example, and a recipe with it is accepted as far as types go.
    #[test]
    fn every_key_has_an_example_of_its_type() {
        let keys = Keys::get();
        assert!(keys.keys.len() > 100, "{}", keys.keys.len());
        for path in keys.paths() {
            let example = keys.example(path).unwrap_or_else(|| panic!("{path} has no example"));
            let table = "data.source = \"d\"\nstudent.model.hidden = [1]\nteacher.model.hidden = [1]\n";
            let mut table: toml::Table = table.parse().unwrap();
            let setting = super::super::Override::parse(&format!("{path}={example}")).unwrap();
            setting.apply(&mut table).unwrap_or_else(|error| panic!("{path}={example}: {error}"));
            // A table that is replaced may lack what another needs.
            if let Err(error) = toml::Value::Table(table).try_into::<distill_train::Recipe>() {
                let error = error.to_string();
                // A key of another kind of network is refused for that alone.
                let is_expected = ["missing field", "a model of kind"].iter().any(|part| error.contains(part));
                assert!(is_expected, "{path}={example}: {error}");
            }
        }
    }

    #[test]
    fn keys_are_found_where_they_stand() {
        let keys = Keys::get();
        for (table, typed, expected) in [
            ("", "epochs", &["train.epochs", "teacher.train.epochs"][..]),
            ("", "lr", &["train.optimizer.lr", "teacher.train.optimizer.lr"]),
            ("", "optimizer.lr", &["train.optimizer.lr", "teacher.train.optimizer.lr"]),
            ("train", "lr", &["train.optimizer.lr"]),
            ("teacher", "epochs", &["teacher.train.epochs"]),
            ("student", "epochs", &["train.epochs", "teacher.train.epochs"]),
            ("", "batch-size", &["train.batch", "teacher.train.batch"]),
            ("", "temprature", &["kd.temperature"]),
            ("", "xyzzy", &[]),
        ] {
            assert_eq!(keys.elsewhere(table, typed), expected, "{table} {typed}");
        }
        let settings = |flag, value| flag_as_settings(flag, value).unwrap_or_default();
        assert_eq!(
            settings("--epochs", Some("3")),
            "settings have no dashes: `train.epochs=3` or `teacher.train.epochs=3`"
        );
        assert!(settings("--seeds", Some("1,2")).contains("`'seeds=[1,2]'`"), "{}", settings("--seeds", Some("1,2")));
        assert_eq!(settings("--temperature", None), "settings have no dashes: `kd.temperature=4.0`");
        assert_eq!(flag_as_settings("--thread", Some("2")), None);
    }
}
