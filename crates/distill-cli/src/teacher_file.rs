use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::DataSpec;
use distill_models::{AnswerKind, Model, Provenance};
use distill_specialists::SystemFolder;
use distill_train::{Experiment, OnnxConfig, SoftTargets, TeacherClasses, check_fit, fit_classes, is_onnx};

use crate::answer_file;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model_file::{self, sha256};
use crate::onnx_file;

/// A teacher read from a file, with the size and the hash of the file.
pub(crate) struct LoadedTeacher {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) provenance: Provenance,
    pub(crate) n_bytes: usize,
    pub(crate) sha256: String,
    /// What its answers were taken for, where it is no model of this program.
    pub(crate) answers: Option<AnswerKind>,
}

/// Reads a model of any kind that can teach. The settings are those of an ONNX file.
pub(crate) fn load(path: &Path, onnx: Option<&OnnxConfig>) -> Result<LoadedTeacher, Diagnostic> {
    if is_onnx(path) {
        return onnx_file::load(path, onnx.unwrap_or(&OnnxConfig::default()));
    }
    if SystemFolder::is_one(path) {
        return system(path);
    }
    if answer_file::is_one(path) {
        return Err(Diagnostic::new(Code::ModelFile, "a table of answers can only teach")
            .at(path.display())
            .note("it has no answer to inputs that it was not asked about")
            .help("name it in `teacher.weights` of a recipe"));
    }
    let loaded = model_file::load(path)?;
    Ok(LoadedTeacher {
        model: Arc::new(loaded.model),
        provenance: loaded.provenance,
        n_bytes: loaded.n_bytes,
        sha256: loaded.sha256,
        answers: None,
    })
}

/// A generalist with its specialists. Its list of files has the hash of each, so the hash of the list is that of all.
fn system(path: &Path) -> Result<LoadedTeacher, Diagnostic> {
    let (system, files) = SystemFolder::new(path).load_with_files()?;
    Ok(LoadedTeacher {
        model: Arc::new(system),
        provenance: Provenance::new(),
        n_bytes: files.n_bytes,
        sha256: files.sha256,
        answers: None,
    })
}

impl LoadedTeacher {
    /// The same with the classes of the data, in their order.
    pub(crate) fn fitted(
        self,
        role: &'static str,
        path: &Path,
        data: &DataSpec,
        allowed: TeacherClasses,
    ) -> Result<Self, Diagnostic> {
        let found = self.model.spec().clone();
        let model = fit_classes(self.model, &data.classes, allowed).map_err(|mismatch| {
            let lacks_none = data.classes.iter().all(|class| found.classes.contains(class));
            let diagnostic = Diagnostic::from(mismatch).at(path.display());
            let diagnostic = diagnostic
                .note(format!("the model has {}", listed(&found.classes)))
                .note(format!("the data has {}", listed(&data.classes)));
            match (lacks_none, is_onnx(path)) {
                (true, _) => diagnostic.better_help("to use only the classes of the data, set `teacher.classes = \"subset\"`"),
                (false, true) => diagnostic.better_help(
                    "name the classes of the outputs in their order: `teacher.onnx.classes`, or `--onnx classes=names.txt`",
                ),
                (false, false) => diagnostic,
            }
        })?;
        check_fit(role, model.spec(), data).map_err(|error| {
            let diagnostic = Diagnostic::from(error).at(path.display());
            match is_onnx(path) && found.features() == data.features() {
                true => diagnostic.better_help(format!(
                    "set `teacher.onnx.input_shape = {0:?}`, or `--onnx 'input_shape={0:?}'`",
                    data.input_shape
                )),
                false => diagnostic,
            }
        })?;
        Ok(Self { model, ..self })
    }
}

/// The first names of a list.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let rest = names.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
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
            let loaded = match answer_file::is_one(&path) {
                true => answer_file::load(&path, experiment)?,
                false => load(&path, recipe.teacher.onnx.as_ref())?,
            };
            let loaded = loaded.fitted("teacher", &path, experiment.test_set().spec(), recipe.teacher.classes)?;
            members.push(GivenMember { loaded, path });
        }
        if recipe.teacher.probabilities.is_some() && !members.iter().any(|member| answer_file::is_one(&member.path)) {
            let what = "teacher.probabilities is set, but no teacher is a table of answers";
            return Err(Diagnostic::new(Code::Value, what)
                .at("teacher.probabilities")
                .help("leave it out; for ONNX files set `teacher.onnx.probabilities`"));
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

    /// What the answers of each file were taken for, of which that was to be found out.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&Path, &AnswerKind)> {
        self.members.iter().filter_map(|member| Some((member.path.as_path(), member.loaded.answers.as_ref()?)))
    }

    /// The files, for messages.
    pub(crate) fn place(&self) -> String {
        self.members.iter().map(|member| member.path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}
