//! Answers out of fold, and rows made of others, for tables.

use serde_json::Value;

use crate::lab::{Lab, hashes};

/// A wide teacher that learns everything by heart.
const RECIPE: &str = r#"
name = "flat"

[data]
source = "flat.csv"
columns = { split = "part", fold = "fold" }

[teacher]
min_accuracy = 0.0
model = { hidden = [256, 64] }

[teacher.train]
epochs = 150
batch = 16
optimizer = { kind = "adamw", lr = 0.01 }

[student]
model = { hidden = [16] }

[kd]
temperature = 1.0
alpha = 1.0

[train]
epochs = 40
batch = 16
optimizer = { kind = "adamw", lr = 0.01 }
"#;

/// Homes of two kinds. A third of the labels to train on are wrong, those to test are right.
fn table(n_train: u32) -> String {
    let mut text = "size,rooms,north,east,street,fold,part,label\n".to_owned();
    let mut number = 12_345_u32;
    let mut next = |below: u32| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 8) % below
    };
    for i in 0..n_train + 300 {
        let (size, rooms) = (20 + next(161), 1 + next(6));
        let street = ["Oak Road", "Elm Lane", "High Street"][next(3) as usize];
        let is_house = size + 12 * rooms + if street == "Elm Lane" { 20 } else { 0 } > 150;
        let (part, is_wrong) = if i < n_train { ("train", next(3) == 0) } else { ("test", false) };
        let label = if is_house == is_wrong { "flat" } else { "house" };
        // One row of each kind says nothing of its rooms.
        let rooms = if i % 50 == 7 { String::new() } else { rooms.to_string() };
        text += &format!("{size},{rooms},{},{},{street},{},{part},{label}\n", next(10_000), next(10_000), i % 3 + 1);
    }
    text
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("flat.csv", table(300));
    lab.write("flat.toml", RECIPE);
    lab
}

fn models<'a>(result: &'a Value, role: &str) -> Vec<&'a Value> {
    result["models"].as_array().unwrap().iter().filter(|model| model["role"] == role).collect()
}

#[test]
fn a_teacher_that_knows_its_rows_by_heart_is_caught_and_folds_cure_it() {
    let lab = lab();
    let run = |settings: &[&str], name: &str| {
        let ran = lab.ok(&[&["run", "flat.toml", &format!("name={name}"), "--threads", "2"], settings].concat());
        (ran.stderr, lab.json(&format!("runs/{name}-001/result.json")))
    };
    let (_, leaking) = run(&[], "leaking");
    // Its own file as a teacher: what it knows by heart is said.
    let teacher = "teacher.weights=runs/leaking-001/weights/teacher-seed1.safetensors";
    let checked = lab.ok(&["check", "flat.toml", teacher]).stdout;
    assert!(
        checked.contains("of the training examples right, and") && checked.contains("`teacher.folds`"),
        "{checked}"
    );

    let (said, cured) = run(&["teacher.folds=3"], "cured");
    assert!(said.contains("  training examples: out of fold "), "{said}");
    assert_eq!((models(&cured, "member").len(), models(&cured, "teacher").len()), (3, 1));
    let folds = &models(&cured, "teacher")[0]["folds"];
    let of = |part: &str, what: &str| folds[part][what].as_f64().unwrap();
    assert!(of("in_fold", "accuracy") > 0.95, "{folds}");
    assert!(of("out_of_fold", "accuracy") < 0.75, "{folds}");
    assert!(of("in_fold", "nll") * 4.0 < of("out_of_fold", "nll"), "{folds}");
    assert!(folds["n"].is_null() && models(&cured, "member").iter().all(|member| member.get("folds").is_none()));
    // A student of the leaking teacher learns its wrong labels, that of the folds fewer.
    let errors = |result: &Value| models(result, "student")[0]["test_errors"].as_u64().unwrap();
    assert!(errors(&cured) < errors(&leaking), "{} {}", errors(&cured), errors(&leaking));

    // The same from files, live or stored, on any number of threads.
    let file = |seed: u8| format!("'runs/cured-001/weights/member-seed{seed}.safetensors'");
    let weights = format!("teacher.weights=[{}, {}, {}]", file(1), file(2), file(3));
    let given = [&weights, "teacher.folds=3"];
    let checked = lab.ok(&[&["check", "flat.toml"], &given[..]].concat()).stdout;
    assert!(checked.contains("teacher folds") && checked.contains("out of fold "), "{checked}");
    assert!(!checked.contains("of the training examples right, and"), "{checked}");
    let student = |name: &str| lab.read(&format!("runs/{name}-001/eval/student-seed1/predictions.csv"));
    lab.ok(&[&["teach", "flat.toml", "--output", "answers"], &given[..]].concat());
    for (name, more) in [("live", "kd.targets=live"), ("stored", "kd.cache=answers")] {
        let name_is = format!("name={name}");
        lab.ok(&[&["run", "flat.toml", "-q", "--threads", "1", more, &name_is], &given[..]].concat());
        assert_eq!(student(name), student("cured"), "{name}");
    }
    // A sweep trains the teachers of the folds once, and its best trial can be run.
    let swept = lab.ok(&["sweep", "flat.toml", "teacher.folds=3", "--set", "kd.temperature=1,4", "data.validation=60"]);
    let next = swept.stderr.lines().chain(swept.stdout.lines()).find(|line| line.contains("distill run")).unwrap();
    assert!(next.contains("teacher.folds=3") && next.contains("teacher.weights=["), "{next}");
    assert_eq!(std::fs::read_dir(lab.path("runs/flat-sweep-001/teachers")).unwrap().count(), 3);
}

#[test]
fn folds_are_drawn_where_no_column_names_them_and_survive_a_stop() {
    let lab = lab();
    let quick = [
        "teacher.folds=2",
        "teacher.min_accuracy=0.0",
        "teacher.train.epochs=2",
        "train.epochs=2",
        "data.columns={ split = 'part', ignore = ['fold'] }",
    ];
    lab.ok(&[&["run", "flat.toml", "-q"], &quick[..]].concat());
    let whole = lab.json("runs/flat-001/result.json");
    lab.ok(&[&["run", "flat.toml", "-q"], &quick[..]].concat());
    let mut result = lab.json("runs/flat-002/result.json");
    result["models"] = result["models"].as_array().unwrap()[..1].to_vec().into();
    result["comparison"] = Value::Null;
    lab.write("runs/flat-002/result.json", result.to_string());
    let status = String::from_utf8(lab.read("runs/flat-002/run.toml")).unwrap();
    lab.write("runs/flat-002/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    lab.ok(&["run", "--resume", "runs/flat-002", "-q"]);
    let resumed = lab.json("runs/flat-002/result.json");
    for (whole, resumed) in whole["models"].as_array().unwrap().iter().zip(resumed["models"].as_array().unwrap()) {
        for key in ["role", "seed", "weights_sha256", "folds"] {
            assert_eq!(whole[key], resumed[key], "{key}");
        }
    }
}

#[test]
fn folds_without_a_meaning_are_refused() {
    let lab = lab();
    for (settings, message, place, help) in [
        (&["teacher.folds=1"][..], "teacher.folds must be at least 2, got 1", "teacher.folds=1", "`folds = 5`"),
        (&["teacher.folds=101"], "teacher.folds must be at most 100, got 101", "teacher.folds=101", "`folds = 5`"),
        (
            &["teacher.folds=3", "teacher.seeds=[1,2]"],
            "teacher.folds is set, and `seeds` too",
            "teacher.folds=3",
            "leave one",
        ),
        (
            &["teacher.folds=2", "teacher.weights=a"],
            "teacher.folds is 2, but `weights` does not list 2 files",
            "folds=2",
            "in the order of the folds",
        ),
        (
            &["teacher.folds=2"],
            "teacher.folds is 2, but `data.columns.fold` names a column with 3 different values",
            "folds=2",
            "`folds = 3`",
        ),
        (
            &["teacher.folds=3", "train.augment={ noise = 0.1 }"],
            "teacher.folds is set, but `train.augment` changes",
            "folds=3",
            "leave one",
        ),
    ] {
        let args = [&["check", "flat.toml"], settings].concat();
        lab.check(&args, 3, [&format!("E0104]: {message}"), place, help]);
    }
    let unknown = ["check", "flat.toml", "data.columns={ split = 'part', fold = 'part of it' }"];
    lab.check(
        &unknown,
        4,
        ["E0205]: flat.csv has no column `part of it`", "fold = 'part of it'", "names of the table's"],
    );
    let wide = ["check", "flat.toml", "data.columns={ split = 'part', fold = 'size' }"];
    let refused = lab.distill(&wide);
    assert!(
        refused.code == Some(4) && refused.stderr.contains("`size` has more than 100 different values"),
        "{}",
        refused.stderr
    );
}

#[test]
fn rows_are_made_of_others_for_students_with_a_teacher() {
    let lab = lab();
    let quick = ["teacher.train.epochs=3", "train.epochs=3", "teacher.min_accuracy=0.0"];
    let run = |settings: &[&str], name: &str| {
        lab.ok(&[&["run", "flat.toml", "-q", &format!("name={name}")], &quick[..], settings].concat());
        (hashes(&lab, format!("runs/{name}-001")), lab.json(&format!("runs/{name}-001/result.json")))
    };
    let (_, without) = run(&[], "without");
    let (_, with) = run(&["data.munge={ passes = 2 }", "--threads", "2"], "with");
    assert_eq!((&with["data"]["train"], &with["data"]["transfer"]), (&300.into(), &900.into()));
    let nll = |result: &Value, model: usize| result["models"][model]["test_nll"].clone();
    for (model, differs) in [(0, false), (1, false), (2, true)] {
        assert_eq!(nll(&with, model) != nll(&without, model), differs, "{model}");
    }
    let (_, live) = run(&["data.munge={ passes = 2 }", "kd.targets=live", "--threads", "1"], "live");
    assert_eq!(nll(&live, 2), nll(&with, 2), "live or cached, one thread or two");
    let others = [("p", "data.munge={ passes = 2, p = 0.2 }"), ("s", "data.munge={ passes = 2, s = 3.0 }")];
    for (name, setting) in others {
        assert_ne!(nll(&run(&[setting], name).1, 2), nll(&with, 2), "{name}");
    }
    let checked = lab.ok(&["check", "flat.toml", "data.munge={ passes = 2 }"]).stdout;
    assert!(checked.contains("600 made by MUNGE"), "{checked}");
    // With folds they are answered by all teachers.
    run(&["data.munge={ passes = 1 }", "teacher.folds=3"], "folds");

    // Answers that are computed once belong to them as well.
    let teacher = "teacher.weights=runs/with-001/weights/teacher-seed1.safetensors";
    lab.ok(&["teach", "flat.toml", teacher, "data.munge.passes=2", "--output", "answers"]);
    lab.ok(&["check", "flat.toml", teacher, "data.munge.passes=2", "kd.cache=answers"]);
    let other = ["check", "flat.toml", teacher, "data.munge={ passes = 2, p = 0.4 }", "kd.cache=answers"];
    lab.check(&other, 5, ["E0306]: the cached soft targets belong to other data", "answers", "distill teach"]);
    lab.ok(&[
        "sweep",
        "flat.toml",
        "-q",
        quick[0],
        quick[1],
        quick[2],
        "--set",
        "data.munge.passes=0,1",
        "data.validation=60",
    ]);
}

#[test]
fn says_of_what_no_rows_can_be_made() {
    let lab = lab();
    for (settings, message, place, help) in [
        (
            &["data.munge.passes=101"][..],
            "data.munge.passes must be at most 100, got 101",
            "data.munge.passes=101",
            "passes = 5",
        ),
        (
            &["data.munge={ passes = 1, p = 1.5 }"],
            "data.munge.p must be greater than 0 and at most 1, got 1.5",
            "p = 1.5",
            "p = 0.5",
        ),
        (
            &["data.munge={ passes = 1, s = 0 }"],
            "data.munge.s must be a finite number greater than 0, got 0",
            "s = 0",
            "s = 1.0",
        ),
        (
            &["data.munge.passes=1", "data.mixtures=1"],
            "data.munge is set, and `mixtures` too",
            "data.munge",
            "leave one",
        ),
    ] {
        let args = [&["check", "flat.toml"], settings].concat();
        lab.check(&args, 3, [&format!("E0104]: {message}"), place, help]);
    }
    let images = ["check", "r.toml", "data.munge.passes=1"];
    let expected = ["E0104]: data.munge is set, but the data is no table of columns", "data.munge", "`data.mixtures`"];
    lab.check(&images, 3, expected);
}

#[test]
fn students_may_see_numbers_in_pieces_and_their_teachers_whole_ones() {
    let lab = lab();
    let quick = ["teacher.train.epochs=5", "train.epochs=5"];
    lab.ok(&[&["run", "flat.toml", "-q", "name=whole"], &quick[..]].concat());
    let teacher = "teacher.weights=runs/whole-001/weights/teacher-seed1.safetensors";
    let pieces = "data.columns={ split = 'part', fold = 'fold', pieces = 8 }";
    let shown = lab.ok(&["data", "flat.csv", "data.columns={ split = 'part', pieces = 8 }"]).stdout;
    assert!(shown.contains("size    numbers, in 8 pieces") && shown.contains("street  3 words: "), "{shown}");
    lab.ok(&["run", "flat.toml", "-q", "name=pieces", pieces, teacher, "train.epochs=5"]);
    let [whole, cut] = ["whole", "pieces"].map(|name| lab.json(&format!("runs/{name}-001/result.json")));
    let of = |result: &Value, role: &str, what: &str| models(result, role)[0][what].clone();
    assert_eq!(of(&whole, "teacher", "test_errors"), of(&cut, "teacher", "test_errors"));
    assert!(of(&cut, "student", "parameters").as_u64() > of(&whole, "student", "parameters").as_u64());
    // The student's file says where its pieces end: it measures and predicts from raw rows.
    let student = "runs/pieces-001/weights/student-seed1.safetensors";
    let events = lab.ok(&["eval", student, "--data", "flat.csv", "--json"]).events();
    assert_eq!(events.last().unwrap()["errors"], of(&cut, "student", "test_errors"));
    lab.write("rows.csv", "street,rooms,size,north,east\nElm Lane,6,180,5,5\nOak Road,,1e308,1,2\n");
    let refused = lab.distill(&["predict", student, "rows.csv"]);
    assert!(refused.stderr.contains("column `size` is `1e308`, not a finite number"), "{}", refused.stderr);
    lab.write("rows.csv", "street,rooms,size,north,east\nElm Lane,6,180,5,5\nOak Road,,1e30,1,2\n");
    assert_eq!(lab.ok(&["predict", student, "rows.csv"]).stdout.lines().count(), 3);
    let one = ["check", "flat.toml", "data.columns={ split = 'part', pieces = 1 }"];
    lab.check(&one, 3, ["E0104]: data.columns.pieces must be from 2 to 256, got 1", "pieces = 1", "pieces = 16"]);
}
