//! Keys that once had another name. Recipes may still use it; adr/0082 says why hashes do too.

use distill_train::Recipe;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// The table of a key, wherever that stands, its former name, and the present one. Serde writes the former name, so that the
/// hashes of recipes stay what they were, and reads both.
const RENAMED: [(&str, &str, &str); 3] =
    [("data", "mixup", "mixtures"), ("schedule", "min_factor", "min_lr_ratio"), ("schedule", "peak", "pct_start")];

/// A key of a recipe that was written under its former name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKey {
    /// Its dotted path as it was written.
    pub former: String,
    /// Its dotted path now.
    pub present: String,
    /// Where it stands.
    pub place: String,
}

impl FormerKey {
    fn new(table: &str, (former, present): (&str, &str)) -> Self {
        let path = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
        Self { former: path(former), present: path(present), place: String::new() }
    }

    pub(crate) fn at(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }

    /// What to tell of it: what there is, why, and what to do.
    pub fn warning(&self) -> [String; 3] {
        let Self { former, present, place } = self;
        let [old, new] = [former, present].map(|path| last(path).1);
        [
            format!("`{former}` is now called `{present}`"),
            format!("{place} has the former name, which is still read; the models are the same"),
            format!("write `{new}` instead of `{old}`"),
        ]
    }

    /// An error about a key that is set under both of its names.
    pub(crate) fn twice(&self) -> Diagnostic {
        let Self { former, present, .. } = self;
        let what = format!("`{former}` and `{present}` are both set, and are the same key");
        Diagnostic::new(Code::Value, what).help(format!("remove `{former}`: it is the former name of `{present}`"))
    }
}

/// The table of a dotted path, and its last part.
fn last(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// The present name of a key in a table.
fn present(table: &str, key: &str) -> Option<&'static str> {
    let found = RENAMED.iter().find(|(of, former, _)| *of == last(table).1 && *former == key);
    found.map(|(_, _, present)| *present)
}

/// Whether a key of a table is the former name of another.
pub(crate) fn is_former(table: &str, key: &str) -> bool {
    present(table, key).is_some()
}

/// The present name of a key, if its dotted path has a former one.
pub(crate) fn present_name(path: &str) -> Option<&'static str> {
    let (table, key) = last(path);
    present(table, key)
}

/// The present path of a key.
pub fn present_path(path: &str) -> String {
    let (table, _) = last(path);
    present_name(path).map_or(path.to_owned(), |present| format!("{table}.{present}"))
}

/// A key that is named by its former path somewhere, if it is.
pub fn former_key(path: &str, place: &str) -> Option<FormerKey> {
    let (table, key) = last(path);
    Some(FormerKey::new(table, (key, present(table, key)?)).at(place))
}

/// A recipe as JSON, with the present names of its keys.
pub fn recipe_json(recipe: &Recipe) -> Json {
    let mut json = serde_json::to_value(recipe).unwrap_or_default();
    update_json("", &mut json);
    json
}

/// Gives the keys of a table, and of those in it, their present names.
///
/// # Errors
/// A key that stands under both names.
pub fn update(table: &mut Table) -> Result<Vec<FormerKey>, FormerKey> {
    let mut found = vec![];
    update_at("", table, &mut found)?;
    Ok(found)
}

/// The same for a setting, whose key may be in a table or be one.
pub(crate) fn update_setting(key: &mut String, value: &mut Value) -> Result<Vec<FormerKey>, FormerKey> {
    let mut found = vec![];
    let (table, name) = last(key);
    if let Some(present) = present(table, name) {
        let former = FormerKey::new(table, (name, present));
        key.clone_from(&former.present);
        found.push(former);
    } else if let Value::Table(table) = value {
        update_at(key, table, &mut found)?;
    }
    Ok(found)
}

fn update_at(path: &str, table: &mut Table, found: &mut Vec<FormerKey>) -> Result<(), FormerKey> {
    for (_, former, present) in RENAMED.iter().filter(|(of, ..)| *of == last(path).1) {
        let Some(value) = table.remove(*former) else { continue };
        let key = FormerKey::new(path, (former, present));
        if table.insert((*present).to_owned(), value).is_some() {
            return Err(key);
        }
        found.push(key);
    }
    for (key, value) in table {
        let Value::Table(table) = value else { continue };
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        update_at(&path, table, found)?;
    }
    Ok(())
}

/// The same for JSON that Serde has written of a recipe or of one of its tables.
pub(crate) fn update_json(table: &str, value: &mut Json) {
    let Json::Object(object) = value else { return };
    for (_, former, present) in RENAMED.iter().filter(|(of, ..)| *of == table) {
        if let Some(value) = object.remove(*former) {
            object.insert((*present).to_owned(), value);
        }
    }
    object.iter_mut().for_each(|(key, value)| update_json(key, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_renamed_in_their_tables_alone() {
        let mut table: Table = "[data]\nmixup = 2\n[train]\naugment = { mixup = 0.2 }\n\
                                [teacher.train.schedule]\npeak = 0.2\nmin_lr_ratio = 0.1"
            .parse()
            .unwrap();
        let found: Vec<_> = update(&mut table).unwrap().into_iter().map(|key| (key.former, key.present)).collect();
        let pair = |former: &str, present: &str| (former.to_owned(), present.to_owned());
        assert_eq!(
            found,
            [
                pair("data.mixup", "data.mixtures"),
                pair("teacher.train.schedule.peak", "teacher.train.schedule.pct_start")
            ]
        );
        assert_eq!(table["data"]["mixtures"].as_integer(), Some(2));
        assert_eq!(table["train"]["augment"]["mixup"].as_float(), Some(0.2));
        assert_eq!(update(&mut table), Ok(vec![]));
        table["data"].as_table_mut().unwrap().insert("mixup".to_owned(), 3.into());
        assert_eq!(update(&mut table).unwrap_err().former, "data.mixup");
    }

    #[test]
    fn settings_are_renamed_by_their_paths() {
        let of = |key: &str, value: &str| {
            let mut key = key.to_owned();
            let mut value = format!("value = {value}").parse::<Table>().unwrap().remove("value").unwrap();
            let found = update_setting(&mut key, &mut value).map(|found| found.len()).map_err(|key| key.present);
            (format!("{key}={value}"), found)
        };
        assert_eq!(of("data.mixup", "2"), ("data.mixtures=2".to_owned(), Ok(1)));
        assert_eq!(of("train.augment.mixup", "1"), ("train.augment.mixup=1".to_owned(), Ok(0)));
        let (setting, found) = of("train", "{ schedule = { peak = 0.2 } }");
        assert_eq!((setting.contains("pct_start = 0.2"), found), (true, Ok(1)), "{setting}");
        assert_eq!(of("train.schedule", "{ peak = 0.2, pct_start = 1 }").1, Err("train.schedule.pct_start".to_owned()));
        assert_eq!(
            (present_path("data.mixup"), present_path("mixup")),
            ("data.mixtures".to_owned(), "mixup".to_owned())
        );
    }
}
