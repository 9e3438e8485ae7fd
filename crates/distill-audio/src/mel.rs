use std::f64::consts::PI;
use std::sync::Arc;

use ndarray::{Array2, Axis};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::FilterbankFault;

/// A transform of a second at the highest rate of any recording is not a window of speech.
const MAX_FFT: usize = 1 << 18;

/// The numbers of a [`Filterbank`].
#[derive(Debug, Clone, PartialEq)]
pub struct FilterbankConfig {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// Samples of a frame.
    pub window: usize,
    /// Samples from one frame to the next.
    pub step: usize,
    /// Points of the Fourier transform, at least [`window`](Self::window); what is more is zeros.
    pub n_fft: usize,
    /// Triangles, the values of a frame.
    pub bands: usize,
    /// Where the first triangle begins, in Hz.
    pub low_hz: f64,
    /// Where the last triangle ends, in Hz, at most half the rate.
    pub high_hz: f64,
    /// The least power of a band, of which the logarithm is taken. Speech in 16 bits lies above the default.
    pub floor: f64,
}

impl FilterbankConfig {
    /// 40 bands of 25 ms every 10 ms, from 0 to half the rate, a transform of the next power of two
    /// and a floor of 1e-10.
    pub fn for_rate(rate: u32) -> Self {
        let samples = |ms: u64| (u64::from(rate) * ms).div_ceil(1000) as usize;
        let window = samples(25);
        Self {
            rate,
            window,
            step: samples(10),
            n_fft: window.next_power_of_two(),
            bands: 40,
            low_hz: 0.0,
            high_hz: f64::from(rate) / 2.0,
            floor: 1e-10,
        }
    }
}

/// Frames of log-mel filterbank values.
///
/// Frame `t` is made of the samples from `t * step` on: there is no padding and no centring, and an incomplete
/// frame at the end is left out. A frame is multiplied with a periodic Hann window, its power spectrum
/// `|X|²` is summed under triangles of height 1 whose corners are equally spaced in
/// `mel(f) = 2595 log10(1 + f / 700)` (HTK), and the value of a band is `ln(max(sum, floor))`.
///
/// These are the values of torchaudio's `MelSpectrogram` with `center=False`, `norm=None`, `mel_scale="htk"`.
///
/// # Examples
/// ```
/// use distill_audio::{Filterbank, FilterbankConfig};
/// let mut filterbank = Filterbank::new(FilterbankConfig::for_rate(8000))?;
/// // A second: 98 frames of 200 samples, 80 apart.
/// let tone: Vec<f32> = (0..8000).map(|t| (t as f32 * 0.5).sin()).collect();
/// assert_eq!(filterbank.log_mel(&tone).dim(), (98, 40));
/// # Ok::<(), distill_audio::AudioError>(())
/// ```
#[derive(Clone)]
pub struct Filterbank {
    config: FilterbankConfig,
    hann: Vec<f64>,
    triangles: Vec<Triangle>,
    fft: Arc<dyn RealToComplex<f64>>,
    input: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    power: Vec<f64>,
    scratch: Vec<Complex<f64>>,
}

/// The weights of one band, from its first point of the spectrum on.
#[derive(Clone)]
struct Triangle {
    first: usize,
    weights: Vec<f64>,
}

impl Filterbank {
    /// Computes window and triangles, and takes the memory that frames need.
    ///
    /// # Errors
    /// [`FilterbankFault`].
    pub fn new(config: FilterbankConfig) -> Result<Self, FilterbankFault> {
        config.check()?;
        let triangles = triangles(&config)?;
        let fft = RealFftPlanner::new().plan_fft_forward(config.n_fft);
        let hann = (0..config.window).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f64 / config.window as f64).cos()).collect();
        let spectrum = fft.make_output_vec();
        Ok(Self {
            hann,
            triangles,
            input: fft.make_input_vec(),
            power: vec![0.0; spectrum.len()],
            spectrum,
            scratch: fft.make_scratch_vec(),
            fft,
            config,
        })
    }

    /// Its numbers.
    pub fn config(&self) -> &FilterbankConfig {
        &self.config
    }

    /// The number of whole frames in so many samples.
    pub fn frames(&self, n_samples: usize) -> usize {
        n_samples.checked_sub(self.config.window).map_or(0, |rest| rest / self.config.step + 1)
    }

    /// The frames of a recording, shape `(frames, bands)`. Only the result is new memory.
    pub fn log_mel(&mut self, samples: &[f32]) -> Array2<f32> {
        let mut frames = Array2::zeros((self.frames(samples.len()), self.config.bands));
        for (t, mut values) in frames.axis_iter_mut(Axis(0)).enumerate() {
            let frame = &samples[t * self.config.step..][..self.config.window];
            self.transform(frame);
            for (value, triangle) in values.iter_mut().zip(&self.triangles) {
                let points = &self.power[triangle.first..];
                let sum: f64 = triangle.weights.iter().zip(points).map(|(weight, power)| weight * power).sum();
                *value = sum.max(self.config.floor).ln() as f32;
            }
        }
        frames
    }

    /// Leaves the power spectrum of a frame in `power`.
    fn transform(&mut self, frame: &[f32]) {
        // The transform uses its input as scratch, so the zeros behind the frame are written each time.
        let (windowed, zeros) = self.input.split_at_mut(frame.len());
        for ((value, &sample), &weight) in windowed.iter_mut().zip(frame).zip(&self.hann) {
            *value = f64::from(sample) * weight;
        }
        zeros.fill(0.0);
        self.fft
            .process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers were made by the transform");
        self.power.iter_mut().zip(&self.spectrum).for_each(|(power, value)| *power = value.norm_sqr());
    }
}

impl FilterbankConfig {
    fn check(&self) -> Result<(), FilterbankFault> {
        for (name, value) in [("the window", self.window), ("the step", self.step), ("the number of bands", self.bands)]
        {
            if value == 0 {
                return Err(FilterbankFault::Zero { name });
            }
        }
        let Self { window, n_fft, low_hz, high_hz, floor, .. } = *self;
        if n_fft < window || n_fft > MAX_FFT {
            return Err(FilterbankFault::Transform { n_fft, window, max: MAX_FFT });
        }
        let nyquist = f64::from(self.rate) / 2.0;
        if !(0.0 <= low_hz && low_hz < high_hz && high_hz <= nyquist) {
            return Err(FilterbankFault::Frequencies { low_hz, high_hz, nyquist });
        }
        if !(floor > 0.0 && floor.is_finite()) {
            return Err(FilterbankFault::Floor { floor });
        }
        if self.bands > n_fft {
            return Err(FilterbankFault::EmptyBand { band: 0, bands: self.bands, n_fft });
        }
        Ok(())
    }
}

fn triangles(config: &FilterbankConfig) -> Result<Vec<Triangle>, FilterbankFault> {
    let FilterbankConfig { bands, n_fft, .. } = *config;
    let (low, high) = (mel(config.low_hz), mel(config.high_hz));
    let corner = |i: usize| hz(low + (high - low) * i as f64 / (bands + 1) as f64);
    let resolution = f64::from(config.rate) / n_fft as f64;
    let triangle = |band| {
        let (left, top, right) = (corner(band), corner(band + 1), corner(band + 2));
        let weight = |point: usize| {
            let f = point as f64 * resolution;
            ((f - left) / (top - left)).min((right - f) / (right - top))
        };
        let points = (0..=n_fft / 2).skip_while(|&point| weight(point) <= 0.0);
        let first = points.clone().next().unwrap_or_default();
        let weights: Vec<f64> = points.map(weight).take_while(|&weight| weight > 0.0).collect();
        if weights.is_empty() {
            return Err(FilterbankFault::EmptyBand { band, bands, n_fft });
        }
        Ok(Triangle { first, weights })
    };
    (0..bands).map(triangle).collect()
}

fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz(mel: f64) -> f64 {
    700.0 * (10_f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filterbank(change: impl Fn(&mut FilterbankConfig)) -> Result<Filterbank, FilterbankFault> {
        let mut config = FilterbankConfig::for_rate(8000);
        change(&mut config);
        Filterbank::new(config)
    }

    #[test]
    fn frames_are_whole_and_not_centred() {
        let mut filterbank = filterbank(|_| {}).unwrap();
        for (n_samples, frames) in [(0, 0), (199, 0), (200, 1), (279, 1), (280, 2)] {
            assert_eq!(filterbank.frames(n_samples), frames);
            assert_eq!(filterbank.log_mel(&vec![0.0; n_samples]).dim(), (frames, 40));
        }
        // A click at sample 300 is in the frames from 160 to 359 and from 240 to 439 alone; that from 100 has none.
        let mut click = vec![0.0; 520];
        click[300] = 1.0;
        let frames = filterbank.log_mel(&click);
        let silence = 1e-10_f32.ln();
        let heard: Vec<bool> = frames.axis_iter(Axis(0)).map(|frame| frame.iter().all(|&v| v > silence)).collect();
        assert_eq!(heard, [false, false, true, true, false]);
    }

    #[test]
    fn a_tone_is_loudest_in_its_band() {
        let mut filterbank = filterbank(|_| {}).unwrap();
        let width = mel(4000.0) / 41.0;
        for band in [3, 17, 36] {
            let f = hz(width * (band + 1) as f64);
            let tone: Vec<f32> = (0..400).map(|t| (2.0 * PI * f * f64::from(t) / 8000.0).sin() as f32).collect();
            for frame in filterbank.log_mel(&tone).axis_iter(Axis(0)) {
                let loudest = (0..40).max_by(|&a, &b| frame[a].total_cmp(&frame[b]));
                assert_eq!(loudest, Some(band));
            }
        }
    }

    #[test]
    fn what_was_computed_before_leaves_no_trace() {
        let noise: Vec<f32> = (0..2000_u32).map(|t| (t * t % 1009) as f32 / 1009.0 - 0.5).collect();
        // Transforms of different lengths leave different things in their input.
        for n_fft in [200, 256, 300, 422, 512, 1200] {
            let mut used = filterbank(|c| c.n_fft = n_fft).unwrap();
            let first = used.log_mel(&noise);
            used.log_mel(&[f32::NAN; 900]);
            assert_eq!(used.log_mel(&noise), first);
            // Frames of a part are those of the whole.
            assert_eq!(used.log_mel(&noise[160..]).row(3), first.row(5));
        }
    }

    #[test]
    fn says_which_numbers_do_not_fit() {
        let message = |change: fn(&mut FilterbankConfig)| filterbank(change).err().unwrap().to_string();
        assert_eq!(message(|c| c.step = 0), "the step is 0, expected at least 1");
        assert_eq!(message(|c| c.n_fft = 199), "the transform has 199 points, expected 200 to 262144");
        assert_eq!(
            message(|c| c.high_hz = 4001.0),
            "frequencies from 0 to 4001 Hz, expected a range within 0 to 4000 Hz"
        );
        assert_eq!(
            message(|c| c.low_hz = f64::NAN),
            "frequencies from NaN to 4000 Hz, expected a range within 0 to 4000 Hz"
        );
        assert_eq!(message(|c| c.floor = 0.0), "the floor is 0, expected a finite number above 0");
        assert_eq!(
            message(|c| c.bands = 120),
            "band 0 of 120 has no point of a transform of 256, fewer bands or more points are needed"
        );
        assert_eq!(message(|c| c.bands = usize::MAX - 1).split(" has").next(), Some("band 0 of 18446744073709551614"));
        assert!(Filterbank::new(FilterbankConfig::for_rate(0)).is_err());
        assert!(Filterbank::new(FilterbankConfig::for_rate(u32::MAX)).is_err());
    }
}
