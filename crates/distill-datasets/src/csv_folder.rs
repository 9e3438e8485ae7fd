use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{Reader, ReaderBuilder, StringRecord};
use ndarray::Array2;

use crate::cifar::regular;
use crate::csv_columns::{CsvColumns, CsvOptions, Learner, in_order, number, position};
use crate::{DataError, Split, Table, classes};

/// The most bytes of a line: a file without line ends is no table.
const MAX_LINE: usize = 64 << 20;

/// A folder with tables, one example a line, and the names of the columns in the first.
///
/// ```text
/// train.csv      petal_length,petal_width,colour,species
/// test.csv       5.1,1.8,violet,virginica
/// classes.txt    optional: the names of the classes in their order, one per line
/// ```
/// A column of numbers is one number of the input. A column of words is as many as it has different ones in the rows to train
/// on: 1 for the one that stands there, 0 for the others. Commas, semicolons or tabs stand between the fields.
#[derive(Debug, Clone)]
pub struct CsvFolder {
    dir: PathBuf,
    columns: CsvColumns,
    classes: Vec<String>,
    /// Whether the order of the classes comes from a list, or else from the labels.
    is_listed: bool,
}

impl CsvFolder {
    /// Looks for tables, and learns from the one to train on how its columns become numbers. `None` if there is none.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the line and the column, [`DataError::BadClassList`].
    pub fn find(dir: &Path, options: &CsvOptions) -> Result<Option<Self>, DataError> {
        if ![Split::Train, Split::Test].iter().any(|&split| dir.join(name(split)).is_file()) {
            return Ok(None);
        }
        let mut table = Rows::open(&dir.join(name(Split::Train)))?;
        let mut learner = Learner::new(&table.header, options).map_err(|problem| table.fault(problem))?;
        while table.next()? {
            learner.push(table.line(), |at| table.record.get(at));
        }
        let labels = std::mem::take(&mut learner.labels);
        let columns = learner.finish().map_err(|problem| table.fault(problem))?;
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        Ok(Some(Self { dir: dir.to_owned(), columns, classes: listed.unwrap_or_else(|| in_order(labels)), is_listed }))
    }

    /// The same where it is known what the columns become: whoever tests a model reads what it was trained to read. The
    /// classes are then those that the model has, or those of `classes.txt`.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`].
    pub fn with_columns(dir: &Path, columns: CsvColumns) -> Result<Option<Self>, DataError> {
        if !dir.join(name(Split::Test)).is_file() {
            return Ok(None);
        }
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        Ok(Some(Self { dir: dir.to_owned(), columns, classes: listed.unwrap_or_default(), is_listed }))
    }

    /// The class names of `classes.txt`, or those of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the folder lists its classes.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// How its columns become numbers.
    pub fn columns(&self) -> &CsvColumns {
        &self.columns
    }

    /// Reads one split. The labels are among `classes`, or else those of the folder. `bound` is the most memory that it may
    /// take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the line and the column, [`DataError::MemoryBound`], and the errors of
    /// [`Table::new`].
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Table, DataError> {
        let path = self.dir.join(name(split));
        let classes = classes.unwrap_or(&self.classes);
        let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let mut rows = Rows::open(&path)?;
        let header = rows.header.clone();
        let encoder = self.columns.encoder(&header).map_err(|problem| rows.fault(problem))?;
        let label = position(&header, &self.columns.label)
            .ok_or_else(|| rows.fault(format!("has no column `{}` with the class", self.columns.label)))?;
        let (mut values, mut labels) = (vec![], vec![]);
        while rows.next()? {
            encoder.encode(|at| rows.record.get(at), &mut values).map_err(|problem| rows.fault_here(&problem))?;
            let text = rows.record.get(label).unwrap_or_default().trim();
            let class = numbers.get(text).copied();
            labels.push(class.ok_or_else(|| {
                let known: Vec<&str> = classes.iter().take(8).map(String::as_str).collect();
                rows.fault_here(&format!(
                    "column `{}` is `{text}`, the classes are {}",
                    self.columns.label,
                    known.join(", ")
                ))
            })?);
            let needed = 4 * (values.len() as u64 + labels.len() as u64);
            if needed > bound {
                return Err(DataError::MemoryBound { path: Some(path), needed, bound });
            }
        }
        let shape = vec![self.columns.features()];
        let table = Table::new(shape, values, labels, classes.to_vec()).map_err(|error| error.in_file(&path))?;
        Ok(table.with_columns(self.columns.clone()))
    }
}

impl CsvColumns {
    /// Reads the inputs of a whole file, one after the other, whatever other columns it has.
    ///
    /// # Errors
    /// [`DataError::Io`], and [`DataError::Content`] with the line and the column.
    pub fn read(&self, path: &Path) -> Result<Vec<f32>, DataError> {
        let mut rows = Rows::open(path)?;
        let encoder = self.encoder(&rows.header).map_err(|problem| rows.fault(problem))?;
        let mut values = vec![];
        while rows.next()? {
            encoder.encode(|at| rows.record.get(at), &mut values).map_err(|problem| rows.fault_here(&problem))?;
        }
        Ok(values)
    }
}

/// A table of numbers alone.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvMatrix {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// All numbers, shape `(rows, columns)`.
    pub values: Array2<f32>,
}

impl CsvMatrix {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`DataError::Io`], and [`DataError::Content`] with the line and the column.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let mut rows = Rows::open(path)?;
        let (mut values, mut n) = (vec![], 0);
        while rows.next()? {
            for (name, field) in rows.header.iter().zip(&rows.record) {
                let value = number(field.trim());
                let fault = || rows.fault_here(&format!("column `{name}` is `{field}`, not a finite number"));
                values.push(value.ok_or_else(fault)?);
            }
            n += 1;
        }
        let shape = (n, rows.header.len());
        let values = Array2::from_shape_vec(shape, values).map_err(|error| rows.fault(error.to_string()))?;
        Ok(Self { columns: rows.header, values })
    }
}

/// The rows of a table.
struct Rows {
    path: PathBuf,
    reader: Reader<Lines<BufReader<File>>>,
    header: Vec<String>,
    record: StringRecord,
}

impl Rows {
    fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        std::fs::metadata(path).and_then(regular).map_err(io)?;
        let mut start = vec![];
        File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut start)).map_err(io)?;
        let first = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| first.iter().filter(|&&byte| byte == delimiter).count();
        // The one that the header has most of; commas where it has none.
        let delimiter = b",;\t".iter().copied().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',');
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
    fn next(&mut self) -> Result<bool, DataError> {
        self.reader.read_record(&mut self.record).map_err(|error| self.refused(&error))
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    fn fault(&self, problem: String) -> DataError {
        DataError::Content { path: self.path.clone(), problem }
    }

    fn fault_here(&self, problem: &str) -> DataError {
        self.fault(format!("cannot be used: line {}: {problem}", self.line()))
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
            _ => self.fault(format!("is no table: {error}")),
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

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "train.csv",
        Split::Test => "test.csv",
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::Dataset;

    fn folder(train: &str, test: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("train.csv"), train).unwrap();
        std::fs::write(dir.path().join("test.csv"), test).unwrap();
        dir
    }

    fn read(data: &Table) -> Array2<f32> {
        let mut out = Array2::zeros((data.len(), data.spec().features()));
        data.read(&(0..data.len()).collect::<Vec<_>>(), out.view_mut()).unwrap();
        out
    }

    #[test]
    fn numbers_are_numbers_and_words_are_ones_and_zeros() {
        let train = "id,size,colour,class\na,1.5,red,yes\nb,-2,blue,no\nc,1e1,red,yes\n";
        // Another order of the columns, and a word that is not known.
        let test = "class;colour;size\nno;green;3\nyes;red;4\n";
        let dir = folder(train, test);
        let options = CsvOptions { ignore: vec!["id".to_owned()], ..CsvOptions::default() };
        let found = CsvFolder::find(dir.path(), &options).unwrap().unwrap();
        assert_eq!((found.classes(), found.columns().features()), (&["no".to_owned(), "yes".to_owned()][..], 3));
        let data = found.load(Split::Train, None, u64::MAX).unwrap();
        assert_eq!(
            (data.labels(), read(&data)),
            (&[1, 0, 1][..], array![[1.5, 0.0, 1.0], [-2.0, 1.0, 0.0], [10.0, 0.0, 1.0]])
        );
        let data = found.load(Split::Test, None, u64::MAX).unwrap();
        assert_eq!((data.labels(), read(&data)), (&[0, 1][..], array![[3.0, 0.0, 0.0], [4.0, 0.0, 1.0]]));
        assert!(matches!(found.load(Split::Train, None, 40), Err(DataError::MemoryBound { .. })));
        // Classes that are numbers are in their order, and columns of numbers can be words.
        let dir = folder("zip,label\n10,10\n20,9\n10,-1\n", "zip,label\n");
        let options = CsvOptions { categorical: vec!["zip".to_owned()], ..CsvOptions::default() };
        let found = CsvFolder::find(dir.path(), &options).unwrap().unwrap();
        assert_eq!((found.classes().join(" "), found.columns().features()), ("-1 9 10".to_owned(), 2));
        assert!(matches!(found.load(Split::Test, None, u64::MAX), Err(DataError::NoExamples { .. })));
        assert!(CsvFolder::find(tempfile::tempdir().unwrap().path(), &options).unwrap().is_none());
    }

    #[test]
    fn a_table_of_numbers_has_names_for_its_columns() {
        let dir = folder("a\tb\n1\t-2e-1\n3\t4\n", "a,b\n1,x\n");
        let found = CsvMatrix::read(&dir.path().join("train.csv")).unwrap();
        assert_eq!((found.columns.join(" "), found.values), ("a b".to_owned(), array![[1.0, -0.2], [3.0, 4.0]]));
        let error = CsvMatrix::read(&dir.path().join("test.csv")).unwrap_err().to_string();
        assert!(error.contains("line 2: column `b` is `x`"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_line() {
        let options = |label: &str| CsvOptions { label: Some(label.to_owned()), ..CsvOptions::default() };
        let find = |train: &str, options: CsvOptions| {
            CsvFolder::find(folder(train, "").path(), &options).map(|_| ()).unwrap_err().to_string()
        };
        for (train, options, expected) in [
            ("", options("y"), "is empty"),
            ("x,y\n1,a\n", options("z"), "has no column `z`, it has `x`, `y`"),
            ("x,y\n1,a\n", CsvOptions::default(), "name the one with the class in `data.csv.label`"),
            ("x,x,y\n1,2,a\n", options("y"), "has two columns `x`"),
            ("x,y\n1,a\n1,2,a\n", options("y"), "has 3 fields in line 3, and 2 columns"),
            ("x,y\n1,a\n?,a\n", options("y"), "has numbers in column `x`, but `?` in line 3"),
            ("x,y\n1,a\n,a\n", options("y"), "but nothing in line 3"),
            ("y\na\n", options("y"), "has no column beside that of the class"),
        ] {
            let found = find(train, options);
            assert!(found.contains(expected), "{expected}: {found}");
        }
        let many: String = (0..1100).map(|i| format!("n{i},a\n")).collect();
        assert!(find(&format!("x,y\n{many}"), options("y")).contains("more than 1000 different words in column `x`"));
        for (test, expected) in [
            ("x,y\n1,a\n2,c\n", "line 3: column `y` is `c`, the classes are a, b"),
            ("x,y\nNaN,a\n", "line 2: column `x` is `NaN`, not a finite number"),
            ("z,y\n1,a\n", "has no column `x`"),
            ("x\n1\n", "has no column `y` with the class"),
        ] {
            let dir = folder("x,y\n1,a\n2,b\n", test);
            let found = CsvFolder::find(dir.path(), &options("y")).unwrap().unwrap();
            let found = found.load(Split::Test, None, u64::MAX).unwrap_err().to_string();
            assert!(found.contains(expected), "{expected}: {found}");
        }
        let dir = folder("x,y\n1,a\n", "");
        std::fs::write(dir.path().join("train.csv"), b"x,y\n\xff,a\n").unwrap();
        assert!(CsvFolder::find(dir.path(), &options("y")).unwrap_err().to_string().contains("is not text"));
    }
}
