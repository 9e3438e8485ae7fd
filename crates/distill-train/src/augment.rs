use distill_datasets::{DataError, Jitter, JitterOptions, Padding};
use serde::{Deserialize, Serialize};

use crate::problem::ConfigProblem;

/// How inputs are varied.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Images are shifted by up to this many pixels in any direction. 0 leaves them alone.
    pub shift: usize,
    /// What moves in from outside: zeros, or the image mirrored at its outermost pixels.
    #[serde(skip_serializing_if = "is_default")]
    pub padding: PaddingConfig,
    /// Whether left and right of an image are exchanged, in half of the cases.
    #[serde(skip_serializing_if = "is_default")]
    pub flip: bool,
    /// A part of an image, of at least this share of its area, becomes the whole image. Left out, or 1: images stay whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1), extend("exclusiveMinimum" = 0.0, "examples" = [0.25])))]
    pub crop: Option<f64>,
    /// The pixels of an image are multiplied by a number from 1 - `brightness` to 1 + `brightness`.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub brightness: f64,
    /// The same for what distinguishes pixels from the mean grey of their image.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub contrast: f64,
    /// The same for what distinguishes the colours of a pixel from its grey.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub saturation: f64,
    /// A square of an image with sides of this many pixels becomes black; some of it may lie outside. 0 leaves images alone.
    ///
    /// DeVries, Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017.
    #[serde(skip_serializing_if = "is_default")]
    pub cutout: usize,
    /// Recordings are shifted in time by up to this many frames, earlier or later. 0 leaves them alone.
    #[serde(skip_serializing_if = "is_default")]
    pub time_shift: usize,
    /// Up to this many frames of a recording, one after the other, become silent. 0 leaves recordings alone.
    ///
    /// Park and others, *SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition*, 2019.
    #[serde(skip_serializing_if = "is_default")]
    pub time_mask: usize,
    /// Up to this many neighbouring bands of a recording become silent. 0 leaves recordings alone.
    #[serde(skip_serializing_if = "is_default")]
    pub frequency_mask: usize,
    /// Normal noise with this standard deviation is added to each number of an input. 0 adds none.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub noise: f64,
    /// Models that learn from labels alone see mixtures of two examples with both labels, whose weights are drawn for each
    /// batch from Beta(`mixup`, `mixup`). 0 leaves them alone; else it is at least 0.001. Students with a teacher have `data.mixtures`.
    ///
    /// Zhang, Cisse, Dauphin, Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, 2018.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub mixup: f64,
}

/// What is outside of an image that is shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PaddingConfig {
    /// Zeros.
    #[default]
    Zero,
    /// The image, mirrored at the middle of its outermost pixels.
    Reflect,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl AugmentConfig {
    /// What happens to each input by itself.
    pub fn options(&self) -> JitterOptions {
        let Self {
            shift,
            flip,
            brightness,
            contrast,
            saturation,
            cutout,
            time_shift,
            time_mask,
            frequency_mask,
            noise,
            ..
        } = *self;
        let padding = match self.padding {
            PaddingConfig::Zero => Padding::Zero,
            PaddingConfig::Reflect => Padding::Reflect,
        };
        let crop = self.crop.filter(|&share| share < 1.0);
        JitterOptions {
            shift,
            padding,
            flip,
            crop,
            brightness,
            contrast,
            saturation,
            cutout,
            time_shift,
            time_mask,
            frequency_mask,
            noise,
        }
    }

    /// The same for inputs of a shape; nothing where inputs are left as they are.
    ///
    /// # Errors
    /// If these inputs cannot be varied so.
    pub fn jitter(&self, input_shape: &[usize]) -> Result<Option<Jitter>, DataError> {
        let options = self.options();
        if options.is_off() { Ok(None) } else { Jitter::of(options, input_shape).map(Some) }
    }

    /// Whether inputs are shown otherwise than they are.
    pub fn changes_inputs(&self) -> bool {
        !self.options().is_off()
    }

    /// How many views of an input there are: one for each shift, and for each shift of the flipped image. `None` where there
    /// are too many to count.
    pub fn n_views(&self) -> Option<u64> {
        self.options().n_views().map(|n_views| n_views as u64)
    }

    /// What answers to all views depend on. Those to shifts alone are known by the number that they always had.
    pub fn views_key(&self) -> String {
        let options = self.options();
        match options == (JitterOptions { shift: self.shift, ..JitterOptions::default() }) {
            true => self.shift.to_string(),
            false => format!("{options:?}"),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigProblem> {
        let mixup = self.mixup;
        if !(mixup == 0.0 || (0.001..=1.0).contains(&mixup)) {
            let problem = format!("must be 0, or from 0.001 to 1, got {mixup}");
            return Err(ConfigProblem::new("mixup", problem, "set `augment = { mixup = 0.2 }`"));
        }
        if let Some(crop) = self.crop.filter(|&crop| !(crop > 0.0 && crop <= 1.0)) {
            let problem = format!("must be greater than 0 and at most 1, got {crop}");
            return Err(ConfigProblem::new("crop", problem, "set `augment = { crop = 0.25 }`, or leave the key out")
                .note("it is the smallest share of the area of an image that becomes the whole image"));
        }
        let ranges = [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        if let Some((key, range)) = ranges.into_iter().find(|(_, range)| !(0.0..=1.0).contains(range)) {
            let help = format!("set `augment = {{ {key} = 0.2 }}`, or leave the key out");
            return Err(ConfigProblem::new(key, format!("must be from 0 to 1, got {range}"), help));
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            let problem = format!("must be a finite number, 0 or more, got {}", self.noise);
            return Err(ConfigProblem::new("noise", problem, "set `augment = { noise = 0.1 }`, or leave the key out"));
        }
        if self.time_shift > 0 && self.shift > 0 {
            let help = "leave `shift` out, which would shift recordings along their frequencies too";
            return Err(ConfigProblem::new("time_shift", "is set, and `shift` too", help));
        }
        if self.padding != PaddingConfig::Zero && self.shift == 0 && self.time_shift == 0 {
            let help = "set `augment = { shift = 4, padding = \"reflect\" }`, or leave `padding` out";
            return Err(ConfigProblem::new("padding", "is set, but images are not shifted", help));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> AugmentConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn keys_reach_what_they_name() {
        let all = config(
            r#"{ "shift": 4, "padding": "reflect", "flip": true, "crop": 0.5, "brightness": 0.1, "contrast": 0.2,
                "saturation": 0.3, "cutout": 8, "time_mask": 5, "frequency_mask": 6, "noise": 0.25 }"#,
        );
        let options = JitterOptions {
            shift: 4,
            padding: Padding::Reflect,
            flip: true,
            crop: Some(0.5),
            brightness: 0.1,
            contrast: 0.2,
            saturation: 0.3,
            cutout: 8,
            time_shift: 0,
            time_mask: 5,
            frequency_mask: 6,
            noise: 0.25,
        };
        assert_eq!((all.options(), all.validate(), all.n_views()), (options, Ok(()), None));
        assert!(
            all.changes_inputs() && !config("{}").changes_inputs() && !config(r#"{ "mixup": 0.2 }"#).changes_inputs()
        );
        assert_eq!(config(r#"{ "shift": 4, "flip": true, "crop": 1 }"#).n_views(), Some(162));
        assert_eq!(config(r#"{ "time_shift": 5 }"#).n_views(), Some(11));
    }

    /// Kept answers have hashes of it.
    #[test]
    fn answers_to_shifts_are_known_as_before() {
        assert_eq!(config("{}").views_key(), "0");
        assert_eq!(config(r#"{ "shift": 2, "mixup": 0.5 }"#).views_key(), "2");
        let keys = [r#"{ "shift": 2, "flip": true }"#, r#"{ "shift": 2, "padding": "reflect" }"#, r#"{ "cutout": 1 }"#];
        let keys = keys.map(|text| config(text).views_key());
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys.iter().all(|key| key.len() > 2), "{keys:?}");
    }

    #[test]
    fn says_which_number_has_no_meaning() {
        for (text, path) in [
            (r#"{ "crop": 0.0 }"#, "crop must be greater than 0 and at most 1, got 0"),
            (r#"{ "crop": 1.5 }"#, "crop must be greater than 0 and at most 1, got 1.5"),
            (r#"{ "saturation": -0.5 }"#, "saturation must be from 0 to 1, got -0.5"),
            (r#"{ "brightness": 2 }"#, "brightness must be from 0 to 1, got 2"),
            (r#"{ "padding": "reflect" }"#, "padding is set, but images are not shifted"),
            (r#"{ "noise": -1 }"#, "noise must be a finite number, 0 or more, got -1"),
            (r#"{ "time_shift": 1, "shift": 1 }"#, "time_shift is set, and `shift` too"),
        ] {
            assert_eq!(config(text).validate().unwrap_err().to_string(), path);
        }
    }
}
