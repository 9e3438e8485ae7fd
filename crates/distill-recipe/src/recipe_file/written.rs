use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use distill_train::Recipe;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::renamed;

/// All settings of a recipe as TOML.
///
/// # Errors
/// Only if the recipe holds what TOML cannot, which no recipe that was read does.
pub fn recipe_text(recipe: &Recipe) -> Result<String, Diagnostic> {
    let mut text = hashed_text(recipe)?;
    let table =
        DeTable::parse(&text).map_err(|error| Diagnostic::io("cannot write the recipe as TOML", None, error))?;
    let mut places = BTreeMap::new();
    collect_places(table.get_ref(), "", &mut places);
    let renamed = places.iter().filter_map(|(path, (key, _))| Some((key.clone(), renamed::present_name(path)?)));
    let mut renamed: Vec<_> = renamed.collect();
    // From the end, so that the places before stay.
    renamed.sort_by_key(|(key, _)| Reverse(key.start));
    renamed.into_iter().for_each(|(key, name)| text.replace_range(key, name));
    Ok(text)
}

/// The same with the names that keys had first. Hashes of recipes are those of this text, so that models are found that
/// were trained before a key was renamed.
///
/// # Errors
/// As [`recipe_text`].
pub fn hashed_text(recipe: &Recipe) -> Result<String, Diagnostic> {
    toml::to_string(recipe).map_err(|error| Diagnostic::io("cannot write the recipe as TOML", None, error))
}

/// The places of all keys and their values, by dotted path.
pub(super) fn collect_places(
    table: &DeTable<'_>,
    prefix: &str,
    places: &mut BTreeMap<String, (Range<usize>, Range<usize>)>,
) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        match value.get_ref() {
            DeValue::Table(table) => collect_places(table, &path, places),
            DeValue::Array(array) => {
                for (i, element) in array.iter().enumerate() {
                    let DeValue::Table(table) = element.get_ref() else { continue };
                    let path = format!("{path}[{i}]");
                    collect_places(table, &path, places);
                    places.insert(path, (element.span(), element.span()));
                }
            }
            _ => {}
        }
        places.insert(path, (key.span(), value.span()));
    }
}
