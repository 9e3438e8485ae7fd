use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use self::original::Original;
use crate::files::regular;
use crate::{DataError, Images, Split, classes};

mod original;

/// Three colours of 32 x 32 pixels.
const SHAPE: [usize; 3] = [3, 32, 32];
const N_PIXELS: usize = 3 * 32 * 32;
/// Files of the training set of CIFAR-10.
const N_BATCHES: usize = 5;

/// A folder with the binary version of CIFAR-10 or CIFAR-100, or of a data set in the same form.
///
/// ```text
/// CIFAR-10:   data_batch_1.bin to data_batch_5.bin       test_batch.bin    batches.meta.txt
/// CIFAR-100:  train.bin                                  test.bin          fine_label_names.txt
/// ```
/// The lists of class names may be missing. Classes of CIFAR-100 are the fine ones if nothing else is said. An input has the shape `[3, 32, 32]`: all
/// red values, all green and all blue ones, each row by row.
///
/// Source of the format: <https://www.cs.toronto.edu/~kriz/cifar.html>.
#[derive(Debug, Clone)]
pub struct CifarFolder {
    train: Vec<PathBuf>,
    test: PathBuf,
    /// Bytes before the pixels, and which of them is the label.
    n_labels: usize,
    label: usize,
    classes: Option<Vec<String>>,
    /// What the images have to be.
    original: Option<&'static Original>,
}

impl CifarFolder {
    /// A copy of CIFAR-10 itself: all files are there, and [`load`](Self::load) compares the images with those that were
    /// published. In which order they lie in the files does not matter. The classes are `airplane` to `truck`.
    ///
    /// # Errors
    /// [`DataError::MissingFiles`] says where CIFAR-10 is to be had, [`DataError::Damaged`] that a file has another length.
    pub fn cifar_10(dir: &Path) -> Result<Self, DataError> {
        Original::CIFAR_10.find(dir)
    }

    /// Looks for the files and reads the class names. `None` if the folder holds neither of the two. With `coarse` the
    /// classes are the twenty of CIFAR-100 that hold five of the hundred each, called as in `coarse_label_names.txt`.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`]; [`DataError::Content`] if CIFAR-10 is asked for coarse classes.
    pub fn find(dir: &Path, coarse: bool) -> Result<Option<Self>, DataError> {
        let there = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
        let names = |name: &str| there(name).map(|path| classes::read_trimmed(&path)).transpose();
        let batches: Vec<PathBuf> =
            (1..=N_BATCHES).map(|number| dir.join(format!("data_batch_{number}.bin"))).collect();
        // One that is missing is told when it is read.
        if batches.iter().any(|path| path.is_file()) {
            if coarse {
                let problem = "has no coarse classes, which are those of CIFAR-100".to_owned();
                return Err(DataError::Content { path: dir.to_owned(), problem });
            }
            let (test, classes) = (dir.join("test_batch.bin"), names("batches.meta.txt")?);
            return Ok(Some(Self { train: batches, test, n_labels: 1, label: 0, classes, original: None }));
        }
        let Some(train) = there("train.bin") else { return Ok(None) };
        let (list, label) = if coarse { ("coarse_label_names.txt", 0) } else { ("fine_label_names.txt", 1) };
        let (test, classes) = (dir.join("test.bin"), names(list)?);
        Ok(Some(Self { train: vec![train], test, n_labels: 2, label, classes, original: None }))
    }

    /// Reads one split. The classes are called as `classes` says, or else as the list of the folder does, or else by number.
    /// `bound` is the most memory that it may take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Records`] if a file is not a whole number of images, [`DataError::MemoryBound`], the
    /// errors of [`Images::new`], and [`DataError::OtherContents`] if the images have to be others.
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Images, DataError> {
        let files = match split {
            Split::Train => &self.train[..],
            Split::Validation => &[],
            Split::Test => std::slice::from_ref(&self.test),
        };
        let record = self.n_labels + N_PIXELS;
        let mut n_images = 0_u64;
        for path in files {
            let metadata = fs::metadata(path).and_then(regular).map_err(|source| io(path, source))?;
            let bytes = metadata.len();
            if !bytes.is_multiple_of(record as u64) {
                return Err(DataError::Records { path: path.clone(), bytes, record });
            }
            n_images = n_images.saturating_add(bytes / record as u64);
        }
        let needed = n_images.saturating_mul(N_PIXELS as u64 + size_of::<u32>() as u64);
        if needed > bound {
            return Err(DataError::MemoryBound { path: files.first().cloned(), needed, bound });
        }
        // The counts are those of files that are there, so there is room for what they say.
        let (mut pixels, mut labels) = (vec![], vec![]);
        for path in files {
            let mut file = std::io::BufReader::new(File::open(path).map_err(|source| io(path, source))?);
            let mut image = vec![0; record];
            while !file_ends(&mut file).map_err(|source| io(path, source))? {
                file.read_exact(&mut image).map_err(|source| io(path, source))?;
                labels.push(u32::from(image[self.label]));
                pixels.extend_from_slice(&image[self.n_labels..]);
            }
        }
        if let Some(original) = self.original {
            original.check(split, files, &labels, &pixels)?;
        }
        let named = classes.or(self.classes.as_deref()).map(<[String]>::to_vec);
        let numbers = || (0..=labels.iter().copied().max().unwrap_or(0)).map(|label| label.to_string()).collect();
        let classes = named.unwrap_or_else(numbers);
        Images::new(SHAPE.to_vec(), pixels, labels, classes)
    }

    /// The names of the classes, where the folder has them.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }
}

fn file_ends(file: &mut impl std::io::BufRead) -> std::io::Result<bool> {
    Ok(file.fill_buf()?.is_empty())
}

fn io(path: &Path, source: std::io::Error) -> DataError {
    DataError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset as _;

    fn record(labels: &[u8], pixel: u8) -> Vec<u8> {
        let mut record = labels.to_vec();
        record.extend((0..N_PIXELS).map(|i| if i == 1024 { 255 } else { pixel }));
        record
    }

    #[test]
    fn both_are_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(CifarFolder::find(dir.path(), false).unwrap().is_none());
        let write = |name: &str, bytes: Vec<u8>| fs::write(dir.path().join(name), bytes).unwrap();
        write("train.bin", [record(&[7, 2], 10), record(&[1, 0], 20)].concat());
        write("test.bin", record(&[7, 1], 30));
        let hundred = CifarFolder::find(dir.path(), false).unwrap().unwrap();
        let train = hundred.load(Split::Train, None, u64::MAX).unwrap();
        assert_eq!((train.labels(), &train.spec().classes[..]), (&[2, 0][..], &["0", "1", "2"].map(str::to_owned)[..]));
        assert_eq!((train.spec().input_shape.as_slice(), train.pixels(1).unwrap()[0]), (&SHAPE[..], 20));
        write("coarse_label_names.txt", (0..8).map(|i| format!("c{i}\n")).collect::<String>().into_bytes());
        let coarse = CifarFolder::find(dir.path(), true).unwrap().unwrap();
        let labels = coarse.load(Split::Train, None, u64::MAX).unwrap().labels().to_vec();
        assert_eq!((labels, coarse.classes().unwrap()[7].as_str()), (vec![7, 1], "c7"));
        // Where the second colour begins.
        assert_eq!(train.pixels(0).unwrap()[1024], 255);

        write("data_batch_1.bin", record(&[1], 1));
        write("data_batch_2.bin", [record(&[0], 2), record(&[1], 3)].concat());
        for number in 4..=5 {
            write(&format!("data_batch_{number}.bin"), record(&[0], 5));
        }
        write("test_batch.bin", record(&[0], 4));
        write("batches.meta.txt", b"cat\ndog\n\n".to_vec());
        assert!(CifarFolder::find(dir.path(), true).is_err());
        let ten = CifarFolder::find(dir.path(), false).unwrap().unwrap();
        // A batch in between is missing.
        let missing = ten.load(Split::Train, None, u64::MAX).unwrap_err();
        assert!(missing.path().is_some_and(|path| path.ends_with("data_batch_3.bin")), "{missing}");
        write("data_batch_3.bin", vec![]);
        let train = ten.load(Split::Train, None, u64::MAX).unwrap();
        assert_eq!((train.labels(), train.spec().classes.join(" ")), (&[1, 0, 1, 0, 0][..], "cat dog".to_owned()));
        assert_eq!(ten.load(Split::Test, None, u64::MAX).unwrap().labels(), [0]);
    }

    #[test]
    fn what_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        let whole = [record(&[1], 1), record(&[0], 2)].concat();
        write("data_batch_1.bin", &whole);
        write("batches.meta.txt", b"cat\n");
        for number in 2..=5 {
            write(&format!("data_batch_{number}.bin"), b"");
        }
        let load = |split, bound| {
            let folder = CifarFolder::find(dir.path(), false).unwrap().unwrap();
            folder.load(split, None, bound).unwrap_err()
        };
        assert!(matches!(load(Split::Train, u64::MAX), DataError::LabelOutOfRange { label: 1, .. }));
        assert!(matches!(load(Split::Test, u64::MAX), DataError::Io { .. }));
        assert!(matches!(load(Split::Train, 6000), DataError::MemoryBound { needed: 6152, .. }));
        for n in [1, 3072, 3074, whole.len() - 1] {
            write("data_batch_1.bin", &whole[..n]);
            assert!(matches!(load(Split::Train, u64::MAX), DataError::Records { record: 3073, .. }), "{n}");
        }
        write("data_batch_1.bin", b"");
        assert!(matches!(load(Split::Train, u64::MAX), DataError::NoExamples { .. }));
    }
}
