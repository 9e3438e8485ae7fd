use distill_tensor::Precision;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::bags::Bags;

/// What the forward pass of a training step leaves for the backward pass.
///
/// The tape belongs to the caller and is used again for every step: its buffers grow to the
/// largest batch once, after that a step allocates nothing. Activations have names
/// (`input`, `hidden.0`, …, `logits`) and can be read until the next forward pass.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    rows: usize,
    precision: Precision,
    pub(crate) slots: Vec<Slot>,
    /// What an embedding has read.
    pub(crate) bags: Bags,
    /// Inputs after they are standardised.
    pub(crate) standard: Vec<f32>,
}

/// One activation: its value, the derivative of the value by the layer's affine output, and
/// the gradient of the loss.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    name: String,
    width: usize,
    value: Vec<f32>,
    slope: Vec<f32>,
    grad: Vec<f32>,
}

impl Tape {
    /// A tape for activations of these names and widths, without memory yet.
    pub fn new(slots: impl IntoIterator<Item = (String, usize)>) -> Self {
        let slots = slots
            .into_iter()
            .map(|(name, width)| Slot { name, width, value: vec![], slope: vec![], grad: vec![] })
            .collect();
        Self { rows: 0, precision: Precision::F32, slots, bags: Bags::default(), standard: vec![] }
    }

    /// The same tape for products of that precision, in the hidden layers of both passes.
    ///
    /// Weights, gradients, the sums of an embedding, what follows a product and the layer of the logits stay f32.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How the operands of the hidden layers' products are rounded.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Examples of the last forward pass.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The logits of the last forward pass, shape `(examples, classes)`.
    ///
    /// # Panics
    /// If the tape has no slot, which no model's tape lacks.
    pub fn logits(&self) -> ArrayView2<'_, f32> {
        self.slots.last().expect("a tape ends with the logits").value(self.rows)
    }

    /// An activation of the last forward pass by its name, shape `(examples, width)`.
    pub fn activation(&self, name: &str) -> Option<ArrayView2<'_, f32>> {
        self.slots.iter().find(|slot| slot.name == name).map(|slot| slot.value(self.rows))
    }

    /// Starts a forward pass of that many rows.
    pub(crate) fn begin(&mut self, rows: usize) {
        self.rows = rows;
    }
}

impl Slot {
    pub(crate) fn value(&self, rows: usize) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((rows, self.width), &self.value[..rows * self.width]).expect("length of its shape")
    }

    pub(crate) fn value_mut(&mut self, rows: usize) -> ArrayViewMut2<'_, f32> {
        matrix(&mut self.value, rows, self.width)
    }

    pub(crate) fn value_and_slope_mut(&mut self, rows: usize) -> (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>) {
        (matrix(&mut self.value, rows, self.width), matrix(&mut self.slope, rows, self.width))
    }

    pub(crate) fn grad_mut(&mut self, rows: usize) -> ArrayViewMut2<'_, f32> {
        matrix(&mut self.grad, rows, self.width)
    }

    pub(crate) fn grad(&self, rows: usize) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((rows, self.width), &self.grad[..rows * self.width]).expect("length of its shape")
    }

    /// Multiplies the gradient of the value by the slope: the gradient of the affine output.
    pub(crate) fn scale_grad_by_slope(&mut self, rows: usize) {
        let n = rows * self.width;
        crate::dense::for_each_pair(&mut self.grad[..n], &self.slope[..n], |grad, slope| *grad *= slope);
    }
}

/// The first `rows` rows of a buffer that grows when it must.
pub(crate) fn matrix(buffer: &mut Vec<f32>, rows: usize, width: usize) -> ArrayViewMut2<'_, f32> {
    let n = rows * width;
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    ArrayViewMut2::from_shape((rows, width), &mut buffer[..n]).expect("length of its shape")
}
