use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

use super::nonzeros::BLOCK;
use super::pack::pack;
use super::{find, tile};

/// The weights of a linear layer, laid out for evaluation: `y = x · wᵀ`, one row of the result for every row of `x`.
///
/// A copy of the weights, transposed, so that a single row of inputs reads only what belongs to inputs that are not
/// zero. Every row is computed by itself: it has the same bits in any batch, alone too, and for any number of
/// threads. As in [`matmul_skip_zeros`](crate::matmul_skip_zeros), an input of zero gives zero whatever the weight.
///
/// # Examples
/// ```
/// use distill_tensor::Weights;
/// use ndarray::{Array2, array};
/// let weights = Weights::new(array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]].view());
/// let mut y = Array2::zeros((1, 3));
/// weights.multiply(array![[0.0_f32, 10.0]].view(), y.view_mut());
/// assert_eq!(y, array![[20.0, 40.0, 60.0]]);
/// ```
#[derive(Debug, Clone)]
pub struct Weights {
    transposed: Array2<f32>,
}

impl Weights {
    /// Copies weights of shape `(outputs, inputs)`.
    pub fn new(weights: ArrayView2<'_, f32>) -> Self {
        let (outputs, inputs) = weights.dim();
        let mut transposed = Array2::zeros((inputs, outputs));
        let rows = transposed.as_slice_mut().expect("a new array has no gaps");
        match (weights.is_standard_layout(), rows.is_empty()) {
            (_, true) => {}
            // Some rows at a time, which fit a cache until their last column is written.
            (true, _) => rows
                .chunks_mut(BLOCK * outputs)
                .zip(weights.axis_chunks_iter(Axis(1), BLOCK))
                .for_each(|(rows, weights)| pack(weights.t(), rows, outputs)),
            (false, _) => transposed.assign(&weights.t()),
        }
        Self { transposed }
    }

    /// `out = x · wᵀ`, shapes `(examples, inputs)` and `(examples, outputs)`.
    ///
    /// # Panics
    /// If the shapes do not fit, or the rows of `out` have gaps.
    pub fn multiply(&self, x: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
        let (inputs, outputs) = self.transposed.dim();
        assert_eq!(x.ncols(), inputs, "inner dimensions of a product");
        assert_eq!(out.dim(), (x.nrows(), outputs), "shape of a product");
        if out.is_empty() || inputs == 0 {
            return { out }.fill(0.0);
        }
        let x = x.as_standard_layout();
        find(x.view(), |nonzeros| {
            let nonzeros = nonzeros.expect("a matrix in standard layout has no gaps");
            tile::multiply(&nonzeros, self.transposed.view(), out);
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;

    #[test]
    fn a_row_has_the_same_bits_in_any_batch() {
        for (inputs, outputs) in [(784, 800), (70, 10), (3, 1), (64, 37)] {
            let weights = Array2::from_shape_fn((outputs, inputs), |(i, j)| ((i * 31 + j * 7) as f32).sin());
            let x = Array2::from_shape_fn((40, inputs), |(i, j)| ((i + j * 3) as f32).cos().max(0.0));
            let packed = Weights::new(weights.view());
            let mut all = Array2::zeros((40, outputs));
            packed.multiply(x.view(), all.view_mut());
            let exact = x.mapv(f64::from).dot(&weights.t().mapv(f64::from));
            assert!((&exact - &all.mapv(f64::from)).iter().all(|d| d.abs() < 1e-4), "{inputs}-{outputs}");
            for (first, last) in [(0, 1), (7, 8), (0, 11), (3, 40), (20, 36)] {
                let mut some = Array2::zeros((last - first, outputs));
                packed.multiply(x.slice(s![first..last, ..]), some.view_mut());
                assert!(some == all.slice(s![first..last, ..]), "{inputs}-{outputs} {first}..{last}");
            }
        }
    }

    #[test]
    fn nothing_in_gives_nothing_out() {
        let mut out = Array2::from_elem((2, 3), 1.0);
        Weights::new(Array2::zeros((3, 0)).view()).multiply(Array2::zeros((2, 0)).view(), out.view_mut());
        assert_eq!(out, Array2::<f32>::zeros((2, 3)));
        Weights::new(Array2::zeros((3, 4)).view())
            .multiply(Array2::zeros((0, 4)).view(), Array2::zeros((0, 3)).view_mut());
        let gaps = Array2::from_elem((4, 4), 1.0_f32);
        let mut out = Array2::zeros((4, 1));
        Weights::new(Array2::from_elem((1, 2), 2.0).view()).multiply(gaps.slice(s![.., ..;2]), out.view_mut());
        assert_eq!(out, Array2::from_elem((4, 1), 4.0));
    }
}
