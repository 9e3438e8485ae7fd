use std::path::PathBuf;

use clap::{Args, ValueEnum};
use distill_losses::Temperature;
use distill_predict::Kind;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::PREDICT)]
pub(crate) struct PredictArgs {
    /// The model, a safetensors file written by this program, or an ONNX file
    pub(crate) model: PathBuf,

    /// CSV, Parquet, JSON Lines, IDX, npy, PNG, JPEG or WAV, or folders of these; `-`, or no file, reads standard input
    #[arg(value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,

    /// Output format; always events with --json
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: FormatName,

    /// Print the K most probable classes, at most all
    #[arg(long, value_name = "K", value_parser = parse_top)]
    pub(crate) top: Option<usize>,

    /// Print the probability of every class
    #[arg(long)]
    pub(crate) probs: bool,

    /// Input format [default: detected from the first bytes]
    #[arg(long, value_enum)]
    pub(crate) input: Option<KindName>,

    /// The softmax temperature of the probabilities
    #[arg(long, value_name = "T", default_value = "1", value_parser = parse_temperature)]
    pub(crate) temperature: Temperature,

    /// In CSV, put an apostrophe before text that a spreadsheet would take for a formula
    #[arg(long)]
    pub(crate) spreadsheet_safe: bool,

    /// Invert images, such as scans of ink on paper
    #[arg(long)]
    pub(crate) invert: bool,

    /// Settings that an ONNX file does not contain, such as `output=probs` or `classes=names.txt`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) onnx: Vec<String>,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum FormatName {
    #[default]
    Csv,
    Jsonl,
}

/// The kinds of inputs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KindName {
    Csv,
    Jsonl,
    Idx,
    Npy,
    Image,
    Parquet,
    Wav,
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
            KindName::Wav => Self::Wav,
        }
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
