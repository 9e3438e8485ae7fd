use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use crate::loss::check_shape;
use crate::{Loss, LossError, LossValue, Targets, Term};

/// The loss of a regression: squared errors in units of the standard deviation of each number, on labels, on what a teacher
/// says, or on both.
///
/// ```text
/// L = (1 - α) hard + α soft
/// hard = 1/(B C) Σ_b Σ_i ((s_bi - y_bi) / σ_i)²
/// soft = 1/(B C) Σ_b Σ_i ((s_bi - t_bi) / σ_i)²
/// ```
///
/// `s` are the numbers that the student predicts, `t` those of the teacher, `y` those of the data, all in the units of the
/// data; shapes `(examples, numbers)`. The label of an example is the row of its numbers in the table that this loss has. As both
/// terms are least squares, a weighted mean of them is one fit to the mixed target `(1 - α) y + α t` up to a constant: what a
/// teacher gives beyond the labels is rows without labels, and targets with less noise. On examples without labels the soft term
/// stands alone, with weight 1.
///
/// With a [margin](Self::bounded) the teacher is a bound in the place of a target: an example with a label counts in the soft term
/// where the student's error is not below the teacher's by the margin, and then by its own error. Source: Chen, Choi, Yu, Han,
/// Chandraker, 2017, equation 5, in units of the standard deviation.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_losses::{Loss, SquaredError, Targets};
/// use ndarray::{Array2, array};
/// let numbers = Arc::new(array![[10.0_f32], [30.0]]);
/// let loss = SquaredError::new(numbers, &[10.0])?.with_teacher(0.5)?;
/// let (student, teacher) = (array![[20.0_f32]], array![[25.0_f32]]);
/// let mut grad = Array2::zeros((1, 1));
/// let targets = Targets { labels: Some(&[1]), teacher_logits: Some(teacher.view()) };
/// let value = loss.value_and_grad(student.view(), &targets, grad.view_mut())?;
/// // A whole deviation from the label, half of one from the teacher.
/// assert_eq!((value.hard(), value.soft(), value.total), (Some(1.0), Some(0.25), 0.625));
/// // 2 (-1 / 2 - 0.5 / 2) / 10
/// assert!((grad[(0, 0)] + 0.15).abs() < 1e-7);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SquaredError {
    numbers: Arc<Array2<f32>>,
    /// One over the deviation of each number.
    scale: Vec<f64>,
    alpha: f64,
    margin: Option<f64>,
}

impl SquaredError {
    /// A loss on labels alone. `numbers` has a row for each label, and `deviation` what is one unit of each number.
    ///
    /// # Errors
    /// [`LossError::Deviation`] unless there is one for each number, finite and greater than 0.
    pub fn new(numbers: Arc<Array2<f32>>, deviation: &[f64]) -> Result<Self, LossError> {
        let is_wrong = |&sd: &f64| !(sd > 0.0 && sd.is_finite() && sd.recip().is_finite());
        let found = deviation.iter().copied().find(is_wrong);
        if found.is_some() || deviation.len() != numbers.ncols() {
            let (deviations, numbers) = (deviation.len(), numbers.ncols());
            return Err(LossError::Deviation { deviations, numbers, value: found });
        }
        Ok(Self { numbers, scale: deviation.iter().map(|sd| sd.recip()).collect(), alpha: 0.0, margin: None })
    }

    /// The same with a teacher, whose term has the weight `alpha`.
    ///
    /// # Errors
    /// [`LossError::Alpha`] outside `[0, 1]`.
    pub fn with_teacher(self, alpha: f64) -> Result<Self, LossError> {
        if (0.0..=1.0).contains(&alpha) { Ok(Self { alpha, ..self }) } else { Err(LossError::Alpha { value: alpha }) }
    }

    /// The same where the teacher's error is a bound, from which the student's may be `margin` away: a difference of mean squared
    /// errors, in units of the variance.
    ///
    /// # Errors
    /// [`LossError::Margin`] unless it is finite and at least 0.
    pub fn bounded(self, margin: f64) -> Result<Self, LossError> {
        let is_margin = margin >= 0.0 && margin.is_finite();
        if is_margin { Ok(Self { margin: Some(margin), ..self }) } else { Err(LossError::Margin { value: margin }) }
    }

    /// The mean squared distance of two rows.
    fn squares(&self, a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
        let pairs = a.iter().zip(b).zip(&self.scale);
        pairs.map(|((&a, &b), scale)| (scale * (f64::from(a) - f64::from(b))).powi(2)).sum::<f64>() / a.len() as f64
    }
}

impl Loss for SquaredError {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let teacher = targets.teacher_logits;
        let of_grad = ("gradients", grad.dim());
        let of_teacher = teacher.map_or(of_grad, |teacher| ("teacher's logits", teacher.dim()));
        let (examples, width) = check_shape(logits.dim(), &[of_teacher, of_grad])?;
        if width != self.scale.len() {
            let actual = self.numbers.dim();
            return Err(LossError::ShapeMismatch { what: "numbers of the data", logits: logits.dim(), actual });
        }
        if let Some(labels) = targets.labels {
            if labels.len() != examples {
                return Err(LossError::LabelCount { examples, labels: labels.len() });
            }
            let rows = self.numbers.nrows();
            if let Some((row, &label)) = labels.iter().enumerate().find(|&(_, &label)| label as usize >= rows) {
                return Err(LossError::LabelOutOfRange { row, label, classes: rows });
            }
        }
        let alpha = if targets.labels.is_some() { self.alpha } else { 1.0 };
        let teacher = match teacher {
            None if alpha > 0.0 => return Err(LossError::MissingTeacher),
            teacher => teacher.filter(|_| alpha > 0.0),
        };
        let (mut hard, mut soft) = (0.0, 0.0);
        let mean = 2.0 / (examples * width) as f64;
        for (row, mut grad) in grad.outer_iter_mut().enumerate() {
            let student = logits.row(row);
            let label = targets.labels.map(|labels| self.numbers.row(labels[row] as usize));
            let teacher = teacher.as_ref().map(|teacher| teacher.row(row));
            let own = label.map_or(0.0, |label| self.squares(student, label));
            hard += own;
            // What the soft term compares the student with, where it counts.
            let aim = match (self.margin, label, teacher) {
                (Some(margin), Some(label), Some(teacher)) => {
                    (own + margin > self.squares(teacher, label)).then_some(label)
                }
                (_, _, teacher) => teacher,
            };
            soft += aim.map_or(0.0, |aim| self.squares(student, aim));
            for (i, (grad, &s)) in grad.iter_mut().zip(student).enumerate() {
                let away = |from: ArrayView1<'_, f32>| f64::from(s) - f64::from(from[i]);
                let of_label = label.map_or(0.0, |label| (1.0 - alpha) * away(label));
                let of_aim = aim.map_or(0.0, |aim| alpha * away(aim));
                #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
                let value = (mean * self.scale[i].powi(2) * (of_label + of_aim)) as f32;
                *grad = value;
            }
        }
        let (hard, soft) = (hard / examples as f64, soft / examples as f64);
        let mut value = LossValue::default();
        if targets.labels.is_some() && alpha < 1.0 {
            value = value.with(Term::of_labelled("hard", hard));
            value.total += (1.0 - alpha) * hard;
        }
        if teacher.is_some() {
            value = value.with(Term::new("soft", soft));
            value.total += alpha * soft;
        }
        Ok(value)
    }

    fn needs_teacher(&self) -> bool {
        self.alpha > 0.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn numbers() -> Arc<Array2<f32>> {
        Arc::new(array![[1.0, -20.0], [3.0, 0.0], [2.0, 50.0], [2.5, 10.0]])
    }

    fn loss(alpha: f64) -> SquaredError {
        SquaredError::new(numbers(), &[0.5, 20.0]).unwrap().with_teacher(alpha).unwrap()
    }

    fn student() -> Array2<f32> {
        array![[1.5, -10.0], [2.0, 30.0], [2.25, 8.0]]
    }

    fn teacher() -> Array2<f32> {
        array![[1.25, -18.0], [1.9, 44.0], [2.75, 9.0]]
    }

    /// The gradient of the total against its own differences.
    #[track_caller]
    fn check_gradient(loss: &SquaredError, labels: Option<&[u32]>) -> LossValue {
        let (student, teacher) = (student(), teacher());
        let targets = Targets { labels, teacher_logits: Some(teacher.view()) };
        let of = |logits: &Array2<f32>| {
            let mut grad = Array2::zeros(logits.dim());
            let value = loss.value_and_grad(logits.view(), &targets, grad.view_mut()).unwrap();
            (value, grad)
        };
        let (value, grad) = of(&student);
        for at in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
            let (mut more, mut less) = (student.clone(), student.clone());
            more[at] += 0.0625;
            less[at] -= 0.0625;
            let expected = (of(&more).0.total - of(&less).0.total) / 0.125;
            assert!((f64::from(grad[at]) - expected).abs() < 1e-6, "{at:?}: {} {expected}", grad[at]);
        }
        value
    }

    #[test]
    fn values_by_hand_and_gradients_by_differences() {
        // Squares of labels 0, 2, 3: (1, 0.25), (0, 1), (0.25, 0.01); of the teacher: (0.25, 0.16), (0.04, 0.49), (1, 0.0025).
        let (hard, soft) = (2.51 / 6.0, 1.9425 / 6.0);
        let value = check_gradient(&loss(0.3), Some(&[0, 2, 3]));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(value.hard().unwrap(), hard) && near(value.soft().unwrap(), soft), "{value:?}");
        assert!(near(value.total, 0.7 * hard + 0.3 * soft) && value.kl().is_none());
        let value = check_gradient(&loss(0.0), Some(&[0, 2, 3]));
        assert!(near(value.total, hard) && value.soft().is_none());
        let value = check_gradient(&loss(0.3), None);
        assert!(near(value.total, soft) && value.hard().is_none());
    }

    #[test]
    fn a_teacher_that_is_worse_is_no_aim() {
        let bounded = loss(1.0).bounded(0.2).unwrap();
        // Mean squares of the student 0.625, 0.5, 0.13; of the teacher (0.25 + 0.01) / 2, (0.04 + 0.09) / 2, (0.25 + 0.0025) / 2.
        let value = check_gradient(&bounded, Some(&[0, 2, 3]));
        assert!((value.soft().unwrap() - (0.625 + 0.5 + 0.13) / 3.0).abs() < 1e-6, "{value:?}");
        // Of label 1 the student is 9 away on average and the teacher 12.9: more than the margin.
        let value = check_gradient(&bounded, Some(&[1, 2, 3]));
        let first =
            (bounded.squares(student().row(0), numbers().row(1)), bounded.squares(teacher().row(0), numbers().row(1)));
        assert!(first.0 + 0.2 < first.1, "{first:?}");
        assert!((value.soft().unwrap() - (0.5 + 0.13) / 3.0).abs() < 1e-6, "{value:?}");
        // Without labels it is a target.
        assert_eq!(check_gradient(&bounded, None).soft(), check_gradient(&loss(1.0), None).soft());
    }

    #[test]
    fn units_do_not_matter() {
        let (a, b) = (1000.0_f32, 7.0_f32);
        let other = |table: &Array2<f32>| table.mapv(|value| value * a + b);
        let large =
            SquaredError::new(Arc::new(other(&numbers())), &[500.0, 20_000.0]).unwrap().with_teacher(0.4).unwrap();
        let total = |loss: &SquaredError, student: &Array2<f32>, teacher: &Array2<f32>| {
            let targets = Targets { labels: Some(&[0, 1, 2]), teacher_logits: Some(teacher.view()) };
            loss.value_and_grad(student.view(), &targets, Array2::zeros((3, 2)).view_mut()).unwrap().total
        };
        let (found, expected) =
            (total(&large, &other(&student()), &other(&teacher())), total(&loss(0.4), &student(), &teacher()));
        assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for deviation in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[1.0, 1e-320]] {
            assert!(matches!(SquaredError::new(numbers(), deviation), Err(LossError::Deviation { .. })));
        }
        assert!(loss(0.0).with_teacher(1.5).is_err() && loss(0.0).bounded(-1.0).is_err());
        let refused = |logits: &Array2<f32>, labels: &[u32], loss: SquaredError| {
            let targets = Targets { labels: Some(labels), teacher_logits: None };
            loss.value_and_grad(logits.view(), &targets, Array2::zeros(logits.dim()).view_mut()).unwrap_err()
        };
        assert!(matches!(refused(&student(), &[0, 1], loss(0.0)), LossError::LabelCount { .. }));
        assert!(matches!(refused(&student(), &[0, 1, 4], loss(0.0)), LossError::LabelOutOfRange { label: 4, .. }));
        assert_eq!(refused(&student(), &[0, 1, 2], loss(0.5)), LossError::MissingTeacher);
        let narrow = student().slice(ndarray::s![.., ..1]).to_owned();
        assert!(matches!(refused(&narrow, &[0, 1, 2], loss(0.0)), LossError::ShapeMismatch { .. }));
    }
}
