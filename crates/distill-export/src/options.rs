/// Options for writing an ONNX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnnxExportOptions {
    /// The input is `[batch, features]` instead of the shape of the data.
    pub flat: bool,
    /// A second output, `probabilities`, is the softmax of the logits. A model that gives numbers has none.
    pub probabilities: bool,
    /// A batch norm stays a node of its own. Otherwise it becomes part of the weights before it, where nothing else reads what
    /// they give.
    pub keep_batch_norm: bool,
}
