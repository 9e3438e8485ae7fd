use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::columns::Cell;
use crate::csv_rows::CsvRows;
#[cfg(feature = "parquet")]
use crate::parquet_file::ParquetRows;
use crate::{DataError, Split};

/// A table in a folder by its name, `NAME.csv` or else `NAME.parquet`.
pub fn table_file(dir: &Path, name: &str) -> Option<PathBuf> {
    ["csv", "parquet"].iter().map(|extension| dir.join(format!("{name}.{extension}"))).find(|path| path.is_file())
}

/// Whether a file is a table, by its name.
pub fn is_table(path: &Path) -> bool {
    let is = |end: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    ["csv", "tsv", "parquet"].into_iter().any(is)
}

/// Whether a file with a table of columns is in Parquet, by its name.
fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// The rows of a table, one after the other: CSV with the names of the columns in the first line, or Parquet with the
/// feature `parquet`, where the name of the file ends so.
///
/// A row at a time is in memory, of Parquet a thousand.
pub struct TableRows {
    path: PathBuf,
    rows: Rows,
    /// The set of each row, and the one whose rows are read.
    only: Option<(Arc<[Split]>, Split)>,
    n_read: usize,
}

enum Rows {
    Csv(Box<CsvRows>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl TableRows {
    /// Opens a table and reads the names of its columns.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let rows = match is_parquet(path) {
            false => Rows::Csv(Box::new(CsvRows::open(path)?)),
            #[cfg(feature = "parquet")]
            true => Rows::Parquet(Box::new(ParquetRows::open(path)?)),
            #[cfg(not(feature = "parquet"))]
            true => {
                let problem =
                    "is in Parquet, which this build does not read: it lacks the feature `parquet`".to_owned();
                return Err(DataError::Content { path: path.to_owned(), problem });
            }
        };
        Ok(Self { path: path.to_owned(), rows, only: None, n_read: 0 })
    }

    /// Reads the rows of one set alone, given the sets of all.
    pub(crate) fn only(self, sets: Arc<[Split]>, set: Split) -> Self {
        Self { only: Some((sets, set)), ..self }
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        match &self.rows {
            Rows::Csv(rows) => rows.header(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.header(),
        }
    }

    /// Says before the first row which columns will be asked for. Others may then have no cells, and are not decoded.
    pub fn select(&mut self, positions: impl IntoIterator<Item = usize>) {
        match &mut self.rows {
            // A line has to be taken apart for any of them.
            Rows::Csv(_) => drop(positions),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.select(positions),
        }
    }

    /// Reads a row; false at the end.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    #[expect(clippy::should_implement_trait, reason = "rows borrow from this, and may fail")]
    pub fn next(&mut self) -> Result<bool, DataError> {
        loop {
            let is_there = self.next_of_all()?;
            self.n_read += 1;
            let is_wanted = match &self.only {
                // A file that has grown meanwhile has rows of no set.
                Some((sets, set)) => sets.get(self.n_read - 1) == Some(set),
                None => true,
            };
            if !is_there || is_wanted {
                return Ok(is_there);
            }
        }
    }

    fn next_of_all(&mut self) -> Result<bool, DataError> {
        match &mut self.rows {
            Rows::Csv(rows) => rows.next(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.next(),
        }
    }

    /// What stands in a column of this row.
    pub fn cell(&self, at: usize) -> Option<Cell<'_>> {
        match &self.rows {
            Rows::Csv(rows) => rows.cell(at),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.cell(at),
        }
    }

    /// Where this row is in the file, such as `line 3`. Rows of Parquet are counted from 0.
    pub fn place(&self) -> String {
        match &self.rows {
            Rows::Csv(rows) => format!("line {}", rows.line()),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => format!("row {}", rows.index()),
        }
    }

    pub(crate) fn fault(&self, problem: String) -> DataError {
        DataError::Content { path: self.path.clone(), problem }
    }

    pub(crate) fn fault_here(&self, problem: &str) -> DataError {
        self.fault(format!("cannot be used: {}: {problem}", self.place()))
    }
}
