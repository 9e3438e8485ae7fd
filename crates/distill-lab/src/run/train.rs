use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_models::Model;
use distill_tensor::Precision;
use distill_train::{
    Checkpoint, CheckpointContext, CheckpointError, CheckpointStore, Disk, Experiment, FeatureTerms, Found, Measured,
    Role, SoftTargets, TeacherSignal, TrainError, Trained,
};

use super::course::Course;
use super::watch::{Pace, Watch};
use crate::asked::{Asked, soft_targets};
use crate::event::Leg;
use crate::event::{Event, Listener, ModelStart, RunStart};
use crate::folder::RunDir;
use crate::folder::metrics::{Metrics, ModelId, Row, VALIDATION_R2};
use crate::folder::{Identity, check_context};
use crate::folder::{ModelResult, RunResult};
use crate::roles::heading;
use crate::saving::Saving;
use crate::signals::Signals;
use crate::stop::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::teacher_file::PretrainedTeacher;
use distill_recipe::words::thousands;

/// A run in progress: what is found is written down after every model.
pub(crate) struct Run<'a> {
    pub(crate) experiment: &'a Experiment<'a>,
    pub(crate) dir: &'a RunDir,
    pub(crate) listener: &'a dyn Listener,
    pub(crate) signals: &'a Signals,
    pub(crate) identity: Identity,
    /// Mean and standard deviation of the training inputs.
    pub(crate) inputs: (f64, f64),
    pub(crate) roles: Vec<Role>,
    pub(crate) result: RunResult,
    /// The model that is being trained.
    pub(crate) role: Role,
    /// What the students of the first seed learn from, where it has no file in this run.
    pub(crate) other_teacher: Option<Arc<dyn Model>>,
    /// The hash of the teacher that was asked last, and what it said, if that is kept.
    pub(super) answers: Option<(String, Option<Arc<SoftTargets>>)>,
    /// Open from the first training on. Models are trained in order, so those after the first have no
    /// rows that an earlier process left.
    pub(crate) metrics: Option<Metrics>,
}

/// A teacher that is trained and measured, with the hash of its files.
#[derive(Clone)]
pub(super) struct ReadyTeacher {
    pub(super) model: Arc<dyn Model>,
    pub(super) test: Measured,
    pub(super) sha256: String,
}

impl Run<'_> {
    /// Trains all models that are not finished yet. A signal ends it in good order.
    pub(crate) fn train_all(&mut self, pretrained: &[PretrainedTeacher]) -> Result<(), Stop> {
        let shared = self.shared_teacher(pretrained)?;
        let seeds = self.experiment.recipe().seeds.clone();
        let of_first = pretrained
            .iter()
            .find(|pretrained| pretrained.seed == seeds.first().copied())
            .map(|pretrained| &pretrained.model);
        self.other_teacher = shared.as_ref().map(|teacher| &teacher.model).or(of_first).cloned();
        seeds.into_iter().try_for_each(|seed| self.seed(seed, pretrained, shared.as_ref()))
    }

    /// What a finished run leaves besides its models: examples that are worth a look, and the comparison.
    pub(crate) fn conclude(&mut self) -> Result<(), Stop> {
        self.write_gallery()?;
        self.compare()?;
        self.remove_all_checkpoints();
        Ok(())
    }

    /// Teacher, baseline and student of one seed.
    fn seed(&mut self, seed: u64, pretrained: &[PretrainedTeacher], shared: Option<&ReadyTeacher>) -> Result<(), Stop> {
        // A teacher of all seeds is there already.
        let mut own: Vec<Role> = self.roles.clone();
        own.retain(|&role| role != Role::Member && (role != Role::Teacher || shared.is_none()));
        if own.iter().all(|&role| self.result.find(role, seed).is_some()) {
            return Ok(());
        }
        for &role in &own {
            self.say_done_before(role, seed);
        }
        let teacher = match (shared, self.roles.contains(&Role::Teacher)) {
            (Some(shared), _) => Some(shared.clone()),
            (None, true) => Some(self.teacher(seed, pretrained)?),
            (None, false) => None,
        };
        let test = teacher.as_ref().map(|teacher| &teacher.test);
        for role in [Role::Baseline, Role::Student] {
            self.measure_again(role, seed, test)?;
        }
        if self.is_due(Role::Baseline, seed) {
            let trained = self.fit(Role::Baseline, seed, None, None)?;
            self.keep(Role::Baseline, seed, &trained, test, None)?;
        }
        if let (true, Some(teacher)) = (self.is_due(Role::Student, seed), &teacher) {
            let computed;
            let targets = match pretrained.iter().find_map(|pretrained| pretrained.targets.as_ref()) {
                Some(stored) => Some(stored),
                None => {
                    computed = self.answers_of(teacher)?;
                    computed.as_deref()
                }
            };
            // A teacher that is asked for every batch hears of signals too; the bar is that of the training.
            let asked = Asked::new(&*teacher.model, "the teacher", 0, self.listener).until(self.signals);
            let teacher_signal = TeacherSignal { teacher: &asked, targets };
            let trained = self.fit(Role::Student, seed, Some(teacher_signal), Some(&teacher.sha256))?;
            self.keep(Role::Student, seed, &trained, test, Some(&teacher.sha256))?;
        }
        Ok(())
    }

    /// The answers of a teacher, if they are computed once. One that teaches the students of several seeds is asked for the first.
    fn answers_of(&mut self, teacher: &ReadyTeacher) -> Result<Option<Arc<SoftTargets>>, Stop> {
        if let Some((_, answers)) = self.answers.as_ref().filter(|(sha256, _)| *sha256 == teacher.sha256) {
            return Ok(answers.clone());
        }
        let _span = tracing::info_span!("soft targets").entered();
        // Those of another teacher make room before.
        self.answers = None;
        let answers = soft_targets(self.experiment, &*teacher.model, self.listener, self.signals)?.map(Arc::new);
        self.answers = Some((teacher.sha256.clone(), answers.clone()));
        Ok(answers)
    }

    pub(super) fn say_done_before(&self, role: Role, seed: u64) {
        if let Some(model) = self.result.find(role, seed) {
            let found = match &model.test_numbers {
                Some(numbers) => format!("R² {:.4}", numbers.r2),
                None => format!("{} test errors", thousands(model.test_errors as u64)),
            };
            self.listener.note(&format!("{:<9} done before, seed {seed}, {found}", heading(role)));
        }
    }

    fn is_due(&self, role: Role, seed: u64) -> bool {
        self.roles.contains(&role) && self.result.find(role, seed).is_none()
    }

    /// Trains one model, from its newest checkpoint if there is one.
    pub(super) fn fit(
        &mut self,
        role: Role,
        seed: u64,
        teacher_signal: Option<TeacherSignal<'_>>,
        teacher_sha256: Option<&str>,
    ) -> Result<Trained, Stop> {
        if let Some(signal) = self.signals.received() {
            return Err(Stop::Signal(signal));
        }
        self.role = role;
        let recipe = self.experiment.recipe();
        let folder = self.dir.checkpoints(role, seed)?;
        let store = CheckpointStore::new(&Disk, &folder, recipe.checkpoint.keep_last);
        let context = self.identity.context(role, seed, teacher_sha256);
        let checkpoint = self.newest(&store, &context)?;

        let model = ModelId { role: role.name().to_owned(), seed };
        let done = checkpoint.as_ref().map_or(0, Checkpoint::step);
        let leg = self.start(role, seed, done)?;
        let holds = |row: &Row| {
            let finished = self.result.models.iter().any(|m| m.role == row.model.role && m.seed == row.model.seed);
            finished || (row.model == model && row.step <= done)
        };
        let mut metrics = match self.metrics.take() {
            Some(metrics) => metrics,
            None => {
                let mut terms = FeatureTerms::names(&recipe.kd.features);
                terms.extend(recipe.predicts_numbers().then(|| VALIDATION_R2.to_owned()));
                Metrics::open(self.dir, terms, holds)?
            }
        };
        let mut watch = Watch {
            pace: Pace::new(leg),
            metrics: &mut metrics,
            model,
            saving: Saving::new(store, &context, &recipe.checkpoint, self.signals),
            listener: self.listener,
            first_loss: None,
        };
        let trained = self.experiment.train(role, seed, teacher_signal, checkpoint, &mut watch);
        self.listener.tell(&Event::TrainingEnd);
        let trained = trained?;
        let (ended, first_loss) = (watch.saving.end(&trained.report), watch.first_loss);
        self.metrics = Some(metrics);
        if let (Some(epoch), Some(best)) = (trained.report.stopped_early, &trained.report.best) {
            let since = format!("no improvement on the validation set since epoch {}", best.epoch);
            self.listener.note(&format!("  stopped after epoch {epoch}: {since}"));
        }
        ended.inspect_err(|stop| {
            if let Stop::Signal(_) = stop {
                self.listener.note(&format!("saved   step {}", thousands(u64::from(trained.report.steps))));
            }
        })?;
        first_loss.map_or(Ok(()), |first| self.warn_of_loss(role, first, trained.report.loss.total))?;
        Ok(trained)
    }

    /// The newest checkpoint that can be used. It must belong to this training.
    fn newest(&self, store: &CheckpointStore<'_>, context: &CheckpointContext) -> Result<Option<Checkpoint>, Stop> {
        let Found { newest, damaged } = store.load().map_err(TrainError::from)?;
        let reason = |(path, error): &(PathBuf, CheckpointError)| format!("{}: {error}", path.display());
        let Some((checkpoint, path)) = newest else {
            let Some((first, _)) = damaged.first() else { return Ok(None) };
            let folder = first.parent().unwrap_or(first).display();
            let diagnostic = Diagnostic::new(Code::Checkpoint, "no checkpoint of the model can be used").at(&folder);
            let diagnostic = damaged.iter().map(reason).fold(diagnostic, Diagnostic::note);
            return Err(diagnostic.help(format!("remove {folder} to train this model from the start")).into());
        };
        for (damaged, error) in &damaged {
            let what = format!("{} cannot be used", damaged.display());
            self.listener.warn(&what, &error.to_string(), &format!("going on from {}", path.display()))?;
        }
        check_context("the checkpoint belongs to another training", &checkpoint.context, context, &path)?;
        Ok(Some(checkpoint))
    }

    /// Tells of a model that is about to be trained.
    fn start(&self, role: Role, seed: u64, done: u32) -> Result<Option<Leg>, Stop> {
        let data = self.experiment.test_set().spec();
        let (model, config) = (self.experiment.model_config(role).cloned(), self.experiment.train_config(role));
        let model = model.unwrap_or_default();
        let layout = model.layout(&data.input_shape, data.classes.len()).map_err(TrainError::from)?;
        let leg = Course::new(self.experiment, &self.roles)?.leg(role, seed, &self.result);
        // One that this processor does not have was refused before.
        let precision = config.precision.resolve().unwrap_or_default();
        self.listener.tell(&Event::ModelStart(&ModelStart {
            role,
            seed,
            architecture: &model.architecture(&data.input_shape, data.classes.len()),
            parameters: layout.n_trained(),
            epochs: config.epochs,
            precision: (precision != Precision::F32).then(|| precision.name()),
            task: self.experiment.task(),
            leg,
            done,
        }));
        Ok(leg)
    }

    /// Adds a model to the result and writes it, so that an interrupted run keeps what it found.
    pub(super) fn record(&mut self, model: ModelResult) -> Result<(), Stop> {
        self.result.put(model.clone());
        self.write_result()?;
        Ok(self.listener.hear(&Event::ModelEnd(&model))?)
    }

    /// Writes `result.json` as it now is.
    pub(crate) fn write_result(&self) -> Result<(), Diagnostic> {
        self.result.write(self.dir)
    }

    /// The table of the recipe that says how the present model is trained.
    pub(crate) fn training(&self) -> &'static str {
        match self.role {
            Role::Teacher | Role::Member => "teacher.train",
            Role::Baseline | Role::Student => "train",
        }
    }

    /// What is there already, for the end of an error.
    pub(crate) fn saved(&self) -> String {
        match self.result.models.len() {
            0 => format!("no model was finished; the recipe is in {}", self.dir.path().display()),
            1 => format!("1 finished model is in {}", self.dir.path().join("weights").display()),
            n => format!("{n} finished models are in {}", self.dir.path().join("weights").display()),
        }
    }

    /// Says what the run is about to do.
    pub(crate) fn announce(&self, file: &Path) -> Result<(), Diagnostic> {
        let recipe = self.experiment.recipe();
        self.listener.hear(&Event::RunStart(&RunStart {
            run: self.dir.path(),
            file,
            recipe: &self.result.recipe,
            recipe_sha256: &self.identity.recipe_sha256,
            data_sha256: &self.identity.data_sha256,
            source: &recipe.data.source,
            seeds: &recipe.seeds,
            data: &self.result.data,
        }))
    }
}
