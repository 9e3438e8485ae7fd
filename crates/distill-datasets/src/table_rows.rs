use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::columns::Cell;
use crate::csv_rows::CsvRows;
use crate::json_rows::JsonRows;
#[cfg(feature = "parquet")]
use crate::parquet_file::ParquetRows;
use crate::{DataError, Split};

/// The forms of a table, by how the name of its file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableForm {
    /// Fields with commas, semicolons or tabs between them, and the names of the columns in the first line.
    Csv,
    /// An object in each line.
    JsonLines,
    /// Parquet, with the feature `parquet`.
    Parquet,
}

impl TableForm {
    /// That of a file; `None` if it is not known to be a table.
    pub fn of(path: &Path) -> Option<Self> {
        let is = |end: &&str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
        let forms = [Self::Csv, Self::JsonLines, Self::Parquet];
        forms.into_iter().find(|form| form.endings().iter().any(is))
    }

    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["csv", "tsv"],
            Self::JsonLines => &["jsonl", "ndjson"],
            Self::Parquet => &["parquet"],
        }
    }
}

/// A table in a folder by its name, the first that is there of `NAME.csv`, `NAME.parquet` and `NAME.jsonl`.
pub fn table_file(dir: &Path, name: &str) -> Option<PathBuf> {
    let named = |end: &&str| dir.join(format!("{name}.{end}"));
    ["csv", "parquet", "jsonl"].iter().map(named).find(|path| path.is_file())
}

/// The table to train on in a folder, or a file that is one table. `None` if there is none.
pub(crate) fn train_table(path: &Path) -> Option<PathBuf> {
    if is_table(path) { Some(path.to_owned()) } else { table_file(path, "train") }
}

/// Whether a file is a table, by its name.
pub fn is_table(path: &Path) -> bool {
    TableForm::of(path).is_some()
}

/// The rows of a table, one after the other. A file whose name ends as that of no [`TableForm`] is read as CSV.
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
    Json(Box<JsonRows>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

impl TableRows {
    /// Opens a table and reads the names of its columns.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let rows = match TableForm::of(path).unwrap_or(TableForm::Csv) {
            TableForm::Csv => Rows::Csv(Box::new(CsvRows::open(path)?)),
            TableForm::JsonLines => Rows::Json(Box::new(JsonRows::open(path)?)),
            #[cfg(feature = "parquet")]
            TableForm::Parquet => Rows::Parquet(Box::new(ParquetRows::open(path)?)),
            #[cfg(not(feature = "parquet"))]
            TableForm::Parquet => {
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
            Rows::Json(rows) => rows.header(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.header(),
        }
    }

    /// Whether a column holds numbers or text, rather than lists and structures.
    pub(crate) fn can_read(&self, at: usize) -> bool {
        match &self.rows {
            Rows::Csv(_) => true,
            Rows::Json(rows) => rows.can_read(at),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.can_read(at),
        }
    }

    /// Says before the first row which columns will be asked for. Others may then have no cells, and are not decoded.
    pub fn select(&mut self, positions: impl IntoIterator<Item = usize>) {
        match &mut self.rows {
            // A line has to be taken apart for any of them.
            Rows::Csv(_) => drop(positions),
            Rows::Json(rows) => rows.select(positions),
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
            Rows::Json(rows) => rows.next(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.next(),
        }
    }

    /// What stands in a column of this row.
    pub fn cell(&self, at: usize) -> Option<Cell<'_>> {
        match &self.rows {
            Rows::Csv(rows) => rows.cell(at),
            Rows::Json(rows) => rows.cell(at),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.cell(at),
        }
    }

    /// Where this row is in the file, such as `line 3`. Rows of Parquet are counted from 0.
    pub fn place(&self) -> String {
        match &self.rows {
            Rows::Csv(rows) => format!("line {}", rows.line()),
            Rows::Json(rows) => format!("line {}", rows.line()),
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
