mod cifar;
mod error;
mod folder;
mod mnist;
mod source;
mod speech;
mod text;
mod texts;

use std::path::Path;
use std::sync::Arc;

use distill_audio::Parts;
use distill_datasets::{DataError, Dataset, Subset, Texts, Unlabelled, is_table};
use distill_models::Provenance;
use distill_text::{Features, TextEncoder, TextRows};
use distill_train::{ColumnConfig, DataConfig, ImageConfig, Recipe, Sets, TextConfig, TextFeatures};

use crate::code::Code;
use crate::data_folder::FolderOptions;
use crate::diagnostic::Diagnostic;
use crate::locate::locate;
use crate::memory::share;
use crate::recipe_file::{RecipeFile, nearest};
use crate::text::{LENGTH, encoder, text_of};
use source::{Opened, Reads, Settings};

pub use error::SourceError;
pub use source::{Inputs, Source};

/// The sources that have a name. Any other name is the path of a folder.
pub static SOURCES: [&Source; 4] = [&mnist::MNIST, &text::UDHR, &speech::ASTERISK_EN, &cifar::CIFAR_10];

/// Names in a folder that are compared with what was typed.
const MAX_BESIDE: usize = 1000;

/// Where data comes from, opened: one of [`SOURCES`], or a folder of files.
#[derive(Debug)]
pub struct DataSource(Box<dyn Opened>);

impl DataSource {
    /// A source as it is where nothing more is said of it, such as `mnist` or the path of a folder.
    ///
    /// # Errors
    /// If there is no data of this name and no such path, or its files have no known form.
    pub fn open(source: &str) -> Result<Self, SourceError> {
        Self::open_as(source, Settings::default())
    }

    /// A source that is read as it was for a model that takes inputs of a shape, whose file says the rest.
    ///
    /// # Errors
    /// As [`DataSource::open`].
    pub fn for_model(source: &str, provenance: &Provenance, input_shape: &[usize]) -> Result<Self, SourceError> {
        let folder = FolderOptions::of_model(provenance, input_shape);
        let text = text_of(provenance);
        let settings = text.map(|text| Settings { columns: text.columns(), text: text.config, ..Settings::default() });
        Self::open_as(source, Settings { folder, ..settings.unwrap_or_default() })
    }

    fn open_as(source: &str, settings: Settings) -> Result<Self, SourceError> {
        match named(source) {
            Some((named, folder)) => (named.open)(Path::new(folder.or(named.folder).unwrap_or_default()), settings),
            None if settings.columns.is_some() => texts::open(Path::new(source), settings),
            None => folder::open(Path::new(source), settings),
        }
        .map(Self)
    }

    /// The source of a recipe, with what the recipe says of it.
    ///
    /// # Errors
    /// As [`DataSource::open`], and [`SourceError::Fixed`] for a key that means nothing for this source.
    pub fn of(config: &DataConfig) -> Result<Self, SourceError> {
        let label = config.columns.as_ref().and_then(|columns| columns.label.clone());
        let columns = config.text_column().map(|text| (text.to_owned(), label));
        let settings = Settings { text: config.text.unwrap_or_default(), columns, folder: FolderOptions::of(config) };
        let opened = Self::open_as(&config.source, settings)?;
        let (reads, images) = (opened.0.reads(), config.images.as_ref());
        let reads_images = match reads {
            Reads::Images => images.is_none_or(|images| images.layout.is_none()),
            Reads::Layout => images.is_none_or(ImageConfig::is_layout),
            Reads::Coarse => images.is_none_or(|images| images.coarse),
            _ => images.is_none(),
        };
        let has_layout = images.is_some_and(|images| images.layout.is_some());
        let (text, note) = match (config.text, reads) {
            (None, _) | (_, Reads::Text) => (None, ""),
            (Some(text), Reads::Texts) => {
                (texts::of_snippets(text), "the rows of its tables are the texts, and nothing is cut from them")
            }
            (_, Reads::Columns) => {
                (Some("data.text"), "no column of its tables is a text: name one in `data.columns.text`")
            }
            _ => (Some("data.text"), "nothing is cut from it"),
        };
        let unread = [
            (text.unwrap_or_default(), text.is_some(), note),
            (
                "data.columns",
                config.columns.as_ref().is_some_and(|columns| match reads {
                    Reads::Columns | Reads::Texts => false,
                    // Arrays have numbers to predict, and no columns else.
                    Reads::Layout => !columns.are_targets(),
                    _ => true,
                }),
                "it is neither a table nor a folder of tables, such as `train.csv` and `test.csv`",
            ),
            (
                "data.columns.split",
                config.columns.as_ref().is_some_and(ColumnConfig::divides) && Path::new(&config.source).is_dir(),
                "a folder has a table for each set; `split` and `test` divide the rows of one table",
            ),
            (
                "data.group",
                config.group.is_some()
                    && !matches!(reads, Reads::Columns | Reads::Texts | Reads::Images | Reads::Sound),
                "its examples have neither columns nor files of their own that could say it",
            ),
            ("data.sound", config.sound.is_some() && reads != Reads::Sound, "it is not a folder of sound files"),
            (
                "data.images.layout",
                has_layout && reads != Reads::Layout,
                "the layout is for arrays of NumPy, which have no other setting",
            ),
            ("data.images", !reads_images, "it is not a folder of image files"),
        ];
        match unread.into_iter().find(|(_, is_unread, _)| *is_unread) {
            Some((key, _, note)) => Err(SourceError::Fixed { key, source: config.source.clone(), note }),
            None => Ok(opened),
        }
    }

    /// Whether what it names lies where it is looked for.
    pub fn is_there(source: &str) -> bool {
        match named(source) {
            Some((named, folder)) => folder.or(named.folder).is_none_or(|folder| Path::new(folder).exists()),
            None => Path::new(source).exists(),
        }
    }

    /// Whether it is a folder with image files, which can be brought to any size.
    pub fn has_image_files(&self) -> bool {
        self.0.reads() == Reads::Images
    }

    /// The same source with another path, if it has one.
    pub fn with_path(source: &str, path: impl Fn(&String) -> String) -> String {
        match named(source) {
            Some((named, folder)) => {
                // The usual folder of a source may be one of where the program is started.
                let usual = named.folder.filter(|folder| Path::new(folder).is_relative());
                match folder.or(usual) {
                    Some(folder) => format!("{}:{}", named.name, path(&folder.to_owned())),
                    None => source.to_owned(),
                }
            }
            None => path(&source.to_owned()),
        }
    }

    /// Whether inputs have sides along which they can be shifted: those of images, or time and frequency of speech.
    pub fn has_sides(source: &str) -> bool {
        inputs(source) == Inputs::Values
    }

    /// Whether inputs may be pictures, of which the sides are those of what they show.
    pub fn has_pictures(source: &str) -> bool {
        named(source).is_none_or(|(named, _)| named.has_pictures)
    }

    /// The numbers that inputs are of, where they are those of buckets.
    pub fn buckets(config: &DataConfig) -> Option<u32> {
        let text = text(config)?;
        (text.features == TextFeatures::NGrams).then_some(text.buckets)
    }

    /// The same where they are those of tokens in their order, 0 being padding.
    pub fn tokens(config: &DataConfig) -> Option<usize> {
        let text = text(config)?;
        (text.features == TextFeatures::Bytes).then_some(Features::TOKENS)
    }

    /// The test snippets that are drawn, those that are left out of the test set included; nothing if the source is not text.
    pub fn n_test_snippets(config: &DataConfig) -> Option<usize> {
        (inputs(&config.source) == Inputs::Buckets).then(|| config.text.unwrap_or_default().test)
    }

    /// What data it is, apart from where it lies.
    pub fn kind(source: &str) -> &str {
        named(source).map_or("folder", |(named, _)| named.name)
    }

    /// Opens all sets. `classes` are the names of the recipe, if it has any, and `memory` the bytes that
    /// each of the sets may take.
    ///
    /// # Errors
    /// If a file is missing or damaged, names of classes do not fit, or a set takes more memory than it may.
    pub fn load(&self, classes: &[String], memory: Option<u64>) -> Result<Sets, SourceError> {
        self.0.load((!classes.is_empty()).then_some(classes), memory)
    }

    /// Speech with its utterances; nothing if the source is not speech.
    ///
    /// # Errors
    /// If recordings or labels are missing or damaged.
    pub fn speech(&self) -> Result<Option<Parts>, SourceError> {
        self.0.speech()
    }

    /// Test snippets that are left out, as training paragraphs have their text too; nothing if the source is not text.
    ///
    /// # Errors
    /// If the settings of `data.text` leave no text.
    pub fn left_out(&self) -> Result<Option<Subset>, SourceError> {
        self.0.left_out()
    }

    /// Reads the test set. Where the data names no classes it gets those of the model.
    ///
    /// # Errors
    /// As [`DataSource::load`].
    pub fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        self.0.load_test(model_classes)
    }
}

/// The source that has this name, and the folder that is named with it: `NAME`, or `NAME:FOLDER` where it reads files.
fn named(source: &str) -> Option<(&'static Source, Option<&str>)> {
    SOURCES.into_iter().find_map(|named| match source.strip_prefix(named.name)? {
        "" => Some((named, None)),
        rest => named.folder.and(rest.strip_prefix(':')).map(|folder| (named, Some(folder))),
    })
}

fn inputs(source: &str) -> Inputs {
    named(source).map_or(Inputs::Values, |(named, _)| named.inputs)
}

/// How text is read, where inputs are text.
fn text(config: &DataConfig) -> Option<TextConfig> {
    let is_text = inputs(&config.source) == Inputs::Buckets || config.text_column().is_some();
    is_text.then(|| config.text.unwrap_or_default())
}

/// How the texts of a table become numbers.
///
/// # Errors
/// [`SourceError::Text`] if the settings of `data.text` leave no text.
pub(crate) fn texts_encoder(config: &DataConfig) -> Result<TextEncoder, SourceError> {
    Ok(encoder(&config.text.unwrap_or_default(), LENGTH)?)
}

/// Reads a table of texts that have no classes, or none that count, as the tables of a recipe are read.
///
/// # Errors
/// If the recipe has no column of text, or the table cannot be read.
pub fn read_texts(config: &DataConfig, path: &Path, classes: &[String]) -> Result<Arc<dyn Dataset>, Diagnostic> {
    texts_of(config, path, classes, share())
}

fn texts_of(config: &DataConfig, path: &Path, classes: &[String], bound: u64) -> Result<Arc<dyn Dataset>, Diagnostic> {
    let column = config.text_column().ok_or_else(|| {
        Diagnostic::new(Code::Value, "no column is a text")
            .at("data.columns.text")
            .help("name the column with the texts in `data.columns.text`")
    })?;
    let texts = Texts::unlabelled(path, column, classes.to_vec(), bound)?;
    Ok(Arc::new(Unlabelled::new(Arc::new(TextRows::new(texts, texts_encoder(config)?)))))
}

/// Reads the sets that a recipe names.
///
/// # Errors
/// If data is missing, damaged or too large, with the place of the key that names it.
pub fn read_data(file: &RecipeFile, recipe: &Recipe) -> Result<Sets, Diagnostic> {
    let memory = recipe.data.memory_bytes().map_err(|problem| file.problem(&problem))?;
    let unreadable = |error: SourceError| match error {
        SourceError::Data(error) => locate(file, recipe, error.into()),
        SourceError::Speech(error) => file.locate(error.into(), "data.source"),
        SourceError::Recipe(diagnostic) => *diagnostic,
        error @ SourceError::Missing(_) => file.locate(error.into(), "data.source"),
        error @ SourceError::Text(_) => file.locate(error.into(), "data.text"),
        error @ SourceError::Fixed { key, .. } => file.locate(error.into(), key),
    };
    let sets = DataSource::of(&recipe.data).and_then(|source| source.load(recipe.data.classes.list(), memory));
    let mut sets = sets.map_err(unreadable)?;
    if let Some(path) = &recipe.data.unlabelled {
        let train = &sets.train;
        let path = Path::new(path);
        let is_packed = is_table(path) || path.extension().is_some_and(|end| end == "gz");
        let bound = memory.unwrap_or_else(|| if is_packed { share() } else { u64::MAX });
        let cannot = |error: DataError| file.locate(error.into(), "data.unlabelled");
        sets.unlabelled = Some(match recipe.data.text_column() {
            Some(_) => {
                let texts = texts_of(&recipe.data, path, &train.spec().classes, bound);
                texts.map_err(|diagnostic| file.locate(diagnostic, "data.unlabelled"))?
            }
            None => Arc::new(Unlabelled::read(path, train.spec(), train.columns(), bound).map_err(cannot)?),
        });
    }
    Ok(sets)
}

/// The name of data, or the path of a folder beside, that was probably meant.
fn meant(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let beside: Vec<String> = entries
        .filter(|entry| {
            let path = entry.path();
            path.is_dir() || path.extension().is_some_and(|end| end == "npz") || is_table(&path)
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .take(MAX_BESIDE)
        .collect();
    if parent.is_none()
        && let Some(known) = nearest(&name.to_lowercase(), SOURCES.iter().map(|source| source.name))
    {
        return Some(known.to_owned());
    }
    let found = nearest(name, beside.iter().map(String::as_str))?;
    Some(path.with_file_name(found).to_string_lossy().into_owned())
}
