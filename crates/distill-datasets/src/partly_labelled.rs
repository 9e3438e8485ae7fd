use std::fmt;
use std::sync::Arc;

use ndarray::ArrayViewMut2;

use crate::dataset::check_indices;
use crate::{Columns, DataError, DataSpec, Dataset, Windows};

/// Examples of which some keep their labels. Those of the others are not to be used: teachers say what they are.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_datasets::{Dataset, Images, PartlyLabelled};
/// let classes = vec!["a".to_owned(), "b".to_owned()];
/// let images = Images::new(vec![1], vec![0, 1, 2], vec![0, 1, 1], classes)?;
/// let data = PartlyLabelled::new(Arc::new(images), &[2])?;
/// assert_eq!([0, 1, 2].map(|index| data.label(index)), [None, None, Some(1)]);
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub struct PartlyLabelled {
    data: Arc<dyn Dataset>,
    keeps: Vec<bool>,
}

impl PartlyLabelled {
    /// The same examples in the same order, of which those at `labelled` have the labels that they had.
    ///
    /// # Errors
    /// [`DataError::IndexOutOfRange`].
    pub fn new(data: Arc<dyn Dataset>, labelled: &[usize]) -> Result<Self, DataError> {
        check_indices(&*data, labelled)?;
        let mut keeps = vec![false; data.len()];
        labelled.iter().for_each(|&index| keeps[index] = true);
        Ok(Self { data, keeps })
    }
}

impl fmt::Debug for PartlyLabelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_labelled = self.keeps.iter().filter(|&&keeps| keeps).count();
        f.debug_struct("PartlyLabelled").field("len", &self.keeps.len()).field("labelled", &n_labelled).finish()
    }
}

impl Dataset for PartlyLabelled {
    fn spec(&self) -> &DataSpec {
        self.data.spec()
    }

    fn len(&self) -> usize {
        self.data.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.data.read(indices, out)
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.keeps.get(index).filter(|&&keeps| keeps).and_then(|_| self.data.label(index))
    }

    fn columns(&self) -> Option<&Columns> {
        self.data.columns()
    }

    fn windows(&self) -> Option<Windows> {
        self.data.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        self.data.read_ahead(order, n_done);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::Images;
    use crate::dataset::tests::read;

    #[test]
    fn inputs_stay_and_labels_of_the_others_are_hidden() {
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let images: Arc<dyn Dataset> =
            Arc::new(Images::new(vec![1], vec![0, 51, 255], vec![1, 0, 1], classes).unwrap());
        let data = PartlyLabelled::new(images.clone(), &[0]).unwrap();
        assert_eq!((data.len(), data.label(0), data.label(1), data.label(3)), (3, Some(1), None, None));
        assert_eq!(read(&data, &[2, 0, 1]), array![[1.0], [0.0], [0.2]]);
        let error = PartlyLabelled::new(images, &[3]).unwrap_err();
        assert!(matches!(error, DataError::IndexOutOfRange { index: 3, len: 3 }));
    }
}
