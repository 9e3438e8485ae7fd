mod codec;
mod config;
mod store;

use std::collections::BTreeMap;

use distill_losses::{LossValue, Term};
use distill_models::Trainable;
use distill_tensor::Params;

use crate::{Best, CheckpointError, Optimizer, OptimizerConfig, Snapshot, TrainState};

pub use config::CheckpointConfig;
pub use store::{CheckpointStore, Found};

/// What a checkpoint belongs to, as names and values: recipe, data, role, seed.
pub type CheckpointContext = BTreeMap<String, String>;

/// Training between two steps, as it was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it belongs to.
    pub context: CheckpointContext,
    head: codec::Head,
    buffers: Vec<Vec<f32>>,
}

impl Checkpoint {
    /// The first bytes of a checkpoint file.
    pub const MAGIC: &'static [u8; 8] = codec::MAGIC;

    /// No file is larger: a billion parameters with two optimizer slots and the best weights.
    pub const MAX_BYTES: u64 = 16 << 30;

    /// The bytes of a checkpoint file.
    ///
    /// # Errors
    /// [`CheckpointError::NonFinite`] if a parameter is not a number.
    pub fn encode(context: &CheckpointContext, snapshot: Snapshot<'_>) -> Result<Vec<u8>, CheckpointError> {
        let Snapshot { params, state } = snapshot;
        if let Some((index, &value)) = params.as_slice().iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(CheckpointError::NonFinite { index, value, step: state.step });
        }
        let (optimizer_step, slots) = state.optimizer.state();
        let head = codec::Head {
            context: context.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            layout: layout(params),
            n_slots: u32::try_from(slots.len()).expect("an optimizer has a few slots"),
            optimizer_step,
            step: state.step,
            examples: state.examples,
            seconds: state.seconds,
            epoch_seconds: state.epoch_seconds,
            epoch_examples: state.epoch_examples,
            epoch_loss: to_tuple(state.epoch_loss),
            last_loss: to_tuple(state.loss),
            best: state.best.as_ref().map(|best| (best.epoch, best.errors as u64, best.nll)),
            has_average: state.average.is_some(),
        };
        let mut buffers = vec![params.as_slice()];
        buffers.extend(slots.iter().map(Params::as_slice));
        buffers.extend(state.best.iter().map(|best| best.params.as_slice()));
        buffers.extend(state.average.iter().map(Params::as_slice));
        codec::encode(&head, &buffers)
    }

    /// Reads what [`Checkpoint::encode`] wrote.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] or [`CheckpointError::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (head, buffers) = codec::decode(bytes)?;
        let context = head.context.iter().cloned().collect();
        Ok(Self { context, head, buffers })
    }

    /// Optimizer steps that were made.
    pub fn step(&self) -> u32 {
        self.head.step
    }

    /// Names and shapes of the parameters.
    pub fn layout(&self) -> &[(String, Vec<u64>)] {
        &self.head.layout
    }

    /// Epoch of the best parameters on the validation set, their errors and their negative log-likelihood, if there are any; see
    /// [`Best`](crate::Best) for numbers to predict.
    pub fn best(&self) -> Option<(u32, u64, f64)> {
        self.head.best
    }

    /// Whether it has the moving average of the parameters.
    pub fn has_average(&self) -> bool {
        self.head.has_average
    }

    /// Numbers an optimizer remembers for each parameter.
    pub fn n_slots(&self) -> u32 {
        self.head.n_slots
    }

    /// Puts the parameters into the model and returns the rest.
    ///
    /// # Errors
    /// [`CheckpointError::Mismatch`] if model or optimizer are others; then the model is unchanged.
    pub fn restore(
        self,
        model: &mut dyn Trainable,
        optimizer: &OptimizerConfig,
    ) -> Result<TrainState, CheckpointError> {
        let expected = layout(model.params());
        if self.head.layout != expected {
            let text = |layout: &[(String, Vec<u64>)]| {
                layout.iter().map(|(name, shape)| format!("{name} {shape:?}")).collect::<Vec<_>>().join(", ")
            };
            return Err(CheckpointError::Mismatch { actual: text(&self.head.layout), expected: text(&expected) });
        }
        let shared = model.params().layout().clone();
        let mut buffers = self.buffers.into_iter().map(|buffer| Params::from_vec(shared.clone(), buffer));
        let mut next = || {
            let buffer = buffers.next().and_then(Result::ok);
            buffer.ok_or(CheckpointError::Damaged { offset: 0, reason: "a buffer is missing".to_owned() })
        };
        let params = next()?;
        let slots = (0..self.head.n_slots).map(|_| next()).collect::<Result<Vec<_>, _>>()?;
        let n_slots = slots.len();
        let optimizer = Optimizer::restore(optimizer.clone(), self.head.optimizer_step, slots).map_err(|expected| {
            CheckpointError::Mismatch {
                actual: format!("{n_slots} optimizer slots"),
                expected: format!("{expected} optimizer slots"),
            }
        })?;
        let best = match self.head.best {
            None => None,
            Some((epoch, errors, nll)) => {
                let errors = usize::try_from(errors).unwrap_or(usize::MAX);
                Some(Best { epoch, errors, nll, params: next()? })
            }
        };
        let average = self.head.has_average.then(next).transpose()?;
        *model.params_mut() = params;
        Ok(TrainState {
            step: self.head.step,
            examples: self.head.examples,
            seconds: self.head.seconds,
            epoch_seconds: self.head.epoch_seconds,
            epoch_examples: self.head.epoch_examples,
            // Training counts them again.
            epoch_labelled: 0,
            epoch_loss: from_tuple(self.head.epoch_loss),
            loss: from_tuple(self.head.last_loss),
            optimizer,
            best,
            average,
        })
    }
}

fn layout(params: &Params) -> Vec<(String, Vec<u64>)> {
    let shape = |shape: &[usize]| shape.iter().map(|&side| side as u64).collect();
    params.layout().iter().map(|(_, name, sides)| (name.to_owned(), shape(sides))).collect()
}

fn to_tuple(loss: LossValue) -> codec::Loss {
    (loss.total, loss.terms.iter().map(|term| (term.name().to_owned(), term.value, term.of_labelled)).collect())
}

fn from_tuple((total, terms): codec::Loss) -> LossValue {
    let term = |(name, value, of_labelled): (String, f64, bool)| {
        if of_labelled { Term::of_labelled(&name, value) } else { Term::new(&name, value) }
    };
    LossValue { total, terms: terms.into_iter().map(term).collect() }
}

#[cfg(test)]
mod tests;
