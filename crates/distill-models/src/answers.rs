use std::fmt;

use ndarray::ArrayView2;

use crate::{ModelError, Zeros};

/// How far a probability may be outside of 0 to 1, and the sum of those of an example from 1, as numbers of 16 bits
/// and casts leave them.
const MAX_EXCESS: f64 = 1e-2;

/// How far the sum may be from 1 where rounding explains it. What is further off has lost too much to be believed.
const MAX_ROUNDED: f64 = 0.1;

/// Decimals that numbers may have been rounded to. With more of them, a thousand classes stay within [`MAX_EXCESS`].
const DECIMALS: std::ops::RangeInclusive<i32> = 1..=4;

/// One row in so many may add up to 1 by chance where all are logits.
const BY_CHANCE: usize = 10;

/// What the numbers are taken for with which a teacher from elsewhere answers.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerKind {
    /// Whether they are probabilities, of which the logarithms are the logits. The softmax of these adds up to 1 where
    /// the probabilities do not.
    pub probabilities: bool,
    /// By what that was told.
    pub why: String,
    /// What zeros among probabilities are taken as, where that is known.
    pub zeros: Option<Zeros>,
}

impl fmt::Display for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.probabilities { Self::PROBABILITIES } else { "logits" }, self.why)?;
        self.zeros.filter(|zeros| zeros.n_zeros > 0).map_or(Ok(()), |zeros| write!(f, "; {zeros}"))
    }
}

impl AnswerKind {
    /// How probabilities are called where there is no room for the reason.
    pub const PROBABILITIES: &'static str = "probabilities, taken as logarithms";

    /// What a model's architecture says of its answers, in brackets; nothing if they are logits.
    pub fn remark(&self) -> String {
        match self.zeros.filter(|zeros| zeros.n_zeros > 0) {
            _ if !self.probabilities => String::new(),
            Some(zeros) => format!(" ({}; {zeros})", Self::PROBABILITIES),
            None => format!(" ({})", Self::PROBABILITIES),
        }
    }

    /// What rows of answers are, one for each example.
    ///
    /// `probabilities` is what somebody has said of them. Without it, they are probabilities if every row has numbers from 0
    /// to 1 that add up to 1, or as near to it as numbers rounded to their decimals can be: of `k` numbers, `n` of them
    /// not 0, that are rounded to steps of `s`, between `1 - k s/2` and `1 + n s/2`, and within 0.1. They are logits if some
    /// numbers are outside of 0 to 1, and next to no row adds up to 1. Where `is_whole` is not set the rows lack some
    /// classes, and may add up to less.
    ///
    /// # Errors
    /// [`ModelError::UnclearAnswers`] if they are neither, as sigmoids are, or if they cannot be the probabilities that they
    /// are said to be.
    ///
    /// # Examples
    /// ```
    /// use distill_models::AnswerKind;
    /// use ndarray::array;
    /// let kind = |rows: ndarray::Array2<f32>| AnswerKind::of(rows.view(), None, true).map(|kind| kind.probabilities);
    /// assert!(kind(array![[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])?);
    /// assert!(!kind(array![[3.0, -1.0, 0.5]])?);
    /// assert!(kind(array![[0.9, 0.8, 0.1]]).is_err());
    /// # Ok::<(), distill_models::ModelError>(())
    /// ```
    pub fn of(rows: ArrayView2<'_, f32>, probabilities: Option<bool>, is_whole: bool) -> Result<Self, ModelError> {
        if probabilities == Some(false) {
            return Ok(Self { probabilities: false, why: "as the settings say".to_owned(), zeros: None });
        }
        let found: Vec<Row> = rows.outer_iter().map(|row| Row::of(row.iter().copied())).collect();
        if probabilities == Some(true) {
            return Self::said(&found, is_whole);
        }
        let n = found.len();
        let in_range = found.iter().all(Row::is_in_range);
        let step = if in_range { step(rows) } else { None };
        let half = step.map_or(0.0, |(_, step)| step / 2.0);
        let adds_up = |row: &&Row| row.is_in_range() && row.excess(is_whole).abs() <= MAX_EXCESS;
        let fits = |row: &Row| adds_up(&row) || (row.is_in_range() && row.may_be_rounded(half, rows.ncols(), is_whole));
        let adding_up = found.iter().filter(adds_up).count();
        match found.iter().position(|row| !fits(row)) {
            None if n > 0 => {
                let mut why =
                    if is_whole { "every row adds up to 1" } else { "no row adds up to more than 1" }.to_owned();
                if let Some((decimals, _)) = step.filter(|_| adding_up < n) {
                    why += &format!(", {} of {n} but for rounding to {decimals} decimals", n - adding_up);
                }
                Ok(Self { probabilities: true, why, zeros: None })
            }
            Some(at) if in_range || adding_up * BY_CHANCE >= n => {
                let Row { least, most, sum, .. } = found[at];
                let sums = if is_whole { "add up to 1" } else { "add up to 1 at most" };
                Err(ModelError::UnclearAnswers {
                    problem: format!(
                        "{adding_up} of {n} rows have numbers from 0 to 1 that {sums}, but row {at}, counted from 0, has \
                         numbers from {least:.4} to {most:.4} that add up to {sum:.4}"
                    ),
                })
            }
            _ => Ok(Self { probabilities: false, why: "numbers are below 0 or above 1".to_owned(), zeros: None }),
        }
    }

    /// Somebody has said that they are probabilities.
    fn said(found: &[Row], is_whole: bool) -> Result<Self, ModelError> {
        if let Some(at) = found.iter().position(|row| !row.is_in_range() || row.sum <= 0.0) {
            let Row { least, most, sum, .. } = found[at];
            return Err(ModelError::UnclearAnswers {
                problem: format!(
                    "they are said to be probabilities, but row {at}, counted from 0, has numbers from {least:.4} to \
                     {most:.4} that add up to {sum:.4}"
                ),
            });
        }
        let scaled = found.iter().filter(|row| row.excess(is_whole).abs() > MAX_EXCESS).count();
        let mut why = "as the settings say".to_owned();
        if scaled > 0 {
            why += &format!("; {scaled} of {} rows do not add up to 1 and are scaled to it", found.len());
        }
        Ok(Self { probabilities: true, why, zeros: None })
    }
}

/// What is looked at in the answer to one example.
struct Row {
    least: f32,
    most: f32,
    sum: f64,
    n_not_zero: usize,
}

impl Row {
    fn of(values: impl Iterator<Item = f32>) -> Self {
        let start = Self { least: f32::INFINITY, most: f32::NEG_INFINITY, sum: 0.0, n_not_zero: 0 };
        values.fold(start, |row, value| Self {
            least: row.least.min(value),
            most: row.most.max(value),
            sum: row.sum + f64::from(value),
            n_not_zero: row.n_not_zero + usize::from(value != 0.0),
        })
    }

    fn is_in_range(&self) -> bool {
        f64::from(self.least) >= -MAX_EXCESS && f64::from(self.most) <= 1.0 + MAX_EXCESS
    }

    /// How much the sum is above 1, or below where no class is missing.
    fn excess(&self, is_whole: bool) -> f64 {
        let excess = self.sum - 1.0;
        if is_whole { excess } else { excess.max(0.0) }
    }

    /// Whether the true numbers may add up to 1. What has become 0 was not rounded up.
    fn may_be_rounded(&self, half: f64, n: usize, is_whole: bool) -> bool {
        let (excess, slack) = (self.excess(is_whole), 1e-6);
        (-(n as f64) * half - slack..=self.n_not_zero as f64 * half + slack).contains(&excess)
            && excess.abs() <= MAX_ROUNDED
    }
}

/// The fewest decimals that all numbers have, and the step between two such numbers.
fn step(rows: ArrayView2<'_, f32>) -> Option<(i32, f64)> {
    DECIMALS.map(|decimals| (decimals, 10_f64.powi(decimals))).find_map(|(decimals, scale)| {
        let is_rounded = |&value: &f32| {
            let steps = f64::from(value) * scale;
            (steps - steps.round()).abs() < 0.05
        };
        rows.iter().all(is_rounded).then_some((decimals, 1.0 / scale))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn of(rows: &Array2<f32>) -> Result<bool, String> {
        AnswerKind::of(rows.view(), None, true).map(|kind| kind.probabilities).map_err(|error| error.to_string())
    }

    /// Softmaxes of some spread over many classes.
    fn probs(n: usize, n_classes: usize) -> Array2<f32> {
        let logit = |i: usize, j: usize| (((i * 7919 + j * 104_729) % 1000) as f32 / 1000.0 - 0.5) * 6.0;
        let logit = |i: usize, j: usize| if j == i % n_classes { 9.0 } else { logit(i, j) };
        let mut rows = Array2::from_shape_fn((n, n_classes), |(i, j)| logit(i, j).exp());
        rows.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
        rows
    }

    #[test]
    fn one_row_that_is_off_is_named() {
        let mut rows = probs(600, 3);
        assert_eq!(of(&rows), Ok(true));
        rows.row_mut(123).mapv_inplace(|p| p * 0.985);
        let error = of(&rows).unwrap_err();
        assert!(error.contains("599 of 600 rows") && error.contains("row 123") && error.contains("0.9850"), "{error}");
        let said = AnswerKind::of(rows.view(), Some(true), true).unwrap();
        assert!(said.to_string().contains("1 of 600 rows do not add up to 1 and are scaled to it"), "{said}");
        assert!(!AnswerKind::of(rows.view(), Some(false), true).unwrap().probabilities);
        rows[(5, 1)] = -0.4;
        assert!(of(&rows).unwrap_err().contains("row 5,"), "most rows are probabilities");
        let error = AnswerKind::of(rows.view(), Some(true), true).unwrap_err().to_string();
        assert!(error.contains("row 5,") && error.contains("-0.4"), "{error}");
    }

    #[test]
    fn what_rounding_explains_are_probabilities() {
        for (n_classes, scale) in [(10, 100.0), (60, 100.0), (214, 1000.0), (214, 100.0)] {
            let rows = probs(400, n_classes).mapv(|p| (p * scale).round() / scale);
            let furthest = rows.rows().into_iter().map(|row| (row.sum() - 1.0).abs()).fold(0.0, f32::max);
            assert!(n_classes == 10 || scale > 100.0 || furthest > 0.011, "{n_classes} {scale} {furthest}");
            assert_eq!(of(&rows), Ok(true), "{n_classes} {scale} {furthest}");
            // The same sums of numbers that were not rounded.
            let mut off = probs(400, n_classes);
            off.row_mut(7).mapv_inplace(|p| p * (1.0 - furthest - 0.011));
            assert!(of(&off).is_err());
        }
        // Rounding down 6 classes with 2 decimals takes 0.03 at most.
        assert_eq!(of(&array![[0.9, 0.07, 0.0, 0.0, 0.0, 0.0]]), Ok(true));
        assert!(of(&array![[0.9, 0.06, 0.0, 0.0, 0.0, 0.0]]).is_err());
        // Zeros were not rounded up.
        assert_eq!(of(&array![[0.51, 0.51, 0.01, 0.0, 0.0, 0.0]]).map_err(|_| ()), Err(()));
        assert_eq!(of(&array![[0.51, 0.51, 0.0, 0.0, 0.0, 0.0]]).map_err(|_| ()), Err(()));
    }

    #[test]
    fn logits_are_logits_and_sigmoids_are_refused() {
        let logits = probs(500, 3).mapv(f32::ln);
        assert_eq!(of(&logits), Ok(false));
        // Of two classes, some rows add up to 1 by chance.
        let mut chance = Array2::from_shape_fn((500, 2), |(i, j)| (i as f32 / 100.0) * if j == 0 { 1.0 } else { -1.0 });
        chance.row_mut(9).assign(&array![0.3, 0.7]);
        assert_eq!(of(&chance), Ok(false));
        let sigmoids = logits.mapv(|z| 1.0 / (1.0 + (-2.0 - z).exp()));
        assert!(of(&sigmoids).unwrap_err().contains("that add up to"));
        assert!(AnswerKind::of(sigmoids.view(), Some(true), true).unwrap().why.contains("are scaled to it"));
        assert!(of(&Array2::zeros((3, 4))).is_err());
        assert!(AnswerKind::of(Array2::zeros((3, 4)).view(), Some(true), true).is_err());
    }

    #[test]
    fn the_largest_alone_may_add_up_to_less() {
        let kind =
            |rows: Array2<f32>| AnswerKind::of(rows.view(), None, false).map(|kind| kind.probabilities).map_err(|_| ());
        assert_eq!(kind(array![[0.5, 0.2], [0.9, 0.1]]), Ok(true));
        assert!(kind(array![[0.5, 0.2], [0.9, 0.3]]).is_err());
        assert_eq!(kind(array![[5.0, 3.0], [9.0, 0.3]]), Ok(false));
    }
}
