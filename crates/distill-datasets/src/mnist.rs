use std::io;
use std::path::Path;

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::idx::{self, Idx};
use crate::{DataError, Images, Split};

/// A compressed IDX file with its name.
type Embedded = (&'static str, &'static [u8]);

macro_rules! embedded {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../data/", $name, ".zst")))
    };
}

/// MNIST: handwritten digits of 28 x 28 pixels, 60,000 to train and 10,000 to test.
///
/// The digits are embedded in the program: nothing is downloaded or read from a disk.
/// Licence and checksums are in `data/LICENSE`.
///
/// LeCun, Bottou, Bengio, Haffner, *Gradient-based learning applied to document
/// recognition*, 1998.
///
/// # Errors
/// [`DataError`] if memory is short, and [`DataError::NoExamples`] for [`Split::Validation`], as MNIST has none.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Split, mnist};
/// let digits = mnist(Split::Test)?;
/// assert_eq!((digits.len(), digits.label(0)), (10_000, Some(7)));
/// assert_eq!(digits.spec().input_shape, [1, 28, 28]);
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub fn mnist(split: Split) -> Result<Images, DataError> {
    let [images, labels] = files(split).ok_or(DataError::NoExamples { path: None })?;
    // From its second file on, a decoder reserves its window at once instead of growing it:
    // with the small file first, the large one takes a fifth less time.
    let mut decoder = FrameDecoder::new();
    let labels = unpack(&mut decoder, labels)?;
    let images = unpack(&mut decoder, images)?;
    let classes = (0..10).map(|digit| digit.to_string()).collect();
    let labels = labels.data.into_iter().map(u32::from).collect();
    Images::new(vec![1, 28, 28], images.data, labels, classes)
}

fn files(split: Split) -> Option<[Embedded; 2]> {
    match split {
        Split::Train => Some([embedded!("train-images-idx3-ubyte"), embedded!("train-labels-idx1-ubyte")]),
        Split::Validation => None,
        Split::Test => Some([embedded!("t10k-images-idx3-ubyte"), embedded!("t10k-labels-idx1-ubyte")]),
    }
}

fn unpack(decoder: &mut FrameDecoder, (name, bytes): Embedded) -> Result<Idx, DataError> {
    let path = Path::new(name);
    let stream = StreamingDecoder::new_with_decoder(bytes, decoder)
        .map_err(|error| DataError::Io { path: path.to_owned(), source: io::Error::other(error) })?;
    idx::read_trusted(stream, path)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::Dataset;
    use crate::idx::tests::encode;

    #[test]
    fn is_the_canonical_mnist() {
        let license = include_str!("../data/LICENSE");
        for split in [Split::Train, Split::Test] {
            for file in files(split).unwrap() {
                let idx = unpack(&mut FrameDecoder::new(), file).unwrap();
                let shape: Vec<_> = idx.shape.iter().map(|&side| side as u32).collect();
                let hash: String =
                    Sha256::digest(encode(&shape, &idx.data)).iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(license.contains(&format!("{hash}  {}", file.0)), "{} has {hash}", file.0);
            }
        }
    }

    #[test]
    fn has_the_published_counts() {
        // The counts per digit of the 60,000 and of the 10,000.
        for (split, expected) in [
            (Split::Train, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
            (Split::Test, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        ] {
            let digits = mnist(split).unwrap();
            let mut counts = [0; 10];
            digits.labels().iter().for_each(|&label| counts[label as usize] += 1);
            assert_eq!(counts, expected);
            assert_eq!(digits.spec().features(), 784);
        }
    }
}
