//! Tables whose rows have numbers to predict.

use ndarray::array;

use super::{folder, read};
use crate::{ColumnOptions, Dataset, Division, NumberForm, Split, TableFolder, select};

fn options(targets: &[&str]) -> ColumnOptions {
    ColumnOptions { targets: targets.iter().map(ToString::to_string).collect(), ..ColumnOptions::default() }
}

#[test]
fn targets_are_numbers_in_the_order_in_which_they_are_named() {
    // A column that is called label is an input like others, and the numbers to predict are none.
    let train = "price,label,rent,size\n100.5,a,-1e3,1\n200,b,7,2\n300,a,8,3\n";
    let test = "size,rent,label,price\n4,0.25,b,1\n";
    let dir = folder(train, test);
    let found = TableFolder::find(dir.path(), &options(&["rent", "price"]), &Division::default()).unwrap().unwrap();
    assert_eq!(found.classes(), ["rent", "price"]);
    let names = |columns: &[crate::Column]| columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found.columns().inputs), ["label", "size"]);
    assert_eq!(names(&found.columns().targets), ["rent", "price"]);
    let data = found.load(Split::Train, None, u64::MAX).unwrap();
    assert_eq!(read(&data), array![[1.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 3.0]]);
    let numbers = data.spec().numbers.clone().unwrap();
    assert_eq!(
        (data.labels(), numbers.values()),
        (&[0, 1, 2][..], array![[-1e3, 100.5], [7.0, 200.0], [8.0, 300.0]].view())
    );
    let test = found.load(Split::Test, Some(found.classes()), u64::MAX).unwrap();
    assert_eq!(test.spec().numbers.as_ref().unwrap().values(), array![[0.25, 1.0]]);
    assert_eq!(test.spec(), data.spec());
    // Whoever tests a model reads the columns that it knows.
    let known = TableFolder::with_columns(dir.path(), found.columns().clone(), &Division::default()).unwrap().unwrap();
    let names = found.classes().to_vec();
    assert_eq!(known.load(Split::Test, Some(&names), u64::MAX).unwrap(), test);
}

#[test]
fn a_list_of_classes_names_no_numbers() {
    let dir = folder("x,y\n1,5\n2,7\n", "x,y\n1,6\n");
    std::fs::write(dir.path().join("classes.txt"), "a\nb\n").unwrap();
    let found = TableFolder::find(dir.path(), &options(&["y"]), &Division::default()).unwrap().unwrap();
    let known = TableFolder::with_columns(dir.path(), found.columns().clone(), &Division::default()).unwrap().unwrap();
    for folder in [&found, &known] {
        assert_eq!((folder.classes(), folder.is_listed()), (&["y".to_owned()][..], false));
        assert_eq!(folder.load(Split::Test, None, u64::MAX).unwrap().spec().classes, ["y"]);
    }
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let dir = folder("x;y\n1;1.234,5\n2;-0,25\n", "x;y\n1;2,5\n");
    let found = TableFolder::find(dir.path(), &options(&["y"]), &Division::default()).unwrap().unwrap();
    assert_eq!(found.columns().targets[0].form, Some(NumberForm::DecimalComma));
    let data = found.load(Split::Train, None, u64::MAX).unwrap();
    assert_eq!(data.spec().numbers.as_ref().unwrap().values(), array![[1234.5], [-0.25]]);
}

#[test]
fn what_is_no_number_is_refused_with_its_row() {
    let find = |train: &str, targets: &[&str]| {
        let dir = folder(train, "");
        let found = TableFolder::find(dir.path(), &options(targets), &Division::default());
        found.and_then(|found| found.unwrap().load(Split::Train, None, u64::MAX)).unwrap_err().to_string()
    };
    for (train, targets, expected) in [
        ("x,y\n1,2\n2,many\n", &["y"][..], "has `many` in column `y` in line 3, which is to be predicted as a number"),
        ("x,y\n1,2\n2,\n", &["y"], "line 3: column `y` is empty, not a finite number, and it is to be predicted"),
        ("x,y\n1,2\n2,1e39\n", &["y"], "has `1e39` in column `y` in line 3"),
        ("x,y\n1,2\n", &["z"], "has no column `z`, it has `x`, `y`"),
        ("x,y\n1,2\n", &["x", "y"], "has no column beside those to predict"),
        ("x,y\n1,2\n", &["y", "y"], "is to have column `y` predicted twice"),
    ] {
        let found = find(train, targets);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn rows_of_one_table_are_drawn_alike_whatever_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.csv");
    let rows: String = (0..50).map(|i| format!("{i}.5,{}\n", i * i)).collect();
    std::fs::write(&path, format!("x,y\n{rows}")).unwrap();
    let found = TableFolder::find(&path, &options(&["y"]), &Division::default()).unwrap().unwrap();
    let [train, test] = [Split::Train, Split::Test].map(|split| found.load(split, None, u64::MAX).unwrap());
    assert_eq!((train.len(), test.len()), (40, 10));
    // Neither are folds and parts: each number is no class of its own.
    assert_eq!(select::hold_out(&train, 8, 1).unwrap().1.len(), 8);
    let some: Vec<usize> = (0..40).collect();
    assert_eq!(select::fraction(&train, &some, 0.25, 1).unwrap().len(), 10);
}
