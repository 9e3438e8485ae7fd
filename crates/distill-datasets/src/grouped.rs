use std::fmt;
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use sha2::{Digest as _, Sha256};

use crate::{Columns, DataError, DataSpec, Dataset, Windows};

/// A set whose examples belong together by what somebody has said of each, such as the person who speaks in a recording:
/// whoever divides it leaves the examples of a group in one part.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_datasets::{Dataset, Grouped, Images, select};
/// let images = Images::new(vec![1], vec![0; 6], vec![0, 1, 0, 1, 0, 1], vec!["a".to_owned(), "b".to_owned()])?;
/// let grouped = Grouped::new(Arc::new(images), &["anna", "anna", "ben", "ben", "cleo", "cleo"]);
/// let (_, held_out) = select::hold_out(&grouped, 2, 0)?;
/// assert_eq!(grouped.group(held_out[0]), grouped.group(held_out[1]));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub struct Grouped {
    base: Arc<dyn Dataset>,
    groups: Vec<u64>,
}

impl Grouped {
    /// The name of the group of each example.
    ///
    /// # Panics
    /// If there are not as many as examples.
    pub fn new<S: AsRef<str>>(base: Arc<dyn Dataset>, names: &[S]) -> Self {
        assert_eq!(names.len(), base.len(), "a group for each example");
        let groups = names.iter().map(|name| number(name.as_ref())).collect();
        Self { base, groups }
    }
}

/// The number of a group, which is the same in every set: 64 bits of the SHA-256 of its name.
pub(crate) fn number(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

impl fmt::Debug for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grouped").field("len", &self.groups.len()).finish_non_exhaustive()
    }
}

impl Dataset for Grouped {
    fn spec(&self) -> &DataSpec {
        self.base.spec()
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.base.read(indices, out)
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index)
    }

    fn labels(&self, indices: &[usize], out: &mut Vec<Option<u32>>) {
        self.base.labels(indices, out);
    }

    fn windows(&self) -> Option<Windows> {
        self.base.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        self.base.read_ahead(order, n_done);
    }

    fn columns(&self) -> Option<&Columns> {
        self.base.columns()
    }

    fn counters(&self) -> &[String] {
        self.base.counters()
    }

    fn folds(&self) -> Option<&[u32]> {
        self.base.folds()
    }

    fn group(&self, index: usize) -> Option<u64> {
        self.groups.get(index).copied()
    }

    fn reading(&self) -> Option<(&'static str, String)> {
        self.base.reading()
    }

    fn in_memory(&self, indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        let Some(base) = self.base.in_memory(indices)? else { return Ok(None) };
        let groups = indices.iter().map(|&index| self.groups[index]).collect();
        Ok(Some(Arc::new(Self { base, groups })))
    }
}
