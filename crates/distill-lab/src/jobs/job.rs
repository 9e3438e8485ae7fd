use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use distill_models::{Average, ModelConfig};
use distill_specialists::ClusterConfig;
use distill_train::{DataConfig, Keep, Recipe, Role, TrainConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::data::DataKey;
use distill_recipe::Diagnostic;
use distill_recipe::model_file::sha256;
use distill_recipe::recipe_file::{self, Override, RecipeFile};

/// A recipe of a study, with what the command line and the row put over it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The recipe as text, for the places of errors.
    pub file: RecipeFile,
    /// What it says.
    pub recipe: Recipe,
}

impl Setup {
    /// Reads a recipe that the program carries.
    ///
    /// # Errors
    /// Those of [`recipe_file::from_bytes`].
    pub fn new(path: &str, text: &str, overrides: &[String]) -> Result<Arc<Self>, Diagnostic> {
        let (file, recipe) = recipe_file::from_bytes(Path::new(path), text.as_bytes().to_vec(), overrides)?;
        Ok(Arc::new(Self { file, recipe }))
    }

    /// The same with further settings, each `KEY=VALUE`.
    ///
    /// # Errors
    /// Those of [`recipe_file::from_bytes`].
    pub fn with(&self, settings: &[String]) -> Result<Arc<Self>, Diagnostic> {
        let parse = |setting: &String| Override::parse_from(setting, setting);
        let settings = settings.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let (file, recipe) = self.file.with(&settings)?;
        Ok(Arc::new(Self { file, recipe }))
    }

    /// Trains the teacher of the recipe.
    pub fn teacher(self: &Arc<Self>, seed: u64) -> Job {
        Job { setup: self.clone(), role: Role::Teacher, seed, teachers: None }
    }

    /// Trains the student on labels alone.
    pub fn alone(self: &Arc<Self>, seed: u64) -> Job {
        Job { setup: self.clone(), role: Role::Baseline, seed, teachers: None }
    }

    /// Trains the student on what the teacher of the recipe with this seed says.
    pub fn distilled(self: &Arc<Self>, seed: u64) -> Job {
        self.distilled_from(seed, Teachers::one(self.teacher(seed)))
    }

    /// Trains the student on what these teachers say together.
    pub fn distilled_from(self: &Arc<Self>, seed: u64, teachers: Teachers) -> Job {
        Job { setup: self.clone(), role: Role::Student, seed, teachers: Some(teachers) }
    }
}

/// A model to train: what it is called, and all that its weights depend on.
#[derive(Debug, Clone)]
pub struct Job {
    /// The recipe that it is trained by.
    pub setup: Arc<Setup>,
    /// Which of the recipe's models it is: that decides network, training and teacher.
    pub role: Role,
    /// Of its first weights and the order of its batches.
    pub seed: u64,
    /// Whom a student learns from.
    pub teachers: Option<Teachers>,
}

/// One teacher, or several that speak as one.
#[derive(Debug, Clone)]
pub struct Teachers {
    /// The models; they are trained before the student is.
    pub jobs: Vec<Job>,
    /// How several answers become one.
    pub average: Average,
    /// Networks for some of the classes each, around the only one of the jobs.
    pub specialists: Option<Specialists>,
    /// What teachers that come from files are known by, in place of the jobs.
    pub given: Option<String>,
}

/// What specialists of a generalist are made of.
#[derive(Debug, Clone)]
pub struct Specialists {
    /// How they are trained, and what weight the generalist has in it.
    pub setup: Arc<Setup>,
    /// Which classes belong together, and in how many clusters.
    pub clusters: ClusterConfig,
    /// How many of the generalist's most probable classes choose who is asked.
    pub top: usize,
}

impl Specialists {
    /// What their weights depend on besides the generalist, and the data that it learned from.
    pub(super) fn parts(&self, generalist: &Job, data: &DataKey) -> Value {
        let ClusterConfig { clusters, size, passes, seed } = self.clusters;
        let recipe = &self.setup.recipe;
        let clusters = [json!(clusters), json!(size), json!(passes), json!(seed)];
        let mut parts = vec![json!(recipe.train), json!(recipe.kd.alpha), json!(clusters), json!(self.top)];
        // The answers to it say which classes belong together.
        parts.extend(data.validation.as_ref().map(|hash| json!({ "validation": hash })));
        let DataConfig { validation, select, .. } = &generalist.setup.recipe.data;
        if *validation > 0 || *select != Default::default() {
            // Those from before learned from all examples, those that their generalist was not to see among them.
            parts.push(json!("the part of the generalist"));
        }
        json!(parts)
    }
}

/// What a student with a teacher learns from beside labelled examples, where it is set: what was added to recipes later
/// stands in no key of models from before.
pub(super) fn without_labels(data: &DataConfig, key: &DataKey) -> impl Iterator<Item = (&'static str, Value)> {
    // What is in a file, wherever it lies.
    let file = data.unlabelled.as_ref().map(|_| ("unlabelled", json!(key.unlabelled)));
    let snippets = Some(data.unlabelled_snippets()).filter(|&n| n > 0).map(|n| ("unlabelled_snippets", json!(n)));
    let mixtures = Some(data.mixtures).filter(|&n| n > 0).map(|n| ("mixup", json!({ "copies": n })));
    let munge = Some(data.munge).filter(|munge| !munge.is_off()).map(|munge| ("munge", json!(munge)));
    file.into_iter().chain(snippets).chain(mixtures).chain(munge)
}

impl Job {
    /// What is built, and how it is trained.
    fn configs(&self) -> (Option<&ModelConfig>, &TrainConfig) {
        let recipe = &self.setup.recipe;
        match self.role {
            Role::Teacher | Role::Member => (recipe.teacher.model.as_ref(), &recipe.teacher.train),
            Role::Baseline | Role::Student => (Some(&recipe.student.model), &recipe.train),
        }
    }

    /// What the weights depend on and nothing else: rows that need the same model find it by this.
    pub(crate) fn key(&self, data: &DataKey) -> String {
        let recipe = &self.setup.recipe;
        let (model, train) = self.configs();
        let transfer = (self.role != Role::Teacher).then_some(&recipe.data.transfer);
        // A selection of everything counts as no selection.
        let transfer = transfer.filter(|transfer| **transfer != Default::default());
        let mut train = train.clone();
        train.precision = train.precision.settled();
        let mut kd = (self.role == Role::Student).then(|| recipe.kd.clone());
        if let Some(kd) = &mut kd {
            // When a teacher is asked changes no bit.
            kd.targets = Default::default();
        }
        let mut parts = json!({
            "version": 1,
            "data_sha256": data.sha256,
            "validation": recipe.data.validation,
            "select": recipe.data.select,
            "transfer": transfer,
            "memory": recipe.data.memory,
            "model": model,
            "train": train,
            "kd": kd,
            "teachers": self.teachers.as_ref().map(|teachers| teachers.key(recipe, data)),
            "seed": self.role.draws_from(self.seed),
        });
        // What was added later stands here only where it is set, so that models from before are found.
        if let Some(how) = recipe.data.standardize.filter(|how| how.is_on()) {
            parts["standardize"] = json!(how);
        }
        if let (Keep::Best, Some(hash)) = (train.keep, &data.validation) {
            parts["validation_sha256"] = json!(hash);
        }
        if self.role.is_student() && recipe.data.hides_labels() {
            parts["labelled"] = json!(recipe.data.labelled);
        }
        if self.role == Role::Student {
            for (name, value) in without_labels(&recipe.data, data) {
                parts[name] = value;
            }
        }
        sha256(parts.to_string().as_bytes())
    }

    /// What it is called while it is trained.
    pub(crate) fn label(&self, input_shape: &[usize], n_classes: usize) -> String {
        let recipe = &self.setup.recipe;
        let name = |config: &ModelConfig| config.architecture(input_shape, n_classes);
        let mut label = self.configs().0.map_or("teacher".to_owned(), name);
        if let Some(teachers) = &self.teachers {
            let _ = write!(label, " distilled");
            match &teachers.specialists {
                Some(specialists) => _ = write!(label, " from {} specialists", specialists.clusters.clusters),
                None if teachers.jobs.len() > 1 => _ = write!(label, " from {} models", teachers.jobs.len()),
                None => {}
            }
            let _ = write!(label, ", {}", recipe.method().in_short(recipe.kd.temperature));
        }
        let _ = write!(label, ", seed {}", self.seed);
        label
    }

    /// How much work it is, to compare it with others.
    pub(crate) fn work(&self, input_shape: &[usize], n_classes: usize, n_examples: usize) -> u64 {
        let (model, train) = self.configs();
        let macs = model.and_then(|model| model.graph(input_shape, n_classes).ok()).map_or(1, |graph| graph.macs());
        macs.saturating_mul(u64::from(train.epochs)).saturating_mul(n_examples as u64)
    }
}

impl Teachers {
    /// A teacher that speaks alone.
    pub fn one(job: Job) -> Self {
        Self::several(vec![job], Average::Geometric)
    }

    /// Teachers whose answers are averaged.
    pub fn several(jobs: Vec<Job>, average: Average) -> Self {
        Self { jobs, average, specialists: None, given: None }
    }

    /// What their answers depend on. The arithmetic average is another one for each temperature.
    pub(crate) fn key(&self, recipe: &Recipe, data: &DataKey) -> String {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let keys: Vec<String> = self.jobs.iter().map(|job| job.key(data)).collect();
        let temperature = (self.jobs.len() > 1 && self.average == Average::Arithmetic).then_some(recipe.kd.temperature);
        let average = (self.jobs.len() > 1).then(|| self.average.name());
        let mut parts = vec![json!(keys), json!(average), json!(temperature)];
        // What has no specialists has the key that it always had.
        let specialists = self.specialists.iter().zip(self.jobs.first());
        parts.extend(specialists.map(|(specialists, generalist)| specialists.parts(generalist, data)));
        sha256(json!(parts).to_string().as_bytes())
    }
}

/// How some of the models were trained.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Training {
    /// `teacher`, `on labels` or `taught`.
    pub role: String,
    /// Epochs at most: training may end before.
    pub epochs: u32,
    /// Views of each input that it may see: shifts, also of its mirror image. 0 where there are too many to count.
    pub views: u64,
}

impl Training {
    pub(crate) fn of(job: &Job) -> Self {
        let recipe = &job.setup.recipe;
        let (role, train) = match job.role {
            Role::Teacher | Role::Member => ("teacher", &recipe.teacher.train),
            Role::Baseline => ("on labels", &recipe.train),
            Role::Student => ("taught", &recipe.train),
        };
        Self { role: role.to_owned(), epochs: train.epochs, views: train.augment.n_views().unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[data]\nsource = 'mnist'\n[teacher]\nmodel = { hidden = [20] }\n[student]\nmodel = { hidden = [4] }\n";

    fn setup(settings: &[&str]) -> Arc<Setup> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        Setup::new("t.toml", TEXT, &settings).unwrap()
    }

    fn data(sha256: &str) -> DataKey {
        DataKey { sha256: sha256.to_owned(), unlabelled: Some("u".to_owned()), ..DataKey::default() }
    }

    #[test]
    fn a_key_is_what_the_weights_depend_on() {
        type Make = fn(&Arc<Setup>) -> Job;
        let key = |settings: &[&str], job: Make| job(&setup(settings)).key(&data("d"));
        let (teacher, alone, distilled): (Make, Make, Make) = (|s| s.teacher(1), |s| s.alone(1), |s| s.distilled(1));
        let ours = [teacher, alone, distilled];
        // What changes no bit of any model.
        for same in ["name=other", "seeds=[7]", "kd.targets=live", "checkpoint.every_steps=3", "baseline.enabled=false"]
        {
            for job in ours {
                assert_eq!(key(&[], job), key(&[same], job), "{same}");
            }
        }
        // Which of teacher, student alone and student distilled are others.
        for (other, changed) in [
            ("kd.temperature=2", [false, false, true]),
            ("train.epochs=3", [false, true, true]),
            ("student.model.hidden=[5]", [false, true, true]),
            ("data.transfer.without=['3']", [false, true, true]),
            ("data.labelled=0.1", [false, true, true]),
            ("teacher.train.epochs=3", [true, false, true]),
            ("teacher.model.dropout=0.5", [true, false, true]),
            ("data.select.fraction=0.5", [true; 3]),
            ("data.validation=10", [true; 3]),
            ("data.unlabelled=more.npy", [false, false, true]),
            ("data.text={ unlabelled = 7 }", [false, false, true]),
            ("data.mixtures=2", [false, false, true]),
            ("data.munge.passes=2", [false, false, true]),
        ] {
            assert_eq!(ours.map(|job| key(&[], job) != key(&[other], job)), changed, "{other}");
        }
        assert_ne!(setup(&[]).alone(1).key(&data("d")), setup(&[]).alone(2).key(&data("d")));
        assert_ne!(setup(&[]).alone(1).key(&data("d")), setup(&[]).alone(1).key(&data("e")));
        // The same network trained in the same way is another model where it is a student: it draws other numbers.
        assert_ne!(key(&["student.model.hidden=[20]"], alone), key(&[], teacher));
    }

    #[test]
    fn a_key_has_the_sets_that_the_weights_depend_on() {
        let watched = DataKey { validation: Some("v".to_owned()), ..data("d") };
        let more = DataKey { unlabelled: Some("w".to_owned()), ..data("d") };
        let changed = |settings: &[&str], other: &DataKey| {
            let setup = setup(settings);
            [setup.teacher(1), setup.alone(1), setup.distilled(1)].map(|job| job.key(other) != job.key(&data("d")))
        };
        assert_eq!(changed(&[], &watched), [false; 3]);
        assert_eq!(changed(&["train.keep=best"], &watched), [false, true, true]);
        assert_eq!(changed(&["teacher.train.keep=best"], &watched), [true, false, true]);
        assert_eq!(changed(&[], &more), [false; 3]);
        assert_eq!(changed(&["data.unlabelled=more.npy"], &more), [false, false, true]);
        // Where the file lies does not matter.
        let at = |path: &str| setup(&[path]).distilled(1).key(&more);
        assert_eq!(at("data.unlabelled=more.npy"), at("data.unlabelled=there/more.npy"));
    }

    #[test]
    fn specialists_depend_on_what_their_generalist_saw() {
        let parts = |settings: &[&str], data: &DataKey| {
            let setup = setup(settings);
            let specialists = Specialists { setup: setup.clone(), clusters: ClusterConfig::default(), top: 1 };
            let teachers = Teachers { specialists: Some(specialists.clone()), ..Teachers::one(setup.teacher(1)) };
            (specialists.parts(&setup.teacher(1), data), teachers.key(&setup.recipe, data))
        };
        let plain = parts(&[], &data("d"));
        assert_eq!(plain.0.as_array().map(Vec::len), Some(4), "{}", plain.0);
        let watched = DataKey { validation: Some("v".to_owned()), ..data("d") };
        for (settings, data) in
            [(&[][..], watched), (&["data.validation=9"], data("d")), (&["data.select.fraction=0.5"], data("d"))]
        {
            let other = parts(settings, &data);
            assert!(other.0 != plain.0 && other.1 != plain.1, "{settings:?}: {}", other.0);
        }
    }

    #[test]
    fn only_the_arithmetic_average_depends_on_the_temperature() {
        let of = |average, temperature: &str| {
            let setup = setup(&[temperature]);
            let job = setup.distilled_from(1, Teachers::several(vec![setup.teacher(1), setup.teacher(2)], average));
            job.teachers.as_ref().unwrap().key(&setup.recipe, &data("d"))
        };
        let (a, g) = (Average::Arithmetic, Average::Geometric);
        assert_eq!(of(g, "kd.temperature=2"), of(g, "kd.temperature=3"));
        assert_ne!(of(a, "kd.temperature=2"), of(a, "kd.temperature=3"));
        assert_ne!(of(a, "kd.temperature=2"), of(g, "kd.temperature=2"));
    }

    #[test]
    fn labels_tell_models_apart() {
        let label = |job: Job| job.label(&[1, 28, 28], 10);
        assert_eq!(label(setup(&[]).teacher(3)), "784-20-10, seed 3");
        assert_eq!(label(setup(&["kd.temperature=2.5"]).distilled(1)), "784-4-10 distilled, T = 2.5, seed 1");
        assert_eq!(label(setup(&["kd.method=logit-matching"]).distilled(1)), "784-4-10 distilled, logits, seed 1");
        let two = Teachers::several(vec![setup(&[]).teacher(1), setup(&[]).teacher(2)], Average::Arithmetic);
        let two = setup(&[]).distilled_from(1, two);
        assert_eq!(label(two), "784-4-10 distilled from 2 models, T = 4, seed 1");
    }
}
