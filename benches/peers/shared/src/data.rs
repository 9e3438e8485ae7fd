use std::fs;
use std::path::{Path, PathBuf};

use rand::Rng as _;

use crate::{ALPHA, Inputs, Result, SHIFT, TEMPERATURE};

const SIDE: usize = 28;
const FEATURES: usize = SIDE * SIDE;

/// The files that the driver has written.
pub struct Data {
    folder: PathBuf,
    pixels: Vec<u8>,
    pub labels: Vec<u8>,
}

/// A layer: weights, shape `(outputs, inputs)`, and biases.
pub struct Weights {
    pub shape: [usize; 2],
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Data {
    /// Images and labels of a split, `train` or `test`.
    pub fn read(folder: &Path, split: &str, inputs: Inputs) -> Result<Self> {
        let read = |what: &str| fs::read(folder.join(format!("{split}-{what}.u8")));
        Ok(Self { folder: folder.to_owned(), pixels: read(inputs.name())?, labels: read("labels")? })
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All images, shape `(examples, 784)`, in `[0, 1]`.
    pub fn inputs(&self) -> Vec<f32> {
        self.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect()
    }

    /// Some images, each shifted by up to two pixels to every side, shape `(rows.len(), 784)`.
    pub fn shifted(&self, rows: &[u32]) -> Vec<f32> {
        let mut random = rand::rng();
        let mut out = vec![0.0; rows.len() * FEATURES];
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(FEATURES)) {
            let image = &self.pixels[row as usize * FEATURES..][..FEATURES];
            let mut draw = || random.random_range(0..=2 * SHIFT);
            shift(image, out, draw(), draw());
        }
        out
    }

    /// The teacher's probabilities, shape `(examples, 10)`.
    pub fn targets(&self) -> Result<Vec<f32>> {
        floats(&self.folder.join("targets.f32"))
    }

    /// What the soft term lacks where it is computed as a cross entropy: the mean of `α T² Σ p ln p`.
    pub fn negative_entropy(targets: &[f32]) -> f64 {
        let sum: f64 = targets.iter().map(|&p| f64::from(p)).filter(|&p| p > 0.0).map(|p| p * p.ln()).sum();
        ALPHA * TEMPERATURE * TEMPERATURE * sum / (targets.len() / 10) as f64
    }

    /// The layers of the trained student.
    pub fn student(&self, layers: &[usize]) -> Result<Vec<Weights>> {
        let flat = floats(&self.folder.join("student.f32"))?;
        let mut rest = flat.as_slice();
        let mut take = |n: usize| {
            let (taken, after) = rest.split_at_checked(n).ok_or("the student has other layers")?;
            rest = after;
            Ok::<_, &str>(taken.to_vec())
        };
        let layer = |pair: &[usize]| {
            let shape = [pair[1], pair[0]];
            Ok(Weights { shape, weight: take(pair[0] * pair[1])?, bias: take(pair[1])? })
        };
        layers.windows(2).map(layer).collect()
    }
}

/// Writes an image `down` and `right` pixels, less the largest shift, from its place; `out` is zero.
fn shift(image: &[u8], out: &mut [f32], down: usize, right: usize) {
    let overlap = |shift: usize| {
        let (from, to) = (SHIFT.saturating_sub(shift), shift.saturating_sub(SHIFT));
        (from, to, SIDE - from - to)
    };
    let ((from_y, to_y, height), (from_x, to_x, width)) = (overlap(down), overlap(right));
    for y in 0..height {
        let source = &image[(from_y + y) * SIDE + from_x..][..width];
        let target = &mut out[(to_y + y) * SIDE + to_x..][..width];
        target.iter_mut().zip(source).for_each(|(out, &pixel)| *out = f32::from(pixel) / 255.0);
    }
}

fn floats(path: &Path) -> Result<Vec<f32>> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_move_and_leave_zeros() {
        let image: Vec<u8> = (0..FEATURES).map(|i| (i % 250 + 1) as u8).collect();
        for (down, right) in [(0, 0), (2, 2), (4, 1), (3, 4)] {
            let mut out = vec![0.0; FEATURES];
            shift(&image, &mut out, down, right);
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let (source_y, source_x) = (y + SHIFT, x + SHIFT);
                    let inside = (down..SIDE + down).contains(&source_y) && (right..SIDE + right).contains(&source_x);
                    let source = if inside { image[(source_y - down) * SIDE + source_x - right] } else { 0 };
                    assert_eq!(out[y * SIDE + x], f32::from(source) / 255.0, "{down} {right} {y} {x}");
                }
            }
        }
    }
}
