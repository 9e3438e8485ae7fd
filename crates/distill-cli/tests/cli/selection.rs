use std::collections::BTreeSet;

use super::lab::Lab;

#[test]
fn models_of_some_classes_are_watched_and_compared_on_these() {
    let lab = Lab::new();
    let select = "data.select.only=['1','2']";
    // Who gets all of them right is no more than two thirds right of examples of all three classes.
    let settings = [select, "teacher.min_accuracy=0.9", "teacher.train.epochs=20"];
    let ran = lab.ok(&[&["check", "r.toml"][..], &settings].concat());
    assert!(ran.stdout.contains("data: 113 train, 20 validation, 40 test, each only 1, 2"), "{}", ran.stdout);
    lab.ok(&[&["run", "r.toml", "-q", "name=two"][..], &settings].concat());
    let data = &lab.json("runs/two-001/result.json")["data"];
    assert_eq!(["train", "validation", "transfer", "test"].map(|set| data[set].as_u64().unwrap()), [113, 20, 113, 40]);
    let predictions = String::from_utf8(lab.read("runs/two-001/eval/student-seed1/predictions.csv")).unwrap();
    let labels: BTreeSet<_> = predictions.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(labels, BTreeSet::from(["1", "2"]));
    let report = String::from_utf8(lab.read("runs/two-001/report.md")).unwrap();
    assert!(report.contains("data, only 1, 2"), "{report}");
    // A student that is not shown a class is still asked for it.
    lab.ok(&["run", "r.toml", "-q", "name=part", "data.transfer.only=['1','2']"]);
    let data = &lab.json("runs/part-001/result.json")["data"];
    assert_eq!((&data["validation"], &data["test"]), (&20.into(), &60.into()));
}
