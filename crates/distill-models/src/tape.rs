use distill_tensor::Precision;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Slot;
use crate::bags::Bags;
use crate::work::Work;

/// What the forward pass of a training step leaves for the backward pass.
///
/// The tape belongs to the caller and is used again for every step: its buffers grow to the
/// largest batch once, after that a step allocates nothing. Activations have names
/// (`input`, `hidden.0`, …, `logits`) and can be read until the next forward pass.
///
/// Whoever writes a [`Trainable`](crate::Trainable) makes a tape of the slots that the model needs, the logits last. `forward`
/// calls [`begin`](Self::begin) and writes the [slots](Self::slots_mut), `backward` reads them and what has
/// [entered](Slot::entered) there.
///
/// # Examples
/// ```
/// use distill_models::Tape;
/// use ndarray::array;
/// let mut tape = Tape::new([("input".to_owned(), 2), ("logits".to_owned(), 1)]);
/// tape.begin(1);
/// if let [input, logits] = tape.slots_mut() {
///     input.value_mut().assign(&array![[3.0, 4.0]]);
///     let sum = input.value().sum();
///     logits.value_mut().fill(sum);
/// }
/// assert_eq!(tape.logits(), array![[7.0]]);
/// assert_eq!(tape.activation("input").map(|input| input.dim()), Some((1, 2)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tape {
    rows: usize,
    precision: Precision,
    slots: Vec<Slot>,
    /// What an embedding has read.
    pub(crate) bags: Bags,
    /// Memory of the steps of a network.
    work: Vec<Work>,
    /// Inputs after they are standardised.
    pub(crate) standard: Vec<f32>,
}

impl Tape {
    /// A tape for activations of these names and widths, without memory yet.
    pub fn new(slots: impl IntoIterator<Item = (String, usize)>) -> Self {
        let slots = slots.into_iter().map(|(name, width)| Slot::new(name, width)).collect();
        Self { rows: 0, precision: Precision::F32, slots, bags: Bags::default(), work: vec![], standard: vec![] }
    }

    /// The same tape for products and convolutions of that precision, in the hidden layers of both passes.
    ///
    /// Weights, gradients, the sums of an embedding, what follows a product and the layer of the logits stay f32, and so do
    /// [convolutions of some shapes](distill_tensor::Convolution::precision).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How the operands of the hidden layers' products and convolutions are rounded.
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
        self.slots.last().expect("a tape ends with the logits").value()
    }

    /// An activation of the last forward pass by its name, shape `(examples, width)`.
    pub fn activation(&self, name: &str) -> Option<ArrayView2<'_, f32>> {
        self.slots.iter().find(|slot| slot.name() == name).map(Slot::value)
    }

    /// An activation by its name, and the gradient that enters there, to add to: for a loss on inner values, between the two
    /// passes.
    pub fn activation_and_gradient(&mut self, name: &str) -> Option<(ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>)> {
        self.slots.iter_mut().find(|slot| slot.name() == name).map(Slot::value_and_entering_mut)
    }

    /// Starts a forward pass of that many rows: what was written before has no meaning any more.
    pub fn begin(&mut self, rows: usize) {
        self.rows = rows;
        self.slots.iter_mut().for_each(|slot| slot.begin(rows));
    }

    /// The activations in the order in which they are computed.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Lets someone write all slots but the last, and begins that with as many rows.
    pub(crate) fn without_last<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let last = self.slots.pop();
        let written = write(self);
        self.slots.extend(last);
        if let Some(last) = self.slots.last_mut() {
            last.begin(self.rows);
        }
        written
    }

    /// What an embedding reads, the activations, and the memory of so many steps.
    pub(crate) fn parts_mut(&mut self, steps: usize) -> (&mut Bags, &mut [Slot], &mut [Work]) {
        self.work.resize_with(steps.max(self.work.len()), Work::default);
        (&mut self.bags, &mut self.slots, &mut self.work)
    }

    /// The activations, for the model to write.
    pub fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }
}
