use std::path::{Path, PathBuf};
use std::time::Instant;

use distill_recipe::data_source::read_data;
use distill_recipe::renamed::FormerKey;
use distill_recipe::teacher_file::PretrainedTeacher;
use distill_recipe::words::shell;
use distill_recipe::{Code, Diagnostic, RecipeFile, locate, recipe_text, with_absolute_paths};
use distill_train::{Experiment, Recipe, Role, TrainError};

use super::further::Former;
use super::train::Run;
use crate::Lab;
use crate::event::{Event, Listener};
use crate::folder::{DataResult, Identity, RESOLVED, RunDir, RunResult, RunStatus, Status, find, resolved};
use crate::preflight::{Found, Outcome, Preflight};
use crate::signals::Signal;
use crate::stop::Stop;
use crate::student_file;
use crate::summary::conclusion;

/// A run that has ended: it is complete, or a signal has ended it in good order.
#[derive(Debug)]
pub struct FinishedRun {
    /// Its directory.
    pub dir: PathBuf,
    /// What is known of the process.
    pub status: RunStatus,
    /// Its models, and how the distilled students compare with those on labels alone.
    pub result: RunResult,
    /// What has ended it before it was complete.
    pub signal: Option<Signal>,
    /// Whether there was nothing left to do.
    pub was_complete: bool,
}

impl FinishedRun {
    /// In one sentence, whether distillation has helped, and how sure that is. Of a run that a signal has ended it says how
    /// far it came.
    ///
    /// ```text
    /// Distillation took the student from 204 to 168 test errors, 18 % fewer (better: 95 % interval of the difference -60 to
    /// -13); the teacher makes 124.
    /// ```
    pub fn verdict(&self) -> String {
        match (self.signal, self.result.models.len()) {
            (None, 1..) => conclusion(&self.result),
            (_, 1) => "The run is not complete: 1 model is finished.".to_owned(),
            (_, n) => format!("The run is not complete: {n} models are finished."),
        }
    }

    /// The exit code of a program that did nothing else.
    pub fn exit_code(&self) -> u8 {
        self.signal.map_or(0, Signal::exit_code)
    }
}

impl Lab<'_> {
    /// Trains and compares all models of a recipe, in a new run.
    ///
    /// # Errors
    /// If recipe, data or teacher do not fit together, before anything is trained; then whatever ends the training. What is
    /// finished by then is kept.
    pub fn run(&self, recipe: &(RecipeFile, Recipe)) -> Result<FinishedRun, Diagnostic> {
        self.run_roles(recipe, all_roles(&recipe.1))
    }

    /// Trains only the models of these roles, in a new run.
    ///
    /// # Errors
    /// As [`Lab::run`].
    pub fn run_roles(
        &self,
        (file, recipe): &(RecipeFile, Recipe),
        roles: Vec<Role>,
    ) -> Result<FinishedRun, Diagnostic> {
        execute(self, file, recipe, roles, Place::New)
    }

    /// Goes on with a run, by the path of its directory, or `latest` for the last one of this lab. A complete run is read.
    ///
    /// # Errors
    /// As [`Lab::run`], and if there is no such run, or another process writes it.
    pub fn resume(&self, run: impl AsRef<Path>) -> Result<FinishedRun, Diagnostic> {
        let dir = RunDir::open(self.runs_dir(), run.as_ref())?;
        let status = RunStatus::read(dir.path())?;
        let complete = status.status == Status::Completed;
        if let Some(result) = complete.then(|| RunResult::read(dir.path())).transpose()?.flatten() {
            let was_complete = true;
            return Ok(FinishedRun { dir: dir.path().to_owned(), status, result, signal: None, was_complete });
        }
        let (file, recipe) = resolved(dir.path(), &[])?;
        let roles = status.roles();
        execute(self, &file, &recipe, roles, Place::Old { dir, status: Box::new(status) })
    }

    /// Begins a new run with the models of a complete one: with these settings over its recipe, and its students going on from
    /// where they are.
    ///
    /// # Errors
    /// As [`Lab::run`], and if the settings ask for other teachers than that run has.
    pub fn further(&self, run: impl AsRef<Path>, settings: &[String]) -> Result<FinishedRun, Diagnostic> {
        let path = find(self.runs_dir(), run.as_ref())?;
        let (_, former) = resolved(&path, &[])?;
        let former = Former::read(path, former)?;
        let weights = format!("student.weights={}", former.path.display());
        let (file, recipe) = resolved(&former.path, &[&[weights][..], settings].concat())?;
        let roles = former.roles();
        execute(self, &file, &recipe, roles, Place::Further { former: Box::new(former) })
    }
}

/// The models of a whole recipe.
pub fn all_roles(recipe: &Recipe) -> Vec<Role> {
    let member = recipe.teacher.is_ensemble().then_some(Role::Member);
    let baseline = recipe.baseline.enabled.then_some(Role::Baseline);
    [member, Some(Role::Teacher), baseline, Some(Role::Student)].into_iter().flatten().collect()
}

/// Where the files of a run go.
pub(crate) enum Place {
    /// A directory that is to be made.
    New,
    /// A directory that is to be made, for a run that begins with the models of another.
    Further {
        /// That run.
        former: Box<Former>,
    },
    /// That of a run that goes on.
    Old {
        /// The directory.
        dir: RunDir,
        /// What it says of the run.
        status: Box<RunStatus>,
    },
}

/// Checks everything, makes the run directory, trains what is not trained yet.
///
/// # Errors
/// Those of [`Lab::run`].
pub(crate) fn execute(
    lab: &Lab<'_>,
    file: &RecipeFile,
    recipe: &Recipe,
    roles: Vec<Role>,
    place: Place,
) -> Result<FinishedRun, Diagnostic> {
    let _span = tracing::info_span!("run", recipe = file.path()).entered();
    let (began, listener) = (Instant::now(), lab.listener());
    warn_of_former(file.former_keys(), listener)?;
    let sets = read_data(file, recipe)?;
    let recipe = &recipe.settled(&*sets.train);
    let mut experiment = Experiment::new(recipe, sets).map_err(|error| locate(file, recipe, error))?;
    let student_sha256 = student_file::begin(file, recipe, &mut experiment, &roles)?;
    let (runs_dir, resumes) = match &place {
        Place::New | Place::Further { .. } => (lab.runs_dir(), false),
        Place::Old { dir, .. } => (dir.path(), true),
    };
    let found = Preflight { file, experiment: &experiment, roles: &roles, runs_dir, resumes, listener }.check_all();
    let found = warn(found, listener)?.passed()?;
    let Found { fingerprints: Some(sets), pretrained, .. } = &found else {
        return Err(Diagnostic::new(Code::Bug, "the data passed its checks without being read"));
    };
    // A run that goes on is known by the data that it was begun with, of which the test set may have been corrected since.
    let data_sha256 = match &place {
        Place::Old { status, .. } if status.has_other_test(sets) => status.data_sha256.clone(),
        _ => sets.sha256(),
    };
    let identity = Identity { student_sha256, ..Identity::new(recipe, data_sha256)? };

    let teacher_sha256 = PretrainedTeacher::sha256_of(pretrained);
    let mut now = RunStatus::new(&roles, &identity, teacher_sha256);
    now.test_sha256 = Some(sets.test.sha256());
    let begin = |runs_dir: &Path| {
        let dir = RunDir::create(runs_dir, &recipe.name)?;
        dir.write("recipe.toml", file.text().as_bytes())?;
        dir.write(RESOLVED, recipe_text(&with_absolute_paths(recipe))?.as_bytes())?;
        Ok::<_, Diagnostic>(dir)
    };
    let (dir, mut status, result) = match place {
        Place::New => {
            let dir = begin(lab.runs_dir())?;
            // With its status it is a run, and then it has all that it takes to go on with it.
            now.write(&dir)?;
            dir.name_as_latest()?;
            (dir, now, new_result(&experiment))
        }
        Place::Further { former } => {
            let teachers = former.teachers(recipe, &identity.data_sha256)?;
            let dir = begin(lab.runs_dir())?;
            let mut result = new_result(&experiment);
            former.take_over(&dir, &teachers, &mut result)?;
            result.write(&dir)?;
            now.write(&dir)?;
            dir.name_as_latest()?;
            listener.note(&format!("begins with the models of {}\n", former.path.display()));
            (dir, now, result)
        }
        Place::Old { dir, mut status } => {
            status.check_unchanged("the run was started with a different recipe, data or teacher", &now, dir.path())?;
            let mut result = RunResult::read_partly(dir.path())?.unwrap_or_else(|| new_result(&experiment));
            if status.measure_on(&sets.test.sha256()) {
                listener.note("the test set has changed: all models are measured again\n");
                result.forget_tests(experiment.test_set().len());
            }
            status.resume();
            status.write(&dir)?;
            (dir, *status, result)
        }
    };
    listener.tell(&Event::Opened { log: &dir.path().join("run.log") });
    let signals = lab.signals()?;
    let mut run = Run {
        experiment: &experiment,
        dir: &dir,
        listener,
        signals: &signals,
        identity,
        inputs: (sets.train.mean, sets.train.sd),
        roles,
        result,
        role: Role::Teacher,
        other_teacher: None,
        answers: None,
        metrics: None,
    };
    let trained = run.announce(Path::new(file.path())).map_err(Stop::from).and_then(|()| run.train_all(pretrained));
    let trained = trained.and_then(|()| run.conclude());
    let outcome = match trained.map_err(|stop| stop.or_signal(&signals)) {
        // The report is made from the files of a run that is complete, and can be made again.
        Ok(()) => {
            status.end(Status::Completed, 0, None, began);
            status.write(&dir).and_then(|()| lab.conclude(dir.path(), &run.result)).map(|()| None)
        }
        Err(stop) => explain(stop, file, recipe, &run).map(Some),
    };
    let is_done = match &outcome {
        Ok(None) => true,
        Ok(Some(signal)) => {
            status.end(Status::Interrupted, signal.exit_code(), None, began);
            false
        }
        // Nobody reads any more; the files are complete.
        Err(diagnostic) if diagnostic.is_broken_pipe() && status.status == Status::Completed => true,
        Err(diagnostic) => {
            status.end(Status::Failed, diagnostic.exit_code(), Some(diagnostic.title()), began);
            false
        }
    };
    // The first error is the one to hear of.
    let written = if is_done { Ok(()) } else { status.write(&dir) };
    let signal = outcome?;
    written?;
    Ok(FinishedRun { dir: dir.path().to_owned(), status, result: run.result, signal, was_complete: false })
}

/// Warns of keys that are written under their former names.
///
/// # Errors
/// Those of the listener.
pub(crate) fn warn_of_former<'a>(
    keys: impl IntoIterator<Item = &'a FormerKey>,
    listener: &dyn Listener,
) -> Result<(), Diagnostic> {
    for [what, note, help] in keys.into_iter().map(FormerKey::warning) {
        listener.warn(&what, &note, &help)?;
    }
    Ok(())
}

/// Says what may not be as it was meant.
///
/// # Errors
/// Those of the listener.
pub(crate) fn warn(found: Found, listener: &dyn Listener) -> Result<Found, Diagnostic> {
    for check in &found.checks {
        if let Outcome::Warning(warning) = &check.outcome {
            listener.warn(&warning.what, &warning.note, &warning.help)?;
        }
    }
    Ok(found)
}

/// The signal that has ended a run; or what failed, with its place in the recipe, and what is saved all the same.
fn explain(stop: Stop, file: &RecipeFile, recipe: &Recipe, run: &Run<'_>) -> Result<Signal, Diagnostic> {
    let diagnostic = match stop {
        Stop::Training(error @ TrainError::NonFinite { .. }) => {
            let table = run.training();
            let help = format!("lower `{table}.optimizer.lr`, or set `{table}.clip_grad_norm = 1.0`");
            file.locate(Diagnostic::from(error).better_help(help), &format!("{table}.optimizer.lr"))
        }
        Stop::Training(error @ TrainError::Answer { split: "test", .. }) => {
            let resume = shell(["distill", "run", "--resume", &*run.dir.path().to_string_lossy()]);
            let help = format!("correct the test set, then continue: `{resume}`; trained models stay");
            locate(file, recipe, error).better_help(help)
        }
        Stop::Training(error) => locate(file, recipe, error),
        Stop::Error(diagnostic) => diagnostic,
        Stop::Signal(signal) => return Ok(signal),
    };
    Err(diagnostic.note(run.saved()))
}

fn new_result(experiment: &Experiment<'_>) -> RunResult {
    let data = DataResult {
        train: experiment.train_set().len(),
        validation: experiment.validation_set().map_or(0, |set| set.len()),
        transfer: experiment.transfer_set().len(),
        labelled: experiment.recipe().data.hides_labels().then(|| experiment.labelled_set().len()),
        test: experiment.test_set().len(),
        classes: experiment.test_set().spec().classes.clone(),
        task: experiment.task(),
        input_shape: experiment.test_set().spec().input_shape.clone(),
        counters: experiment.all().train.counters().to_vec(),
    };
    RunResult { version: 1, recipe: experiment.recipe().name.clone(), data, models: vec![], comparison: None }
}
