//! What must not begin: `data`, `check` and `run` say it with its place before anything is trained.

use std::fs;

use crate::lab::{Lab, idx, npy};

/// As `numpy.save` writes rows of f4.
fn rows(n: usize, columns: usize, value: impl Fn(usize) -> f32) -> Vec<u8> {
    let data: Vec<u8> = (0..n * columns).flat_map(|at| value(at).to_le_bytes()).collect();
    npy("<f4", &format!("({n}, {columns})"), &data)
}

fn labels(n: usize, label: impl Fn(usize) -> i64) -> Vec<u8> {
    npy("<i8", &format!("({n},)"), &(0..n).flat_map(|i| label(i).to_le_bytes()).collect::<Vec<_>>())
}

/// Two hundred examples of two numbers to train on, and sixty to test.
fn arrays(lab: &Lab, folder: &str) {
    fs::create_dir(lab.path(folder)).unwrap();
    for (part, n) in [("train", 200), ("test", 60)] {
        lab.write(&format!("{folder}/x_{part}.npy"), rows(n, 2, |at| (at % 7) as f32));
        lab.write(&format!("{folder}/y_{part}.npy"), labels(n, |i| (i % 3) as i64));
    }
}

#[test]
fn arrays_that_are_cut_or_have_no_such_class() {
    let lab = Lab::new();
    arrays(&lab, "a");
    let whole = lab.read("a/x_test.npy");
    lab.write("a/x_test.npy", &whole[..whole.len() - 9]);
    let cut = ["E0401]: a/x_test.npy has 599 bytes, its header promises 608", "a/x_test.npy", "fetch the file again"];
    lab.check(&["data", "a"], 4, cut);
    lab.write("a/x_test.npy", rows(60, 3, |_| 0.0));
    let other = ["E0202]: ", "a", "training and test files that belong together"];
    lab.check(&["data", "a"], 4, other);
    lab.write("a/x_test.npy", whole);
    lab.write("a/y_train.npy", labels(200, |i| if i == 5 { -1 } else { 0 }));
    let below = ["E0401]: a/y_train.npy gives example 5 a class below 0", "a/y_train.npy", "distill data FOLDER"];
    lab.check(&["check", "r.toml", "data.source=a"], 4, below);
    // All names that are needed are asked for at once.
    let few = ["E0204]: ", "data/train-labels-idx1-ubyte", "list at least 3 names in `data.classes`"];
    lab.check(&["check", "r.toml", "data.classes=['a']"], 4, few);
}

#[test]
fn columns_that_number_the_rows() {
    let lab = Lab::new();
    fs::create_dir(lab.path("t")).unwrap();
    // Nearly all are `a` in training, and none is in testing: whoever guesses is wrong.
    let table = |name: &str, first: usize, is_a: &dyn Fn(usize) -> bool| {
        let rows =
            (first..first + 120).map(|i| format!("{i},{}.5,{}\n", i * 37 % 101, if is_a(i) { "a" } else { "b" }));
        format!("{name},x,class\n{}", rows.collect::<String>())
    };
    let write = |name: &str| {
        lab.write("t/train.csv", table(name, 0, &|i| i % 10 > 0));
        lab.write("t/test.csv", table(name, 120, &|_| false));
    };
    write("");
    let index = ["E0401]: t/train.csv has a column without a name", "t/train.csv", ""];
    lab.check(&["check", "r.toml", "data.source=t"], 4, index);
    lab.ok(&["check", "r.toml", "data.source=t", "data.columns.ignore=['']"]);
    write("n");
    let ran = lab.ok(&["check", "r.toml", "data.source=t"]);
    let warning = "warn  columns           column `n` looks like the number or the name of the row";
    assert!(
        ran.stdout.contains(warning) && ran.stdout.contains("set `data.columns.ignore = [\"n\"]`"),
        "{}",
        ran.stdout
    );
    assert!(!lab.ok(&["check", "r.toml", "data.source=t", "data.columns.ignore=['n']"]).stdout.contains("columns  "));
    let lost = ["data.source=t", "data.standardize=true", "teacher.min_accuracy=0"];
    let ran = lab.ok(&[&["run", "r.toml"][..], &lost].concat());
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("little more than guess: they may have learnt the rows by `n`, leave it out"), "{said}");
}

#[test]
fn arrays_whose_colours_may_be_last() {
    let lab = Lab::new();
    fs::create_dir(lab.path("c")).unwrap();
    for (part, n) in [("train", 200), ("test", 60)] {
        // Red rows, which tell the classes: red stands at every third place.
        let value = |at: usize| {
            if at.is_multiple_of(3) && at / 3 % 36 / 6 == at / 108 % 3 { 200 } else { (at * 37 % 60) as u8 }
        };
        let bytes: Vec<u8> = (0..n * 108).map(value).collect();
        lab.write(&format!("c/x_{part}.npy"), npy("|u1", &format!("({n}, 6, 6, 3)"), &bytes));
        lab.write(&format!("c/y_{part}.npy"), labels(n, |i| (i % 3) as i64));
    }
    let unclear = ["E0401]: c/x_train.npy has inputs of [6, 6, 3], which may be", "c/x_train.npy", ""];
    lab.check(&["check", "r.toml", "data.source=c"], 4, unclear);
    let last = ["data.source=c", "data.images.layout=nhwc", "train.augment.shift=1"];
    assert!(lab.ok(&[&["check", "r.toml"][..], &last].concat()).stdout.contains("3x6x6 numbers"));
    let wrong = ["E0104]: `data.images.layout` has no meaning for `data`", "", "leave it out"];
    lab.check(&["check", "r.toml", "data.images.layout=nhwc"], 3, wrong);
    lab.ok(&[&["run", "r.toml", "-q", "name=last"][..], &last].concat());
    // The model takes colours first, and is asked the same wherever they are in a file.
    let model = "runs/last-001/weights/student-seed1.safetensors";
    let bytes = lab.read("c/x_test.npy");
    let pixels = &bytes[bytes.len() - 60 * 108..];
    let first = (0..60 * 108).map(|at| pixels[at / 108 * 108 + at % 36 * 3 + at % 108 / 36]).collect::<Vec<_>>();
    lab.write("first.npy", npy("|u1", "(60, 3, 6, 6)", &first));
    let answers = |file: &str| lab.ok(&["predict", model, file, "--probs"]).stdout;
    assert_eq!(answers("c/x_test.npy"), answers("first.npy"));
    lab.ok(&["eval", model, "--data", "c"]);
}

#[test]
fn tables_without_such_a_column_class_or_row() {
    let lab = Lab::new();
    fs::create_dir(lab.path("t")).unwrap();
    lab.write("t/train.csv", "x,class\n1,yes\n2,no\n");
    lab.write("t/test.csv", "x,class\n1,yes\n2,maybe\n");
    for setting in ["data.columns.label=zz", "data.columns.ignore=['zz']", "data.columns.categorical=['zz']"] {
        let place = format!("command line: {setting}");
        let unknown = ["E0205]: t/train.csv has no column `zz`, it has `x`, `class`", &place, "the table's columns"];
        lab.check(&["check", "r.toml", "data.source=t", setting], 4, unknown);
    }
    let class = [
        "E0204]: t/test.csv has the class `maybe` in line 3, the classes are `no`, `yes`",
        "t/test.csv",
        "correct the label",
    ];
    lab.check(&["data", "t"], 4, class);
    lab.write("t/train.csv", "x,class\n");
    let empty = ["E0401]: t/train.csv: there are no examples", "t/train.csv", "at least one example"];
    lab.check(&["data", "t"], 4, empty);
    lab.check(&["data", "t/train.csv"], 4, empty);
}

#[test]
fn settings_that_the_data_makes_meaningless() {
    let lab = Lab::new();
    arrays(&lab, "a");
    lab.write("a/x_test.npy", rows(60, 2, |at| if at == 9 { 0.5 } else { 1.0 }));
    let check = |settings: &[&str], expected| {
        lab.check(&[&["check", "r.toml", "data.source=a"], settings].concat(), 3, expected);
    };
    let embedding = "student.model.embedding.buckets=7";
    let value = ["E0104]: number 1 of test example 4 is 0.5, and not that of one of 7 buckets", embedding, "embedding"];
    check(&[embedding], value);
    let embedding = "student.model.embedding.buckets=5";
    lab.write("a/x_train.npy", rows(200, 2, |at| if at % 2 == 1 { -1.0 } else { 5.0 }));
    check(&[embedding], ["E0104]: number 0 of training example", embedding, "as many buckets"]);
    lab.write("a/x_test.npy", rows(60, 2, |_| 4.0));
    lab.ok(&["check", "r.toml", "data.source=a", "student.model.embedding.buckets=6"]);
    let best = ["E0104]: the best weights cannot be found", "train.keep=best", "hold some out"];
    check(&["train.keep=best", "data.validation=0"], best);
    let unused = lab.ok(&["check", "r.toml", "baseline.enabled=false", "train.augment.mixup=0.2"]).stdout;
    assert!(unused.contains("`train.augment.mixup` has no effect here"), "{unused}");
    let names: String = ["a", "b", "c"].map(|name| name.repeat(160_000) + "\n").concat();
    lab.write("a/classes.txt", names);
    let long = ["E0801]: the names of 3 classes take 480,009 bytes", "data.source=a", "shorter names"];
    lab.check(&["check", "r.toml", "data.source=a"], 8, long);
}

#[test]
fn test_inputs_among_those_without_labels() {
    let lab = Lab::new();
    let images = lab.read("data/t10k-images-idx3-ubyte");
    lab.write("more-idx3-ubyte", &images);
    let check = |settings: &[&str]| lab.ok(&[&["check", "r.toml"], settings].concat()).stdout;
    let found = check(&["data.unlabelled=more-idx3-ubyte", "data.mixtures=2"]);
    assert!(found.contains("60 test examples are among the inputs without labels"), "{found}");
    assert!(found.contains("180 train, 20 validation, 60 test, 60 without labels, 480 mixtures"), "{found}");
    lab.write("more-idx3-ubyte", idx(&[2, 4, 4], &(0..32).collect::<Vec<u8>>()));
    let found = check(&["data.unlabelled=more-idx3-ubyte"]);
    assert!(!found.contains("are among") && found.contains("60 test, 2 without labels"), "{found}");
}

#[test]
fn a_folder_that_is_no_teacher() {
    let lab = Lab::new();
    fs::create_dir(lab.path("empty")).unwrap();
    let none = ["E0501]: cannot read the model", "empty", "a table of answers, such as `train.npy`"];
    lab.check(&["check", "r.toml", "teacher.weights=empty"], 7, none);
}
