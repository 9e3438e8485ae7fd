use std::path::{Path, PathBuf};

use distill_train::{Experiment, Recipe, Role, is_onnx};

use crate::folder::{Kind, weights_name};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;
use distill_recipe::locate;
use distill_recipe::model_file::{self, LoadedModel, sha256};
use distill_recipe::network_file;

/// The key of a recipe that names the weights.
const KEY: &str = "student.weights";

/// Reads what the students of a recipe begin with, and returns a hash of it; `None` where they begin with random weights.
///
/// # Errors
/// If a file cannot be read or its network is not the student's, with the place of `student.weights`.
pub fn begin(
    file: &RecipeFile,
    recipe: &Recipe,
    experiment: &mut Experiment<'_>,
    roles: &[Role],
) -> Result<Option<String>, Diagnostic> {
    let Some(path) = &recipe.student.weights else { return Ok(None) };
    let path = PathBuf::from(path);
    let is_run = path.join(Kind::Run.status_file()).is_file();
    let classes = experiment.train_set().spec().classes.clone();
    let one = if is_run { None } else { Some(load(file, &path, &classes)?) };
    let mut hashes = vec![];
    for &seed in &recipe.seeds {
        for &role in roles.iter().filter(|role| role.is_student()) {
            let of_run;
            let loaded = match &one {
                Some(one) => one,
                None => {
                    of_run = of(file, &path, role, seed, &classes)?;
                    &of_run
                }
            };
            experiment.begin_with(role, seed, &loaded.model).map_err(|error| locate(file, recipe, error))?;
            hashes.push(loaded.sha256.clone());
        }
    }
    Ok(Some(sha256(hashes.join(" ").as_bytes())))
}

fn load(file: &RecipeFile, path: &Path, classes: &[String]) -> Result<LoadedModel, Diagnostic> {
    if is_onnx(path) {
        return network_file::load_with_weights(path, classes).map_err(|error| file.locate(error, KEY));
    }
    model_file::load(path).map_err(|error| {
        let help = "name a safetensors file that this program wrote, an ONNX file, or a run, such as `runs/mnist-001`";
        file.locate(error.better_help(help), KEY)
    })
}

/// The model of a run with this role and seed.
fn of(file: &RecipeFile, run: &Path, role: Role, seed: u64, classes: &[String]) -> Result<LoadedModel, Diagnostic> {
    let path = run.join(weights_name(role, seed));
    if !path.is_file() {
        let what = format!("the run has no {} of seed {seed} to begin with", role.name());
        let help = format!("name a file in place of the run, or set `seeds` to those of {}", run.display());
        let missing = Diagnostic::new(Code::ModelFile, what).note(format!("there is no {}", path.display()));
        return Err(file.locate(missing, KEY).help(help));
    }
    load(file, &path, classes)
}
