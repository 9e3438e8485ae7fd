use std::path::Path;

use distill_datasets::{DataError, Dataset, Division, TableFolder, TextFolder};
use distill_train::Fingerprint;

use super::template::{self, Setting, quoted};
use distill_lab::preflight::is_far_from_standard;
use distill_recipe::Code;
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

/// Numbers are predicted better from numbers in pieces, if there are rows for them: `docs/results/california.md`.
const PIECES: &str = "pieces = 32";
const FEWEST_FOR_PIECES: usize = 500;

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
    /// The column with a number to predict, where the data has no class.
    pub(super) target: Option<String>,
    /// Whether its classes are rather numbers to predict.
    has_many_numbers: bool,
}

/// What has to be said of data so that it can be read, as far as it is known.
#[derive(Debug, Clone, Default)]
struct Said {
    images: Vec<&'static str>,
    /// The column that is a text.
    text: Option<String>,
    /// The column with what is right of a row, where no name tells which it is.
    answer: Option<String>,
    /// The same, if it is a number to predict.
    target: Option<String>,
    sound: Option<String>,
}

impl Look {
    /// Reads data as a run would, and finds out what has to be said of it.
    pub(super) fn at(source: &str) -> Result<Self, Diagnostic> {
        let mut said = Said { text: TextFolder::usual_text(Path::new(source))?, ..Said::default() };
        loop {
            match Self::with(source, &said) {
                Ok(look) if look.input_shape.len() > 1 && look.n_features() > MOST_FEATURES && is_images(source) => {
                    // Arrays cannot be made smaller.
                    match said.images.contains(&SIZE) {
                        true => return Ok(look),
                        false => said.images.push(SIZE),
                    }
                }
                Ok(look) if said.target.is_none() && look.has_many_numbers => {
                    said.target = Some(answer_column(source, &said)?);
                }
                Ok(look) => return Ok(look),
                // A number that no row to train on has is no class.
                Err(error)
                    if said.target.is_none()
                        && is_number_as_class(&error)
                        && TableFolder::header(Path::new(source))?.is_some() =>
                {
                    said.target = Some(answer_column(source, &said)?);
                }
                Err(error) if said.answer.is_none() && asks_for(&error, "data.columns.label") => {
                    // The class stands last nearly everywhere where no name tells which it is, but for the set of a row.
                    let path = Path::new(source);
                    let is_other = |name: &String| {
                        (path.is_file() && name == Division::COLUMN) || Some(name) == said.text.as_ref()
                    };
                    let header = TableFolder::header(path)?.unwrap_or_default();
                    said.answer = Some(header.into_iter().rev().find(|name| !is_other(name)).ok_or(error)?);
                }
                Err(error) if said.sound.is_none() && asks_for(&error, "data.sound.seconds") => {
                    let longest = longest_recording(Path::new(source))?.ok_or(error)?;
                    said.sound = Some(format!("{{ seconds = {:.2} }}", longest.min(MOST_SECONDS)));
                }
                Err(error) => match asked_for(&error).filter(|setting| !said.images.contains(setting)) {
                    Some(setting) => said.images.push(setting),
                    None => return Err(error.into()),
                },
            }
        }
    }

    fn with(source: &str, said: &Said) -> Result<Self, SourceError> {
        let Said { images, text, answer, target, sound } = said;
        let images = (!images.is_empty()).then(|| format!("{{ {} }}", images.join(", ")));
        let mut settings = vec![Setting::text("data", "source", source)];
        settings.extend(images.iter().map(|images| Setting::new("data", "images", images)));
        settings.extend(sound.iter().map(|sound| Setting::new("data", "sound", sound)));
        let label = match target {
            Some(target) => Some(format!("targets = [{}]", quoted(target))),
            None => answer.as_ref().map(|label| format!("label = {}", quoted(label))),
        };
        let text = text.as_ref().map(|text| format!("text = {}", quoted(text)));
        let said: Vec<String> = text.into_iter().chain(label).collect();
        if !said.is_empty() {
            settings.push(Setting::new("data", "columns", format!("{{ {} }}", said.join(", "))));
        }
        let text = template::with(&settings);
        let (_, recipe) = recipe_file::from_bytes(Path::new("new.toml"), text.into_bytes(), &[])
            .map_err(|diagnostic| SourceError::Recipe(Box::new(diagnostic)))?;
        let config = recipe.data;
        let sets = DataSource::of(&config)?.load(&[], None)?;
        let spec = sets.train.spec();
        let counters: Vec<String> = sets.train.counters().iter().map(|name| quoted(name)).collect();
        let ignore = (!counters.is_empty()).then(|| format!("ignore = [{}]", counters.join(", ")));
        let pieces = (target.is_some() && sets.train.len() >= FEWEST_FOR_PIECES).then(|| PIECES.to_owned());
        let columns: Vec<String> = said.into_iter().chain(pieces).chain(ignore).collect();
        Ok(Self {
            input_shape: spec.input_shape.clone(),
            n_train: sets.train.len(),
            has_validation: sets.validation.is_some(),
            buckets: DataSource::buckets(&config),
            columns: (!columns.is_empty()).then(|| format!("{{ {} }}", columns.join(", "))),
            images,
            sound: sound.clone(),
            is_sound: sets.train.reading().is_some_and(|(name, _)| name == SOUND),
            is_wide: sets.train.columns().is_none() && is_wide(&*sets.train)?,
            guessed_label: answer.clone().filter(|_| target.is_none()),
            target: target.clone(),
            has_many_numbers: sets.train.columns().is_some()
                && are_many_numbers(&spec.classes, spec.classes.len(), sets.train.len()),
        })
    }

    pub(super) fn n_features(&self) -> usize {
        self.input_shape.iter().product()
    }
}

/// The column with what is right of a row: the one that was guessed, or that has a usual name.
fn answer_column(source: &str, said: &Said) -> Result<String, Diagnostic> {
    let header = TableFolder::header(Path::new(source))?.unwrap_or_default();
    let found = said.answer.clone().or_else(|| TableFolder::usual_label(&header).cloned());
    found.ok_or_else(|| Diagnostic::new(Code::Bug, "a table was read, and has no column with what is right of a row"))
}

/// Whether the names of classes, of which some are known, are rather numbers to predict: fractions, or more different ones than classes would have examples.
fn are_many_numbers(some: &[String], n_classes: usize, n_train: usize) -> bool {
    const MOST_CLASSES: usize = 100;
    let numbers: Option<Vec<f64>> = some.iter().map(|class| class.parse().ok()).collect();
    numbers.is_some_and(|numbers| {
        let has_fractions = numbers.iter().any(|number| number.fract() != 0.0);
        (has_fractions && n_classes > 10) || (n_classes > MOST_CLASSES && n_classes * 50 > n_train)
    })
}

/// Whether a row has a class that no row to train on has, and which is a number among many: one of few is rather a mistake.
fn is_number_as_class(error: &SourceError) -> bool {
    matches!(error, SourceError::Data(DataError::UnlistedClass { name, known, n_known, .. })
        if name.parse::<f64>().is_ok() && are_many_numbers(known, *n_known, *n_known))
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
