use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use distill_models::{Header, ModelCard, ModelError, Task};
use serde_json::{Value, json};

use distill_recipe::Diagnostic;
use distill_recipe::words::{sides, thousands};

use super::facts::{Facts, short};
use super::unreadable;
use super::weights::{Weights, number};

/// The largest header that is read; longer ones describe more tensors than anybody looks at.
const MAX_HEADER: u64 = 16 << 20;

/// How many tensors of somebody else's file are listed.
const N_LISTED: usize = 50;

/// How much of a text from a file is shown, so that lines stay within 80 columns.
const N_TEXT: usize = 68;

/// Whether a file starts with the length of a header and a header.
pub(super) fn is_header(start: &[u8]) -> bool {
    let n = start.first_chunk().map(|&length| u64::from_le_bytes(length));
    n.is_some_and(|n| (2..=MAX_HEADER).contains(&n)) && start.get(8) == Some(&b'{')
}

/// A safetensors file. Weights are read one block at a time, and only those of our models.
pub(super) fn facts(path: &Path, len: u64) -> Result<Facts, Diagnostic> {
    let refused = |error: ModelError| Diagnostic::model_file(&error).at(path.display());
    let damaged = |reason: String| refused(ModelError::NotSafetensors { reason });
    let mut file = BufReader::new(File::open(path).map_err(|error| unreadable(path, error))?);
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|error| unreadable(path, error))?;
    let n = u64::from_le_bytes(start);
    if n > MAX_HEADER || 8 + n > len {
        return Err(damaged(format!("its header should have {n} bytes, the file has {len}")));
    }
    let mut json = Vec::new();
    file.by_ref().take(n).read_to_end(&mut json).map_err(|error| unreadable(path, error))?;
    let header = Header::parse(&json).map_err(refused)?;
    let promised = header.n_bytes().saturating_add(8 + n);
    if promised != len {
        return Err(damaged(format!("its header promises {promised} bytes, the file has {len}")));
    }
    match header.card().map_err(refused)? {
        Some(card) => {
            let weights =
                Weights::read(&start, &json, file, &header.tensors).map_err(|error| unreadable(path, error))?;
            Ok(model(&card, &header, &weights, len))
        }
        None => Ok(foreign(&header, len)),
    }
}

/// A model of ours.
fn model(card: &ModelCard, header: &Header, weights: &Weights, len: u64) -> Facts {
    let features: usize = card.input_shape.iter().fold(1, |product, &side| product.saturating_mul(side));
    let architecture = card.config.architecture(&card.input_shape, card.classes.len());
    // Running statistics are numbers of the file and no parameters.
    let n_numbers = weights.tensors.iter().map(|tensor| tensor.n).sum();
    let n_parameters: u64 = card.layout().map_or(n_numbers, |layout| layout.n_trained() as u64);
    let mut facts = Facts::new("model", format_args!("a model of distill, {} bytes", thousands(len)));
    facts.line("sha256", &weights.sha256);
    facts.line("model", format_args!("{architecture}, {} parameters", thousands(n_parameters)));
    facts.line("input", format_args!("{}, {} numbers", sides(&card.input_shape), thousands(features as u64)));
    let of = if card.task == Task::Numbers { "predicts" } else { "classes" };
    facts.list(of, card.classes.iter().map(|class| short(class, N_TEXT)));
    for (i, (name, value)) in card.provenance.iter().enumerate() {
        facts.line(if i == 0 { "origin" } else { "" }, short(&format!("{name} {value}"), N_TEXT));
    }
    let found = || header.tensors.iter().zip(&weights.tensors);
    let rows = found().map(|(tensor, found)| {
        let [min, mean, max, norm] = [found.min(), found.mean(), found.max(), found.norm()].map(number);
        [short(&tensor.name, 18), sides(&tensor.shape), min, mean, max, norm, found.zeros()]
    });
    let rows: Vec<_> = rows.collect();
    facts.table(1, ["tensor", "shape", "min", "mean", "max", "norm", "zeros"], &rows);

    let layers = 0..card.config.as_mlp().map_or(0, |mlp| mlp.hidden.len());
    let dead: Vec<_> = layers
        .filter_map(|layer| weights.dead(header, layer).map(|(n_dead, n_units)| (layer, n_dead, n_units)))
        .collect();
    for &(layer, n_dead, n_units) in &dead {
        if n_dead > 0 {
            facts.line("dead", format_args!("{n_dead} of {n_units} units of hidden.{layer} have no weight at all"));
        }
    }
    for (tensor, found) in found() {
        if let Some(first) = found.first_bad {
            let values = if found.n_bad == 1 { "value" } else { "values" };
            let n_bad = thousands(found.n_bad);
            let what = format_args!("{n_bad} {values} of {} NaN or infinite, first at {first}", tensor.name);
            facts.line("problem", what);
        }
    }
    let problem = fault(card, header);
    if let Some(problem) = &problem {
        facts.line("problem", problem);
    }
    let is_sound = problem.is_none() && weights.tensors.iter().all(|tensor| tensor.n_bad == 0);
    facts.line("health", if is_sound { "all weights are present and finite" } else { "this model cannot be used" });

    facts.field("bytes", len);
    facts.field("sha256", &weights.sha256);
    facts.field("architecture", architecture);
    facts.field("config", &card.config);
    facts.field("input_shape", &card.input_shape);
    facts.field("classes", &card.classes);
    facts.field("parameters", n_parameters);
    facts.field("provenance", &card.provenance);
    let tensors = found().map(|(tensor, found)| {
        json!({
            "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape,
            "min": found.min(), "mean": found.mean(), "max": found.max(), "norm": found.norm(),
            "zeros": found.n_zero, "non_finite": found.n_bad,
        })
    });
    facts.field("tensors", tensors.collect::<Vec<_>>());
    let dead: Vec<Value> = dead
        .iter()
        .map(|(layer, n_dead, n_units)| json!({ "layer": format!("hidden.{layer}"), "dead": n_dead, "units": n_units }))
        .collect();
    facts.field("dead_units", dead);
    facts.field("problem", problem);
    facts.field("usable", is_sound);
    facts
}

/// Why the weights are not those of the model that the file describes.
fn fault(card: &ModelCard, header: &Header) -> Option<String> {
    let layout = match card.layout() {
        Ok(layout) => layout,
        Err(error) => return Some(error.to_string()),
    };
    for (_, name, shape) in layout.iter() {
        match header.tensors.iter().find(|tensor| tensor.name == name) {
            None => return Some(format!("the tensor {name} is missing")),
            Some(found) if found.dtype != "f32" || found.shape != shape => {
                let (found_shape, dtype) = (sides(&found.shape), &found.dtype);
                return Some(format!("{name} is {dtype} {found_shape}, it should be f32 {}", sides(shape)));
            }
            Some(_) => {}
        }
    }
    let (n, expected) = (header.tensors.len(), layout.iter().count());
    (n != expected).then(|| format!("there are {n} tensors, there should be {expected}"))
}

/// Tensors of somebody else.
fn foreign(header: &Header, len: u64) -> Facts {
    let n_tensors = header.tensors.len();
    let mut facts =
        Facts::new("safetensors", format_args!("a safetensors file of another program, {} bytes", thousands(len)));
    let count = |shape: &[usize]| shape.iter().fold(1_u64, |product, &side| product.saturating_mul(side as u64));
    let n_elements = header.tensors.iter().fold(0_u64, |sum, tensor| sum.saturating_add(count(&tensor.shape)));
    facts.line("tensors", format_args!("{n_tensors}, {} numbers", thousands(n_elements)));
    facts.list("metadata", header.metadata.keys().map(|key| short(key, N_TEXT)));
    let listed = &header.tensors[..n_tensors.min(N_LISTED)];
    let rows: Vec<_> =
        listed.iter().map(|tensor| [short(&tensor.name, 48), tensor.dtype.clone(), sides(&tensor.shape)]).collect();
    if n_tensors > 0 {
        facts.table(2, ["tensor", "type", "shape"], &rows);
    }
    if n_tensors > listed.len() {
        facts.line("", format_args!("and {} more", n_tensors - listed.len()));
    }
    facts.field("bytes", len);
    facts.field("metadata_keys", header.metadata.keys().collect::<Vec<_>>());
    let entry = |tensor: &distill_models::TensorEntry| json!({ "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape });
    facts.field("tensors", header.tensors.iter().map(entry).collect::<Vec<_>>());
    facts
}
