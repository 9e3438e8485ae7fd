mod numbers;

use ndarray::array;

use super::*;
use crate::columns::canonical;
use crate::{Column, Dataset, NumberForm};

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
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
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
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    assert_eq!((found.classes().join(" "), found.columns().features()), ("-1 9 10".to_owned(), 2));
    assert!(matches!(found.load(Split::Test, None, u64::MAX), Err(DataError::NoExamples { .. })));
    assert!(TableFolder::find(tempfile::tempdir().unwrap().path(), &options, &Division::default()).unwrap().is_none());
}

#[test]
fn rare_words_are_one_feature_and_so_are_unknown_ones() {
    let train = "street,town,label\na,x,0\nb,x,1\na,y,0\nc,y,1\n,x,0\n";
    let dir = folder(train, "street,town,label\nc,x,0\nd,y,1\na,z,1\n");
    let with = |rare| {
        let options = ColumnOptions { rare, ..ColumnOptions::default() };
        TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap()
    };
    let found = with(Some(2));
    // Of the towns none is rare, so there is nothing to learn of rare ones.
    assert_eq!(found.columns().inputs.iter().map(|column| column.rare).collect::<Vec<_>>(), [true, false]);
    let train = found.load(Split::Train, None, u64::MAX).unwrap();
    let expected = array![[1., 0., 1., 0.], [0., 1., 1., 0.], [1., 0., 0., 1.], [0., 1., 0., 1.], [0., 1., 1., 0.]];
    assert_eq!(read(&train), expected);
    let test = found.load(Split::Test, None, u64::MAX).unwrap();
    assert_eq!(read(&test), array![[0., 1., 1., 0.], [0., 1., 0., 1.], [1., 0., 0., 0.]]);
    let all = with(None);
    assert_eq!((all.columns().features(), all.columns().inputs[0].rare), (6, false));
    // Words that all differ are names without it, and nothing with it.
    let names: String = (0..2000).map(|i| format!("n{i},{}\n", i % 2)).collect();
    let dir = folder(&format!("name,label\n{names}"), "name,label\nx,0\n");
    let error = TableFolder::find(dir.path(), &ColumnOptions::default(), &Division::default()).unwrap_err().to_string();
    assert!(
        error.contains("more than 1000 different words in column `name`: if") && error.contains("columns.rare"),
        "{error}"
    );
    let options = ColumnOptions { rare: Some(2), ..ColumnOptions::default() };
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    assert_eq!(found.columns().features(), 1);
}

#[test]
fn a_number_has_one_name_however_it_is_written() {
    let options = ColumnOptions { categorical: vec!["zip".to_owned()], ..ColumnOptions::default() };
    let dir = folder("zip,label\n1.0,10.0\n007,2.0\n1.10,1e0\n", "zip,label\n1,2\n7,1\n1.1,10\n");
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    assert_eq!(found.classes().join(" "), "1 2 10");
    assert_eq!(found.columns().inputs[0].values.as_ref().unwrap().join(" "), "007 1 1.10");
    let train = found.load(Split::Train, None, u64::MAX).unwrap();
    assert_eq!((train.labels(), read(&train)), (&[2, 1, 0][..], array![[0., 1., 0.], [1., 0., 0.], [0., 0., 1.]]));
    let test = found.load(Split::Test, None, u64::MAX).unwrap();
    assert_eq!((test.labels(), read(&test)), (&[1, 0, 2][..], array![[0., 1., 0.], [0., 0., 0.], [0., 0., 0.]]));
    // The file of an older model has names as they were written, even several for a number.
    let values = ["1", "1.0", "2.0"].map(String::from).to_vec();
    let column =
        Column { name: "zip".to_owned(), values: Some(values), rare: false, missing: None, form: None, edges: vec![] };
    let old = Columns { inputs: vec![column], label: "label".to_owned(), targets: vec![] };
    let dir = folder("", "zip,label\n1.0,0.0\n1,1.0\n2,1\n3,0\n");
    let found = TableFolder::with_columns(dir.path(), old.clone(), &Division::default()).unwrap().unwrap();
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
        TableFolder::find(dir.path(), &options, &Division::default())?.unwrap().load(Split::Train, None, u64::MAX)
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
    let packed = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    let mut rows = TableRows::open(&golden.join("pyarrow.parquet")).unwrap();
    let mut text = rows.header().join(",") + "\n";
    while rows.next().unwrap() {
        let cells = (0..rows.header().len()).map(|at| rows.cell(at).unwrap().text().into_owned());
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    let written = folder(&text, &text);
    let written = TableFolder::find(written.path(), &options, &Division::default())
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
    // Some of the sizes are missing.
    let with_gaps = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    assert_eq!(with_gaps.columns().features(), packed.columns().features() + 2);
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
    let column = |name: &str| Column {
        name: name.to_owned(),
        values: None,
        rare: false,
        missing: None,
        form: None,
        edges: vec![],
    };
    let columns = Columns { inputs: vec![column("a"), column("b")], label: "c".to_owned(), targets: vec![] };
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
fn a_missing_number_is_the_mean_and_says_so() {
    let dir = folder(
        "x,n,word,y\n1,5,a,no\n,6,,yes\nNA,7,?,no\n4,8,a,no\n?,9,a,no\n-0.5,1,a,no\n",
        "word,n,x,y\n?,1, nan ,no\nb,2,3,yes\n",
    );
    let options = ColumnOptions { label: Some("y".to_owned()), ..ColumnOptions::default() };
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    let missing: Vec<_> = found.columns().inputs.iter().map(|column| column.missing).collect();
    // Where words are expected, a missing one is a word.
    assert_eq!((found.columns().features(), &missing[..]), (6, &[Some(1.5), None, None][..]));
    let train = read(&found.load(Split::Train, None, u64::MAX).unwrap());
    assert_eq!(train.row(0).to_vec(), [1.0, 0.0, 5.0, 0.0, 0.0, 1.0]);
    assert_eq!(train.row(1).to_vec(), [1.5, 1.0, 6.0, 1.0, 0.0, 0.0]);
    assert_eq!(train.column(1).to_vec(), [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    let test = read(&found.load(Split::Test, None, u64::MAX).unwrap());
    assert_eq!(test, array![[1.5, 1.0, 1.0, 0.0, 1.0, 0.0], [3.0, 0.0, 2.0, 0.0, 0.0, 0.0]]);
    // What reads a row alone does the same.
    let encoder = found.columns().encoder(&["x", "n", "word"].map(String::from)).unwrap();
    let cells = [Cell::Real(f64::NAN), Cell::Whole(2), Cell::Text("a")];
    let mut out = vec![];
    encoder.encode(|at| cells.get(at).copied(), &mut out).unwrap();
    assert_eq!(out, [1.5, 1.0, 2.0, 0.0, 0.0, 1.0]);
    // No row without `n` was there in training.
    let error = encoder.encode(|_| Some(Cell::Text("")), &mut out).unwrap_err();
    assert_eq!(error, "column `n` is empty, not a finite number, and no training row lacks it");
    // Nothing but gaps is a word, which says nothing.
    let dir = folder("x,z,y\n1,,no\n2,NA,yes\n", "x,z,y\n1,,no\n");
    let found = TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap();
    assert_eq!(found.columns().features(), 3);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_line() {
    let options = |label: &str| ColumnOptions { label: Some(label.to_owned()), ..ColumnOptions::default() };
    let find = |train: &str, options: ColumnOptions| {
        TableFolder::find(folder(train, "").path(), &options, &Division::default()).map(|_| ()).unwrap_err().to_string()
    };
    for (train, options, expected) in [
        ("", options("y"), "is empty"),
        ("x,y\n1,a\n", options("z"), "has no column `z`, it has `x`, `y`"),
        ("x,y\n1,a\n", ColumnOptions::default(), "name the one with the class in `data.columns.label`"),
        ("x,x,y\n1,2,a\n", options("y"), "has two columns `x`"),
        ("x,y\n1,a\n1,2,a\n", options("y"), "has 3 fields in line 3, and 2 columns"),
        ("x,y\n1,a\ntwo,a\n", options("y"), "has numbers in column `x`, but `two` in line 3"),
        ("x,y\n1,a\n,a\ninf,a\n", options("y"), "but `inf` in line 4"),
        ("y\na\n", options("y"), "has no column beside that of the class"),
    ] {
        let found = find(train, options);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let many: String = (0..1100).map(|i| format!("n{i},a\n")).collect();
    assert!(find(&format!("x,y\n{many}"), options("y")).contains("more than 1000 different words in column `x`"));
    for (test, expected) in [
        ("x,y\n1,a\n2,c\n", "has the class `c` in line 3, the classes are `a`, `b`"),
        ("x,y\nNaN,a\n", "line 2: column `x` is `NaN`, not a finite number, and no training row lacks it"),
        ("z,y\n1,a\n", "has no column `x`"),
        ("x\n1\n", "has no column `y` with the class"),
    ] {
        let dir = folder("x,y\n1,a\n2,b\n", test);
        let found = TableFolder::find(dir.path(), &options("y"), &Division::default()).unwrap().unwrap();
        let found = found.load(Split::Test, None, u64::MAX).unwrap_err().to_string();
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let dir = folder("x,y\n1,a\n", "");
    std::fs::write(dir.path().join("train.csv"), b"x,y\n\xff,a\n").unwrap();
    assert!(
        TableFolder::find(dir.path(), &options("y"), &Division::default())
            .unwrap_err()
            .to_string()
            .contains("is not text")
    );
}

/// The inputs that a table of one column, `x`, has in training and testing, and what the column became.
fn of_column(train: &[&str], test: &str, options: &ColumnOptions) -> Result<(Vec<f32>, Vec<f32>, Column), DataError> {
    let text = |cells: &[&str]| {
        let rows = cells.iter().enumerate().map(|(i, cell)| format!("{cell};{}\n", ["a", "b"][i % 2]));
        format!("x;label\n{}", rows.collect::<String>())
    };
    let dir = folder(&text(train), &text(&[test]));
    let found = TableFolder::find(dir.path(), options, &Division::default())?.unwrap();
    let [train, test] = [Split::Train, Split::Test].map(|split| found.load(split, None, u64::MAX));
    Ok((read(&train?).into_iter().collect(), read(&test?).into_iter().collect(), found.columns().inputs[0].clone()))
}

#[test]
fn numbers_are_found_as_people_write_them() {
    let usual = ColumnOptions::default();
    let of = |train: &[&str], test: &str| of_column(train, test, &usual).unwrap();
    let (train, test, column) = of(&["1,5", "2", "1.234,25", "-0,25"], "7,125");
    assert_eq!((train, test), (vec![1.5, 2.0, 1234.25, -0.25], vec![7.125]));
    assert_eq!((column.form, column.values, column.missing), (Some(NumberForm::DecimalComma), None, None));
    let (train, _, column) = of(&["1,500", "2", "1,234,567.5"], "1,000");
    assert_eq!((train, column.form), (vec![1500.0, 2.0, 1_234_567.5], Some(NumberForm::Thousands)));
    // Where one is missing there is the mean of the numbers as they are written.
    let (train, test, column) = of(&["1,5", "", "2,5"], "NA");
    assert_eq!((train, test, column.missing), (vec![1.5, 0.0, 2.0, 1.0, 2.5, 0.0], vec![2.0, 1.0], Some(2.0)));
    let (train, test, column) = of(&["1970-01-02", "1969-12-31T12:00"], "2000-02-29");
    assert_eq!((train, test, column.form), (vec![1.0, -0.5], vec![11_016.0], Some(NumberForm::Date)));
    // What is not all written so are words, as are names of categories.
    assert_eq!(of(&["1,5", "many"], "1,5").2.values.unwrap(), ["1,5", "many"]);
    let names = ColumnOptions { categorical: vec!["x".to_owned()], ..ColumnOptions::default() };
    assert_eq!(of_column(&["1,5", "2,5"], "1,5", &names).unwrap().2.form, None);
    // Numbers as programs write them stay what they were, also where they could be read in another way.
    assert_eq!(of(&["1.234", "5.678"], "1.5").0, [1.234, 5.678]);
}

#[test]
fn a_comma_that_may_be_two_things_is_asked_about() {
    let of = |decimal| of_column(&["1,234", "500"], "7,125", &ColumnOptions { decimal, ..ColumnOptions::default() });
    let error = of(None).unwrap_err().to_string();
    assert!(
        error.contains("has numbers like `1,234` in column `x`, whose comma may stand before the decimals"),
        "{error}"
    );
    assert!(error.contains("`data.columns.decimal = \",\"` or `\".\"`"), "{error}");
    assert_eq!(of(Some(',')).unwrap().0, [1.234, 500.0]);
    assert_eq!(of(Some('.')).unwrap().1, [7125.0]);
    let error = of_column(&["1,5", "2,5"], "1.5", &ColumnOptions::default()).unwrap_err().to_string();
    assert!(error.contains("column `x` is `1.5`, not a number with a decimal comma"), "{error}");
    let error = of_column(&["1970-01-01", "1970-01-02"], "soon", &ColumnOptions::default()).unwrap_err().to_string();
    assert!(error.contains("column `x` is `soon`, not a date"), "{error}");
}

#[test]
fn numbers_may_be_cut_into_pieces() {
    let train = "x;word;y;label\n0;a;1;p\n10;b;;q\n20;a;3;p\n40;b;2;q\n";
    let dir = folder(train, "x;word;y;label\n30;c;;p\n-5;a;5;q\n");
    let find = |pieces| {
        let options = ColumnOptions { pieces, ..ColumnOptions::default() };
        TableFolder::find(dir.path(), &options, &Division::default()).unwrap().unwrap()
    };
    let (cut, whole) = (find(Some(4)), find(None));
    let edges = |at: usize| cut.columns().inputs[at].edges.clone();
    assert_eq!((edges(0), edges(1), edges(2)), (vec![0.0, 10.0, 20.0, 40.0], vec![], vec![1.0, 2.0, 3.0]));
    assert!(cut.columns().has_pieces() && cut.columns().whole() == *whole.columns());
    assert_eq!((cut.columns().features(), whole.columns().features()), (3 + 2 + 3, 1 + 2 + 2));
    let rows = read(&cut.load(Split::Test, None, u64::MAX).unwrap());
    // The mean of y is 2.
    assert_eq!(rows.row(0), array![1.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(rows.row(1), array![-0.5, 0.0, 0.0, 1.0, 0.0, 1.0, 3.0, 0.0]);
    // Whoever was trained on whole numbers finds them again.
    let expected = read(&whole.load(Split::Test, None, u64::MAX).unwrap());
    for (row, expected) in rows.outer_iter().zip(expected.outer_iter()) {
        let mut found = ndarray::Array1::zeros(5);
        cut.columns().write_whole(row, found.view_mut());
        assert_eq!(found, expected);
    }
    // A model that was trained on pieces reads them as it was trained to.
    let again = TableFolder::with_columns(dir.path(), cut.columns().clone(), &Division::default()).unwrap().unwrap();
    let classes = ["p", "q"].map(str::to_owned);
    assert_eq!(read(&again.load(Split::Test, Some(&classes), u64::MAX).unwrap()), rows);
}
