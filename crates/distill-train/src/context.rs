use distill_datasets::{Augmentation, Dataset};
use distill_losses::Loss;
use distill_models::Model;

use crate::Hooks;
use crate::soft_targets::SoftTargets;

/// Where the soft targets of a batch come from.
#[derive(Clone, Copy)]
pub enum Teacher<'a> {
    /// No teacher: the model learns from labels alone.
    None,
    /// Computed once before training, for inputs that do not change or have only so many views.
    Cached(&'a SoftTargets),
    /// Computed for every batch, from the same view of the inputs that the student sees.
    Live(&'a dyn Model),
}

/// What a step needs besides its buffers and the model.
pub struct StepContext<'a> {
    /// Examples to learn from.
    pub data: &'a dyn Dataset,
    /// What is minimised.
    pub loss: &'a dyn Loss,
    /// Where soft targets come from.
    pub teacher: Teacher<'a>,
    /// Changes the batch of inputs before anybody sees it.
    pub augment: Option<Augmentation>,
    /// Mixes batches that have labels alone, see [`AugmentConfig::mixup`](crate::AugmentConfig::mixup). 0 leaves them as they are.
    pub mixup: f64,
    /// Largest norm of the gradient.
    pub clip_grad_norm: Option<f64>,
    /// A loss on inner values, and other ranks.
    pub hooks: Hooks<'a>,
}
