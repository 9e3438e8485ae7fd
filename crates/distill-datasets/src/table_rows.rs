use std::path::{Path, PathBuf};

use crate::DataError;
use crate::columns::Cell;
use crate::csv_rows::CsvRows;
#[cfg(feature = "parquet")]
use crate::parquet_file::ParquetRows;

/// A table in a folder by its name, `NAME.csv` or else `NAME.parquet`.
pub fn table_file(dir: &Path, name: &str) -> Option<PathBuf> {
    ["csv", "parquet"].iter().map(|extension| dir.join(format!("{name}.{extension}"))).find(|path| path.is_file())
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
        Ok(Self { path: path.to_owned(), rows })
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
