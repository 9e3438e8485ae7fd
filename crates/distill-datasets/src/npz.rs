//! NumPy's format of several arrays: a zip file of `.npy` files, as `numpy.savez` and `numpy.savez_compressed` write it.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::DataError;
use crate::cifar::regular;
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
    /// [`DataError::Io`], and [`DataError::Damaged`] if it is no zip file.
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

    /// Unpacks an array; `None` if there is none of that name. No size that the file claims is believed before it is
    /// compared with the bytes that are there.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Damaged`] and [`DataError::Content`].
    pub fn array(&mut self, name: &str) -> Result<Option<Array<Box<dyn Read + Send>>>, DataError> {
        let place = self.path.join(format!("{name}.npy"));
        let mut entry = match self.archive.by_name(&format!("{name}.npy")) {
            Err(ZipError::FileNotFound) => return Ok(None),
            entry => entry.map_err(|error| fault(&place, error))?,
        };
        let (len, packed) = (entry.size(), entry.compressed_size().min(self.len));
        if len > packed.saturating_mul(MAX_RATIO).min(MAX_BYTES) {
            let problem = format!("promises {len} bytes, more than the {packed} of the file can hold");
            return Err(DataError::Damaged { path: place, problem });
        }
        let mut bytes = vec![];
        // One more than was promised shows that there are more.
        let read = entry.by_ref().take(len + 1).read_to_end(&mut bytes);
        read.map_err(|error| DataError::Damaged {
            path: place.clone(),
            problem: format!("cannot be unpacked: {error}"),
        })?;
        let n = bytes.len() as u64;
        Array::checked(Box::new(Cursor::new(bytes)), n, &place).map(Some)
    }
}

fn fault(path: &Path, error: ZipError) -> DataError {
    match error {
        ZipError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            DataError::Io { path: path.to_owned(), source }
        }
        other => DataError::Damaged { path: path.to_owned(), problem: format!("is no sound zip file: {other}") },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use zip::CompressionMethod;
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
            {
                assert_eq!(array.into_labels().unwrap(), vec![Some(3); 5000], "byte {at}");
            }
        }
        // The header of the array promises more than there is.
        let (_dir, mut npz) = open(&pack(&[("x", encode("|u1", "(9,)", &[0; 8]))])).unwrap();
        assert!(npz.array("x").map(|_| ()).unwrap_err().to_string().contains("its header promises"));
    }
}
