use distill_tensor::Kernel;

/// Memory of a step between and within passes, kept on the tape.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// Weights as the forward pass reads them, and as the backward pass does.
    pub(crate) kernels: [Kernel; 2],
    /// Of the batch: what the forward pass leaves for the backward pass.
    pub(crate) moments: Vec<f32>,
    /// What a pass has made of them, by channel.
    pub(crate) map: Vec<f32>,
    /// Sums of parts of the batch.
    pub(crate) sums: Vec<f32>,
}
