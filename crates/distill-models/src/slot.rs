use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::buffer::{grow, matrix};
use crate::channels::center_and_scale_in_place;

/// One activation on a [`Tape`](crate::Tape), shape `(examples, width)` in all that it holds: its value, the derivative of the
/// value by the layer's affine output, and the gradient of the loss.
#[derive(Debug, Clone)]
pub struct Slot {
    name: String,
    width: usize,
    rows: usize,
    value: Vec<f32>,
    derivative: Vec<f32>,
    grad: Vec<f32>,
    /// The gradient that a loss on inner values has put here, and whether one has.
    entering: Vec<f32>,
    has_entered: bool,
    /// Sums over the pixels of each example, which whoever writes the value leaves for a batch norm that reads it.
    pub(crate) sums: Vec<f32>,
    /// What a batch norm that has read the value leaves for whoever has written it: where this is not empty, `grad` is the gradient
    /// behind the norm, and [this map](crate::channels::center_and_scale) of it is that of the value.
    pending: Vec<f32>,
}

impl Slot {
    pub(crate) fn new(name: String, width: usize) -> Self {
        let [value, derivative, grad, entering, sums, pending] = [const { Vec::new() }; 6];
        Self { name, width, rows: 0, value, derivative, grad, entering, has_entered: false, sums, pending }
    }

    pub(crate) fn begin(&mut self, rows: usize) {
        (self.rows, self.has_entered) = (rows, false);
        self.pending.clear();
        // So that there is a value to read, whatever the model writes.
        matrix(&mut self.value, rows, self.width);
    }

    /// What the activation is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Numbers of one example.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What the forward pass has written.
    pub fn value(&self) -> ArrayView2<'_, f32> {
        view(&self.value, self.rows, self.width)
    }

    /// For the forward pass to write; contents unspecified.
    pub fn value_mut(&mut self) -> ArrayViewMut2<'_, f32> {
        matrix(&mut self.value, self.rows, self.width)
    }

    /// The same, and the derivative of the value by the affine output, for [`scale_grad_by_derivative`](Self::scale_grad_by_derivative).
    pub fn value_and_derivative_mut(&mut self) -> (ArrayViewMut2<'_, f32>, ArrayViewMut2<'_, f32>) {
        (matrix(&mut self.value, self.rows, self.width), matrix(&mut self.derivative, self.rows, self.width))
    }

    /// The value as a slice.
    pub(crate) fn value_slice(&self) -> &[f32] {
        &self.value[..self.rows * self.width]
    }

    /// For the forward pass to write; contents unspecified.
    pub(crate) fn value_slice_mut(&mut self) -> &mut [f32] {
        &mut self.value[..self.rows * self.width]
    }

    /// The value, and so many [sums](Self::sums) of each example, for the forward pass to write.
    pub(crate) fn value_and_sums_mut(&mut self, of_example: usize) -> (&mut [f32], &mut [f32]) {
        self.sums.resize(self.rows * of_example, 0.0);
        (&mut self.value[..self.rows * self.width], &mut self.sums)
    }

    /// Value and derivative as slices, for the forward pass to write.
    pub(crate) fn value_and_derivative_slices_mut(&mut self) -> [&mut [f32]; 2] {
        let n = self.rows * self.width;
        [&mut self.value, &mut self.derivative].map(|buffer| {
            grow(buffer, n);
            &mut buffer[..n]
        })
    }

    /// The gradient as a slice, once the backward pass has written it.
    pub(crate) fn grad_slice(&self) -> &[f32] {
        &self.grad[..self.rows * self.width]
    }

    /// The value, and the gradient for the backward pass to write.
    pub(crate) fn value_and_grad_mut(&mut self) -> (&[f32], &mut [f32]) {
        let n = self.rows * self.width;
        grow(&mut self.grad, n);
        (&self.value[..n], &mut self.grad[..n])
    }

    /// The value, its derivative if a pass has written one, and the gradient.
    pub(crate) fn value_derivative_and_grad_mut(&mut self) -> (&[f32], &[f32], &mut [f32]) {
        let n = self.rows * self.width;
        (&self.value[..n], &self.derivative, &mut self.grad[..n])
    }

    /// Takes the gradient of `after`, a batch norm of this value, and the map that makes of it the gradient of this.
    pub(crate) fn defer(&mut self, after: &mut Self, map: &mut Vec<f32>) {
        self.take_grad(after);
        std::mem::swap(&mut self.pending, map);
    }

    /// Takes the gradient of `after`, which is this value's, too; what is left there has no meaning.
    pub(crate) fn take_grad(&mut self, after: &mut Self) {
        std::mem::swap(&mut self.grad, &mut after.grad);
    }

    /// Value, gradient and map, where the gradient is still [pending](Self::defer).
    pub(crate) fn pending(&self) -> Option<[&[f32]; 3]> {
        let n = self.rows * self.width;
        (!self.pending.is_empty()).then(|| [&self.value[..n], &self.grad[..n], &self.pending])
    }

    /// The gradient of the value, once the backward pass has written it.
    ///
    /// # Panics
    /// If no pass of so many rows has written it.
    pub fn grad(&self) -> ArrayView2<'_, f32> {
        view(&self.grad, self.rows, self.width)
    }

    /// For the backward pass to write; contents unspecified.
    pub fn grad_mut(&mut self) -> ArrayViewMut2<'_, f32> {
        matrix(&mut self.grad, self.rows, self.width)
    }

    /// Multiplies the gradient of the value by the derivative: the gradient of the affine output.
    ///
    /// # Panics
    /// If no pass of so many rows has written both.
    pub fn scale_grad_by_derivative(&mut self) {
        let n = self.rows * self.width;
        crate::dense::for_each_pair(&mut self.grad[..n], &self.derivative[..n], |grad, derivative| *grad *= derivative);
    }

    /// The gradient that has entered here since the forward pass, from a loss on inner values: the backward pass adds it to
    /// what comes from the layers above.
    pub fn entered(&self) -> Option<ArrayView2<'_, f32>> {
        self.has_entered.then(|| view(&self.entering, self.rows, self.width))
    }

    /// The value, and the gradient that enters, to add to. It is zero before the first has entered.
    pub fn value_and_entering_mut(&mut self) -> (ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) {
        let mut entering = matrix(&mut self.entering, self.rows, self.width);
        if !self.has_entered {
            entering.fill(0.0);
            self.has_entered = true;
        }
        (view(&self.value, self.rows, self.width), entering)
    }

    /// Adds what has entered here to the gradient, if anything has.
    ///
    /// # Panics
    /// If no pass of so many rows has written the gradient.
    pub fn add_entered(&mut self) {
        let n = self.rows * self.width;
        if self.has_entered {
            self.settle();
            crate::dense::for_each_pair(&mut self.grad[..n], &self.entering[..n], |grad, entering| *grad += entering);
        }
    }

    /// Computes a gradient that is [pending](Self::defer).
    fn settle(&mut self) {
        if !self.pending.is_empty() {
            let (n, width) = (self.rows * self.width, self.width);
            let examples = self.grad[..n].par_chunks_exact_mut(width).zip(self.value.par_chunks_exact(width));
            examples.for_each(|(grad, value)| center_and_scale_in_place(grad, value, &self.pending));
            self.pending.clear();
        }
    }

    /// This gradient and what has entered here: of the logits, whose gradient comes from outside. Nothing is copied where
    /// nothing has entered.
    ///
    /// # Panics
    /// If the gradient has another shape.
    pub fn with_entered<'a>(&'a mut self, grad: ArrayView2<'a, f32>) -> ArrayView2<'a, f32> {
        if !self.has_entered {
            return grad;
        }
        self.grad_mut().assign(&grad);
        self.add_entered();
        self.grad()
    }
}

fn view(buffer: &[f32], rows: usize, width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, width), &buffer[..rows * width]).expect("length of its shape")
}
