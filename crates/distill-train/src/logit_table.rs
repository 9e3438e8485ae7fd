use std::collections::HashMap;

use distill_datasets::{DataSpec, Dataset};
use distill_models::{AnswerKind, Model, ModelError, ModelSpec, Scratch, Zeros};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::TrainError;
use crate::compatible::task_of;
use crate::fingerprint::{Fingerprint, hash_of_row, hex};

/// Sums of a few f32 are no nearer to 1.
const MIN_REST: f32 = 1e-6;

/// Rows that a thread looks up at a time.
const ROWS: usize = 32;

/// The outputs of a teacher for one set: logits or probabilities.
#[derive(Debug, Clone)]
pub struct TeacherOutputs {
    values: Array2<f32>,
    kind: AnswerKind,
}

/// A teacher that is a table: its logits for known inputs, found by a hash of the input.
///
/// It answers in any order and for any part of the data, as the model itself would, and refuses all other inputs.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Table};
/// use distill_models::Model;
/// use distill_train::{LogitTable, TeacherOutputs};
/// use ndarray::array;
/// let classes = vec!["no".to_owned(), "yes".to_owned()];
/// let data = Table::new(vec![1], vec![0.5, 2.0], vec![0, 1], classes.clone())?;
/// let answers = TeacherOutputs::of_all(array![[3.0, -1.0], [0.2, 0.4]], None)?;
/// let teacher = LogitTable::new(data.spec(), classes, vec![(&data, answers)], None)?;
/// assert_eq!(teacher.logits(array![[2.0], [0.5]].view())?, array![[0.2, 0.4], [3.0, -1.0]]);
/// assert!(teacher.logits(array![[1.0]].view()).is_err());
/// # Ok::<(), distill_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogitTable {
    spec: ModelSpec,
    rows: HashMap<u128, usize>,
    logits: Array2<f32>,
    kind: AnswerKind,
    sha256: String,
}

impl LogitTable {
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
        answers: Vec<(&dyn Dataset, TeacherOutputs)>,
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
            task: task_of(data),
        };
        Ok(Self { spec, rows, logits, kind, sha256: hex(&hasher.finalize()) })
    }

    /// What its answers were taken for.
    pub fn kind(&self) -> &AnswerKind {
        &self.kind
    }

    /// How many examples of a set it has no answer for, and the first of them; nothing if it has all.
    ///
    /// # Errors
    /// Whatever the data runs into.
    pub fn unanswered(&self, set: &dyn Dataset) -> Result<Option<(usize, usize)>, TrainError> {
        let fingerprint = Fingerprint::of(set)?;
        let mut unknown =
            fingerprint.rows().iter().enumerate().filter(|(_, hash)| !self.rows.contains_key(hash)).map(|(at, _)| at);
        Ok(unknown.next().map(|first| (1 + unknown.count(), first)))
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

impl Model for LogitTable {
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
                    "the table has no answers for example {row} of the batch, nor for {} more",
                    missing.len() - 1
                ),
            }),
        }
    }
}

impl TeacherOutputs {
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
mod tests;
