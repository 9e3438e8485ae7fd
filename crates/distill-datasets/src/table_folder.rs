use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::columns::{Cell, ColumnOptions, Columns, Learner, canonical, in_order, position};
use crate::table_rows::{TableRows, table_file};
use crate::{DataError, Split, Table, classes};

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
/// With the feature `parquet` the tables may be `train.parquet` and `test.parquet` as well.
#[derive(Debug, Clone)]
pub struct TableFolder {
    dir: PathBuf,
    columns: Columns,
    /// Columns that look like the numbers of the rows.
    counters: Vec<String>,
    classes: Vec<String>,
    /// Rows of the table to train on, where it was read.
    n_train: Option<usize>,
    /// Whether the order of the classes comes from a list, or else from the labels.
    is_listed: bool,
}

impl TableFolder {
    /// Looks for tables, and learns from the one to train on how its columns become numbers. `None` if there is none.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place and the column, [`DataError::UnknownColumn`],
    /// [`DataError::BadClassList`].
    pub fn find(dir: &Path, options: &ColumnOptions) -> Result<Option<Self>, DataError> {
        if [Split::Train, Split::Test].iter().all(|&split| table_file(dir, name(split)).is_none()) {
            return Ok(None);
        }
        let mut table = TableRows::open(&path(dir, Split::Train))?;
        let mut learner = Learner::new(&path(dir, Split::Train), table.header(), options)?;
        table.select(learner.positions());
        let mut n_train = 0;
        while table.next()? {
            learner.push(|| table.place(), |at| table.cell(at));
            n_train += 1;
        }
        let labels = std::mem::take(&mut learner.labels);
        let counters = learner.counters();
        let columns = learner.finish().map_err(|problem| table.fault(problem))?;
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        let (dir, classes) = (dir.to_owned(), listed.unwrap_or_else(|| in_order(labels)));
        Ok(Some(Self { dir, columns, counters, classes, n_train: Some(n_train), is_listed }))
    }

    /// The same where it is known what the columns become: whoever tests a model reads what it was trained to read. The
    /// classes are then those that the model has, or those of `classes.txt`.
    ///
    /// # Errors
    /// [`DataError::Io`] and [`DataError::BadClassList`].
    pub fn with_columns(dir: &Path, columns: Columns) -> Result<Option<Self>, DataError> {
        if table_file(dir, name(Split::Test)).is_none() {
            return Ok(None);
        }
        let list = Some(dir.join("classes.txt")).filter(|path| path.is_file());
        let listed = list.map(|path| classes::read(&path)).transpose()?;
        let is_listed = listed.is_some();
        let (dir, classes) = (dir.to_owned(), listed.unwrap_or_default());
        Ok(Some(Self { dir, columns, counters: vec![], classes, n_train: None, is_listed }))
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
        let path = path(&self.dir, split);
        let classes = classes.unwrap_or(&self.classes);
        let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        // A list may write the numbers of classes in another way than the table. Of two that are one number the first counts.
        let mut same = HashMap::new();
        for (class, number) in classes.iter().zip(0..) {
            same.entry(canonical(class)).or_insert(number);
        }
        let mut rows = TableRows::open(&path)?;
        let encoder = self.columns.encoder(rows.header()).map_err(|problem| rows.fault(problem))?;
        let label = position(rows.header(), &self.columns.label)
            .ok_or_else(|| rows.fault(format!("has no column `{}` with the class", self.columns.label)))?;
        rows.select(encoder.positions().iter().copied().chain([label]));
        let n_train = self.n_train.filter(|_| split == Split::Train);
        let n = n_train.map_or_else(|| count(&path, label, self.columns.inputs.len() + 1, bound), Ok)?;
        check_memory(&path, n.saturating_mul(self.columns.inputs.len() + 1), bound)?;
        let (mut values, mut labels) = (Vec::with_capacity(n * self.columns.inputs.len()), Vec::with_capacity(n));
        while rows.next()? {
            encoder.encode_short(|at| rows.cell(at), &mut values).map_err(|problem| rows.fault_here(&problem))?;
            let text = rows.cell(label).map(Cell::text).unwrap_or_default();
            let class = numbers.get(&*text).or_else(|| same.get(&canonical(&text))).copied();
            labels.push(class.ok_or_else(|| DataError::unlisted(&path, Some(&rows.place()), &text, classes))?);
            check_memory(&path, values.len() + labels.len(), bound)?;
        }
        if labels.is_empty() {
            return Err(DataError::NoExamples { path: Some(path) });
        }
        let counters = self.counters.clone();
        Table::of_columns(self.columns.clone(), counters, values, labels, classes.to_vec())
            .map_err(|error| error.in_file(&path))
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
        let n = count(path, first, self.inputs.len(), bound)?;
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
        let mut values = Vec::with_capacity(count(path, 0, n_columns, bound)? * n_columns);
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
fn count(path: &Path, at: usize, each: usize, bound: u64) -> Result<usize, DataError> {
    let mut rows = TableRows::open(path)?;
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

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Test => "test",
    }
}

/// The table of a set, or where it should be.
fn path(dir: &Path, split: Split) -> PathBuf {
    table_file(dir, name(split)).unwrap_or_else(|| dir.join(format!("{}.csv", name(split))))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{Column, Dataset};

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
        let options = ColumnOptions { ignore: vec!["id".to_owned()], ..ColumnOptions::default() };
        let found = TableFolder::find(dir.path(), &options).unwrap().unwrap();
        assert_eq!((found.classes(), found.columns().features()), (&["no".to_owned(), "yes".to_owned()][..], 3));
        let data = found.load(Split::Train, None, u64::MAX).unwrap();
        assert_eq!(
            (data.labels(), read(&data)),
            (&[1, 0, 1][..], array![[1.5, 0.0, 1.0], [-2.0, 1.0, 0.0], [10.0, 0.0, 1.0]])
        );
        let data = found.load(Split::Test, None, u64::MAX).unwrap();
        assert_eq!((data.labels(), read(&data)), (&[0, 1][..], array![[3.0, 0.0, 0.0], [4.0, 0.0, 1.0]]));
        assert!(matches!(found.load(Split::Train, None, 35), Err(DataError::MemoryBound { .. })));
        // Classes that are numbers are in their order, and columns of numbers can be words.
        let dir = folder("zip,label\n10,10\n20,9\n10,-1\n", "zip,label\n");
        let options = ColumnOptions { categorical: vec!["zip".to_owned()], ..ColumnOptions::default() };
        let found = TableFolder::find(dir.path(), &options).unwrap().unwrap();
        assert_eq!((found.classes().join(" "), found.columns().features()), ("-1 9 10".to_owned(), 2));
        assert!(matches!(found.load(Split::Test, None, u64::MAX), Err(DataError::NoExamples { .. })));
        assert!(TableFolder::find(tempfile::tempdir().unwrap().path(), &options).unwrap().is_none());
    }

    #[test]
    fn a_number_has_one_name_however_it_is_written() {
        let options = ColumnOptions { categorical: vec!["zip".to_owned()], ..ColumnOptions::default() };
        let dir = folder("zip,label\n1.0,10.0\n007,2.0\n1.10,1e0\n", "zip,label\n1,2\n7,1\n1.1,10\n");
        let found = TableFolder::find(dir.path(), &options).unwrap().unwrap();
        assert_eq!(found.classes().join(" "), "1 2 10");
        assert_eq!(found.columns().inputs[0].values.as_ref().unwrap().join(" "), "007 1 1.10");
        let train = found.load(Split::Train, None, u64::MAX).unwrap();
        assert_eq!((train.labels(), read(&train)), (&[2, 1, 0][..], array![[0., 1., 0.], [1., 0., 0.], [0., 0., 1.]]));
        let test = found.load(Split::Test, None, u64::MAX).unwrap();
        assert_eq!((test.labels(), read(&test)), (&[1, 0, 2][..], array![[0., 1., 0.], [0., 0., 0.], [0., 0., 0.]]));
        // The file of an older model has names as they were written, even several for a number.
        let values = ["1", "1.0", "2.0"].map(String::from).to_vec();
        let column = Column { name: "zip".to_owned(), values: Some(values) };
        let old = Columns { inputs: vec![column], label: "label".to_owned() };
        let dir = folder("", "zip,label\n1.0,0.0\n1,1.0\n2,1\n3,0\n");
        let found = TableFolder::with_columns(dir.path(), old.clone()).unwrap().unwrap();
        let classes = ["0.0", "1.0"].map(String::from);
        let test = found.load(Split::Test, Some(&classes), u64::MAX).unwrap();
        let expected = array![[0., 1., 0.], [1., 0., 0.], [0., 0., 1.], [0., 0., 0.]];
        assert_eq!((test.labels(), read(&test)), (&[0, 1, 1, 0][..], expected));
        let mut real = vec![];
        old.encoder(&["zip".to_owned()]).unwrap().encode(|_| Some(Cell::Real(2.0)), &mut real).unwrap();
        assert_eq!(real, [0.0, 0.0, 1.0]);
        let names =
            ["-0.0", "1.5.0", "1E+20", "-3.0", "0.50", "1e400", ".0", "1_0.0"].map(|text| canonical(text).into_owned());
        assert_eq!(names.join(" "), "0 1.5.0 100000000000000000000 -3 0.50 1e400 .0 1_0.0");
    }

    #[test]
    fn the_index_of_pandas_is_no_input() {
        let find = |header: &str, ignore: &[&str]| {
            let ignore = ignore.iter().map(|&name| name.to_owned()).collect();
            let rows: String = (0..12).map(|i| format!("{i},{}.5,{}\n", i * i % 7, i % 2)).collect();
            let options = ColumnOptions { ignore, ..ColumnOptions::default() };
            let dir = folder(&format!("{header}\n{rows}"), "");
            TableFolder::find(dir.path(), &options)?.unwrap().load(Split::Train, None, u64::MAX)
        };
        for name in ["", "Unnamed: 0", "__index_level_0__"] {
            let problem = find(&format!("{name},x,label"), &[]).unwrap_err().to_string();
            let way_out = format!("`data.columns.ignore = [\"{name}\"]`");
            assert!(problem.contains("the 1st of 3") && problem.contains(&way_out), "{problem}");
            assert_eq!(find(&format!("{name},x,label"), &[name]).unwrap().spec().input_shape, [1]);
        }
        assert_eq!(find("n,x,label", &[]).unwrap().counters(), ["n"]);
    }

    #[test]
    #[cfg(feature = "parquet")]
    fn a_table_says_the_same_in_both_forms() {
        let dir = tempfile::tempdir().unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/parquet");
        for name in ["train", "test"] {
            std::fs::copy(golden.join("pyarrow.parquet"), dir.path().join(format!("{name}.parquet"))).unwrap();
        }
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let options = ColumnOptions {
            ignore: names(&["size", "name", "day"]),
            categorical: names(&["count"]),
            ..ColumnOptions::default()
        };
        let packed = TableFolder::find(dir.path(), &options).unwrap().unwrap();
        let mut rows = TableRows::open(&golden.join("pyarrow.parquet")).unwrap();
        let mut text = rows.header().join(",") + "\n";
        while rows.next().unwrap() {
            let cells = (0..rows.header().len()).map(|at| rows.cell(at).unwrap().text().into_owned());
            text += &(cells.collect::<Vec<_>>().join(",") + "\n");
        }
        let written = folder(&text, &text);
        let written = TableFolder::find(written.path(), &options)
            .unwrap()
            .map(|found| (found.columns().clone(), found.load(Split::Train, None, u64::MAX).unwrap()))
            .unwrap();
        assert_eq!((packed.columns(), packed.classes()), (&written.0, &names(&["0", "1", "2"])[..]));
        let found = packed.load(Split::Test, None, u64::MAX).unwrap();
        assert_eq!((read(&found), found.labels()), (read(&written.1), written.1.labels()));
        // Weight, five counts, large, half, two flags, price, three colours and none.
        assert_eq!(packed.columns().features(), 1 + 5 + 1 + 1 + 2 + 1 + 4);
        let mut options = options;
        options.ignore.remove(0);
        let error = TableFolder::find(dir.path(), &options).unwrap_err().to_string();
        assert!(error.contains("has numbers in column `size`, but nothing in row 3"), "{error}");
    }

    #[test]
    fn a_table_of_numbers_has_names_for_its_columns() {
        let dir = folder("a\tb\n1\t-2e-1\n3\t4\n", "a,b\n1,x\n");
        let found = NumberTable::read(&dir.path().join("train.csv"), u64::MAX).unwrap();
        assert_eq!((found.columns.join(" "), found.values), ("a b".to_owned(), array![[1.0, -0.2], [3.0, 4.0]]));
        let error = NumberTable::read(&dir.path().join("test.csv"), u64::MAX).unwrap_err().to_string();
        assert!(error.contains("line 2: column `b` is `x`"), "{error}");
    }

    #[test]
    fn no_more_is_read_than_memory_may_hold() {
        // Whoever reads on to the end finds the word.
        let dir = folder("a,b\n1,2\n3,4\n5,6\n7,x\n", "");
        let path = dir.path().join("train.csv");
        let column = |name: &str| Column { name: name.to_owned(), values: None };
        let columns = Columns { inputs: vec![column("a"), column("b")], label: "c".to_owned() };
        for bound in [16, 23] {
            let errors = [NumberTable::read(&path, bound).map(|_| ()), columns.read(&path, bound).map(|_| ())];
            for error in errors.map(Result::unwrap_err) {
                assert!(matches!(error, DataError::MemoryBound { needed: 24, .. }), "{error}");
            }
        }
        let errors = [NumberTable::read(&path, 32).map(|_| ()), columns.read(&path, 32).map(|_| ())];
        assert!(errors.into_iter().all(|found| matches!(found, Err(DataError::Content { .. }))));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_line() {
        let options = |label: &str| ColumnOptions { label: Some(label.to_owned()), ..ColumnOptions::default() };
        let find = |train: &str, options: ColumnOptions| {
            TableFolder::find(folder(train, "").path(), &options).map(|_| ()).unwrap_err().to_string()
        };
        for (train, options, expected) in [
            ("", options("y"), "is empty"),
            ("x,y\n1,a\n", options("z"), "has no column `z`, it has `x`, `y`"),
            ("x,y\n1,a\n", ColumnOptions::default(), "name the one with the class in `data.columns.label`"),
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
            ("x,y\n1,a\n2,c\n", "has the class `c` in line 3, the classes are `a`, `b`"),
            ("x,y\nNaN,a\n", "line 2: column `x` is `NaN`, not a finite number"),
            ("z,y\n1,a\n", "has no column `x`"),
            ("x\n1\n", "has no column `y` with the class"),
        ] {
            let dir = folder("x,y\n1,a\n2,b\n", test);
            let found = TableFolder::find(dir.path(), &options("y")).unwrap().unwrap();
            let found = found.load(Split::Test, None, u64::MAX).unwrap_err().to_string();
            assert!(found.contains(expected), "{expected}: {found}");
        }
        let dir = folder("x,y\n1,a\n", "");
        std::fs::write(dir.path().join("train.csv"), b"x,y\n\xff,a\n").unwrap();
        assert!(TableFolder::find(dir.path(), &options("y")).unwrap_err().to_string().contains("is not text"));
    }
}
