use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2, Axis};

use crate::{DataError, DataSpec, Dataset, Numbers, Windows};

/// The inputs of a set, with numbers to predict in the place of its classes.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_datasets::{Dataset, Images, Numbered};
/// use ndarray::array;
/// let images = Images::new(vec![1, 1, 2], vec![0, 1, 2, 3], vec![0, 0], vec!["age".to_owned()])?;
/// let ages = Numbered::new(Arc::new(images), array![[31.5], [64.0]]);
/// let numbers = ages.spec().numbers.as_ref().unwrap();
/// assert_eq!(numbers.row(ages.label(1).unwrap()), array![64.0]);
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub struct Numbered {
    base: Arc<dyn Dataset>,
    spec: DataSpec,
}

impl Numbered {
    /// One row of numbers for each example. The classes of the set are the names of the numbers.
    ///
    /// # Panics
    /// If there is not one row for each example, or not one number for each name.
    pub fn new(base: Arc<dyn Dataset>, numbers: Array2<f32>) -> Self {
        let expected = (base.len(), base.spec().classes.len());
        assert_eq!(numbers.dim(), expected, "a row for each example, and a number for each name");
        let spec = DataSpec { numbers: Some(Numbers::new(numbers)), ..base.spec().clone() };
        Self { base, spec }
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered").field("len", &self.base.len()).field("spec", &self.spec).finish()
    }
}

impl Dataset for Numbered {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.base.read(indices, out)
    }

    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in four bytes")]
    fn label(&self, index: usize) -> Option<u32> {
        (index < self.len()).then_some(index as u32)
    }

    fn windows(&self) -> Option<Windows> {
        self.base.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        self.base.read_ahead(order, n_done);
    }

    fn in_memory(&self, indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        let Some(copy) = self.base.in_memory(indices)? else { return Ok(None) };
        let numbers = self.spec.numbers.as_ref().map(|numbers| numbers.values().select(Axis(0), indices));
        Ok(numbers.map(|numbers| Arc::new(Self::new(copy, numbers)) as _))
    }
}
