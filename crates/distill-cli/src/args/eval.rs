use std::path::PathBuf;

use clap::Args;

use super::parse_part;
use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::EVAL)]
pub(crate) struct EvalArgs {
    /// The model, a safetensors file written by this program, or an ONNX file
    pub(crate) model: PathBuf,

    /// What a recipe has as `data.source`: a name, or a folder; `distill data` lists them
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,

    /// Say how often it gives the same class as this model
    #[arg(long, value_name = "MODEL")]
    pub(crate) teacher: Option<PathBuf>,

    /// End with exit code 1 below this accuracy, from 0 to 1
    #[arg(long, value_name = "PART", value_parser = parse_part)]
    pub(crate) min_accuracy: Option<f64>,

    /// Write results by class, confusion, calibration and predictions as CSV to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: Option<PathBuf>,

    /// In those tables, put an apostrophe before text that a spreadsheet would take for a formula
    #[arg(long, requires = "tables")]
    pub(crate) spreadsheet_safe: bool,

    /// What an ONNX file does not say, such as `output=probs` or `classes=names.txt`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) onnx: Vec<String>,
}
