use std::sync::Arc;

use crate::LossError;

/// How much an example of each class counts in the loss on labels; all alike by default.
///
/// ```text
/// L = -1/B Σ_b w[y_b] Σ_i y'_bi log q_bi
/// ```
///
/// The mean is over the examples, whatever their weights are; PyTorch divides by the sum of the weights in the batch instead, so that
/// a batch with few heavy examples has longer steps. With weights whose mean over the training set is 1, as those of
/// [`ClassWeights::balanced`], the two differ by chance alone.
///
/// # Examples
/// ```
/// use distill_losses::ClassWeights;
/// // Nine of ten are of the first class: both count alike as a whole.
/// assert_eq!(ClassWeights::balanced(&[90, 10]), ClassWeights::new(&[100.0 / 180.0, 5.0])?);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassWeights(Option<Arc<[f64]>>);

impl ClassWeights {
    /// One weight for each class.
    ///
    /// # Errors
    /// [`LossError::ClassWeight`] for one that is not a finite number from 0 on, or if all are 0.
    pub fn new(weights: &[f64]) -> Result<Self, LossError> {
        if let Some((class, &value)) =
            weights.iter().enumerate().find(|(_, weight)| !(0.0..f64::INFINITY).contains(*weight))
        {
            return Err(LossError::ClassWeight { class, value });
        }
        if weights.iter().all(|&weight| weight == 0.0) {
            return Err(LossError::ClassWeight { class: 0, value: 0.0 });
        }
        Ok(Self(Some(weights.into())))
    }

    /// Weights with which every class that has examples counts as much as every other: `n / (k n_c)` for `n_c` of `n` examples, of
    /// which `k` classes have some. Their mean over the examples is 1.
    pub fn balanced(counts: &[usize]) -> Self {
        let (n, k) = (counts.iter().sum::<usize>() as f64, counts.iter().filter(|&&count| count > 0).count() as f64);
        Self(Some(counts.iter().map(|&count| if count == 0 { 1.0 } else { n / (k * count as f64) }).collect()))
    }

    /// Refuses weights for another number of classes.
    pub(crate) fn check(&self, classes: usize) -> Result<(), LossError> {
        match &self.0 {
            Some(weights) if weights.len() != classes => {
                Err(LossError::ClassWeights { weights: weights.len(), classes })
            }
            _ => Ok(()),
        }
    }

    /// That of a class.
    pub(crate) fn of(&self, class: u32) -> f64 {
        self.0.as_ref().map_or(1.0, |weights| weights[class as usize])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::{Distillation, Loss as _, SmoothedCrossEntropy, Smoothing, SoftTerm, Targets, Temperature};

    #[test]
    fn each_example_counts_as_much_as_its_class() {
        let smoothing = Smoothing::new(0.1).unwrap();
        let weights = ClassWeights::new(&[0.5, 0.0, 3.0]).unwrap();
        let logits = array![[0.3_f32, -1.0, 2.0], [1.5, 0.2, -0.7], [0.0, 0.9, 0.4]];
        let labels = [2, 0, 1];
        let of = |loss: &SmoothedCrossEntropy, rows: std::ops::Range<usize>| {
            let part = logits.slice(ndarray::s![rows.clone(), ..]);
            let mut grad = Array2::zeros(part.dim());
            let targets = Targets { labels: Some(&labels[rows]), teacher_logits: None };
            (loss.value_and_grad(part, &targets, grad.view_mut()).unwrap().total, grad)
        };
        let plain = SmoothedCrossEntropy::new(smoothing, ClassWeights::default());
        let (value, grad) = of(&SmoothedCrossEntropy::new(smoothing, weights.clone()), 0..3);
        let mut expected = 0.0;
        for (row, weight) in [(0, 3.0), (1, 0.5), (2, 0.0)] {
            let (alone, alone_grad) = of(&plain, row..row + 1);
            expected += weight * alone / 3.0;
            for (found, alone) in grad.row(row).iter().zip(alone_grad.row(0)) {
                assert!((f64::from(*found) - weight * f64::from(*alone) / 3.0).abs() < 1e-7, "{row}");
            }
        }
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");

        // Beside a teacher they change the part of the labels alone.
        let soft = SoftTerm::Kd(Temperature::new(2.0).unwrap());
        let kd = |alpha, weights| {
            Distillation::new(soft, alpha).unwrap().with_smoothing(smoothing).with_class_weights(weights)
        };
        let targets = Targets { labels: Some(&labels), teacher_logits: Some(logits.view()) };
        let mut out = Array2::zeros((3, 3));
        let found = kd(0.25, weights.clone()).value_and_grad(logits.view(), &targets, out.view_mut()).unwrap();
        assert!((found.hard().unwrap() - expected).abs() < 1e-12 && found.soft().unwrap().abs() < 1e-12);
        assert!(out.iter().zip(&grad).all(|(found, hard)| (found - 0.75 * hard).abs() < 1e-7));
        let one = ClassWeights::new(&[1.0; 3]).unwrap();
        let bits = |weights| {
            let mut out = Array2::zeros((3, 3));
            let value = kd(0.3, weights).value_and_grad(logits.view(), &targets, out.view_mut()).unwrap();
            (value.total.to_bits(), out)
        };
        assert_eq!(bits(one), bits(ClassWeights::default()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(ClassWeights::new(&[1.0, bad]), Err(LossError::ClassWeight { class: 1, .. })), "{bad}");
        }
        assert!(ClassWeights::new(&[0.0, 0.0]).is_err());
        assert_eq!(ClassWeights::balanced(&[6, 0, 2]), ClassWeights::new(&[8.0 / 12.0, 1.0, 2.0]).unwrap());
        let loss = SmoothedCrossEntropy::new(Smoothing::NONE, ClassWeights::new(&[1.0; 3]).unwrap());
        let targets = Targets { labels: Some(&[0]), teacher_logits: None };
        let error = loss.value_and_grad(array![[0.0, 1.0]].view(), &targets, Array2::zeros((1, 2)).view_mut());
        assert_eq!(error.unwrap_err(), LossError::ClassWeights { weights: 3, classes: 2 });
    }
}
