use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// A band that varies less has no scale to be divided by.
const LEAST_DEVIATION: f64 = 1e-6;

/// Mean and standard deviation of each band over some frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Statistics {
    /// Those that change nothing.
    pub(crate) fn neutral(bands: usize) -> Self {
        Self { mean: vec![0.0; bands], deviation: vec![1.0; bands] }
    }

    /// Takes them from all rows of matrices of `(frames, bands)`; `None` if there are none.
    ///
    /// The deviation is that of the frames themselves: a sum of squares divided by their number.
    ///
    /// # Panics
    /// If the matrices have different numbers of bands.
    pub fn of(frames: &[ArrayView2<'_, f32>]) -> Option<Self> {
        let n_frames: usize = frames.iter().map(ArrayView2::nrows).sum();
        if n_frames == 0 {
            return None;
        }
        let bands = frames[0].ncols();
        let mean_of = |f: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; bands];
            for row in frames.iter().flat_map(|frames| frames.axis_iter(Axis(0))) {
                assert_eq!(row.len(), bands, "all frames have the same bands");
                sums.iter_mut()
                    .zip(row)
                    .enumerate()
                    .for_each(|(band, (sum, &value))| *sum += f(band, f64::from(value)));
            }
            sums.iter_mut().for_each(|sum| *sum /= n_frames as f64);
            sums
        };
        // In two passes, so that a mean far from zero takes no digits from the deviation.
        let mean = mean_of(&|_, value| value);
        let mut deviation = mean_of(&|band, value| (value - mean[band]).powi(2));
        deviation.iter_mut().for_each(|variance| *variance = variance.sqrt());
        Some(Self { mean, deviation })
    }

    /// The mean of each band.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each band.
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// Subtracts the mean and divides by the deviation. A band that does not vary is not divided.
    ///
    /// # Panics
    /// If the frames have another number of bands.
    pub fn apply(&self, frames: &mut Array2<f32>) {
        assert_eq!(frames.ncols(), self.mean.len(), "frames and statistics have the same bands");
        for mut row in frames.axis_iter_mut(Axis(0)) {
            for ((value, mean), &deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                let scale = if deviation < LEAST_DEVIATION { 1.0 } else { deviation };
                *value = ((f64::from(*value) - mean) / scale) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn are_those_of_all_rows() {
        let (a, b) = (array![[1.0_f32, 5.0], [3.0, 5.0]], array![[8.0_f32, 5.0]]);
        let found = Statistics::of(&[a.view(), b.view()]).unwrap();
        assert_eq!(found.mean(), [4.0, 5.0]);
        // 9 + 1 + 16 over 3.
        assert!((found.deviation()[0] - (26.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.deviation()[1], 0.0);
        let mut frames = array![[4.0_f32, 7.0], [4.0 + 2.0 * found.deviation()[0] as f32, 5.0]];
        found.apply(&mut frames);
        let expected = array![[0.0_f32, 2.0], [2.0, 0.0]];
        assert!(frames.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{frames}");
    }

    #[test]
    fn of_no_frames_there_are_none() {
        assert_eq!(Statistics::of(&[]), None);
        assert_eq!(Statistics::of(&[Array2::zeros((0, 4)).view()]), None);
    }

    #[test]
    fn a_mean_far_from_zero_takes_no_digits() {
        let frames = Array2::from_shape_fn((1000, 1), |(t, _)| 4096.0 + (t % 2) as f32 / 1024.0);
        let found = Statistics::of(&[frames.view()]).unwrap();
        assert!((found.deviation()[0] * 2048.0 - 1.0).abs() < 1e-9);
    }
}
