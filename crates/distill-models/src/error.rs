/// What can be wrong with a model, its description or its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Inputs have the wrong number of features.
    #[error("the model takes {expected} features but the inputs have {actual}")]
    Features {
        /// Features of the model's input shape.
        expected: usize,
        /// Columns of the inputs.
        actual: usize,
    },
    /// An input of a model with an embedding is neither the number of a bucket nor -1.
    #[error(
        "input {input} of example {example} of the batch is {value}, expected the index of one of {buckets} buckets, or -1 for none"
    )]
    BucketNumber {
        /// The row of the batch.
        example: usize,
        /// Its column.
        input: usize,
        /// What stands there.
        value: f32,
        /// Buckets of the model.
        buckets: usize,
    },
    /// An input of a model that reads sequences is not the number of a row of its table.
    #[error("input {input} of example {example} of the batch is {value}, expected a whole number from 0, for none, to {}", rows - 1)]
    Token {
        /// The row of the batch.
        example: usize,
        /// Its column.
        input: usize,
        /// What stands there.
        value: f32,
        /// Rows of the table, that of the padding included.
        rows: usize,
    },
    /// A description from which no model can be built.
    #[error("`{field}` {problem}")]
    Config {
        /// The field of the description.
        field: &'static str,
        /// What is wrong with it, with the value.
        problem: String,
    },
    /// An operation of a network that does not fit the rest.
    #[error("{op} `{node}` {problem}")]
    Graph {
        /// The node's name.
        node: String,
        /// What it computes.
        op: &'static str,
        /// What does not fit, with the shapes.
        problem: String,
    },
    /// Models that cannot be averaged.
    #[error("the ensemble cannot be built: {problem}")]
    Ensemble {
        /// What is wrong with it.
        problem: String,
    },
    /// The parameters do not fit memory, or two have one name.
    #[error(transparent)]
    Layout(#[from] distill_tensor::TensorError),
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {reason}")]
    NotSafetensors {
        /// What the reader says.
        reason: String,
    },
    /// A safetensors file that was not written by this crate.
    #[error("the safetensors file has no `distill` entry in its metadata, so the model's architecture is unknown")]
    NoMetadata,
    /// The description of the model inside a file cannot be read.
    #[error("the `distill` entry of the metadata cannot be read: {reason}")]
    BadMetadata {
        /// What the JSON reader says.
        reason: String,
    },
    /// A tensor that the architecture needs is not in the file.
    #[error("the architecture {architecture} needs tensor `{name}`, which the file does not have")]
    MissingTensor {
        /// The architecture in the metadata.
        architecture: String,
        /// The tensor's name.
        name: String,
    },
    /// The file has more tensors than the architecture.
    #[error("the file has {actual} tensors but the architecture {architecture} has {expected}")]
    TensorCount {
        /// The architecture in the metadata.
        architecture: String,
        /// Tensors of the architecture.
        expected: usize,
        /// Tensors in the file.
        actual: usize,
    },
    /// A tensor has another shape or element type than the architecture says.
    #[error("tensor `{name}` should be f32 {expected:?} but is {actual}")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// Shape in the architecture.
        expected: Vec<usize>,
        /// Element type and shape in the file.
        actual: String,
    },
    /// A weight is NaN or infinite.
    #[error("tensor `{name}` has the value {value} at element {index}")]
    NonFinite {
        /// The tensor's name.
        name: String,
        /// Flat index of the first such element.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A model of another framework could not be computed.
    #[error("the model cannot be computed: {reason}")]
    Engine {
        /// What the engine says.
        reason: String,
    },
    /// A model was asked for inner values that it does not show.
    #[error("the model {architecture} has no inner values to record")]
    NoInnerValues {
        /// The architecture of the model.
        architecture: String,
    },
    /// Whoever asked wants no more answers.
    #[error("the model was stopped")]
    Stopped,
    /// The answers of a model from elsewhere are neither plainly logits nor plainly probabilities.
    #[error("the answers are neither plainly probabilities nor plainly logits: {problem}")]
    UnclearAnswers {
        /// Which numbers contradict the others.
        problem: String,
    },
}
