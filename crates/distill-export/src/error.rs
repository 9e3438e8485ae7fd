/// What can be wrong with an exported file, or keep a model from becoming one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The bytes are no ONNX file that this crate wrote.
    #[error("not an ONNX file written by distill: {reason}")]
    Onnx {
        /// What is wrong, and where.
        reason: String,
    },
    /// The bytes are no ONNX file, or none of a network with one input.
    #[error("no network can be read from the ONNX file: {reason}")]
    Unreadable {
        /// What is wrong, and where.
        reason: String,
    },
    /// A node of an ONNX file that no network here has.
    #[error("the {op} `{node}` (node {place} of the ONNX file) {problem}")]
    Node {
        /// Its operator.
        op: String,
        /// Its name, or that of its value.
        node: String,
        /// Its number in the file, from 0.
        place: usize,
        /// What is not possible, and what is.
        problem: String,
    },
    /// The bytes are no npz file that this crate wrote.
    #[error("not an npz file written by distill: {reason}")]
    Npz {
        /// What is wrong, and where.
        reason: String,
    },
    /// A model whose first layer is a table of rows, for which no graph is written yet.
    #[error("the first layer of {architecture} is an embedding, which no other format supports yet")]
    Embedding {
        /// Of the model.
        architecture: String,
    },
    /// Inputs that are to be flat, in a network that takes maps.
    #[error("{architecture} reads its input as a map, which is not a vector")]
    Flat {
        /// Of the model.
        architecture: String,
    },
    /// Probabilities of a model that gives numbers.
    #[error("{architecture} gives numbers, of which there are no probabilities: export it without `probabilities`")]
    Probabilities {
        /// Of the model.
        architecture: String,
    },
    /// A file that its format cannot hold, as lengths in it have 31 or 32 bits.
    #[error("the file would have {n_bytes} bytes, {format} can hold {max}")]
    TooLarge {
        /// The format.
        format: &'static str,
        /// Bytes that are needed.
        n_bytes: u64,
        /// Bytes that are possible.
        max: u64,
    },
    /// A network that is too large to be computed number by number.
    #[error("one answer of the exported file takes {numbers} numbers and {products} products, too many to compare it")]
    TooLong {
        /// Of all values.
        numbers: usize,
        /// Of two numbers.
        products: usize,
    },
    /// The file answers other than the model.
    #[error("{what} of the exported file is {actual}, that of the model is {expected}")]
    Differs {
        /// What was compared.
        what: String,
        /// In the model.
        expected: String,
        /// In the file.
        actual: String,
    },
    /// The format could not hold the name of a class.
    #[error("class {class} is {actual:?} in the exported file and {expected:?} in the model")]
    ClassName {
        /// Its number.
        class: usize,
        /// Its name in the model.
        expected: String,
        /// Its name in the file.
        actual: String,
    },
    /// The model answers with NaN or infinity.
    #[error("the model answers input {input} with {value}")]
    NonFinite {
        /// Number of the probe.
        input: usize,
        /// A logit.
        value: f32,
    },
    /// No model can be made of it.
    #[error(transparent)]
    Model(#[from] distill_models::ModelError),
}
