use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use distill_recipe::model_file::sha256;
use distill_recipe::{Diagnostic, RecipeFile, locate};
use distill_train::{
    CheckpointStore, Context, Disk, Experiment, Lesson, Observer, Recipe, Role, Snapshot, StepReport, TrainError,
    Trained,
};

use crate::event::{Event, Listener, ModelId, Step};
use crate::folder::{RunDir, durable_folder};
use crate::saving::Saving;
use crate::signals::Signals;
use crate::stop::Stop;

/// Where a sweep saves what is trained now.
const FOLDER: &str = "checkpoints";

/// Why a trial has no result.
#[derive(Debug)]
pub(super) enum NoResult {
    /// Its settings are to blame, and others may do better.
    Failed(String),
    /// No trial can go on.
    Stop(Stop),
}

impl From<Stop> for NoResult {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Diagnostic> for NoResult {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Stop(diagnostic.into())
    }
}

impl NoResult {
    /// What an error of training means for a sweep.
    pub(super) fn of(error: TrainError, file: &RecipeFile, recipe: &Recipe) -> Self {
        match error {
            error @ (TrainError::NonFinite { .. } | TrainError::Answer { .. }) => {
                Self::Failed(Diagnostic::from(error).title())
            }
            error => Self::Stop(locate(file, recipe, error).into()),
        }
    }
}

/// A model of a sweep that is to be trained: a teacher, or the student of a trial.
pub(super) struct Training<'a> {
    pub(super) dir: &'a RunDir,
    pub(super) listener: &'a dyn Listener,
    pub(super) signals: &'a Signals,
    pub(super) experiment: &'a Experiment<'a>,
    pub(super) file: &'a RecipeFile,
    pub(super) role: Role,
    pub(super) seed: u64,
    /// All that its weights depend on.
    pub(super) context: Context,
    /// What it is called beside its bar.
    pub(super) label: String,
}

impl Training<'_> {
    /// Trains it, from its newest checkpoint if there is one. Its checkpoints stay until [`forget`](Self::forget).
    pub(super) fn run(&self, lesson: Option<Lesson<'_>>) -> Result<Trained, NoResult> {
        if let Some(signal) = self.signals.received() {
            return Err(Stop::Signal(signal).into());
        }
        let recipe = self.experiment.recipe();
        let of = |error: TrainError| NoResult::of(error, self.file, recipe);
        let folder = self.folder();
        durable_folder(&folder).map_err(|error| {
            Diagnostic::io("cannot make a folder of the sweep", Some(&folder), error)
                .help("check the write permissions")
        })?;
        let store = CheckpointStore::new(&Disk, &folder, 1);
        let saving = Saving::new(store, &self.context, &recipe.checkpoint, self.signals);
        let checkpoint = saving.newest().map_err(of)?;
        let mut watch = Watch { saving, listener: self.listener, role: self.role, seed: self.seed, label: &self.label };
        let trained = self.experiment.train(self.role, self.seed, lesson, checkpoint, &mut watch);
        self.listener.tell(&Event::TrainingEnd);
        let trained = trained.map_err(of)?;
        watch.saving.end(&trained.report)?;
        Ok(trained)
    }

    /// Removes its checkpoints: the model is written down. What cannot be removed takes room but does no harm.
    pub(super) fn forget(&self) {
        let _ = fs::remove_dir_all(self.folder());
    }

    fn folder(&self) -> PathBuf {
        let key = sha256(format!("{:?}", self.context).as_bytes());
        self.dir.path().join(FOLDER).join(format!("{key:.16}"))
    }
}

/// Removes the checkpoints of all students of a trial, whose record is written down.
pub(super) fn forget_all(dir: &RunDir) {
    let _ = fs::remove_dir_all(dir.path().join(FOLDER));
}

/// Shows how far a training is, and saves it.
struct Watch<'a> {
    saving: Saving<'a>,
    listener: &'a dyn Listener,
    role: Role,
    seed: u64,
    label: &'a str,
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        let model = ModelId { role: self.role.name(), seed: self.seed };
        let step = Step { model, label: Some(self.label), report, times: None, leg: None, is_logged: false };
        self.listener.tell(&Event::Step(&step));
        let saved = self.saving.after_step(report, snapshot);
        self.saving.flow(saved)
    }

    fn stopped(&mut self, snapshot: Snapshot<'_>) {
        let saved = self.saving.on_signal(snapshot);
        let _ = self.saving.flow(saved);
    }
}
