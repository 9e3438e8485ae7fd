use distill_tensor::LogPartition;
use ndarray::{ArrayView2, Axis};

/// The largest change of a bias that is looked for.
const MAX_BIAS: f64 = 30.0;

/// Logits of a model with what is true.
pub(super) struct Answers<'a> {
    /// Shape `(examples, classes)`.
    pub(super) logits: ArrayView2<'a, f32>,
    pub(super) labels: &'a [u32],
}

/// Errors when a number is added to the logits of some classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) all: usize,
    /// On examples of those classes.
    pub(super) on_them: usize,
}

impl Answers<'_> {
    pub(super) fn errors(&self, classes: &[usize], bias: f64) -> Errors {
        let mut errors = Errors { all: 0, on_them: 0 };
        for (row, &label) in self.logits.axis_iter(Axis(0)).zip(self.labels) {
            let logit = |(class, &z): (usize, &f32)| f64::from(z) + if classes.contains(&class) { bias } else { 0.0 };
            let best = row
                .iter()
                .enumerate()
                .map(logit)
                .enumerate()
                .fold((0, f64::NEG_INFINITY), |best, (class, z)| if z > best.1 { (class, z) } else { best });
            if best.0 != label as usize {
                errors.all += 1;
                errors.on_them += usize::from(classes.contains(&(label as usize)));
            }
        }
        errors
    }

    /// The change of bias with the fewest errors, on a grid of tenths; of several the one in the middle.
    pub(super) fn tuned(&self, classes: &[usize]) -> f64 {
        let steps = 10.0 * MAX_BIAS;
        #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
        let steps = steps as i32;
        let tried: Vec<(f64, usize)> = (-steps..=steps)
            .map(|step| f64::from(step) / 10.0)
            .map(|bias| (bias, self.errors(classes, bias).all))
            .collect();
        let least = tried.iter().map(|(_, errors)| *errors).min().unwrap_or(0);
        let best: Vec<f64> = tried.iter().filter(|(_, errors)| *errors == least).map(|(bias, _)| *bias).collect();
        best.get(best.len() / 2).copied().unwrap_or(0.0)
    }

    /// The change of bias with which the classes are predicted as often as they occur: the mean of their
    /// probabilities is their part of the labels. No error is looked at.
    pub(super) fn matched(&self, classes: &[usize]) -> f64 {
        let n = self.labels.len() as f64;
        let wanted = self.labels.iter().filter(|label| classes.contains(&(**label as usize))).count() as f64 / n;
        let (mut low, mut high) = (-MAX_BIAS, MAX_BIAS);
        // The frequency grows with the bias. Forty halvings leave nothing that could change a prediction.
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if self.frequency(classes, middle) < wanted { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    fn frequency(&self, classes: &[usize], bias: f64) -> f64 {
        let mut sum = 0.0;
        for row in self.logits.axis_iter(Axis(0)) {
            let logit = |(class, &z): (usize, &f32)| f64::from(z) + if classes.contains(&class) { bias } else { 0.0 };
            let logits = row.iter().enumerate().map(logit);
            let partition = LogPartition::new(logits.clone(), 1.0);
            sum += logits
                .enumerate()
                .filter(|(class, _)| classes.contains(class))
                .map(|(_, z)| partition.prob(z))
                .sum::<f64>();
        }
        sum / self.labels.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn errors_tuning_and_matching_by_hand() {
        // Class 1 is two too low: raised by more than 2 and less than 3, all are right.
        let logits = array![[0.0_f32, -2.0], [0.0, -2.0], [3.0, 0.0], [3.0, 0.0]];
        let answers = Answers { logits: logits.view(), labels: &[1, 1, 0, 0] };
        assert_eq!(answers.errors(&[1], 0.0), Errors { all: 2, on_them: 2 });
        assert_eq!(answers.errors(&[1], 2.5), Errors { all: 0, on_them: 0 });
        assert_eq!(answers.errors(&[1], 9.0), Errors { all: 2, on_them: 0 });
        assert!((answers.tuned(&[1]) - 2.5).abs() < 0.11);
        // Half of the probability is on class 1 where it is as far above as below.
        let bias = answers.matched(&[1]);
        assert!((answers.frequency(&[1], bias) - 0.5).abs() < 1e-9 && (bias - 2.5).abs() < 1e-6, "{bias}");
    }
}
