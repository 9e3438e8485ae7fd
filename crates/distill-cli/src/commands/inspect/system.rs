use std::path::Path;

use distill_models::Model as _;
use distill_specialists::{Specialist, SystemFolder};

use super::facts::{Facts, short};
use distill_recipe::Diagnostic;
use distill_recipe::words::thousands;

/// How many specialists are listed, and how many of the classes of each.
const N_SPECIALISTS: usize = 20;
const N_CLASSES: usize = 6;
const N_NAME: usize = 40;

/// A generalist and its specialists.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let (system, files) = SystemFolder::new(path).load_with_files()?;
    let spec = system.spec();
    let mut facts = Facts::new("system", format_args!("a generalist with specialists, {}", spec.architecture));
    let (parameters, bytes) = (thousands(spec.parameters as u64), thousands(files.n_bytes as u64));
    facts.line("size", format_args!("{parameters} parameters, {bytes} bytes"));
    facts.line("classes", spec.classes.len());
    facts.line("sha256", &files.sha256);
    let names = |specialist: &Specialist| {
        let (n, shown) = (specialist.classes().len(), specialist.classes().iter().take(N_CLASSES));
        let shown: Vec<String> = shown.map(|&class| short(&spec.classes[class as usize], N_NAME)).collect();
        let more = if n > shown.len() { format!(" and {} more", n - shown.len()) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    for (number, specialist) in system.specialists().iter().take(N_SPECIALISTS).enumerate() {
        facts.line(&format!("{number:>7}"), names(specialist));
    }
    let hidden = system.specialists().len().saturating_sub(N_SPECIALISTS);
    if hidden > 0 {
        facts.line("", format_args!("and {hidden} specialists more"));
    }
    facts.field("parameters", spec.parameters);
    facts.field("bytes", files.n_bytes);
    facts.field("sha256", &files.sha256);
    facts.field("classes", &spec.classes);
    facts.field("specialists", system.specialists().iter().map(Specialist::classes).collect::<Vec<_>>());
    Ok(facts)
}
