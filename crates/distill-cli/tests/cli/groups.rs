//! Examples that belong together stay in one set: rows by a column, files by what their names say.

use std::fs;

use crate::lab::{Lab, png};

const RECIPE: &str = r#"
[data]
source = "people.csv"
group = "person"
validation = 30

[teacher]
min_accuracy = 0.0
model = { hidden = [8] }
train = { epochs = 3, batch = 16 }

[student]
model = { hidden = [4] }

[train]
epochs = 3
batch = 16
"#;

/// Ten rows of each of thirty persons, whose own number tells the class better than the rest.
fn lab() -> Lab {
    let lab = Lab::new();
    let rows: String = (0..300)
        .map(|i| {
            let person = i % 30;
            format!("p{person},{},{},{}\n", person * 7 % 30, i * 37 % 101, ["a", "b", "c"][person % 3])
        })
        .collect();
    lab.write("people.csv", format!("person,x,y,label\n{rows}"));
    lab.write("g.toml", RECIPE);
    lab
}

#[test]
fn rows_of_a_person_are_in_one_set() {
    let lab = lab();
    let checked = lab.ok(&["check", "g.toml"]).stdout;
    assert!(checked.contains("people.csv: 210 train, 30 validation, 60 test"), "{checked}");
    assert!(
        checked.contains("groups            21 in the training set, 3 in the validation set, 6 in the test set"),
        "{checked}"
    );
    assert!(!checked.contains("groups of the"), "{checked}");
    // The column is no input.
    assert!(checked.contains("inputs            2 numbers"), "{checked}");
    // Whoever measures the student later measures it on the same persons.
    lab.ok(&["run", "g.toml", "-q"]);
    let student = "runs/g-001/weights/student-seed1.safetensors";
    let errors = lab.json("runs/g-001/result.json")["models"]
        .as_array()
        .unwrap()
        .iter()
        .find(|model| model["role"] == "student")
        .unwrap()["test_errors"]
        .clone();
    let found = lab.ok(&["eval", student, "--data", "people.csv", "--json"]).events().last().unwrap().clone();
    assert_eq!((&found["errors"], &found["examples"]), (&errors, &60.into()));
    // Folds leave persons whole, too.
    lab.ok(&["run", "g.toml", "-q", "teacher.folds=3"]);
    // Teachers that are right of other classes count otherwise.
    let weighted = ["shares", "accuracy"].map(|by| {
        lab.ok(&[
            "run",
            "g.toml",
            "-q",
            "teacher.seeds=[1, 2, 3]",
            &format!("teacher.weighting={by}"),
            &format!("name={by}"),
        ]);
        let result = lab.json(&format!("runs/{by}-001/result.json"));
        let models = result["models"].as_array().unwrap();
        models.iter().find(|model| model["role"] == "teacher").unwrap()["test_nll"].clone()
    });
    assert_ne!(weighted[0], weighted[1]);
}

#[test]
fn sets_that_share_a_group_are_warned_of() {
    let lab = lab();
    let table = String::from_utf8(lab.read("people.csv")).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    fs::create_dir(lab.path("sets")).unwrap();
    let write = |name: &str, rows: &[&str]| lab.write(name, format!("{header}\n{}\n", rows.join("\n")));
    write("sets/train.csv", &rows[..250]);
    write("sets/test.csv", &rows[250..]);
    let checked = lab.ok(&["check", "g.toml", "data.source=sets"]).stdout;
    // Four persons are held out, and each of thirty has rows in the test set.
    assert!(
        checked.contains("warn  groups            26 of 30 groups of the test set are in the training set too"),
        "{checked}"
    );
}

#[test]
fn files_of_a_person_are_in_one_set() {
    let lab = lab();
    for class in ["cat", "dog"] {
        fs::create_dir_all(lab.path(&format!("pets/{class}"))).unwrap();
        for person in 0..10 {
            for n in 0..3 {
                let shade = if class == "cat" { 20 } else { 200 };
                lab.write(&format!("pets/{class}/p{person}-{n}.png"), png(4, 4, [shade, person * 20, n], 3));
            }
        }
    }
    let args = |group| ["check", "g.toml", "data.source=pets", "data.validation=6", group];
    let checked = lab.ok(&args("data.group='^(p[0-9]+)-'")).stdout;
    assert!(checked.contains("42 train, 6 validation, 12 test"), "{checked}");
    assert!(checked.contains("7 in the training set, 1 in the validation set, 2 in the test set"), "{checked}");
    let unmatched =
        ["E0401]: pets/cat/p0-0.png has a name in which `data.group`, `^q`, finds nothing", "pets/cat/p0-0.png", "key"];
    lab.check(&["run", "g.toml", "data.source=pets", "data.group='^q'"], 4, unmatched);
    let broken = ["E0401]: pets cannot be divided by `data.group`, which is no regular expression", "pets", "key"];
    lab.check(&["run", "g.toml", "data.source=pets", "data.group='('"], 4, broken);
    let unknown = ["E0205]: people.csv has no column `persn`", "data.group=persn", "columns"];
    lab.check(&["run", "g.toml", "data.group=persn"], 4, unknown);
    lab.check(
        &["run", "g.toml", "data.source=data"],
        3,
        ["E0104]: `data.group` has no meaning for `data`", "g.toml:4", "leave it out"],
    );
}
