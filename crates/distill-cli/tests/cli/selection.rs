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

#[test]
fn students_see_a_share_of_the_labels() {
    let lab = Lab::new();
    let few = "data.labelled=0.1";
    let line = "labels            students see those of 18 of 180 examples";
    let check = |settings: &[&str]| lab.ok(&[&["check", "r.toml", few], settings].concat()).stdout;
    assert!(check(&[]).contains(&format!("ok    {line}\n")), "{}", check(&[]));
    // Mixtures are of all examples, and have no labels either.
    let mixed = check(&["data.mixtures=1"]);
    assert!(mixed.contains(line) && mixed.contains("60 test, 180 mixtures"), "{mixed}");
    let unused = check(&["kd.alpha=1", "baseline.enabled=false"]);
    assert!(unused.contains(&format!("warn  {line}\n")), "{unused}");
    assert!(!lab.ok(&["check", "r.toml"]).stdout.contains("students see"));

    let ran = lab.ok(&["run", "r.toml", "name=few", few]);
    assert!(ran.stderr.contains("transfer  180 examples for the students, 18 of them with labels\n"), "{}", ran.stderr);
    let data = &lab.json("runs/few-001/result.json")["data"];
    let count = |set: &str| data[set].as_u64().unwrap();
    assert_eq!(["train", "transfer", "labelled", "test"].map(count), [180, 180, 18, 60]);
    let report = String::from_utf8(lab.read("runs/few-001/report.md")).unwrap();
    assert!(report.contains("180 transfer (18 with labels)"), "{report}");
    // With all of them nothing is said, and the run is the one that it always was.
    lab.ok(&["run", "r.toml", "-q", "name=all", "data.labelled=1.0"]);
    assert!(lab.json("runs/all-001/result.json")["data"].get("labelled").is_none());
    let resolved = String::from_utf8(lab.read("runs/all-001/recipe.resolved.toml")).unwrap();
    assert!(!resolved.contains("labelled"), "{resolved}");

    for share in ["0", "1.5", "-0.1"] {
        let what = format!("E0104]: data.labelled must be greater than 0 and at most 1, got {share}");
        let setting = format!("data.labelled={share}");
        lab.check(&["check", "r.toml", &setting], 3, [&what, &setting, "set `labelled = 0.1`"]);
    }
}
