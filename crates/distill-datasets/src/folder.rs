use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::idx::{self, Idx, IdxStream};
use crate::{DataError, Dataset, DiskRows, Images, Split, classes};

/// How many of the names in a folder an error shows.
const N_SHOWN: usize = 8;

/// A folder with the four files of MNIST or of a data set in the same form.
///
/// ```text
/// train-images-idx3-ubyte    train-labels-idx1-ubyte
/// t10k-images-idx3-ubyte     t10k-labels-idx1-ubyte
/// validation-images-idx3-ubyte, validation-labels-idx1-ubyte, classes.txt    optional; the last has a class name in each line
/// ```
/// Each may end in `.gz`, and `train-images.idx3-ubyte` is found as well. Where a file is
/// there in several forms, the plain one is taken. A folder may lack the files of a split
/// that is not loaded.
#[derive(Debug, Clone)]
pub struct IdxFolder {
    dir: PathBuf,
    train: Pair,
    validation: Pair,
    test: Pair,
    classes: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Pair {
    images: Option<PathBuf>,
    labels: Option<PathBuf>,
}

impl IdxFolder {
    /// Looks for the files and reads the class names, if there are any.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::BadClassList`], and [`DataError::MissingFile`] for a
    /// folder that holds no images at all.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, DataError> {
        let dir = dir.as_ref().to_owned();
        // An absent folder is a clearer answer than four absent files.
        fs::read_dir(&dir).map_err(|source| DataError::Io { path: dir.clone(), source })?;
        let pair = |split| {
            let [images, labels] = stems(split);
            Ok(Pair { images: find(&dir, &names(images))?, labels: find(&dir, &names(labels))? })
        };
        let (train, validation, test) = (pair(Split::Train)?, pair(Split::Validation)?, pair(Split::Test)?);
        if train.images.is_none() && test.images.is_none() {
            let looked_for = [Split::Train, Split::Test].iter().flat_map(|&split| names(stems(split)[0])).collect();
            return Err(missing(&dir, looked_for));
        }
        let classes = find(&dir, &["classes.txt".to_owned()])?.map(|path| classes::read(&path)).transpose()?;
        Ok(Self { dir, train, validation, test, classes })
    }

    /// The class names of `classes.txt`.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// Whether there are images to choose settings on.
    pub fn has_validation(&self) -> bool {
        self.validation.images.is_some()
    }

    /// The files that were found: images and labels for training, images and labels for tests.
    pub fn files(&self) -> [Option<&Path>; 4] {
        [&self.train.images, &self.train.labels, &self.test.images, &self.test.labels].map(Option::as_deref)
    }

    /// Reads one split into memory.
    ///
    /// The classes are called as `classes` says, or else as `classes.txt` does, or else
    /// `0`, `1` and so on up to the largest label of this split. Pass the classes of the
    /// one split to the other when they are to agree.
    ///
    /// # Errors
    /// [`DataError::MissingFile`], whatever [`idx::read`] finds, [`DataError::WrongRank`],
    /// [`DataError::CountMismatch`] and the errors of [`Images::new`].
    pub fn load(&self, split: Split, classes: Option<&[String]>) -> Result<Images, DataError> {
        let [images_path, labels_path] = self.paths(split)?;
        // The small file first: if it is bad, the large one need not be read.
        let labels = read_labels(&labels_path)?;
        let images = read_with_rank(&images_path, 3)?;
        check_counts([&images_path, &labels_path], images.shape[0], labels.len())?;
        let classes = self.class_names(&labels, classes);
        let input_shape = vec![1, images.shape[1], images.shape[2]];
        Images::new(input_shape, images.data, labels, classes).map_err(|error| at(error, &images_path, &labels_path))
    }

    /// One split within `bound` bytes of memory: as [`load`](Self::load) if it fits, else as
    /// [`DiskRows`], for which the images must not be compressed.
    ///
    /// # Errors
    /// As [`load`](Self::load) and [`DiskRows::idx`].
    pub fn load_within(
        &self,
        split: Split,
        classes: Option<&[String]>,
        bound: u64,
    ) -> Result<Arc<dyn Dataset>, DataError> {
        let [images_path, labels_path] = self.paths(split)?;
        let images = IdxStream::open(&images_path)?;
        let [n, height, width] = images.sides()?;
        let bytes_each = (height as u64).saturating_mul(width as u64).saturating_add(4);
        if (n as u64).saturating_mul(bytes_each) <= bound {
            return Ok(Arc::new(self.load(split, classes)?));
        }
        let labels = read_labels(&labels_path)?;
        check_counts([&images_path, &labels_path], n, labels.len())?;
        let classes = self.class_names(&labels, classes);
        let images = DiskRows::idx(images, labels, classes, bound);
        Ok(Arc::new(images.map_err(|error| at(error, &images_path, &labels_path))?))
    }

    fn paths(&self, split: Split) -> Result<[PathBuf; 2], DataError> {
        let pair = match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        };
        let [images, labels] = stems(split);
        let present = |path: &Option<PathBuf>, stem| path.clone().ok_or_else(|| missing(&self.dir, names(stem)));
        Ok([present(&pair.images, images)?, present(&pair.labels, labels)?])
    }

    fn class_names(&self, labels: &[u32], classes: Option<&[String]>) -> Vec<String> {
        match classes.or(self.classes()) {
            Some(classes) => classes.to_vec(),
            None => (0..=labels.iter().copied().max().unwrap_or(0)).map(|label| label.to_string()).collect(),
        }
    }
}

fn check_counts([images_path, labels_path]: [&Path; 2], images: usize, labels: usize) -> Result<(), DataError> {
    if images == labels {
        return Ok(());
    }
    let [images_path, labels_path] = [images_path, labels_path].map(Path::to_owned);
    Err(DataError::CountMismatch { images_path, images, labels_path, labels })
}

/// Names the file that is to blame.
fn at(error: DataError, images_path: &Path, labels_path: &Path) -> DataError {
    match error {
        DataError::LabelOutOfRange { .. } => error.in_file(labels_path),
        DataError::BadInputShape { .. } | DataError::NoExamples { .. } => error.in_file(images_path),
        other => other,
    }
}

fn stems(split: Split) -> [&'static str; 2] {
    match split {
        Split::Train => ["train-images", "train-labels"],
        Split::Validation => ["validation-images", "validation-labels"],
        Split::Test => ["t10k-images", "t10k-labels"],
    }
}

/// The names that a file may have, the preferred one first.
fn names(stem: &str) -> Vec<String> {
    let kind = if stem.ends_with("images") { "idx3-ubyte" } else { "idx1-ubyte" };
    ["", ".gz"].iter().flat_map(|end| ['-', '.'].map(|dot| format!("{stem}{dot}{kind}{end}"))).collect()
}

fn find(dir: &Path, names: &[String]) -> Result<Option<PathBuf>, DataError> {
    for name in names {
        let path = dir.join(name);
        match path.try_exists() {
            Ok(true) => return Ok(Some(path)),
            Ok(false) => {}
            Err(source) => return Err(DataError::Io { path, source }),
        }
    }
    Ok(None)
}

fn missing(dir: &Path, looked_for: Vec<String>) -> DataError {
    // The folder could be read a moment ago; if that has changed, it shows as empty.
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort_unstable();
    let n_found = found.len();
    found.truncate(N_SHOWN);
    DataError::MissingFile { dir: dir.to_owned(), looked_for, found, n_found }
}

fn read_labels(path: &Path) -> Result<Vec<u32>, DataError> {
    Ok(read_with_rank(path, 1)?.data.into_iter().map(u32::from).collect())
}

fn read_with_rank(path: &Path, expected: usize) -> Result<Idx, DataError> {
    let idx = idx::read(path)?;
    if idx.shape.len() == expected {
        Ok(idx)
    } else {
        Err(DataError::WrongRank { path: path.to_owned(), expected, shape: idx.shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idx::tests::{encode, gzip};

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    /// Two images of 1 x 2 pixels with the labels 0 and 2.
    fn train() -> [(&'static str, Vec<u8>); 2] {
        [
            ("train-images-idx3-ubyte", encode(&[2, 1, 2], &[1, 2, 3, 4])),
            ("train-labels-idx1-ubyte.gz", gzip(&encode(&[2], &[0, 2]))),
        ]
    }

    /// The message of an error in a folder, without the path of the folder.
    fn message<T: std::fmt::Debug>(result: Result<T, DataError>, dir: &tempfile::TempDir) -> String {
        result.unwrap_err().to_string().replace(&format!("{}", dir.path().display()), "DIR")
    }

    #[test]
    fn finds_every_form_of_a_name() {
        let [(_, images), _] = train();
        let labels = encode(&[2], &[0, 2]);
        for dot in ['-', '.'] {
            for compressed in [false, true] {
                let file = |stem: &str, kind: &str, bytes: &[u8]| match compressed {
                    true => (format!("{stem}{dot}{kind}.gz"), gzip(bytes)),
                    false => (format!("{stem}{dot}{kind}"), bytes.to_vec()),
                };
                let files = [file("t10k-images", "idx3-ubyte", &images), file("t10k-labels", "idx1-ubyte", &labels)];
                let dir = folder(&files.each_ref().map(|(name, bytes)| (name.as_str(), bytes.clone())));
                let images = IdxFolder::open(dir.path()).unwrap().load(Split::Test, None).unwrap();
                assert_eq!(images.spec().input_shape, [1, 1, 2]);
                assert_eq!(images.spec().classes, ["0", "1", "2"]);
                assert_eq!((images.pixels(1), images.labels()), (Some(&[3, 4][..]), &[0, 2][..]));
            }
        }
    }

    #[test]
    fn class_names_come_from_the_argument_then_the_file() {
        let [images, labels] = train();
        let dir = folder(&[images, labels, ("classes.txt", b"shirt\nshoe\nbag\n".to_vec())]);
        let folder = IdxFolder::open(dir.path()).unwrap();
        assert_eq!(folder.classes().unwrap(), ["shirt", "shoe", "bag"]);
        assert_eq!(folder.load(Split::Train, None).unwrap().spec().classes, ["shirt", "shoe", "bag"]);
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(folder.load(Split::Train, Some(&names)).unwrap().spec().classes, names);

        let error = folder.load(Split::Train, Some(&names[..2])).unwrap_err();
        assert_eq!(error.path(), Some(&*dir.path().join("train-labels-idx1-ubyte.gz")));
        assert_eq!(error.offset(), Some(9));
        assert_eq!(
            message(Err::<(), _>(error), &dir),
            "DIR/train-labels-idx1-ubyte.gz: labels contain class 2 but there are 2 classes; bad labels: 1, first at [1]"
        );
    }

    #[test]
    fn says_which_file_is_missing() {
        let dir = folder(&train());
        let folder_ = IdxFolder::open(dir.path()).unwrap();
        assert_eq!(
            message(folder_.load(Split::Test, None), &dir),
            "DIR holds none of `t10k-images-idx3-ubyte`, `t10k-images.idx3-ubyte`, `t10k-images-idx3-ubyte.gz`, \
             `t10k-images.idx3-ubyte.gz`; it holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte.gz`"
        );
        let dir = folder(&[]);
        assert!(message(IdxFolder::open(dir.path()), &dir).ends_with("; it holds nothing"));
        let names: Vec<_> = (0..10).map(|i| i.to_string()).collect();
        let dir = folder(&names.iter().map(|name| (name.as_str(), vec![])).collect::<Vec<_>>());
        assert!(message(IdxFolder::open(dir.path()), &dir).ends_with("`6`, `7` and 2 more"));
        assert_eq!(message(IdxFolder::open(dir.path().join("absent")), &dir), "cannot read DIR/absent");
        assert_eq!(message(IdxFolder::open(dir.path().join("3")), &dir), "cannot read DIR/3");
    }

    #[test]
    fn says_which_file_is_wrong() {
        let [images, labels] = train();
        let load = |images: &(&'static str, Vec<u8>), labels: &(&'static str, Vec<u8>)| {
            let dir = folder(&[images.clone(), labels.clone()]);
            message(IdxFolder::open(dir.path()).unwrap().load(Split::Train, None), &dir)
        };
        assert_eq!(
            load(&images, &(labels.0, encode(&[3], &[0; 3]))),
            "DIR/train-images-idx3-ubyte has 2 images, but DIR/train-labels-idx1-ubyte.gz has 3 labels"
        );
        assert_eq!(
            load(&(images.0, encode(&[2], &[0; 2])), &labels),
            "DIR/train-images-idx3-ubyte has the shape [2], expected 3 dimensions"
        );
        assert_eq!(
            load(&(images.0, encode(&[2, 0, 5], &[])), &labels),
            "DIR/train-images-idx3-ubyte: inputs of shape [1, 0, 5] cannot be read as rows"
        );
        assert_eq!(
            load(&(images.0, encode(&[0, 1, 1], &[])), &(labels.0, encode(&[0], &[]))),
            "DIR/train-images-idx3-ubyte: there are no examples"
        );
        let dir = folder(&[images, ("classes.txt", b"a\na".to_vec())]);
        assert_eq!(
            message(IdxFolder::open(dir.path()), &dir),
            "DIR/classes.txt: the class list is not usable: names 1 and 2 are both `a`"
        );
    }
}
