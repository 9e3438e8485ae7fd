use std::path::Path;

use distill_datasets::{DataError, Dataset, Division, TableFolder};
use distill_train::Fingerprint;

use super::template::{self, Setting, quoted};
use distill_lab::preflight::is_far_from_standard;
use distill_recipe::Diagnostic;
use distill_recipe::data_folder::{SOUND, longest_recording};
use distill_recipe::data_source::{DataSource, SourceError};
use distill_recipe::recipe_file;

/// Images up to this size keep their size.
const MOST_FEATURES: usize = 64 * 64 * 3;

/// What images of several sizes, or very large ones, are brought to.
const SIZE: &str = "size = [32, 32], crop = true";

/// Of longer recordings a piece of the middle is taken.
const MOST_SECONDS: f64 = 10.0;

/// What is known of data before a recipe is written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) input_shape: Vec<usize>,
    pub(super) n_train: usize,
    /// Whether it brings its own validation examples.
    pub(super) has_validation: bool,
    /// Whether an input is a list of bucket indices.
    pub(super) buckets: Option<u32>,
    /// What has to be said of it so that it can be read: of columns and of images.
    pub(super) columns: Option<String>,
    pub(super) images: Option<String>,
    /// What has to be said of recordings.
    pub(super) sound: Option<String>,
    /// Whether inputs are recordings.
    pub(super) is_sound: bool,
    /// Whether its numbers are far from 0, or all on one side of it, and nobody standardises them by default.
    pub(super) is_wide: bool,
    /// The column with the class, where that was guessed.
    pub(super) guessed_label: Option<String>,
}

impl Look {
    /// Reads data as a run would, and finds out what has to be said of it.
    pub(super) fn at(source: &str) -> Result<Self, Diagnostic> {
        let (mut images, mut label, mut sound): (Vec<&str>, Option<String>, Option<String>) = (vec![], None, None);
        loop {
            match Self::with(source, &images, label.as_deref(), sound.as_deref()) {
                Ok(look) if look.input_shape.len() > 1 && look.n_features() > MOST_FEATURES && is_images(source) => {
                    // Arrays cannot be made smaller.
                    match images.contains(&SIZE) {
                        true => return Ok(look),
                        false => images.push(SIZE),
                    }
                }
                Ok(look) => return Ok(look),
                Err(error) if label.is_none() && asks_for(&error, "data.columns.label") => {
                    // The class stands last nearly everywhere where no name tells which it is, but for the set of a row.
                    let path = Path::new(source);
                    let is_set = |name: &String| path.is_file() && name == Division::COLUMN;
                    let header = TableFolder::header(path)?.unwrap_or_default();
                    label = Some(header.into_iter().rev().find(|name| !is_set(name)).ok_or(error)?);
                }
                Err(error) if sound.is_none() && asks_for(&error, "data.sound.seconds") => {
                    let longest = longest_recording(Path::new(source))?.ok_or(error)?;
                    sound = Some(format!("{{ seconds = {:.2} }}", longest.min(MOST_SECONDS)));
                }
                Err(error) => match asked_for(&error).filter(|setting| !images.contains(setting)) {
                    Some(setting) => images.push(setting),
                    None => return Err(error.into()),
                },
            }
        }
    }

    fn with(source: &str, images: &[&str], label: Option<&str>, sound: Option<&str>) -> Result<Self, SourceError> {
        let images = (!images.is_empty()).then(|| format!("{{ {} }}", images.join(", ")));
        let mut settings = vec![Setting::text("data", "source", source)];
        settings.extend(images.iter().map(|images| Setting::new("data", "images", images)));
        settings.extend(sound.map(|sound| Setting::new("data", "sound", sound)));
        let guessed = label.map(str::to_owned);
        let label = label.map(|label| format!("label = {}", quoted(label)));
        settings.extend(label.iter().map(|label| Setting::new("data", "columns", format!("{{ {label} }}"))));
        let text = template::with(&settings);
        let (_, recipe) = recipe_file::from_bytes(Path::new("new.toml"), text.into_bytes(), &[])
            .map_err(|diagnostic| SourceError::Recipe(Box::new(diagnostic)))?;
        let config = recipe.data;
        let sets = DataSource::of(&config)?.load(&[], None)?;
        let spec = sets.train.spec();
        let counters: Vec<String> = sets.train.counters().iter().map(|name| quoted(name)).collect();
        let ignore = (!counters.is_empty()).then(|| format!("ignore = [{}]", counters.join(", ")));
        let columns: Vec<String> = label.into_iter().chain(ignore).collect();
        Ok(Self {
            input_shape: spec.input_shape.clone(),
            n_train: sets.train.len(),
            has_validation: sets.validation.is_some(),
            buckets: DataSource::buckets(&config),
            columns: (!columns.is_empty()).then(|| format!("{{ {} }}", columns.join(", "))),
            images,
            sound: sound.map(str::to_owned),
            is_sound: sets.train.reading().is_some_and(|(name, _)| name == SOUND),
            is_wide: sets.train.columns().is_none() && is_wide(&*sets.train)?,
            guessed_label: guessed,
        })
    }

    pub(super) fn n_features(&self) -> usize {
        self.input_shape.iter().product()
    }
}

/// As `distill check` would warn of, or all on one side of 0: what all examples share then hides what they differ in. Where many
/// numbers are 0, as in drawings and counts of words, the deviation is the larger one, and they stay as they are.
fn is_wide(train: &dyn Dataset) -> Result<bool, SourceError> {
    let print = Fingerprint::of(train).map_err(|error| SourceError::Recipe(Box::new(error.into())))?;
    Ok(is_far_from_standard(print.mean, print.sd) || print.mean.abs() > print.sd)
}

/// Whether it is a folder with image files.
fn is_images(source: &str) -> bool {
    DataSource::open(source).is_ok_and(|source| source.has_image_files())
}

/// Whether data cannot be read without a setting.
fn asks_for(error: &SourceError, key: &str) -> bool {
    matches!(error, SourceError::Data(DataError::Content { problem, .. }) if problem.contains(key))
}

/// The setting that data cannot be read without, as its error says.
fn asked_for(error: &SourceError) -> Option<&'static str> {
    match error {
        _ if asks_for(error, "data.images.size") => Some(SIZE),
        // Arrays of pictures have the colours last nearly everywhere, and are asked about only where those look like colours.
        _ if asks_for(error, "data.images.layout") => Some("layout = \"nhwc\""),
        _ => None,
    }
}
