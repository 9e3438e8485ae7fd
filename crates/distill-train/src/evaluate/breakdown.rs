use ndarray::Array2;

use super::Evaluation;

/// Bins of confidence in the expected calibration error.
const N_BINS: usize = 15;

/// How a model does on the examples of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassResult {
    /// Examples with this label.
    pub examples: usize,
    /// Those of them to which the model gives another class.
    pub errors: usize,
    /// Part of the examples that is found. Nothing for a class without examples.
    pub recall: Option<f64>,
    /// Part of the predictions of this class that is right. Nothing for a class that is never predicted.
    pub precision: Option<f64>,
    /// Harmonic mean of the two, `2 right / (examples + predicted)`. Nothing for a class that occurs in neither.
    pub f1: Option<f64>,
}

/// The examples whose confidence lies in one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Lower edge, itself not in the bin but for that of the first.
    pub above: f64,
    /// Upper edge, itself in the bin.
    pub up_to: f64,
    /// Examples in the bin.
    pub examples: usize,
    /// Those of them that are right.
    pub right: usize,
    /// Sum of their confidences.
    pub confidence_sum: f64,
}

impl CalibrationBin {
    /// Mean probability of the predicted class. Nothing for an empty bin.
    pub fn confidence(&self) -> Option<f64> {
        (self.examples > 0).then(|| self.confidence_sum / self.examples as f64)
    }

    /// Part of the examples that is right. Nothing for an empty bin.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.right, self.examples)
    }
}

impl Evaluation {
    /// Whether each example is right.
    pub fn right(&self) -> Vec<bool> {
        self.labels.iter().zip(&self.predictions).map(|(label, predicted)| label == predicted).collect()
    }

    /// Numbers of examples, shape `(classes, classes)`: row is the label, column the predicted class.
    pub fn confusion(&self) -> Array2<usize> {
        let mut counts = Array2::zeros((self.n_classes, self.n_classes));
        for (&label, &predicted) in self.labels.iter().zip(&self.predictions) {
            counts[[label as usize, predicted as usize]] += 1;
        }
        counts
    }

    /// Results by class, in the order of the classes.
    pub fn per_class(&self) -> Vec<ClassResult> {
        let (mut examples, mut predicted, mut right) =
            (vec![0; self.n_classes], vec![0; self.n_classes], vec![0; self.n_classes]);
        for (&label, &prediction) in self.labels.iter().zip(&self.predictions) {
            examples[label as usize] += 1;
            predicted[prediction as usize] += 1;
            right[label as usize] += usize::from(label == prediction);
        }
        let result = |class: usize| ClassResult {
            examples: examples[class],
            errors: examples[class] - right[class],
            recall: ratio(right[class], examples[class]),
            precision: ratio(right[class], predicted[class]),
            f1: ratio(2 * right[class], examples[class] + predicted[class]),
        };
        (0..self.n_classes).map(result).collect()
    }

    /// The bins of the expected calibration error, 15 of equal width from 0 to 1.
    pub fn calibration(&self) -> Vec<CalibrationBin> {
        calibration(&self.labels, &self.predictions, &self.confidences)
    }
}

/// The bins of a list of answers; a confidence of NaN falls into the first.
pub(super) fn calibration(labels: &[u32], predictions: &[u32], confidences: &[f64]) -> Vec<CalibrationBin> {
    let edge = |bin: usize| bin as f64 / N_BINS as f64;
    let empty =
        |bin| CalibrationBin { above: edge(bin), up_to: edge(bin + 1), examples: 0, right: 0, confidence_sum: 0.0 };
    let mut bins: Vec<CalibrationBin> = (0..N_BINS).map(empty).collect();
    for ((label, predicted), &confidence) in labels.iter().zip(predictions).zip(confidences) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "confidence is in [0, 1]")]
        let bin = &mut bins[((confidence * N_BINS as f64).ceil() as usize).clamp(1, N_BINS) - 1];
        bin.examples += 1;
        bin.right += usize::from(label == predicted);
        bin.confidence_sum += confidence;
    }
    bins
}

/// `Σ_bins n_bin/n |accuracy - confidence|`: the counts of the bins cancel.
pub(super) fn calibration_error(bins: &[CalibrationBin]) -> f64 {
    let examples: usize = bins.iter().map(|bin| bin.examples).sum();
    bins.iter().map(|bin| (bin.confidence_sum - bin.right as f64).abs()).sum::<f64>() / examples as f64
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Class 0: three examples, two found. Class 1: one example, taken for 0. Class 2: one, found. Class 3: none.
    fn evaluation() -> Evaluation {
        let labels = vec![0, 0, 0, 1, 2];
        let predictions = vec![0, 0, 2, 0, 2];
        let confidences = vec![0.9, 0.8, 0.5, 0.3, 1.0];
        let ece = calibration_error(&calibration(&labels, &predictions, &confidences));
        Evaluation {
            examples: 5,
            errors: 2,
            nll: 0.5,
            ece,
            n_classes: 4,
            top_k: 4,
            top_k_errors: 0,
            labels,
            predictions,
            confidences,
        }
    }

    #[test]
    fn classes_by_hand() {
        let evaluation = evaluation();
        assert_eq!(evaluation.right(), [true, true, false, false, true]);
        let confusion = array![[2, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]];
        assert_eq!(evaluation.confusion(), confusion);
        let class = |examples, errors, recall, precision, f1| ClassResult { examples, errors, recall, precision, f1 };
        assert_eq!(
            evaluation.per_class(),
            [
                class(3, 1, Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0)),
                class(1, 1, Some(0.0), None, Some(0.0)),
                class(1, 0, Some(1.0), Some(0.5), Some(2.0 / 3.0)),
                class(0, 0, None, None, None),
            ]
        );
    }

    #[test]
    fn bins_by_hand() {
        let bins = evaluation().calibration();
        assert_eq!(bins.len(), 15);
        assert_eq!((bins[0].above, bins[14].up_to), (0.0, 1.0));
        // 0.3 · 15 = 4.5, 0.5 · 15 = 7.5, 0.8 · 15 = 12 (an upper edge), 0.9 · 15 = 13.5, 1 · 15 = 15.
        let filled: Vec<_> = bins.iter().enumerate().filter(|(_, bin)| bin.examples > 0).collect();
        let places: Vec<usize> = filled.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [4, 7, 11, 13, 14]);
        assert_eq!((filled[0].1.confidence(), filled[0].1.accuracy()), (Some(0.3), Some(0.0)));
        assert_eq!((bins[1].confidence(), bins[1].accuracy()), (None, None));
    }

    #[test]
    fn calibration_error_by_hand() {
        // Two bins: 0.95 and 0.95, one right; 0.5, right.
        let bins = calibration(&[1, 1, 1], &[1, 0, 1], &[0.95, 0.95, 0.5]);
        let expected = 2.0 / 3.0 * (0.95_f64 - 0.5) + 1.0 / 3.0 * 0.5;
        assert!((calibration_error(&bins) - expected).abs() < 1e-12);
        assert_eq!(calibration(&[0], &[0], &[f64::NAN])[0].examples, 1);
    }
}
