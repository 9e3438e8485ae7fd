use std::collections::HashMap;

use distill_datasets::{DataSpec, Dataset};
use distill_models::{AnswerKind, Model, ModelError, ModelSpec, Scratch, Zeros};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::TrainError;
use crate::fingerprint::{Fingerprint, hash_of_row, hex};

/// Sums of a few f32 are no nearer to 1.
const MIN_REST: f32 = 1e-6;

/// Rows that a thread looks up at a time.
const ROWS: usize = 32;

/// A teacher's answers to one set: logits or probabilities.
#[derive(Debug, Clone)]
pub struct Answers {
    values: Array2<f32>,
    kind: AnswerKind,
}

/// A teacher that has answered before: a table of logits, by the inputs that they are answers to.
///
/// It is found by a hash of the input, so it answers in any order and for any part of the data, as the model itself would,
/// and it cannot answer anything else.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Table};
/// use distill_models::Model;
/// use distill_train::{AnswerTable, Answers};
/// use ndarray::array;
/// let classes = vec!["no".to_owned(), "yes".to_owned()];
/// let data = Table::new(vec![1], vec![0.5, 2.0], vec![0, 1], classes.clone())?;
/// let answers = Answers::of_all(array![[3.0, -1.0], [0.2, 0.4]], None)?;
/// let teacher = AnswerTable::new(data.spec(), classes, vec![(&data, answers)], None)?;
/// assert_eq!(teacher.logits(array![[2.0], [0.5]].view())?, array![[0.2, 0.4], [3.0, -1.0]]);
/// assert!(teacher.logits(array![[1.0]].view()).is_err());
/// # Ok::<(), distill_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AnswerTable {
    spec: ModelSpec,
    rows: HashMap<u128, usize>,
    logits: Array2<f32>,
    kind: AnswerKind,
    sha256: String,
}

impl AnswerTable {
    /// Takes the answers to every example of some sets. Of two equal inputs the answer to the first counts.
    ///
    /// Where they are probabilities, the logits are their logarithms. Those below `min_probability` are taken as it; without it
    /// all sets together say what a zero is taken as, see [`Zeros`].
    ///
    /// # Errors
    /// [`TrainError::Targets`] if there are not as many rows as examples or not as many columns as classes,
    /// [`TrainError::Answers`] if those to one set are logits and those to another probabilities; whatever the data runs
    /// into.
    pub fn new(
        data: &DataSpec,
        classes: Vec<String>,
        answers: Vec<(&dyn Dataset, Answers)>,
        min_probability: Option<f32>,
    ) -> Result<Self, TrainError> {
        let Some(mut kind) = answers.first().map(|(_, answers)| answers.kind.clone()) else {
            return Err(TrainError::Empty { split: "answered" });
        };
        let mut rows = HashMap::new();
        let mut all = vec![];
        for (number, (set, answers)) in answers.into_iter().enumerate() {
            let (expected, actual) = ([set.len(), classes.len()], answers.shape());
            if expected != actual {
                return Err(TrainError::Targets { expected, actual });
            }
            if answers.kind.probabilities != kind.probabilities {
                let problem = format!("{kind} in set 0, and {} in set {number}", answers.kind);
                return Err(TrainError::Answers { problem });
            }
            let start: usize = all.iter().map(|answers: &Array2<f32>| answers.nrows()).sum();
            for (at, hash) in Fingerprint::of(set)?.rows().iter().enumerate() {
                rows.entry(*hash).or_insert(start + at);
            }
            all.push(answers.values);
        }
        let views: Vec<_> = all.iter().map(|answers| answers.view()).collect();
        let n: usize = views.iter().map(|view| view.nrows()).sum();
        let mut logits = match ndarray::concatenate(Axis(0), &views) {
            Ok(answers) if n > 0 => answers,
            _ => return Err(TrainError::Empty { split: "answered" }),
        };
        if kind.probabilities {
            let zeros = Zeros::of(logits.iter().copied(), classes.len(), min_probability);
            logits.mapv_inplace(|p| zeros.ln(p));
            kind.zeros = Some(zeros);
        }
        let mut hasher = Sha256::new();
        for class in &classes {
            hasher.update((class.len() as u64).to_le_bytes());
            hasher.update(class);
        }
        let mut bytes = vec![];
        for row in logits.outer_iter() {
            bytes.clear();
            bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            hasher.update(&bytes);
        }
        let spec = ModelSpec {
            architecture: format!("table of {n} answers{}", kind.remark()),
            input_shape: data.input_shape.clone(),
            classes,
            parameters: 0,
        };
        Ok(Self { spec, rows, logits, kind, sha256: hex(&hasher.finalize()) })
    }

    /// What its answers were taken for.
    pub fn kind(&self) -> &AnswerKind {
        &self.kind
    }

    /// SHA-256 of the logits and the names of their classes, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Bytes of the logits.
    pub fn n_bytes(&self) -> usize {
        4 * self.logits.len()
    }
}

impl Model for AnswerTable {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        _: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        if inputs.ncols() != self.spec.features() {
            return Err(ModelError::Features { expected: self.spec.features(), actual: inputs.ncols() });
        }
        let rows = out.axis_iter_mut(Axis(0)).into_par_iter().zip(inputs.axis_iter(Axis(0))).with_min_len(ROWS);
        let missing: Vec<usize> = rows
            .enumerate()
            .map_init(Vec::new, |bytes, (row, (mut out, input))| match self.rows.get(&hash_of_row(input, bytes)) {
                Some(&at) => {
                    out.assign(&self.logits.row(at));
                    None
                }
                None => Some(row),
            })
            .flatten_iter()
            .collect();
        match missing.first() {
            None => Ok(()),
            Some(row) => Err(ModelError::Engine {
                reason: format!(
                    "example {row} of the batch, and {} more, are none of the inputs that the table has answers to",
                    missing.len() - 1
                ),
            }),
        }
    }
}

impl Answers {
    /// Takes logits or probabilities, of which the logarithms are the logits: one row for each example and one column for
    /// each class. Without `probabilities` the rows tell which they are, see [`AnswerKind::of`].
    ///
    /// # Errors
    /// [`TrainError::Answers`] if a number is not finite, [`ModelError::UnclearAnswers`] if they are neither.
    pub fn of_all(values: Array2<f32>, probabilities: Option<bool>) -> Result<Self, TrainError> {
        check_finite(values.view())?;
        let kind = AnswerKind::of(values.view(), probabilities, true)?;
        Ok(Self { values, kind })
    }

    /// Takes those of the largest alone, and what is left for the others.
    ///
    /// `classes` has shape `(examples, k)`, `values` has the same shape or one column more, for all other classes together:
    /// their mass, or its logarithm where the values are logits. Without that column the values must be probabilities, of
    /// which the rest to 1 is left. The others share it alike.
    ///
    /// # Errors
    /// [`TrainError::Answers`] if the shapes do not fit each other, a class is not there or twice, or a number is not
    /// finite; [`ModelError::UnclearAnswers`] if the values are neither logits nor probabilities.
    pub fn of_largest(
        classes: ArrayView2<'_, u32>,
        values: ArrayView2<'_, f32>,
        n_classes: usize,
        probabilities: Option<bool>,
    ) -> Result<Self, TrainError> {
        let wrong = |problem: String| Err(TrainError::Answers { problem });
        let (n, k) = classes.dim();
        let has_rest = values.ncols() == k + 1;
        if values.nrows() != n || !(has_rest || values.ncols() == k) || k == 0 || k >= n_classes {
            let shape = values.dim();
            return wrong(format!("{shape:?} values for {:?} numbers of {n_classes} classes", classes.dim()));
        }
        check_finite(values)?;
        let kind = AnswerKind::of(values, probabilities, has_rest)?;
        if !kind.probabilities && !has_rest {
            return wrong(
                "logits of the largest alone: add a column with the logarithm of the mass of all others".to_owned(),
            );
        }
        let n_others = (n_classes - k) as f32;
        let mut out = Array2::zeros((n, n_classes));
        for (example, ((mut out, classes), values)) in
            out.axis_iter_mut(Axis(0)).zip(classes.outer_iter()).zip(values.outer_iter()).enumerate()
        {
            // What rounding leaves of nothing is nothing.
            let rest = if has_rest { values[k] } else { 1.0 - values.sum() };
            let rest = if has_rest || rest > MIN_REST { rest } else { 0.0 };
            out.fill(if kind.probabilities { rest / n_others } else { rest - n_others.ln() });
            let mut seen: Vec<u32> = classes.to_vec();
            seen.sort_unstable();
            seen.dedup();
            if let Some(class) = classes.iter().find(|&&class| class as usize >= n_classes) {
                return wrong(format!("class {class} of example {example}, there are {n_classes}"));
            }
            if seen.len() != k {
                return wrong(format!("the same class twice for example {example}"));
            }
            for (&class, &value) in classes.iter().zip(values) {
                out[class as usize] = value;
            }
        }
        Ok(Self { values: out, kind })
    }

    /// Examples and classes.
    pub fn shape(&self) -> [usize; 2] {
        [self.values.nrows(), self.values.ncols()]
    }

    /// What the numbers were taken for.
    pub fn kind(&self) -> &AnswerKind {
        &self.kind
    }
}

fn check_finite(values: ArrayView2<'_, f32>) -> Result<(), TrainError> {
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((example, class), value)) => {
            let problem = format!("{value} for class {class} of example {example}, counted from 0");
            Err(TrainError::Answers { problem })
        }
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;
    use ndarray::{array, s};

    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    fn data(values: &[f32]) -> Table {
        Table::new(vec![2], values.to_vec(), vec![0; values.len() / 2], names(3)).unwrap()
    }

    fn table(answers: Array2<f32>) -> Result<AnswerTable, TrainError> {
        let data = data(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        AnswerTable::new(data.spec(), names(3), vec![(&data, Answers::of_all(answers, None)?)], None)
    }

    #[test]
    fn inputs_find_their_answers_in_any_order() {
        let answers = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.5, 2.0, 3.0]];
        let teacher = table(answers.clone()).unwrap();
        let inputs = array![[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]];
        assert_eq!(teacher.logits(inputs.view()).unwrap(), array![[4.0, 5.0, 6.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let many = Array2::from_shape_fn((5000, 2), |(i, j)| if i % 2 == 0 { 1.0 + j as f32 } else { 3.0 + j as f32 });
        let found = teacher.logits(many.view()).unwrap();
        assert!(found.outer_iter().enumerate().all(|(i, row)| row == answers.row(i % 2)));
        let error = teacher.logits(array![[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]].view()).unwrap_err().to_string();
        assert!(error.contains("example 1 of the batch, and 1 more"), "{error}");
        assert!(matches!(teacher.logits(array![[1.0]].view()), Err(ModelError::Features { actual: 1, .. })));
        assert_eq!((teacher.spec().architecture.as_str(), teacher.n_bytes()), ("table of 3 answers", 36));
        assert_ne!(teacher.sha256(), table(answers + 1.0).unwrap().sha256());
    }

    #[test]
    fn probabilities_become_logits() {
        let teacher = table(array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7], [0.25, 0.75, 0.0]]).unwrap();
        let found = teacher.logits(array![[1.0, 2.0]].view()).unwrap();
        // Half the smallest would be 0.05.
        assert_eq!(found, array![[0.25_f32.ln(), 0.75_f32.ln(), 0.01_f32.ln()]]);
        let expected = "table of 3 answers (probabilities, taken as logarithms; 22 % of them are 0, taken as 0.01)";
        assert_eq!(teacher.spec().architecture, expected);
        // Said to be logits, they are.
        let values = array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7]];
        assert_eq!(Answers::of_all(values.clone(), Some(false)).unwrap().values, values);
    }

    #[test]
    fn zeros_of_all_sets_are_taken_as_one_number() {
        let data = data(&[1.0, 2.0, 3.0, 4.0]);
        let answers = |rows: Array2<f32>| Answers::of_all(rows, None).unwrap();
        let sets = || {
            let (a, b) = (array![[1.0, 0.0, 0.0], [0.5, 0.46, 0.04]], array![[0.99, 0.01, 0.0], [1.0, 0.0, 0.0]]);
            vec![(&data as &dyn Dataset, answers(a)), (&data, answers(b))]
        };
        let table = |min| AnswerTable::new(data.spec(), names(3), sets(), min).unwrap();
        assert_eq!(table(None).logits[(0, 1)], 0.005_f32.ln());
        assert_eq!(table(None).kind().zeros.map(|zeros| zeros.n_zeros), Some(5));
        assert_eq!(table(Some(0.02)).logits.row(2), array![0.99_f32.ln(), 0.02_f32.ln(), 0.02_f32.ln()]);
        assert_ne!(table(None).sha256(), table(Some(0.02)).sha256());
    }

    /// Negative log-likelihood of class 0.
    fn nll(answers: &Answers) -> f64 {
        let rows = answers.values.outer_iter().map(|row| {
            let row = if answers.kind.probabilities { row.mapv(f32::ln) } else { row.to_owned() };
            let partition = distill_tensor::LogPartition::new(row.iter().copied(), 1.0);
            -partition.log_prob(row[0])
        });
        rows.sum::<f64>() / answers.values.nrows() as f64
    }

    #[test]
    fn one_row_that_is_off_makes_no_logits_of_all() {
        let mut values = Array2::from_shape_fn((600, 3), |(_, class)| [0.8, 0.15, 0.05][class]);
        let whole = nll(&Answers::of_all(values.clone(), None).unwrap());
        values.row_mut(300).mapv_inplace(|p| p * 0.985);
        let error = Answers::of_all(values.clone(), None).unwrap_err().to_string();
        assert!(error.contains("599 of 600 rows") && error.contains("row 300"), "{error}");
        // Scaled, the row says what it said.
        let said = nll(&Answers::of_all(values.clone(), Some(true)).unwrap());
        assert!((whole - said).abs() < 1e-6 && (whole + 0.8_f64.ln()).abs() < 1e-6, "{whole} {said}");
        assert!(nll(&Answers::of_all(values, Some(false)).unwrap()) > 0.6);
    }

    #[test]
    fn two_decimals_of_many_classes_are_probabilities() {
        // 99 classes share 0.05, of which nothing is left.
        let rounded = Array2::from_shape_fn((50, 100), |(_, class)| if class == 0 { 0.95 } else { 0.0 });
        let answers = Answers::of_all(rounded, None).unwrap();
        assert_eq!(answers.kind().why, "every row adds up to 1, 50 of 50 but for rounding to 2 decimals");
        assert!(nll(&answers) < 1e-6);
    }

    #[test]
    fn all_sets_are_of_one_kind() {
        let data = data(&[1.0, 2.0, 3.0, 4.0]);
        let logits = || Answers::of_all(array![[3.0, -1.0, 0.5], [1.0, 2.0, -3.0]], None).unwrap();
        let probs = || Answers::of_all(array![[0.25, 0.75, 0.0], [0.1, 0.2, 0.7]], None).unwrap();
        let table = |a, b| AnswerTable::new(data.spec(), names(3), vec![(&data as &dyn Dataset, a), (&data, b)], None);
        assert!(table(logits(), logits()).is_ok() && table(probs(), probs()).is_ok());
        let error = table(logits(), probs()).unwrap_err().to_string();
        assert!(error.contains("logits") && error.contains("in set 0, and probabilities"), "{error}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(
            table(Array2::eye(3).slice_move(s![..2, ..])),
            Err(TrainError::Targets { expected: [3, 3], actual: [2, 3] })
        ));
        assert!(matches!(table(Array2::eye(4).slice_move(s![..3, ..])), Err(TrainError::Targets { .. })));
        let mut bad = Array2::zeros((3, 3));
        bad[(1, 2)] = f32::NAN;
        assert!(table(bad).unwrap_err().to_string().contains("NaN for class 2 of example 1"));
        assert!(matches!(
            AnswerTable::new(data(&[1.0, 2.0]).spec(), names(3), vec![], None),
            Err(TrainError::Empty { .. })
        ));
    }

    #[test]
    fn the_largest_keep_their_place_and_the_others_share_the_rest() {
        let classes = array![[3_u32, 0], [1, 2]];
        let spread =
            |values: Array2<f32>| Answers::of_largest(classes.view(), values.view(), 4, None).map(|found| found.values);
        let near = |found: Array2<f32>, expected: Array2<f32>| {
            assert!((&found - &expected).iter().all(|difference| difference.abs() < 1e-6), "{found} {expected}");
        };
        let expected: Array2<f32> = array![[0.25, 0.125, 0.125, 0.5], [0.05, 0.6, 0.3, 0.05]];
        near(spread(array![[0.5, 0.25], [0.6, 0.3]]).unwrap(), expected.clone());
        near(spread(array![[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]).unwrap(), expected.clone());
        let logits = array![[0.5_f32, 0.25, 0.25], [0.6, 0.3, 0.1]].mapv(f32::ln);
        near(spread(logits).unwrap(), expected.mapv(f32::ln));
        // One row that is off is neither of both.
        for unclear in [array![[0.5, 0.25, 0.25], [0.6, 0.3, 0.35]], array![[0.5, 0.25, 0.25], [0.6, 0.3, -2.0]]] {
            assert!(spread(unclear).unwrap_err().to_string().contains("row 1,"));
        }
        let error = |classes: Array2<u32>, values: Array2<f32>| {
            Answers::of_largest(classes.view(), values.view(), 4, None).unwrap_err().to_string()
        };
        for (found, expected) in [
            (error(array![[0, 0]], array![[0.5, 0.2]]), "the same class twice for example 0"),
            (error(array![[0, 4]], array![[0.5, 0.2]]), "class 4 of example 0, there are 4"),
            (error(array![[0, 1]], array![[5.0, 3.0]]), "add a column"),
            (error(array![[0, 1]], array![[0.5]]), "values for (1, 2) numbers"),
            (error(array![[0, 1, 2, 3]], array![[0.5, 0.1, 0.1, 0.1]]), "values for (1, 4) numbers"),
        ] {
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }
}
