//! Loops over pixels whose channels lie side by side. They are inlined where wide vectors are, see
//! [`with_vectors`](distill_tensor::with_vectors).

/// Pixels that are added up before they meet the sums of all, so that one sum does not wait for the other.
const TOGETHER: usize = 4;

/// Overwrites `out` with the mean of each channel, and the sum of the squares of what differs from it.
#[inline(always)]
pub(super) fn write_moments(x: &[f32], channels: usize, out: &mut [f32]) {
    let (mean, squares) = out.split_at_mut(channels);
    let share = channels as f32 / x.len() as f32;
    sum(x, channels, mean);
    mean.iter_mut().for_each(|mean| *mean *= share);
    squares.fill(0.0);
    let mut groups = x.chunks_exact(TOGETHER * channels);
    for group in &mut groups {
        let [a, b, c, d] = quarters(group, channels);
        for i in 0..channels {
            let m = mean[i];
            let [a, b, c, d] = [a[i] - m, b[i] - m, c[i] - m, d[i] - m];
            squares[i] += (a * a + b * b) + (c * c + d * d);
        }
    }
    for pixel in groups.remainder().chunks_exact(channels) {
        for i in 0..channels {
            let difference = pixel[i] - mean[i];
            squares[i] += difference * difference;
        }
    }
}

/// Overwrites `out` with the sum of each channel.
#[inline(always)]
fn sum(x: &[f32], channels: usize, out: &mut [f32]) {
    out.fill(0.0);
    let out = &mut out[..channels];
    let mut groups = x.chunks_exact(TOGETHER * channels);
    for group in &mut groups {
        let [a, b, c, d] = quarters(group, channels);
        for i in 0..channels {
            out[i] += (a[i] + b[i]) + (c[i] + d[i]);
        }
    }
    for pixel in groups.remainder().chunks_exact(channels) {
        out.iter_mut().zip(pixel).for_each(|(out, x)| *out += x);
    }
}

#[inline(always)]
fn quarters(group: &[f32], channels: usize) -> [&[f32]; TOGETHER] {
    let (first, second) = group.split_at(2 * channels);
    let ((a, b), (c, d)) = (first.split_at(channels), second.split_at(channels));
    [a, b, c, &d[..channels]]
}

/// Overwrites `out` with the sum of `grad` in each channel, and that of `grad · (x - mean)`.
#[inline(always)]
pub(super) fn write_weighted(grad: &[f32], x: &[f32], mean: &[f32], out: &mut [f32]) {
    let channels = mean.len();
    let (sums, products) = out.split_at_mut(channels);
    sum(grad, channels, sums);
    products.fill(0.0);
    let (mut grads, mut xs) = (grad.chunks_exact(TOGETHER * channels), x.chunks_exact(TOGETHER * channels));
    for (grad, x) in (&mut grads).zip(&mut xs) {
        let ([ga, gb, gc, gd], [xa, xb, xc, xd]) = (quarters(grad, channels), quarters(x, channels));
        for i in 0..channels {
            let m = mean[i];
            products[i] += (ga[i] * (xa[i] - m) + gb[i] * (xb[i] - m)) + (gc[i] * (xc[i] - m) + gd[i] * (xd[i] - m));
        }
    }
    let rest = grads.remainder().chunks_exact(channels).zip(xs.remainder().chunks_exact(channels));
    for (grad, x) in rest {
        for i in 0..channels {
            products[i] += grad[i] * (x[i] - mean[i]);
        }
    }
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
