use distill_tensor::{Kernel, PARALLEL_MIN, Params, Precision, Weights, with_vectors};
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::bags::Bags;
use crate::work::Work;
use crate::{Slot, StepKey};

/// One pass over values: a node of the graph, or a chain of them.
///
/// Each step has forward and backward side by side. What it reads is in slots before its own.
pub(super) trait Step: std::fmt::Debug + Send + Sync {
    /// What evaluation wants to have of the weights, made once for all batches.
    fn prepare(&self, _params: &Params) -> Prepared {
        Prepared::Nothing
    }

    /// Evaluation: each example by itself.
    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, y: ArrayViewMut2<'_, f32>);

    /// Training. A step that computes the same in evaluation, and prepares nothing for it, has no other.
    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        self.eval(Eval { params: at.params, prepared: &Prepared::Nothing, bags: at.bags }, xs, y.value_mut());
    }

    /// Gradients of the parameters, and of the inputs that want one, given that of the output.
    fn backward(&self, at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot);

    /// Takes in what `backward` found in the batch.
    fn absorb(&self, _params: &mut Params, _grads: &Params) {}

    /// Whether weights are to be clamped by a largest norm of the incoming ones: those of hidden units.
    fn hidden_units(&self) -> Option<distill_tensor::ParamId> {
        None
    }
}

/// What a step has made of the weights, for evaluation.
#[derive(Debug, Clone)]
pub(super) enum Prepared {
    Nothing,
    Dense(Weights),
    Conv(Kernel),
    /// Factor and summand of each channel, again and again.
    Affine(Vec<f32>),
}

/// What evaluation has beside the values.
pub(super) struct Eval<'a> {
    pub(super) params: &'a Params,
    pub(super) prepared: &'a Prepared,
    pub(super) bags: &'a Bags,
}

/// What the forward pass of training has beside the values.
pub(super) struct Forward<'a> {
    pub(super) params: &'a Params,
    pub(super) key: StepKey,
    pub(super) precision: Precision,
    pub(super) bags: &'a Bags,
    pub(super) work: &'a mut Work,
}

/// What the backward pass has beside the slots.
pub(super) struct Backward<'a> {
    pub(super) params: &'a Params,
    pub(super) precision: Precision,
    pub(super) bags: &'a mut Bags,
    pub(super) work: &'a mut Work,
    pub(super) grads: &'a mut Params,
}

/// An input of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) slot: usize,
    pub(super) grad: Way,
}

/// What the backward pass of a step does with the gradient of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing: no parameter lies behind it.
    Skip,
    /// It is the first to write it.
    Replace,
    /// A step after it has written its own.
    Add,
}

/// Values where a step reads its inputs.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) values: Values<'a>,
    pub(super) inputs: &'a [Input],
}

#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    Slots(&'a [Slot]),
    /// The input, and what is in buffers: where each slot lies, and how wide it is.
    Buffers {
        input: ArrayView2<'a, f32>,
        buffers: &'a [Vec<f32>],
        places: &'a [(usize, usize)],
    },
}

impl<'a> Sources<'a> {
    /// The value of an input.
    pub(super) fn get(&self, i: usize) -> ArrayView2<'a, f32> {
        let slot = self.inputs[i].slot;
        match self.values {
            Values::Slots(slots) => slots[slot].value(),
            Values::Buffers { input, .. } if slot == 0 => input,
            Values::Buffers { input, buffers, places } => {
                let (buffer, width) = places[slot];
                let rows = input.nrows();
                ArrayView2::from_shape((rows, width), &buffers[buffer][..rows * width]).expect("length of its shape")
            }
        }
    }

    /// The same as a slice, of a value that a step has computed.
    pub(super) fn slice(&self, i: usize) -> &'a [f32] {
        self.get(i).to_slice().expect("values of steps are contiguous")
    }

    /// The [sums](Slot::sums) that were left with an input in training.
    pub(super) fn sums(&self, i: usize) -> &'a [f32] {
        match self.values {
            Values::Slots(slots) => &slots[self.inputs[i].slot].sums,
            Values::Buffers { .. } => &[],
        }
    }
}

/// Slots of a step's inputs, for the backward pass.
pub(super) struct Inputs<'a> {
    pub(super) slots: &'a mut [Slot],
    pub(super) inputs: &'a [Input],
}

impl Inputs<'_> {
    /// The value of an input, and its gradient if it wants one, with whether to add to what is there.
    pub(super) fn value_and_grad(&mut self, i: usize) -> (&[f32], Option<(&mut [f32], bool)>) {
        let Input { slot, grad } = self.inputs[i];
        let (value, to) = self.slots[slot].value_and_grad_mut();
        (value, (grad != Way::Skip).then_some((to, grad == Way::Add)))
    }

    /// The slot of an input, and what to do with its gradient.
    pub(super) fn slot(&mut self, i: usize) -> (&mut Slot, Way) {
        let Input { slot, grad } = self.inputs[i];
        (&mut self.slots[slot], grad)
    }

    /// Whether this step is the first to write the gradient of an input, and reads that input once.
    pub(super) fn takes_all(&self, i: usize) -> bool {
        let Input { slot, grad } = self.inputs[i];
        grad == Way::Replace && self.inputs.iter().filter(|input| input.slot == slot).count() == 1
    }

    pub(super) fn len(&self) -> usize {
        self.inputs.len()
    }
}

/// Runs `f(example, its row)`, on several threads where it pays, and by the widest vectors where the compiler inlines it.
pub(super) fn for_each_example(y: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    for_each_example_from(width, (y, width), f);
}

/// The same where `read` numbers of each example are read.
pub(super) fn for_each_example_from(
    read: usize,
    (y, width): (&mut [f32], usize),
    f: impl Fn(usize, &mut [f32]) + Sync,
) {
    let work = read.max(width);
    let f = |i, y: &mut [f32]| with_vectors(|| f(i, y));
    if y.len() / width.max(1) * work < PARALLEL_MIN {
        return y.chunks_exact_mut(width).enumerate().for_each(|(i, y)| f(i, y));
    }
    y.par_chunks_exact_mut(width).with_min_len(min_len(work)).enumerate().for_each(|(i, y)| f(i, y));
}

/// The same with the rows of another matrix.
pub(super) fn for_each_example_of_two(
    (y, width): (&mut [f32], usize),
    (z, width_z): (&mut [f32], usize),
    f: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let f = |i, y: &mut [f32], z: &mut [f32]| with_vectors(|| f(i, y, z));
    if y.len().max(z.len()) < PARALLEL_MIN {
        let pairs = y.chunks_exact_mut(width).zip(z.chunks_exact_mut(width_z));
        return pairs.enumerate().for_each(|(i, (y, z))| f(i, y, z));
    }
    let pairs = y.par_chunks_exact_mut(width).zip(z.par_chunks_exact_mut(width_z));
    pairs.with_min_len(min_len(width.max(width_z))).enumerate().for_each(|(i, (y, z))| f(i, y, z));
}

/// Examples that are worth a thread.
fn min_len(width: usize) -> usize {
    (PARALLEL_MIN / 8).div_ceil(width.max(1))
}

/// The row of an example.
pub(super) fn row(values: &[f32], width: usize, example: usize) -> &[f32] {
    &values[example * width..][..width]
}
