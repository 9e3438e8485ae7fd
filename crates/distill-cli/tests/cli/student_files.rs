//! Networks with convolutions, described by ONNX files.

use std::fs;

use distill_models::{Network, Trainable as _, from_safetensors};

use crate::lab::Lab;
use crate::onnx_files::beside;

/// A rate that moves no weight.
const STILL: &str = "train.optimizer.lr=1e-30";

fn network(lab: &Lab, file: &str) -> Network {
    from_safetensors(&lab.read(file)).unwrap().0
}

/// Names and numbers of what is trained.
fn trained(network: &Network) -> Vec<(String, Vec<f32>)> {
    let is_state = |name: &str| name.ends_with("running_mean") || name.ends_with("running_var");
    let params = network.params().iter().filter(|(name, ..)| !is_state(name));
    params.map(|(name, _, values)| (name.to_owned(), values.to_vec())).collect()
}

/// A lab with `net.onnx`, the student of a run.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "student.model={ kind = \"cnn\", channels = [3] }"]);
    let student = "runs/tiny-001/weights/student-seed1.safetensors";
    let ran = lab.ok(&["export", student, "--to", "net.onnx", "--keep-batch-norm"]);
    assert!(ran.stdout.contains("compared  256 inputs"), "{}", ran.stdout);
    lab.ok(&["export", student, "--to", "net.npz"]);
    lab
}

#[test]
fn a_student_is_read_from_a_file() {
    let lab = lab();
    let ran = lab.ok(&["check", "r.toml", "student.model=net.onnx"]);
    assert!(ran.stdout.contains("6 operations from net.onnx by distill 0."), "{}", ran.stdout);
    lab.ok(&["run", "r.toml", "-q", STILL, "student.model=net.onnx"]);
    lab.ok(&["run", "r.toml", "-q", STILL, "student.model=net.onnx", "student.weights=net.onnx"]);
    let of = |run: usize| network(&lab, &format!("runs/tiny-00{run}/weights/student-seed1.safetensors"));
    // The weights are new without a word on them, and else those of the file.
    assert_eq!(trained(&of(3)), trained(&of(1)));
    let (a, b) = (trained(&of(2)), trained(&of(1)));
    assert!(a != b && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && a.1.len() == b.1.len()));

    // What was read is in the recipe of the run, which no longer needs the file.
    fs::remove_file(lab.path("net.onnx")).unwrap();
    lab.ok(&["check", "runs/tiny-002/recipe.resolved.toml"]);
    let recipe = String::from_utf8(lab.read("runs/tiny-002/recipe.resolved.toml")).unwrap();
    assert!(recipe.contains("kind = \"graph\"") && recipe.contains("batch-norm"), "{recipe}");
}

#[test]
fn weights_of_a_student_may_lie_beside_its_file() {
    let lab = lab();
    let (file, data) = beside(&lab.read("net.onnx"), "two.onnx.data");
    lab.write("two.onnx", file);
    let two = ["student.model=two.onnx", "student.weights=two.onnx"];
    let missing = ["E0402]: the model has weights in the file `two.onnx.data`: it is not there", "two.onnx"];
    lab.check(&["check", "r.toml", two[0]], 5, [missing[0], missing[1], "put the file there"]);
    lab.write("two.onnx.data", &data[..data.len() - 4]);
    let cut = "E0402]: the model has weights in the file `two.onnx.data`: the tensor `";
    lab.check(&["run", "r.toml", two[0], two[1]], 5, [cut, "two.onnx", "put the file there"]);
    lab.write("two.onnx.data", &data);
    lab.ok(&["check", "r.toml", two[0]]);
    lab.ok(&["run", "r.toml", "-q", STILL, two[0], two[1]]);
    let of = |run: usize| network(&lab, &format!("runs/tiny-00{run}/weights/student-seed1.safetensors"));
    assert_eq!(trained(&of(2)), trained(&of(1)));
}

#[test]
fn a_teacher_is_described_by_a_file_too() {
    let lab = lab();
    lab.write(
        "t.toml",
        "[data]\nsource = \"data\"\n[teacher]\nmodel = \"net.onnx\"\n[student]\nmodel = { hidden = [4] }\n",
    );
    let ran = lab.ok(&["check", "t.toml"]);
    assert!(ran.stdout.contains("operations from net.onnx"), "{}", ran.stdout);
}

#[test]
fn files_that_make_no_student_are_refused_where_they_are_named() {
    let lab = lab();
    let refused = |model: &str, exit: i32, message: &str, help: &str| {
        let setting = format!("student.model={model}");
        lab.check(&["check", "r.toml", &setting], exit, [message, &setting, help]);
    };
    refused("cnn", 3, "E0104]: cnn is not the name of an ONNX file", "name such a file, or describe the model");
    let bytes = lab.read("net.onnx");
    lab.write("cut.onnx", &bytes[..bytes.len() / 2]);
    let cut = ["E0402]: the file is damaged or not an ONNX file: ", "cut.onnx", "write the file again"];
    lab.check(&["check", "r.toml", "student.model=cut.onnx"], 5, cut);
    let at = bytes.windows(4).position(|window| window == b"Relu").unwrap();
    lab.write("lstm.onnx", [&bytes[..at], b"LSTM", &bytes[at + 4..]].concat());
    let what = "the LSTM `stage.0` (node 2 of the ONNX file) cannot be trained here: networks here have no state";
    refused("lstm.onnx", 5, &format!("E0402]: {what}"), "name the file as `teacher.weights`");
    let missing = ["E0501]: cannot read the model", "none.onnx", "check the path"];
    lab.check(&["check", "r.toml", "student.model=none.onnx"], 7, missing);
    // A recipe has the place of the name.
    lab.check_recipe("{ hidden = [4] }", "\"lstm.onnx\"", 5, ["E0402]: the LSTM", "bad.toml:", "export it again"]);
    // Layers get the sizes of the data; the weights of the file do not.
    lab.dataset("wide", 6, 200, 60);
    let wide = ["check", "r.toml", "student.model=net.onnx", "data.source=wide"];
    let ran = lab.ok(&wide);
    assert!(ran.stdout.contains("takes inputs of [1, 4, 4], the data has [1, 6, 6]"), "{}", ran.stdout);
    let ran = lab.distill(&[&["run"], &wide[1..], &["student.weights=net.onnx"]].concat());
    assert!(ran.code != Some(0) && ran.stderr.contains("[1, 4, 4]"), "{}", ran.stderr);
}
