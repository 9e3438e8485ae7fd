use std::path::{Path, PathBuf};

use distill_models::ModelConfig;
use distill_train::{
    BaselineConfig, CheckpointConfig, KdConfig, Recipe, Role, SelectConfig, StudentConfig, TrainConfig,
};

use crate::folder::metrics;
use crate::folder::{ModelResult, RunResult};
use crate::folder::{RunDir, weights_name};
use crate::folder::{RunStatus, Status};
use distill_recipe::Diagnostic;
use distill_recipe::model_file;
use distill_recipe::words::shell;
use distill_recipe::{Code, recipe_text};

/// A finished run with whose models a new one begins.
pub(crate) struct Former {
    pub(crate) path: PathBuf,
    status: RunStatus,
    result: RunResult,
    recipe: Recipe,
}

impl Former {
    /// Reads a run that is complete.
    pub(crate) fn read(path: PathBuf, recipe: Recipe) -> Result<Self, Diagnostic> {
        let status = RunStatus::read(&path)?;
        match RunResult::read(&path)? {
            Some(result) if status.status == Status::Completed => Ok(Self { path, status, result, recipe }),
            _ => {
                let resume = shell(["distill", "run", "--resume", &*path.to_string_lossy()]);
                Err(Diagnostic::new(Code::RunFile, format!("the run is {}, not completed", status.status.name()))
                    .at(path.display())
                    .note("a new run begins with the models of a finished one")
                    .help(format!("finish it first: `{resume}`")))
            }
        }
    }

    /// The models that it trained.
    pub(crate) fn roles(&self) -> Vec<Role> {
        self.status.roles()
    }

    /// The teachers that a new run of this recipe can take over, on data with this hash: none where they come from files.
    ///
    /// # Errors
    /// If the recipe or the data asks for others.
    pub(crate) fn teachers(&self, recipe: &Recipe, data_sha256: &str) -> Result<Vec<(Role, u64)>, Diagnostic> {
        if recipe.teacher.weights.is_some() {
            return Ok(vec![]);
        }
        if self.status.measured_on.is_some() || self.status.data_sha256 != data_sha256 {
            return Err(self.refuse("the data is not what its teachers were trained and tested on"));
        }
        if recipe_text(&teacher_part(&self.recipe))? != recipe_text(&teacher_part(recipe))? {
            return Err(self.refuse("the settings ask for another teacher than that of the run"));
        }
        let (is_ensemble, first) = (recipe.teacher.is_ensemble(), recipe.seeds.first().copied());
        let is_needed = |model: &&ModelResult| match model.role.as_str() {
            "member" => recipe.teacher.member_seeds().contains(&model.seed),
            "teacher" if is_ensemble => first == Some(model.seed),
            "teacher" => recipe.seeds.contains(&model.seed),
            _ => false,
        };
        let found = self.result.models.iter().filter(is_needed);
        Ok(found.map(|model| (if model.role == "member" { Role::Member } else { Role::Teacher }, model.seed)).collect())
    }

    fn refuse(&self, what: &str) -> Diagnostic {
        Diagnostic::new(Code::RecipeChanged, what)
            .at(self.path.display())
            .note("a run that starts from another must have the same teachers")
            .help("leave the settings of data and teacher as they were, or start a run of the recipe")
    }

    /// Puts models of it into a new run, as if that had trained them.
    pub(crate) fn take_over(
        &self,
        dir: &RunDir,
        models: &[(Role, u64)],
        into: &mut RunResult,
    ) -> Result<(), Diagnostic> {
        let lost = |path: &Path, error: std::io::Error| {
            Diagnostic::new(Code::RunFile, "a file of the run cannot be read")
                .at(path.display())
                .note(error.to_string())
                .help("put it back, or start a run of the recipe")
        };
        for &(role, seed) in models {
            let Some(model) = self.result.find(role, seed) else { continue };
            let mut model = model.clone();
            let name = weights_name(role, seed);
            // What several say together has no file.
            if self.path.join(&name).is_file() {
                let loaded = model_file::load(&self.path.join(&name))?;
                if loaded.sha256 != model.weights_sha256 {
                    return Err(Diagnostic::new(
                        Code::RunFile,
                        "the weights of a model are not those that were recorded",
                    )
                    .at(self.path.join(&name).display())
                    .help("put the file back, or start a run of the recipe"));
                }
                let bytes =
                    std::fs::read(self.path.join(&name)).map_err(|error| lost(&self.path.join(&name), error))?;
                let path = dir.write(&name, &bytes)?;
                model.weights = std::path::absolute(&path).unwrap_or(path).display().to_string();
            }
            let tables = format!("eval/{}-seed{seed}", role.name());
            let entries =
                std::fs::read_dir(self.path.join(&tables)).map_err(|error| lost(&self.path.join(&tables), error))?;
            for entry in entries.flatten() {
                let bytes = std::fs::read(entry.path()).map_err(|error| lost(&entry.path(), error))?;
                dir.write(&format!("{tables}/{}", entry.file_name().display()), &bytes)?;
            }
            into.put(model);
        }
        let is_taken = |row: &&metrics::Row| {
            models.iter().any(|(role, seed)| role.name() == row.model.role && *seed == row.model.seed)
        };
        let rows = metrics::read(&self.path);
        let lines = rows.iter().filter(is_taken).filter_map(|row| serde_json::to_string(row).ok());
        let lines: String = lines.map(|line| line + "\n").collect();
        dir.write("metrics.jsonl", lines.as_bytes()).map(|_| ())
    }
}

/// What of a recipe its teachers depend on, besides the data: which of them teach, and how each is trained.
fn teacher_part(recipe: &Recipe) -> Recipe {
    let mut part = Recipe {
        name: String::new(),
        seeds: vec![],
        student: StudentConfig { weights: None, model: ModelConfig::default() },
        kd: KdConfig::default(),
        train: TrainConfig::default(),
        baseline: BaselineConfig::default(),
        checkpoint: CheckpointConfig::default(),
        ..recipe.clone()
    };
    part.data.source = String::new();
    part.data.transfer = SelectConfig::default();
    part.data.labelled = 1.0;
    part.data.mixtures = 0;
    part.data.munge = Default::default();
    part.data.unlabelled = None;
    part.teacher.min_accuracy = None;
    part
}
