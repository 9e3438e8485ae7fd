use std::cell::Cell;
use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use pulp::bytemuck::cast_slice;
use pulp::{Arch, Simd, WithSimd};

use super::nonzeros::{BLOCK, NonZeros};
use super::pack::pack;

/// The most vectors of one row of the result that are summed at a time, each in a register. Of the sixteen registers
/// of AVX2 one more holds the factor, and one is left over.
const VECTORS: usize = 14;
/// The most columns of a tile, so that a block of the other operand stays in the first-level cache.
const COLUMNS: usize = 128;
/// Rows from which it pays to copy the other operand into the first-level cache.
const MIN_ROWS: usize = 12;
/// Multiplications that are worth waking a thread for.
const MIN_TASK: usize = 400_000;

/// `out = a · b` for `a` given by its non-zeros.
pub(super) fn multiply(a: &NonZeros<'_>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
    Arch::new().dispatch(Product { a, b, out });
}

struct Product<'a> {
    a: &'a NonZeros<'a>,
    b: ArrayView2<'a, f32>,
    out: ArrayViewMut2<'a, f32>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.out.ncols().div_ceil(S::F32_LANES);
        let tiles = vectors.div_ceil(VECTORS.min(COLUMNS / S::F32_LANES));
        let worth_it = self.a.count() * self.out.ncols() >= 2 * MIN_TASK;
        split(simd, self, tiles, worth_it);
    }
}

/// Halves the columns until one tile is left, so that idle threads may steal halves.
fn split<S: Simd>(simd: S, product: Product<'_>, tiles: usize, parallel: bool) {
    if tiles > 1 {
        let Product { a, b, out } = product;
        let vectors = out.ncols().div_ceil(S::F32_LANES);
        let cut = vectors * (tiles / 2) / tiles * S::F32_LANES;
        let (out_left, out_right) = out.split_at(Axis(1), cut);
        let (b_left, b_right) = b.split_at(Axis(1), cut);
        let (left, right) = (Product { a, b: b_left, out: out_left }, Product { a, b: b_right, out: out_right });
        let left = || split(simd, left, tiles / 2, parallel);
        let right = || split(simd, right, tiles - tiles / 2, parallel);
        if parallel {
            rayon::join(left, right);
        } else {
            left();
            right();
        }
        return;
    }
    thread_local! {
        // Taken out while they are in use: a thread that waits for others may be given another product.
        static BUFFERS: Cell<Buffers> = Cell::default();
    }
    let mut buffers = BUFFERS.take();
    simd.vectorize(Tile { product, buffers: &mut buffers });
    BUFFERS.set(buffers);
}

/// Memory to use again.
#[derive(Default)]
struct Buffers {
    packed: Vec<f32>,
    padded: Vec<f32>,
}

/// Columns whose sums the registers hold.
struct Tile<'p, 'a> {
    product: Product<'a>,
    buffers: &'p mut Buffers,
}

impl WithSimd for Tile<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        macro_rules! with_vectors { ($($n:literal)*) => {
            match self.product.out.ncols().div_ceil(S::F32_LANES) {
                0 => {}
                $($n if self.product.in_place() => self.product.run_in_place::<S, $n>(simd),)*
                $($n => self.run::<S, $n>(simd),)*
                _ => unreachable!("a tile has at most VECTORS vectors"),
            }
        } }
        with_vectors!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }
}

impl Product<'_> {
    /// Few rows read a row-major operand where it is.
    fn in_place(&self) -> bool {
        self.out.nrows() < MIN_ROWS && self.b.strides()[1] == 1
    }

    #[inline(always)]
    fn run_in_place<S: Simd, const N: usize>(mut self, simd: S) {
        let mut sums = [simd.splat_f32s(0.0); N];
        for (r, mut out) in self.out.rows_mut().into_iter().enumerate() {
            sums.fill(simd.splat_f32s(0.0));
            for (block, b) in self.b.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
                for (at, x) in self.a.row(r, block) {
                    let x = simd.splat_f32s(x);
                    let b = b.row(at).to_slice().expect("rows are contiguous");
                    let (whole, rest) = S::as_simd_f32s(b);
                    for (sum, &b) in sums.iter_mut().zip(whole) {
                        *sum = simd.mul_add_e_f32s(x, b, *sum);
                    }
                    if !rest.is_empty() {
                        sums[N - 1] = simd.mul_add_e_f32s(x, simd.partial_load_f32s(rest), sums[N - 1]);
                    }
                }
            }
            let out = out.as_slice_mut().expect("rows are contiguous");
            let sums = cast_slice::<_, f32>(&sums);
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}

impl Tile<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let Product { a, b, mut out } = self.product;
        let pitch = N * S::F32_LANES;
        let blocks = a.blocks_at_a_time();
        let packed = aligned(&mut self.buffers.packed, blocks * BLOCK * pitch);
        let whole = out.ncols() == pitch;
        // A tile that is not as wide as its vectors is summed in a wider matrix.
        let padded = aligned(&mut self.buffers.padded, if whole { 0 } else { out.nrows() * pitch });
        for (pass, b) in b.axis_chunks_iter(Axis(0), blocks * BLOCK).enumerate() {
            let blocks = pass * blocks..pass * blocks + b.nrows().div_ceil(BLOCK);
            pack(b, packed, pitch);
            let (b, _) = S::as_simd_f32s(packed).0.as_chunks::<N>();
            if whole {
                for (r, mut out) in out.rows_mut().into_iter().enumerate() {
                    let out = out.as_slice_mut().expect("rows are contiguous");
                    let out = S::as_mut_simd_f32s(out).0.first_chunk_mut().expect("the row has N vectors");
                    add_row(simd, a, (r, blocks.clone()), b, out);
                }
            } else {
                let (padded, _) = S::as_mut_simd_f32s(padded).0.as_chunks_mut::<N>();
                for (r, out) in padded.iter_mut().enumerate() {
                    add_row(simd, a, (r, blocks.clone()), b, out);
                }
            }
        }
        for (mut out, padded) in out.rows_mut().into_iter().zip(padded.chunks_exact(pitch)) {
            out.iter_mut().zip(padded).for_each(|(out, &x)| *out = x);
        }
    }
}

/// Adds the part of the product that some blocks of rows of `b` give to a row of the tile; the first begins at zero.
#[inline(always)]
fn add_row<S: Simd, const N: usize>(
    simd: S,
    a: &NonZeros<'_>,
    (row, blocks): (usize, Range<usize>),
    b: &[[S::f32s; N]],
    out: &mut [S::f32s; N],
) {
    let mut sums = if blocks.start == 0 { [simd.splat_f32s(0.0); N] } else { *out };
    for (block, b) in blocks.zip(b.chunks(BLOCK)) {
        for (at, x) in a.row(row, block) {
            let x = simd.splat_f32s(x);
            let b = &b[at];
            for v in 0..N {
                sums[v] = simd.mul_add_e_f32s(x, b[v], sums[v]);
            }
        }
    }
    *out = sums;
}

/// `n` numbers that begin where a cache line does.
fn aligned(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    const LINE: usize = 64;
    if buffer.len() < n + LINE {
        buffer.resize(n + LINE, 0.0);
    }
    let offset = buffer.as_ptr().align_offset(LINE).min(LINE);
    &mut buffer[offset..offset + n]
}
