mod ours;
mod system;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_models::{AnswerKind, Average, Model};
use distill_onnx::OnnxEngine;
use distill_train::{Experiment, OnnxConfig, Recipe, SoftTargets, TeacherConfig, TrainConfig, Weighting};

use crate::answer_file::AnswerTables;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::loaded_teacher::{LoadedTeacher, TeacherFormat};
use crate::model_file::sha256;
use crate::onnx_file::Onnx;
use ours::Ours;
use system::System;

/// The kinds of files and folders that a teacher can come from. The first that recognises a path reads it.
pub static FORMATS: [&dyn TeacherFormat; 4] = [&Onnx, &System, &AnswerTables, &Ours];

/// The kind of a file. What no other kind is counts as a file of this program, whose errors say what else it is.
pub fn format_of(path: &Path) -> &'static dyn TeacherFormat {
    FORMATS.into_iter().find(|format| format.recognises(path)).unwrap_or(&Ours)
}

/// Reads a model of any kind that can teach. The settings are those of an ONNX file.
///
/// # Errors
/// If it cannot be read, is damaged, or is a table of answers, which cannot answer other inputs.
pub fn load(path: &Path, onnx: Option<&OnnxConfig>) -> Result<LoadedTeacher, Diagnostic> {
    format_of(path).open(path, onnx.unwrap_or(&OnnxConfig::default()))
}

/// A teacher from files, for all seeds or for one. Several files form an ensemble.
pub struct PretrainedTeacher {
    /// The seed whose student it teaches; `None`: it teaches all.
    pub seed: Option<u64>,
    /// Its members: at least one, several in an ensemble.
    pub members: Vec<TeacherMember>,
    /// What the students learn from.
    pub model: Arc<dyn Model>,
    /// Of the file, or of all files. What these say depends on [`answer_settings`] too.
    pub sha256: String,
    /// Its stored answers for the transfer set.
    pub targets: Option<SoftTargets>,
}

/// A member of a teacher from files.
pub struct TeacherMember {
    /// The model, with the classes of the data.
    pub loaded: LoadedTeacher,
    /// As the recipe names it.
    pub path: PathBuf,
}

impl PretrainedTeacher {
    /// Reads the teachers that a recipe names, each of which must fit its data: none where it trains them, one for each seed
    /// where it names them so, else those that teach all seeds.
    ///
    /// # Errors
    /// If one cannot be read, or does not fit the data.
    pub fn load(experiment: &Experiment<'_>) -> Result<Vec<Self>, Diagnostic> {
        let recipe = experiment.recipe();
        let n = if recipe.teacher.is_of_seeds() { recipe.seeds.len() } else { 1 };
        let of_seeds = recipe.seeds.iter().take(n).map(|&seed| Self::load_for(experiment, seed));
        of_seeds.filter_map(Result::transpose).collect()
    }

    /// Reads those that teach the students of a seed. `None` where the recipe trains them.
    ///
    /// # Errors
    /// As [`PretrainedTeacher::load`].
    pub fn load_for(experiment: &Experiment<'_>, seed: u64) -> Result<Option<Self>, Diagnostic> {
        let recipe = experiment.recipe();
        let mut members: Vec<TeacherMember> = vec![];
        for path in recipe.teacher.files_for(seed) {
            let path = PathBuf::from(path);
            let loaded = format_of(&path).open_for(&path, experiment)?;
            let loaded = loaded.for_columns(experiment.all().train.columns());
            let loaded = loaded.fitted("teacher", &path, experiment.test_set().spec(), recipe.teacher.classes)?;
            let loaded = loaded.without_zeros(experiment.transfer_set(), recipe.teacher.min_probability_f32())?;
            members.push(TeacherMember { loaded, path });
        }
        if recipe.teacher.probabilities.is_some() && !members.iter().any(|member| member.loaded.format.is_table()) {
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
        let seed = recipe.teacher.is_of_seeds().then_some(seed);
        Ok(Some(Self { seed, members, model, sha256, targets: None }))
    }

    /// What all of these are known by; `None` where there are none.
    pub fn sha256_of(all: &[Self]) -> Option<String> {
        match all {
            [] => None,
            [one] if one.seed.is_none() => Some(one.sha256.clone()),
            several => {
                let pairs =
                    several.iter().map(|teacher| format!("{} {}", teacher.seed.unwrap_or_default(), teacher.sha256));
                Some(sha256(pairs.collect::<Vec<_>>().join(" ").as_bytes()))
            }
        }
    }

    /// What the answers of each file were taken for, of which that was to be found out.
    pub fn answers(&self) -> impl Iterator<Item = (&Path, &AnswerKind)> {
        self.members.iter().filter_map(|member| Some((member.path.as_path(), member.loaded.answers.as_ref()?)))
    }

    /// What computes each ONNX file.
    pub fn engines(&self) -> impl Iterator<Item = (&Path, &OnnxEngine)> {
        self.members.iter().filter_map(|member| Some((member.path.as_path(), member.loaded.engine.as_ref()?)))
    }

    /// The files, for messages.
    pub fn place(&self) -> String {
        self.members.iter().map(|member| member.path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// What a teacher's answers depend on besides its weights and the data, as text that differs where they may.
///
/// A setting of the teacher is in it unless it is taken out here, so that one that is added later is in it too.
pub fn answer_settings(recipe: &Recipe) -> String {
    let mut teacher = TeacherConfig {
        weights: None,
        seeds: vec![],
        min_accuracy: None,
        model: None,
        train: TrainConfig::default(),
        ..recipe.teacher.clone()
    };
    // One teacher is not an ensemble, and the average of the logits is the same at every temperature.
    let mut temperature = None;
    if !recipe.teacher.is_ensemble() {
        (teacher.average, teacher.shares) = (Average::default(), vec![]);
        teacher.weighting = Weighting::default();
    } else if teacher.average == Average::Arithmetic {
        temperature = Some(recipe.kd.temperature);
    }
    format!("{teacher:?} {temperature:?}")
}

#[cfg(test)]
mod tests {
    use distill_train::{ClassNames, ImageLayout, Paths, TeacherClasses};

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
            numbers: _,
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
            OnnxConfig { numbers: Some(true), ..none.clone() },
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
