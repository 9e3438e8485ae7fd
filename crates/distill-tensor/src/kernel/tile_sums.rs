//! The sums of convolutions by tiles.

use super::pairs::{PixelSums, Segment, TransposedTermSums};
use super::tiles::{Rows, SIDE, Tiles};

/// As [`PixelSums`] says, for as many pixels of a row as the tiles have rows at a time.
pub(super) fn pixel_sums(tiles: &Tiles, all: &mut PixelSums<'_>) {
    let of_row = all.pixels[1] / tiles.rows;
    let n = all.pixels[0] * of_row;
    let mut first = 0;
    while first < n {
        // Two tiles of pixels, which may be of two rows: sums that do not wait for each other.
        let places = [first, first + 1].map(|tile| [tile / of_row, tile % of_row * tiles.rows]);
        first += match (n - first > 1, all.bias.len()) {
            (true, 32) => pixels::<2, 2>(tiles, all, places),
            (true, _) => pixels::<2, 1>(tiles, all, places),
            (false, 32) => pixels::<1, 2>(tiles, all, places),
            (false, _) => pixels::<1, 1>(tiles, all, places),
        };
    }
}

/// `P` tiles of pixels, which begin in a row and column each, by `V` tiles of results. Returns `P`.
#[inline(always)]
fn pixels<const P: usize, const V: usize>(tiles: &Tiles, all: &mut PixelSums<'_>, places: [[usize; 2]; 2]) -> usize {
    let (width, n_pairs) = (V * SIDE, tiles.pairs);
    let [from, to] =
        [all.steps, all.out_steps].map(|steps| places.map(|[row, column]| row * steps[0] + column * steps[1]));
    for (p, v) in each::<P, V>() {
        tiles.load_sum(2 * p + v, Rows { values: &all.bias[v * SIDE..], step: 0 });
    }
    let mut weights = all.weights;
    for &Segment { offset, len } in all.segments {
        for pair in (0..len / 2).step_by(n_pairs) {
            for (p, place) in from.iter().enumerate().take(P) {
                tiles.load_first(p, Rows { values: &all.map[place + offset / 2 + pair..], step: all.steps[1] });
            }
            for v in 0..V {
                tiles.load_second(v, Rows { values: &weights[v * SIDE..], step: width });
            }
            for (p, v) in each::<P, V>() {
                tiles.multiply_add(p, v);
            }
            weights = &weights[n_pairs * width..];
        }
    }
    let whole = all.results == width && !all.add;
    for (p, v) in each::<P, V>() {
        let (out, step) = (&mut all.out[to[p] + v * SIDE..], all.out_steps[1]);
        if whole {
            tiles.store_sum(2 * p + v, out, step);
            continue;
        }
        let mut sums = [0.0; SIDE * SIDE];
        tiles.store_sum(2 * p + v, &mut sums, SIDE);
        let results = all.results.saturating_sub(v * SIDE).min(SIDE);
        for (out, sums) in out.chunks_mut(step).zip(sums.chunks_exact(SIDE)).take(tiles.rows) {
            if all.add {
                out[..results].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            } else {
                out[..results].copy_from_slice(&sums[..results]);
            }
        }
    }
    P
}

/// As [`TransposedTermSums`] says.
pub(super) fn term_sums(all: &mut TransposedTermSums<'_>) {
    let terms: usize = all.segments.iter().map(|segment| segment.len).sum();
    let n = all.tiles.columns;
    let mut place = 0;
    for &Segment { offset, len } in all.segments {
        let mut term = 0;
        while term < len {
            let at = [offset + term, place + term];
            term += match (all.sums.len() / terms == 2 * SIDE, len - term >= 2 * n) {
                (true, true) => of_terms::<2, 2>(all, at, terms),
                (true, false) => of_terms::<2, 1>(all, at, terms),
                (false, true) => of_terms::<1, 2>(all, at, terms),
                (false, false) => of_terms::<1, 1>(all, at, terms),
            };
        }
        place += len;
    }
}

/// `R` tiles of results by `T` tiles of terms, over all pairs of pixels. Returns how many terms they are.
#[inline(always)]
fn of_terms<const R: usize, const T: usize>(
    all: &mut TransposedTermSums<'_>,
    [offset, place]: [usize; 2],
    terms: usize,
) -> usize {
    let (tiles, [map_row, map_column]) = (all.tiles, all.map_steps);
    for (r, t) in each::<R, T>() {
        let at = r * SIDE * terms + place + t * tiles.columns;
        tiles.load_sum(2 * r + t, Rows { values: &all.sums[at..], step: terms });
    }
    let [rows, columns] = all.pairs;
    for row in 0..rows {
        for column in (0..columns).step_by(tiles.pairs) {
            for r in 0..R {
                let at = row * all.grads_step + r * SIDE * columns + column;
                tiles.load_first(r, Rows { values: &all.grads[at..], step: columns });
            }
            for t in 0..T {
                let at = row * map_row + column * map_column + offset + t * tiles.columns;
                tiles.load_second(t, Rows { values: &all.map[at..], step: map_column });
            }
            for (r, t) in each::<R, T>() {
                tiles.multiply_add(r, t);
            }
        }
    }
    for (r, t) in each::<R, T>() {
        let at = r * SIDE * terms + place + t * tiles.columns;
        tiles.store_sum(2 * r + t, &mut all.sums[at..], terms);
    }
    T * tiles.columns
}

/// All pairs of numbers below `A` and below `B`.
#[inline(always)]
fn each<const A: usize, const B: usize>() -> impl Iterator<Item = (usize, usize)> {
    (0..A * B).map(|i| (i / B, i % B))
}
