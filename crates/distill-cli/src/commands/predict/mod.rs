mod answers;
mod array_rows;
mod batch;
mod csv_rows;
mod folder;
mod idx_rows;
mod json_rows;
mod lines;
mod meter;
mod pictures;
mod source;
mod table_rows;

use std::io::Cursor;
use std::path::PathBuf;

use clap::Args;
use distill_losses::Temperature;
use distill_models::{Model, ModelSpec, Scratch};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::help;
use crate::output::Output;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::data_folder::{columns_of, images_of, layout_of};
use distill_recipe::onnx_file;
use distill_recipe::teacher_file;

use answers::{Answers, Format};
use batch::{Batch, Ids};
use lines::Lines;
use meter::Meter;
use pictures::Seen;
use source::{Kind, Reading, STDIN, Source};

#[derive(Debug, Args)]
#[command(after_help = help::PREDICT)]
pub(crate) struct PredictArgs {
    /// The model, a safetensors file written by this program, or an ONNX file
    model: PathBuf,

    /// CSV, Parquet, JSON Lines, IDX, npy, PNG or JPEG, or folders of pictures; `-`, or no file, is standard input
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// What is printed; with --json always events
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print the K most probable classes, at most all
    #[arg(long, value_name = "K", value_parser = parse_top)]
    top: Option<usize>,

    /// Print the probability of every class
    #[arg(long)]
    probs: bool,

    /// What the inputs are [default: what their first bytes say]
    #[arg(long, value_enum)]
    input: Option<Kind>,

    /// The softmax temperature of the probabilities
    #[arg(long, value_name = "T", default_value = "1", value_parser = parse_temperature)]
    temperature: Temperature,

    /// In CSV, put an apostrophe before text that a spreadsheet would take for a formula
    #[arg(long)]
    spreadsheet_safe: bool,

    /// Swap black and white of pictures, such as scans of ink on paper
    #[arg(long)]
    invert: bool,

    /// What an ONNX file does not say, such as `output=probs` or `classes=names.txt`
    #[arg(long, value_name = "KEY=VALUE")]
    onnx: Vec<String>,
}

/// `distill predict MODEL [FILES…]`
pub(crate) fn predict(args: &PredictArgs, output: &Output) -> Result<(), Diagnostic> {
    let onnx = onnx_file::settings(&args.onnx, [&args.model])?;
    let loaded = teacher_file::load(&args.model, Some(&onnx))?;
    let format = if output.is_json() { Format::Events } else { args.format };
    let spec = loaded.model.spec();
    let reading = Reading {
        columns: columns_of(&loaded.provenance),
        images: images_of(&loaded.provenance),
        layout: layout_of(&loaded.provenance),
    };
    let mut answers = Answers::new(format, &spec.classes, args.top, args.probs, args.temperature.get())?;
    answers.spreadsheet_safe = args.spreadsheet_safe;
    let mut predictor = Predictor::new(&*loaded.model, answers, |text| output.raw(text));
    predictor.invert = args.invert;
    let files = if args.files.is_empty() { vec![PathBuf::from(STDIN)] } else { folder::files(&args.files, output)? };
    let mut meter = Meter::new(output, files.len());
    let outcome = files.iter().enumerate().try_for_each(|(number, file)| {
        let mut source = Source::open(file, args.input, spec, &reading, files.len() > 1)?;
        if args.invert && !source.is_pictures() {
            return Err(bad_row(file.display(), "`--invert` is set, and these are no pictures")
                .help("leave it out, or name IDX files, arrays of bytes, PNG or JPEG"));
        }
        predictor.answer(&mut source, |answered, part| meter.show(answered, number, part))
    });
    let outcome = outcome.and_then(|()| predictor.flush());
    drop(meter);
    let trained = loaded.provenance.get("input_mean").and_then(|mean| mean.parse().ok());
    predictor.seen.tell(trained, output)?;
    outcome
}

/// The answers to rows as they would come on standard input.
pub(crate) fn rows(model: &dyn Model, rows: Vec<u8>) -> Result<String, Diagnostic> {
    let (spec, mut text) = (model.spec(), Vec::new());
    let answers = Answers::new(Format::Csv, &spec.classes, None, false, 1.0)?;
    let mut predictor = Predictor::new(model, answers, |part| {
        text.extend_from_slice(part);
        Ok(())
    });
    let lines = Lines::new(Box::new(Cursor::new(rows)), "stdin".to_owned(), false);
    let mut source = Source::new(lines, None, spec, &Reading::default(), Ids::new(None), None)?;
    predictor.answer(&mut source, |_, _| {})?;
    predictor.flush()?;
    drop(predictor);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Asks a model about rows, some at a time, in memory that does not grow with their number.
struct Predictor<'a, W> {
    model: &'a dyn Model,
    answers: Answers<'a>,
    write: W,
    batch: Batch,
    /// Whether black and white of pictures change places.
    invert: bool,
    seen: Seen,
    scratch: Scratch,
    logits: Vec<f32>,
    n_answered: u64,
}

impl<'a, W: FnMut(&[u8]) -> Result<(), Diagnostic>> Predictor<'a, W> {
    fn new(model: &'a dyn Model, answers: Answers<'a>, write: W) -> Self {
        let spec = model.spec();
        let batch = Batch::new(spec.features(), spec.classes.len());
        let (seen, scratch) = (Seen::default(), Scratch::default());
        Self { model, answers, write, batch, invert: false, seen, scratch, logits: vec![], n_answered: 0 }
    }

    /// Answers every row, and those before a bad one in any case. `show` is told how many rows are answered, and how much of
    /// the source that is.
    fn answer(&mut self, source: &mut Source, mut show: impl FnMut(u64, Option<(u64, u64)>)) -> Result<(), Diagnostic> {
        self.seen.note(source.changed());
        loop {
            let more = source.next(&mut self.batch);
            if matches!(more, Ok(true)) && source.is_pictures() {
                let picture = self.batch.last();
                if self.invert {
                    picture.iter_mut().for_each(|value| *value = 1.0 - *value);
                }
                self.seen.add(picture);
            }
            // Whoever waits for an answer before he writes the next row gets it.
            if !matches!(more, Ok(true)) || self.batch.is_full() || !source.is_ready() {
                self.flush()?;
                show(self.n_answered, source.part());
            }
            if !more? {
                return Ok(());
            }
        }
    }

    /// Answers the rows that wait.
    fn flush(&mut self) -> Result<(), Diagnostic> {
        let spec = self.model.spec();
        let n_rows = self.batch.len();
        self.logits.resize(n_rows * spec.classes.len(), 0.0);
        let inputs = ArrayView2::from_shape((n_rows, spec.features()), self.batch.values())
            .expect("a batch has the values of its rows");
        let mut logits = ArrayViewMut2::from_shape((n_rows, spec.classes.len()), &mut self.logits)
            .expect("the buffer was made for these rows");
        self.model.logits_into(inputs, &mut self.scratch, logits.view_mut())?;
        let mut outcome = Ok(());
        for ((id, place), logits) in self.batch.rows().iter().zip(logits.rows()) {
            if logits.iter().any(|logit| !logit.is_finite()) {
                outcome = Err(bad_row(place, "the model's answer to the row is not a finite number")
                    .note("its values are too large")
                    .help(VALUES));
                break;
            }
            self.answers.push(id, logits)?;
        }
        if !self.answers.text().is_empty() {
            (self.write)(self.answers.text())?;
        }
        self.answers.clear();
        self.n_answered += n_rows as u64;
        self.batch.clear();
        outcome
    }
}

const VALUES: &str = "write numbers such as 0.5; pixels are from 0 to 1, as in training";

/// A row that cannot be used.
fn bad_row(place: impl std::fmt::Display, what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::PredictInput, what).at(place)
}

/// What a model takes, such as `784 (1x28x28)`.
fn takes(spec: &ModelSpec) -> String {
    let sides: Vec<_> = spec.input_shape.iter().map(ToString::to_string).collect();
    match sides.as_slice() {
        [_] => spec.features().to_string(),
        _ => format!("{} ({})", spec.features(), sides.join("x")),
    }
}

fn parse_top(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(k @ 1..) => Ok(k),
        _ => Err("a number of classes is a whole number from 1 up".to_owned()),
    }
}

fn parse_temperature(text: &str) -> Result<Temperature, String> {
    let temperature = text.parse().ok().and_then(|value| Temperature::new(value).ok());
    // Logits are multiplied by the reciprocal.
    temperature
        .filter(|t| t.get().recip().is_finite())
        .ok_or_else(|| "a temperature is a finite number greater than 0".to_owned())
}

#[cfg(test)]
mod tests;
