use distill_train::Fingerprint;
use serde_json::json;

use crate::args::DataArgs;
use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::{DataSource, SOURCES, Source};
use distill_recipe::words::thousands;

/// Names of classes that are shown.
const SHOWN_CLASSES: usize = 12;

/// `distill data [SOURCE]`
pub(crate) fn data(args: &DataArgs, output: &Output) -> Result<(), Diagnostic> {
    match &args.source {
        None => list(output),
        Some(source) => show(source, output),
    }
}

fn list(output: &Output) -> Result<(), Diagnostic> {
    let width = SOURCES.iter().map(|source| source.name.len()).max().unwrap_or(0);
    let lines = SOURCES.iter().map(|Source { name, about, .. }| format!("{name:width$}  {about}\n"));
    let text =
        lines.collect::<String>() + "or the path of a folder with IDX files, CIFAR, arrays of NumPy, tables or images";
    output.document(&text)?;
    let sources: Vec<_> =
        SOURCES.iter().map(|Source { name, about, .. }| json!({ "source": name, "about": about })).collect();
    output.event("sources", json!({ "sources": sources }))
}

/// Reads all of it, as a run would.
fn show(source: &str, output: &Output) -> Result<(), Diagnostic> {
    let sets = DataSource::open(source)?.load(&[], None)?;
    sets.check().map_err(|error| Diagnostic::from(error).at(source))?;
    let spec = sets.train.spec();
    let shape = spec.input_shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let mut classes = spec.classes.iter().take(SHOWN_CLASSES).cloned().collect::<Vec<_>>().join(", ");
    if spec.classes.len() > SHOWN_CLASSES {
        classes += ", ...";
    }
    let mut text = format!("data        {source}\n");
    let mut parts = vec![];
    let validation = sets.validation.as_deref().map(|set| ("validation", set));
    for (name, set) in [Some(("train", &*sets.train)), validation, Some(("test", &*sets.test))].into_iter().flatten() {
        let sha256 = Fingerprint::of(set)?.sha256();
        text += &format!("{name:10}  {} examples, sha256 {sha256:.16}\n", thousands(set.len() as u64));
        parts.push(json!({ "part": name, "examples": set.len(), "sha256": sha256 }));
    }
    text += &format!(
        "inputs      {shape}\nclasses     {}: {classes}\nready       data.source = \"{source}\"",
        spec.classes.len()
    );
    output.result(&text)?;
    output.event(
        "data",
        json!({ "source": source, "parts": parts, "input_shape": spec.input_shape, "classes": spec.classes }),
    )
}
