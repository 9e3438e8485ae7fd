use std::fmt::Write as _;

use clap::Args;
use distill_train::Recipe;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, schema_for};
use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::help;
use crate::output::Output;

/// The JSON Schema of the events of `--json`.
const EVENTS: &str = include_str!("../events.schema.json");

#[derive(Debug, Args)]
#[command(after_help = help::SCHEMA)]
pub(crate) struct SchemaArgs {
    /// That of the events that `--json` prints
    #[arg(long)]
    events: bool,

    /// As a Markdown page
    #[arg(long, hide = true, requires = "events")]
    markdown: bool,
}

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

/// The JSON Schema, draft 2020-12, of a recipe.
pub(crate) fn recipe_schema() -> Schema {
    let mut schema = schema_for!(Recipe);
    RecursiveTransform(without_null).transform(&mut schema);
    schema
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
