use std::cell::RefCell;

use distill_tensor::Philox;
use ndarray_rand::rand::RngCore as _;

use crate::random::below;

/// The narrower side of a part over the wider one, both as shares of the image, is at least this.
const NARROWEST: f64 = 0.75;

/// A part of an image that becomes the whole.
///
/// As the crops of Szegedy and others, *Going Deeper with Convolutions*, 2015, of at least a share of the area and with sides
/// that differ by at most a third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// What a thread needs to resize an image; it is kept from image to image.
#[derive(Default)]
struct Scratch {
    /// Of each column of the result.
    places: Vec<Place>,
    /// The rows of the part, as wide as the result.
    rows: Vec<f32>,
}

/// Where a pixel of the result lies: after the pixel `first`, by this part of the way to the next one.
#[derive(Clone, Copy)]
struct Place {
    first: u32,
    part: f32,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Crop {
    /// A part of at least the share `smallest` of the area, up to the rounding of its sides to pixels.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides of an image")]
    pub(super) fn draw(rng: &mut Philox, smallest: f64, height: usize, width: usize) -> Self {
        let mut unit = || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let area = smallest + (1.0 - smallest) * unit();
        // No side is longer than that of the image.
        let narrowest = NARROWEST.max(area);
        let narrow = narrowest + (1.0 - narrowest) * unit();
        let (short, long) = ((area * narrow).sqrt(), (area / narrow).sqrt());
        let (tall, wide) = if unit() < 0.5 { (short, long) } else { (long, short) };
        let pixels = |side: usize, share: f64| ((side as f64 * share).round() as usize).clamp(1, side);
        let part = (pixels(height, tall), pixels(width, wide));
        let top = below(rng, height - part.0 + 1);
        Self { top, left: below(rng, width - part.1 + 1), height: part.0, width: part.1 }
    }

    /// Makes this part of an image the whole of it, in all its planes, by linear interpolation between the centres of pixels.
    pub(super) fn resize(&self, image: &mut [f32], height: usize, width: usize) {
        if (self.height, self.width) == (height, width) {
            return;
        }
        SCRATCH.with_borrow_mut(|Scratch { places, rows }| {
            places.clear();
            places.extend((0..width).map(|x| Place::of(x, width, self.width)));
            // Enough for any part.
            rows.resize(height * width, 0.0);
            for plane in image.chunks_exact_mut(height * width) {
                for (line, out) in plane.chunks_exact(width).skip(self.top).zip(rows.chunks_exact_mut(width)) {
                    widen(&line[self.left..self.left + self.width], places, out);
                }
                for (y, out) in plane.chunks_exact_mut(width).enumerate() {
                    let Place { first, part } = Place::of(y, height, self.height);
                    let line = |row: usize| &rows[row * width..][..width];
                    let (first, second) = (line(first as usize), line((first as usize + 1).min(self.height - 1)));
                    for ((out, &first), &second) in out.iter_mut().zip(first).zip(second) {
                        *out = first + part * (second - first);
                    }
                }
            }
        });
    }
}

/// A row of a part as wide as the image.
fn widen(line: &[f32], places: &[Place], out: &mut [f32]) {
    let [one] = line else {
        let (firsts, seconds) = (&line[..line.len() - 1], &line[1..]);
        for (out, &Place { first, part }) in out.iter_mut().zip(places) {
            let (first, second) = (firsts[first as usize], seconds[first as usize]);
            *out = first + part * (second - first);
        }
        return;
    };
    out.fill(*one);
}

impl Place {
    /// Of pixel `i` of `n` among `n_source`, of which the next one after `first` is there if there are two.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides of an image")]
    fn of(i: usize, n: usize, n_source: usize) -> Self {
        let at = (i as f32 + 0.5) * (n_source as f32 / n as f32) - 0.5;
        let at = at.clamp(0.0, (n_source - 1) as f32);
        let first = (at as u32).min(n_source.saturating_sub(2) as u32);
        Self { first, part: at - first as f32 }
    }
}
