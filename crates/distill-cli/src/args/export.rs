use std::path::PathBuf;

use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::EXPORT)]
pub(crate) struct ExportArgs {
    /// The model, a safetensors file written by this program
    pub(crate) model: PathBuf,

    /// The file to write; its name ends with .onnx, .npz or .safetensors
    #[arg(long, value_name = "FILE", value_parser = parse_target)]
    pub(crate) to: Target,

    /// ONNX takes inputs as [batch, features] instead of in the shape of the data
    #[arg(long)]
    pub(crate) flat: bool,

    /// ONNX has a second output, the softmax of the logits
    #[arg(long)]
    pub(crate) probabilities: bool,

    /// ONNX has batch norms as nodes of their own, not in the weights before them
    #[arg(long)]
    pub(crate) keep_batch_norm: bool,

    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

/// A file to write, and what its name says of its format.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Onnx,
    Npz,
    Safetensors,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Onnx, Self::Npz, Self::Safetensors];

    /// The name, which is the extension of its files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Npz => "npz",
            Self::Safetensors => "safetensors",
        }
    }
}

fn parse_target(text: &str) -> Result<Target, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match Format::ALL.into_iter().find(|format| extension.as_deref() == Some(format.name())) {
        Some(format) => Ok(Target { path, format }),
        None => Err("the name of the file must end with .onnx, .npz or .safetensors".to_owned()),
    }
}
