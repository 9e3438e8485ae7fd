//! NumPy's format of one array, as far as data needs it: whole numbers and floating-point numbers, little-endian, in C order.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::DataError;
use crate::files::regular;
use crate::form::Form;
pub use crate::kind::Kind;
use crate::rows::Rows;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header that is read; those of NumPy have 64 or 128 bytes.
const MAX_HEADER: usize = 1 << 16;
/// Bytes that are read at a time, a multiple of the size of every number.
const CHUNK: usize = 1 << 16;
/// Sides of an array.
const MAX_RANK: usize = 8;

/// An array in a file whose header has been read.
pub struct Array<R> {
    /// The type of its numbers.
    pub kind: Kind,
    /// Its sides.
    pub shape: Vec<usize>,
    /// Bytes of its header.
    start: u64,
    source: R,
    buffer: Vec<u8>,
}

impl Array<Box<dyn Read + Send>> {
    /// Opens a file and reads its header. The file must be as long as the header says.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        let len = std::fs::metadata(path).and_then(regular).map_err(io)?.len();
        let file = File::open(path).map_err(io)?;
        Self::checked(Box::new(BufReader::new(file)), len, path)
    }

    /// The numbers of the file that this was opened from, as inputs along its first side.
    pub(crate) fn into_rows(self, path: &Path) -> Result<Rows, DataError> {
        let file = File::open(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?;
        let form = self.form();
        let row = self.shape.iter().skip(1).fold(form.size(), |product, &side| product.saturating_mul(side));
        let len = self.n_bytes().map_or(u64::MAX, |bytes| bytes.saturating_add(self.start));
        Rows::new(path.to_owned(), file, self.start..len, row, form)
    }

    /// Reads the header of an array that is `len` bytes long. `path` is for errors.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub(crate) fn checked(source: Box<dyn Read + Send>, len: u64, path: &Path) -> Result<Self, DataError> {
        let array = Array::read_header(source).map_err(|problem| match problem {
            Fault::Io(source) => DataError::Io { path: path.to_owned(), source },
            Fault::Format(problem) => DataError::Content { path: path.to_owned(), problem },
            Fault::Cut => DataError::Damaged { path: path.to_owned(), problem: "ends within its header".to_owned() },
        })?;
        let promised = array.n_bytes().and_then(|bytes| bytes.checked_add(array.start));
        if promised != Some(len) {
            let promised = promised.map_or("more than any file has".to_owned(), |bytes| bytes.to_string());
            let problem = format!("has {len} bytes, its header promises {promised} for shape {:?}", array.shape);
            return Err(DataError::Damaged { path: path.to_owned(), problem });
        }
        Ok(array)
    }
}

/// Why a header cannot be read.
enum Fault {
    Io(std::io::Error),
    Cut,
    Format(String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Io(error),
        }
    }
}

impl<R: Read> Array<R> {
    fn read_header(mut source: R) -> Result<Self, Fault> {
        let mut start = [0; 8];
        source.read_exact(&mut start)?;
        let wrong = |problem: String| Err(Fault::Format(problem));
        if &start[..6] != MAGIC {
            return wrong("is not a NumPy array: it does not start with \\x93NUMPY".to_owned());
        }
        let len = match start[6] {
            1 => {
                let mut len = [0; 2];
                source.read_exact(&mut len)?;
                usize::from(u16::from_le_bytes(len))
            }
            2 | 3 => {
                let mut len = [0; 4];
                source.read_exact(&mut len)?;
                u32::from_le_bytes(len) as usize
            }
            version => return wrong(format!("has version {version} of NumPy's format, 1 to 3 are read")),
        };
        if len > MAX_HEADER {
            return wrong(format!("has a header of {len} bytes, at most {MAX_HEADER} are read"));
        }
        let mut header = vec![0; len];
        source.read_exact(&mut header)?;
        let shown = || header.escape_ascii().to_string();
        let Some((descr, fortran, shape)) = str::from_utf8(&header).ok().and_then(dictionary) else {
            return wrong(format!("has a header that is not understood: {}", shown()));
        };
        let Some(kind) = Kind::named(descr) else {
            let known = "u1 to u8, i1 to i8, f2 to f8, little-endian";
            return wrong(format!("has numbers of type `{descr}`, expected {known}; save it with `.astype(\"<f4\")`"));
        };
        if fortran && shape.len() > 1 {
            return wrong("is in Fortran order; save it with `numpy.ascontiguousarray`".to_owned());
        }
        let before = if start[6] == 1 { 10 } else { 12 };
        Ok(Self { kind, shape, start: (before + len) as u64, source, buffer: vec![] })
    }

    /// Whether its numbers are pixels, those of u1 with two sides or three behind the first.
    pub fn is_images(&self) -> bool {
        self.kind == Kind::U8 && matches!(self.shape.len(), 3 | 4)
    }

    /// What its bytes are as inputs.
    pub(crate) fn form(&self) -> Form {
        if self.is_images() { Form::Pixels } else { Form::Numbers(self.kind) }
    }

    /// Bytes of its numbers, `None` if no file has so many.
    pub fn n_bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.kind.size() as u64, |product, &side| product.checked_mul(side as u64))
    }

    /// All numbers, as f32. Whole numbers beyond 2²⁴ are rounded.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn into_f32(mut self) -> std::io::Result<Vec<f32>> {
        let mut left = self.shape.iter().fold(1_usize, |product, &side| product.saturating_mul(side));
        let mut values = vec![];
        values.try_reserve_exact(left)?;
        while left > 0 {
            let n = left.min(CHUNK / 8);
            self.read_f32(n, &mut values)?;
            left -= n;
        }
        Ok(values)
    }

    /// Appends the next `n` numbers, as f32.
    ///
    /// # Errors
    /// What the operating system says; [`std::io::ErrorKind::UnexpectedEof`] if there are no more.
    pub fn read_f32(&mut self, n: usize, out: &mut Vec<f32>) -> std::io::Result<()> {
        self.buffer.resize(n * self.kind.size(), 0);
        self.source.read_exact(&mut self.buffer)?;
        let start = out.len();
        out.resize(start + n, 0.0);
        self.kind.write_f32(&self.buffer, out[start..].iter_mut());
        Ok(())
    }

    /// All numbers of an array of whole ones, as labels: what is below 0 or beyond u32 is `None`.
    ///
    /// # Errors
    /// What the operating system says; [`std::io::ErrorKind::InvalidData`] for floating-point numbers.
    pub fn into_labels(self) -> std::io::Result<Vec<Option<u32>>> {
        match self.kind {
            Kind::U8 => self.each(|[byte]| Some(u32::from(byte))),
            Kind::I8 => self.each(|bytes| i8::from_le_bytes(bytes).try_into().ok()),
            Kind::U16 => self.each(|bytes| Some(u32::from(u16::from_le_bytes(bytes)))),
            Kind::I16 => self.each(|bytes| i16::from_le_bytes(bytes).try_into().ok()),
            Kind::U32 => self.each(|bytes| Some(u32::from_le_bytes(bytes))),
            Kind::I32 => self.each(|bytes| i32::from_le_bytes(bytes).try_into().ok()),
            Kind::U64 => self.each(|bytes| u64::from_le_bytes(bytes).try_into().ok()),
            Kind::I64 => self.each(|bytes| i64::from_le_bytes(bytes).try_into().ok()),
            Kind::F16 | Kind::F32 | Kind::F64 => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }

    /// Bytes of an array of u8.
    pub(crate) fn into_bytes(self) -> std::io::Result<Vec<u8>> {
        self.each(|[byte]| byte)
    }

    /// Reads numbers of `N` bytes, some at a time: no more memory is taken than for what they become.
    fn each<const N: usize, T>(mut self, f: impl Fn([u8; N]) -> T) -> std::io::Result<Vec<T>> {
        let mut left = self.n_bytes().unwrap_or(u64::MAX);
        let mut values = vec![];
        values.try_reserve_exact(usize::try_from(left / N as u64).unwrap_or(usize::MAX))?;
        let mut buffer = vec![0; CHUNK];
        while left > 0 {
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
            self.source.read_exact(&mut buffer[..n])?;
            values.extend(buffer[..n].as_chunks().0.iter().map(|&bytes| f(bytes)));
            left -= n as u64;
        }
        Ok(values)
    }
}

/// Type, order and shape of `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, in any order.
fn dictionary(header: &str) -> Option<(&str, bool, Vec<usize>)> {
    let mut rest = header.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('\'')?.split_once('\'')?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        rest = match key {
            "descr" => {
                let (found, after) = value.strip_prefix('\'')?.split_once('\'')?;
                descr = Some(found);
                after
            }
            "fortran_order" => {
                let (found, after) = match value.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, value.strip_prefix("False")?),
                };
                fortran = Some(found);
                after
            }
            "shape" => {
                let (found, after) = value.strip_prefix('(')?.split_once(')')?;
                let sides = found.split(',').map(str::trim).filter(|side| !side.is_empty());
                let sides: Vec<usize> = sides.map(|side| side.parse().ok()).collect::<Option<_>>()?;
                shape = Some(sides).filter(|sides| sides.len() <= MAX_RANK);
                after
            }
            _ => return None,
        };
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some((descr?, fortran?, shape?))
}

#[cfg(test)]
pub(crate) mod tests;
