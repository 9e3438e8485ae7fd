use distill_train::Recipe;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::renamed;

/// The JSON Schema, draft 2020-12, of a recipe.
pub fn recipe_schema() -> Schema {
    let mut schema = schema_for!(Recipe);
    RecursiveTransform(without_null).transform(&mut schema);
    RecursiveTransform(present_defaults).transform(&mut schema);
    schema
}

/// Serde writes defaults with the former names of keys.
fn present_defaults(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, property) in properties {
        if let Some(default) = property.get_mut("default") {
            renamed::update_json(key, default);
        }
    }
}

/// TOML has no null: a key that may be missing is left out.
fn without_null(schema: &mut Schema) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            schema.insert(key, value);
        }
    }
}
