#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::Array2;

use crate::layout::ChannelsFirst;
use crate::npy::Array;
use crate::npz::Npz;
use crate::{ArrayLayout, DataError, DataSpec, Dataset, DiskRows, Images, Numbered, Split, Table, classes};

/// A folder with arrays that `numpy.save` wrote, or one file of `numpy.savez` with the same names.
///
/// ```text
/// x_train.npy    y_train.npy    inputs, one example after the other along the first side, and their classes
/// x_test.npy     y_test.npy
/// x_validation.npy, y_validation.npy    optional, or x_val.npy and y_val.npy
/// classes.txt                           optional: the names of the classes, one per line
/// ```
/// Inputs may have any number of sides and are f4, f8 or whole numbers. Those of u1 with three sides or four are images: they
/// are divided by 255, and an example with two sides has one channel, `[1, height, width]`. All others are taken as they are.
/// Where inputs have three sides and the last looks like colours, the folder has to be [told](ArrayFolder::with_layout) where they are.
/// Classes are whole numbers from 0 on; numbers to predict, any finite ones, have to be [named](ArrayFolder::with_targets).
#[derive(Debug, Clone)]
pub struct ArrayFolder {
    place: ArrayPlace,
    classes: Option<Vec<String>>,
    /// What the numbers to predict are called, where there are no classes.
    targets: Vec<String>,
    layout: Option<ArrayLayout>,
    expected: Option<Vec<usize>>,
}

/// Where arrays are: a folder with a file for each, or one file with all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrayPlace {
    /// A folder with `.npy` files.
    Folder(PathBuf),
    /// An `.npz` file.
    Npz(PathBuf),
}

impl ArrayPlace {
    /// What a path is by its name and kind.
    pub fn new(path: &Path) -> Self {
        let is_npz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz")) && !path.is_dir();
        if is_npz { Self::Npz(path.to_owned()) } else { Self::Folder(path.to_owned()) }
    }

    /// Where an array is, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        let (Self::Folder(path) | Self::Npz(path)) = self;
        path.join(format!("{name}.npy"))
    }

    /// Opens an array; `None` if no array has that name.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn open(&self, name: &str) -> Result<Option<Array<Box<dyn Read + Send>>>, DataError> {
        match self {
            Self::Folder(_) => match Array::open(&self.path(name)) {
                Err(DataError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
                found => found.map(Some),
            },
            Self::Npz(path) => Npz::open(path)?.array(name),
        }
    }

    fn has(&self, name: &str) -> Result<bool, DataError> {
        match self {
            Self::Folder(_) => Ok(self.path(name).is_file()),
            Self::Npz(_) => Ok(self.open(name)?.is_some()),
        }
    }

    /// Opens an array that has to be there.
    ///
    /// # Errors
    /// The same, but a missing array is [`DataError::Io`].
    pub fn expect(&self, name: &str) -> Result<Array<Box<dyn Read + Send>>, DataError> {
        let missing = || DataError::Io { path: self.path(name), source: std::io::ErrorKind::NotFound.into() };
        self.open(name)?.ok_or_else(missing)
    }

    /// The class names of `classes.txt` in the folder, if there is one.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`].
    pub fn classes(&self) -> Result<Option<Vec<String>>, DataError> {
        let Self::Folder(dir) = self else { return Ok(None) };
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        list.map(|path| classes::read(&path)).transpose()
    }
}

impl ArrayFolder {
    /// Looks for the inputs of training or tests, and reads the class names. `None` if there are none.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`].
    pub fn find(path: &Path) -> Result<Option<Self>, DataError> {
        let place = ArrayPlace::new(path);
        let found = match &place {
            ArrayPlace::Folder(_) => [TRAIN, TEST].iter().any(|[inputs, _]| place.path(inputs).is_file()),
            ArrayPlace::Npz(path) => path.exists(),
        };
        let classes = if found { place.classes()? } else { None };
        Ok(found.then_some(Self { place, classes, targets: vec![], layout: None, expected: None }))
    }

    /// The same arrays, whose colours are where `layout` says. `expected` is the shape of inputs, where it is known: that of a model
    /// that is to take them.
    #[must_use]
    pub fn with_layout(self, layout: Option<ArrayLayout>, expected: Option<Vec<usize>>) -> Self {
        Self { layout, expected, ..self }
    }

    /// The same arrays, whose `y` are numbers to predict of these names, one for each column, in the place of classes.
    #[must_use]
    pub fn with_targets(self, targets: Vec<String>) -> Self {
        Self { targets, ..self }
    }

    /// Whether it is one file with all arrays.
    pub fn is_npz(&self) -> bool {
        matches!(self.place, ArrayPlace::Npz(_))
    }

    /// Whether there are inputs to choose settings on.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn has_validation(&self) -> Result<bool, DataError> {
        self.place.has(self.names(Split::Validation)?[0])
    }

    /// The names of inputs and classes.
    fn names(&self, split: Split) -> Result<[&'static str; 2], DataError> {
        Ok(match split {
            Split::Train => TRAIN,
            Split::Validation if self.place.has(VAL[0])? => VAL,
            Split::Validation => VALIDATION,
            Split::Test => TEST,
        })
    }

    /// The class names of `classes.txt`.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// Reads one split. The classes are called as `classes` says, or else as `classes.txt` does, or else by number up to the
    /// largest of this split. `bound` is the most memory that it may take, in bytes: inputs in a file of their own stay on
    /// the disk as [`DiskRows`] if they are larger.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`] of the files, [`DataError::CountMismatch`], [`DataError::MemoryBound`], and the
    /// errors of [`Images::new`] and [`Table::new`].
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Arc<dyn Dataset>, DataError> {
        let names = self.names(split)?;
        let [inputs_path, labels_path] = names.map(|name| self.place.path(name));
        let [inputs, labels] = names.map(|name| self.place.expect(name));
        let (inputs, labels) = (inputs?, labels?);
        let content = |path: &Path, problem: String| DataError::Content { path: path.to_owned(), problem };
        let n_labels = match (labels.shape[..].split_first(), self.targets.len()) {
            (Some((&n, [] | [1])), 0) if labels.kind.is_whole() => n,
            (Some((&n, [])), 1) => n,
            (Some((&n, &[columns])), n_targets) if n_targets == columns => n,
            (_, 1..) => {
                let (shape, names) = (&labels.shape, &self.targets);
                let problem = format!("has the shape {shape:?}, expected a column for each of {names:?} to predict");
                return Err(content(&labels_path, problem));
            }
            (Some((_, [] | [_])), 0) if !labels.kind.is_whole() => {
                let problem = format!(
                    "has {:?}, expected one whole number for each example: name numbers to predict in \
                     `data.columns.targets`, such as `columns = {{ targets = [\"y\"] }}`",
                    labels.kind
                );
                return Err(content(&labels_path, problem));
            }
            _ => {
                let problem = format!(
                    "has {:?} of shape {:?}, expected one whole number for each example",
                    labels.kind, labels.shape
                );
                return Err(content(&labels_path, problem));
            }
        };
        let Some((&n, sides)) = inputs.shape.split_first().filter(|(_, sides)| !sides.is_empty()) else {
            let problem = format!("has the shape {:?}, expected the examples along its first side", inputs.shape);
            return Err(content(&inputs_path, problem));
        };
        if n != n_labels {
            return Err(DataError::CountMismatch {
                images_path: inputs_path,
                images: n,
                labels_path,
                labels: n_labels,
            });
        }
        let is_image = inputs.is_images();
        let layout = ArrayLayout::of(sides, self.layout, self.expected.as_deref());
        let layout = layout.map_err(|problem| content(&inputs_path, problem))?;
        let input_shape = if is_image && sides.len() == 2 { [&[1], sides].concat() } else { layout.shape(sides) };
        let features = sides.iter().fold(1_u64, |product, &side| product.saturating_mul(side as u64));
        let needed = (n as u64).saturating_mul(if is_image {
            features.saturating_add(4)
        } else {
            features.saturating_mul(4).saturating_add(4)
        });
        let on_disk = needed > bound;
        if on_disk && matches!(self.place, ArrayPlace::Npz(_)) {
            return Err(DataError::MemoryBound { path: Some(inputs_path), needed, bound });
        }
        if !self.targets.is_empty() {
            let numbers = self.numbers(labels, n, &labels_path)?;
            let spec = DataSpec::new(input_shape, self.targets.clone());
            let data = with_labels(inputs, &inputs_path, spec, vec![0; n], layout, on_disk.then_some(bound));
            return Ok(Arc::new(Numbered::new(data.map_err(|error| error.in_file(&inputs_path))?, numbers)));
        }
        let labels = labels.into_labels().map_err(|source| DataError::reading(&labels_path, source))?;
        if let Some(at) = labels.iter().position(Option::is_none) {
            let problem = format!("gives example {at} a class below 0, or above {}", u32::MAX);
            return Err(content(&labels_path, problem));
        }
        let labels: Vec<u32> = labels.into_iter().flatten().collect();
        let numbers = || (0..=labels.iter().copied().max().unwrap_or(0)).map(|label| label.to_string()).collect();
        let names = classes.or(self.classes()).map(<[String]>::to_vec);
        let at = |error: DataError| match error {
            // A place in this file is not where one of IDX would have it.
            DataError::LabelOutOfRange { .. } => error,
            _ => error.in_file(&inputs_path),
        };
        // Where every number names a class, no more of them than can be told apart are made up.
        if names.is_none() && labels.iter().any(|&label| label as usize >= MAX_CLASSES) {
            let problem = format!("has classes of {MAX_CLASSES} and more, name them in `classes.txt`");
            return Err(content(&labels_path, problem));
        }
        let names: Vec<String> = names.unwrap_or_else(numbers);
        let spec = DataSpec::new(input_shape, names);
        with_labels(inputs, &inputs_path, spec, labels, layout, on_disk.then_some(bound)).map_err(at)
    }
}

impl ArrayFolder {
    /// The numbers to predict of `n` examples.
    fn numbers(&self, array: Array<Box<dyn Read + Send>>, n: usize, path: &Path) -> Result<Array2<f32>, DataError> {
        let values = array.into_f32().map_err(|source| DataError::reading(path, source))?;
        let content = |problem: String| DataError::Content { path: path.to_owned(), problem };
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let example = at / self.targets.len();
            return Err(content(format!("has {} to predict for example {example}, not a finite number", values[at])));
        }
        Array2::from_shape_vec((n, self.targets.len()), values)
            .map_err(|error| content(format!("is cut short: {error}")))
    }
}

/// The inputs of an array with their labels, in memory, or within a bound on it as what stays in the file.
pub(crate) fn with_labels(
    inputs: Array<Box<dyn Read + Send>>,
    path: &Path,
    spec: DataSpec,
    labels: Vec<u32>,
    layout: ArrayLayout,
    bound: Option<u64>,
) -> Result<Arc<dyn Dataset>, DataError> {
    let io = |source| DataError::reading(path, source);
    let sides = inputs.shape.iter().skip(1).copied().collect::<Vec<_>>();
    if let Some(bound) = bound {
        let rows = Arc::new(DiskRows::new(inputs.into_rows(path)?, labels.len(), spec, labels, bound)?);
        return Ok(match layout {
            ArrayLayout::ChannelsFirst => rows,
            ArrayLayout::ChannelsLast => Arc::new(ChannelsFirst::new(rows, sides)),
        });
    }
    let DataSpec { input_shape, classes, .. } = spec;
    if inputs.is_images() {
        let mut pixels = inputs.into_bytes().map_err(io)?;
        layout.reorder(&mut pixels, &sides);
        return Ok(Arc::new(Images::new(input_shape, pixels, labels, classes)?));
    }
    let mut values = inputs.into_f32().map_err(io)?;
    layout.reorder(&mut values, &sides);
    Ok(Arc::new(Table::new(input_shape, values, labels, classes)?))
}

/// Classes that go by their numbers.
const MAX_CLASSES: usize = 1 << 20;

/// Inputs and classes of each set.
const TRAIN: [&str; 2] = ["x_train", "y_train"];
const VALIDATION: [&str; 2] = ["x_validation", "y_validation"];
const VAL: [&str; 2] = ["x_val", "y_val"];
const TEST: [&str; 2] = ["x_test", "y_test"];
