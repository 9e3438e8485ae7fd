use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use distill_models::Task;
use distill_train::{Experiment, Fingerprint, SoftTargetFile, SoftTargets, TargetStorage, kl_between};
use serde_json::json;

use crate::args::TeachArgs;
use crate::output::Output;
use crate::screen::Screen;
use distill_lab::Asked;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::atomic;
use distill_recipe::data_source::read_data;
use distill_recipe::locate;
use distill_recipe::model_file::sha256;
use distill_recipe::teacher_file::PretrainedTeacher;
use distill_recipe::words::shell;
use distill_recipe::words::{size, thousands};

/// `distill teach RECIPE [KEY=VALUE ...] [--output FILE]`: asks a teacher once for every example.
pub(crate) fn teach(args: &TeachArgs, output: &Output) -> Result<u8, Diagnostic> {
    let _span = tracing::info_span!("teach").entered();
    let (file, recipe) = super::recipe::load(&args.recipe, output)?;
    if recipe.teacher.weights.is_none() {
        let what = "the recipe trains its teacher, which does not exist yet";
        return Err(file
            .locate(Diagnostic::new(Code::Value, what), "teacher")
            .help(format!("train it first: `distill train {}`, then set `teacher.weights` to its file", file.path())));
    }
    if recipe.teacher.is_of_seeds() {
        let what = "each seed has a teacher of its own, and a file of answers is of one teacher";
        return Err(file
            .locate(Diagnostic::new(Code::Value, what), "teacher.weights")
            .help("name one teacher, `teacher.weights=teacher.safetensors`; a run asks each of several by itself"));
    }
    if !recipe.kd.features.is_empty() {
        let what = "the recipe compares inner values, which a file of answers does not have";
        return Err(file.locate(Diagnostic::new(Code::Value, what), "kd.features").help(
            "leave `features` out, `'kd.features=[]'`, or run the recipe, which asks the teacher for every batch",
        ));
    }
    let path = match (&args.output, &recipe.kd.cache) {
        (Some(path), _) => path.clone(),
        (None, Some(cache)) => PathBuf::from(cache),
        (None, None) => Path::new("cache").join(format!("{}.soft.safetensors", recipe.name)),
    };
    refuse_to_replace(&path)?;
    let start = Instant::now();
    let experiment =
        Experiment::new(&recipe, read_data(&file, &recipe)?).map_err(|error| locate(&file, &recipe, error))?;
    let transfer = experiment.transfer_set();
    let Some(teacher) = PretrainedTeacher::load(&experiment)?.pop() else {
        return Err(Diagnostic::new(Code::Bug, "a teacher that the recipe names was not read"));
    };
    for (path, kind) in teacher.answers() {
        output.progress(&format!("answers of {}: {kind}", path.display()));
    }
    for member in &teacher.members {
        for assumed in &member.loaded.assumed {
            output.progress(&format!("assumed of {}: {assumed}", member.path.display()));
        }
    }
    let answers: Vec<String> = teacher.answers().map(|(_, kind)| kind.to_string()).collect();
    let classes = transfer.spec().classes.clone();
    let of_numbers = experiment.task() == Task::Numbers;
    if of_numbers && args.store != TargetStorage::F32 {
        return Err(Diagnostic::new(Code::Value, format!("numbers to predict cannot be kept as {}", args.store))
            .at("command line: --store")
            .note("it keeps how far logits lie below the largest one")
            .help("use `--store f32`"));
    }
    args.store.check(classes.len()).map_err(|reason| {
        Diagnostic::new(Code::Value, format!("the answers cannot be kept as {}", args.store))
            .at("command line: --store")
            .note(reason)
            .help("use `--store f16`, or fewer of the largest")
    })?;
    let screen = Screen::new(output);
    let asked = Asked::new(&*teacher.model, "the teacher", transfer.len(), &screen);
    let targets = SoftTargets::compute(&asked, transfer)?;
    drop(asked);
    let data_sha256 = Fingerprint::of(transfer)?.sha256();
    let place = teacher.place();
    let cache = SoftTargetFile::new(&targets, args.store, classes, data_sha256, teacher.sha256).map_err(|error| {
        Diagnostic::from(error).at(place).better_help("use a teacher whose answers are finite numbers")
    })?;
    let bytes = cache.to_bytes()?;
    let temperature = recipe.kd.temperature;
    // Numbers to predict are no distributions, and are kept as they are.
    let kl =
        (!of_numbers).then(|| kl_between(targets.logits(), args.store.round(targets.logits()).view(), temperature));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Diagnostic::io("cannot make the folder", Some(folder), error).help("choose another file with `--output`")
        })?;
    }
    atomic::write(&path, &bytes)?;
    let seconds = start.elapsed().as_secs_f64();
    let rows = thousands(transfer.len() as u64);
    if let Some((kl_mean, kl_max)) = kl.filter(|_| args.store != TargetStorage::F32) {
        let error = format!("mean {kl_mean:.2e}, at most {kl_max:.2e} nats");
        output.progress(&format!("kept as {}: KL from the answers at T = {temperature}: {error}", args.store));
    }
    output.result(&format!("{rows} rows  {seconds:.1} s  {}  {}", size(bytes.len() as u64), path.display()))?;
    let setting = format!("kd.cache={}", path.display());
    let words = ["distill", "run", file.path()].into_iter();
    let words = words.chain(args.recipe.overrides.iter().map(String::as_str)).chain([setting.as_str()]);
    output.progress(&format!("next   {}", shell(words)));
    output.event(
        "teach",
        json!({
            "path": path.display().to_string(),
            "rows": transfer.len(),
            "classes": cache.classes.len(),
            "bytes": bytes.len(),
            "answers": answers,
            "storage": args.store.to_string(),
            "kl_mean": kl.map(|(mean, _)| mean),
            "kl_max": kl.map(|(_, max)| max),
            "sha256": sha256(&bytes),
            "data_sha256": cache.data_sha256,
            "teacher_sha256": cache.teacher_sha256,
            "seconds": seconds,
        }),
    )?;
    Ok(0)
}

/// Soft targets are made anew as often as somebody likes; any other file stays.
fn refuse_to_replace(path: &Path) -> Result<(), Diagnostic> {
    let mut start = vec![];
    let opened = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    if opened.is_err() || SoftTargetFile::is_one(&start) {
        return Ok(());
    }
    Err(Diagnostic::new(Code::Exists, "the file exists and does not hold soft targets")
        .at(path.display())
        .note("it was not changed")
        .help("choose another file with `--output`"))
}
