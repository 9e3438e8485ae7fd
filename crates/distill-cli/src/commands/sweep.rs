use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use distill_train::{Experiment, Recipe, Role, Sets};
use serde_json::json;

use crate::args::SweepArgs;
use crate::code::{self, Code};
use crate::commands::report::write_sweep;
use crate::commands::run::{warn, with_absolute_paths};
use crate::data_source::read_data;
use crate::diagnostic::Diagnostic;
use crate::locate::locate;
use crate::output::Output;
use crate::preflight::{Found, Preflight};
use crate::progress::thousands;
use crate::recipe_file::{self, Override, RecipeFile};
use crate::run::{Identity, Kind, RESOLVED, RunDir, RunStatus, Signals, Status, recipe_text, resolved};
use crate::sweep::{
    BestAndNext, CSV, Definition, Difference, Plan, Record, Records, Sweep, SweepReport, SweepStatus, TARGETS_VERSION,
    Teachers, event, shell, table,
};

/// The models of a sweep.
const ROLES: [Role; 2] = [Role::Teacher, Role::Student];

/// `distill sweep RECIPE [KEY=VALUE ...] --set KEY=V1,V2,...`, `distill sweep --resume [SWEEP]`
pub(crate) fn sweep(args: &SweepArgs, output: &Output) -> Result<u8, Diagnostic> {
    if let Some(sweep) = &args.resume {
        return resume(&args.runs_dir, sweep, output);
    }
    let path = args.recipe.as_deref().unwrap_or(Path::new(""));
    let (mut file, mut recipe) = recipe_file::load(path, &args.overrides)?;
    if !args.seeds.is_empty() {
        let list = args.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let seeds = Override::parse_from(&format!("seeds=[{list}]"), &format!("--seeds {list}"))?;
        (file, recipe) = file.with(&[seeds])?;
    }
    let definition = Definition {
        recipe: path.display().to_string(),
        settings: args.overrides.clone(),
        sets: args.sets.clone(),
        random: args.random,
        seed: args.seed,
        seeds: recipe.seeds.clone(),
        halving: args.halving,
        metric: args.metric,
    };
    execute(&file, &recipe, definition, Place::New { runs_dir: &args.runs_dir }, output)
}

/// Goes on with a sweep where it stands.
fn resume(runs_dir: &Path, sweep: &Path, output: &Output) -> Result<u8, Diagnostic> {
    let dir = RunDir::open_of(Kind::Sweep, runs_dir, sweep)?;
    let status = SweepStatus::read(dir.path())?;
    if status.process.status == Status::Completed {
        output.progress(&format!("{} is complete; nothing is left to do", dir.path().display()));
        return Ok(0);
    }
    let (file, recipe) = resolved(dir.path(), &[])?;
    let definition = Definition { seeds: recipe.seeds.clone(), ..status.definition.clone() };
    execute(&file, &recipe, definition, Place::Old { dir, status: Box::new(status) }, output)
}

/// Where the files of a sweep go.
enum Place<'a> {
    New { runs_dir: &'a Path },
    Old { dir: RunDir, status: Box<SweepStatus> },
}

/// Checks everything, makes the directory, does the trials that are not done yet and reports.
fn execute(
    file: &RecipeFile,
    recipe: &Recipe,
    definition: Definition,
    place: Place<'_>,
    output: &Output,
) -> Result<u8, Diagnostic> {
    let _span = tracing::info_span!("sweep", recipe = file.path()).entered();
    let began = Instant::now();
    let sets = read_data(file, recipe)?;
    let recipe = &recipe.settled(&*sets.train);
    let plan = Plan::new(&definition, file, recipe, sets.validation.is_some())?;
    let runs_dir = match &place {
        Place::New { runs_dir } => runs_dir,
        Place::Old { dir, .. } => dir.path(),
    };
    check_trials(&plan, (file, recipe), &sets, runs_dir, output)?;
    let experiment = Experiment::new(recipe, sets.clone()).map_err(|error| locate(file, recipe, error))?;
    let found =
        Preflight { file, experiment: &experiment, roles: &ROLES, runs_dir, resumes: false, output }.check_all();
    let found = warn(found, output)?.passed()?;
    let Found { fingerprints: Some(prints), given, .. } = &found else {
        return Err(Diagnostic::new(Code::Bug, "the data passed its checks without being read"));
    };
    let identity = Identity::new(recipe, prints.sha256())?;
    let now = SweepStatus {
        process: RunStatus::new(&[Role::Student], &identity, given.as_ref().map(|given| given.sha256.clone())),
        definition,
        targets: TARGETS_VERSION,
    };
    let (dir, mut status) = match place {
        Place::New { runs_dir } => {
            let dir = RunDir::create_of(Kind::Sweep, runs_dir, &format!("{}-sweep", recipe.name))?;
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
    // A sweep is the same without its log.
    let _ = output.log_to(&dir.path().join("sweep.log"));
    let signals = Signals::catch().map_err(|error| Diagnostic::io("cannot catch signals", None, error))?;
    let inputs = (prints.train.mean, prints.train.sd);
    let again = format!("distill sweep --resume {}", shell([&*dir.path().to_string_lossy()]));
    let outcome = Records::open(&dir, &plan).and_then(|records| {
        let teachers = Teachers::new(&dir, output, &signals, prints.sha256(), inputs);
        let mut sweep = Sweep { plan: &plan, file, sets, output, signals: &signals, teachers, records };
        announce(&sweep, &status.definition, &dir)?;
        match sweep.run() {
            Ok(ControlFlow::Continue(())) => finish(&sweep, &mut status, &dir, began).map(|()| None),
            Ok(ControlFlow::Break(signal)) => Ok(Some(signal)),
            Err(diagnostic) => {
                let n = sweep.records.all().len();
                Err(diagnostic.note(format!("{n} trials are finished; `{again}` goes on")))
            }
        }
    });
    let (state, exit, error) = match &outcome {
        Ok(None) => (Status::Completed, 0, None),
        Ok(Some(signal)) => (Status::Interrupted, signal.exit_code(), None),
        Err(diagnostic) => (Status::Failed, diagnostic.exit_code(), Some(diagnostic.title())),
    };
    if state != Status::Completed {
        status.process.end(state, exit, error, began);
    }
    // The first error is the one to hear of.
    let written = status.write(&dir);
    if let Some(signal) = outcome? {
        output.progress(&format!("resume  {again}"));
        let fields =
            json!({ "sweep": dir.path().display().to_string(), "status": state.name(), "exit": signal.exit_code() });
        output.event("sweep_end", fields)?;
    }
    written.map(|()| exit)
}

/// Refuses a sweep of which a trial cannot be built, before any is.
fn check_trials(
    plan: &Plan,
    (file, recipe): (&RecipeFile, &Recipe),
    sets: &Sets,
    runs_dir: &Path,
    output: &Output,
) -> Result<(), Diagnostic> {
    let precisions = |recipe: &Recipe| (recipe.teacher.train.precision, recipe.train.precision);
    let mut built = HashSet::new();
    // What there is to say of the recipe's own is said with its other checks.
    let mut told = HashSet::from([precisions(recipe)]);
    for trial in 1..=plan.trials.len() {
        let (file, recipe) = plan.recipe(file, trial)?;
        plan.check_budget(&file, &recipe)?;
        // Data is selected anew only for what selects it, or goes with it.
        let Recipe { data, teacher, student, train, .. } = &recipe;
        let parts = (data, &teacher.model, &teacher.train.augment, student, &train.augment, precisions(&recipe));
        if built.insert(format!("{parts:?}")) {
            let experiment = Experiment::new(&recipe, sets.clone()).map_err(|error| locate(&file, &recipe, error))?;
            let found =
                Preflight { file: &file, experiment: &experiment, roles: &ROLES, runs_dir, resumes: false, output }
                    .check_models()?;
            if told.insert(precisions(&recipe)) {
                warn(found, output)?;
            }
        }
    }
    Ok(())
}

/// Says what is about to be done, and what is done already.
fn announce(sweep: &Sweep<'_>, definition: &Definition, dir: &RunDir) -> Result<(), Diagnostic> {
    let Sweep { plan, output, records, .. } = sweep;
    let (n_trials, seeds) = (plan.trials.len(), &definition.seeds);
    output.progress(&format!("recipe  {}", definition.recipe));
    output.progress(&format!("sweep   {}", dir.path().display()));
    output.progress(&format!(
        "trials  {}, {} each, compared on the validation set",
        thousands(n_trials as u64),
        if seeds.len() == 1 { "one seed".to_owned() } else { format!("{} seeds", seeds.len()) },
    ));
    if let [_, .., _] = plan.budgets[..] {
        let budgets = plan.budgets.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        output.progress(&format!("rungs   {budgets} epochs"));
    }
    if !records.all().is_empty() {
        output.progress(&format!("going on after {} finished trials", records.all().len()));
    }
    output.progress("");
    let fields = json!({
        "sweep": dir.path().display().to_string(),
        "recipe": definition.recipe,
        "keys": plan.keys(),
        "trials": n_trials,
        "budgets": plan.budgets,
        "seeds": seeds,
        "metric": definition.metric,
        "finished": records.all().len(),
    });
    output.event("sweep_start", fields)
}

/// The table, the report, the best settings, and how to look at them on the test set.
fn finish(sweep: &Sweep<'_>, status: &mut SweepStatus, dir: &RunDir, began: Instant) -> Result<(), Diagnostic> {
    let Sweep { plan, output, records, .. } = sweep;
    let csv = dir.path().join(CSV);
    // Before the report, which says so.
    status.process.end(Status::Completed, 0, None, began);
    let report = SweepReport::new(dir.path(), &status.process, &status.definition, (plan, sweep.file), records.all())?;
    let Some((best, command)) = report.best().zip(report.next.as_ref()) else {
        return Err(all_failed(records.all(), plan.trials.len()).at(csv.display()));
    };
    let page = write_sweep(dir.path(), &report)?;
    let words = |words: &[String]| shell(words.iter().map(String::as_str));
    output.progress(&format!("\nsaved   {}", csv.display()));
    output.progress(&format!("report  {}", page.display()));
    let ranking: Vec<&Record> = report.ranking.iter().collect();
    let table = table(&plan.keys(), &ranking, plan.budgets.len() > 1, &report.differences);
    let second = BestAndNext::of(&ranking);
    let mut told = second.as_ref().map_or(String::new(), |second| format!("{}\n", second.text(words)));
    if let Some(summary) = Difference::summary(&report.differences) {
        told += &format!("noise  {summary}\n");
    }
    let text = format!("\n{table}\n{told}best  {}\nnext  {command}", words(&best.settings));
    let fields = json!({
        "sweep": dir.path().display().to_string(),
        "status": Status::Completed.name(),
        "best": event(best),
        "best_and_next": second,
        "differences": report.differences,
        "report": page.display().to_string(),
        "command": command,
        "exit": 0,
    });
    match output.result(&text).and_then(|()| output.event("sweep_end", fields)) {
        // Nobody reads any more; the files are complete.
        Err(diagnostic) if diagnostic.is_broken_pipe() => Ok(()),
        printed => printed,
    }
}

/// There is no best trial. The code is that of the first one.
fn all_failed(records: &[Record], n_trials: usize) -> Diagnostic {
    let why = records.iter().find_map(|record| record.error.as_deref()).unwrap_or_default();
    let code = why.split(':').next().and_then(|name| code::find(name).ok()).unwrap_or(Code::NonFinite);
    let diagnostic =
        Diagnostic::new(code, format!("all {n_trials} trials failed")).note(format!("the first one: {why}"));
    match code {
        Code::TeacherAccuracy => {
            diagnostic.help("train the teacher for longer, or give a better one with `teacher.weights`")
        }
        _ => diagnostic.help("try lower values of `train.optimizer.lr`, or set `train.clip_grad_norm=1.0`"),
    }
}
