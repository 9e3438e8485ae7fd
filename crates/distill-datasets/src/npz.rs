//! NumPy's format of several arrays: a zip file of `.npy` files, as `numpy.savez` and `numpy.savez_compressed` write it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::DataError;
use crate::files::regular;
use crate::npy::Array;

/// The most that deflate makes of a byte: what claims more lies.
const MAX_RATIO: u64 = 1032;

/// Arrays that are unpacked in memory are no longer.
const MAX_BYTES: u64 = 16 << 30;

/// A file with arrays by name.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    len: u64,
}

impl Npz {
    /// Opens a file and reads the list of its arrays.
    ///
    /// # Errors
    /// [`DataError::Io`], and [`DataError::Damaged`] if it is not a zip file.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let len = std::fs::metadata(path).and_then(regular).map_err(io)?.len();
        let file = BufReader::new(File::open(path).map_err(io)?);
        let archive = ZipArchive::new(file).map_err(|error| fault(path, error))?;
        Ok(Self { path: path.to_owned(), archive, len })
    }

    /// The names of the arrays, without `.npy`, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names().filter_map(Result::ok);
        names.filter_map(|name| name.strip_suffix(".npy").map(str::to_owned)).collect()
    }

    /// Opens an array, which is unpacked when its numbers are read; `None` if no array has that name. No size that the file
    /// claims is believed before it is compared with the bytes that are there; what it promises is then known before memory is
    /// taken for it.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`] and [`DataError::Content`].
    pub fn array(&mut self, name: &str) -> Result<Option<Array<Box<dyn Read + Send>>>, DataError> {
        let place = self.path.join(format!("{name}.npy"));
        let entry = match self.archive.by_name(&format!("{name}.npy")) {
            Err(ZipError::FileNotFound) => return Ok(None),
            entry => entry.map_err(|error| fault(&place, error))?,
        };
        let (len, packed) = (entry.size(), entry.compressed_size().min(self.len));
        if len > packed.saturating_mul(MAX_RATIO).min(MAX_BYTES) {
            let problem = format!("promises {len} bytes, more than the {packed} of the file can hold");
            return Err(DataError::Damaged { path: place, problem });
        }
        let damaged = |problem: String| DataError::Damaged { path: place.clone(), problem };
        let Some(start) = entry.data_start() else { return Err(damaged("has no place in the file".to_owned())) };
        let io = |source| DataError::Io { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        let bytes = BufReader::new(file.take(packed));
        let source: Box<dyn Read + Send> = match entry.compression() {
            CompressionMethod::Stored => Box::new(bytes),
            CompressionMethod::Deflated => Box::new(DeflateDecoder::new(bytes)),
            other => return Err(damaged(format!("is compressed with {other}, which is not read here"))),
        };
        let member = Member { source, left: len, sum: entry.crc32(), crc: Crc::new() };
        Array::checked(Box::new(member), len, &place).map(Some)
    }
}

/// The bytes of an array as they are unpacked. The last of them is given only if all are as they were written.
struct Member {
    source: Box<dyn Read + Send>,
    left: u64,
    sum: u32,
    crc: Crc,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.source.read(&mut buffer[..most])?;
        self.crc.update(&buffer[..n]);
        self.left -= n as u64;
        if n > 0 && self.left == 0 {
            let damaged = |problem| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            if self.crc.sum() != self.sum {
                return damaged("its checksum does not match");
            }
            if self.source.read(&mut [0])? > 0 {
                return damaged("it holds more than it promises");
            }
        }
        Ok(n)
    }
}

fn fault(path: &Path, error: ZipError) -> DataError {
    match error {
        ZipError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            DataError::Io { path: path.to_owned(), source }
        }
        other => DataError::Damaged { path: path.to_owned(), problem: format!("is not a valid zip file: {other}") },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;
    use crate::npy::tests::encode;

    /// As `numpy.savez_compressed` writes it.
    pub(crate) fn pack(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in arrays {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            writer.start_file(format!("{name}.npy"), options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn open(bytes: &[u8]) -> Result<(tempfile::TempDir, Npz), DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        std::fs::write(&path, bytes).unwrap();
        Npz::open(&path).map(|npz| (dir, npz))
    }

    #[test]
    fn arrays_are_found_by_name() {
        let floats = [1.5_f32, -2.0].map(f32::to_le_bytes).concat();
        let bytes = pack(&[("x", encode("<f4", "(2,)", &floats)), ("y", encode("|u1", "(1,)", &[7]))]);
        let (_dir, mut npz) = open(&bytes).unwrap();
        assert_eq!(npz.names(), ["x", "y"]);
        assert_eq!(npz.array("x").unwrap().unwrap().into_f32().unwrap(), [1.5, -2.0]);
        assert_eq!(npz.array("y").unwrap().unwrap().into_labels().unwrap(), [Some(7)]);
        assert!(npz.array("z").unwrap().is_none());
    }

    #[test]
    fn damage_is_an_error() {
        let whole = pack(&[("x", encode("|u1", "(5000,)", &[3; 5000]))]);
        assert!(open(b"PK").is_err() && open(b"").is_err() && open(&whole[..whole.len() - 9]).is_err());
        // A changed byte of the packed numbers, or of their check sum.
        for at in 60..90 {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x5a;
            if let Ok((_dir, mut npz)) = open(&bytes)
                && let Ok(Some(array)) = npz.array("x")
                && let Ok(found) = array.into_labels()
            {
                assert_eq!(found, vec![Some(3); 5000], "byte {at}");
            }
        }
        // The header of the array promises more than there is.
        let (_dir, mut npz) = open(&pack(&[("x", encode("|u1", "(9,)", &[0; 8]))])).unwrap();
        assert!(npz.array("x").map(|_| ()).unwrap_err().to_string().contains("its header promises"));
    }
}
