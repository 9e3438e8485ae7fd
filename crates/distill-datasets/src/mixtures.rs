use std::fmt;
use std::sync::{Arc, Mutex};

use distill_tensor::{Philox, Stream};
use ndarray::{Array2, ArrayViewMut2, Axis, Zip, s};
use ndarray_rand::rand::RngCore as _;

use crate::dataset::check_batch;
use crate::{DataError, DataSpec, Dataset, below};

/// Partners that are read at a time: their inputs stay in the cache.
const ROWS: usize = 32;

/// Inputs between those of a set, of which nobody knows what they are: teachers say what they see in them.
///
/// Example `c n + i` of a set of `n` examples is `x_i + λ (x_j - x_i)`, where the partner `j` is any example and `λ` is between
/// 0 and 1/2, both drawn anew for each of the copies `c`. No mixture is stored.
///
/// Zhang, Cisse, Dauphin, Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, 2018, mix labels as well; here as in Beyer, Zhai,
/// Royer, Markeeva, Anil, Kolesnikov, *Knowledge distillation: A good teacher is patient and consistent*, 2022, section 3.1.
pub struct Mixtures {
    base: Arc<dyn Dataset>,
    copies: usize,
    seed: u64,
    /// Inputs of partners, used again for every batch.
    partners: Mutex<Array2<f32>>,
}

impl Mixtures {
    /// `copies` mixtures for each example of a set, whose inputs are values that can be added. Examples are read in any order,
    /// so that a set with [`windows`](Dataset::windows) is read all over the disk.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use distill_datasets::{Dataset, Images, Mixtures};
    /// use ndarray::array;
    /// let images = Images::new(vec![1], vec![0, 255], vec![0, 0], vec!["a".to_owned()])?;
    /// let mixtures = Mixtures::new(Arc::new(images), 3, 1);
    /// assert_eq!((mixtures.len(), mixtures.label(5)), (6, None));
    /// let mut out = array![[0.0], [0.0]];
    /// mixtures.read(&[4, 5], out.view_mut())?;
    /// assert!(out[[0, 0]] <= 0.5 && out[[1, 0]] >= 0.5);
    /// # Ok::<(), distill_datasets::DataError>(())
    /// ```
    pub fn new(base: Arc<dyn Dataset>, copies: usize, seed: u64) -> Self {
        Self { base, copies, seed, partners: Mutex::new(Array2::zeros((0, 0))) }
    }

    /// The two examples of a mixture, and the weight of the second.
    #[expect(clippy::cast_possible_truncation, reason = "examples and copies are counted in four bytes")]
    fn draw(&self, index: usize) -> (usize, usize, f32) {
        let n = self.base.len();
        let (copy, example) = (index / n, index % n);
        let mut rng = Philox::new(self.seed, Stream::Mixture, copy as u32, example as u32);
        let partner = below(&mut rng, n);
        let weight = (rng.next_u32() >> 8) as f32 / (1 << 25) as f32;
        (example, partner, weight)
    }
}

impl fmt::Debug for Mixtures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixtures").field("copies", &self.copies).field("of", &self.base.len()).finish()
    }
}

impl Dataset for Mixtures {
    fn spec(&self) -> &DataSpec {
        self.base.spec()
    }

    fn len(&self) -> usize {
        self.base.len().saturating_mul(self.copies)
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        // One that reads beside another has rows of its own.
        let (mut kept, mut own) = (self.partners.try_lock().ok(), Array2::default((0, 0)));
        let partners = kept.as_deref_mut().unwrap_or(&mut own);
        if partners.dim() != (ROWS, out.ncols()) {
            *partners = Array2::zeros((ROWS, out.ncols()));
        }
        let (mut first, mut second, mut weights) = ([0; ROWS], [0; ROWS], [0.0; ROWS]);
        for (indices, mut out) in indices.chunks(ROWS).zip(out.axis_chunks_iter_mut(Axis(0), ROWS)) {
            let n = indices.len();
            for (at, &index) in indices.iter().enumerate() {
                (first[at], second[at], weights[at]) = self.draw(index);
            }
            let mut partners = partners.slice_mut(s![..n, ..]);
            self.base.read(&first[..n], out.view_mut())?;
            self.base.read(&second[..n], partners.view_mut())?;
            for ((row, partner), &weight) in out.outer_iter_mut().zip(partners.outer_iter()).zip(&weights) {
                Zip::from(row).and(partner).for_each(|x, &other| *x += weight * (other - *x));
            }
        }
        Ok(())
    }

    fn label(&self, _: usize) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Images;
    use crate::dataset::tests::read;

    fn mixtures(n: usize, copies: usize, seed: u64) -> Mixtures {
        // Each pixel of image `i` is `i`, so that a mixture shows both places.
        let pixels = (0..n).flat_map(|i| [i as u8; 2]).collect();
        Mixtures::new(
            Arc::new(Images::new(vec![1, 1, 2], pixels, vec![0; n], vec!["a".to_owned()]).unwrap()),
            copies,
            seed,
        )
    }

    #[test]
    fn a_mixture_is_nearer_to_its_own_example_than_to_any_other() {
        let data = mixtures(200, 3, 7);
        assert_eq!(data.len(), 600);
        let all = read(&data, &(0..600).collect::<Vec<_>>());
        for (index, row) in all.outer_iter().enumerate() {
            let (example, partner, weight) = data.draw(index);
            assert_eq!((example, weight < 0.5), (index % 200, true));
            let expected = (example as f64 + f64::from(weight) * (partner as f64 - example as f64)) / 255.0;
            assert!(row.iter().all(|&x| (f64::from(x) - expected).abs() < 1e-6), "{index}");
        }
        // All examples are partners, and all weights are used.
        let drawn: Vec<_> = (0..600).map(|index| data.draw(index)).collect();
        let mean = drawn.iter().map(|&(.., weight)| f64::from(weight)).sum::<f64>() / 600.0;
        assert!((mean - 0.25).abs() < 0.02, "{mean}");
        let partners: std::collections::HashSet<_> = drawn.iter().map(|&(_, partner, _)| partner).collect();
        assert!(partners.len() > 180, "{}", partners.len());
    }

    #[test]
    fn copies_and_seeds_differ_and_what_is_read_together_does_not_matter() {
        let data = mixtures(100, 2, 7);
        let all = read(&data, &(0..200).collect::<Vec<_>>());
        assert_ne!(all.slice(s![..100, ..]), all.slice(s![100.., ..]));
        assert_ne!(all, read(&mixtures(100, 2, 8), &(0..200).collect::<Vec<_>>()));
        let mixed: Vec<usize> = (0..200).map(|i| i * 77 % 200).collect();
        for (row, &index) in read(&data, &mixed).outer_iter().zip(&mixed) {
            assert_eq!(row, all.row(index));
        }
        let mut out = Array2::zeros((1, 2));
        assert!(matches!(data.read(&[200], out.view_mut()), Err(DataError::IndexOutOfRange { index: 200, len: 200 })));
    }
}
