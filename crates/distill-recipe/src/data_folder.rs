use std::path::Path;
use std::sync::Arc;

pub use distill_audio::SOUND;
use distill_audio::{SoundFolder, SoundFormat, SoundOptions};
use distill_datasets::{
    ArrayFolder, ArrayLayout, CifarFolder, ColumnOptions, Columns, DataError, Dataset, Division, FileDivision,
    GroupPattern, Grouped, IdxFolder, ImageFolder, ImageOptions, Split, TableFolder,
};
use distill_models::Provenance;
use distill_train::{ColumnConfig, DataConfig, ImageConfig, ImageLayout, SoundConfig};

use crate::{memory, text};

/// Under these names a model's file says how what it was trained on was read.
const COLUMNS: &str = "columns";
const DIVISION: &str = "division";
const IMAGES: &str = "images";
const TARGETS: &str = "targets";

/// How files are read that can be read in several ways.
#[derive(Debug, Default)]
pub struct FolderOptions {
    column_options: ColumnOptions,
    /// What columns mean to a model. Else it is learnt from the table to train on.
    columns: Option<Columns>,
    /// Which rows of one table are which set.
    pub(crate) division: Division,
    images: ImageOptions,
    sound: SoundOptions,
    /// How recordings are read for a model. Else it is learnt from those to train on.
    format: Option<SoundFormat>,
    /// Whether the classes of CIFAR-100 are its twenty coarse ones.
    coarse: bool,
    /// Where the colours are in arrays.
    layout: Option<ArrayLayout>,
    /// The shape of what a model takes.
    expected: Option<Vec<usize>>,
}

impl FolderOptions {
    /// As a recipe says.
    pub(crate) fn of(config: &DataConfig) -> Self {
        let ColumnConfig { label, targets, ignore, categorical, fold, decimal, pieces, rare, .. } =
            config.columns.clone().unwrap_or_default();
        Self {
            column_options: ColumnOptions { label, targets, ignore, categorical, fold, decimal, pieces, rare },
            columns: None,
            division: division(config),
            images: options(config.images.unwrap_or_default()),
            sound: sound(config.sound.unwrap_or_default()),
            format: None,
            coarse: config.images.is_some_and(|images| images.coarse),
            layout: config.images.and_then(layout),
            expected: None,
        }
    }

    /// As it was for a model that takes inputs of a shape, whose file says the rest.
    pub(crate) fn of_model(provenance: &Provenance, input_shape: &[usize]) -> Self {
        let targets = provenance.get(TARGETS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self {
            column_options: ColumnOptions { targets, ..ColumnOptions::default() },
            columns: columns_of(provenance),
            division: division_of(provenance),
            images: images_of(provenance),
            format: sound_of(provenance),
            coarse: config_of(provenance).coarse,
            layout: layout_of(provenance),
            expected: Some(input_shape.to_vec()),
            ..Self::default()
        }
    }
}

/// Where the colours were in the arrays that a model was trained on, where someone said so.
pub fn layout_of(provenance: &Provenance) -> Option<ArrayLayout> {
    layout(config_of(provenance))
}

fn layout(config: ImageConfig) -> Option<ArrayLayout> {
    config.layout.map(|layout| match layout {
        ImageLayout::Nchw => ArrayLayout::ChannelsFirst,
        ImageLayout::Nhwc => ArrayLayout::ChannelsLast,
    })
}

/// What was made of the images that a model was trained on.
pub fn images_of(provenance: &Provenance) -> ImageOptions {
    options(config_of(provenance))
}

fn config_of(provenance: &Provenance) -> ImageConfig {
    provenance.get(IMAGES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// How recordings were read for a model that was trained on some.
pub fn sound_of(provenance: &Provenance) -> Option<SoundFormat> {
    provenance.get(SOUND).and_then(|text| serde_json::from_str(text).ok())
}

fn sound(config: SoundConfig) -> SoundOptions {
    let SoundConfig { seconds, window_ms, step_ms, bands, coefficients } = config;
    SoundOptions { seconds, window_ms, step_ms, bands, coefficients }
}

/// Seconds of the longest training recording in a folder of recordings; `None` for another folder.
///
/// # Errors
/// If the folder or a recording cannot be read.
pub fn longest_recording(path: &Path) -> Result<Option<f64>, DataError> {
    let folder = SoundFolder::find(path, SoundOptions::default(), &FileDivision::default())?;
    folder.map(|folder| folder.longest()).transpose()
}

/// What the columns of a table are to a model that was trained on one.
pub fn columns_of(provenance: &Provenance) -> Option<Columns> {
    provenance.get(COLUMNS).and_then(|text| serde_json::from_str(text).ok())
}

/// Which rows of one table, or which files, are which set, as a recipe says.
fn division(config: &DataConfig) -> Division {
    let ColumnConfig { split, test, .. } = config.columns.clone().unwrap_or_default();
    Division { column: split, test: test.or(config.test), group: config.group.clone() }
}

/// The same as a model's file has it.
fn division_of(provenance: &Provenance) -> Division {
    provenance.get(DIVISION).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What a model's file says of how its data was read.
pub fn remember(config: &DataConfig, train: &dyn Dataset) -> Provenance {
    let columns = train.columns().and_then(|columns| serde_json::to_string(columns).ok());
    let images = config.images.and_then(|images| serde_json::to_string(&images).ok());
    // Whoever tests the model later tests it on rows that it was not trained on.
    let division = division(config);
    let division = (division != Division::default()).then(|| serde_json::to_string(&division).ok()).flatten();
    // The columns of a table say themselves which are to be predicted.
    let names = config.columns.as_ref().map(|columns| &columns.targets);
    let targets = names.filter(|names| !names.is_empty() && train.columns().is_none());
    let targets = targets.and_then(|names| serde_json::to_string(names).ok());
    let found = [(COLUMNS, columns), (DIVISION, division), (IMAGES, images), (TARGETS, targets)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let found = found.chain(train.reading()).map(|(name, value)| (name.to_owned(), value));
    found.chain(text::remember(config)).collect()
}

/// Whether a model's file says how its data was read.
pub fn is_remembered(provenance: &Provenance) -> bool {
    [COLUMNS, DIVISION, IMAGES, TARGETS, SOUND, text::TEXT].iter().any(|name| provenance.contains_key(*name))
}

fn options(ImageConfig { size, crop, grey, .. }: ImageConfig) -> ImageOptions {
    ImageOptions { size, crop, grey }
}

/// A folder with training and test set, in one of the forms that are known by the names of their files.
#[derive(Debug)]
pub enum Folder {
    /// Four IDX files, as MNIST has them.
    Idx(IdxFolder),
    /// The binary files of CIFAR-10 or CIFAR-100.
    Cifar(CifarFolder),
    /// `x_train.npy` and the like, or one `.npz` with these names.
    Arrays(ArrayFolder),
    /// `train.csv` and `test.csv`, or Parquet; or one table. And the column that says which rows belong together.
    Table(TableFolder, Option<String>),
    /// PNG and JPEG files, `train/CLASS/NAME.png`.
    Images(ImageFolder),
    /// WAV files, `train/CLASS/NAME.wav`.
    Sounds(SoundFolder),
}

impl Folder {
    /// Finds out which of these forms a folder has, by the names of its files.
    ///
    /// # Errors
    /// If it has none of them, or a file that says what is in the others cannot be read.
    pub fn open(path: &Path, options: FolderOptions) -> Result<Self, DataError> {
        if let Some(found) = CifarFolder::find(path, options.coarse)? {
            return Ok(Self::Cifar(found));
        }
        if let Some(found) = ArrayFolder::find(path)? {
            let found = found.with_layout(options.layout, options.expected);
            return Ok(Self::Arrays(found.with_targets(options.column_options.targets)));
        }
        let tables = match options.columns {
            Some(columns) => TableFolder::with_columns(path, columns, &options.division)?,
            None => TableFolder::find(path, &options.column_options, &options.division)?,
        };
        if let Some(found) = tables {
            return Ok(Self::Table(found, options.division.group));
        }
        let Division { test, group, .. } = options.division;
        let group = group.map(|pattern| GroupPattern::new(&pattern)).transpose().map_err(|problem| {
            let problem = format!("cannot be divided by `data.group`, which is no regular expression: {problem}");
            DataError::Content { path: path.to_owned(), problem }
        })?;
        let division = FileDivision { test, group };
        let found = match SoundFolder::find(path, options.sound, &division)? {
            Some(found) => {
                let is_divided = found.is_divided_here();
                let found = match options.format {
                    Some(format) => found.with_format(format),
                    None => found,
                };
                Some((is_divided, Self::Sounds(found)))
            }
            None => {
                let found = ImageFolder::find(path, options.images, &division)?;
                found.map(|found| (found.is_divided_here(), Self::Images(found)))
            }
        };
        match found {
            // Folders of pictures may lie beside files that are the data.
            Some((true, found)) => Ok(IdxFolder::open(path).map_or(found, Self::Idx)),
            Some((false, found)) => Ok(found),
            None => IdxFolder::open(path).map(Self::Idx),
        }
    }

    /// What it is made of, for people.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Idx(_) => "IDX files",
            Self::Cifar(_) => "the files of CIFAR",
            Self::Arrays(_) => "arrays of NumPy",
            Self::Table(..) => "tables",
            Self::Images(_) => "images",
            Self::Sounds(_) => "recordings",
        }
    }

    /// The names that the folder gives the classes.
    pub(crate) fn classes(&self) -> Option<&[String]> {
        match self {
            Self::Idx(folder) => folder.classes(),
            Self::Cifar(folder) => folder.classes(),
            Self::Arrays(folder) => folder.classes(),
            Self::Table(folder, _) => folder.is_listed().then(|| folder.classes()),
            Self::Images(folder) => folder.is_listed().then(|| folder.classes()),
            Self::Sounds(folder) => folder.is_listed().then(|| folder.classes()),
        }
    }

    /// Whether it has examples to choose settings on.
    ///
    /// # Errors
    /// If an archive cannot be read.
    pub fn has_validation(&self) -> Result<bool, DataError> {
        match self {
            Self::Idx(folder) => Ok(folder.has_validation()),
            Self::Cifar(_) => Ok(false),
            Self::Arrays(folder) => folder.has_validation(),
            Self::Table(folder, _) => Ok(folder.has_validation()),
            Self::Images(folder) => Ok(folder.has_validation()),
            Self::Sounds(folder) => Ok(folder.has_validation()),
        }
    }

    /// One of the sets within so many bytes of memory, by default a share of what is free.
    ///
    /// Plain IDX files and arrays are the exception. They take no more than four times their length, and one that is larger
    /// than a bound has another order on the disk, which must not depend on what else runs.
    ///
    /// # Errors
    /// If a file is missing or damaged, two do not belong together, a label names no class, or the set takes more than the
    /// bound.
    pub fn load(
        &self,
        split: Split,
        classes: Option<&[String]>,
        memory: Option<u64>,
    ) -> Result<Arc<dyn Dataset>, DataError> {
        let is_plain = match self {
            Self::Idx(folder) => {
                folder.files().into_iter().flatten().all(|path| path.extension().is_none_or(|end| end != "gz"))
            }
            Self::Arrays(folder) => !folder.is_npz(),
            Self::Cifar(_) | Self::Table(..) | Self::Images(_) | Self::Sounds(_) => false,
        };
        let bound = memory.unwrap_or_else(|| if is_plain { u64::MAX } else { memory::share() });
        match self {
            Self::Idx(folder) => folder.load_within(split, classes, bound),
            Self::Cifar(folder) => Ok(Arc::new(folder.load(split, classes, bound)?)),
            Self::Arrays(folder) => folder.load(split, classes, bound),
            Self::Table(folder, group) => {
                let rows: Arc<dyn Dataset> = Arc::new(folder.load(split, classes, bound)?);
                let groups = group.as_deref().map(|group| folder.groups(split, group)).transpose()?.flatten();
                Ok(grouped(rows, groups))
            }
            Self::Images(folder) => {
                Ok(grouped(folder.load_within(split, classes, bound)?, folder.groups(split, classes)?))
            }
            Self::Sounds(folder) => {
                Ok(grouped(Arc::new(folder.load(split, classes, bound)?), folder.groups(split, classes)?))
            }
        }
    }
}

/// A set with the group of each example, where that is known.
pub(crate) fn grouped(set: Arc<dyn Dataset>, groups: Option<Vec<String>>) -> Arc<dyn Dataset> {
    match groups {
        Some(names) => Arc::new(Grouped::new(set, &names)),
        None => set,
    }
}
