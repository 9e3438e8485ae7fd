use std::fmt::Write as _;

use distill_recipe::recipe_schema;
use serde_json::{Value, json};

use crate::args::SchemaArgs;
use crate::output::Output;
use distill_recipe::Diagnostic;

/// The JSON Schema of the events of `--json`.
const EVENTS: &str = include_str!("../events.schema.json");

/// `distill schema`
pub(crate) fn schema(args: &SchemaArgs, output: &Output) -> Result<(), Diagnostic> {
    let unwritable = |error| Diagnostic::io("cannot write the schema as JSON", None, error);
    let (schema, text) = match args.events {
        true => (serde_json::from_str(EVENTS).map_err(unwritable)?, EVENTS.to_owned()),
        false => {
            let schema = recipe_schema();
            let text = serde_json::to_string_pretty(&schema).map_err(unwritable)?;
            (schema.to_value(), text)
        }
    };
    output.document(&if args.markdown { page(&schema) } else { text })?;
    output.event("schema", json!({ "schema": schema }))
}

/// The page about events, from their schema.
fn page(schema: &Value) -> String {
    let mut page = include_str!("../events.md").to_owned();
    let names = schema["oneOf"].as_array().into_iter().flatten().filter_map(|event| event["$ref"].as_str());
    for name in names.filter_map(|path| path.strip_prefix("#/$defs/")) {
        let event = &schema["$defs"][name];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let _ = writeln!(page, "\n## `{name}`\n\n{}\n", text(&event["description"]));
        page += "| field | type | meaning |\n|---|---|---|\n";
        let is_required =
            |key: &str| event["required"].as_array().is_some_and(|keys| keys.iter().any(|name| name == key));
        for (key, property) in event["properties"].as_object().into_iter().flatten() {
            if property.get("const").is_some() {
                continue;
            }
            let kind = match &property["type"] {
                Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
                kind => text(kind),
            };
            let missing = if is_required(key) { "" } else { ", may be missing" };
            let _ = writeln!(page, "| `{key}` | {kind}{missing} | {} |", text(&property["description"]));
        }
    }
    page
}
