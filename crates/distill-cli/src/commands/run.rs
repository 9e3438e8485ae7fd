use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use distill_train::{Experiment, Recipe, Role, TrainError};
use serde_json::json;

use crate::args::RunArgs;
use crate::code::Code;
use crate::data_source::{DataSource, read_data};
use crate::diagnostic::Diagnostic;
use crate::locate::locate;
use crate::output::Output;
use crate::preflight::{Found, Outcome, Preflight};
use crate::recipe_file::{self, RecipeFile};
use crate::report::collect;
use crate::run::{
    DataResult, Failure, Former, Identity, RESOLVED, Run, RunDir, RunResult, RunStatus, Signals, Status, find,
    recipe_text, resolved,
};
use crate::student_file;
use crate::summary::summary;
use crate::sweep::shell;

/// `distill run RECIPE [KEY=VALUE ...]`, `distill run --resume [RUN]`
pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<u8, Diagnostic> {
    if let Some(run) = &args.resume {
        return resume(&args.runs_dir, run, output);
    }
    if let Some(run) = &args.from {
        return further(args, run, output);
    }
    let mut overrides = args.overrides.clone();
    let path = match (&args.data, &args.recipe) {
        (Some(data), first) => {
            // Without a recipe the first word is a setting like the others.
            overrides.splice(0..0, first.iter().map(|word| word.to_string_lossy().into_owned()));
            super::new::recipe_beside(data, args.teacher.as_deref(), output)?
        }
        (None, recipe) => recipe.clone().unwrap_or_default(),
    };
    let (file, recipe) = recipe_file::load(&path, &overrides)?;
    let roles = all_roles(&recipe);
    execute(&file, &recipe, roles, Place::New { runs_dir: &args.runs_dir }, output)
}

/// Goes on with a run where it stands.
fn resume(runs_dir: &Path, run: &Path, output: &Output) -> Result<u8, Diagnostic> {
    let dir = RunDir::open(runs_dir, run)?;
    let status = RunStatus::read(dir.path())?;
    let complete = status.status == Status::Completed;
    if let Some(result) = complete.then(|| RunResult::read(dir.path())).transpose()?.flatten() {
        output.progress(&format!("{} is complete; nothing is left to do", dir.path().display()));
        output.event("run_end", end_event(dir.path(), &status, &result, 0))?;
        return Ok(0);
    }
    let (file, recipe) = resolved(dir.path(), &[])?;
    let roles = status.roles();
    execute(&file, &recipe, roles, Place::Old { dir, status: Box::new(status) }, output)
}

/// Begins a new run with what a finished one has found.
fn further(args: &RunArgs, run: &Path, output: &Output) -> Result<u8, Diagnostic> {
    let path = find(&args.runs_dir, run)?;
    // The first argument is no recipe here.
    let first = args.recipe.iter().map(|word| word.to_string_lossy().into_owned());
    let settings: Vec<String> = first.chain(args.overrides.iter().cloned()).collect();
    let (_, former) = resolved(&path, &[])?;
    let former = Former::read(path, former)?;
    let weights = format!("student.weights={}", former.path.display());
    let (file, recipe) = resolved(&former.path, &[&[weights][..], &settings].concat())?;
    let roles = former.roles();
    execute(&file, &recipe, roles, Place::Further { runs_dir: &args.runs_dir, former: Box::new(former) }, output)
}

/// The models of a whole recipe.
pub(crate) fn all_roles(recipe: &Recipe) -> Vec<Role> {
    let member = recipe.teacher.is_ensemble().then_some(Role::Member);
    let baseline = recipe.baseline.enabled.then_some(Role::Baseline);
    [member, Some(Role::Teacher), baseline, Some(Role::Student)].into_iter().flatten().collect()
}

/// Where the files of a run go.
pub(crate) enum Place<'a> {
    /// A directory that is to be made.
    New { runs_dir: &'a Path },
    /// A directory that is to be made, for a run that begins with the models of another.
    Further { runs_dir: &'a Path, former: Box<Former> },
    /// That of a run that goes on.
    Old { dir: RunDir, status: Box<RunStatus> },
}

/// Checks everything, makes the run directory, trains what is not trained yet and reports.
pub(crate) fn execute(
    file: &RecipeFile,
    recipe: &Recipe,
    roles: Vec<Role>,
    place: Place<'_>,
    output: &Output,
) -> Result<u8, Diagnostic> {
    let _span = tracing::info_span!("run", recipe = file.path()).entered();
    let began = Instant::now();
    let sets = read_data(file, recipe)?;
    let recipe = &recipe.settled(&*sets.train);
    let mut experiment = Experiment::new(recipe, sets).map_err(|error| locate(file, recipe, error))?;
    let student_sha256 = student_file::begin(file, recipe, &mut experiment, &roles)?;
    let (runs_dir, resumes) = match &place {
        Place::New { runs_dir } | Place::Further { runs_dir, .. } => (*runs_dir, false),
        Place::Old { dir, .. } => (dir.path(), true),
    };
    let found = Preflight { file, experiment: &experiment, roles: &roles, runs_dir, resumes, output }.check_all();
    let found = warn(found, output)?.passed()?;
    let Found { fingerprints: Some(sets), given, .. } = &found else {
        return Err(Diagnostic::new(Code::Bug, "the data passed its checks without being read"));
    };
    // A run that goes on is known by the data that it was begun with, of which the test set may have been corrected since.
    let data_sha256 = match &place {
        Place::Old { status, .. } if status.has_other_test(sets) => status.data_sha256.clone(),
        _ => sets.sha256(),
    };
    let identity = Identity { student_sha256, ..Identity::new(recipe, data_sha256)? };

    let teacher_sha256 = given.as_ref().map(|given| given.sha256.clone());
    let mut now = RunStatus::new(&roles, &identity, teacher_sha256);
    now.test_sha256 = Some(sets.test.sha256());
    let begin = |runs_dir: &Path| {
        let dir = RunDir::create(runs_dir, &recipe.name)?;
        dir.write("recipe.toml", file.text().as_bytes())?;
        dir.write(RESOLVED, recipe_text(&with_absolute_paths(recipe))?.as_bytes())?;
        Ok::<_, Diagnostic>(dir)
    };
    let (dir, mut status, result) = match place {
        Place::New { runs_dir } => {
            let dir = begin(runs_dir)?;
            // With its status it is a run, and then it has all that it takes to go on with it.
            now.write(&dir)?;
            dir.name_as_latest()?;
            (dir, now, new_result(&experiment))
        }
        Place::Further { runs_dir, former } => {
            let teachers = former.teachers(recipe, &identity.data_sha256)?;
            let dir = begin(runs_dir)?;
            let mut result = new_result(&experiment);
            former.take_over(&dir, &teachers, &mut result)?;
            let json = serde_json::to_string_pretty(&result)
                .map_err(|error| Diagnostic::io("cannot write the result as JSON", None, error))?;
            dir.write("result.json", format!("{json}\n").as_bytes())?;
            now.write(&dir)?;
            dir.name_as_latest()?;
            output.progress(&format!("begins with the models of {}\n", former.path.display()));
            (dir, now, result)
        }
        Place::Old { dir, mut status } => {
            status.check_unchanged("the run was begun with something else", &now, dir.path())?;
            let mut result = RunResult::read_partly(dir.path())?.unwrap_or_else(|| new_result(&experiment));
            if status.measure_on(&sets.test.sha256()) {
                output.progress("the test set is another one: all models are measured anew\n");
                result.forget_tests(experiment.test_set().len());
            }
            status.resume();
            status.write(&dir)?;
            (dir, *status, result)
        }
    };
    // A run is the same without its log.
    let _ = output.log_to(&dir.path().join("run.log"));
    let signals = Signals::catch().map_err(|error| Diagnostic::io("cannot catch signals", None, error))?;
    let mut run = Run {
        experiment: &experiment,
        dir: &dir,
        output,
        signals: &signals,
        identity,
        inputs: (sets.train.mean, sets.train.sd),
        roles,
        result,
        role: Role::Teacher,
        shared_teacher: None,
        metrics: None,
    };
    let outcome =
        run.announce(Path::new(file.path())).map_err(Failure::from).and_then(|()| run.train_all(given.as_ref()));
    let outcome = outcome.and_then(|flow| match flow {
        ControlFlow::Continue(()) => run.conclude(),
        signal => Ok(signal),
    });
    let outcome = outcome.map_err(|failure| explain(failure, file, recipe, &run)).and_then(|flow| match flow {
        ControlFlow::Continue(()) => {
            // The report is made from the files of a run that is complete, and can be made again.
            status.end(Status::Completed, 0, None, began);
            status.write(&dir)?;
            finish(&run).map(|()| None)
        }
        ControlFlow::Break(signal) => Ok(Some(signal)),
    });
    let exit = match &outcome {
        Ok(None) => 0,
        Ok(Some(signal)) => {
            status.end(Status::Interrupted, signal.exit_code(), None, began);
            signal.exit_code()
        }
        // Nobody reads any more; the files are complete.
        Err(diagnostic) if diagnostic.is_broken_pipe() && status.status == Status::Completed => 0,
        Err(diagnostic) => {
            status.end(Status::Failed, diagnostic.exit_code(), Some(diagnostic.title()), began);
            diagnostic.exit_code()
        }
    };
    // The first error is the one to hear of.
    let written = if exit == 0 { Ok(()) } else { status.write(&dir) };
    let signal = outcome?;
    written?;
    let name = dir.path().to_string_lossy();
    if signal.is_some() {
        output.progress(&format!("resume  {}", shell(["distill", "run", "--resume", &*name])));
    } else {
        output.progress(&format!("\nsaved   {name}\nreport  {}", dir.path().join("report.html").display()));
    }
    output.event("run_end", end_event(dir.path(), &status, &run.result, exit))?;
    Ok(exit)
}

fn end_event(run: &Path, status: &RunStatus, result: &RunResult, exit: u8) -> serde_json::Value {
    json!({ "run": run.display().to_string(), "status": status.status.name(), "result": result, "exit": exit })
}

/// Says what may not be as it was meant.
pub(crate) fn warn(found: Found, output: &Output) -> Result<Found, Diagnostic> {
    for check in &found.checks {
        if let Outcome::Warning(warning) = &check.outcome {
            output.warning(&warning.what, &warning.note, &warning.help)?;
        }
    }
    Ok(found)
}

/// What a finished run prints and leaves.
fn finish(run: &Run<'_>) -> Result<(), Diagnostic> {
    let _span = tracing::info_span!("report").entered();
    let collected = collect(&[run.dir.path().to_owned()])?;
    super::report::write(run.dir.path(), &collected)?;
    run.output.result(&format!("\n{}", summary(&run.result, run.output.width())))
}

/// An error of training with its place in the recipe, and what is saved all the same.
fn explain(failure: Failure, file: &RecipeFile, recipe: &Recipe, run: &Run<'_>) -> Diagnostic {
    let diagnostic = match failure {
        Failure::Training(error @ TrainError::NonFinite { .. }) => {
            let table = run.training();
            let help = format!("lower `{table}.optimizer.lr`, or set `{table}.clip_grad_norm = 1.0`");
            file.locate(Diagnostic::from(error).better_help(help), &format!("{table}.optimizer.lr"))
        }
        Failure::Training(error @ TrainError::Answer { split: "test", .. }) => {
            let resume = shell(["distill", "run", "--resume", &*run.dir.path().to_string_lossy()]);
            let help = format!("correct the test set, which trained models stay for, then go on: `{resume}`");
            locate(file, recipe, error).better_help(help)
        }
        Failure::Training(error) => locate(file, recipe, error),
        Failure::Other(diagnostic) => diagnostic,
    };
    diagnostic.note(run.saved())
}

/// A recipe that means the same files from wherever it is run.
pub(crate) fn with_absolute_paths(recipe: &Recipe) -> Recipe {
    // TOML is Unicode; a path that is not stays as it was typed.
    let absolute = |path: &String| {
        let absolute = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
        absolute.unwrap_or_else(|| path.clone())
    };
    let mut recipe = recipe.clone();
    recipe.data.source = DataSource::with_path(&recipe.data.source, absolute);
    recipe.data.unlabelled = recipe.data.unlabelled.as_ref().map(absolute);
    recipe.teacher.weights = recipe.teacher.weights.as_ref().map(|files| files.map(absolute));
    recipe.kd.cache = recipe.kd.cache.as_ref().map(absolute);
    recipe.student.weights = recipe.student.weights.as_ref().map(absolute);
    if let Some(library) = recipe.teacher.onnx.as_mut().and_then(|onnx| onnx.library.as_mut()) {
        *library = absolute(library);
    }
    recipe
}

fn new_result(experiment: &Experiment<'_>) -> RunResult {
    let data = DataResult {
        train: experiment.train_set().len(),
        validation: experiment.validation_set().map_or(0, |set| set.len()),
        transfer: experiment.transfer_set().len(),
        test: experiment.test_set().len(),
        classes: experiment.test_set().spec().classes.clone(),
        input_shape: experiment.test_set().spec().input_shape.clone(),
        counters: experiment.all().train.counters().to_vec(),
    };
    RunResult { version: 1, recipe: experiment.recipe().name.clone(), data, models: vec![], comparison: None }
}
