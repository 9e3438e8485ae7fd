//! Tables in Parquet, as data, as a teacher's answers and as inputs of predictions.

use std::fs;
use std::path::PathBuf;

use distill_datasets::TableRows;

use crate::lab::Lab;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/parquet").join(name)
}

#[test]
fn parquet_is_read_wherever_tables_are() {
    let lab = Lab::new();
    for (folder, file) in [("p", "pyarrow.parquet"), ("a", "answers.parquet")] {
        fs::create_dir(lab.path(folder)).unwrap();
        for part in ["train", "test"] {
            fs::copy(golden(file), lab.path(&format!("{folder}/{part}.parquet"))).unwrap();
        }
    }
    let settings = [
        "data.source=p",
        "data.columns={ ignore = [\"name\", \"size\", \"large\", \"day\"] }",
        "data.standardize=true",
        "teacher.weights=a",
    ];
    lab.ok(&[&["run", "r.toml"], &settings[..]].concat());
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    let eval = lab.ok(&["eval", student, "--data", "p"]).stdout;
    let result = lab.json("runs/tiny-001/result.json");
    assert_eq!(result["models"][0]["architecture"], "table of 3000 answers", "{result}");
    let errors = result["models"].as_array().unwrap().iter().find(|model| model["role"] == "student").unwrap();
    assert!(eval.contains(&format!("{} errors", errors["test_errors"])), "{eval} {errors}");

    // The same table as text gets the same answers.
    let mut rows = TableRows::open(&lab.path("p/test.parquet")).unwrap();
    let mut text = rows.header().join(",") + "\n";
    while rows.next().unwrap() {
        let cells = (0..rows.header().len()).map(|at| rows.cell(at).unwrap().text().into_owned());
        text += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    lab.write("same.csv", text);
    let found = lab.ok(&["predict", student, "p/test.parquet"]).stdout;
    assert_eq!(found, lab.ok(&["predict", student, "same.csv"]).stdout);
    assert_eq!(found.lines().count(), 1501);
    let more = ["data.unlabelled=p/train.parquet", "teacher.min_accuracy=0.0", "name=more"];
    lab.ok(&[&["run", "r.toml"], &settings[..3], &more[..]].concat());
    assert_eq!(lab.json("runs/more-001/result.json")["data"]["transfer"], 1480 + 1500);
    fs::copy(golden("lists.parquet"), lab.path("lists.parquet")).unwrap();
    let expected = ["E0206]: the table has no column `weight`", "lists.parquet", "the same columns, in any order"];
    lab.check(&["predict", student, "lists.parquet"], 4, expected);
    let expected =
        ["E0206]: images, arrays, Parquet and sound cannot be read from standard input", "stdin", "name the file"];
    lab.check(&["predict", student, "--input", "parquet", "-"], 4, expected);
    let cut = lab.read("p/train.parquet");
    lab.write("p/train.parquet", &cut[..cut.len() / 2]);
    let expected = ["E0401]: p/train.parquet is not a complete Parquet file", "p/train.parquet", ""];
    lab.check(&[&["check", "r.toml"], &settings[..]].concat(), 4, expected);
}
