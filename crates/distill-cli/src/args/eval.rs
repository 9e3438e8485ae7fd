use std::path::PathBuf;

use clap::Args;

use super::parse_part;
use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::EVAL)]
pub(crate) struct EvalArgs {
    /// The model, a safetensors file written by this program, or an ONNX file
    pub(crate) model: PathBuf,

    /// Settings of `[data]` in a recipe, such as `data.columns.label=income`, for a model whose file does not say how its data is
    /// read
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// A dataset, as in `data.source`: a name, which `distill data` lists, or a folder
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,

    /// Also report the agreement with this model
    #[arg(long, value_name = "MODEL")]
    pub(crate) teacher: Option<PathBuf>,

    /// Also report how well the model's largest probability tells the test examples from the rows of this file, which belong
    /// to none of its classes
    #[arg(long, value_name = "FILE")]
    pub(crate) out_of_scope: Vec<PathBuf>,

    /// End with exit code 1 below this accuracy, from 0 to 1
    #[arg(long, value_name = "PART", value_parser = parse_part)]
    pub(crate) min_accuracy: Option<f64>,

    /// End with exit code 1 below this part of the variance explained, for a model that predicts numbers
    #[arg(long, value_name = "PART", allow_negative_numbers = true, conflicts_with = "min_accuracy")]
    pub(crate) min_r2: Option<f64>,

    /// Write results by class, confusion, calibration and predictions as CSV to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: Option<PathBuf>,

    /// In those tables, put an apostrophe before text that a spreadsheet would take for a formula
    #[arg(long, requires = "tables")]
    pub(crate) spreadsheet_safe: bool,

    /// Settings that an ONNX file does not contain, such as `output=probs` or `classes=names.txt`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) onnx: Vec<String>,
}
