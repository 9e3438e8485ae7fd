use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_models::{Model, ModelConfig, Network, Provenance, to_safetensors};
use distill_train::{
    BaselineConfig, DataConfig, Experiment, Fingerprint, KdConfig, Recipe, Role, SelectConfig, SoftTargetFile,
    SoftTargets, Standardize, StudentConfig, TargetStorage, TeacherSignal, TrainConfig, TrainError,
};

use super::training::{NoResult, Training};
use crate::asked::soft_targets;
use crate::event::Listener;
use crate::folder::{Identity, RunDir};
use crate::preflight::weak_teacher;
use crate::run::provenance;
use crate::signals::Signals;
use crate::stop::Stop;
use crate::trials::Settings;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;
use distill_recipe::model_file::{self, LoadedModel, sha256};
use distill_recipe::target_file;
use distill_recipe::teacher_file::{PretrainedTeacher, answer_settings};
use distill_recipe::words::epochs;

/// Counts up with what the names of the files in `targets/` are made of. Version 1 lacked settings of teachers from files.
pub(crate) const TARGETS_VERSION: u32 = 3;

/// The teachers of a sweep. Each is trained once for all trials that have it in common, and asked
/// once where its answers are cached; both are kept in the directory of the sweep.
pub(crate) struct Teachers<'a> {
    dir: &'a RunDir,
    listener: &'a dyn Listener,
    signals: &'a Signals,
    data_sha256: String,
    /// Mean and standard deviation of the training inputs.
    inputs: (f64, f64),
    /// The last one of each seed.
    ready: BTreeMap<u64, Kept>,
}

struct Kept {
    key: String,
    /// Or why it cannot teach.
    teacher: Result<ReadyTeacher, String>,
}

struct ReadyTeacher {
    model: Arc<dyn Model>,
    /// Of all that its answers to an input depend on.
    sha256: String,
    /// Its answers, with what they depend on.
    targets: Option<(String, SoftTargets)>,
}

impl ReadyTeacher {
    /// `weights` is what the files of its members are known by.
    fn new(model: Arc<dyn Model>, weights: &str, recipe: &Recipe) -> Self {
        Self { model, sha256: sha256(format!("{weights} {}", answer_settings(recipe)).as_bytes()), targets: None }
    }
}

impl<'a> Teachers<'a> {
    pub(crate) fn new(
        dir: &'a RunDir,
        listener: &'a dyn Listener,
        signals: &'a Signals,
        data_sha256: String,
        inputs: (f64, f64),
    ) -> Self {
        Self { dir, listener, signals, data_sha256, inputs, ready: BTreeMap::new() }
    }

    /// What the data of the sweep is known by.
    pub(super) fn data_sha256(&self) -> &str {
        &self.data_sha256
    }

    /// Whom the students of a trial learn from, made before or now, and what all its answers depend on.
    pub(super) fn teacher_signal(
        &mut self,
        experiment: &Experiment<'_>,
        file: &RecipeFile,
        seed: u64,
    ) -> Result<(TeacherSignal<'_>, &str), NoResult> {
        let recipe = experiment.recipe();
        // Whether inputs are standardised may hang on the student.
        let part = member_part(&recipe.settled(&*experiment.all().train));
        let identity = Identity::new(&part, self.data_sha256.clone())?;
        let (files, settings) = (&recipe.teacher.weights, answer_settings(recipe));
        let Identity { recipe_sha256, data_sha256, .. } = &identity;
        let key =
            format!("{recipe_sha256} {data_sha256} {seed} {files:?} {:?} {settings}", recipe.teacher.member_seeds());
        let mut ready = match self.ready.remove(&seed).filter(|ready| ready.key == key) {
            Some(ready) => ready,
            None => {
                let teacher = match PretrainedTeacher::load_for(experiment, seed)? {
                    Some(PretrainedTeacher { model, sha256, .. }) => Ok(ReadyTeacher::new(model, &sha256, recipe)),
                    None => self.members(experiment, file, &part, &identity, seed),
                };
                let teacher = teacher.and_then(|teacher| accept(experiment, file, teacher));
                let teacher = match teacher {
                    Ok(teacher) => Ok(teacher),
                    // No trial that shares it has to find out again.
                    Err(NoResult::Failed(why)) => Err(why),
                    Err(stop) => return Err(stop),
                };
                Kept { key, teacher }
            }
        };
        if let (Ok(teacher), true) = (&mut ready.teacher, recipe.caches_targets()) {
            self.ask(experiment, file, teacher)?;
        }
        self.ready.insert(seed, ready);
        match &self.ready[&seed].teacher {
            Err(why) => Err(NoResult::Failed(why.clone())),
            Ok(teacher) => {
                let targets = teacher.targets.as_ref().filter(|_| recipe.caches_targets());
                let teacher_signal =
                    TeacherSignal { teacher: &*teacher.model, targets: targets.map(|(_, targets)| targets) };
                Ok((teacher_signal, &teacher.sha256))
            }
        }
    }

    /// The teacher of a seed, or all those that teach together.
    fn members(
        &self,
        experiment: &Experiment<'_>,
        file: &RecipeFile,
        part: &Recipe,
        identity: &Identity,
        seed: u64,
    ) -> Result<ReadyTeacher, NoResult> {
        let recipe = experiment.recipe();
        let network = |role: Role, seed: u64| {
            let provenance = provenance(part, identity, self.inputs, role, seed);
            // With folds each of several sees other examples.
            let role = if recipe.teacher.folds > 0 { role } else { Role::Teacher };
            self.trained(experiment, file, &provenance, identity, role, seed)
        };
        if !recipe.teacher.is_ensemble() {
            let (model, sha256) = network(Role::Teacher, seed)?;
            return Ok(ReadyTeacher::new(Arc::new(model), &sha256, recipe));
        }
        let (mut models, mut hashes): (Vec<Arc<dyn Model>>, String) = (vec![], String::new());
        for seed in recipe.teacher.member_seeds() {
            let (model, sha256) = network(Role::Member, seed)?;
            models.push(Arc::new(model));
            hashes += &sha256;
        }
        let model = experiment.together(models, recipe.kd.temperature);
        Ok(ReadyTeacher::new(model.map_err(|error| NoResult::of(error, file, recipe))?, &hashes, recipe))
    }

    /// A network of this sweep: from its file, or trained now.
    fn trained(
        &self,
        experiment: &Experiment<'_>,
        file: &RecipeFile,
        provenance: &Provenance,
        identity: &Identity,
        role: Role,
        seed: u64,
    ) -> Result<(Network, String), NoResult> {
        let path = &teacher_path(self.dir.path(), identity, seed);
        if path.is_file() {
            let LoadedModel { model, provenance: found, sha256, .. } = model_file::load(path)
                .map_err(|diagnostic| diagnostic.better_help("remove the file, then the teacher is trained again"))?;
            if found != *provenance {
                return Err(Diagnostic::new(
                    Code::RunFile,
                    "the file holds another teacher than this sweep wrote there",
                )
                .at(path.display())
                .help("remove the file, then the teacher is trained again")
                .into());
            }
            Ok((model, sha256))
        } else {
            let recipe = experiment.recipe();
            let spec = experiment.train_set().spec();
            let config = experiment.model_config(Role::Teacher).cloned().unwrap_or_default();
            let label = format!("teacher  {}, seed {seed}", config.architecture(&spec.input_shape, spec.classes.len()));
            self.listener.note(&format!("{label}, {}", epochs(recipe.teacher.train.epochs)));
            let training = Training {
                dir: self.dir,
                listener: self.listener,
                signals: self.signals,
                experiment,
                file,
                role,
                seed,
                context: identity.context(role, seed, None),
                label,
            };
            let trained = training.run(None)?;
            let bytes = to_safetensors(&trained.model, provenance)
                .map_err(|error| Diagnostic::from(TrainError::from(error)))?;
            self.write(path, &bytes)?;
            training.forget();
            self.listener.note(&format!("{}, trained in {:.1} s", training.label, trained.report.seconds));
            Ok((trained.model, sha256(&bytes)))
        }
    }

    /// Makes sure that the teacher's answers for the transfer set are there.
    fn ask(&self, experiment: &Experiment<'_>, file: &RecipeFile, teacher: &mut ReadyTeacher) -> Result<(), NoResult> {
        let recipe = experiment.recipe();
        let data = DataConfig { source: String::new(), ..recipe.data.clone() };
        let data =
            toml::to_string(&data).map_err(|error| Diagnostic::io("cannot write the recipe as TOML", None, error))?;
        let views = recipe.train.augment.views_key();
        let key = format!("{TARGETS_VERSION} {} {} {data} {views}", teacher.sha256, self.data_sha256);
        let key = sha256(key.as_bytes());
        if teacher.targets.as_ref().is_some_and(|(found, _)| *found == key) {
            return Ok(());
        }
        let transfer = experiment.transfer_set();
        let of = |error| NoResult::of(error, file, recipe);
        let data_sha256 = Fingerprint::of(transfer).map_err(of)?.sha256();
        let path = kept(self.dir.path(), "targets", &key, "soft.safetensors");
        // What cannot be used is written anew: it only saves time.
        let stored = target_file::load(&path).ok().filter(|stored| {
            stored.teacher_sha256 == teacher.sha256
                && stored.data_sha256 == data_sha256
                && stored.classes == transfer.spec().classes
        });
        teacher.targets = match stored {
            Some(stored) => Some((key, stored.into_targets())),
            None => match self.answers(experiment, file, &*teacher.model)? {
                None => None,
                Some(targets) => {
                    let (classes, teacher_sha256) = (transfer.spec().classes.clone(), teacher.sha256.clone());
                    let stored =
                        SoftTargetFile::new(&targets, TargetStorage::F32, classes, data_sha256, teacher_sha256);
                    self.write(&path, &stored.and_then(|stored| stored.to_bytes()).map_err(of)?)?;
                    Some((key, targets))
                }
            },
        };
        Ok(())
    }

    fn answers(
        &self,
        experiment: &Experiment<'_>,
        file: &RecipeFile,
        teacher: &dyn Model,
    ) -> Result<Option<SoftTargets>, NoResult> {
        let answers = soft_targets(experiment, teacher, self.listener, self.signals);
        answers.map_err(|error| match Stop::from(error).or_signal(self.signals) {
            Stop::Training(error) => NoResult::of(error, file, experiment.recipe()),
            stop => stop.into(),
        })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
        let name = path.strip_prefix(self.dir.path()).unwrap_or(path);
        self.dir.write(&name.to_string_lossy(), bytes).map(|_| ())
    }
}

fn kept(sweep: &Path, folder: &str, key: &str, extension: &str) -> PathBuf {
    sweep.join(folder).join(format!("{key:.16}.{extension}"))
}

/// Where a sweep keeps the teacher of a seed; the identity is that of [`member_part`].
fn teacher_path(sweep: &Path, identity: &Identity, seed: u64) -> PathBuf {
    let key = sha256(format!("{} {} {seed}", identity.recipe_sha256, identity.data_sha256).as_bytes());
    kept(sweep, "teachers", &key, "safetensors")
}

/// Settings with which a run learns from the teachers that a sweep has trained for a trial: those that teach together,
/// or that of each seed. None where they are files already.
///
/// # Errors
/// Only if the recipe cannot be written as TOML.
pub fn settings_of_trained(sweep: &Path, recipe: &Recipe, data_sha256: &str) -> Result<Settings, Diagnostic> {
    if recipe.teacher.weights.is_some() {
        return Ok(vec![]);
    }
    let is_ensemble = recipe.teacher.is_ensemble();
    let seeds = if is_ensemble { &recipe.teacher.member_seeds() } else { &recipe.seeds };
    // Columns of tables are standardised where the recipe does not say, and the data is not here to tell.
    let standardized = recipe.data.standardize.is_none().then(|| {
        let mut recipe = recipe.clone();
        recipe.data.standardize = Some(Standardize::Each(true));
        recipe
    });
    let mut files: Vec<PathBuf> = vec![];
    for recipe in standardized.iter().chain([recipe]) {
        let identity = Identity::new(&member_part(recipe), data_sha256.to_owned())?;
        files = seeds.iter().map(|&seed| teacher_path(sweep, &identity, seed)).collect();
        if files.iter().all(|file| file.is_file()) {
            break;
        }
    }
    // TOML is Unicode; a path that is not cannot stand in a setting.
    let texts: Option<Vec<&str>> = files.iter().map(|file| file.to_str().filter(|_| file.is_file())).collect();
    Ok(match texts.as_deref() {
        Some([only]) => vec![format!("teacher.weights={only}")],
        Some(several @ [_, ..]) if !is_ensemble => {
            let quoted = several.iter().map(|&text| toml::Value::from(text).to_string());
            let pairs = seeds.iter().zip(quoted).map(|(seed, file)| format!("{seed}={file}"));
            vec![format!("teacher.weights={{{}}}", pairs.collect::<Vec<_>>().join(", "))]
        }
        Some(several @ [_, ..]) => {
            let list = several.iter().map(|&text| toml::Value::from(text).to_string()).collect::<Vec<_>>().join(", ");
            // A recipe that trains teachers from seeds takes none from files.
            vec!["teacher.seeds=[]".to_owned(), format!("teacher.weights=[{list}]")]
        }
        _ => vec![],
    })
}

/// A teacher that knows enough to teach.
fn accept(experiment: &Experiment<'_>, file: &RecipeFile, teacher: ReadyTeacher) -> Result<ReadyTeacher, NoResult> {
    let check = experiment.check_teacher(&*teacher.model);
    let check = check.map_err(|error| NoResult::of(error, file, experiment.recipe()))?;
    if check.passes() {
        Ok(teacher)
    } else {
        Err(NoResult::Failed(weak_teacher(&check, &teacher.model.spec().classes).title()))
    }
}

/// The recipe without all that a teacher, or one of several, does not depend on.
fn member_part(recipe: &Recipe) -> Recipe {
    let mut part = Recipe {
        student: StudentConfig { weights: None, model: ModelConfig::default() },
        kd: KdConfig::default(),
        train: TrainConfig::default(),
        baseline: BaselineConfig::default(),
        ..recipe.clone()
    };
    part.data.transfer = SelectConfig::default();
    part.data.labelled = 1.0;
    part.data.mixtures = 0;
    part.data.munge = Default::default();
    part.teacher.min_accuracy = None;
    part.teacher.seeds = vec![];
    part.teacher.shares = vec![];
    part.teacher.average = Default::default();
    part.teacher.weighting = Default::default();
    part
}
