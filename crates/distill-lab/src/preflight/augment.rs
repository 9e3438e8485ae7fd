use distill_datasets::DataError;
use distill_recipe::data_folder::SOUND;
use distill_recipe::data_source::DataSource;
use distill_recipe::{Code, Diagnostic};
use distill_train::{AugmentConfig, Role, TrainError};

use super::Preflight;
use super::data::first_input;

impl Preflight<'_> {
    /// Whether the inputs can be varied as the recipe says.
    pub(super) fn check_augment(&self, role: Role, training: &str) -> Result<(), Diagnostic> {
        let augment = &self.experiment.train_config(role).augment;
        let shape = &self.experiment.train_set().spec().input_shape;
        let locate = |diagnostic, key: &str| Err(self.file.locate(diagnostic, &format!("{training}.augment.{key}")));
        if let Some((key, diagnostic)) = self.not_for_kind(augment) {
            return locate(diagnostic, key);
        }
        let Err(error) = augment.jitter(shape) else {
            return match self.not_for_values(augment)? {
                Some((key, diagnostic)) => locate(diagnostic, key),
                None => Ok(()),
            };
        };
        let diagnostic = Diagnostic::new(Code::Selection, error.to_string());
        match error {
            DataError::BadJitter { key: "padding", .. } => {
                locate(diagnostic.help("shift by fewer pixels, or leave `padding` out"), "padding")
            }
            DataError::BadJitter { key, .. } => locate(diagnostic.help(format!("leave `{key}` out")), key),
            _ => {
                let sides = shape.iter().skip(1).min().map_or(0, |&side| side.saturating_sub(1));
                let help = match sides {
                    0 => "set `augment = { shift = 0 }`".to_owned(),
                    _ => format!("set `augment = {{ shift = 1 }}`, at most {sides}"),
                };
                locate(diagnostic.help(help), "shift")
            }
        }
    }

    /// Text has no sides. Those of speech are time and frequency, which are not like left and right, and nothing else.
    fn not_for_kind(&self, augment: &AugmentConfig) -> Option<(&'static str, Diagnostic)> {
        let source = &self.experiment.recipe().data.source;
        let is_text = self.experiment.recipe().data.text_column().is_some();
        if (is_text || !DataSource::has_sides(source)) && augment.changes_inputs() {
            let key = if augment.shift > 0 { "shift" } else { of_pictures(augment).unwrap_or("cutout") };
            let diagnostic = Diagnostic::new(Code::Selection, format!("`{source}` has no images to {}", verb(key)))
                .note("only images and frames of speech can be shifted")
                .help("set `augment = { shift = 0 }`");
            return Some((key, diagnostic));
        }
        let is_sound = self.experiment.all().train.reading().is_some_and(|(name, _)| name == SOUND);
        let key = of_pictures(augment).filter(|_| is_sound || !DataSource::has_pictures(source))?;
        let what = format!("`{key}` is for pictures, and the inputs of `{source}` are frames of speech");
        let help =
            format!("leave `{key}` out; `time_shift`, `time_mask`, `frequency_mask` and `noise` are for recordings");
        Some((key, Diagnostic::new(Code::Selection, what).help(help)))
    }

    /// Colours are changed and cut off between black and white.
    fn not_for_values(&self, augment: &AugmentConfig) -> Result<Option<(&'static str, Diagnostic)>, TrainError> {
        let Some(key) = of_colour(augment) else { return Ok(None) };
        let outside = first_input(self.experiment.train_set(), |_, value| !(0.0..=1.0).contains(&value))?;
        Ok(outside.map(|(example, input, value)| {
            let what = format!("number {input} of training example {example} is {value}, not from 0 to 1");
            let diagnostic = Diagnostic::new(Code::Selection, what)
                .note(format!("`{key}` is for pixels from 0, black, to 1, white, such as those of files of bytes"))
                .help(format!("leave `{key}` out, or bring the inputs to 0 to 1"));
            (key, diagnostic)
        }))
    }
}

/// The first key that is set and means nothing but for pictures.
fn of_pictures(augment: &AugmentConfig) -> Option<&'static str> {
    let keys = [("flip", augment.flip), ("crop", augment.options().crop.is_some())];
    keys.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key).or_else(|| of_colour(augment))
}

fn of_colour(augment: &AugmentConfig) -> Option<&'static str> {
    let keys = [("brightness", augment.brightness), ("contrast", augment.contrast), ("saturation", augment.saturation)];
    keys.into_iter().find(|(_, range)| *range > 0.0).map(|(key, _)| key)
}

/// What a key does to images.
fn verb(key: &str) -> &'static str {
    match key {
        "shift" => "shift",
        "flip" => "flip",
        "crop" => "crop",
        "cutout" => "cut out of",
        _ => "colour",
    }
}
