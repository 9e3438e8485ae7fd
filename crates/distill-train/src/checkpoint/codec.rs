//! The bytes of a checkpoint. The only file that knows bincode.
//!
//! ```text
//! offset  bytes  what
//!      0      8  the magic "DISTCKPT"
//!      8      4  format version, little endian
//!     12      8  length of what follows the hash, little endian
//!     20     32  SHA-256 of the 20 bytes before it and of what follows it
//!     52      …  head: bincode 2, fixed-width little endian, at most 1 MiB
//!      …      …  buffers: f32 little endian; parameters, optimizer slots, best parameters, average
//! ```

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::CheckpointError;

/// The first bytes of a checkpoint.
pub(super) const MAGIC: &[u8; 8] = b"DISTCKPT";

/// Version 1 had a loss of four fixed numbers, and is still read. Version 3 is version 2 with an average as the last buffer: what has
/// none is written as version 2, which programs from before read.
const VERSION: u32 = 3;
const VERSION_WITHOUT_AVERAGE: u32 = 2;
const HASHED: usize = 20;
const HEADER: usize = HASHED + 32;

/// Names, shapes and counters take a few kilobytes; what claims more is not ours. It bounds what
/// the decoder allocates, as the buffers are not its business.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// All of a checkpoint but its buffers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head<L = Loss> {
    pub(super) context: Vec<(String, String)>,
    pub(super) layout: Vec<(String, Vec<u64>)>,
    pub(super) n_slots: u32,
    pub(super) optimizer_step: u32,
    pub(super) step: u32,
    pub(super) examples: u64,
    pub(super) seconds: f64,
    pub(super) epoch_seconds: f64,
    pub(super) epoch_examples: u64,
    pub(super) epoch_loss: L,
    pub(super) last_loss: L,
    /// Epoch, errors and negative log-likelihood of the best parameters.
    pub(super) best: Option<(u32, u64, f64)>,
    /// Whether the average of the parameters is there. The version says it.
    #[serde(skip)]
    pub(super) has_average: bool,
}

/// The total, and of each term the name, the value, and whether it is of labelled examples alone.
pub(super) type Loss = (f64, Vec<(String, f64, bool)>);

/// As it was in version 1: `total`, `hard`, `soft`, `kl`.
type FirstLoss = (f64, Option<f64>, Option<f64>, Option<f64>);

impl From<Head<FirstLoss>> for Head {
    fn from(head: Head<FirstLoss>) -> Self {
        let named = |(total, hard, soft, kl): FirstLoss| {
            let terms = [("hard", hard, true), ("soft", soft, false), ("kl", kl, false)];
            let term =
                |(name, value, of_labelled): (&str, Option<f64>, bool)| Some((name.to_owned(), value?, of_labelled));
            (total, terms.into_iter().filter_map(term).collect())
        };
        Self {
            context: head.context,
            layout: head.layout,
            n_slots: head.n_slots,
            optimizer_step: head.optimizer_step,
            step: head.step,
            examples: head.examples,
            seconds: head.seconds,
            epoch_seconds: head.epoch_seconds,
            epoch_examples: head.epoch_examples,
            epoch_loss: named(head.epoch_loss),
            last_loss: named(head.last_loss),
            best: head.best,
            has_average: false,
        }
    }
}

impl Head {
    /// How many buffers follow the head.
    fn n_buffers(&self) -> u64 {
        1 + u64::from(self.n_slots) + u64::from(self.best.is_some()) + u64::from(self.has_average)
    }

    /// Numbers in each of them.
    fn parameters(&self) -> Option<u64> {
        let len = |shape: &[u64]| shape.iter().try_fold(1_u64, |product, &side| product.checked_mul(side));
        self.layout.iter().try_fold(0_u64, |sum, (_, shape)| sum.checked_add(len(shape)?))
    }
}

pub(super) fn encode(head: &Head, buffers: &[&[f32]]) -> Result<Vec<u8>, CheckpointError> {
    let n_values: usize = buffers.iter().map(|buffer| buffer.len()).sum();
    let mut bytes = Vec::with_capacity(HEADER + 4096 + 4 * n_values);
    bytes.extend(MAGIC);
    let version = if head.has_average { VERSION } else { VERSION_WITHOUT_AVERAGE };
    bytes.extend(version.to_le_bytes());
    bytes.resize(HEADER, 0);
    bincode::serde::encode_into_std_write(head, &mut bytes, config())
        .map_err(|error| damaged(HEADER, error.to_string()))?;
    if bytes.len() - HEADER > MAX_HEAD_BYTES {
        return Err(damaged(HEADER, format!("its head would have more than {MAX_HEAD_BYTES} bytes")));
    }
    for value in buffers.iter().copied().flatten() {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    let len = (bytes.len() - HEADER) as u64;
    bytes[12..HASHED].copy_from_slice(&len.to_le_bytes());
    let hash = hash(&bytes);
    bytes[HASHED..HEADER].copy_from_slice(&hash);
    Ok(bytes)
}

/// The head and the buffers. Every length is compared with the bytes that are there before memory
/// is taken for what it promises.
pub(super) fn decode(bytes: &[u8]) -> Result<(Head, Vec<Vec<f32>>), CheckpointError> {
    if !bytes.starts_with(MAGIC) {
        return Err(damaged(0, "it does not start like a checkpoint".to_owned()));
    }
    if bytes.len() < HEADER {
        return Err(damaged(bytes.len(), format!("it has {} bytes, its header alone has {HEADER}", bytes.len())));
    }
    let version = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
    if !(1..=VERSION).contains(&version) {
        return Err(CheckpointError::Version { actual: version, expected: VERSION });
    }
    let claimed = u64::from_le_bytes(bytes[12..HASHED].try_into().expect("eight bytes"));
    let body = &bytes[HEADER..];
    if claimed != body.len() as u64 {
        return Err(damaged(12, format!("its header promises {claimed} bytes, the file has {}", body.len())));
    }
    if hash(bytes)[..] != bytes[HASHED..HEADER] {
        return Err(damaged(HASHED, "its SHA-256 is not that of its content".to_owned()));
    }
    let head = match version {
        1 => bincode::serde::decode_from_slice::<Head<FirstLoss>, _>(body, config())
            .map(|(head, used)| (Head::from(head), used)),
        _ => bincode::serde::decode_from_slice(body, config()),
    };
    let (mut head, used): (Head, usize) =
        head.map_err(|error| damaged(HEADER, format!("its head cannot be decoded: {error}")))?;
    head.has_average = version > VERSION_WITHOUT_AVERAGE;
    let rest = &body[used..];
    let parameters = head.parameters();
    let expected = parameters.and_then(|parameters| parameters.checked_mul(head.n_buffers())?.checked_mul(4));
    if expected != Some(rest.len() as u64) {
        let reason = format!("its layout does not fit the {} bytes that follow", rest.len());
        return Err(damaged(HEADER + used, reason));
    }
    // The product above fits the bytes that are there, so it fits usize.
    let len = parameters.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let float = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let buffers = rest.chunks(4 * len.max(1)).map(|buffer| buffer.chunks_exact(4).map(float).collect());
    let buffers: Vec<Vec<f32>> = buffers.collect();
    if buffers.len() as u64 != head.n_buffers() {
        return Err(damaged(HEADER, "its layout holds no parameters".to_owned()));
    }
    // Such parameters are never written, and nothing can be trained on from them.
    if let Some(index) = buffers[0].iter().position(|value| !value.is_finite()) {
        let reason = format!("parameter {index} is {}", buffers[0][index]);
        return Err(damaged(HEADER + used + 4 * index, reason));
    }
    Ok((head, buffers))
}

fn damaged(offset: usize, reason: String) -> CheckpointError {
    CheckpointError::Damaged { offset, reason }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&bytes[..HASHED]).chain_update(&bytes[HEADER..]).finalize().into()
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX_HEAD_BYTES>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_no_number_is_refused() {
        let head = Head {
            context: vec![],
            layout: vec![("w".to_owned(), vec![2])],
            n_slots: 0,
            optimizer_step: 1,
            step: 1,
            examples: 1,
            seconds: 0.0,
            epoch_seconds: 0.0,
            epoch_examples: 1,
            epoch_loss: Loss::default(),
            last_loss: Loss::default(),
            best: None,
            has_average: false,
        };
        let bytes = encode(&head, &[&[1.0, 2.0]]).unwrap();
        assert_eq!(decode(&bytes).unwrap(), (head.clone(), vec![vec![1.0, 2.0]]));
        let bytes = encode(&head, &[&[1.0, f32::NAN]]).unwrap();
        let offset = bytes.len() - 4;
        let expected = format!("the checkpoint is damaged at byte {offset}: parameter 1 is NaN");
        assert_eq!(decode(&bytes).unwrap_err().to_string(), expected);
    }
}
