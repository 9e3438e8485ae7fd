use std::path::Path;

use distill_onnx::{OnnxModel, Port};
use serde_json::json;

use distill_recipe::Diagnostic;
use distill_recipe::onnx_file;
use distill_recipe::words::thousands;

use super::facts::{Facts, short};

/// How much of a text from a file is shown.
const N_TEXT: usize = 68;

/// How many entries of the metadata are listed.
const N_LISTED: usize = 20;

/// How many values that can be tapped are shown to people, and how many to programs.
const N_VALUES: usize = 40;
const N_ALL_VALUES: usize = 10_000;

/// A graph of another program, or one that this program has exported.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let bytes = onnx_file::read(path)?;
    let found = OnnxModel::describe(&bytes).map_err(|error| onnx_file::diagnostic(&error).at(path.display()))?;
    let mut facts = Facts::new("onnx", format_args!("an ONNX graph, {} bytes", thousands(bytes.len() as u64)));
    facts.line("producer", format_args!("{}, opset {}", short(&found.producer, N_TEXT), found.opset));
    facts.line("size", format_args!("{} parameters", thousands(found.parameters as u64)));
    let port = |port: &Port| format!("{} {} {}", short(&port.name, N_TEXT), port.element, port.shape());
    facts.list("weights", found.files.iter().take(N_LISTED).map(|name| format!("{} beside it", short(name, N_TEXT))));
    facts.list("inputs", found.inputs.iter().map(port));
    facts.list("outputs", found.outputs.iter().map(port));
    let (n, values) = (found.values.len(), found.values.iter());
    // Those nearest to the answers, which are compared most.
    let first = n.saturating_sub(N_VALUES);
    let more = (first > 0).then(|| format!("{} before these", thousands(first as u64)));
    let values =
        values.skip(first).map(|(name, operator)| format!("{} by {}", short(name, N_TEXT), short(operator, N_TEXT)));
    facts.list("values", more.into_iter().chain(values));
    facts.list("operators", found.operators.iter().map(|(name, n)| format!("{n} {}", short(name, N_TEXT))));
    facts.list(
        "metadata",
        found.metadata.iter().take(N_LISTED).map(|(key, value)| short(&format!("{key} = {value}"), N_TEXT)),
    );
    let ports = |ports: &[Port]| {
        ports
            .iter()
            .map(|port| json!({ "name": port.name, "type": port.element, "shape": port.dims }))
            .collect::<Vec<_>>()
    };
    facts.field("bytes", bytes.len());
    facts.field("producer", &found.producer);
    facts.field("opset", found.opset);
    facts.field("parameters", found.parameters);
    facts.field("inputs", ports(&found.inputs));
    facts.field("outputs", ports(&found.outputs));
    let values =
        found.values.iter().take(N_ALL_VALUES).map(|(name, operator)| json!({ "name": name, "operator": operator }));
    facts.field("values", values.collect::<Vec<_>>());
    facts.field("operators", &found.operators);
    facts.field("metadata", &found.metadata);
    facts.field("files", &found.files);
    Ok(facts)
}
