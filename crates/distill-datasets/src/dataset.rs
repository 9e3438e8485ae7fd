use std::fmt;
use std::sync::Arc;

use ndarray::ArrayViewMut2;

use crate::{Columns, DataError, Numbers, Windows};

/// What every example of a data set has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSpec {
    /// The shape of one input, such as `[1, 28, 28]`: channels, height, width.
    pub input_shape: Vec<usize>,
    /// The name of every class; a label is a position in this list. Of a regression: the name of every number.
    pub classes: Vec<String>,
    /// The numbers of the examples, if it is a regression; a label is then the row of an example.
    pub numbers: Option<Numbers>,
}

impl DataSpec {
    /// Examples that belong to one class each.
    pub fn new(input_shape: Vec<usize>, classes: Vec<String>) -> Self {
        Self { input_shape, classes, numbers: None }
    }

    /// The class of an example with this label, for whoever draws from each class its share; the examples of a regression are all
    /// of one.
    pub fn group(&self, label: u32) -> u32 {
        if self.numbers.is_some() { 0 } else { label }
    }

    /// The number of values of one input: the columns of a batch.
    pub fn features(&self) -> usize {
        self.input_shape.iter().fold(1, |product: usize, &side| product.saturating_mul(side))
    }
}

/// Which part of a published data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The examples to learn from.
    Train,
    /// The examples to choose settings on, which few data sets bring along.
    Validation,
    /// The examples to be measured on.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// Examples by index: indices in, batch out.
///
/// Nothing is hidden in it: order, selection and augmentation are outside, so reading an
/// example twice gives the same bits.
pub trait Dataset: Send + Sync {
    /// Input shape and class names.
    fn spec(&self) -> &DataSpec;

    /// The number of examples.
    fn len(&self) -> usize;

    /// Whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the inputs of the examples `indices` into the rows of `out`, shape
    /// `(indices.len(), features)`.
    ///
    /// # Errors
    /// [`DataError::IndexOutOfRange`] and [`DataError::BatchShape`], before anything is
    /// written, and whatever a source of data can run into.
    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError>;

    /// The class of an example, or of a regression the row of its [`Numbers`]; `None` where it is not known.
    fn label(&self, index: usize) -> Option<u32>;

    /// Adds the class of each of these examples to `out`.
    fn labels(&self, indices: &[usize], out: &mut Vec<Option<u32>>) {
        out.extend(indices.iter().map(|&index| self.label(index)));
    }

    /// How an epoch is mixed, so that what it reads next is not all over the disk; `None` where
    /// all examples are in memory and are shuffled with each other.
    fn windows(&self) -> Option<Windows> {
        None
    }

    /// Says which examples will be read next, one after the other: what is left of an epoch
    /// in the order of [`windows`](Self::windows), of which `n_done` examples were read.
    ///
    /// It changes how fast they are read and nothing else. Data in memory ignores it.
    fn read_ahead(&self, _order: &mut dyn Iterator<Item = usize>, _n_done: usize) {}

    /// What the columns of a table became, if the examples are its rows.
    fn columns(&self) -> Option<&Columns> {
        None
    }

    /// Columns of a table that look like the numbers of its rows, or their names: they tell examples apart and say nothing of
    /// their classes. None where nobody looked.
    fn counters(&self) -> &[String] {
        &[]
    }

    /// The fold of each example, from 0, if a column of the table says it: parts of which teachers have each not seen one.
    fn folds(&self) -> Option<&[u32]> {
        None
    }

    /// What an example belongs to, such as a speaker, if that is known: whoever divides the set leaves the examples of one in one part.
    /// Equal numbers are equal groups, in all sets of the same data.
    fn group(&self, _index: usize) -> Option<u64> {
        None
    }

    /// What a model that is trained on this has to remember of how files became inputs: a name, and a text in JSON.
    fn reading(&self) -> Option<(&'static str, String)> {
        None
    }

    /// A copy of some examples, where they are not in memory but there is room for them: for those
    /// that will be read again and again. `None` where they are read from here as well.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn in_memory(&self, _indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        Ok(None)
    }
}

/// Checks a request for a batch before anything is written: that the examples are there, and that `shape` is
/// `(indices.len(), features)`. For those who write a [`Dataset`].
///
/// # Errors
/// [`DataError::IndexOutOfRange`] and [`DataError::BatchShape`].
pub fn check_batch(data: &dyn Dataset, indices: &[usize], shape: (usize, usize)) -> Result<(), DataError> {
    check_indices(data, indices)?;
    let expected = [indices.len(), data.spec().features()];
    let actual = [shape.0, shape.1];
    if expected == actual { Ok(()) } else { Err(DataError::BatchShape { expected, actual }) }
}

pub(crate) fn check_indices(data: &dyn Dataset, indices: &[usize]) -> Result<(), DataError> {
    let len = data.len();
    match indices.iter().find(|&&index| index >= len) {
        Some(&index) => Err(DataError::IndexOutOfRange { index, len }),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ndarray::Array2;

    use super::Dataset;

    /// The inputs of some examples.
    pub(crate) fn read(data: &dyn Dataset, indices: &[usize]) -> Array2<f32> {
        let mut out = Array2::zeros((indices.len(), data.spec().features()));
        data.read(indices, out.view_mut()).unwrap();
        out
    }
}
