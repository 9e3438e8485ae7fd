use ndarray::ArrayViewMut2;

use crate::classes;
use crate::dataset::check_batch;
use crate::form::Form;
use crate::{DataError, DataSpec, Dataset};

/// How many bad labels an error names.
const N_SHOWN: usize = 5;

/// Images and labels in memory, one byte per pixel and four per label. Inputs are `pixel / 255`, in `[0, 1]`.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Images};
/// use ndarray::{Array2, array};
/// let classes = vec!["dark".to_owned(), "light".to_owned()];
/// let images = Images::new(vec![1, 1, 2], vec![0, 51, 255, 204], vec![0, 1], classes)?;
/// let mut batch = Array2::zeros((1, 2));
/// images.read(&[1], batch.view_mut())?;
/// assert_eq!(batch, array![[1.0, 0.8]]);
/// assert_eq!(images.label(1), Some(1));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    spec: DataSpec,
    features: usize,
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

impl Images {
    /// Takes the pixels of one image after the other and one label for each.
    ///
    /// # Errors
    /// [`DataError::BadInputShape`], [`DataError::BadClassList`], [`DataError::NoExamples`],
    /// [`DataError::PixelCount`] when the counts do not agree, and
    /// [`DataError::LabelOutOfRange`], which counts the bad labels.
    pub fn new(
        input_shape: Vec<usize>,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        classes: Vec<String>,
    ) -> Result<Self, DataError> {
        let features = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let Some(features @ 1..) = features else {
            return Err(DataError::BadInputShape { path: None, input_shape });
        };
        classes::check(&classes).map_err(|fault| DataError::BadClassList { path: None, fault })?;
        if features.checked_mul(labels.len()) != Some(pixels.len()) {
            return Err(DataError::PixelCount { pixels: pixels.len(), input_shape, labels: labels.len() });
        }
        if labels.is_empty() {
            return Err(DataError::NoExamples { path: None });
        }
        check_labels(&labels, classes.len())?;
        Ok(Self { spec: DataSpec::new(input_shape, classes), features, pixels, labels })
    }

    /// The same images with other names for the classes.
    ///
    /// # Errors
    /// As [`Images::new`].
    pub fn with_classes(self, classes: Vec<String>) -> Result<Self, DataError> {
        Self::new(self.spec.input_shape, self.pixels, self.labels, classes)
    }

    /// The bytes of one image in the order of the input shape, `None` out of range.
    pub fn pixels(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(self.features)?;
        self.pixels.get(start..start.checked_add(self.features)?)
    }

    /// The label of every image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
}

impl Dataset for Images {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        Form::Pixels.write_rows(out, |row| &self.pixels[indices[row] * self.features..][..self.features]);
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied()
    }
}

pub(crate) fn check_labels(labels: &[u32], n_classes: usize) -> Result<(), DataError> {
    let bad = || labels.iter().enumerate().filter(|&(_, &label)| label as usize >= n_classes);
    match bad().map(|(_, &label)| label).max() {
        None => Ok(()),
        Some(label) => Err(DataError::LabelOutOfRange {
            path: None,
            n_bad: bad().count(),
            first: bad().map(|(index, _)| index).take(N_SHOWN).collect(),
            label,
            n_classes,
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| i.to_string()).collect()
    }

    /// `n` images of `side` x `side` in which every pixel of a batch differs from its neighbours.
    fn images(n: usize, side: usize) -> Images {
        let pixels = (0..n * side * side).map(|i| (i * 31 % 256) as u8).collect();
        Images::new(vec![1, side, side], pixels, (0..n).map(|i| (i % 3) as u32).collect(), names(3)).unwrap()
    }

    #[test]
    fn reads_small_and_large_batches_in_the_order_of_the_indices() {
        let images = images(200, 28);
        for n in [0, 1, 5, 41, 42, 128, 200] {
            let indices: Vec<_> = (0..n).map(|i| (i * 77 + 3) % 200).collect();
            let mut out = Array2::from_elem((n, 784), f32::NAN);
            images.read(&indices, out.view_mut()).unwrap();
            let expected =
                Array2::from_shape_fn((n, 784), |(row, j)| f32::from(images.pixels(indices[row]).unwrap()[j]) / 255.0);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn reads_into_a_part_of_a_larger_matrix() {
        let images = images(3, 2);
        let mut out = Array2::from_elem((6, 8), -1.0);
        images.read(&[2, 0, 1], out.slice_mut(s![..;2, ..;2])).unwrap();
        let mut dense = Array2::zeros((3, 4));
        images.read(&[2, 0, 1], dense.view_mut()).unwrap();
        assert_eq!(out.slice(s![..;2, ..;2]), dense);
        assert!(out.slice(s![1..;2, ..]).iter().all(|&x| x == -1.0));
    }

    #[test]
    fn says_what_is_wrong_with_a_batch() {
        let images = images(3, 2);
        let message = |indices: &[usize], shape| {
            let mut out = Array2::zeros(shape);
            let error = images.read(indices, out.view_mut()).unwrap_err();
            assert!(out.iter().all(|&x| x == 0.0));
            error.to_string()
        };
        assert_eq!(message(&[0, 3], (2, 4)), "example 3 was asked for, but there are 3");
        assert_eq!(message(&[0, 1], (2, 5)), "a batch has the shape [2, 5], expected [2, 4]");
        assert_eq!(message(&[0, 1], (1, 4)), "a batch has the shape [1, 4], expected [2, 4]");
        assert_eq!((images.label(2), images.label(3)), (Some(2), None));
        assert_eq!((images.pixels(3), images.pixels(usize::MAX)), (None, None));
    }

    #[test]
    fn says_what_is_wrong_with_images() {
        let message = |shape: &[usize], pixels, labels: &[u32], classes: &[String]| {
            Images::new(shape.to_vec(), vec![0; pixels], labels.to_vec(), classes.to_vec()).unwrap_err().to_string()
        };
        assert_eq!(message(&[1, 2], 5, &[0, 0], &names(1)), "5 numbers are not 2 inputs of shape [1, 2]");
        assert_eq!(message(&[1, 0], 0, &[0], &names(1)), "inputs of shape [1, 0] cannot be read as rows");
        assert_eq!(
            message(&[usize::MAX, 2], 0, &[], &names(1)),
            format!("inputs of shape [{}, 2] cannot be read as rows", usize::MAX)
        );
        assert_eq!(message(&[1], 0, &[], &names(1)), "there are no examples");
        assert_eq!(message(&[1], 1, &[0], &[]), "the class list is not usable: it is empty");
        assert_eq!(
            message(&[1], 8, &[0, 7, 9, 2, 2, 2, 1, 2], &names(2)),
            "labels contain class 9 but there are 2 classes; bad labels: 6, first at [1, 2, 3, 4, 5]"
        );
    }
}
