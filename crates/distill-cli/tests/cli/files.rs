use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::lab::{Lab, idx};

/// The teacher of the run that [`Lab::model`] makes.
const TEACHER: &str = "made/tiny-001/weights/teacher-seed1.safetensors";

/// Spoils one file of a fresh dataset and checks what the program says to it.
#[track_caller]
fn spoil(name: &str, spoiled: impl FnOnce(Vec<u8>) -> Vec<u8>, expected: [&str; 3]) {
    let lab = Lab::new();
    let file = format!("data/{name}");
    lab.write(&file, spoiled(lab.read(&file)));
    lab.check(&["run", "r.toml"], 4, expected);
    assert!(!lab.path("runs").exists());
}

#[test]
fn damaged_data() {
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let again = "fetch the file again";
    spoil(images, |bytes| bytes[..7].to_vec(), ["E0401]", "data/train-images-idx3-ubyte at byte 7", again]);
    spoil(images, |_| vec![], ["E0401]", "data/train-images-idx3-ubyte at byte 0", again]);
    spoil(images, |bytes| bytes[..100].to_vec(), ["E0401]", "data/train-images-idx3-ubyte at byte 100", again]);
    spoil(
        images,
        |_| idx(&[1 << 31, 1 << 15, 1 << 15], &[]),
        ["E0401]", "data/train-images-idx3-ubyte at byte", again],
    );
    spoil(images, |_| b"PNG, or so".to_vec(), ["E0401]", "data/train-images-idx3-ubyte at byte 0", again]);
    spoil(labels, |_| idx(&[200, 1, 1], &[0; 200]), ["E0401]", "data/train-labels-idx1-ubyte at byte 3", again]);
    spoil(labels, |bytes| [bytes, vec![0]].concat(), ["E0401]", "data/train-labels-idx1-ubyte at byte 208", again]);
    spoil(labels, |_| idx(&[199], &[0; 199]), ["E0202]", "data/train-images-idx3-ubyte", "belong together"]);
    spoil(
        "t10k-labels-idx1-ubyte",
        |_| idx(&[60], &[7; 60]),
        ["E0204]", "data/t10k-labels-idx1-ubyte at byte 8", "at least 8 names"],
    );
    spoil("t10k-images-idx3-ubyte", |_| idx(&[60, 2, 2], &[7; 240]), ["E0202]", "r.toml:4:10", "belong together"]);
}

#[test]
fn missing_data() {
    let lab = Lab::new();
    lab.check(&["run", "r.toml", "data.source=none"], 4, ["E0201]", "none", "check the path"]);
    lab.check(&["run", "r.toml", "data.source=r.toml"], 4, ["E0201]", "r.toml", "name the folder"]);
    fs::remove_file(lab.path("data/t10k-labels-idx1-ubyte")).unwrap();
    lab.check(&["run", "r.toml"], 4, ["E0201]", "data", "four IDX files"]);
}

#[test]
fn a_cut_gzip_file() {
    // The system's gzip, so that no library is needed for one test.
    let lab = Lab::new();
    let Ok(mut gzip) = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return;
    };
    gzip.stdin.take().unwrap().write_all(&lab.read("data/train-labels-idx1-ubyte")).unwrap();
    let compressed = gzip.wait_with_output().unwrap().stdout;
    fs::remove_file(lab.path("data/train-labels-idx1-ubyte")).unwrap();
    let name = "data/train-labels-idx1-ubyte.gz";
    lab.write(name, &compressed);
    lab.ok(&["run", "r.toml", "-q"]);
    lab.write(name, &compressed[..compressed.len() - 5]);
    lab.check(&["run", "r.toml"], 4, ["E0401]", name, "fetch the file again"]);
}

/// Both ways in which a model file is used have to refuse it in the same words.
#[track_caller]
fn refuse(lab: &Lab, model: &str, exit: i32, expected: [&str; 3]) {
    lab.check(&["eval", model, "--data", "data"], exit, expected);
    lab.check(&["run", "r.toml", "--runs-dir", "bad-runs", &format!("teacher.weights={model}")], exit, expected);
    assert!(!lab.path("bad-runs").exists());
}

#[test]
fn damaged_models() {
    let lab = Lab::new();
    let good = lab.read(&lab.model());
    fs::create_dir(lab.path("folder")).unwrap();
    refuse(&lab, "none", 7, ["E0501]: cannot read the model", "none", "`weights` folder"]);
    refuse(&lab, "folder", 7, ["E0501]: cannot read the model", "folder", "`weights` folder"]);

    let mut cases = vec![
        ("garbage", vec![7; 5000], "E0402]: not a safetensors file"),
        ("empty", vec![], "E0402]: not a safetensors file"),
        ("cut", good[..good.len() - 1].to_vec(), "E0402]: not a safetensors file"),
        ("cut-header", good[..50].to_vec(), "E0402]: not a safetensors file"),
        (
            "other",
            [&8_u64.to_le_bytes(), &b"{}      "[..]].concat(),
            "E0402]: the safetensors file has no `distill` entry",
        ),
    ];
    let mut old = good.clone();
    let at = old.windows(11).position(|bytes| bytes == b"version\\\":1").unwrap();
    old[at + 10] = b'2';
    cases.push(("old", old, "E0402]: the `distill` entry of the metadata cannot be read: it has version 2"));
    for (name, bytes, message) in cases {
        lab.write(name, bytes);
        refuse(&lab, name, 5, [message, name, "`weights` folder of a run"]);
    }
    let mut nan = good;
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    lab.write("no-number", nan);
    refuse(&lab, "no-number", 5, ["E0402]: tensor `", "no-number", "train it again"]);
}

#[test]
fn models_of_other_data() {
    let lab = Lab::new();
    let model = lab.model();
    let help = "`data.classes`";
    lab.write("data/classes.txt", "0\n2\n1\n");
    // The same classes in another order are found by their names.
    let errors = |ran: crate::lab::Ran| ran.events()[0]["errors"].as_u64().unwrap();
    let swapped = errors(lab.ok(&["eval", TEACHER, "--data", "data", "--json"]));
    fs::remove_file(lab.path("data/classes.txt")).unwrap();
    let given = errors(lab.ok(&["eval", TEACHER, "--data", "data", "--json"]));
    assert!(given < swapped, "{given} and {swapped} errors of 60");
    lab.write("data/classes.txt", "cat\ndog\nowl\n");
    refuse(&lab, &model, 5, ["E0303]: the model and the data name different classes", &model, help]);
    lab.write("data/classes.txt", "0\n1\n2\n3\n");
    refuse(&lab, &model, 5, ["E0301]: the model has 3 classes, the data has 4", &model, help]);
    fs::remove_dir_all(lab.path("data")).unwrap();
    lab.dataset("data", 5, 60, 30);
    lab.write("data/t10k-labels-idx1-ubyte", idx(&[30], &[3; 30]));
    let expected = ["E0204]: ", "data/t10k-labels-idx1-ubyte at byte 8", "use a model that was trained on this data"];
    lab.check(&["eval", &model, "--data", "data"], 4, expected);
    lab.dataset("data", 5, 60, 30);
    refuse(&lab, &model, 5, ["E0304]: the ", &model, "inputs of this shape"]);
}

/// The data has two of the teacher's three classes, in another order.
#[test]
fn a_teacher_may_know_more_classes() {
    let lab = Lab::new();
    lab.model();
    let weights = format!("teacher.weights={TEACHER}");
    for (stem, n) in [("train", 120), ("t10k", 60)] {
        // Row 2 is bright in examples of class 0, which the teacher calls `2`, and row 0 in those of class 1.
        let pixel = |i: usize, j: usize| if j / 4 == 2 - 2 * (i % 2) { 200 } else { (i * 37 + j * 101) % 60 };
        let pixels: Vec<u8> = (0..n * 16).map(|at| pixel(at / 16, at % 16) as u8).collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 2) as u8).collect();
        lab.write(&format!("data/{stem}-images-idx3-ubyte"), idx(&[n, 4, 4], &pixels));
        lab.write(&format!("data/{stem}-labels-idx1-ubyte"), idx(&[n], &labels));
    }
    lab.write("data/classes.txt", "2\n0\n");
    let expected =
        ["E0301]: the model has 3 classes, the data has 2", "teacher-seed1", "`teacher.classes = \"subset\"`"];
    lab.check(&["run", "r.toml", &weights], 5, expected);
    lab.ok(&["run", "r.toml", &weights, "teacher.classes=subset", "-q"]);
    let result = lab.json("runs/tiny-001/result.json");
    let teacher = result["models"].as_array().unwrap().iter().find(|model| model["role"] == "teacher").unwrap();
    assert!(teacher["test_errors"].as_u64().is_some_and(|errors| errors < 30), "{teacher}");
    lab.write("data/classes.txt", "2\nowl\n");
    let expected = ["E0301]: the model has 3 classes", "teacher-seed1", "`data.classes`"];
    lab.check(&["run", "r.toml", &weights, "teacher.classes=subset"], 5, expected);
}
