use std::path::PathBuf;

use clap::{Args, ValueEnum};
use distill_losses::Temperature;

use crate::help;
use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::data_folder::{columns_of, images_of, layout_of};
use distill_recipe::onnx_file;
use distill_recipe::teacher_file;

use distill_predict::{Answers, Format, Kind, Predictor, Reading, STDIN, Source, bad_row, files};

use super::meter::Meter;

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
    format: FormatName,

    /// Print the K most probable classes, at most all
    #[arg(long, value_name = "K", value_parser = parse_top)]
    top: Option<usize>,

    /// Print the probability of every class
    #[arg(long)]
    probs: bool,

    /// What the inputs are [default: what their first bytes say]
    #[arg(long, value_enum)]
    input: Option<KindName>,

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

/// How answers are printed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum FormatName {
    #[default]
    Csv,
    Jsonl,
}

/// The kinds of inputs.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindName {
    Csv,
    Jsonl,
    Idx,
    Npy,
    Image,
    Parquet,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Csv => Self::Csv,
            KindName::Jsonl => Self::Jsonl,
            KindName::Idx => Self::Idx,
            KindName::Npy => Self::Npy,
            KindName::Image => Self::Image,
            KindName::Parquet => Self::Parquet,
        }
    }
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
    let reading = Reading {
        columns: columns_of(&loaded.provenance),
        images: images_of(&loaded.provenance),
        layout: layout_of(&loaded.provenance),
    };
    let mut answers = Answers::new(format, &spec.classes, args.top, args.probs, args.temperature.get())?;
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
            return Err(bad_row(file.display(), "`--invert` is set, and these are no pictures")
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
mod tests {
    use super::*;

    #[test]
    fn flags_are_checked() {
        assert_eq!(parse_top("3"), Ok(3));
        assert!(["0", "-1", "x", ""].iter().all(|text| parse_top(text).is_err()));
        assert!(["0", "-1", "nan", "inf", "1e-320", ""].iter().all(|text| parse_temperature(text).is_err()));
        assert_eq!(parse_temperature("2.5").unwrap().get(), 2.5);
    }
}
