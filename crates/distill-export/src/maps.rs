use distill_models::{Conv, Window};

/// Where a row or column of a kernel meets the map: pairs of a place of the output and one of the input.
fn meetings(at: usize, stride: usize, padding: usize, from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..to).filter_map(move |o| {
        let i = (o * stride + at).checked_sub(padding)?;
        (i < from).then_some((o, i))
    })
}

/// A convolution of a map `[channels, height, width]` with weights `(outputs, channels / groups, height, width)`.
pub(crate) fn conv(
    x: &[f64],
    [channels, height, width]: [usize; 3],
    weights: &[f32],
    bias: Option<&[f32]>,
    conv: Conv,
    [outputs, high, wide]: [usize; 3],
) -> Vec<f64> {
    let Conv { kernel, stride, padding, groups, .. } = conv;
    let (inputs, taps) = (channels / groups, kernel[0] * kernel[1]);
    let mut y = vec![0.0; outputs * high * wide];
    for (out, y) in y.chunks_exact_mut(high * wide).enumerate() {
        y.fill(bias.map_or(0.0, |bias| f64::from(bias[out])));
        let first = out / (outputs / groups) * inputs;
        for (i, w) in weights[out * inputs * taps..][..inputs * taps].iter().enumerate() {
            let (w, tap) = (f64::from(*w), i % taps);
            let x = &x[(first + i / taps) * height * width..][..height * width];
            let (down, right) = (tap / kernel[1], tap % kernel[1]);
            for (to, from) in meetings(down, stride[0], padding[0], height, high) {
                let (x, y) = (&x[from * width..][..width], &mut y[to * wide..][..wide]);
                for (to, from) in meetings(right, stride[1], padding[1], width, wide) {
                    y[to] += w * x[from];
                }
            }
        }
    }
    y
}

/// The largest number of each window, or the mean of those that are there.
pub(crate) fn pool(
    x: &[f64],
    [_, height, width]: [usize; 3],
    is_max: bool,
    window: Window,
    [channels, high, wide]: [usize; 3],
) -> Vec<f64> {
    let Window { kernel, stride, padding } = window;
    let mut y = vec![if is_max { f64::NEG_INFINITY } else { 0.0 }; channels * high * wide];
    let mut counts = vec![0.0; y.len()];
    for ((x, y), counts) in
        x.chunks_exact(height * width).zip(y.chunks_exact_mut(high * wide)).zip(counts.chunks_exact_mut(high * wide))
    {
        for (down, right) in (0..kernel[0]).flat_map(|down| (0..kernel[1]).map(move |right| (down, right))) {
            for (row, from_row) in meetings(down, stride[0], padding[0], height, high) {
                for (column, from) in meetings(right, stride[1], padding[1], width, wide) {
                    let (at, x) = (row * wide + column, x[from_row * width + from]);
                    y[at] = if is_max { x.max(y[at]) } else { y[at] + x };
                    counts[at] += 1.0;
                }
            }
        }
    }
    if !is_max {
        y.iter_mut().zip(counts).for_each(|(y, count)| *y /= count);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_maps_are_computed_by_hand() {
        // 1 2 3
        // 4 5 6
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let window = Window { kernel: [2, 2], stride: [2, 1], padding: [0, 1, 0, 0] };
        assert_eq!(pool(&x, [1, 2, 3], true, window, [1, 1, 3]), [4.0, 5.0, 6.0]);
        assert_eq!(pool(&x, [1, 2, 3], false, window, [1, 1, 3]), [2.5, 3.0, 4.0]);
        let Window { kernel, stride, padding } = window;
        let of = Conv { outputs: 2, kernel, stride, padding, groups: 1, bias: true };
        let weights = [1.0, 10.0, 100.0, 1000.0, 0.0, 0.0, 0.0, 1.0];
        let y = conv(&x, [1, 2, 3], &weights, Some(&[0.5, -1.0]), of, [2, 1, 3]);
        assert_eq!(y, [4010.5, 5421.5, 6532.5, 3.0, 4.0, 5.0]);
        // Each channel by itself.
        let of = Conv { outputs: 2, kernel: [1, 1], stride: [1, 1], padding: [0; 4], groups: 2, bias: false };
        assert_eq!(conv(&x, [2, 1, 3], &[2.0, -1.0], None, of, [2, 1, 3]), [2.0, 4.0, 6.0, -4.0, -5.0, -6.0]);
    }
}
