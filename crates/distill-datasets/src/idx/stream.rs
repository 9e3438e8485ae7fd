use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use super::{GZIP_MAGIC, Header, Idx, MAX_GZIP_RATIO, read_error};
use crate::DataError;
use crate::files::regular;
use crate::form::Form;
use crate::rows::Rows;

/// An IDX file, compressed or not, read piece by piece in memory that does not grow with it.
///
/// # Examples
/// ```no_run
/// use distill_datasets::idx::IdxStream;
/// let mut images = IdxStream::open("t10k-images-idx3-ubyte.gz")?;
/// let mut image = vec![0; images.shape()[1..].iter().product()];
/// while images.read(&mut image)? > 0 {
///     // One image after the other.
/// }
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug)]
pub struct IdxStream<R: BufRead = BufReader<File>> {
    path: PathBuf,
    file_len: u64,
    source: Source<R>,
    shape: Vec<usize>,
    promised: u64,
    /// Elements that have not been read.
    n_left: usize,
    ended: bool,
}

#[derive(Debug)]
enum Source<R> {
    Plain(R),
    Gzip(Box<GzDecoder<R>>),
}

impl IdxStream {
    /// Reads the header and compares it with the length of the file.
    ///
    /// # Errors
    /// As [`read`](super::read), but for faults that lie behind the header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let len = fs::metadata(path).and_then(regular).map_err(io)?.len();
        Self::new(BufReader::new(File::open(path).map_err(io)?), len, path)
    }

    /// The elements of a file that is not compressed, as rows along the first side.
    ///
    /// `bound` are the bytes that may be in memory, for the error.
    pub(crate) fn into_rows(self, bound: u64) -> Result<Rows, DataError> {
        match self.source {
            Source::Plain(reader) => {
                let start = (4 + 4 * self.shape.len()) as u64;
                let n_bytes = self.shape[1..].iter().product();
                Rows::new(self.path, reader.into_inner(), start..self.file_len, n_bytes, Form::Pixels)
            }
            Source::Gzip(_) => Err(DataError::Compressed { path: self.path, bytes: self.promised, bound }),
        }
    }
}

impl<R: BufRead> IdxStream<R> {
    /// Reads the header of a file of so many bytes; `path` is the name that errors give it.
    pub(super) fn new(mut reader: R, file_len: u64, path: &Path) -> Result<Self, DataError> {
        let path = path.to_owned();
        let start = reader.fill_buf().map_err(|source| DataError::Io { path: path.clone(), source })?;
        let gzip = start.starts_with(&GZIP_MAGIC);
        let mut source = if gzip { Source::Gzip(Box::new(GzDecoder::new(reader))) } else { Source::Plain(reader) };
        let header = Header::read(&mut source, &path)?;
        let promised = header.promised();
        match source {
            Source::Plain(_) if file_len > promised => {
                return Err(DataError::TrailingBytes { path, promised, actual: file_len });
            }
            Source::Plain(_) if file_len < promised => {
                return Err(DataError::Truncated { path, promised, actual: file_len });
            }
            Source::Gzip(_) if promised / MAX_GZIP_RATIO > file_len => {
                return Err(DataError::GzipTooShort { path, promised, compressed: file_len });
            }
            _ => {}
        }
        Ok(Self { path, file_len, source, shape: header.shape, promised, n_left: header.n_elements, ended: false })
    }

    /// The sides, such as `[60000, 28, 28]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The sides, if there are three.
    pub(crate) fn sides(&self) -> Result<[usize; 3], DataError> {
        let wrong = |_| DataError::WrongRank { path: self.path.clone(), expected: 3, shape: self.shape.clone() };
        self.shape.as_slice().try_into().map_err(wrong)
    }

    /// All elements.
    pub(super) fn whole(mut self) -> Result<Idx, DataError> {
        const CHUNK: usize = 1 << 18;
        let mut data: Vec<u8> = Vec::new();
        loop {
            let (start, n) = (data.len(), self.n_left.min(CHUNK));
            // The promise of a compressed file can still be a lie, so memory grows with what is read: to twice as much, unless
            // the system gives only what is promised.
            let grows = self.is_gzip() && data.try_reserve(n).is_ok();
            if !grows && data.try_reserve_exact(self.n_left).is_err() {
                return Err(DataError::NoMemory { path: self.path, needed: self.promised });
            }
            data.resize(start + n, 0);
            if self.read(&mut data[start..])? == 0 {
                break;
            }
        }
        data.shrink_to_fit();
        Ok(Idx { shape: self.shape, data })
    }

    /// Whether the file is compressed.
    pub fn is_gzip(&self) -> bool {
        matches!(self.source, Source::Gzip(_))
    }

    /// Fills the buffer with the next elements and returns their number, which is smaller than
    /// the buffer only at the end, and 0 once everything has been read and checked.
    ///
    /// # Errors
    /// If the file ends too early or too late, is damaged, or cannot be read.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, DataError> {
        if self.n_left == 0 && !self.ended {
            self.check_end()?;
            self.ended = true;
        }
        let n = buffer.len().min(self.n_left);
        let mut n_read = 0;
        while n_read < n {
            match self.source.read(&mut buffer[n_read..n]) {
                Ok(0) => {
                    let actual = self.promised - (self.n_left - n_read) as u64;
                    return Err(DataError::Truncated { path: self.path.clone(), promised: self.promised, actual });
                }
                Ok(more) => n_read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(error, &self.path)),
            }
        }
        self.n_left -= n;
        Ok(n)
    }

    /// The length of a plain file is known from the start; that of a compressed one shows here.
    fn check_end(&mut self) -> Result<(), DataError> {
        let Source::Gzip(decoder) = &mut self.source else { return Ok(()) };
        let more =
            io::copy(&mut decoder.by_ref().take(1), &mut io::sink()).map_err(|error| read_error(error, &self.path))?;
        if more > 0 {
            return Err(DataError::GzipTooLong { path: self.path.clone(), promised: self.promised });
        }
        let left = io::copy(decoder.get_mut(), &mut io::sink()).map_err(|error| read_error(error, &self.path))?;
        if left > 0 {
            let offset = self.file_len.saturating_sub(left);
            return Err(DataError::GzipTrailing { path: self.path.clone(), offset, actual: self.file_len });
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::idx;
    use crate::idx::tests::{encode, gzip};

    /// Everything in the file, read in pieces of `n` elements.
    fn pieces(path: &Path, n: usize) -> Result<(Vec<usize>, Vec<u8>), DataError> {
        let mut stream = IdxStream::open(path)?;
        let (mut all, mut buffer) = (Vec::new(), vec![0; n]);
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok((stream.shape().to_vec(), all)),
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[track_caller]
    fn agrees_with_the_whole(bytes: &[u8], n: usize) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, bytes).unwrap();
        let whole = idx::read(&path).map(|idx| (idx.shape, idx.data)).map_err(|error| error.to_string());
        assert_eq!(pieces(&path, n).map_err(|error| error.to_string()), whole);
    }

    #[test]
    fn finds_the_faults_that_reading_the_whole_finds() {
        let plain = encode(&[3, 2], &[1, 2, 3, 4, 5, 6]);
        let packed = gzip(&plain);
        for bytes in [
            plain.clone(),
            packed.clone(),
            plain[..17].to_vec(),
            [&plain[..], &[0]].concat(),
            [&packed[..], &[0]].concat(),
            [&packed[..], &packed].concat(),
            packed[..packed.len() - 1].to_vec(),
            packed[..packed.len() - 9].to_vec(),
            gzip(&plain[..17]),
            gzip(&[&plain[..], &[0]].concat()),
            gzip(&encode(&[u32::MAX], &[])),
            encode(&[0, 4], &[]),
            gzip(&encode(&[0, 4], &[])),
            b"text".to_vec(),
            vec![],
        ] {
            for n in [1, 2, 4, 6, 7] {
                agrees_with_the_whole(&bytes, n);
            }
        }
    }

    #[test]
    fn says_what_the_file_is_before_it_reads_the_elements() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, gzip(&encode(&[3, 2], &[1, 2, 3, 4, 5, 6]))).unwrap();
        let stream = IdxStream::open(&path).unwrap();
        assert_eq!((stream.shape(), stream.is_gzip()), (&[3, 2][..], true));
        assert!(IdxStream::open(dir.path()).unwrap_err().to_string().starts_with("cannot read"));
    }

    proptest! {
        #[test]
        fn agrees_with_the_whole_on_damaged_files(
            rows in 0_u32..5,
            cut in 0_usize..12,
            flip in 0_usize..64,
            bit in 0_u32..8,
            packed: bool,
            n in 1_usize..9,
        ) {
            let data: Vec<u8> = (0..rows as u8 * 3).collect();
            let mut bytes = encode(&[rows, 3], &data);
            if packed {
                bytes = gzip(&bytes);
            }
            if let Some(byte) = bytes.get_mut(flip) {
                *byte ^= 1 << bit;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            agrees_with_the_whole(&bytes, n);
        }
    }
}
