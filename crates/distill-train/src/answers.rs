use std::collections::HashMap;

use distill_datasets::{DataSpec, Dataset};
use distill_models::{Model, ModelError, ModelSpec, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::TrainError;
use crate::fingerprint::{Fingerprint, hash_of_row, hex};

/// The least probability whose logarithm is taken; smaller ones count as this.
const MIN_PROBABILITY: f32 = 1e-12;

/// How far the sum of the probabilities of an example may be from 1.
const MAX_EXCESS: f32 = 1e-2;

/// Rows that a thread looks up at a time.
const ROWS: usize = 32;

/// A teacher that has answered before: a table of logits, by the inputs that they are answers to.
///
/// It is found by a hash of the input, so it answers in any order and for any part of the data, as the model itself would,
/// and it cannot answer anything else.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Table};
/// use distill_models::Model;
/// use distill_train::AnswerTable;
/// use ndarray::array;
/// let classes = vec!["no".to_owned(), "yes".to_owned()];
/// let data = Table::new(vec![1], vec![0.5, 2.0], vec![0, 1], classes.clone())?;
/// let teacher = AnswerTable::new(data.spec(), classes, vec![(&data, array![[3.0, -1.0], [0.2, 0.4]])])?;
/// assert_eq!(teacher.logits(array![[2.0], [0.5]].view())?, array![[0.2, 0.4], [3.0, -1.0]]);
/// assert!(teacher.logits(array![[1.0]].view()).is_err());
/// # Ok::<(), distill_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AnswerTable {
    spec: ModelSpec,
    rows: HashMap<u128, usize>,
    logits: Array2<f32>,
    sha256: String,
}

impl AnswerTable {
    /// Takes logits or probabilities, one row for each example of a set and one column for each class. Where all rows are
    /// probabilities, the logits are their logarithms. Of two equal inputs the answer to the first counts.
    ///
    /// # Errors
    /// [`TrainError::Targets`] if there are not as many rows as examples or not as many columns as classes,
    /// [`TrainError::Answers`] if a number is not finite; whatever the data runs into.
    pub fn new(
        data: &DataSpec,
        classes: Vec<String>,
        answers: Vec<(&dyn Dataset, Array2<f32>)>,
    ) -> Result<Self, TrainError> {
        let mut rows = HashMap::new();
        let mut all = vec![];
        for (set, answers) in answers {
            let (expected, actual) = ([set.len(), classes.len()], [answers.nrows(), answers.ncols()]);
            if expected != actual {
                return Err(TrainError::Targets { expected, actual });
            }
            if let Some(((example, class), value)) = answers.indexed_iter().find(|(_, value)| !value.is_finite()) {
                let problem = format!("{value} for class {class} of example {example}, counted from 0");
                return Err(TrainError::Answers { problem });
            }
            let start: usize = all.iter().map(|answers: &Array2<f32>| answers.nrows()).sum();
            for (at, hash) in Fingerprint::of(set)?.rows().iter().enumerate() {
                rows.entry(*hash).or_insert(start + at);
            }
            all.push(answers);
        }
        let views: Vec<_> = all.iter().map(|answers| answers.view()).collect();
        let n: usize = views.iter().map(|view| view.nrows()).sum();
        let mut logits = match ndarray::concatenate(Axis(0), &views) {
            Ok(logits) if n > 0 => logits,
            _ => return Err(TrainError::Empty { split: "answered" }),
        };
        if are_probabilities(logits.view()) {
            logits.mapv_inplace(|p| p.max(MIN_PROBABILITY).ln());
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
            architecture: format!("table of {n} answers"),
            input_shape: data.input_shape.clone(),
            classes,
            parameters: 0,
        };
        Ok(Self { spec, rows, logits, sha256: hex(&hasher.finalize()) })
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

/// Whether every row is one of probabilities, which logits never are.
fn are_probabilities(rows: ArrayView2<'_, f32>) -> bool {
    rows.outer_iter()
        .all(|row| row.iter().all(|&p| (0.0..=1.0 + MAX_EXCESS).contains(&p)) && (row.sum() - 1.0).abs() <= MAX_EXCESS)
}

/// Logits, or probabilities, of all classes, from those of the largest and what is left for the others.
///
/// `classes` has shape `(examples, k)`, `values` has the same shape or one column more, for all other classes together: their
/// mass, or its logarithm where the values are logits. Without that column the values must be probabilities, of which
/// the rest to 1 is left. The others share it alike.
///
/// # Errors
/// [`TrainError::Answers`] if the shapes do not fit each other, or a class is not there or twice.
pub fn spread_largest(
    classes: ArrayView2<'_, u32>,
    values: ArrayView2<'_, f32>,
    n_classes: usize,
) -> Result<Array2<f32>, TrainError> {
    let wrong = |problem: String| Err(TrainError::Answers { problem });
    let (n, k) = classes.dim();
    let has_rest = values.ncols() == k + 1;
    if values.nrows() != n || !(has_rest || values.ncols() == k) || k == 0 || k >= n_classes {
        let shape = values.dim();
        return wrong(format!("{shape:?} values for {:?} numbers of {n_classes} classes", classes.dim()));
    }
    let sums: Vec<f32> = values.outer_iter().map(|row| row.sum()).collect();
    let is_mass = |&value: &f32| (0.0..=1.0 + MAX_EXCESS).contains(&value);
    let masses = values.iter().all(is_mass) && sums.iter().all(|&sum| sum <= 1.0 + MAX_EXCESS);
    let probabilities = masses && (!has_rest || sums.iter().all(|&sum| sum >= 1.0 - MAX_EXCESS));
    if !probabilities && !has_rest {
        return wrong(
            "logits of the largest alone: add a column with the logarithm of the mass of all others".to_owned(),
        );
    }
    let n_others = (n_classes - k) as f32;
    let mut out = Array2::zeros((n, n_classes));
    for (example, ((mut out, classes), values)) in
        out.axis_iter_mut(Axis(0)).zip(classes.outer_iter()).zip(values.outer_iter()).enumerate()
    {
        let rest = if has_rest { values[k] } else { (1.0 - values.sum()).max(0.0) };
        out.fill(if probabilities { rest / n_others } else { rest - n_others.ln() });
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
    Ok(out)
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;
    use ndarray::array;

    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    fn data(values: &[f32]) -> Table {
        Table::new(vec![2], values.to_vec(), vec![0; values.len() / 2], names(3)).unwrap()
    }

    fn table(answers: Array2<f32>) -> Result<AnswerTable, TrainError> {
        let data = data(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        AnswerTable::new(data.spec(), names(3), vec![(&data, answers)])
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
        assert_eq!(found, array![[0.25_f32.ln(), 0.75_f32.ln(), MIN_PROBABILITY.ln()]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(table(Array2::zeros((2, 3))), Err(TrainError::Targets { expected: [3, 3], actual: [2, 3] })));
        assert!(matches!(table(Array2::zeros((3, 4))), Err(TrainError::Targets { .. })));
        let mut bad = Array2::zeros((3, 3));
        bad[(1, 2)] = f32::NAN;
        assert!(table(bad).unwrap_err().to_string().contains("NaN for class 2 of example 1"));
        assert!(matches!(AnswerTable::new(data(&[1.0, 2.0]).spec(), names(3), vec![]), Err(TrainError::Empty { .. })));
    }

    #[test]
    fn the_largest_keep_their_place_and_the_others_share_the_rest() {
        let classes = array![[3_u32, 0], [1, 2]];
        let spread = |values: Array2<f32>| spread_largest(classes.view(), values.view(), 4);
        let near = |found: Array2<f32>, expected: Array2<f32>| {
            assert!((&found - &expected).iter().all(|difference| difference.abs() < 1e-6), "{found} {expected}");
        };
        let expected = array![[0.25, 0.125, 0.125, 0.5], [0.05, 0.6, 0.3, 0.05]];
        near(spread(array![[0.5, 0.25], [0.6, 0.3]]).unwrap(), expected.clone());
        near(spread(array![[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]).unwrap(), expected.clone());
        near(spread(array![[0.5_f32, 0.25, 0.25], [0.6, 0.3, 0.1]].mapv(f32::ln)).unwrap(), expected.mapv(f32::ln));
        let error = |classes: Array2<u32>, values: Array2<f32>| {
            spread_largest(classes.view(), values.view(), 4).unwrap_err().to_string()
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
