use std::path::Path;

use distill_recipe::Diagnostic;
use distill_recipe::target_file;
use distill_recipe::words::thousands;

use super::facts::{Facts, short};

/// The answers of a teacher. Their hash is checked, so all of them are read.
pub(super) fn facts(path: &Path, len: u64) -> Result<Facts, Diagnostic> {
    let file = target_file::load(path)?;
    let (storage, classes) = (file.storage(), file.classes.clone());
    let (data_sha256, teacher_sha256) = (file.data_sha256.clone(), file.teacher_sha256.clone());
    let targets = file.into_targets();
    let logits = targets.logits();
    let mut facts =
        Facts::new("soft-targets", format_args!("soft targets of distill, {} bytes, whole", thousands(len)));
    facts.line(
        "rows",
        format_args!("{} of {} logits, kept as {storage}", thousands(logits.nrows() as u64), logits.ncols()),
    );
    facts.list("classes", classes.iter().map(|class| short(class, 68)));
    facts.line("data", &data_sha256);
    facts.line("teacher", &teacher_sha256);
    let (min, max) = logits.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &z| (min.min(z), max.max(z)));
    facts.line("logits", format_args!("from {min:.3} to {max:.3}"));
    facts.field("rows", logits.nrows());
    facts.field("storage", storage.to_string());
    facts.field("classes", &classes);
    facts.field("data_sha256", &data_sha256);
    facts.field("teacher_sha256", &teacher_sha256);
    facts.field("min", min);
    facts.field("max", max);
    Ok(facts)
}
