use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use distill_recipe::data_source::read_data;
use distill_recipe::model_file::sha256;
use distill_recipe::renamed::former_key;
use distill_recipe::teacher_file::PretrainedTeacher;
use distill_recipe::words::shell;
use distill_recipe::{Code, Diagnostic, RecipeFile, locate, recipe_text, with_absolute_paths};
use distill_train::{Experiment, Recipe, Role, Sets};

use super::{Sweep, TARGETS_VERSION, Teachers};
use crate::Lab;
use crate::event::{Event, Listener, SweepStart};
use crate::folder::{Identity, Kind, RESOLVED, RunDir, RunStatus, Status, resolved};
use crate::preflight::{Found, Preflight};
use crate::run::{warn, warn_of_former};
use crate::signals::Signal;
use crate::student_file;
use crate::trials::{Definition, Plan, Record, Records, SweepStatus};

/// The models of a sweep.
const ROLES: [Role; 2] = [Role::Teacher, Role::Student];

/// Where the files of a sweep go.
enum Place {
    New,
    Old { dir: RunDir, status: Box<SweepStatus> },
}

/// A sweep of which all trials are done.
pub struct FinishedSweep<'a> {
    /// Its directory.
    pub dir: &'a Path,
    /// What is known of it and of the process.
    pub status: &'a SweepStatus,
    /// The trials.
    pub plan: &'a Plan,
    /// The recipe that they have in common.
    pub file: &'a RecipeFile,
    /// What they found.
    pub records: &'a [Record],
}

/// What is made of a sweep of which all trials are done. It is complete if that succeeds.
pub type Conclude<'a> = dyn Fn(&FinishedSweep<'_>) -> Result<(), Diagnostic> + 'a;

/// How a sweep ended.
#[derive(Debug)]
pub struct SweepEnd {
    /// Its directory.
    pub dir: PathBuf,
    /// What ended it before it was complete.
    pub signal: Option<Signal>,
    /// Whether there was nothing left to do.
    pub was_complete: bool,
}

impl SweepEnd {
    /// The command that goes on with it.
    pub fn resume_command(&self) -> String {
        again(&self.dir)
    }
}

fn again(dir: &Path) -> String {
    format!("distill sweep --resume {}", shell([&*dir.to_string_lossy()]))
}

impl Lab<'_> {
    /// Tries settings: a student for each trial and seed, compared on the validation set.
    ///
    /// # Errors
    /// If recipe, data, teacher or a trial's settings do not fit together, before anything is trained; then whatever ends the
    /// sweep. Trials that are finished by then are kept.
    pub fn sweep(
        &self,
        (file, recipe): &(RecipeFile, Recipe),
        definition: Definition,
        conclude: &Conclude<'_>,
    ) -> Result<SweepEnd, Diagnostic> {
        execute(self, file, recipe, definition, Place::New, conclude)
    }

    /// Goes on with a sweep, by the path of its directory, or `latest` for the last one of this lab.
    ///
    /// # Errors
    /// As [`Lab::sweep`], and if there is no such sweep, or another process writes it.
    pub fn resume_sweep(&self, sweep: &Path, conclude: &Conclude<'_>) -> Result<SweepEnd, Diagnostic> {
        let dir = RunDir::open_of(Kind::Sweep, self.runs_dir(), sweep)?;
        let status = SweepStatus::read(dir.path())?;
        if status.process.status == Status::Completed {
            return Ok(SweepEnd { dir: dir.path().to_owned(), signal: None, was_complete: true });
        }
        let (file, recipe) = resolved(dir.path(), &[])?;
        let definition = Definition { seeds: recipe.seeds.clone(), ..status.definition.clone() };
        execute(self, &file, &recipe, definition, Place::Old { dir, status: Box::new(status) }, conclude)
    }
}

/// Checks everything, makes the directory, does the trials that are not done yet.
fn execute(
    lab: &Lab<'_>,
    file: &RecipeFile,
    recipe: &Recipe,
    definition: Definition,
    place: Place,
    conclude: &Conclude<'_>,
) -> Result<SweepEnd, Diagnostic> {
    let _span = tracing::info_span!("sweep", recipe = file.path()).entered();
    let (began, listener) = (Instant::now(), lab.listener());
    warn_of_former(file.former_keys(), listener)?;
    if matches!(place, Place::New) {
        let keys = definition.sets.iter().filter_map(|set| former_key(set.split('=').next()?.trim(), "`--set`"));
        warn_of_former(&keys.collect::<Vec<_>>(), listener)?;
    }
    let sets = read_data(file, recipe)?;
    let recipe = &recipe.settled(&*sets.train);
    let plan = Plan::new(&definition, file, recipe, sets.validation.is_some())?;
    let runs_dir = match &place {
        Place::New => lab.runs_dir(),
        Place::Old { dir, .. } => dir.path(),
    };
    let student_sha256 = check_trials(&plan, (file, recipe), &sets, runs_dir, listener)?;
    let experiment = Experiment::new(recipe, sets.clone()).map_err(|error| locate(file, recipe, error))?;
    let found =
        Preflight { file, experiment: &experiment, roles: &ROLES, runs_dir, resumes: false, listener }.check_all();
    let found = warn(found, listener)?.passed()?;
    let Found { fingerprints: Some(prints), pretrained, .. } = &found else {
        return Err(Diagnostic::new(Code::Bug, "the data passed its checks without being read"));
    };
    let identity = Identity { student_sha256, ..Identity::new(recipe, prints.sha256())? };
    let now = SweepStatus {
        process: RunStatus::new(&[Role::Student], &identity, PretrainedTeacher::sha256_of(pretrained)),
        definition,
        targets: TARGETS_VERSION,
    };
    let (dir, mut status) = match place {
        Place::New => {
            let dir = RunDir::create_of(Kind::Sweep, lab.runs_dir(), &format!("{}-sweep", recipe.name))?;
            dir.write("recipe.toml", file.text().as_bytes())?;
            dir.write(RESOLVED, recipe_text(&with_absolute_paths(recipe))?.as_bytes())?;
            // With its status it is a sweep, and then it has all that it takes to go on with it.
            now.write(&dir)?;
            dir.name_as_latest()?;
            (dir, now)
        }
        Place::Old { dir, mut status } => {
            status.check_unchanged(&now, dir.path())?;
            status.process.resume();
            status.write(&dir)?;
            (dir, *status)
        }
    };
    listener.tell(&Event::Opened { log: &dir.path().join("sweep.log") });
    let signals = lab.signals()?;
    let inputs = (prints.train.mean, prints.train.sd);
    let outcome = Records::open(&dir, &plan).and_then(|records| {
        let teachers = Teachers::new(&dir, listener, &signals, prints.sha256(), inputs);
        let mut sweep = Sweep { plan: &plan, file, sets, dir: &dir, listener, signals: &signals, teachers, records };
        listener.hear(&Event::SweepStart(&SweepStart {
            sweep: dir.path(),
            definition: &status.definition,
            plan: &plan,
            n_finished: sweep.records.all().len(),
        }))?;
        match sweep.run() {
            Ok(()) => {
                // Before the report, which says so.
                status.process.end(Status::Completed, 0, None, began);
                let records = sweep.records.all();
                conclude(&FinishedSweep { dir: dir.path(), status: &status, plan: &plan, file, records }).map(|()| None)
            }
            Err(stop) => stop.signal().map(Some).map_err(|diagnostic| {
                let (n, again) = (sweep.records.all().len(), again(dir.path()));
                diagnostic.note(format!("{n} trials are finished; `{again}` continues"))
            }),
        }
    });
    match &outcome {
        Ok(None) => {}
        Ok(Some(signal)) => status.process.end(Status::Interrupted, signal.exit_code(), None, began),
        Err(diagnostic) => {
            status.process.end(Status::Failed, diagnostic.exit_code(), Some(diagnostic.title()), began);
        }
    }
    // The first error is the one to hear of.
    let written = status.write(&dir);
    let signal = outcome?;
    written?;
    Ok(SweepEnd { dir: dir.path().to_owned(), signal, was_complete: false })
}

/// Refuses a sweep of which a trial cannot be built, before any is. Returns a hash of the weights that its students begin with,
/// where those are not random.
fn check_trials(
    plan: &Plan,
    (file, recipe): (&RecipeFile, &Recipe),
    sets: &Sets,
    runs_dir: &Path,
    listener: &dyn Listener,
) -> Result<Option<String>, Diagnostic> {
    let precisions = |recipe: &Recipe| (recipe.teacher.train.precision, recipe.train.precision);
    let (mut built, mut beginnings) = (HashSet::new(), vec![]);
    // What there is to say of the recipe's own is said with its other checks.
    let mut told = HashSet::from([precisions(recipe)]);
    for trial in 1..=plan.trials.len() {
        let (file, recipe) = plan.recipe(file, trial)?;
        plan.check_budget(&file, &recipe)?;
        // Data is selected anew only for what selects it, or goes with it.
        let Recipe { data, teacher, student, train, .. } = &recipe;
        let parts = (data, &teacher.model, &teacher.train.augment, student, &train.augment, precisions(&recipe));
        if built.insert(format!("{parts:?}")) {
            let mut experiment =
                Experiment::new(&recipe, sets.clone()).map_err(|error| locate(&file, &recipe, error))?;
            beginnings.extend(student_file::begin(&file, &recipe, &mut experiment, &[Role::Student])?);
            let found =
                Preflight { file: &file, experiment: &experiment, roles: &ROLES, runs_dir, resumes: false, listener }
                    .check_models()?;
            if told.insert(precisions(&recipe)) {
                warn(found, listener)?;
            }
        }
    }
    Ok((!beginnings.is_empty()).then(|| sha256(beginnings.join(" ").as_bytes())))
}
