//! Networks to be trained, in ONNX files that other programs wrote.

use std::path::Path;

use distill_export::{ExportError, FromOnnx, network_from_onnx};
use distill_models::Provenance;
use distill_train::is_onnx;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model_file::LoadedModel;
use crate::onnx_bytes::{self, OnnxBytes};

/// What a file says that a recipe names in place of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNetwork {
    /// `student` or `teacher`: whose model it is.
    pub table: &'static str,
    /// The path as it stands in the recipe.
    pub path: String,
    /// Which program wrote the file, and how many operations were read.
    pub summary: String,
    /// The shape of an example in the file.
    pub input_shape: Vec<usize>,
    /// What is other than in the file, in whole sentences.
    pub notes: Vec<String>,
}

impl NamedNetwork {
    pub(crate) fn new(table: &'static str, path: &str, network: &FromOnnx) -> Self {
        let n = network.config().nodes.len();
        let producer = match network.producer() {
            "" => String::new(),
            producer => format!(" by {}", producer.chars().filter(|c| !c.is_control()).take(60).collect::<String>()),
        };
        let summary = format!("{n} operations from {path}{producer}");
        let (input_shape, notes) = (network.input_shape().to_vec(), network.notes().to_vec());
        Self { table, path: path.to_owned(), summary, input_shape, notes }
    }
}

/// Reads what a file computes, and its weights.
///
/// # Errors
/// [`Code::Io`] if it cannot be read, [`Code::ModelFile`] if it is not an ONNX file or has an operation that cannot be trained.
pub fn load(path: &Path) -> Result<FromOnnx, Diagnostic> {
    read(path).map(|(network, _)| network)
}

/// The network of a file with its weights. The file seldom names classes; then they are those of the data.
///
/// # Errors
/// As [`load`], and for another number of classes.
pub fn load_with_weights(path: &Path, classes: &[String]) -> Result<LoadedModel, Diagnostic> {
    let (network, file) = read(path)?;
    if network.n_classes() != classes.len() {
        let what = format!("the network gives {} logits, the data has {} classes", network.n_classes(), classes.len());
        return Err(Diagnostic::new(Code::ModelFile, what)
            .note(format!("the file is {}", path.display()))
            .help("export a network with one logit for each class, or leave the weights out"));
    }
    let classes = network.classes().unwrap_or(classes).to_vec();
    let model = network.network(classes).map_err(|error| diagnostic(&error, path))?;
    Ok(LoadedModel { model, provenance: Provenance::new(), n_bytes: file.n_bytes, sha256: file.sha256 })
}

fn read(path: &Path) -> Result<(FromOnnx, OnnxBytes), Diagnostic> {
    if !is_onnx(path) {
        return Err(Diagnostic::new(Code::Value, format!("{} is not the name of an ONNX file", path.display()))
            .note("a model is a table, or the name of a file that ends with .onnx")
            .help(
                "name such a file, or describe the model, such as `model = { kind = \"cnn\", channels = [16, 32] }`",
            ));
    }
    let file = onnx_bytes::read_whole(path)?;
    let network = network_from_onnx(&file.bytes).map_err(|error| diagnostic(&error, path))?;
    Ok((network, file))
}

/// Without a place: that is where a recipe names the file.
fn diagnostic(error: &ExportError, path: &Path) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(Code::ModelFile, error.to_string()).note(format!("the file is {}", path.display()));
    match error {
        ExportError::Node { .. } => diagnostic
            .note("docs/recipes.md lists the operations that can be trained; a teacher may have others")
            .help("change the network and export it again, or name the file as `teacher.weights`"),
        ExportError::Model(_) => diagnostic.help("change the network, and export it again"),
        _ => diagnostic.help(
            "export it in Python, `torch.onnx.export(model.eval(), (example,), \"net.onnx\")`, \
             with one input of f32",
        ),
    }
}
