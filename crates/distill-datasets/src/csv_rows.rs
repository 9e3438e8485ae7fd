use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::DataError;
use crate::columns::Cell;
use crate::files::regular;

/// The most bytes of a line: a file without line ends is not a table.
const MAX_LINE: usize = 64 << 20;

/// What stands between the fields of a table, by its first line: of commas, semicolons and tabs that of which it has most, and
/// commas where it has none.
pub fn delimiter_of(first_line: &[u8]) -> u8 {
    let count = |delimiter: u8| first_line.iter().filter(|&&byte| byte == delimiter).count();
    b",;\t".iter().copied().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// The rows of a file, one after the other.
pub(crate) struct CsvRows {
    path: PathBuf,
    reader: Reader<Lines<BufReader<File>>>,
    header: Vec<String>,
    record: StringRecord,
}

impl CsvRows {
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        std::fs::metadata(path).and_then(regular).map_err(io)?;
        let mut start = vec![];
        File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut start)).map_err(io)?;
        let first = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let delimiter = delimiter_of(first);
        let file = Lines { source: BufReader::new(File::open(path).map_err(io)?), len: 0 };
        let reader = ReaderBuilder::new().delimiter(delimiter).from_reader(file);
        let mut rows = Self { path: path.to_owned(), reader, header: vec![], record: StringRecord::new() };
        let header = rows.reader.headers().cloned();
        let header = header.map_err(|error| rows.refused(&error))?;
        rows.header = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        if rows.header.iter().all(String::is_empty) {
            return Err(rows.fault("is empty, expected the names of the columns in its first line".to_owned()));
        }
        Ok(rows)
    }

    /// Reads a row; false at the end.
    pub(crate) fn next(&mut self) -> Result<bool, DataError> {
        self.reader.read_record(&mut self.record).map_err(|error| self.refused(&error))
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    pub(crate) fn cell(&self, at: usize) -> Option<Cell<'_>> {
        self.record.get(at).map(Cell::Text)
    }

    /// The first is the header.
    pub(crate) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn fault(&self, problem: String) -> DataError {
        DataError::Content { path: self.path.clone(), problem }
    }

    fn refused(&self, error: &csv::Error) -> DataError {
        match error.kind() {
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let line = pos.as_ref().map_or(0, csv::Position::line);
                self.fault(format!("has {len} fields in line {line}, and {expected_len} columns"))
            }
            csv::ErrorKind::Utf8 { pos, .. } => {
                self.fault(format!("is not text: line {}", pos.as_ref().map_or(0, csv::Position::line)))
            }
            _ => self.fault(format!("is not a valid table: {error}")),
        }
    }
}

/// Ends a file without line ends before it fills the memory.
struct Lines<R> {
    source: R,
    /// Bytes since the last end of a line.
    len: usize,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.len = match buffer[..n].iter().rposition(|&byte| byte == b'\n') {
            Some(end) => n - end - 1,
            None => self.len + n,
        };
        if self.len > MAX_LINE {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("a line is longer than {MAX_LINE} bytes"),
            ));
        }
        Ok(n)
    }
}
