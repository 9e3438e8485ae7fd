use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_models::{Model, Provenance};
use distill_train::{Experiment, SoftTargets, check_fit};

use crate::diagnostic::Diagnostic;
use crate::model_file::{self, sha256};

/// A teacher read from a file, with the size and the hash of the file.
pub(crate) struct LoadedTeacher {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) provenance: Provenance,
    pub(crate) n_bytes: usize,
    pub(crate) sha256: String,
}

/// Reads a model of any kind that can teach.
pub(crate) fn load(path: &Path) -> Result<LoadedTeacher, Diagnostic> {
    let loaded = model_file::load(path)?;
    Ok(LoadedTeacher {
        model: Arc::new(loaded.model),
        provenance: loaded.provenance,
        n_bytes: loaded.n_bytes,
        sha256: loaded.sha256,
    })
}

/// Teachers that were made before a run.
pub(crate) struct Given {
    /// At least one; several teach together.
    pub(crate) members: Vec<GivenMember>,
    /// What the students learn from.
    pub(crate) model: Arc<dyn Model>,
    /// Of the file, or of all files.
    pub(crate) sha256: String,
    /// Its stored answers for the transfer set.
    pub(crate) targets: Option<SoftTargets>,
}

/// One of them, with its file.
pub(crate) struct GivenMember {
    pub(crate) loaded: LoadedTeacher,
    pub(crate) path: PathBuf,
}

impl Given {
    /// Reads the teachers that a recipe names, each of which must fit its data. `None` where it trains them.
    pub(crate) fn load(experiment: &Experiment<'_>) -> Result<Option<Self>, Diagnostic> {
        let recipe = experiment.recipe();
        let mut members: Vec<GivenMember> = vec![];
        for path in recipe.teacher.files() {
            let path = PathBuf::from(path);
            let loaded = load(&path)?;
            check_fit("teacher", loaded.model.spec(), experiment.test_set().spec())
                .map_err(|error| Diagnostic::from(error).at(path.display()))?;
            members.push(GivenMember { loaded, path });
        }
        let (model, sha256) = match members.as_slice() {
            [] => return Ok(None),
            [one] => (one.loaded.model.clone(), one.loaded.sha256.clone()),
            several => {
                let models = several.iter().map(|member| member.loaded.model.clone()).collect();
                let hashes: Vec<&str> = several.iter().map(|member| member.loaded.sha256.as_str()).collect();
                (experiment.together(models, recipe.kd.temperature)?, sha256(hashes.join(" ").as_bytes()))
            }
        };
        Ok(Some(Self { members, model, sha256, targets: None }))
    }

    /// The files, for messages.
    pub(crate) fn place(&self) -> String {
        self.members.iter().map(|member| member.path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}
