use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayViewMut2, Axis};

use crate::dataset::{check_batch, check_indices};
use crate::{Columns, DataError, DataSpec, Dataset, Windows};

/// Indices that are translated at a time, on the stack: a batch needs no allocation.
const N_AT_ONCE: usize = 256;

/// Some examples of another data set, in the order of their indices.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_datasets::{Dataset, Images, Subset};
/// let classes = vec!["a".to_owned(), "b".to_owned()];
/// let images = Images::new(vec![1], vec![0, 1, 2], vec![0, 1, 1], classes)?;
/// let subset = Subset::new(Arc::new(images), vec![2, 0])?;
/// assert_eq!((subset.len(), subset.label(0), subset.base_index(1)), (2, Some(1), 0));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Clone)]
pub struct Subset {
    base: Arc<dyn Dataset>,
    indices: Vec<usize>,
}

impl Subset {
    /// Example `i` of the subset is example `indices[i]` of `base`.
    ///
    /// # Errors
    /// [`DataError::IndexOutOfRange`].
    pub fn new(base: Arc<dyn Dataset>, indices: Vec<usize>) -> Result<Self, DataError> {
        check_indices(&*base, &indices)?;
        Ok(Self { base, indices })
    }

    /// The index of an example in the data set that this is a part of.
    ///
    /// # Panics
    /// If `index` is not below the length.
    pub fn base_index(&self, index: usize) -> usize {
        self.indices[index]
    }

    /// The data set that this is a part of.
    pub fn base(&self) -> &Arc<dyn Dataset> {
        &self.base
    }

    /// The index of every example in the data set that this is a part of.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl fmt::Debug for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subset").field("len", &self.indices.len()).field("of", &self.base.len()).finish()
    }
}

impl Dataset for Subset {
    fn spec(&self) -> &DataSpec {
        self.base.spec()
    }

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let mut buffer = [0; N_AT_ONCE];
        for (indices, rows) in indices.chunks(N_AT_ONCE).zip(out.axis_chunks_iter_mut(Axis(0), N_AT_ONCE)) {
            let base = &mut buffer[..indices.len()];
            base.iter_mut().zip(indices).for_each(|(base, &index)| *base = self.indices[index]);
            self.base.read(base, rows)?;
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(*self.indices.get(index)?)
    }

    fn columns(&self) -> Option<&Columns> {
        self.base.columns()
    }

    fn group(&self, index: usize) -> Option<u64> {
        self.base.group(*self.indices.get(index)?)
    }

    /// Neighbours in the subset are taken for neighbours in the base, as they are where the
    /// indices ascend.
    fn windows(&self) -> Option<Windows> {
        self.base.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        let base = &mut order.map_while(|index| self.indices.get(index).copied());
        self.base.read_ahead(base, n_done);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::Images;

    fn images(n: usize) -> Arc<Images> {
        let bytes: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
        let labels = bytes.iter().map(|&byte| u32::from(byte)).collect();
        let classes = (0..251).map(|i| i.to_string()).collect();
        Arc::new(Images::new(vec![1], bytes, labels, classes).unwrap())
    }

    #[test]
    fn a_subset_of_a_subset_reads_the_base() {
        let outer = Subset::new(images(2000), (0..1000).map(|i| 2 * i).collect()).unwrap();
        let inner = Subset::new(Arc::new(outer), (0..1000).rev().collect()).unwrap();
        let indices: Vec<_> = (0..1000).collect();
        let mut out = Array2::zeros((1000, 1));
        inner.read(&indices, out.view_mut()).unwrap();
        for (i, value) in out.iter().enumerate() {
            let byte = 2 * (999 - i) % 251;
            assert_eq!(*value, byte as f32 / 255.0);
            assert_eq!(inner.label(i), Some(byte as u32));
        }
        assert_eq!((inner.base_index(0), inner.label(1000)), (999, None));
    }

    #[test]
    fn checks_its_indices() {
        let error = Subset::new(images(3), vec![0, 3]).unwrap_err();
        assert_eq!(error.to_string(), "example 3 was asked for, but there are 3");
        let subset = Subset::new(images(3), vec![2]).unwrap();
        let error = subset.read(&[1], Array2::zeros((1, 1)).view_mut()).unwrap_err();
        assert_eq!(error.to_string(), "example 1 was asked for, but there are 1");
    }
}
