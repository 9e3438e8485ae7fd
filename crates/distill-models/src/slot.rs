use ndarray::{ArrayView2, ArrayViewMut2};

use crate::buffer::{grow, matrix};

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
}

impl Slot {
    pub(crate) fn new(name: String, width: usize) -> Self {
        let [value, derivative, grad, entering] = [const { Vec::new() }; 4];
        Self { name, width, rows: 0, value, derivative, grad, entering, has_entered: false }
    }

    pub(crate) fn begin(&mut self, rows: usize) {
        (self.rows, self.has_entered) = (rows, false);
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
            crate::dense::for_each_pair(&mut self.grad[..n], &self.entering[..n], |grad, entering| *grad += entering);
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
