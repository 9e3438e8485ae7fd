use std::ops::ControlFlow;

use distill_losses::LossValue;

use crate::{Measured, Snapshot};

/// What happened in one optimizer step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Step, counted from 1 over all epochs.
    pub step: u32,
    /// Steps that training will take.
    pub total_steps: u32,
    /// Epoch, counted from 1.
    pub epoch: u32,
    /// Loss of the batch.
    pub loss: LossValue,
    /// Learning rate of the step.
    pub lr: f64,
}

/// What happened in one pass over the training set.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport<'a> {
    /// Epoch, counted from 1.
    pub epoch: u32,
    /// Epochs that training will take.
    pub epochs: u32,
    /// Steps done so far.
    pub step: u32,
    /// Loss, mean over the examples of the epoch.
    pub loss: LossValue,
    /// Learning rate of the last step.
    pub lr: f64,
    /// How the model does on the validation set, if there is one.
    pub validation: Option<&'a Measured>,
    /// Examples of the epoch.
    pub examples: u64,
    /// Seconds of training, without validation and observers.
    pub seconds: f64,
}

/// Watches training. It can only answer whether to go on.
pub trait Observer {
    /// After every step, and after [`Observer::epoch`] where the step ends one. The snapshot is
    /// what training can go on from.
    fn step(&mut self, _report: &StepReport, _snapshot: Snapshot<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The teacher, asked for a batch, was told to stop ([`ModelError::Stopped`](distill_models::ModelError::Stopped)), and
    /// training ends. The snapshot is that after the last whole step.
    fn stopped(&mut self, _snapshot: Snapshot<'_>) {}

    /// After every epoch.
    fn epoch(&mut self, _report: &EpochReport<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullObserver;

impl Observer for NullObserver {}
