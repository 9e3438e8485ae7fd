use distill_models::Task;

/// Why an ONNX file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The crate was built without tract, and distill's own operations do not compute the file.
    #[error(
        "this build has no engine for ONNX files other than distill's own operations, which cannot compute this one: {because}"
    )]
    NoEngine {
        /// What they cannot do.
        because: String,
    },
    /// A file is larger than the format allows.
    #[error("the file has {n_bytes} bytes, an ONNX file has at most {max}")]
    TooLarge {
        /// Size of the file.
        n_bytes: usize,
        /// The largest that is read.
        max: usize,
    },
    /// A file is not ONNX, or contradicts itself.
    #[error("the file is damaged or not an ONNX file: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// A file uses what is not supported.
    #[error("the file uses {what}, which is not supported: {why}")]
    Unsupported {
        /// The operator, the type, the place of its data.
        what: String,
        /// Why, or what to do instead.
        why: String,
    },
    /// Weights in a file beside the model cannot be used.
    #[error("the model has weights in the file `{file}`: {reason}")]
    External {
        /// Name of the file, as the model has it.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no input or output of that name, or several and none was chosen.
    #[error("the file has the {kind}s {found:?}, {wanted}")]
    Port {
        /// `input` or `output`.
        kind: &'static str,
        /// Names in the file.
        found: Vec<String>,
        /// What was asked for.
        wanted: String,
    },
    /// An inner value cannot be shown.
    #[error("the value `{tensor}` cannot be tapped: {reason}")]
    Tap {
        /// Its name in the file.
        tensor: String,
        /// What is wrong with it.
        reason: String,
        /// Names of the values in the file, if none has this name.
        found: Vec<String>,
    },
    /// The shape of the input is not known, or is another than was said.
    #[error("input `{name}` has shape {dims}: {reason}")]
    InputShape {
        /// Name of the input.
        name: String,
        /// Its shape, such as `[batch, 1, ?, ?]`.
        dims: String,
        /// What does not fit.
        reason: String,
    },
    /// The output is not one number for each class, or none for each example.
    #[error("output `{name}` has shape {dims:?}, expected {}", shape_of(*task, *batch))]
    OutputShape {
        /// Name of the output.
        name: String,
        /// Its shape for a batch of `batch` examples.
        dims: Vec<usize>,
        /// Examples in the batch.
        batch: usize,
        /// What the output was to be.
        task: Task,
    },
    /// Names of classes, or of numbers to predict, that do not fit the output.
    #[error("the names of the {} from {place} cannot be used: {reason}", what_is_named(*task))]
    Classes {
        /// Where they come from.
        place: &'static str,
        /// What they name.
        task: Task,
        /// What is wrong.
        reason: String,
    },
    /// A setting has no meaning.
    #[error("`{key}` {reason}")]
    Option {
        /// The setting.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The engine cannot prepare or compute the graph.
    #[error("the graph cannot be computed: {reason}")]
    Engine {
        /// What the engine says.
        reason: String,
    },
}

fn shape_of(task: Task, batch: usize) -> String {
    match task {
        Task::Classes => format!("[{batch}, classes] with two classes or more"),
        Task::Numbers => format!("[{batch}, numbers], or [{batch}] for one number"),
    }
}

fn what_is_named(task: Task) -> &'static str {
    match task {
        Task::Classes => "classes",
        Task::Numbers => "numbers",
    }
}
