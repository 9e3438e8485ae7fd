use std::collections::HashMap;

use distill_models::check_safetensors;
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::fingerprint::hex;
use crate::{SoftTargets, TrainError};

/// The entry of the safetensors metadata that holds the description, and the tensor.
const METADATA_KEY: &str = "distill-soft-targets";
const TENSOR: &str = "logits";
const VERSION: u32 = 1;

/// A teacher's logits for a dataset, with what they belong to: a safetensors file with one tensor,
/// `logits`, of shape `(examples, classes)`.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftTargetFile {
    /// The logits.
    pub targets: SoftTargets,
    /// Names of the classes, in the order of the columns.
    pub classes: Vec<String>,
    /// [`Fingerprint::sha256`](crate::Fingerprint::sha256) of the data, in hexadecimal.
    pub data_sha256: String,
    /// SHA-256 of the teacher's file, in hexadecimal.
    pub teacher_sha256: String,
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
    /// The bytes of the file. Equal targets give equal bytes.
    ///
    /// # Errors
    /// [`TrainError::TargetFile`] if the names of the classes take more than the header may have, 512 KiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        let logits = self.targets.logits();
        let bytes: Vec<u8> = logits.iter().flat_map(|value| value.to_le_bytes()).collect();
        let description = Description {
            version: VERSION,
            classes: self.classes.clone(),
            data_sha256: self.data_sha256.clone(),
            teacher_sha256: self.teacher_sha256.clone(),
            logits_sha256: sha256(&bytes),
            views: self.targets.n_views(),
        };
        let description = serde_json::to_string(&description).map_err(refused)?;
        let view = TensorView::new(Dtype::F32, vec![logits.nrows(), logits.ncols()], &bytes).map_err(refused)?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
        let bytes = serialize([(TENSOR, view)], Some(metadata)).map_err(refused)?;
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
        let tensor = file.tensor(TENSOR).map_err(refused)?;
        let shape = match *tensor.shape() {
            [examples, classes] if tensor.dtype() == Dtype::F32 && classes == description.classes.len() => {
                (examples, classes)
            }
            ref shape => {
                let n = description.classes.len();
                return Err(refused(format!("it has logits of shape {shape:?} for {n} classes")));
            }
        };
        if sha256(tensor.data()) != description.logits_sha256 {
            return Err(refused("the SHA-256 of its logits is not the one it names"));
        }
        let float = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let values: Vec<f32> = tensor.data().chunks_exact(4).map(float).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (row, value) = (at / shape.1.max(1), values[at]);
            return Err(refused(format!("the logits of example {row} hold the value {value}")));
        }
        let logits = Array2::from_shape_vec(shape, values).map_err(refused)?;
        let views = description.views;
        let targets = SoftTargets::with_views(logits, views)
            .ok_or_else(|| refused(format!("its {} rows are not {views} views of each example", shape.0)))?;
        Ok(Self {
            targets,
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

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn refused(reason: impl ToString) -> TrainError {
    TrainError::TargetFile { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let logits = Array2::from_shape_fn((3, 2), |(i, j)| i as f32 - 2.5 * j as f32);
        for n_views in [1, 3] {
            flip_bits(&SoftTargets::with_views(logits.clone(), n_views).unwrap());
        }
        assert_eq!(SoftTargets::with_views(logits.clone(), 2), None);
        assert_eq!(SoftTargets::with_views(logits, 0), None);
    }

    fn flip_bits(targets: &SoftTargets) {
        let file = SoftTargetFile {
            targets: targets.clone(),
            classes: vec!["a".into(), "b".into()],
            data_sha256: "d1".into(),
            teacher_sha256: "e2".into(),
        };
        let bytes = file.to_bytes().unwrap();
        assert_eq!(SoftTargetFile::from_bytes(&bytes).unwrap(), file);
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
}
