//! Tables with columns, tables of answers, image files, and inputs without labels.

use std::fs;
use std::io::{Cursor, Write as _};

use distill_datasets::{Dataset, IdxFolder, Split};
use distill_models::{Model as _, Trainable as _, from_safetensors};
use distill_tensor::Params;
use ndarray::Array2;

use crate::lab::{Lab, png};

/// As `numpy.save` writes an array of f4.
fn npy(values: &Array2<f32>) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    crate::lab::npy("<f4", &format!("{:?}", values.dim()), &data)
}

/// A model whose file says nothing of the data is evaluated on the columns that settings name; one that says it is not.
#[test]
fn settings_say_how_the_data_of_an_evaluation_is_read() {
    let lab = Lab::new();
    flowers(&lab, "t");
    let columns = "data.columns={ label = \"species\", ignore = [\"id\", \"colour\"] }";
    lab.ok(&[
        "train",
        "r.toml",
        "data.source=t",
        columns,
        "train.epochs=1",
        "data.standardize=false",
        "--as",
        "baseline",
    ]);
    let student = "runs/tiny-001/weights/baseline-seed1.safetensors";
    let says = "E0104]: settings of the data are for models whose file does not say";
    lab.check(&["eval", student, "--data", "t", columns], 3, [says, student, "leave out `data.columns="]);
    let own = lab.ok(&["eval", student, "--data", "t"]).stdout;
    // Without what its file says of columns it is a model of two numbers, as an ONNX file of somebody is.
    let bytes = fs::read(lab.path(student)).unwrap();
    let model = from_safetensors(&bytes).unwrap().0;
    lab.write("bare.safetensors", distill_models::to_safetensors(&model, &distill_models::Provenance::new()).unwrap());
    let nameless = "E0401]: t/train.csv has no column called label, class or target";
    lab.check(
        &["eval", "bare.safetensors", "--data", "t"],
        4,
        [nameless, "t/train.csv", "on the command line behind it"],
    );
    let eval = lab.ok(&["eval", "bare.safetensors", "--data", "t", columns]).stdout;
    let errors = |text: &str| text.lines().find(|line| line.contains("errors")).map(str::to_owned);
    assert_eq!(errors(&eval), errors(&own));
    let other = "E0105]: nothing but the data is read, so only its settings count";
    let words = ["eval", "bare.safetensors", "--data", "t", "train.epochs=1"];
    lab.check(&words, 3, [other, "command line: train.epochs=1", "data.columns.label=income"]);
    lab.check(
        &["data", "t", "train.epochs=1"],
        3,
        [other, "command line: train.epochs=1", "data.columns.label=income"],
    );
    assert!(errors(&eval).is_some(), "{eval}");
}

/// Flowers whose class is told by a large number and a word.
fn flowers(lab: &Lab, folder: &str) {
    fs::create_dir(lab.path(folder)).unwrap();
    for (part, n) in [("train", 300), ("test", 90)] {
        let mut text = "id,height,colour,leaves,species\n".to_owned();
        for i in 0..n {
            let (class, noise) = (i % 3, ((i * 37) % 19) as f64 * 0.01);
            let height = if class == 0 { 1000.0 } else { 1004.0 } + noise;
            let colour = if class == 2 { "red" } else { "blue" };
            text += &format!("n{i},{height},{colour},{},{}\n", i % 5, ["iris", "rose", "tulip"][class]);
        }
        lab.write(&format!("{folder}/{part}.csv"), text);
    }
}

#[test]
fn columns_are_found_by_name_in_training_evaluation_and_prediction() {
    let lab = Lab::new();
    flowers(&lab, "t");
    let settings = [
        "data.source=t",
        "data.columns={ label = \"species\", ignore = [\"id\"] }",
        "data.standardize=true",
        "train.epochs=15",
        "teacher.train.epochs=15",
    ];
    let shown = lab.ok(&[&["check", "r.toml"], &settings[..]].concat()).stdout;
    assert!(shown.contains("4 numbers") && shown.contains("280 train"), "{shown}");
    lab.ok(&[&["run", "r.toml"], &settings[..]].concat());
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    // The model takes the numbers as they are, and its file says what the columns are to it.
    let eval = lab.ok(&["eval", student, "--data", "t", "--min-accuracy", "0.95"]).stdout;
    let result = lab.json("runs/tiny-001/result.json");
    let errors = result["models"].as_array().unwrap().iter().find(|model| model["role"] == "student").unwrap();
    assert!(eval.contains(&format!("{} errors", errors["test_errors"])), "{eval} {errors}");
    lab.write(
        "new.csv",
        "colour,id,leaves,height,note\nred,x1,2,1004.1,a\nblue,x2,0,1000.05,b\ngreen,x3,0,1000.05,c\n",
    );
    let answers = lab.ok(&["predict", student, "new.csv"]).stdout;
    let classes: Vec<&str> = answers.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(classes[..2], ["tulip", "iris"], "{answers}");

    lab.write("bad.csv", "colour,leaves\nred,2\n");
    let expected =
        ["E0206]: the header has no column `height`, it has `colour`, `leaves`", "bad.csv:1", "in any order"];
    lab.check(&["predict", student, "bad.csv"], 4, expected);
    lab.write("bad.csv", "colour,leaves,height\nred,2,1004\nred,two,1004\n");
    let expected = ["E0206]: column `leaves` is `two`, not a finite number", "bad.csv:3", "one example a line"];
    lab.check(&["predict", student, "bad.csv"], 4, expected);

    // What does not fit is said with its line, or its key.
    let check =
        |settings: &[&str], exit, expected| lab.check(&[&["check", "r.toml"], settings].concat(), exit, expected);
    check(
        &["data.columns={}"],
        3,
        ["E0104]: `data.columns` has no meaning for `data`", "data.columns", "leave it out"],
    );
    check(&["data.source=t"], 4, ["E0401]: t/train.csv has no column called label", "t/train.csv", ""]);
    let label = "data.columns.label=\"species\"";
    let table = lab.read("t/train.csv");
    lab.write("t/train.csv", [&table[..], b"n,tall,red,1,rose\n"].concat());
    let expected = ["E0401]: t/train.csv has numbers in column `height`, but `tall` in line 302", "t/train.csv", ""];
    check(&["data.source=t", label, "data.columns.ignore=[\"id\"]"], 4, expected);
    lab.write("t/train.csv", table);
    let expected =
        ["E0104]: data.standardize is set, but `student.model` has an embedding", "standardize", "leave one"];
    let embedding = "student.model.embedding={ buckets = 5 }";
    check(&["data.standardize=true", embedding], 3, expected);
}

/// The weights of baseline and student of a run. Their files differ, as they say which teacher and which recipe it was.
fn weights(lab: &Lab, run: &str) -> [Params; 2] {
    ["baseline", "student"].map(|role| {
        let (model, _) = from_safetensors(&lab.read(&format!("runs/{run}/weights/{role}-seed1.safetensors"))).unwrap();
        model.params().clone()
    })
}

/// What a trained teacher answers to a set of the lab.
fn answers(lab: &Lab, model: &str, split: Split) -> Array2<f32> {
    let (model, _) = from_safetensors(&lab.read(model)).unwrap();
    let folder = IdxFolder::open(lab.path("data")).unwrap();
    let data = folder.load(split, Some(&model.spec().classes)).unwrap();
    let mut inputs = Array2::zeros((data.len(), data.spec().features()));
    data.read(&(0..data.len()).collect::<Vec<_>>(), inputs.view_mut()).unwrap();
    model.logits(inputs.view()).unwrap()
}

#[test]
fn a_table_of_answers_teaches_as_the_teacher_does() {
    let lab = Lab::new();
    lab.model();
    let model = "made/tiny-001/weights/teacher-seed1.safetensors";
    let [train, test] = [Split::Train, Split::Test].map(|split| answers(&lab, model, split));
    fs::create_dir(lab.path("t")).unwrap();
    lab.write("t/train.npy", npy(&train));
    lab.write("t/test.npy", npy(&test));
    let run = |weights: &str, name: &str| {
        lab.ok(&["run", "r.toml", &format!("teacher.weights={weights}"), &format!("name={name}")]);
        self::weights(&lab, &format!("{name}-001"))
    };
    let live = run(model, "live");
    let table = run("t", "table");
    assert_eq!(live, table);
    let result = lab.json("runs/table-001/result.json");
    assert_eq!(result["models"][0]["architecture"], "table of 260 answers", "{result}");

    // The same in one file, with a teacher beside it.
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, table) in [("train", &train), ("test", &test)] {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy(table)).unwrap();
    }
    lab.write("t.npz", archive.finish().unwrap().into_inner());
    assert_eq!(run("t.npz", "packed"), live);
    run(&format!("[\"t.npz\", \"{model}\"]"), "both");

    // In a table of text, columns are found by their names.
    fs::create_dir(lab.path("csv")).unwrap();
    for (name, table) in [("train", &train), ("test", &test)] {
        let rows = table.outer_iter().map(|row| format!("{:?},{:?},{:?}\n", row[2], row[0], row[1]));
        lab.write(&format!("csv/{name}.csv"), format!("c,a,b\n{}", rows.collect::<String>()));
    }
    let classes = "data.classes=[\"a\", \"b\", \"c\"]";
    let named = |weights: &str, name: &str| {
        lab.ok(&["run", "r.toml", classes, &format!("teacher.weights={weights}"), &format!("name={name}")]);
        self::weights(&lab, &format!("{name}-001"))
    };
    assert_eq!(named("csv", "text"), named("t", "array"));

    let check = |settings: &[&str], exit, expected| {
        lab.check(&[&["run", "r.toml", "teacher.weights=t"], settings].concat(), exit, expected);
    };
    let augmented =
        ["E0104]: the teacher is a table, and the students' inputs are augmented", "t", "train.augment.shift = 0"];
    check(&["train.augment.shift=1"], 3, augmented);
    let mixed =
        ["E0104]: the teacher is a table, and the students' inputs are mixed", "t", "leave `data.mixtures` out"];
    check(&["data.mixtures=1"], 3, mixed);
    lab.check(
        &["eval", "t", "--data", "data"],
        5,
        ["E0402]: a table of answers can only teach", "t", "teacher.weights"],
    );
    lab.write("t/train.npy", npy(&test));
    check(
        &[],
        5,
        ["E0306]: the table has 60 rows, the train set has 200 examples", "t/train.npy", "in the order of the data"],
    );
    let mut bad = train.clone();
    bad[(7, 1)] = f32::NAN;
    lab.write("t/train.npy", npy(&bad));
    check(&[], 5, ["E0402]: the table of answers has NaN for class 1 of example 7", "t", "finite numbers"]);
    lab.write("t/train.npy", npy(&train.slice(ndarray::s![.., ..2]).to_owned()));
    check(&[], 5, ["E0301]: the table has 2 columns for 3 classes", "t", "classes.txt"]);
    lab.write("t/train.npy", npy(&train));
    fs::remove_file(lab.path("t/test.npy")).unwrap();
    check(&[], 5, ["E0402]: the table of answers lacks a part", "t/test.npy", "`test.npy`"]);
    // Rows in another order know nothing.
    let order: Vec<usize> = (0..200).map(|i| (i + 1) % 200).collect();
    lab.write("t/test.npy", npy(&test));
    lab.write("t/train.npy", npy(&train.select(ndarray::Axis(0), &order)));
    check(&[], 5, ["E0305]", "t", ""]);
}

#[test]
fn the_largest_answers_are_enough() {
    let lab = Lab::new();
    lab.model();
    let model = "made/tiny-001/weights/teacher-seed1.safetensors";
    fs::create_dir(lab.path("t")).unwrap();
    for (name, split) in [("train", Split::Train), ("test", Split::Test)] {
        let logits = answers(&lab, model, split);
        let probs = Array2::from_shape_fn(logits.dim(), |(i, j)| {
            let sum: f32 = logits.row(i).iter().map(|logit| logit.exp()).sum();
            logits[(i, j)].exp() / sum
        });
        let best: Vec<usize> =
            probs.outer_iter().map(|row| (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()).collect();
        lab.write(&format!("t/{name}.npy"), npy(&Array2::from_shape_fn((best.len(), 1), |(i, _)| probs[(i, best[i])])));
        let classes: Vec<u8> = best.iter().flat_map(|&class| (class as i64).to_le_bytes()).collect();
        let header = format!("{{'descr': '<i8', 'fortran_order': False, 'shape': ({}, 1), }}", best.len());
        let header = format!("{header:<117}\n");
        let array =
            [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &classes].concat();
        lab.write(&format!("t/{name}_classes.npy"), array);
    }
    lab.ok(&["run", "r.toml", "teacher.weights=t"]);
    let result = lab.json("runs/tiny-001/result.json");
    let made = lab.json("made/tiny-001/result.json");
    assert!(result["models"][0]["test_errors"].is_u64());
    assert_eq!(result["models"][0]["test_errors"], made["models"][0]["test_errors"]);
    lab.write("t/test_classes.npy", npy(&Array2::zeros((60, 1))));
    let expected = ["E0402]: the classes of the largest answers are not whole numbers", "t/test_classes.npy", "int64"];
    lab.check(&["run", "r.toml", "teacher.weights=t"], 5, expected);
}

#[test]
fn students_learn_from_what_has_no_labels_too() {
    let lab = Lab::new();
    lab.write("more.npy", npy(&Array2::from_shape_fn((90, 16), |(i, j)| ((i * 7 + j * 3) % 10) as f32 * 0.1)));
    let run = |settings: &[&str], name: &str| {
        lab.ok(&[&["run", "r.toml", &format!("name={name}")], settings].concat());
        (weights(&lab, &format!("{name}-001")), lab.json(&format!("runs/{name}-001/result.json")))
    };
    let (with, result) = run(&["data.unlabelled=more.npy"], "with");
    let (without, _) = run(&[], "without");
    assert_eq!((&result["data"]["train"], &result["data"]["transfer"]), (&180.into(), &270.into()));
    assert_eq!(with[0], without[0], "the baseline learns from labels alone");
    assert_ne!(with[1], without[1]);
    // Live and cached answers are the same.
    assert_eq!(run(&["data.unlabelled=more.npy", "kd.targets=live"], "live").0, with);
    lab.write("more.npy", npy(&Array2::zeros((90, 15))));
    let expected = ["E0401]: more.npy has inputs of [15], those with labels are [1, 4, 4]", "more.npy", ""];
    lab.check(&["check", "r.toml", "data.unlabelled=more.npy"], 4, expected);
}

#[test]
fn image_files_are_learned_from_and_answered_one_by_one() {
    let lab = Lab::new();
    for (part, n) in [("train", 40), ("test", 12)] {
        for (class, color) in [("red", [200, 10, 10]), ("sea", [10, 60, 200])] {
            fs::create_dir_all(lab.path(&format!("p/{part}/{class}"))).unwrap();
            for i in 0..n {
                let side = 8 + (i % 3) as u32;
                lab.write(&format!("p/{part}/{class}/{i:02}.png"), png(side, side + 1, color, i));
            }
        }
    }
    let images = "data.images={ size = [6, 6], crop = true }";
    lab.ok(&["run", "r.toml", "data.source=p", images, "train.epochs=10", "teacher.train.epochs=10"]);
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    lab.ok(&["eval", student, "--data", "p", "--min-accuracy", "0.95"]);
    lab.write("one.png", png(20, 30, [190, 20, 5], 3));
    let answer = lab.ok(&["predict", student, "one.png", "p/test/sea/00.png"]).stdout;
    let lines: Vec<&str> = answer.lines().skip(1).collect();
    assert!(lines[0].starts_with("one.png,red,") && lines[1].starts_with("p/test/sea/00.png,sea,"), "{answer}");

    let check =
        |settings: &[&str], exit, expected| lab.check(&[&["check", "r.toml"], settings].concat(), exit, expected);
    check(
        &["data.images={ grey = true }"],
        3,
        ["E0104]: `data.images` has no meaning for `data`", "data.images", "leave"],
    );
    check(
        &["data.source=p", "data.images={ crop = true }"],
        3,
        ["E0104]: data.images.crop is set without `size`", "crop", ""],
    );
    check(&["data.source=p"], 4, ["E0401]: p/train/red/01.png is 10x9, p/train/red/00.png is 9x8", "01.png", ""]);
    lab.write("p/train/sea/00.png", "no picture");
    check(&["data.source=p", images], 4, ["E0401]: p/train/sea/00.png is not a PNG or JPEG image", "00.png", ""]);
    lab.write("one.png", &png(20, 30, [1, 2, 3], 3)[..60]);
    lab.check(&["predict", student, "one.png"], 4, ["E0401]: one.png cannot be decoded", "one.png", ""]);
}

#[test]
fn arrays_are_answered_row_by_row() {
    let lab = Lab::new();
    let student = lab.model();
    let values = Array2::from_shape_fn((3, 16), |(i, j)| if j / 4 == i { 0.8 } else { 0.1 });
    lab.write("x.npy", npy(&values));
    let rows: String =
        values.outer_iter().map(|row| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",") + "\n").collect();
    lab.write("x.csv", rows);
    assert_eq!(lab.ok(&["predict", &student, "x.npy"]).stdout, lab.ok(&["predict", &student, "x.csv"]).stdout);
    lab.write("x.npy", npy(&Array2::zeros((3, 15))));
    lab.check(
        &["predict", &student, "x.npy"],
        4,
        ["E0206]: the array has the shape [3, 15]", "x.npy", "along the first side"],
    );
    let mut bad = values;
    bad[(1, 2)] = f32::INFINITY;
    lab.write("x.npy", npy(&bad));
    lab.check(&["predict", &student, "x.npy"], 4, ["E0206]: number 2 is inf, not a finite number", "x.npy, row 1", ""]);
}
