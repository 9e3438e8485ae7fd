use distill_datasets::beta;
use distill_losses::{Loss, LossValue};
use distill_models::StepKey;
use distill_tensor::{Philox, Stream};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Zip, s};

use crate::TrainError;
use crate::batch::{Batch, together};

/// Mixes the rows of a batch with each other, and a loss on their labels with that on the labels of their partners.
pub(crate) struct Mixup {
    /// What the partners count in the batch at hand; `None` where it is not mixed.
    weight: Option<f32>,
    labels: Vec<u32>,
    grad: Array2<f32>,
}

impl Mixup {
    /// Buffers for up to `n` examples.
    pub(crate) fn new(n: usize, n_classes: usize) -> Self {
        Self { weight: None, labels: Vec::with_capacity(n), grad: Array2::zeros((n, n_classes)) }
    }

    /// Mixes the inputs of a batch, if `alpha` is not 0 and it has labels and nothing else to learn from.
    pub(crate) fn mix(&mut self, batch: &mut Batch, key: StepKey, alpha: f64) {
        self.weight = (alpha > 0.0 && batch.has_labels_alone()).then(|| weight(key, alpha));
        if let Some(weight) = self.weight {
            mix(batch.inputs_mut(), weight);
            self.labels.clear();
            self.labels.extend(batch.labels().iter().rev());
        }
    }

    /// The loss of the batch and its gradient: of a mixed one the mean of those with both labels.
    ///
    /// # Errors
    /// If the loss refuses.
    pub(crate) fn loss(
        &mut self,
        batch: &Batch,
        loss: &dyn Loss,
        logits: ArrayView2<'_, f32>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, TrainError> {
        let Some(weight) = self.weight else { return batch.loss(loss, logits, grad) };
        let n = logits.nrows();
        let mut partner_grad = self.grad.slice_mut(s![..n, ..]);
        let own = batch.loss(loss, logits, grad.view_mut())?;
        let partner = batch.part(loss, 0..n, Some(&self.labels), logits, partner_grad.view_mut())?;
        Zip::from(&mut grad).and(&partner_grad).for_each(|own, &partner| *own += weight * (partner - *own));
        Ok(together(&own, &partner, 1.0 - f64::from(weight)))
    }
}

/// The weight of the partners in a batch, as Beta(`alpha`, `alpha`) draws it: a function of seed and step.
fn weight(key: StepKey, alpha: f64) -> f32 {
    beta(&mut Philox::new(key.seed, Stream::BatchMixture, key.step, 0), alpha) as f32
}

/// Mixes each row with its partner: the first with the last, the second with the one before it, and so on.
///
/// The order of a batch is random, so partners are.
fn mix(mut rows: ArrayViewMut2<'_, f32>, weight: f32) {
    let (n, half) = (rows.nrows(), rows.nrows() / 2);
    let (mut first, mut second) = rows.multi_slice_mut((s![..half, ..], s![n - half.., ..]));
    second.invert_axis(Axis(0));
    Zip::from(&mut first).and(&mut second).for_each(|a, b| {
        let difference = *b - *a;
        *a += weight * difference;
        *b -= weight * difference;
    });
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// The mixtures of example 0 are drawn with time = copy, and batches with time = step.
    #[test]
    fn batches_do_not_share_numbers_with_fixed_mixtures() {
        for step in 0..4 {
            let fixed = beta(&mut Philox::new(0, Stream::Mixture, step, 0), 0.4) as f32;
            assert_ne!(weight(StepKey::new(0, step), 0.4), fixed);
        }
    }

    #[test]
    fn partners_are_mirror_images_and_the_one_in_the_middle_stays() {
        let mut rows = array![[0.0, 8.0], [4.0, 4.0], [8.0, -8.0]];
        mix(rows.view_mut(), 0.25);
        assert_eq!(rows, array![[2.0, 4.0], [4.0, 4.0], [6.0, -4.0]]);
        let mut rows = array![[0.0], [8.0]];
        mix(rows.view_mut(), 1.0);
        assert_eq!(rows, array![[8.0], [0.0]]);
        mix(rows.slice_mut(s![..0, ..]), 0.5);
    }

    #[test]
    fn a_weight_belongs_to_its_seed_and_step() {
        let of = |seed, step| weight(StepKey::new(seed, step), 0.4);
        assert_eq!(of(1, 7), of(1, 7));
        assert!(of(1, 7) != of(1, 8) && of(1, 7) != of(2, 7));
    }
}
