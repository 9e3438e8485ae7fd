use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{CifarFolder, N_BATCHES, N_PIXELS, io};
use crate::files::regular;
use crate::{DataError, Split};

/// Where CIFAR-10 is to be had.
const URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// A published set of images, and how a copy of it is known.
#[derive(Debug)]
pub(super) struct Original {
    /// Images in each of its files.
    per_file: u64,
    /// See [`hash`], of the images to train on and of those to test on.
    train: &'static str,
    test: &'static str,
}

impl Original {
    /// The two hashes are those of 60,000 images whose means and deviations by colour are the published ones, with 6,000 of
    /// each class.
    pub(super) const CIFAR_10: &'static Self = &Self {
        per_file: 10_000,
        train: "55a61f79a40ece2ceda9fb5f9f7078f6ea2fc4952489cef56682bcf92cfcc260",
        test: "325704b01eb92e1e2a6215ae6a916bb7db7de054af0c496be1c7be2e0fcfbf5f",
    };

    /// Finds its files, all of them and each as long as it has to be.
    pub(super) fn find(&'static self, dir: &Path) -> Result<CifarFolder, DataError> {
        let batches = (1..=N_BATCHES).map(|number| format!("data_batch_{number}.bin"));
        let names: Vec<String> = batches.chain(["test_batch.bin".to_owned()]).collect();
        let missing: Vec<String> = names.iter().filter(|name| !dir.join(name).is_file()).cloned().collect();
        if !missing.is_empty() {
            let (dir, n_files) = (dir.to_owned(), names.len());
            return Err(DataError::MissingFiles { dir, name: "CIFAR-10", missing, n_files, url: URL });
        }
        let mut train: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
        let expected = self.per_file * (1 + N_PIXELS as u64);
        for path in &train {
            let actual = fs::metadata(path).and_then(regular).map_err(|source| io(path, source))?.len();
            if actual != expected {
                let problem = format!("has {actual} bytes, that of CIFAR-10 has {expected}");
                return Err(DataError::Damaged { path: path.clone(), problem });
            }
        }
        let test = train.split_off(N_BATCHES).remove(0);
        let classes = Some(CLASSES.map(str::to_owned).to_vec());
        Ok(CifarFolder { train, test, n_labels: 1, label: 0, classes, original: Some(self) })
    }

    /// Refuses images, or labels of them, that are not its own.
    pub(super) fn check(
        &self,
        split: Split,
        files: &[PathBuf],
        labels: &[u32],
        pixels: &[u8],
    ) -> Result<(), DataError> {
        let expected = match split {
            Split::Train => self.train,
            Split::Validation | Split::Test => self.test,
        };
        let actual = hash(labels, pixels);
        if actual == expected {
            return Ok(());
        }
        Err(DataError::OtherContents { paths: files.to_vec(), name: "CIFAR-10", expected, actual })
    }
}

/// The SHA-256 of the sorted SHA-256 of all images, each of the byte of its label and the bytes of its pixels.
///
/// So the order of the images does not matter: copies that were written again from the images have another one.
fn hash(labels: &[u32], pixels: &[u8]) -> String {
    let image = |(label, pixels): (&u32, &[u8])| -> [u8; 32] {
        #[expect(clippy::cast_possible_truncation, reason = "labels are bytes of the file")]
        let label = *label as u8;
        Sha256::new().chain_update([label]).chain_update(pixels).finalize().into()
    };
    let mut hashes: Vec<[u8; 32]> = labels.par_iter().zip(pixels.par_chunks_exact(N_PIXELS)).map(image).collect();
    hashes.sort_unstable();
    Sha256::digest(hashes.concat()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset as _;

    /// One image in each file. The hashes are those of Python's hashlib.
    static TINY: Original = Original {
        per_file: 1,
        train: "12ccc1afb498b3de70a9cfc350717dcf8aace5f818f0709808dc4da0ea324ca4",
        test: "b20e6b638590f5f6a43d7b504778076e8d750d94d6534691a25f71107b7f6534",
    };

    fn image(label: u8, pixel: u8) -> Vec<u8> {
        [vec![label], vec![pixel; N_PIXELS]].concat()
    }

    fn write(dir: &Path, images: [(u8, u8); 6]) {
        let names = (1..=5).map(|number| format!("data_batch_{number}.bin")).chain(["test_batch.bin".to_owned()]);
        for (name, (label, pixel)) in names.zip(images) {
            fs::write(dir.join(name), image(label, pixel)).unwrap();
        }
    }

    const IMAGES: [(u8, u8); 6] = [(6, 59), (9, 154), (9, 255), (4, 28), (1, 170), (3, 158)];

    #[test]
    fn a_copy_is_known_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), IMAGES);
        let load = |split| TINY.find(dir.path()).unwrap().load(split, None, u64::MAX);
        let train = load(Split::Train).unwrap();
        assert_eq!((train.labels(), train.spec().classes[6].as_str()), (&[6, 9, 9, 4, 1][..], "frog"));
        assert_eq!(load(Split::Test).unwrap().labels(), [3]);
        let [a, b, c, d, e, test] = IMAGES;
        write(dir.path(), [e, b, d, c, a, test]);
        assert_eq!(load(Split::Train).unwrap().labels(), [1, 9, 4, 9, 6]);

        // A pixel, a label, and an image for one of the test set.
        for other in [(6, 60), (7, 59), test] {
            write(dir.path(), [other, b, c, d, e, test]);
            let error = load(Split::Train).unwrap_err();
            assert!(error.path().is_some_and(|path| path.ends_with("data_batch_1.bin")), "{error}");
            let message = error.to_string();
            assert!(message.contains("data_batch_5.bin are not those of CIFAR-10"), "{message}");
            let DataError::OtherContents { expected, actual, .. } = error else { panic!("{message}") };
            assert!(message.contains(expected) && message.contains(&actual) && actual != TINY.train, "{message}");
            load(Split::Test).unwrap();
        }
        write(dir.path(), [a, b, c, d, e, (3, 159)]);
        load(Split::Train).unwrap();
        let message = load(Split::Test).unwrap_err().to_string();
        assert!(message.contains("test_batch.bin are not those of CIFAR-10"), "{message}");
    }

    #[test]
    fn says_which_files_are_missing_or_cut() {
        let dir = tempfile::tempdir().unwrap();
        let find = |dir: &Path| TINY.find(dir).unwrap_err();
        let message = find(&dir.path().join("absent")).to_string();
        assert!(message.contains("absent lacks 6 of the 6 files of CIFAR-10: `data_batch_1.bin`, "), "{message}");
        write(dir.path(), IMAGES);
        fs::remove_file(dir.path().join("data_batch_4.bin")).unwrap();
        let message = find(dir.path()).to_string();
        assert!(message.ends_with(" lacks 1 of the 6 files of CIFAR-10: `data_batch_4.bin`"), "{message}");
        fs::write(dir.path().join("data_batch_4.bin"), &image(1, 1)[1..]).unwrap();
        let error = find(dir.path());
        assert!(error.to_string().ends_with("data_batch_4.bin has 3072 bytes, that of CIFAR-10 has 3073"), "{error}");
    }

    #[test]
    #[ignore = "needs the files of CIFAR-10 in the folder cifar-10-batches-bin of the workspace"]
    fn cifar_10_is_what_it_is_said_to_be() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cifar-10-batches-bin");
        let folder = CifarFolder::cifar_10(&dir).unwrap();
        for (split, n) in [(Split::Train, 5000), (Split::Test, 1000)] {
            let images = folder.load(split, None, u64::MAX).unwrap();
            let of_class = |class| images.labels().iter().filter(|&&label| label == class).count();
            assert!((0..10).all(|class| of_class(class) == n));
        }
    }
}
