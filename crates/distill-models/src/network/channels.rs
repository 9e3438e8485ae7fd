//! Loops over pixels whose channels lie side by side. They are inlined where wide vectors are, see
//! [`with_vectors`](distill_tensor::with_vectors).

/// Pixels that are added up before they meet the sums of all, so that one sum does not wait for the other.
const TOGETHER: usize = 4;

/// Overwrites `out` with the mean of each channel, and the sum of the squares of what differs from it.
#[inline(always)]
pub(super) fn write_moments(x: &[f32], channels: usize, out: &mut [f32]) {
    let (mean, squares) = out.split_at_mut(channels);
    let share = channels as f32 / x.len() as f32;
    sum_channels([x], channels, mean, |[x], _| x);
    mean.iter_mut().for_each(|mean| *mean *= share);
    let mean = &*mean;
    sum_channels([x], channels, squares, |[x], channel| {
        let difference = x - mean[channel];
        difference * difference
    });
}

/// Overwrites `out` with the sum of `grad` in each channel, and that of `grad · (x - mean)`.
#[inline(always)]
pub(super) fn write_weighted(grad: &[f32], x: &[f32], mean: &[f32], out: &mut [f32]) {
    let channels = mean.len();
    let (sums, products) = out.split_at_mut(channels);
    sum_channels([grad], channels, sums, |[grad], _| grad);
    sum_channels([grad, x], channels, products, |[grad, x], channel| grad * (x - mean[channel]));
}

/// Overwrites `sums` with the sum of `f(numbers of a pixel, channel)` over all pixels, for each channel.
#[inline(always)]
fn sum_channels<const N: usize>(
    maps: [&[f32]; N],
    channels: usize,
    sums: &mut [f32],
    f: impl Fn([f32; N], usize) -> f32 + Copy,
) {
    let mut first = 0;
    while first < channels {
        first += match channels - first {
            16.. => sum_block::<N, 16>(maps, channels, first, sums, f),
            4.. => sum_block::<N, 4>(maps, channels, first, sums, f),
            _ => sum_block::<N, 1>(maps, channels, first, sums, f),
        };
    }
}

/// The sums of `C` channels, which are in registers. Returns how many they are.
#[inline(always)]
fn sum_block<const N: usize, const C: usize>(
    maps: [&[f32]; N],
    channels: usize,
    first: usize,
    to: &mut [f32],
    f: impl Fn([f32; N], usize) -> f32 + Copy,
) -> usize {
    let mut sums = [0.0; C];
    let pixels = maps[0].len() / channels;
    let of = |pixel: usize| {
        let numbers = maps.map(|map| *map[pixel * channels + first..].first_chunk::<C>().expect("whole pixels"));
        std::array::from_fn::<f32, C, _>(|c| f(numbers.map(|numbers| numbers[c]), first + c))
    };
    let whole = pixels - pixels % TOGETHER;
    for pixel in (0..whole).step_by(TOGETHER) {
        let [p, q, r, s] = [of(pixel), of(pixel + 1), of(pixel + 2), of(pixel + 3)];
        for c in 0..C {
            sums[c] += (p[c] + q[c]) + (r[c] + s[c]);
        }
    }
    for pixel in whole..pixels {
        let p = of(pixel);
        for c in 0..C {
            sums[c] += p[c];
        }
    }
    to[first..first + C].copy_from_slice(&sums);
    C
}

/// `y = x · factor + summand`, plus another value where there is one.
#[inline(always)]
pub(super) fn affine(x: &[f32], other: Option<&[f32]>, [factors, summands]: [&[f32]; 2], y: &mut [f32]) {
    let channels = factors.len();
    let pixels = y.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
    match other {
        None => {
            for (y, x) in pixels {
                for i in 0..channels {
                    y[i] = x[i] * factors[i] + summands[i];
                }
            }
        }
        Some(other) => {
            for ((y, x), other) in pixels.zip(other.chunks_exact(channels)) {
                for i in 0..channels {
                    y[i] = x[i] * factors[i] + summands[i] + other[i];
                }
            }
        }
    }
}

/// Writes or adds `factor · (grad - shift - (x - mean) · slope)`; `map` has factors, shifts and slopes of the channels.
#[inline(always)]
pub(super) fn center_and_scale((grad, x): (&[f32], &[f32]), mean: &[f32], map: &[f32], (dx, add): (&mut [f32], bool)) {
    let channels = mean.len();
    let (factor, rest) = map.split_at(channels);
    let (shift, slope) = rest.split_at(channels);
    let slope = &slope[..channels];
    let pixels = dx.chunks_exact_mut(channels).zip(grad.chunks_exact(channels)).zip(x.chunks_exact(channels));
    for ((dx, grad), x) in pixels {
        for i in 0..channels {
            let value = factor[i] * (grad[i] - shift[i] - (x[i] - mean[i]) * slope[i]);
            dx[i] = if add { dx[i] + value } else { value };
        }
    }
}
