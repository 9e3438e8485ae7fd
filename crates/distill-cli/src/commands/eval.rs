mod numbers;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::{DataError, Dataset};
use distill_models::{Model, Provenance, Task};
use distill_train::{Evaluation, Measured, OnnxConfig, TeacherClasses, TrainError, auroc, measure, passing};
use serde::Serialize;
use serde_json::{Value, json};

use super::recipe::data_with;
use crate::args::EvalArgs;
use crate::output::Output;
use crate::screen::Screen;
use distill_lab::Asked;
use distill_lab::Latency;
use distill_lab::evaluation_files;
use distill_predict::{Reading, Source, confidences, files, safe_cell};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::LoadedTeacher;
use distill_recipe::atomic;
use distill_recipe::data_folder::is_remembered;
use distill_recipe::data_source::{DataSource, SourceError};
use distill_recipe::onnx_file;
use distill_recipe::teacher_file;
use distill_recipe::words::thousands;

/// Classes that are named in the text: those with the lowest recall.
const WORST_CLASSES: usize = 5;

/// `distill eval MODEL --data DATA`
pub(crate) fn eval(args: &EvalArgs, output: &Output) -> Result<u8, Diagnostic> {
    let onnx = onnx_file::settings(&args.onnx, [Some(&args.model), args.teacher.as_ref()].into_iter().flatten())?;
    let loaded = teacher_file::load(&args.model, Some(&onnx))?;
    let task = loaded.model.spec().task;
    numbers::check_flags(args, task)?;
    // The two answer the same question.
    let onnx = OnnxConfig { numbers: onnx.numbers.or(Some(task == Task::Numbers)), ..onnx };
    let teacher = args.teacher.as_deref().map(|path| teacher_file::load(path, Some(&onnx))).transpose()?;
    let data = test_set(args, &loaded)?;
    let loaded = loaded.fitted("model", &args.model, data.spec(), TeacherClasses::Same)?.without_zeros(&*data, None)?;
    let failed = |error: TrainError, path: &Path| Diagnostic::from(error.of_set("test")).at(path.display());
    let screen = Screen::new(output);
    let asked = |model: &dyn Model, what, path: &Path| {
        measure(&Asked::new(model, what, data.len(), &screen), &*data).map_err(|error| failed(error, path))
    };
    let test = asked(&*loaded.model, "the model", &args.model)?;
    let agreement = match (teacher, &args.teacher) {
        (Some(teacher), Some(path)) => {
            let teacher = teacher.fitted("teacher", path, data.spec(), TeacherClasses::Same)?;
            Some(test.agreement(&asked(&*teacher.model, "the teacher", path)?))
        }
        _ => None,
    };
    output.progress("timing it on one example at a time");
    let latency = Latency::measure(&*loaded.model, &*data)?;
    let found = Found { args, loaded: &loaded, agreement, latency };
    found.tables(&test)?;
    match &test {
        Measured::Classes(test) => found.classes(test, output),
        Measured::Numbers(test) => found.numbers(test, output),
    }
}

/// The test set, read as the model's file says, or as the settings do.
fn test_set(args: &EvalArgs, loaded: &LoadedTeacher) -> Result<Arc<dyn Dataset>, Diagnostic> {
    let spec = loaded.model.spec();
    if !args.overrides.is_empty() {
        if is_remembered(&loaded.provenance) {
            let problem =
                "settings of the data are for models whose file does not say how their data is read, and this one does";
            return Err(Diagnostic::new(Code::Value, problem)
                .at(args.model.display())
                .help(format!("leave out `{}`", args.overrides.join("` and `"))));
        }
        return Ok(data_with(&args.data, &args.overrides)?.test);
    }
    let source = DataSource::for_model(&args.data, &loaded.provenance, &spec.input_shape)?;
    source.load_test(&spec.classes).map_err(|error| match error {
        // Data that names no classes is read with those of the model.
        SourceError::Data(error @ DataError::LabelOutOfRange { .. }) => {
            Diagnostic::from(error).better_help("use a model that was trained on this data")
        }
        other => other.into(),
    })
}

/// What is said of a model, whatever its answers are.
struct Found<'a> {
    args: &'a EvalArgs,
    loaded: &'a LoadedTeacher,
    agreement: Option<f64>,
    latency: Latency,
}

impl Found<'_> {
    /// The lines that a text begins with.
    fn head(&self, n_examples: usize) -> String {
        let Self { args, loaded, .. } = self;
        let mut text = format!("model     {}\n", args.model.display());
        text += &format!("          {}", distill_recipe::in_words(loaded.model.spec()));
        for (name, value) in &loaded.provenance {
            if ["role", "seed"].contains(&name.as_str()) {
                text += &format!(", {name} {value}");
            }
        }
        if let Some(answers) = &loaded.answers {
            text += &format!("\nanswers   {answers}");
        }
        for (i, assumed) in loaded.assumed.iter().enumerate() {
            text += &format!("\n{:<9} {assumed}", if i == 0 { "assumed" } else { "" });
        }
        text + &format!("\ndata      {}, {} test examples\n", args.data, thousands(n_examples as u64))
    }

    fn latency_line(&self) -> String {
        format!("latency   {:.1} µs, 95 % below {:.1} µs\n", self.latency.p50_us, self.latency.p95_us)
    }

    fn tables(&self, test: &Measured) -> Result<(), Diagnostic> {
        let Some(folder) = &self.args.tables else { return Ok(()) };
        let cell = |name: &String| if self.args.spreadsheet_safe { safe_cell(name).into_owned() } else { name.clone() };
        // Names are the only text in the tables.
        write_tables(folder, test, &self.loaded.model.spec().classes.iter().map(cell).collect::<Vec<String>>())
    }

    /// Exit code 1 for what is below a bound that was asked for.
    fn gate(&self, what: &str, found: f64, bound: Option<f64>) -> Result<u8, Diagnostic> {
        match bound {
            Some(bound) if found < bound => {
                let what = format!("{what} is {found:.4}, at least {bound} was asked for");
                Err(Diagnostic::new(Code::Gate, what)
                    .at(self.args.model.display())
                    .help("train for longer, use a larger model, or state a bound that can be met"))
            }
            _ => Ok(0),
        }
    }

    /// What the event of every model has.
    fn event(&self, n_examples: usize) -> Value {
        let Self { args, loaded, agreement, latency } = self;
        json!({
            "model": args.model.display().to_string(),
            "model_sha256": loaded.sha256,
            "answers": loaded.answers.as_ref().map(ToString::to_string),
            "assumed": loaded.assumed,
            "data": args.data,
            "examples": n_examples,
            "agreement": agreement,
            "latency": latency,
        })
    }

    fn classes(&self, test: &Evaluation, output: &Output) -> Result<u8, Diagnostic> {
        let Self { args, loaded, agreement, .. } = self;
        let spec = loaded.model.spec();
        let outside = match args.out_of_scope.as_slice() {
            [] => None,
            named => Some(outside(&*loaded.model, &loaded.provenance, named, test)?),
        };
        let mut text = self.head(test.examples);
        text += &format!("nll       {:.4}\n", test.nll);
        text += &format!("ece       {:.4}\n", test.ece);
        text += &self.latency_line();
        text += &worst_classes(test, &spec.classes);
        if test.top_k > 1 {
            text += &format!("top {:<5} {:.2} %\n", test.top_k, 100.0 * test.top_k_accuracy());
        }
        if let Some(agreement) = agreement {
            text += &format!("agreement {:.2} % with the teacher\n", 100.0 * agreement);
        }
        if let Some(outside) = &outside {
            text += &format!(
                "outside   {} rows out of scope: AUROC {:.4}, {:.2} % of them pass where 95 % of the test examples do\n",
                thousands(outside.examples as u64),
                outside.auroc,
                100.0 * outside.passing_at_95
            );
        }
        text += &format!("accuracy  {:.2} %, {} errors", 100.0 * test.accuracy(), test.errors);
        output.result(&text)?;
        let mut event = self.event(test.examples);
        event["errors"] = json!(test.errors);
        event["accuracy"] = json!(test.accuracy());
        event["top_k"] = json!(test.top_k);
        event["top_k_accuracy"] = json!(test.top_k_accuracy());
        event["nll"] = json!(test.nll);
        event["ece"] = json!(test.ece);
        event["out_of_scope"] = json!(outside);
        output.event("eval", event)?;
        self.gate("accuracy", test.accuracy(), args.min_accuracy)
    }
}

/// How well a model tells what belongs to its classes from what does not.
#[derive(Serialize)]
struct Outside {
    examples: usize,
    auroc: f64,
    passing_at_95: f64,
}

/// The rows of files that belong to no class, beside the test examples.
fn outside(
    model: &dyn Model,
    provenance: &Provenance,
    named: &[PathBuf],
    test: &Evaluation,
) -> Result<Outside, Diagnostic> {
    let (spec, mut found) = (model.spec(), vec![]);
    let reading = Reading::of(provenance, spec.features());
    for file in files(named)?.found {
        found.extend(confidences(model, &mut Source::open(&file, None, spec, &reading, false)?)?);
    }
    if found.is_empty() {
        let place = named.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Diagnostic::new(Code::PredictInput, "there is no row out of scope")
            .at(place)
            .help("name a file with rows"));
    }
    let (auroc, passing_at_95) = (auroc(&test.confidences, &found), passing(0.95, &test.confidences, &found));
    Ok(Outside { examples: found.len(), auroc, passing_at_95 })
}

fn worst_classes(test: &Evaluation, classes: &[String]) -> String {
    let mut found: Vec<_> = classes.iter().zip(test.per_class()).filter(|(_, class)| class.errors > 0).collect();
    found.sort_by(|(_, a), (_, b)| a.recall.unwrap_or(1.0).total_cmp(&b.recall.unwrap_or(1.0)));
    found.iter().take(WORST_CLASSES).enumerate().fold(String::new(), |mut text, (i, (name, class))| {
        let label = if i == 0 { "worst" } else { "" };
        let _ = writeln!(
            text,
            "{label:<9} {name}: {:.2} % of {} found",
            100.0 * class.recall.unwrap_or_default(),
            thousands(class.examples as u64)
        );
        text
    })
}

fn write_tables(folder: &Path, test: &Measured, names: &[String]) -> Result<(), Diagnostic> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Diagnostic::io("cannot make the folder of the tables", Some(folder), error))?;
    for (name, table) in evaluation_files::all(test, names) {
        atomic::write(&folder.join(name), table.as_bytes())?;
    }
    Ok(())
}
