use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::{DataSpec, Dataset};
use distill_models::{AnswerKind, Average, Described, Model, ModelSpec, Provenance, WithoutZeros, Zeros};
use distill_specialists::SystemFolder;
use distill_train::{
    Experiment, OnnxConfig, Recipe, SoftTargets, TeacherClasses, TeacherConfig, TrainConfig, check_fit, fit_classes,
    is_onnx,
};
use ndarray::Array2;

use crate::answer_file;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model_file::{self, sha256};
use crate::onnx_file;
use crate::progress::{sides, thousands};

/// A teacher read from a file, with the size and the hash of the file.
pub(crate) struct LoadedTeacher {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) provenance: Provenance,
    pub(crate) n_bytes: usize,
    pub(crate) sha256: String,
    /// What its answers were taken for, where it is no model of this program.
    pub(crate) answers: Option<AnswerKind>,
    /// Whether its outputs have names and were put into the order of the data.
    pub(crate) is_reordered: bool,
    /// What its file leaves open.
    pub(crate) unsaid: Unsaid,
    /// What it was therefore taken for, in sentences.
    pub(crate) assumed: Vec<String>,
}

/// What a file may leave open, so that the data says it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unsaid {
    /// The names of the classes.
    pub(crate) classes: bool,
    /// The shape of an example as the data has it.
    pub(crate) shape: bool,
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
        is_reordered: false,
        unsaid: Unsaid::default(),
        assumed: vec![],
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
        is_reordered: false,
        unsaid: Unsaid::default(),
        assumed: vec![],
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
        let this = self.described(data)?;
        let found = this.model.spec().clone();
        let model = fit_classes(this.model, &data.classes, allowed).map_err(|mismatch| {
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
        let is_reordered = found.classes != model.spec().classes;
        Ok(Self { model, is_reordered, ..this })
    }

    /// The same, where it answers with probabilities, with zeros as what its answers to some of the data suggest, or as what
    /// is said. The zeros of a table were seen when it was read.
    pub(crate) fn without_zeros(mut self, data: &dyn Dataset, said: Option<f32>) -> Result<Self, Diagnostic> {
        const SAMPLE: usize = 500;
        let Some(answers) = self.answers.as_mut().filter(|answers| answers.probabilities && answers.zeros.is_none())
        else {
            return Ok(self);
        };
        let n = data.len().min(SAMPLE);
        let indices: Vec<usize> = (0..n).map(|i| i * data.len() / n).collect();
        let mut inputs = Array2::zeros((n, data.spec().features()));
        data.read(&indices, inputs.view_mut())?;
        let logits = self.model.logits(inputs.view())?;
        let n_classes = self.model.spec().classes.len();
        let zeros = Zeros::of(logits.iter().map(|logit| logit.exp()), n_classes, said);
        answers.zeros = Some(zeros);
        self.model = Arc::new(WithoutZeros::new(self.model, zeros));
        Ok(self)
    }

    /// The same with what its file leaves open as the data has it, as far as that can be meant.
    fn described(mut self, data: &DataSpec) -> Result<Self, Diagnostic> {
        let spec = self.model.spec();
        let (mut shape, mut classes) = (spec.input_shape.clone(), spec.classes.clone());
        let is_same = without_ones(&shape) == without_ones(&data.input_shape);
        if self.unsaid.shape && shape != data.input_shape && (is_same || shape == [data.features()]) {
            if !is_same {
                let n = shape[0];
                self.assumed.push(format!("its rows of {n} numbers are inputs of {}", sides(&data.input_shape)));
            }
            shape.clone_from(&data.input_shape);
        }
        if self.unsaid.classes && classes.len() == data.classes.len() {
            let names = listed(&data.classes);
            self.assumed
                .push(format!("it names no classes, so its outputs are those of the data in their order: {names}"));
            classes.clone_from(&data.classes);
        }
        if !self.assumed.is_empty() || shape != spec.input_shape {
            self.model = Arc::new(Described::new(self.model, shape, classes)?);
        }
        Ok(self)
    }
}

/// A model in a few words. A table of answers has no parameters.
pub(crate) fn in_words(spec: &ModelSpec) -> String {
    match spec.parameters {
        0 => spec.architecture.clone(),
        n => format!("{}, {} parameters", spec.architecture, thousands(n as u64)),
    }
}

/// The sides that matter: one channel is none.
pub(crate) fn without_ones(sides: &[usize]) -> Vec<usize> {
    sides.iter().copied().filter(|&side| side != 1).collect()
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
    /// Of the file, or of all files. What these say depends on [`answer_settings`] too.
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
            let loaded = loaded.without_zeros(experiment.transfer_set(), recipe.teacher.min_probability_f32())?;
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

/// What a teacher's answers depend on besides its weights and the data, as text that differs where they may.
///
/// A setting of the teacher is in it unless it is taken out here, so that one that is added later is in it too.
pub(crate) fn answer_settings(recipe: &Recipe) -> String {
    let mut teacher = TeacherConfig {
        weights: None,
        seeds: vec![],
        min_accuracy: None,
        model: None,
        train: TrainConfig::default(),
        ..recipe.teacher.clone()
    };
    // One teacher is no average, and that of the logits is the same at every temperature.
    let mut temperature = None;
    if !recipe.teacher.is_ensemble() {
        (teacher.average, teacher.shares) = (Average::default(), vec![]);
    } else if teacher.average == Average::Arithmetic {
        temperature = Some(recipe.kd.temperature);
    }
    format!("{teacher:?} {temperature:?}")
}

#[cfg(test)]
mod tests {
    use distill_train::{ClassNames, ImageLayout, Paths};

    use super::*;

    /// A recipe with teachers from these files.
    fn recipe(files: &[&str]) -> Recipe {
        let text = r#"{"name":"t","data":{"source":"d"},"teacher":{},"student":{"model":{"hidden":[3]}}}"#;
        let mut recipe: Recipe = serde_json::from_str(text).unwrap();
        recipe.teacher.weights = Some(Paths::Several(files.iter().map(ToString::to_string).collect()));
        recipe
    }

    fn with(recipe: &Recipe, change: impl Fn(&mut Recipe)) -> String {
        let mut recipe = recipe.clone();
        change(&mut recipe);
        answer_settings(&recipe)
    }

    #[test]
    fn answers_depend_on_how_several_become_one() {
        let (one, two) = (recipe(&["a"]), recipe(&["a", "b"]));
        let geometric = |recipe: &mut Recipe| recipe.teacher.average = Average::Geometric;
        let shares = |recipe: &mut Recipe| recipe.teacher.shares = vec![1.0, 100.0];
        let hot = |recipe: &mut Recipe| recipe.kd.temperature = 20.0;
        for change in [&geometric as &dyn Fn(&mut Recipe), &shares, &hot] {
            assert_ne!(with(&two, change), answer_settings(&two));
            assert_eq!(with(&one, change), answer_settings(&one), "one teacher is no average");
        }
        let both = |recipe: &mut Recipe| {
            geometric(recipe);
            hot(recipe);
        };
        assert_eq!(with(&two, both), with(&two, geometric), "an average of logits knows no temperature");
        // Nothing of the student's, nor how good a teacher must be.
        let rest = |recipe: &mut Recipe| {
            recipe.kd.alpha = 0.1;
            recipe.teacher.min_accuracy = Some(0.5);
        };
        assert_eq!(with(&two, rest), answer_settings(&two));
    }

    #[test]
    fn answers_depend_on_every_setting_of_an_onnx_file() {
        // A setting that is added must be named here, and below.
        let OnnxConfig {
            input: _,
            output: _,
            probabilities: _,
            layout: _,
            input_shape: _,
            classes: _,
            scale: _,
            shift: _,
            library: _,
        } = OnnxConfig::default();
        let text = || Some("x".to_owned());
        let none = OnnxConfig::default();
        let settings = [
            none.clone(),
            OnnxConfig { input: text(), ..none.clone() },
            OnnxConfig { output: text(), ..none.clone() },
            OnnxConfig { probabilities: Some(true), ..none.clone() },
            OnnxConfig { layout: ImageLayout::Nhwc, ..none.clone() },
            OnnxConfig { input_shape: Some(vec![2]), ..none.clone() },
            OnnxConfig { classes: Some(ClassNames::List(vec!["a".into(), "b".into()])), ..none.clone() },
            OnnxConfig { classes: Some(ClassNames::List(vec!["b".into(), "a".into()])), ..none.clone() },
            OnnxConfig { scale: 1.0 + f64::EPSILON, ..none.clone() },
            OnnxConfig { shift: f64::MIN_POSITIVE, ..none.clone() },
            OnnxConfig { library: text(), ..none },
        ];
        let recipe = recipe(&["a.onnx"]);
        let found = settings.map(|onnx| with(&recipe, |recipe| recipe.teacher.onnx = Some(onnx.clone())));
        let different: std::collections::HashSet<&String> = found.iter().collect();
        assert_eq!(different.len(), found.len(), "{found:#?}");
        assert_ne!(with(&recipe, |recipe| recipe.teacher.classes = TeacherClasses::Subset), answer_settings(&recipe));
    }
}
