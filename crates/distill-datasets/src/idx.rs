//! IDX, the format of MNIST and its relatives, plain or compressed with gzip.
//!
//! ```text
//! 00 00            magic
//! 08               type of the elements, here u8
//! nn               number of dimensions
//! ssssssss ...     the sides, big-endian u32
//! ...              the elements, row-major
//! ```
//! Sizes are checked against the length of the file before anything is allocated. A file
//! is what its header says to the byte, or it is an error.

use std::io::{self, Read};
use std::path::Path;

use crate::DataError;

mod stream;

pub use stream::IdxStream;

/// The most sides that a file may have.
pub const MAX_RANK: u8 = 4;

/// No deflate stream expands more than this, so a larger promise is a lie.
const MAX_GZIP_RATIO: u64 = 1032;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const U8: u8 = 0x08;
const MAX_HEADER: usize = 4 + 4 * MAX_RANK as usize;

/// The contents of an IDX file of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// The sides, such as `[60000, 28, 28]`.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub data: Vec<u8>,
}

/// Reads a file, compressed or not. What it is, its first bytes decide and not its name.
///
/// # Errors
/// [`DataError`] for a file that cannot be read or is not exactly one IDX array of bytes.
pub fn read(path: impl AsRef<Path>) -> Result<Idx, DataError> {
    IdxStream::open(path)?.whole()
}

/// Parses the bytes of a file, compressed or not; `origin` is the name that errors give it.
///
/// # Errors
/// As for [`read`].
///
/// # Examples
/// ```
/// use std::path::Path;
/// let bytes = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9];
/// let idx = distill_datasets::idx::parse(&bytes, Path::new("example"))?;
/// assert_eq!((idx.shape, idx.data), (vec![1, 3], vec![7, 8, 9]));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub fn parse(bytes: &[u8], origin: &Path) -> Result<Idx, DataError> {
    IdxStream::new(bytes, bytes.len() as u64, origin)?.whole()
}

/// Reads a stream that is trusted to hold what its header promises.
#[cfg(feature = "mnist")]
pub(crate) fn read_trusted(mut reader: impl Read, path: &Path) -> Result<Idx, DataError> {
    let header = Header::read(&mut reader, path)?;
    let mut data = vec![0; header.n_elements];
    fill(&mut reader, &mut data, header.len(), path)?;
    Ok(Idx { shape: header.shape, data })
}

struct Header {
    shape: Vec<usize>,
    n_elements: usize,
}

impl Header {
    fn read(reader: &mut impl Read, path: &Path) -> Result<Self, DataError> {
        let mut start = [0; 4];
        fill(reader, &mut start, 0, path)?;
        let [zero_0, zero_1, code, rank] = start;
        if [zero_0, zero_1] != [0, 0] {
            return Err(DataError::BadMagic { path: path.to_owned(), actual: [zero_0, zero_1] });
        }
        if code != U8 {
            return Err(DataError::UnsupportedType { path: path.to_owned(), code });
        }
        if !(1..=MAX_RANK).contains(&rank) {
            return Err(DataError::BadRank { path: path.to_owned(), rank });
        }
        let mut sides = [[0; 4]; MAX_RANK as usize];
        let sides = &mut sides[..usize::from(rank)];
        fill(reader, sides.as_flattened_mut(), start.len(), path)?;
        let shape: Vec<_> = sides.iter().map(|&side| u32::from_be_bytes(side)).collect();
        let n_elements = shape
            .iter()
            .try_fold(1_usize, |product, &side| product.checked_mul(usize::try_from(side).ok()?))
            // The largest allocation, less room for the header.
            .filter(|&n| n <= isize::MAX as usize - MAX_HEADER);
        match n_elements {
            Some(n_elements) => Ok(Self { shape: shape.iter().map(|&side| side as usize).collect(), n_elements }),
            None => Err(DataError::TooLarge { path: path.to_owned(), shape }),
        }
    }

    fn len(&self) -> usize {
        4 + 4 * self.shape.len()
    }

    /// The length of the whole file.
    fn promised(&self) -> u64 {
        (self.len() + self.n_elements) as u64
    }
}

/// Fills the buffer, which lies at `offset` of the file.
fn fill(reader: &mut impl Read, buffer: &mut [u8], offset: usize, path: &Path) -> Result<(), DataError> {
    let mut n = 0;
    while n < buffer.len() {
        match reader.read(&mut buffer[n..]) {
            Ok(0) => {
                let (promised, actual) = ((offset + buffer.len()) as u64, (offset + n) as u64);
                return Err(DataError::Truncated { path: path.to_owned(), promised, actual });
            }
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error, path)),
        }
    }
    Ok(())
}

/// The decoder passes on what the operating system says and uses three kinds of its own.
fn read_error(source: io::Error, path: &Path) -> DataError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            DataError::Gzip { path, source }
        }
        _ => DataError::Io { path, source },
    }
}

#[cfg(test)]
pub(crate) mod tests;
