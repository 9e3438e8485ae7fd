mod error;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_audio::{
    ASTERISK_FOLDER, AudioError, Context, FilterbankConfig, Normalization, Parts, Recordings, asterisk_en,
};
use distill_datasets::{CifarFolder, DataError, Dataset, Images, Split, Subset, Unlabelled, mnist};
use distill_models::Provenance;
use distill_text::{NGrams, Paragraphs, Part, Snippets, TextError, TextSnippets, udhr};
use distill_train::{DataConfig, Recipe, Sets, TextConfig};

use crate::data_folder::{Folder, FolderOptions};
use crate::diagnostic::Diagnostic;
use crate::locate::locate;
use crate::memory::share;
use crate::recipe_file::{RecipeFile, nearest};

pub use error::SourceError;

/// What the training set of MNIST takes in memory: 60,000 images of 28 x 28 bytes with a label of four.
const MNIST_BYTES: u64 = 60_000 * (28 * 28 + 4);

/// Samples a second of `asterisk-en`.
const ASTERISK_RATE: u32 = 8000;

const MNIST: &str = "mnist";
const ASTERISK: &str = "asterisk-en";
const UDHR: &str = "udhr";
const CIFAR_10: &str = "cifar-10";

/// What the archive of CIFAR-10 unpacks to.
const CIFAR_10_FOLDER: &str = "cifar-10-batches-bin";

/// The sources that have a name, and what they are.
pub const KNOWN: [(&str, &str); 4] = [
    (MNIST, "handwritten digits, 60,000 images to train and 10,000 to test; part of the program"),
    (UDHR, "snippets of the Universal Declaration of Human Rights in 420 languages; part of the program"),
    (ASTERISK, "25 minutes of English prompts as 117 phone states; recordings from a package of Debian"),
    (CIFAR_10, "photographs of ten things, 50,000 to train and 10,000 to test; you fetch the files"),
];

/// Names in a folder that are compared with what was typed.
const MAX_BESIDE: usize = 1000;

/// Draws the snippets of a source: who compares models compares them on the same ones.
const SNIPPET_SEED: u64 = 1;

/// Where data comes from: a known name, a name with the folder of its files, or a folder of files.
#[derive(Debug)]
pub enum DataSource {
    /// `mnist`, which the program carries.
    Mnist,
    /// `asterisk-en`, and where the recordings are.
    AsteriskEn(PathBuf),
    /// `udhr`, which the program carries, and how it is cut into snippets.
    Udhr(TextConfig),
    /// `cifar-10`, whose files are somewhere.
    Cifar10(CifarFolder),
    /// Files of somebody.
    Folder(Folder),
}

impl DataSource {
    /// A source as it is where nothing more is said of it, such as `mnist` or the path of a folder.
    ///
    /// # Errors
    /// If there is no data of this name and no such path, or its files have no known form.
    pub fn open(source: &str) -> Result<Self, SourceError> {
        Self::open_as(source, FolderOptions::default())
    }

    /// A source that is read as it was for a model that takes inputs of a shape, whose file says the rest.
    ///
    /// # Errors
    /// As [`DataSource::open`].
    pub fn for_model(source: &str, provenance: &Provenance, input_shape: &[usize]) -> Result<Self, SourceError> {
        Self::open_as(source, FolderOptions::of_model(provenance, input_shape))
    }

    fn open_as(source: &str, options: FolderOptions) -> Result<Self, SourceError> {
        match (named_folder(source), source) {
            (Some((ASTERISK, folder)), _) => Ok(Self::AsteriskEn(folder.into())),
            (Some((_, folder)), _) => Ok(Self::Cifar10(CifarFolder::cifar_10(Path::new(folder))?)),
            (None, MNIST) => Ok(Self::Mnist),
            (None, UDHR) => Ok(Self::Udhr(TextConfig::default())),
            (None, folder) => match Folder::open(Path::new(folder), options) {
                Ok(folder) => Ok(Self::Folder(folder)),
                Err(error) if !Path::new(folder).exists() => Err(SourceError::Missing(error)),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The source of a recipe, with what the recipe says of it.
    ///
    /// # Errors
    /// As [`DataSource::open`], and [`SourceError::Fixed`] for a key that means nothing for this source.
    pub fn of(config: &DataConfig) -> Result<Self, SourceError> {
        let fixed = |key, note| Err(SourceError::Fixed { key, source: config.source.clone(), note });
        match Self::open_as(&config.source, FolderOptions::of(config))? {
            Self::Udhr(_) if config.text.is_some() => Ok(Self::Udhr(config.text.unwrap_or_default())),
            _ if config.text.is_some() => fixed("data.text", "nothing is cut from it"),
            Self::Folder(Folder::Table(folder)) => Ok(Self::Folder(Folder::Table(folder))),
            _ if config.columns.is_some() => {
                fixed("data.columns", "it is no folder with tables, such as `train.csv` and `test.csv`")
            }
            Self::Folder(Folder::Arrays(folder)) if config.images.is_some_and(|images| images.is_layout()) => {
                Ok(Self::Folder(Folder::Arrays(folder)))
            }
            _ if config.images.is_some_and(|images| images.layout.is_some()) => {
                fixed("data.images.layout", "it is what arrays of NumPy may need, and nothing else is said of them")
            }
            Self::Folder(Folder::Images(folder)) => Ok(Self::Folder(Folder::Images(folder))),
            Self::Folder(Folder::Cifar(folder)) if config.images.is_some_and(|images| images.coarse) => {
                Ok(Self::Folder(Folder::Cifar(folder)))
            }
            _ if config.images.is_some() => fixed("data.images", "it is no folder with image files"),
            source => Ok(source),
        }
    }

    /// Whether what it names lies where it is looked for.
    pub fn is_there(source: &str) -> bool {
        [MNIST, UDHR].contains(&source) || Path::new(folder_of(source)).exists()
    }

    /// Whether it is a folder with image files, which can be brought to any size.
    pub fn has_image_files(&self) -> bool {
        matches!(self, Self::Folder(Folder::Images(_)))
    }

    /// The same source with another path, if it has one.
    pub fn with_path(source: &str, path: impl Fn(&String) -> String) -> String {
        match named_folder(source) {
            // The recordings of a package lie where they lie.
            Some((ASTERISK, ASTERISK_FOLDER)) => source.to_owned(),
            Some((name, folder)) => format!("{name}:{}", path(&folder.to_owned())),
            None if [MNIST, UDHR].contains(&source) => source.to_owned(),
            None => path(&source.to_owned()),
        }
    }

    /// Whether inputs have sides along which they can be shifted: those of images, or time and frequency of speech.
    pub fn has_sides(source: &str) -> bool {
        source != UDHR
    }

    /// Whether inputs may be pictures, of which the sides are those of what they show.
    pub fn has_pictures(source: &str) -> bool {
        ![UDHR, ASTERISK].contains(&Self::kind(source))
    }

    /// The numbers that inputs are of, where they are no values: those of buckets.
    pub fn buckets(config: &DataConfig) -> Option<u32> {
        (config.source == UDHR).then(|| config.text.unwrap_or_default().buckets)
    }

    /// The test snippets that are drawn, those that are left out of the test set included; nothing if the source is no text.
    pub fn n_test_snippets(config: &DataConfig) -> Option<usize> {
        (config.source == UDHR).then(|| config.text.unwrap_or_default().test)
    }

    /// What data it is, apart from where it lies.
    pub fn kind(source: &str) -> &str {
        match named_folder(source) {
            Some((name, _)) => name,
            None if [MNIST, UDHR].contains(&source) => source,
            None => "folder",
        }
    }

    /// Opens all sets. `classes` are the names of the recipe, if it has any, and `memory` the bytes that
    /// each of the sets may take.
    ///
    /// # Errors
    /// If a file is missing or damaged, names of classes do not fit, or a set takes more memory than it may.
    pub fn load(&self, classes: &[String], memory: Option<u64>) -> Result<Sets, SourceError> {
        let classes = (!classes.is_empty()).then_some(classes);
        let bound = memory.unwrap_or(u64::MAX);
        match self {
            Self::Mnist if bound < MNIST_BYTES => {
                Err(DataError::MemoryBound { path: None, needed: MNIST_BYTES, bound }.into())
            }
            Self::Mnist => {
                let (train, test) = rayon::join(|| mnist(Split::Train), || mnist(Split::Test));
                let (train, test) = (rename(train?, classes)?, rename(test?, classes)?);
                Ok(Sets { train, validation: None, unlabelled: None, test })
            }
            Self::AsteriskEn(folder) => {
                let notes = [
                    "the classes are the phone states of the labels",
                    "features are kept once, 16 MB, and windows are gathered",
                ];
                refuse(ASTERISK, classes.is_some(), memory.is_some(), notes)?;
                let Parts { train, validation, test } = speech(folder)?;
                let validation = Some(Arc::new(validation) as Arc<dyn Dataset>);
                Ok(Sets { train: Arc::new(train), validation, unlabelled: None, test: Arc::new(test) })
            }
            Self::Udhr(config) => {
                let notes = [
                    "the classes are the languages of the text",
                    "no snippet is stored, they are cut when they are read",
                ];
                refuse(UDHR, classes.is_some(), memory.is_some(), notes)?;
                let paragraphs = Arc::new(udhr()?);
                let cut = |part, first, n| snippets(config, &paragraphs, part, first, n);
                let if_any = |part, first, n| match n {
                    0 => Ok(None),
                    n => cut(part, first, n).map(Some),
                };
                let unlabelled = if_any(Part::Train, config.train, config.unlabelled)?;
                Ok(Sets {
                    train: Arc::new(cut(Part::Train, 0, config.train)?),
                    validation: if_any(Part::Validation, 0, config.validation)?.map(|set| Arc::new(set) as _),
                    unlabelled: unlabelled.map(|set| Arc::new(Unlabelled::new(Arc::new(set))) as _),
                    test: Arc::new(test_snippets(config, &paragraphs)?.unseen),
                })
            }
            Self::Cifar10(folder) => {
                let bound = memory.unwrap_or_else(share);
                let (train, test) =
                    (folder.load(Split::Train, classes, bound)?, folder.load(Split::Test, classes, bound)?);
                Ok(Sets { train: Arc::new(train), validation: None, unlabelled: None, test: Arc::new(test) })
            }
            Self::Folder(folder) => {
                let train = folder.load(Split::Train, classes, memory)?;
                // Where nobody names the classes, the test set has those of the training set.
                let test = folder.load(Split::Test, Some(&train.spec().classes), memory)?;
                Ok(Sets { train, validation: None, unlabelled: None, test })
            }
        }
    }

    /// Speech with its utterances; nothing if the source is no speech.
    ///
    /// # Errors
    /// If recordings or labels are missing or damaged.
    pub fn speech(&self) -> Result<Option<Parts>, SourceError> {
        match self {
            Self::AsteriskEn(folder) => Ok(Some(speech(folder)?)),
            Self::Mnist | Self::Udhr(_) | Self::Cifar10(_) | Self::Folder(_) => Ok(None),
        }
    }

    /// Test snippets that are left out, as training paragraphs have their text too; nothing if the source is no text.
    ///
    /// # Errors
    /// If the settings of `data.text` leave no text.
    pub fn left_out(&self) -> Result<Option<Subset>, SourceError> {
        match self {
            Self::Udhr(config) => Ok(Some(test_snippets(config, &Arc::new(udhr()?))?.seen)),
            Self::Mnist | Self::AsteriskEn(_) | Self::Cifar10(_) | Self::Folder(_) => Ok(None),
        }
    }

    /// Reads the test set. Where the data names no classes it gets those of the model.
    ///
    /// # Errors
    /// As [`DataSource::load`].
    pub fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(match self {
            Self::Mnist => Arc::new(mnist(Split::Test)?),
            Self::AsteriskEn(folder) => Arc::new(speech(folder)?.test),
            Self::Udhr(config) => Arc::new(test_snippets(config, &Arc::new(udhr()?))?.unseen),
            Self::Cifar10(folder) => Arc::new(folder.load(Split::Test, None, share())?),
            Self::Folder(folder) => {
                let classes = folder.classes().is_none().then_some(model_classes);
                folder.load(Split::Test, classes, None)?
            }
        })
    }
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
        let is_packed = path.extension().is_some_and(|end| ["gz", "csv", "parquet"].iter().any(|other| end == *other));
        let bound = memory.unwrap_or_else(|| if is_packed { share() } else { u64::MAX });
        let inputs = Unlabelled::read(path, train.spec(), train.columns(), bound);
        sets.unlabelled = Some(Arc::new(inputs.map_err(|error| file.locate(error.into(), "data.unlabelled"))?));
    }
    Ok(sets)
}

/// The name and the folder of a source whose files are somewhere, such as `asterisk-en` or `asterisk-en:FOLDER`.
fn named_folder(source: &str) -> Option<(&'static str, &str)> {
    [(ASTERISK, ASTERISK_FOLDER), (CIFAR_10, CIFAR_10_FOLDER)].into_iter().find_map(|(name, usual)| {
        match source.strip_prefix(name)? {
            "" => Some((name, usual)),
            rest => rest.strip_prefix(':').map(|folder| (name, folder)),
        }
    })
}

fn folder_of(source: &str) -> &str {
    named_folder(source).map_or(source, |(_, folder)| folder)
}

/// The name of data, or the path of a folder beside, that was probably meant.
fn meant(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let beside: Vec<String> = entries
        .filter(|entry| entry.path().is_dir() || entry.path().extension().is_some_and(|end| end == "npz"))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .take(MAX_BESIDE)
        .collect();
    if parent.is_none()
        && let Some(known) = nearest(&name.to_lowercase(), KNOWN.iter().map(|(known, _)| *known))
    {
        return Some(known.to_owned());
    }
    let found = nearest(name, beside.iter().map(String::as_str))?;
    Some(path.with_file_name(found).to_string_lossy().into_owned())
}

/// The paper's windows: 26 frames of 40 bands, the label that of the 21st.
fn speech(folder: &Path) -> Result<Parts, AudioError> {
    let mut corpus = asterisk_en(folder, &FilterbankConfig::for_rate(ASTERISK_RATE), Recordings::Known)?;
    corpus.normalize(Normalization::Training)?;
    corpus.into_parts(Context::PAPER)
}

fn snippets(
    config: &TextConfig,
    text: &Arc<Paragraphs>,
    part: Part,
    first: usize,
    n: usize,
) -> Result<TextSnippets, TextError> {
    let snippets = Snippets::new(text.clone(), part, config.characters, SNIPPET_SEED)?;
    TextSnippets::starting_at(first, snippets, NGrams::new(config.n_gram, config.buckets)?, n)
}

/// The test snippets that are drawn.
struct TestSnippets {
    /// Those that models are measured on.
    unseen: Subset,
    /// Those whose text stands in a training paragraph too, drawn for training or not: so the test set stays the same
    /// however many snippets there are to learn from.
    seen: Subset,
}

fn test_snippets(config: &TextConfig, text: &Arc<Paragraphs>) -> Result<TestSnippets, SourceError> {
    let drawn = snippets(config, text, Part::Test, 0, config.test)?;
    let seen = drawn.found_in(Part::Train);
    let unseen: Vec<usize> = (0..drawn.len()).filter(|i| seen.binary_search(i).is_err()).collect();
    if unseen.is_empty() {
        return Err(TextError::AllSeen { n: drawn.len(), n_chars: config.characters }.into());
    }
    let drawn: Arc<dyn Dataset> = Arc::new(drawn);
    Ok(TestSnippets { unseen: Subset::new(drawn.clone(), unseen)?, seen: Subset::new(drawn, seen)? })
}

/// Refuses what a source has no use for: names of classes, and a bound on memory. `notes` say why.
fn refuse(source: &str, classes: bool, memory: bool, notes: [&'static str; 2]) -> Result<(), SourceError> {
    let found = [("data.classes", classes), ("data.memory", memory)];
    match found.into_iter().zip(notes).find(|((_, is_set), _)| *is_set) {
        Some(((key, _), note)) => Err(SourceError::Fixed { key, source: source.to_owned(), note }),
        None => Ok(()),
    }
}

fn rename(images: Images, classes: Option<&[String]>) -> Result<Arc<dyn Dataset>, DataError> {
    Ok(match classes {
        None => Arc::new(images),
        Some(classes) => Arc::new(images.with_classes(classes.to_vec())?),
    })
}
