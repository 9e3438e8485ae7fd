//! Tables in Parquet.
//!
//! The `parquet` crate reads the list of the columns and decodes values. Pages are cut out and unpacked here, where what a
//! file claims is compared with what there is.

mod cells;
mod header;
mod pages;

use std::any::Any;
use std::cell::Cell as ThreadCell;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::column::reader::get_column_reader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use self::cells::{Cells, Kind};
use self::pages::{Pages, Shared};
use crate::DataError;
use crate::columns::Cell;
use crate::files::regular;

/// Rows that are decoded at once.
const BATCH: usize = 1024;
/// The list of the columns has about a hundred bytes for each in each group of rows.
const MAX_LIST: u64 = 16 << 20;
const MAGIC: &[u8] = b"PAR1";

thread_local! {
    static GUARDED: ThreadCell<bool> = const { ThreadCell::new(false) };
}

/// Whether a panic on this thread is caught and returned as an error of a damaged file, so that a hook need not report it.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The operating system refused.
    #[error("{0}")]
    Io(io::Error),
    /// The file is not as it was written.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// The file may be sound.
    #[error("{0}")]
    Cannot(String),
}

impl Fault {
    fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(format!("{} cannot be used", what.into()))
    }
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(other) => Self::Damaged(other.to_string()),
            },
            ParquetError::General(text) | ParquetError::EOF(text) => Self::Damaged(text),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// The rows of a file, one after the other. Columns that nobody asks for are not read.
pub(crate) struct ParquetRows {
    path: PathBuf,
    file: Shared,
    metadata: ParquetMetaData,
    header: Vec<String>,
    /// Of each column, why it cannot be used.
    kinds: Vec<Result<Kind, String>>,
    needed: Vec<bool>,
    /// Groups of rows that have begun.
    n_groups: usize,
    /// Rows of this group that are still to be decoded.
    left: usize,
    columns: Vec<Option<Cells>>,
    n_buffered: usize,
    at: usize,
    n_read: u64,
}

impl ParquetRows {
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let fault = |fault| data_error(path, fault);
        let io = |source| data_error(path, Fault::Io(source));
        let length = std::fs::metadata(path).and_then(regular).map_err(io)?.len();
        let file = File::open(path).map_err(io)?;
        check_ends(&file, length).map_err(fault)?;
        let metadata = guarded(|| Ok(ParquetMetaDataReader::new().parse_and_finish(&file)?)).map_err(fault)?;
        let columns = metadata.file_metadata().schema_descr().columns();
        let header: Vec<String> = columns.iter().map(|column| column.path().string()).collect();
        let kinds: Vec<_> = columns.iter().map(|column| Kind::of(column)).collect();
        let n = header.len();
        if n == 0 {
            return Err(fault(Fault::Cannot("has no columns".to_owned())));
        }
        if metadata.row_groups().iter().any(|group| group.num_columns() != n) {
            return Err(fault(Fault::damaged("the list of its columns")));
        }
        Ok(Self {
            path: path.to_owned(),
            file: Shared::new(file),
            header,
            kinds,
            needed: vec![true; n],
            n_groups: 0,
            left: 0,
            columns: vec![],
            n_buffered: 0,
            at: 0,
            n_read: 0,
            metadata,
        })
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Whether a column can be read.
    pub(crate) fn can_read(&self, at: usize) -> bool {
        self.kinds[at].is_ok()
    }

    /// Before the first row.
    pub(crate) fn select(&mut self, positions: impl IntoIterator<Item = usize>) {
        self.needed.fill(false);
        positions.into_iter().for_each(|at| self.needed[at] = true);
    }

    /// Reads a row; false at the end.
    pub(crate) fn next(&mut self) -> Result<bool, DataError> {
        if self.at + 1 < self.n_buffered {
            self.at += 1;
        } else {
            let n = guarded(|| self.fill()).map_err(|fault| data_error(&self.path, fault))?;
            (self.n_buffered, self.at) = (n, 0);
            if n == 0 {
                return Ok(false);
            }
        }
        self.n_read += 1;
        Ok(true)
    }

    pub(crate) fn cell(&self, at: usize) -> Option<Cell<'_>> {
        self.columns.get(at)?.as_ref()?.get(self.at)
    }

    /// Rows before this one.
    pub(crate) fn index(&self) -> u64 {
        self.n_read.saturating_sub(1)
    }

    /// Decodes more rows of the columns that are needed.
    fn fill(&mut self) -> Result<usize, Fault> {
        while self.left == 0 {
            if self.n_groups == self.metadata.num_row_groups() {
                return Ok(0);
            }
            self.begin_group(self.n_groups)?;
            self.n_groups += 1;
        }
        let n = BATCH.min(self.left);
        for (column, name) in self.columns.iter_mut().zip(&self.header) {
            if let Some(cells) = column
                && !cells.read(n)?
            {
                return Err(Fault::damaged(format!("the number of values in column `{name}`")));
            }
        }
        self.left -= n;
        Ok(n)
    }

    fn begin_group(&mut self, at: usize) -> Result<(), Fault> {
        let group = self.metadata.row_group(at);
        self.left = usize::try_from(group.num_rows()).map_err(|_| Fault::damaged("the number of rows"))?;
        self.columns.clear();
        for (i, (kind, chunk)) in self.kinds.iter().zip(group.columns()).enumerate() {
            if !self.needed[i] {
                self.columns.push(None);
                continue;
            }
            let kind = kind.as_ref().map_err(|problem| {
                Fault::Cannot(format!(
                    "has {problem} in column `{}`: write numbers or text, or leave the column out of what is read",
                    self.header[i]
                ))
            })?;
            if chunk.num_values() != group.num_rows() {
                return Err(Fault::damaged(format!("the number of values in column `{}`", self.header[i])));
            }
            let pages = Pages::new(self.file.clone(), chunk)?;
            let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(pages));
            self.columns.push(Some(Cells::new(*kind, reader)));
        }
        Ok(())
    }
}

/// A file has its name at both ends, and before that at the end how long the list of its columns is.
fn check_ends(mut file: &File, length: u64) -> Result<(), Fault> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    let mut ends = [[0; 4]; 3];
    if length >= 12 {
        let [first, size, last] = &mut ends;
        let read = file.read_exact(first);
        let read = read.and_then(|()| file.seek(SeekFrom::End(-8)));
        let read = read.and_then(|_| file.read_exact(size)).and_then(|()| file.read_exact(last));
        read.map_err(Fault::Io)?;
    }
    let [first, size, last] = ends;
    if first != MAGIC || last != MAGIC {
        let what =
            if last == *b"PARE" { "is encrypted, which is not read here" } else { "is not a complete Parquet file" };
        return Err(Fault::Cannot(what.to_owned()));
    }
    let size = u64::from(u32::from_le_bytes(size));
    match size {
        _ if size > length - 12 => Err(Fault::damaged("the length of the list of its columns")),
        _ if size > MAX_LIST => {
            Err(Fault::Cannot(format!("has a list of columns of {size} bytes, at most {MAX_LIST} are read")))
        }
        _ => Ok(()),
    }
}

fn data_error(path: &Path, fault: Fault) -> DataError {
    match fault {
        Fault::Io(source) => DataError::Io { path: path.to_owned(), source },
        Fault::Damaged(_) => DataError::Damaged { path: path.to_owned(), problem: fault.to_string() },
        Fault::Cannot(problem) => DataError::Content { path: path.to_owned(), problem },
    }
}

/// The decoders come from elsewhere and are not sure to be without panics.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    outcome.unwrap_or_else(|payload: Box<dyn Any + Send>| {
        let text = payload.downcast_ref::<&str>().map(|&text| text.to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Err(Fault::Damaged(text.unwrap_or_else(|| "it cannot be decoded".to_owned())))
    })
}

#[cfg(test)]
mod tests;
