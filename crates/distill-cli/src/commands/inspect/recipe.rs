use std::path::Path;

use distill_models::ModelConfig;
use distill_train::{KdMethod, Recipe};

use distill_recipe::Diagnostic;
use distill_recipe::model_file::sha256;
use distill_recipe::recipe_file;
use distill_recipe::renamed::recipe_json;

use super::facts::Facts;
use super::read_text;

/// A recipe is written by hand; a larger file is something else.
const MAX_BYTES: u64 = 1 << 20;

/// Whether a file is a recipe, or was meant to be one.
pub(super) fn is_recipe(path: &Path, n_bytes: u64) -> bool {
    if n_bytes == 0 || n_bytes > MAX_BYTES {
        return false;
    }
    let Ok(Some(text)) = read_text(path, MAX_BYTES) else { return false };
    match toml::de::DeTable::parse(&text) {
        Ok(table) => table.get_ref().contains_key("student"),
        // Its name has to say it where the contents cannot.
        Err(_) => path.extension().is_some_and(|extension| extension == "toml"),
    }
}

/// A recipe, checked as before a run.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let (file, recipe) = recipe_file::load(path, &[])?;
    let sha256 = sha256(file.text().as_bytes());
    let mut facts = Facts::new("recipe", format_args!("a recipe, version {}", recipe.version));
    facts.line("sha256", &sha256);
    facts.line("name", &recipe.name);
    facts.line("data", &recipe.data.source);
    facts.line("teacher", teacher(&recipe));
    facts.line("student", network(&recipe.student.model));
    facts.line("learning", learning(&recipe));
    facts.list("seeds", recipe.seeds.iter().map(ToString::to_string));
    facts.field("sha256", sha256);
    facts.field("recipe", recipe_json(&recipe));
    Ok(facts)
}

fn teacher(recipe: &Recipe) -> String {
    match (recipe.teacher.files().as_slice(), &recipe.teacher.model) {
        ([], Some(model)) => {
            let n = recipe.teacher.member_seeds().len();
            let together = match recipe.teacher.folds {
                0 if n > 1 => format!(", {n} together"),
                0 => String::new(),
                folds => format!(", {folds} folds"),
            };
            format!("{}, {} epochs{together}", network(model), recipe.teacher.train.epochs)
        }
        ([], None) => "none".to_owned(),
        (files, _) => format!("from {}", files.join(", ")),
    }
}

fn network(config: &ModelConfig) -> String {
    let Some(mlp) = config.as_mlp() else { return format!("a network of kind {}", config.kind().name()) };
    match &mlp.hidden[..] {
        [] => "no hidden layer".to_owned(),
        [width] => format!("{width} hidden units"),
        widths => format!("{} hidden units", widths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")),
    }
}

fn learning(recipe: &Recipe) -> String {
    let kd = &recipe.kd;
    let method = match recipe.method() {
        KdMethod::Kd => format!("kd at temperature {}", kd.temperature),
        KdMethod::SoftCrossEntropy => format!("soft cross entropy at temperature {}", kd.temperature),
        method @ (KdMethod::LogitMatching | KdMethod::SquaredError | KdMethod::TeacherBounded) => {
            method.words().to_owned()
        }
    };
    let features: String = kd.features.iter().map(|feature| format!(", {}", feature.describe())).collect();
    let alone = if recipe.baseline.enabled { ", and alone" } else { "" };
    format!("{method}, alpha {}{features}, {} epochs{alone}", kd.alpha, recipe.train.epochs)
}
