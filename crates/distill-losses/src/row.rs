//! Sums over the classes of one example.

/// How many partial results a row has, of which none waits for another.
const LANES: usize = 4;

/// A row with a smaller norm counts as zero, and has no direction to learn.
pub(crate) const SMALLEST_NORM: f64 = 1e-12;

/// The largest number of a row.
///
/// `f64::max` ignores NaN; here one may be passed over too, but the sum of the exponentials finds it.
pub(crate) fn max(row: &[f64]) -> f64 {
    let larger = |max: f64, x: f64| if max > x { max } else { x };
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [f64::NEG_INFINITY; LANES];
    for chunk in chunks {
        for k in 0..LANES {
            lanes[k] = larger(lanes[k], chunk[k]);
        }
    }
    lanes.into_iter().chain(rest.iter().copied()).fold(f64::NEG_INFINITY, larger)
}

/// Appends `(x - max) / T` for a row: the arguments of its exponentials, which cannot overflow.
pub(crate) fn extend_scaled(to: &mut Vec<f64>, row: &[f64], inverse_t: f64) {
    let max = max(row);
    to.extend(row.iter().map(|x| (x - max) * inverse_t));
}

/// `Σ row`.
pub(crate) fn sum(row: &[f64]) -> f64 {
    sum_of([row], |[x]| x)
}

/// `Σ term(x)` for the numbers `x` of some rows of one length, class by class.
#[inline(always)]
pub(crate) fn sum_of<const N: usize>(rows: [&[f64]; N], term: impl Fn([f64; N]) -> f64) -> f64 {
    let rows = rows.map(|row| row.as_chunks::<LANES>());
    let (n_chunks, n_rest) = rows.first().map_or((0, 0), |(chunks, rest)| (chunks.len(), rest.len()));
    let mut lanes = [0.0; LANES];
    for i in 0..n_chunks {
        let chunk = rows.map(|(chunks, _)| &chunks[i]);
        for k in 0..LANES {
            lanes[k] += term(chunk.map(|x| x[k]));
        }
    }
    for i in 0..n_rest {
        lanes[i] += term(rows.map(|(_, rest)| rest[i]));
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Divides a row by its norm, which is returned; one without a direction becomes zero. A NaN stays one, so that it is found.
pub(crate) fn normalise(row: &mut [f64]) -> f64 {
    let norm = sum_of([&*row], |[x]| x * x).sqrt();
    match norm < SMALLEST_NORM {
        true => row.fill(0.0),
        false => row.iter_mut().for_each(|x| *x /= norm),
    }
    norm
}
