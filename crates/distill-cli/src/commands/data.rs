use distill_datasets::{Column, NumberForm};
use distill_train::Fingerprint;
use serde_json::json;

use super::recipe::data_with;
use crate::args::DataArgs;
use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::{DataSource, SOURCES, Source};
use distill_recipe::words::thousands;

/// Names of classes that are shown, and words of a column.
const SHOWN_CLASSES: usize = 12;
const SHOWN_WORDS: usize = 6;

/// Longer names of columns do not move the others to the right.
const MAX_NAME: usize = 30;

/// `distill data [SOURCE]`
pub(crate) fn data(args: &DataArgs, output: &Output) -> Result<(), Diagnostic> {
    match &args.source {
        None => list(output),
        Some(source) => show(source, &args.overrides, output),
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
fn show(source: &str, overrides: &[String], output: &Output) -> Result<(), Diagnostic> {
    let sets = match overrides {
        [] => DataSource::open(source)?.load(&[], None)?,
        overrides => data_with(source, overrides)?,
    };
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
    let columns = sets.train.columns().map_or(&[][..], |columns| &columns.inputs);
    text += &table(columns);
    let of = if spec.numbers.is_some() { "predicted" } else { "classes" };
    text += &format!(
        "inputs      {shape}\n{of:<10}  {}: {classes}\nready       data.source = \"{source}\"",
        spec.classes.len()
    );
    output.result(&text)?;
    output.event(
        "data",
        json!({
            "source": source,
            "parts": parts,
            "input_shape": spec.input_shape,
            "classes": spec.classes,
            "columns": columns,
        }),
    )
}

/// What each column became.
fn table(columns: &[Column]) -> String {
    let width = columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).min(MAX_NAME);
    let mut heading = "columns";
    let mut line = |column: &Column| {
        let line = format!("{heading:10}  {:width$}  {}\n", column.name, in_words(column));
        heading = "";
        line
    };
    columns.iter().map(&mut line).collect()
}

/// Such as `number, 38.6 where it is missing` or `8 words: Federal-gov, Local-gov, ...`.
fn in_words(column: &Column) -> String {
    match &column.values {
        Some(words) => {
            let shown = words.iter().take(SHOWN_WORDS).map(|word| if word.is_empty() { "(empty)" } else { word });
            let more = if words.len() > SHOWN_WORDS { ", ..." } else { "" };
            let ending = if words.len() == 1 { "" } else { "s" };
            let rare = if column.rare { ", and rare ones together" } else { "" };
            format!("{} word{ending}: {}{more}{rare}", words.len(), shown.collect::<Vec<_>>().join(", "))
        }
        None => {
            let what = column.form.map_or("numbers", NumberForm::words).to_owned();
            let what = match column.edges.len() {
                0 => what,
                n => format!("{what}, in {} pieces", n - 1),
            };
            column.missing.map_or(what.clone(), |mean| format!("{what}, {mean} where one is missing"))
        }
    }
}
