use distill_losses::{LossValue, Term};
use distill_models::Trainable;
use distill_tensor::Params;

use crate::{Measured, Optimizer, OptimizerConfig, move_average};

/// Where training stands between two steps.
///
/// With the parameters of the model it is all that training needs to go on as if it had not
/// stopped: order, jitter, dropout and learning rate are functions of seed and step.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainState {
    /// Optimizer steps that were made.
    pub step: u32,
    /// Examples seen, each once for every epoch. Of several ranks each counts its own, here and below.
    pub examples: u64,
    /// Seconds of training, without validation and observers.
    pub seconds: f64,
    /// Those of the epoch that is not over yet.
    pub epoch_seconds: f64,
    /// Examples of the epoch that is not over yet.
    pub epoch_examples: u64,
    /// Those of them that have a label. Checkpoints do without: order and data tell it.
    pub epoch_labelled: u64,
    /// Sum of the loss over them, of its terms of labels over those that have one.
    pub epoch_loss: LossValue,
    /// Loss of the last whole epoch, mean over its examples, of its terms of labels over those that have one.
    pub loss: LossValue,
    /// What the optimizer remembers.
    pub optimizer: Optimizer,
    /// The best parameters so far.
    pub best: Option<Best>,
    /// The moving average of the parameters, where training keeps one, see [`TrainConfig::ema`](crate::TrainConfig::ema).
    pub average: Option<Params>,
}

/// The parameters that were best on the validation set: the fewest errors, then the smallest
/// negative log-likelihood, then the earliest. Of numbers to predict: the least of the variance left unexplained.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Epoch, counted from 1.
    pub epoch: u32,
    /// Errors on the validation set; 0 where numbers are to be predicted.
    pub errors: usize,
    /// Negative log-likelihood on the validation set, or of numbers the part of the variance that is left unexplained.
    pub nll: f64,
    /// The parameters.
    pub params: Params,
}

/// Model and state at one moment, for whoever wants to keep them.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The parameters of the model.
    pub params: &'a Params,
    /// The rest.
    pub state: &'a TrainState,
}

impl TrainState {
    /// Before the first step.
    pub fn new(optimizer: OptimizerConfig, params: &Params) -> Self {
        Self {
            step: 0,
            examples: 0,
            seconds: 0.0,
            epoch_seconds: 0.0,
            epoch_examples: 0,
            epoch_labelled: 0,
            epoch_loss: LossValue::default(),
            loss: LossValue::default(),
            optimizer: Optimizer::new(optimizer, params),
            best: None,
            average: None,
        }
    }

    /// Takes the parameters after a step, which is not counted yet, into the average.
    pub(crate) fn move_average(&mut self, params: &Params, ema: f64) {
        match &mut self.average {
            Some(average) => move_average(average, params, ema, self.step),
            None => self.average = Some(params.clone()),
        }
    }

    /// Gives the model the average in place of its parameters, if there is one, and takes it back the next time.
    pub(crate) fn swap_average(&mut self, model: &mut dyn Trainable) {
        if let Some(average) = &mut self.average {
            std::mem::swap(average, model.params_mut());
        }
    }

    /// Counts a step on so many examples, of which so many have a label.
    pub(crate) fn add(&mut self, loss: &LossValue, [examples, labelled]: [usize; 2], seconds: f64) {
        self.epoch_loss.total += examples as f64 * loss.total;
        for term in &loss.terms {
            let weight = if term.of_labelled { labelled } else { examples } as f64;
            let sum = self.epoch_loss.terms.get(term.name()).unwrap_or(0.0) + weight * term.value;
            self.epoch_loss.terms.set(term.with_value(sum));
        }
        self.step += 1;
        self.examples += examples as u64;
        self.epoch_examples += examples as u64;
        self.epoch_labelled += labelled as u64;
        self.seconds += seconds;
        self.epoch_seconds += seconds;
    }

    /// The mean over the examples of this epoch, not over its batches: the last may be smaller, and not all may have labels.
    pub(crate) fn mean_loss(&self) -> LossValue {
        let [n, n_labelled] = [self.epoch_examples, self.epoch_labelled].map(|n| n.max(1) as f64);
        let mean = |term: &Term| term.with_value(term.value / if term.of_labelled { n_labelled } else { n });
        LossValue { total: self.epoch_loss.total / n, terms: self.epoch_loss.terms.iter().map(mean).collect() }
    }

    /// Starts the next epoch.
    pub(crate) fn end_epoch(&mut self) {
        self.loss = self.mean_loss();
        self.epoch_loss = LossValue::default();
        self.epoch_examples = 0;
        self.epoch_labelled = 0;
        self.epoch_seconds = 0.0;
    }

    /// Whether so many epochs have gone by since the best parameters, where there are as many steps in an epoch. It is
    /// asked between two epochs, also of a state that was saved there.
    pub(crate) fn has_stopped_early(&self, patience: Option<u32>, steps_per_epoch: u32) -> bool {
        let epochs = self.step / steps_per_epoch;
        let is_between = self.step.is_multiple_of(steps_per_epoch);
        let since = self.best.as_ref().map(|best| epochs.saturating_sub(best.epoch));
        is_between && patience.zip(since).is_some_and(|(patience, since)| since >= patience)
    }

    /// Keeps the parameters if they are the best so far.
    pub(crate) fn keep_best(&mut self, epoch: u32, validation: &Measured, params: &Params) {
        let found = validation.rank();
        if self.best.as_ref().is_none_or(|best| found < (best.errors, best.nll)) {
            let (errors, nll) = found;
            match &mut self.best {
                // The buffer is used again.
                Some(best) => {
                    (best.epoch, best.errors, best.nll) = (epoch, errors, nll);
                    best.params.as_mut_slice().copy_from_slice(params.as_slice());
                }
                None => self.best = Some(Best { epoch, errors, nll, params: params.clone() }),
            }
        }
    }
}
