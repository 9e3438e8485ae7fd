use distill_tensor::Params;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::bags::Bags;
use crate::buffer::matrix;
use crate::{MapShape, ModelError, StepKey, Tape, Task};

/// What a model is, to those who need not know how it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// In short, such as `784-800-800-10`.
    pub architecture: String,
    /// Shape of one input, such as `[1, 28, 28]`. A batch holds it flat, one example in a row.
    pub input_shape: Vec<usize>,
    /// Names of the classes in the order of the logits; of a regression those of the numbers.
    pub classes: Vec<String>,
    /// Number of parameters.
    pub parameters: usize,
    /// What the outputs are.
    pub task: Task,
}

impl ModelSpec {
    /// Numbers in one input.
    pub fn features(&self) -> usize {
        self.input_shape.iter().product()
    }
}

/// Buffers that a model may use while it computes, kept by the caller so that they are
/// allocated once.
#[derive(Debug, Default)]
pub struct Scratch {
    buffers: [Vec<f32>; 2],
    /// Logits of the members of an ensemble, by the depth of nested ones.
    members: Vec<Vec<f32>>,
    /// Their sums, the same.
    sums: Vec<Vec<f64>>,
    /// What an embedding has read.
    bags: Bags,
    /// Values of a network, by its buffers.
    values: Vec<Vec<f32>>,
}

impl Scratch {
    /// Two matrices of that many rows and these widths, contents unspecified.
    pub fn pair(&mut self, rows: usize, widths: [usize; 2]) -> [ArrayViewMut2<'_, f32>; 2] {
        let [a, b] = &mut self.buffers;
        [matrix(a, rows, widths[0]), matrix(b, rows, widths[1])]
    }

    /// A buffer that is the caller's until it is given back, while others use the rest.
    pub(crate) fn take(&mut self) -> Vec<f32> {
        self.members.pop().unwrap_or_default()
    }

    /// The same for a buffer of f64.
    pub(crate) fn take_sums(&mut self) -> Vec<f64> {
        self.sums.pop().unwrap_or_default()
    }

    /// Buffers for the inputs of an embedding, until they are given back.
    pub(crate) fn take_bags(&mut self) -> Bags {
        std::mem::take(&mut self.bags)
    }

    /// Buffers for the values of a network, until they are given back.
    pub(crate) fn take_values(&mut self) -> Vec<Vec<f32>> {
        std::mem::take(&mut self.values)
    }

    /// Gives back what was taken, to be taken again.
    pub(crate) fn give_back_values(&mut self, values: Vec<Vec<f32>>) {
        self.values = values;
    }

    /// Gives back what was taken, to be taken again.
    pub(crate) fn give_back_bags(&mut self, bags: Bags) {
        self.bags = bags;
    }

    /// Gives back what was taken, to be taken again.
    pub(crate) fn give_back(&mut self, buffer: Vec<f32>) {
        self.members.push(buffer);
    }

    /// Gives back what was taken, to be taken again.
    pub(crate) fn give_back_sums(&mut self, buffer: Vec<f64>) {
        self.sums.push(buffer);
    }
}

/// What a teacher must be able to do: say what it is, and turn a batch into logits.
///
/// A trained student, a file from another framework, a table of stored logits and an ensemble
/// are all models.
pub trait Model: Send + Sync {
    /// Input shape, class names, size.
    fn spec(&self) -> &ModelSpec;

    /// Writes the logits of a batch, in evaluation: no dropout, the same result every time,
    /// each row independent of the others.
    ///
    /// `inputs` has shape `(examples, features)`, `out` has shape `(examples, classes)`.
    ///
    /// # Errors
    /// [`ModelError::Features`] if the inputs have another width than the model,
    /// [`ModelError::BucketNumber`] or [`ModelError::Token`] if it has an embedding and an input is not one of its row numbers.
    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError>;

    /// Names and widths of the inner values that [`record`](Self::record) writes, the logits last: none, unless a model says which
    /// it has.
    fn inner_values(&self) -> Vec<(String, usize)> {
        Vec::new()
    }

    /// How the numbers of an inner value form a map. `None` for a vector, or if the model does not know.
    fn inner_map(&self, _name: &str) -> Option<MapShape> {
        None
    }

    /// Computes the logits as [`logits_into`](Self::logits_into) does, to the bit, and leaves them on the tape with all that is in
    /// between. The tape has the slots of [`inner_values`](Self::inner_values) in their order, and is kept by the caller.
    ///
    /// # Errors
    /// [`ModelError::NoInnerValues`] if the model has none; as [`logits_into`](Self::logits_into).
    fn record(&self, _inputs: ArrayView2<'_, f32>, _tape: &mut Tape) -> Result<(), ModelError> {
        Err(ModelError::NoInnerValues { architecture: self.spec().architecture.clone() })
    }

    /// How many rows it computes together, at the least: fewer take as long.
    ///
    /// For whoever asks some rows at a time, so as to hear of something else in between.
    fn rows_at_a_time(&self) -> usize {
        1
    }

    /// The logits of a batch in a new matrix of shape `(examples, classes)`.
    ///
    /// # Errors
    /// As [`Model::logits_into`].
    fn logits(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, ModelError> {
        let mut out = Array2::zeros((inputs.nrows(), self.spec().classes.len()));
        self.logits_into(inputs, &mut Scratch::default(), out.view_mut())?;
        Ok(out)
    }
}

/// What a student adds to [`Model`]: it can be trained.
pub trait Trainable: Model {
    /// All parameters.
    fn params(&self) -> &Params;

    /// All parameters, for the optimizer to change.
    fn params_mut(&mut self) -> &mut Params;

    /// An empty tape for this model. The caller keeps it for all steps, and may give it another precision
    /// than f32.
    fn tape(&self) -> Tape;

    /// Computes logits for training and records on the tape what `backward` needs.
    ///
    /// # Errors
    /// [`ModelError::Features`] if the inputs have another width than the model,
    /// [`ModelError::BucketNumber`] or [`ModelError::Token`] if it has an embedding and an input is not one of its row numbers.
    fn forward(&self, inputs: ArrayView2<'_, f32>, key: StepKey, tape: &mut Tape) -> Result<(), ModelError>;

    /// Overwrites `grads` with the gradient of the parameters, given that of the logits. In the place of a
    /// [`SliceKind::State`](distill_tensor::SliceKind::State) it writes what the layer found in the batch, for [`absorb`](Self::absorb).
    ///
    /// What has [entered](crate::Slot::entered) at inner values since the forward pass is added to their gradients, if the model
    /// [takes it](Self::takes_inner_gradients).
    ///
    /// # Panics
    /// If `grad_logits` differs in shape from the logits on the tape: it belongs to another
    /// forward pass.
    fn backward(&self, grad_logits: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params);

    /// Whether [`backward`](Self::backward) adds what has entered at inner values. A model that does not cannot be trained with a
    /// loss on them.
    fn takes_inner_gradients(&self) -> bool {
        false
    }

    /// Takes in what layers found in the batch, after a step of the optimizer and before [`constrain`](Self::constrain).
    ///
    /// `grads` is what [`backward`](Self::backward) wrote, or its mean where a batch was computed in parts. A model without state has
    /// nothing to take in.
    fn absorb(&mut self, _grads: &Params) {}

    /// Puts the parameters back where the model allows them to be, after a step of the optimizer.
    fn constrain(&mut self) {}
}
