use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::kernel;

/// A block of work below this many floating-point operations is not worth a thread.
pub(crate) const MIN_BLOCK_FLOPS: usize = 8_000_000;
/// A block narrower than this wastes the kernel's register tiles.
const MIN_BLOCK_WIDTH: usize = 64;
/// More blocks than this cost more in repacking than they give in balance.
const MAX_BLOCKS: usize = 16;

/// The matrix product `out = a · b`, shapes `(m, k) · (k, n) = (m, n)`.
///
/// Transposed views cost nothing, so the three products of a linear layer with weight
/// `w` of shape `(outputs, inputs)` and inputs `x` of shape `(examples, inputs)` are
///
/// | product | call |
/// |---|---|
/// | outputs `y = x · wᵀ` | `matmul(x, w.t(), y)` |
/// | gradient of the inputs `dx = dy · w` | `matmul(dy, w, dx)` |
/// | gradient of the weights `dw = dyᵀ · x` | `matmul(dy.t(), x, dw)` |
///
/// The product is cut along the longer side of `out` into blocks whose number depends on
/// the shapes alone, and rayon's current pool runs them. So the result is the same, bit
/// for bit, for any number of threads. It may differ between processors with different
/// vector units.
///
/// # Panics
/// If the shapes do not fit: that is a bug of the caller, not a property of the data.
///
/// # Examples
/// ```
/// use ndarray::{Array2, array};
/// let a = array![[1.0_f32, 2.0], [3.0, 4.0]];
/// let b = array![[5.0_f32], [6.0]];
/// let mut out = Array2::zeros((2, 1));
/// distill_tensor::matmul(a.view(), b.view(), out.view_mut());
/// assert_eq!(out, array![[17.0], [39.0]]);
/// ```
pub fn matmul(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
    multiply(a, b, out, kernel::multiply);
}

/// A product of one block on the calling thread.
pub(crate) type Kernel<T> = fn(&ArrayView2<'_, T>, &ArrayView2<'_, T>, &mut ArrayViewMut2<'_, f32>);

/// Cuts a product into blocks for a kernel, as [`matmul`] says.
pub(crate) fn multiply<T: Sync>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, f32>,
    kernel: Kernel<T>,
) {
    let (m, k) = a.dim();
    let n = b.ncols();
    assert_eq!(k, b.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        out.fill(0.0);
        return;
    }
    let axis = if n >= m { Axis(1) } else { Axis(0) };
    multiply_blocks(a, b, out, axis, n_blocks(m, k, n), kernel);
}

/// How many blocks a product is cut into: a function of its shape, never of the machine.
fn n_blocks(m: usize, k: usize, n: usize) -> usize {
    let flops = 2 * m * k * n;
    let by_work = flops / MIN_BLOCK_FLOPS;
    let by_width = m.max(n) / MIN_BLOCK_WIDTH;
    by_work.min(by_width).clamp(1, MAX_BLOCKS)
}

/// Halves the block range until one block is left, so that idle threads steal halves.
fn multiply_blocks<T: Sync>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, f32>,
    axis: Axis,
    blocks: usize,
    kernel: Kernel<T>,
) {
    if blocks == 1 {
        kernel(&a, &b, &mut out);
        return;
    }
    let left = blocks / 2;
    // Cuts fall on multiples of 16 columns, the width of the widest vector register.
    let cut = (out.len_of(axis) * left / blocks).next_multiple_of(16);
    let (out_left, out_right) = out.split_at(axis, cut);
    let ((a_left, a_right), (b_left, b_right)) =
        if axis == Axis(1) { ((a, a), b.split_at(axis, cut)) } else { (a.split_at(axis, cut), (b, b)) };
    rayon::join(
        || multiply_blocks(a_left, b_left, out_left, axis, left, kernel),
        || multiply_blocks(a_right, b_right, out_right, axis, blocks - left, kernel),
    );
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, s};

    use super::*;

    fn ramp(rows: usize, cols: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, cols), |(i, j)| ((i * 7 + j * 3) % 13) as f32 - 6.0)
    }

    /// Sums of small whole numbers are exact in f32, so every path must agree to the bit.
    fn naive(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
        Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| (0..a.ncols()).map(|k| a[[i, k]] * b[[k, j]]).sum())
    }

    #[test]
    fn every_form_equals_the_definition() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 7), (64, 33, 65), (128, 100, 130), (17, 784, 10), (256, 200, 400)] {
            let (a, b) = (ramp(m, k), ramp(k, n));
            let expected = naive(a.view(), b.view());

            let mut out = Array2::from_elem((m, n), f32::NAN);
            matmul(a.view(), b.view(), out.view_mut());
            assert_eq!(out, expected, "plain {m}x{k}x{n}");

            let b_t = b.t().as_standard_layout().into_owned();
            matmul(a.view(), b_t.t(), out.view_mut());
            assert_eq!(out, expected, "b transposed {m}x{k}x{n}");

            let a_t = a.t().as_standard_layout().into_owned();
            let mut out = Array2::from_elem((m, n).f(), f32::NAN);
            matmul(a_t.t(), b.view(), out.view_mut());
            assert_eq!(out, expected, "a transposed, out column-major {m}x{k}x{n}");
        }
    }

    #[test]
    fn strided_output_leaves_the_gaps_alone() {
        let (a, b) = (ramp(4, 6), ramp(6, 5));
        let mut wide = Array2::from_elem((8, 10), -1.0_f32);
        matmul(a.view(), b.view(), wide.slice_mut(s![..;2, ..;2]));
        assert_eq!(wide.slice(s![..;2, ..;2]), naive(a.view(), b.view()));
        assert!(wide.slice(s![1..;2, ..]).iter().all(|&x| x == -1.0));
    }

    #[test]
    fn empty_sides() {
        let mut out = Array2::from_elem((2, 3), 5.0);
        matmul(Array2::zeros((2, 0)).view(), Array2::zeros((0, 3)).view(), out.view_mut());
        assert_eq!(out, Array2::<f32>::zeros((2, 3)));
        matmul(Array2::zeros((0, 4)).view(), Array2::zeros((4, 3)).view(), Array2::zeros((0, 3)).view_mut());
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let a = Array2::from_shape_fn((128, 784), |(i, j)| ((i * 31 + j) as f32).sin());
        let b = Array2::from_shape_fn((784, 1200), |(i, j)| ((i + j * 17) as f32).cos());
        assert!(n_blocks(128, 784, 1200) > 4, "the test must cut the product");
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Array2::zeros((128, 1200));
            pool.install(|| matmul(a.view(), b.view(), out.view_mut()));
            out
        };
        let one = run(1);
        for threads in [2, 3, 5] {
            assert_eq!(one, run(threads), "{threads} threads");
        }
    }
}
