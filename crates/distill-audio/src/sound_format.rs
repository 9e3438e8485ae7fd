use std::f64::consts::PI;
use std::path::Path;

use distill_datasets::DataError;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{AudioError, Filterbank, FilterbankConfig, Statistics, wav};

/// The least power of a band. It is below the noise of 16 bits, and silence that is added is not far from that of recordings.
const FLOOR: f64 = 1e-6;

/// A recording that is longer is not a word.
const MAX_SECONDS: f64 = 600.0;

/// What recordings of any length are turned into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoundOptions {
    /// Seconds that an input has: the middle of what is longer, and what is shorter between silence. `None`: all recordings are
    /// as long as the first.
    pub seconds: Option<f64>,
    /// Milliseconds of a frame.
    pub window_ms: f64,
    /// Milliseconds from one frame to the next.
    pub step_ms: f64,
    /// Bands of the filterbank.
    pub bands: usize,
    /// Cepstral coefficients in place of the bands, as many as this and the lowest; `None` leaves the bands.
    pub coefficients: Option<usize>,
}

impl Default for SoundOptions {
    /// 40 bands of 40 ms every 20 ms: 49 frames a second.
    fn default() -> Self {
        Self { seconds: None, window_ms: 40.0, step_ms: 20.0, bands: 40, coefficients: None }
    }
}

/// How recordings become inputs of a model: what was asked for, and what was learnt from the recordings to train on. It belongs
/// to the model, as others have to be read in the same way.
///
/// A frame has the logarithms of the powers in `bands` triangles ([`Filterbank`]), or with `coefficients` the first values of
/// their cosine transform, `c_k = s_k Σ_b x_b cos(π k (2 b + 1) / (2 bands))`, orthonormal (Davis, Mermelstein, *Comparison of
/// Parametric Representations for Monosyllabic Word Recognition*, 1980). Each value is less its mean, divided by its standard
/// deviation, both over all frames to train on. So 0 is the mean, and what hides a part of an input fills it with 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoundFormat {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// Samples of an input.
    pub samples: usize,
    /// Samples of a frame.
    pub window: usize,
    /// Samples from one frame to the next.
    pub step: usize,
    /// Bands of the filterbank.
    pub bands: usize,
    /// Cepstral coefficients, if an input has these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficients: Option<usize>,
    /// Mean and deviation of each value of a frame.
    pub statistics: Statistics,
}

impl SoundFormat {
    /// The format of a recording with so many samples, before anything is learnt from it.
    pub(crate) fn of(options: &SoundOptions, rate: u32, samples: usize) -> Self {
        let of_ms = |ms: f64| (f64::from(rate) * ms / 1000.0).round() as usize;
        let samples = options.seconds.map_or(samples, |seconds| (f64::from(rate) * seconds.min(MAX_SECONDS)) as usize);
        let values = options.coefficients.unwrap_or(options.bands);
        Self {
            rate,
            samples,
            window: of_ms(options.window_ms),
            step: of_ms(options.step_ms),
            bands: options.bands,
            coefficients: options.coefficients,
            statistics: Statistics::neutral(values),
        }
    }

    /// Values of a frame.
    pub fn values(&self) -> usize {
        self.coefficients.unwrap_or(self.bands)
    }

    /// The shape of an input: `[1, frames, values]`.
    pub fn input_shape(&self) -> [usize; 3] {
        let frames = self.samples.checked_sub(self.window).map_or(0, |rest| rest / self.step.max(1) + 1);
        [1, frames, self.values()]
    }
}

/// Turns recordings into inputs.
#[derive(Clone)]
pub struct SoundReader {
    format: SoundFormat,
    filterbank: Filterbank,
    cosines: Option<Array2<f64>>,
    samples: Vec<f32>,
}

impl SoundReader {
    /// A reader for a format.
    ///
    /// # Errors
    /// A problem in words, if its numbers do not fit each other.
    pub fn new(format: SoundFormat) -> Result<Self, String> {
        let config = FilterbankConfig {
            window: format.window,
            step: format.step,
            n_fft: format.window.checked_next_power_of_two().unwrap_or(usize::MAX),
            bands: format.bands,
            floor: FLOOR,
            ..FilterbankConfig::for_rate(format.rate)
        };
        let filterbank = Filterbank::new(config).map_err(|fault| fault.to_string())?;
        let [_, frames, values] = format.input_shape();
        if frames == 0 {
            let ms = |samples: usize| 1000.0 * samples as f64 / f64::from(format.rate);
            return Err(format!("it has {} ms, and a frame {} ms", ms(format.samples), ms(format.window)));
        }
        if values == 0 || values > format.bands {
            return Err(format!("{values} coefficients are asked for, and there are {} bands", format.bands));
        }
        if format.statistics.mean().len() != values || format.statistics.deviation().len() != values {
            return Err(format!("there are means of {} values for {values}", format.statistics.mean().len()));
        }
        let cosines = format.coefficients.map(|n| cosines(n, format.bands));
        Ok(Self { format, filterbank, cosines, samples: vec![] })
    }

    /// Its format.
    pub fn format(&self) -> &SoundFormat {
        &self.format
    }

    /// Reads a recording, shape `(frames, values)`, normalised.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`] for a file that is not WAV with 16 bits, and [`DataError::Content`] for another
    /// sample rate.
    pub fn read(&mut self, path: &Path) -> Result<Array2<f32>, DataError> {
        let mut values = self.frames(&read(path)?, path)?;
        self.format.statistics.apply(&mut values);
        Ok(values)
    }

    /// The frames of a recording before they are normalised.
    pub(crate) fn frames(&mut self, wav: &wav::Wav, path: &Path) -> Result<Array2<f32>, DataError> {
        if wav.rate != self.format.rate {
            let rate = self.format.rate;
            let problem = format!(
                "has {} samples a second, {rate} are expected: convert it, such as with `ffmpeg -i IN -ar {rate} OUT.wav`",
                wav.rate
            );
            return Err(DataError::Content { path: path.to_owned(), problem });
        }
        middle(&wav.samples, self.format.samples, &mut self.samples);
        let bands = self.filterbank.log_mel(&self.samples);
        Ok(match &self.cosines {
            None => bands,
            Some(cosines) => bands.mapv(f64::from).dot(cosines).mapv(|value| value as f32),
        })
    }
}

/// Reads a sound file, with errors as data has them.
pub(crate) fn read(path: &Path) -> Result<wav::Wav, DataError> {
    wav::read(path).map_err(|error| match error {
        AudioError::Io { path, source } => DataError::Io { path, source },
        AudioError::Wav { path, offset, fault } => {
            DataError::Damaged { path, problem: format!("byte {offset}: {fault}") }
        }
        other => DataError::Damaged { path: path.to_owned(), problem: other.to_string() },
    })
}

/// The middle of what is longer, and what is shorter between zeros.
fn middle(samples: &[f32], n: usize, out: &mut Vec<f32>) {
    out.clear();
    match samples.len().checked_sub(n) {
        Some(more) => out.extend_from_slice(&samples[more / 2..][..n]),
        None => {
            let before = (n - samples.len()) / 2;
            out.resize(before, 0.0);
            out.extend_from_slice(samples);
            out.resize(n, 0.0);
        }
    }
}

/// The orthonormal cosine transform (DCT-II) of `bands` values, of which the first `n` are left, shape `(bands, n)`.
fn cosines(n: usize, bands: usize) -> Array2<f64> {
    Array2::from_shape_fn((bands, n), |(band, k)| {
        let scale = (if k == 0 { 1.0 } else { 2.0 } / bands as f64).sqrt();
        scale * (PI * k as f64 * (2 * band + 1) as f64 / (2 * bands) as f64).cos()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_stays_and_silence_is_around() {
        let found = |samples: &[f32], n| {
            let mut out = vec![9.0; 3];
            middle(samples, n, &mut out);
            out
        };
        assert_eq!(found(&[1.0, 2.0, 3.0, 4.0, 5.0], 3), [2.0, 3.0, 4.0]);
        assert_eq!(found(&[1.0, 2.0], 5), [0.0, 1.0, 2.0, 0.0, 0.0]);
        assert_eq!(found(&[1.0, 2.0], 2), [1.0, 2.0]);
    }

    #[test]
    fn cosines_keep_lengths_and_turn_what_is_even_into_one_number() {
        let all = cosines(8, 8);
        let product = all.t().dot(&all);
        assert!((product - Array2::<f64>::eye(8)).iter().all(|difference| difference.abs() < 1e-12));
        // A constant is the first coefficient times the root of the number of bands.
        let even = Array2::from_elem((1, 8), 3.0).dot(&all);
        assert!((even[[0, 0]] - 3.0 * 8_f64.sqrt()).abs() < 1e-12 && even.iter().skip(1).all(|c| c.abs() < 1e-12));
        // scipy.fft.dct([0, 1, 2, 3], norm="ortho")
        let ramp = Array2::from_shape_fn((1, 4), |(_, band)| band as f64).dot(&cosines(4, 4));
        for (found, expected) in ramp.iter().zip([3.0, -2.230_442_497_387_66, 0.0, -0.158_512_667_781_108_2]) {
            assert!((found - expected).abs() < 1e-12, "{ramp}");
        }
    }

    #[test]
    fn says_what_does_not_fit() {
        let problem = |change: fn(&mut SoundOptions)| {
            let mut options = SoundOptions { seconds: Some(1.0), ..SoundOptions::default() };
            change(&mut options);
            SoundReader::new(SoundFormat::of(&options, 8000, 0)).err().unwrap_or_default()
        };
        assert_eq!(problem(|_| {}), "");
        assert_eq!(problem(|o| o.seconds = Some(0.03)), "it has 30 ms, and a frame 40 ms");
        assert_eq!(problem(|o| o.coefficients = Some(41)), "41 coefficients are asked for, and there are 40 bands");
        assert_eq!(problem(|o| o.step_ms = 0.01), "the step is 0, expected at least 1");
        assert!(problem(|o| o.bands = 2000).contains("of 2000"));
        assert_eq!(SoundFormat::of(&SoundOptions::default(), 16_000, 16_000).input_shape(), [1, 49, 40]);
    }
}
