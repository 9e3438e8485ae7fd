use std::path::{Path, PathBuf};

use distill_models::Task;

use crate::args::{FormatName, PredictArgs};
use crate::output::Output;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::onnx_file;
use distill_recipe::teacher_file;

use distill_predict::{Answers, Format, Kind, Predictor, Reading, STDIN, Source, bad_row, files};

use super::meter::Meter;

/// An option that asks for classes, of a model that gives numbers.
pub(super) fn of_classes_alone(flag: &str, model: &Path) -> Diagnostic {
    Diagnostic::new(Code::Value, format!("`{flag}` is set, and the model predicts numbers and no classes"))
        .at(model.display())
        .help("leave it out")
}

/// `distill predict MODEL [FILES…]`
pub(crate) fn predict(args: &PredictArgs, output: &Output) -> Result<(), Diagnostic> {
    let onnx = onnx_file::settings(&args.onnx, [&args.model])?;
    let loaded = teacher_file::load(&args.model, Some(&onnx))?;
    let format = match args.format {
        _ if output.is_json() => Format::Events,
        FormatName::Csv => Format::Csv,
        FormatName::Jsonl => Format::Jsonl,
    };
    let spec = loaded.model.spec();
    let reading = Reading::of(&loaded.provenance, spec.features());
    let mut answers = match spec.task {
        Task::Classes => Answers::new(format, &spec.classes, args.top, args.probs, args.temperature.get())?,
        Task::Numbers => {
            let set = [
                ("--top", args.top.is_some()),
                ("--probs", args.probs),
                ("--temperature", args.temperature.get() != 1.0),
            ];
            if let Some((flag, _)) = set.into_iter().find(|(_, is_set)| *is_set) {
                return Err(of_classes_alone(flag, &args.model));
            }
            Answers::numbers(format, &spec.classes)?
        }
    };
    answers.spreadsheet_safe = args.spreadsheet_safe;
    let mut predictor = Predictor::new(&*loaded.model, answers, |text| output.raw(text));
    predictor.invert = args.invert;
    let files = match args.files.as_slice() {
        [] => vec![PathBuf::from(STDIN)],
        named => {
            let files = files(named)?;
            files.notes.iter().for_each(|note| output.progress(note));
            files.found
        }
    };
    let mut meter = Meter::new(output, files.len());
    let outcome = files.iter().enumerate().try_for_each(|(number, file)| {
        let mut source = Source::open(file, args.input.map(Kind::from), spec, &reading, files.len() > 1)?;
        if args.invert && !source.is_pictures() {
            return Err(bad_row(file.display(), "`--invert` is set, and these are not images")
                .help("leave it out, or name IDX files, arrays of bytes, PNG or JPEG"));
        }
        predictor.answer(&mut source, |answered, part| meter.show(answered, number, part))
    });
    let outcome = outcome.and_then(|()| predictor.flush());
    drop(meter);
    let trained: Option<f64> = loaded.provenance.get("input_mean").and_then(|mean| mean.parse().ok());
    if let Some(changes) = predictor.seen().changes() {
        output.progress(&changes);
    }
    if let Some((mean, trained)) = trained.and_then(|trained| Some((predictor.seen().swapped_mean(trained)?, trained)))
    {
        output.warning(
            "black and white look swapped",
            &format!(
                "pixels are {mean:.2} in the mean, 0 is black and 1 is white; those to train on were {trained:.2}"
            ),
            "if dark and light have changed places, as in a scan of ink on paper, add `--invert`",
        )?;
    }
    outcome
}
