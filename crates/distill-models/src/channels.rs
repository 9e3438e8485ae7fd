//! Loops over pixels whose channels lie side by side, compiled for the widest vectors that the processor has.
//!
//! Sums over pixels are kept in registers, channel by channel, in an order that the width of vectors does not change. Where each
//! channel has a number, loops read these numbers [repeated](repeat), so that they are long also where channels are few.

use pulp::{Arch, Simd, WithSimd};

/// Pixels that are added up before they meet the sums of all, so that one sum does not wait for the other.
const TOGETHER: usize = 4;
/// The least numbers that are repeated: some of the widest vectors.
const REPEATED: usize = 128;

/// Overwrites `values` with `N` numbers of each channel: the first of all channels, again and again, then the second of all.
pub(crate) fn repeat<const N: usize>(
    values: &mut Vec<f32>,
    channels: usize,
    mut of_channel: impl FnMut(usize) -> [f32; N],
) {
    let n = channels * REPEATED.div_ceil(channels);
    values.resize(N * n, 0.0);
    for channel in 0..channels {
        for (values, value) in values.chunks_exact_mut(n).zip(of_channel(channel)) {
            values[channel] = value;
        }
    }
    for values in values.chunks_exact_mut(n) {
        let (first, others) = values.split_at_mut(channels);
        others.chunks_exact_mut(channels).for_each(|other| other.copy_from_slice(first));
    }
}

/// The repeated numbers of each kind.
fn kinds<const N: usize>(repeated: &[f32]) -> [&[f32]; N] {
    let n = repeated.len() / N;
    std::array::from_fn(|i| &repeated[i * n..][..n])
}

/// Overwrites `out` with the mean of each channel, and then the sum of the squares of what differs from it.
pub(crate) fn write_moments(x: &[f32], channels: usize, out: &mut [f32]) {
    let (mean, squares) = out.split_at_mut(channels);
    Arch::new().dispatch(Moments { x, mean, squares });
}

/// What a gradient of outputs is multiplied by to become that of what an activation was given.
#[derive(Clone, Copy)]
pub(crate) enum Gate<'a> {
    /// There is no activation.
    Open,
    /// The values of ReLU, which are above 0 where it passes.
    Relu(&'a [f32]),
    Derivative(&'a [f32]),
}

/// Takes a gradient back through an activation where it is, and overwrites `out` with its sum in each channel, and then that of its
/// products with `x - mean`.
pub(crate) fn gate_and_sum(grad: &mut [f32], gate: Gate<'_>, x: &[f32], mean: &[f32], out: &mut [f32]) {
    let (sums, products) = out.split_at_mut(mean.len());
    Arch::new().dispatch(GateAndSum { grad, gate, x, mean, sums, products });
}

/// `y = f(x · factor + summand)`, with another value added before `f` where there is one. The map is factor and summand of each
/// channel, [repeated](repeat).
pub(crate) fn affine(x: &[f32], other: Option<&[f32]>, map: &[f32], f: impl Fn(f32) -> f32, y: &mut [f32]) {
    Arch::new().dispatch(Affine { x, other, map: kinds(map), f, y });
}

/// Writes or adds `factor · (grad - shift - (x - mean) · slope)`. The map is mean, factor, shift and slope of each channel,
/// [repeated](repeat).
pub(crate) fn center_and_scale(grad: &[f32], x: &[f32], map: &[f32], (dx, add): (&mut [f32], bool)) {
    Arch::new().dispatch(CenterAndScale { grad, x, map: kinds(map), dx, add });
}

/// The same where the gradient is.
pub(crate) fn center_and_scale_in_place(grad: &mut [f32], x: &[f32], map: &[f32]) {
    let [mean, factor, shift, slope] = kinds(map);
    for (grad, x) in grad.chunks_mut(mean.len()).zip(x.chunks(mean.len())) {
        for (i, (grad, x)) in grad.iter_mut().zip(x).enumerate() {
            *grad = centered(*grad, *x, [mean[i], factor[i], shift[i], slope[i]]);
        }
    }
}

#[inline(always)]
fn centered(grad: f32, x: f32, [mean, factor, shift, slope]: [f32; 4]) -> f32 {
    factor * (grad - shift - (x - mean) * slope)
}

/// Writes a gradient, or adds it to the one that is there.
#[inline(always)]
pub(crate) fn put(to: &mut [f32], add: bool, values: impl Iterator<Item = f32>) {
    if add {
        to.iter_mut().zip(values).for_each(|(to, value)| *to += value);
    } else {
        to.iter_mut().zip(values).for_each(|(to, value)| *to = value);
    }
}

/// A vector of numbers, or the first of one where there are not so many.
#[inline(always)]
fn load<S: Simd, const WHOLE: bool>(simd: S, from: &[f32]) -> S::f32s {
    if WHOLE { S::as_simd_f32s(from).0[0] } else { simd.partial_load_f32s(from) }
}

#[inline(always)]
fn store<S: Simd, const WHOLE: bool>(simd: S, to: &mut [f32], values: S::f32s) {
    if WHOLE {
        S::as_mut_simd_f32s(to).0[0] = values;
    } else {
        simd.partial_store_f32s(to, values);
    }
}

/// Vectors of pixels that follow each other. Neither this nor what calls it has closures: in one that is not inlined, vector
/// instructions are calls.
#[inline(always)]
fn load_group<S: Simd, const WHOLE: bool>(simd: S, from: &[f32], step: usize, n: usize) -> [S::f32s; TOGETHER] {
    let mut pixels = [simd.splat_f32s(0.0); TOGETHER];
    for (i, pixel) in pixels.iter_mut().enumerate() {
        *pixel = load::<S, WHOLE>(simd, &from[i * step..][..n]);
    }
    pixels
}

#[inline(always)]
fn sum_of<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; TOGETHER]) -> S::f32s {
    simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d))
}

/// Sums over pixels, for as many channels at a time as a vector has.
trait ByChannel: Sized {
    fn channels(&self) -> usize;

    /// The sums of channels `first..first + n`, which are a [whole](load) vector or its first numbers.
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize);

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let channels = self.channels();
        for first in (0..channels).step_by(S::F32_LANES) {
            match channels - first {
                n if n < S::F32_LANES => self.block::<S, false>(simd, first, n),
                _ => self.block::<S, true>(simd, first, S::F32_LANES),
            }
        }
    }
}

struct Moments<'a> {
    x: &'a [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl ByChannel for Moments<'_> {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.mean.len()
    }

    #[inline(always)]
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize) {
        let (channels, x) = (self.mean.len(), self.x);
        let groups = x.chunks_exact(TOGETHER * channels);
        let rest = groups.remainder().chunks_exact(channels);
        let mut sum = simd.splat_f32s(0.0);
        for group in groups.clone() {
            let pixels = load_group::<S, WHOLE>(simd, &group[first..], channels, n);
            sum = simd.add_f32s(sum, sum_of(simd, pixels));
        }
        for pixel in rest.clone() {
            sum = simd.add_f32s(sum, load::<S, WHOLE>(simd, &pixel[first..][..n]));
        }
        let mean = simd.mul_f32s(sum, simd.splat_f32s(channels as f32 / x.len() as f32));
        store::<S, WHOLE>(simd, &mut self.mean[first..][..n], mean);
        let mut squares = simd.splat_f32s(0.0);
        for group in groups {
            let mut pixels = load_group::<S, WHOLE>(simd, &group[first..], channels, n);
            for x in &mut pixels {
                let difference = simd.sub_f32s(*x, mean);
                *x = simd.mul_f32s(difference, difference);
            }
            squares = simd.add_f32s(squares, sum_of(simd, pixels));
        }
        for pixel in rest {
            let x = simd.sub_f32s(load::<S, WHOLE>(simd, &pixel[first..][..n]), mean);
            squares = simd.add_f32s(squares, simd.mul_f32s(x, x));
        }
        store::<S, WHOLE>(simd, &mut self.squares[first..][..n], squares);
    }
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.run(simd);
    }
}

struct GateAndSum<'a> {
    grad: &'a mut [f32],
    gate: Gate<'a>,
    x: &'a [f32],
    mean: &'a [f32],
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl GateAndSum<'_> {
    /// The gradient at these places, gated and written back, and its product with `x - mean`.
    #[inline(always)]
    fn at<S: Simd, const WHOLE: bool>(&mut self, simd: S, at: usize, n: usize, mean: S::f32s) -> [S::f32s; 2] {
        let to = &mut self.grad[at..][..n];
        let grad = load::<S, WHOLE>(simd, to);
        let gated = match self.gate {
            Gate::Open => grad,
            Gate::Relu(values) => {
                let (values, zero) = (load::<S, WHOLE>(simd, &values[at..][..n]), simd.splat_f32s(0.0));
                simd.select_f32s(simd.greater_than_f32s(values, zero), grad, zero)
            }
            Gate::Derivative(by) => simd.mul_f32s(grad, load::<S, WHOLE>(simd, &by[at..][..n])),
        };
        if !matches!(self.gate, Gate::Open) {
            store::<S, WHOLE>(simd, to, gated);
        }
        let x = simd.sub_f32s(load::<S, WHOLE>(simd, &self.x[at..][..n]), mean);
        [gated, simd.mul_f32s(gated, x)]
    }
}

impl ByChannel for GateAndSum<'_> {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.mean.len()
    }

    #[inline(always)]
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize) {
        let (channels, len) = (self.mean.len(), self.x.len());
        let whole = len - len % (TOGETHER * channels);
        let mean = load::<S, WHOLE>(simd, &self.mean[first..][..n]);
        let [mut sum, mut product] = [simd.splat_f32s(0.0); 2];
        for group in (first..whole).step_by(TOGETHER * channels) {
            let a = self.at::<S, WHOLE>(simd, group, n, mean);
            let b = self.at::<S, WHOLE>(simd, group + channels, n, mean);
            let c = self.at::<S, WHOLE>(simd, group + 2 * channels, n, mean);
            let d = self.at::<S, WHOLE>(simd, group + 3 * channels, n, mean);
            sum = simd.add_f32s(sum, sum_of(simd, [a[0], b[0], c[0], d[0]]));
            product = simd.add_f32s(product, sum_of(simd, [a[1], b[1], c[1], d[1]]));
        }
        for pixel in (whole + first..len).step_by(channels) {
            let [grad, of_x] = self.at::<S, WHOLE>(simd, pixel, n, mean);
            (sum, product) = (simd.add_f32s(sum, grad), simd.add_f32s(product, of_x));
        }
        store::<S, WHOLE>(simd, &mut self.sums[first..][..n], sum);
        store::<S, WHOLE>(simd, &mut self.products[first..][..n], product);
    }
}

impl WithSimd for GateAndSum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Each has a loop of its own.
        match self.gate {
            Gate::Open => Self { gate: Gate::Open, ..self }.run(simd),
            Gate::Relu(values) => Self { gate: Gate::Relu(values), ..self }.run(simd),
            Gate::Derivative(by) => Self { gate: Gate::Derivative(by), ..self }.run(simd),
        }
    }
}

struct Affine<'a, F> {
    x: &'a [f32],
    other: Option<&'a [f32]>,
    map: [&'a [f32]; 2],
    f: F,
    y: &'a mut [f32],
}

impl<F: Fn(f32) -> f32> WithSimd for Affine<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { x, other, map: [factors, summands], f, y } = self;
        let n = factors.len();
        let parts = y.chunks_mut(n).zip(x.chunks(n));
        match other {
            None => {
                for (y, x) in parts {
                    let map = factors.iter().zip(summands);
                    y.iter_mut().zip(x).zip(map).for_each(|((y, x), (factor, summand))| *y = f(x * factor + summand));
                }
            }
            Some(other) => {
                for ((y, x), other) in parts.zip(other.chunks(n)) {
                    let map = factors.iter().zip(summands);
                    for (((y, x), other), (factor, summand)) in y.iter_mut().zip(x).zip(other).zip(map) {
                        *y = f(x * factor + summand + other);
                    }
                }
            }
        }
    }
}

struct CenterAndScale<'a> {
    grad: &'a [f32],
    x: &'a [f32],
    map: [&'a [f32]; 4],
    dx: &'a mut [f32],
    add: bool,
}

impl WithSimd for CenterAndScale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { grad, x, map: [mean, factor, shift, slope], dx, add } = self;
        let n = mean.len();
        for ((dx, grad), x) in dx.chunks_mut(n).zip(grad.chunks(n)).zip(x.chunks(n)) {
            let map = mean.iter().zip(factor).zip(shift.iter().zip(slope));
            let values = (grad.iter().zip(x).zip(map)).map(|((&grad, &x), ((&mean, &factor), (&shift, &slope)))| {
                centered(grad, x, [mean, factor, shift, slope])
            });
            put(dx, add, values);
        }
    }
}
