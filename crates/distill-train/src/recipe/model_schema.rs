use distill_models::ModelConfig;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A model is a table, or the name of a file, in whose place a recipe that was read has the table.
pub(super) fn model_or_file(generator: &mut SchemaGenerator) -> Schema {
    let model = generator.subschema_for::<ModelConfig>();
    let file = json_schema!({
        "description": "An ONNX file that contains the network to train.",
        "type": "string",
        "examples": ["net.onnx"],
    });
    json_schema!({ "anyOf": [model, file] })
}
