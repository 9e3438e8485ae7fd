use std::collections::HashMap;

use distill_models::check_safetensors;
use half::f16;
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::fingerprint::hex;
use crate::target_storage::{Largest, TargetStorage, to_f16};
use crate::{SoftTargets, TrainError};

/// The entry of the safetensors metadata that holds the description, and the tensor.
const METADATA_KEY: &str = "distill-soft-targets";
const TENSOR: &str = "logits";
/// Which classes the logits are of, where not all are kept.
const CLASSES_TENSOR: &str = "classes";
const VERSION: u32 = 1;

/// A teacher's logits for a dataset, with what they belong to: a safetensors file with a tensor `logits` of shape
/// `(examples, classes)` in f32 or f16. Of [`TargetStorage::TopK`] it is `(examples, k + 1)`, the last column for all
/// other classes, and a tensor `classes` of shape `(examples, k)` says which the others are.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftTargetFile {
    targets: Stored,
    n_views: usize,
    /// Names of the classes, in the order of the columns.
    pub classes: Vec<String>,
    /// [`Fingerprint::sha256`](crate::Fingerprint::sha256) of the data, in hexadecimal.
    pub data_sha256: String,
    /// SHA-256 of the teacher's file, in hexadecimal.
    pub teacher_sha256: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Stored {
    F32(Array2<f32>),
    F16(Array2<f16>),
    TopK(Largest),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    classes: Vec<String>,
    data_sha256: String,
    teacher_sha256: String,
    logits_sha256: String,
    #[serde(default = "one_view", skip_serializing_if = "is_one_view")]
    views: usize,
}

fn one_view() -> usize {
    1
}

fn is_one_view(views: &usize) -> bool {
    *views == 1
}

impl SoftTargetFile {
    /// Logits in the form that they are to be kept in, with what they belong to: names of the classes, and the SHA-256 of
    /// data and teacher in hexadecimal.
    ///
    /// # Errors
    /// [`TrainError::TargetFile`] if they cannot be kept in this form, [`TrainError::Answers`] if one of them is NaN or
    /// infinite and would be something else afterwards.
    pub fn new(
        targets: &SoftTargets,
        storage: TargetStorage,
        classes: Vec<String>,
        data_sha256: String,
        teacher_sha256: String,
    ) -> Result<Self, TrainError> {
        let logits = targets.logits();
        storage.check(logits.ncols()).map_err(refused)?;
        if let Some(((row, class), value)) = storage.unfit(logits) {
            let example = row % (logits.nrows() / targets.n_views()).max(1);
            let problem = format!("{value} for class {class} of example {example}, counted from 0");
            return Err(TrainError::Answers { problem });
        }
        let stored = match storage {
            TargetStorage::F32 => Stored::F32(logits.to_owned()),
            TargetStorage::F16 => Stored::F16(to_f16(logits)),
            TargetStorage::TopK(k) => Stored::TopK(Largest::of(logits, k)),
        };
        Ok(Self { targets: stored, n_views: targets.n_views(), classes, data_sha256, teacher_sha256 })
    }

    /// The logits of all classes.
    pub fn into_targets(self) -> SoftTargets {
        let logits = match self.targets {
            Stored::F32(logits) => logits,
            Stored::F16(logits) => logits.mapv(f16::to_f32),
            Stored::TopK(largest) => largest.spread(self.classes.len()),
        };
        SoftTargets::of_views(logits, self.n_views)
    }

    /// How the logits are kept.
    pub fn storage(&self) -> TargetStorage {
        match &self.targets {
            Stored::F32(_) => TargetStorage::F32,
            Stored::F16(_) => TargetStorage::F16,
            Stored::TopK(largest) => TargetStorage::TopK(largest.classes.ncols()),
        }
    }

    /// The bytes of the file. Equal targets give equal bytes.
    ///
    /// # Errors
    /// [`TrainError::TargetFile`] if the names of the classes take more than the header may have, 512 KiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        let mut tensors: Vec<(&str, Dtype, [usize; 2], Vec<u8>)> = vec![];
        let shape = |(rows, columns): (usize, usize)| [rows, columns];
        let half = |values: &Array2<f16>| values.iter().flat_map(|value| value.to_le_bytes()).collect();
        match &self.targets {
            Stored::F32(logits) => {
                let bytes = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
                tensors.push((TENSOR, Dtype::F32, shape(logits.dim()), bytes));
            }
            Stored::F16(logits) => tensors.push((TENSOR, Dtype::F16, shape(logits.dim()), half(logits))),
            Stored::TopK(Largest { classes, logits }) => {
                let bytes = classes.iter().flat_map(|class| class.to_le_bytes()).collect();
                tensors.push((TENSOR, Dtype::F16, shape(logits.dim()), half(logits)));
                tensors.push((CLASSES_TENSOR, Dtype::U16, shape(classes.dim()), bytes));
            }
        }
        let description = Description {
            version: VERSION,
            classes: self.classes.clone(),
            data_sha256: self.data_sha256.clone(),
            teacher_sha256: self.teacher_sha256.clone(),
            logits_sha256: sha256(tensors.iter().map(|(.., bytes)| bytes.as_slice())),
            views: self.n_views,
        };
        let description = serde_json::to_string(&description).map_err(refused)?;
        let mut views = vec![];
        for (name, dtype, shape, bytes) in &tensors {
            views.push((*name, TensorView::new(*dtype, shape.to_vec(), bytes).map_err(refused)?));
        }
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
        let bytes = serialize(views, Some(metadata)).map_err(refused)?;
        // What would not be read again is not written.
        check_safetensors(&bytes).map_err(refused)?;
        Ok(bytes)
    }

    /// Reads what [`SoftTargetFile::to_bytes`] wrote. A changed bit anywhere is found here, or by
    /// comparing classes and hashes with those of data and teacher.
    ///
    /// # Errors
    /// [`TrainError::TargetFile`] if the bytes are not such a file, are damaged, or hold a logit that
    /// is not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        check_safetensors(bytes).map_err(refused)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(refused)?;
        let description = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
        let Some(description) = description else {
            return Err(refused("it is a safetensors file of another kind"));
        };
        let description: Description = serde_json::from_str(description).map_err(refused)?;
        drop(header);
        let file = SafeTensors::deserialize(bytes).map_err(refused)?;
        if description.version != VERSION {
            let version = description.version;
            return Err(refused(format!("it has version {version}, this program reads version {VERSION}")));
        }
        let logits = file.tensor(TENSOR).map_err(refused)?;
        let classes = file.tensor(CLASSES_TENSOR).ok();
        let hashed = [&logits].into_iter().chain(&classes).map(|tensor| tensor.data());
        if sha256(hashed) != description.logits_sha256 {
            return Err(refused("the SHA-256 of its logits is not the one it names"));
        }
        let n_classes = description.classes.len();
        let targets = Stored::read(&logits, classes.as_ref(), n_classes)?;
        let (n_views, rows) = (description.views, targets.n_rows());
        if rows.checked_rem(n_views) != Some(0) {
            return Err(refused(format!("its {rows} rows are not {n_views} views of each example")));
        }
        Ok(Self {
            targets,
            n_views,
            classes: description.classes,
            data_sha256: description.data_sha256,
            teacher_sha256: description.teacher_sha256,
        })
    }

    /// Whether bytes begin like such a file: a safetensors header that names the description.
    pub fn is_one(bytes: &[u8]) -> bool {
        let start = &bytes[..bytes.len().min(4096)];
        start.windows(METADATA_KEY.len()).any(|window| window == METADATA_KEY.as_bytes())
    }
}

impl Stored {
    fn read(logits: &TensorView<'_>, classes: Option<&TensorView<'_>>, n_classes: usize) -> Result<Self, TrainError> {
        let misfit = || {
            let (dtype, shape) = (logits.dtype(), logits.shape());
            refused(format!("it has logits of type {dtype:?} and shape {shape:?} for {n_classes} classes"))
        };
        let &[rows, columns] = logits.shape() else { return Err(misfit()) };
        let pairs = |bytes: &[u8]| -> Vec<[u8; 2]> { bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect() };
        let half = || -> Result<Array2<f16>, TrainError> {
            let values: Vec<f16> = pairs(logits.data()).into_iter().map(f16::from_le_bytes).collect();
            check_finite(values.iter().copied().map(f16::to_f32), columns)?;
            Array2::from_shape_vec((rows, columns), values).map_err(refused)
        };
        match (logits.dtype(), classes) {
            (Dtype::F32, None) if columns == n_classes => {
                let float = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let values: Vec<f32> = logits.data().chunks_exact(4).map(float).collect();
                check_finite(values.iter().copied(), columns)?;
                Ok(Self::F32(Array2::from_shape_vec((rows, columns), values).map_err(refused)?))
            }
            (Dtype::F16, None) if columns == n_classes => Ok(Self::F16(half()?)),
            (Dtype::F16, Some(kept)) if kept.dtype() == Dtype::U16 => {
                let k = columns.saturating_sub(1);
                TargetStorage::TopK(k).check(n_classes).map_err(refused)?;
                if k == 0 || kept.shape() != [rows, k] {
                    return Err(misfit());
                }
                let numbers: Vec<u16> = pairs(kept.data()).into_iter().map(u16::from_le_bytes).collect();
                for (row, numbers) in numbers.chunks_exact(k).enumerate() {
                    let mut sorted = numbers.to_vec();
                    sorted.sort_unstable();
                    let repeats = sorted.windows(2).any(|pair| pair[0] == pair[1]);
                    if repeats || sorted.last().is_some_and(|&last| usize::from(last) >= n_classes) {
                        return Err(refused(format!(
                            "example {row} has logits of the classes {numbers:?} of {n_classes}"
                        )));
                    }
                }
                let classes = Array2::from_shape_vec((rows, k), numbers).map_err(refused)?;
                Ok(Self::TopK(Largest { classes, logits: half()? }))
            }
            _ => Err(misfit()),
        }
    }

    fn n_rows(&self) -> usize {
        match self {
            Self::F32(logits) => logits.nrows(),
            Self::F16(logits) => logits.nrows(),
            Self::TopK(largest) => largest.logits.nrows(),
        }
    }
}

fn check_finite(values: impl Iterator<Item = f32>, columns: usize) -> Result<(), TrainError> {
    match values.enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((at, value)) => {
            Err(refused(format!("the logits of example {} hold the value {value}", at / columns.max(1))))
        }
    }
}

fn sha256<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.for_each(|part| hash.update(part));
    hex(&hash.finalize())
}

fn refused(reason: impl ToString) -> TrainError {
    TrainError::TargetFile { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let logits = Array2::from_shape_fn((3, 4), |(i, j)| i as f32 - 2.5 * j as f32);
        for storage in [TargetStorage::F32, TargetStorage::F16, TargetStorage::TopK(2)] {
            for n_views in [1, 3] {
                flip_bits(&SoftTargets::with_views(logits.clone(), n_views).unwrap(), storage);
            }
        }
        assert_eq!(SoftTargets::with_views(logits.clone(), 2), None);
        assert_eq!(SoftTargets::with_views(logits, 0), None);
    }

    fn flip_bits(targets: &SoftTargets, storage: TargetStorage) {
        let classes = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let file = SoftTargetFile::new(targets, storage, classes, "d1".into(), "e2".into()).unwrap();
        let bytes = file.to_bytes().unwrap();
        let read = SoftTargetFile::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.storage()), (&file, storage));
        assert_eq!(read.into_targets().logits(), storage.round(targets.logits()));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // What is left to the caller is to compare classes and hashes.
            assert!(SoftTargetFile::from_bytes(&bytes).map_or(true, |other| other != file), "bit {bit}");
        }
        for n in 0..bytes.len() {
            assert!(SoftTargetFile::from_bytes(&bytes[..n]).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_kept() {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        for storage in [TargetStorage::F32, TargetStorage::F16, TargetStorage::TopK(2)] {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut logits = Array2::from_shape_fn((6, 3), |(i, j)| (i + j) as f32);
                logits[(4, 2)] = bad;
                // Of two views of three examples it is the second one.
                for (n_views, example) in [(1, 4), (2, 1)] {
                    let targets = SoftTargets::with_views(logits.clone(), n_views).unwrap();
                    let new = SoftTargetFile::new(&targets, storage, classes.clone(), "d".into(), "t".into());
                    let expected =
                        format!("the table of answers has {bad} for class 2 of example {example}, counted from 0");
                    assert_eq!(new.unwrap_err().to_string(), expected, "{storage}");
                }
            }
        }
    }

    #[test]
    fn classes_that_cannot_be_are_refused() {
        let targets = SoftTargets::new(Array2::from_shape_fn((2, 4), |(i, j)| (i * j) as f32));
        let classes = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let new = |storage| SoftTargetFile::new(&targets, storage, classes.clone(), "d".into(), "t".into());
        assert!(new(TargetStorage::TopK(4)).is_err());
        let good = new(TargetStorage::TopK(2)).unwrap();
        for bad in [[[3, 3], [0, 1]], [[3, 2], [4, 1]]] {
            let mut file = good.clone();
            if let Stored::TopK(largest) = &mut file.targets {
                largest.classes = ndarray::arr2(&bad);
            }
            assert!(SoftTargetFile::from_bytes(&file.to_bytes().unwrap()).is_err(), "{bad:?}");
        }
    }
}
