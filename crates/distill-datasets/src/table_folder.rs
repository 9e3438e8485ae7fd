use std::path::Path;

use ndarray::Array2;

use crate::answer_columns::{Answer, Answers};
use crate::columns::{Cell, ColumnOptions, Columns, Learner, in_order, position, usual_label};
use crate::table_rows::{TableRows, train_table};
use crate::tables::Tables;
use crate::{DataError, Division, Split, Table, classes};

/// A folder with tables, one example a line, and the names of the columns in the first.
///
/// ```text
/// train.csv      petal_length,petal_width,colour,species
/// test.csv       5.1,1.8,violet,virginica
/// classes.txt    optional: the names of the classes in their order, one per line
/// ```
/// A column of numbers is one number of the input. A column of words is as many as it has different ones in the rows to train
/// on: 1 for the one that stands there, 0 for the others. Commas, semicolons or tabs stand between the fields.
///
/// With the feature `parquet` the tables may be `train.parquet` and `test.parquet` as well. In place of the folder there may be one
/// table, whose rows are [divided](Division).
#[derive(Debug, Clone)]
pub struct TableFolder {
    tables: Tables,
    columns: Columns,
    /// Columns that look like the numbers of the rows.
    counters: Vec<String>,
    classes: Vec<String>,
    /// Rows of the table to train on, where it was read.
    n_train: Option<usize>,
    /// Whether the order of the classes comes from a list, or else from the labels.
    is_listed: bool,
    /// The column with the fold of each row to train on.
    fold: Option<String>,
}

/// The names of the numbers to predict, or of the classes, and whether these are in a list; `unlisted` are those of the labels.
fn names(
    tables: &Tables,
    columns: &Columns,
    unlisted: impl FnOnce() -> Vec<String>,
) -> Result<(Vec<String>, bool), DataError> {
    if !columns.targets.is_empty() {
        return Ok((columns.targets.iter().map(|column| column.name.clone()).collect(), false));
    }
    let listed = tables.class_list().map(|path| classes::read(&path)).transpose()?;
    let is_listed = listed.is_some();
    Ok((listed.unwrap_or_else(unlisted), is_listed))
}

impl TableFolder {
    /// Looks for tables, and learns from the one to train on how its columns become numbers. `None` if there is none.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place and the column, [`DataError::UnknownColumn`],
    /// [`DataError::BadClassList`].
    pub fn find(path: &Path, options: &ColumnOptions, division: &Division) -> Result<Option<Self>, DataError> {
        let answer = Answer::of(!options.targets.is_empty(), options.label.as_deref());
        let Some(tables) = Tables::find(path, answer, division)? else { return Ok(None) };
        let mut options = options.clone();
        options.ignore.extend(tables.column().map(str::to_owned));
        options.ignore.extend(options.fold.clone());
        options.ignore.extend(division.group.clone());
        let mut table = tables.open(Split::Train)?;
        let mut learner = Learner::new(&tables.path(Split::Train), table.header(), &options)?;
        table.select(learner.positions());
        let mut n_train = 0;
        while table.next()? {
            learner.push(|| table.place(), |at| table.cell(at));
            n_train += 1;
        }
        let labels = std::mem::take(&mut learner.labels);
        let counters = learner.counters();
        let columns = learner.finish().map_err(|problem| table.fault(problem))?;
        let (classes, is_listed) = names(&tables, &columns, || in_order(labels))?;
        let fold = options.fold;
        let mut found = Self { tables, columns, counters, classes, n_train: Some(n_train), is_listed, fold };
        if let Some(n) = options.pieces {
            // The numbers are read once more, as all of a column say where its pieces end.
            let table = found.load(Split::Train, None, u64::MAX)?;
            found.columns.cut(table.codes(), n);
        }
        Ok(Some(found))
    }

    /// The names of the columns of the table to train on, in their order. `None` if there is no table.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::Content`].
    pub fn header(path: &Path) -> Result<Option<Vec<String>>, DataError> {
        let Some(path) = train_table(path) else { return Ok(None) };
        Ok(Some(TableRows::open(&path)?.header().to_vec()))
    }

    /// The column of such a header that is the class if nobody names one: the one that is called label, class or target.
    pub fn usual_label(header: &[String]) -> Option<&String> {
        usual_label(header).map(|at| &header[at])
    }

    /// The same where it is known what the columns become: whoever tests a model reads what it was trained to read. The
    /// classes are then those that the model has, or those of `classes.txt`.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`].
    pub fn with_columns(path: &Path, columns: Columns, division: &Division) -> Result<Option<Self>, DataError> {
        let answer = Answer::of(!columns.targets.is_empty(), Some(&columns.label));
        let tables = Tables::find(path, answer, division)?;
        let Some(tables) = tables.filter(|tables| tables.has(Split::Test)) else { return Ok(None) };
        let (classes, is_listed) = names(&tables, &columns, Vec::new)?;
        Ok(Some(Self { tables, columns, counters: vec![], classes, n_train: None, is_listed, fold: None }))
    }

    /// The group of each row of a set, as a column names it. `None` where another table than that to train on lacks it.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`], [`DataError::UnknownColumn`].
    pub fn groups(&self, split: Split, column: &str) -> Result<Option<Vec<String>>, DataError> {
        self.tables.groups(split, column)
    }

    /// Whether there is a table to choose settings on: `validation.csv` or `val.csv`, or Parquet.
    pub fn has_validation(&self) -> bool {
        self.tables.has(Split::Validation)
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
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Reads one split. The labels are among `classes`, or else those of the folder. `bound` is the most memory that it may
    /// take, in bytes: four for each label and for each cell, whether it is a number or a word. The rows are counted first, so
    /// that no memory is taken where there is too little.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place and the column, [`DataError::UnlistedClass`],
    /// [`DataError::NoExamples`], [`DataError::MemoryBound`], and the errors of
    /// [`Table::new`].
    pub fn load(&self, split: Split, classes: Option<&[String]>, bound: u64) -> Result<Table, DataError> {
        let path = self.tables.path(split);
        let classes = classes.unwrap_or(&self.classes);
        let mut rows = self.tables.open(split)?;
        let encoder = self.columns.encoder(rows.header()).map_err(|problem| rows.fault(problem))?;
        let mut answers = Answers::new(&self.columns, classes, &rows)?;
        let fold = self.fold.as_deref().filter(|_| split == Split::Train);
        let fold = fold.map(|name| {
            position(rows.header(), name).ok_or_else(|| DataError::unknown_column(&path, name, rows.header()))
        });
        let fold = fold.transpose()?;
        let places = answers.positions();
        rows.select(encoder.positions().iter().chain(&places).copied().chain(fold));
        let n_train = self.n_train.filter(|_| split == Split::Train);
        let each = self.columns.inputs.len() + places.len();
        let n = n_train.map_or_else(|| count(self.tables.open(split)?, &path, places[0], each, bound), Ok)?;
        check_memory(&path, n.saturating_mul(each), bound)?;
        let (mut values, mut n_rows) = (Vec::with_capacity(n * self.columns.inputs.len()), 0_usize);
        let mut folds = FoldColumn::default();
        while rows.next()? {
            encoder.encode_short(|at| rows.cell(at), &mut values).map_err(|problem| rows.fault_here(&problem))?;
            answers.push(&rows, &path)?;
            n_rows += 1;
            if let Some(fold) = fold {
                let name = rows.cell(fold).map(Cell::name).unwrap_or_default();
                folds
                    .push(&name)
                    .map_err(|problem| rows.fault_here(&format!("column `{}` {problem}", rows.header()[fold])))?;
            }
            check_memory(&path, values.len() + answers.len(), bound)?;
        }
        if n_rows == 0 {
            return Err(DataError::NoExamples { path: Some(path) });
        }
        let counters = self.counters.clone();
        let (labels, numbers) = answers.finish();
        let table = Table::of_columns(self.columns.clone(), counters, values, (labels, numbers), classes.to_vec());
        Ok(table.map_err(|error| error.in_file(&path))?.with_folds(fold.map(|_| folds.in_order())))
    }
}

/// The folds of rows, as they come.
#[derive(Default)]
struct FoldColumn {
    names: Vec<String>,
    of: Vec<u32>,
}

impl FoldColumn {
    /// More are rather the numbers of rows.
    const MAX: usize = 100;

    fn push(&mut self, name: &str) -> Result<(), String> {
        if name.is_empty() {
            return Err("is empty, and each row to train on has a fold".to_owned());
        }
        let at = self.names.iter().position(|known| known == name).unwrap_or(self.names.len());
        if at == self.names.len() {
            self.names.push(name.to_owned());
        }
        if self.names.len() > Self::MAX {
            return Err(format!("has more than {} different values, too many for folds", Self::MAX));
        }
        self.of.push(at as u32);
        Ok(())
    }

    /// The fold of each row, where the first one is the least number, or the first word.
    fn in_order(self) -> Vec<u32> {
        let order = in_order(self.names.iter().cloned().collect());
        let places: Vec<u32> = self
            .names
            .iter()
            .map(|name| order.iter().position(|other| other == name).unwrap_or_default() as u32)
            .collect();
        self.of.iter().map(|&at| places[at as usize]).collect()
    }
}

impl Columns {
    /// Reads the inputs of a whole file, one number for each column, whatever other columns it has. `bound` is the most memory
    /// that they may take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place and the column, and [`DataError::MemoryBound`].
    pub(crate) fn read(&self, path: &Path, bound: u64) -> Result<Vec<f32>, DataError> {
        let mut rows = TableRows::open(path)?;
        let encoder = self.encoder(rows.header()).map_err(|problem| rows.fault(problem))?;
        rows.select(encoder.positions().iter().copied());
        let first = encoder.positions().first().copied().unwrap_or_default();
        let n = count(TableRows::open(path)?, path, first, self.inputs.len(), bound)?;
        let mut values = Vec::with_capacity(n * self.inputs.len());
        while rows.next()? {
            encoder.encode_short(|at| rows.cell(at), &mut values).map_err(|problem| rows.fault_here(&problem))?;
            check_memory(path, values.len(), bound)?;
        }
        Ok(values)
    }
}

/// A table of numbers alone.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberTable {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// All numbers, shape `(rows, columns)`.
    pub values: Array2<f32>,
}

impl NumberTable {
    /// Reads a whole file. `bound` is the most memory that the numbers may take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place and the column, and [`DataError::MemoryBound`].
    pub fn read(path: &Path, bound: u64) -> Result<Self, DataError> {
        let mut rows = TableRows::open(path)?;
        let n_columns = rows.header().len();
        let mut values = Vec::with_capacity(count(TableRows::open(path)?, path, 0, n_columns, bound)? * n_columns);
        let mut n = 0;
        while rows.next()? {
            for (at, name) in rows.header().iter().enumerate() {
                let cell = rows.cell(at).unwrap_or(Cell::Text(""));
                let fault = || rows.fault_here(&format!("column `{name}` is `{}`, not a finite number", cell.text()));
                values.push(cell.number().ok_or_else(fault)?);
            }
            check_memory(path, values.len(), bound)?;
            n += 1;
        }
        let columns = rows.header().to_vec();
        let values =
            Array2::from_shape_vec((n, columns.len()), values).map_err(|error| rows.fault(error.to_string()))?;
        Ok(Self { columns, values })
    }
}

/// The rows of a table, by one of its columns, each of which becomes `each` numbers.
fn count(mut rows: TableRows, path: &Path, at: usize, each: usize, bound: u64) -> Result<usize, DataError> {
    rows.select([at]);
    let mut n: usize = 0;
    while rows.next()? {
        n += 1;
        check_memory(path, n.saturating_mul(each), bound)?;
    }
    Ok(n)
}

/// Refuses more numbers of four bytes than the memory may hold.
fn check_memory(path: &Path, n: usize, bound: u64) -> Result<(), DataError> {
    let needed = (n as u64).saturating_mul(4);
    if needed > bound {
        return Err(DataError::MemoryBound { path: Some(path.to_owned()), needed, bound });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
