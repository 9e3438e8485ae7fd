//! What people have and mean when they name the wrong thing: models of other programs, data of nearly that name, too little memory.

use crate::lab::Lab;

#[test]
fn models_of_other_programs_are_called_by_their_names() {
    let lab = Lab::new();
    let pickle = b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x07sklearn.";
    let torch = b"PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0e\0\x12\0model/data.pklFB";
    for (name, bytes, message, help) in [
        ("model.pt", &torch[..], "E0402]: this is a model of PyTorch", "torch.onnx.export"),
        ("model.bin", torch, "E0402]: this is a model of PyTorch", "torch.onnx.export"),
        ("model.pth", b"", "E0402]: this is a model of PyTorch", "torch.onnx.export"),
        ("model.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0", "E0402]: this is a model of Keras or TensorFlow", "format=\"onnx\""),
        ("forest.pkl", pickle, "E0402]: this is a model of Python, such as scikit-learn's", "skl2onnx.to_onnx"),
        ("forest.joblib", pickle, "E0402]: this is a model of Python, such as scikit-learn's", "predict_proba"),
    ] {
        lab.write(name, bytes);
        let expected = [message, name, help];
        lab.check(&["run", "r.toml", &format!("teacher.weights={name}")], 5, expected);
        lab.check(&["predict", name, "data/t10k-images-idx3-ubyte"], 5, expected);
        lab.check(&["eval", name, "--data", "data"], 5, expected);
        if !bytes.is_empty() {
            lab.check(&["inspect", name], 5, expected);
        }
    }
    std::fs::create_dir(lab.path("saved")).unwrap();
    lab.write("saved/saved_model.pb", "");
    let expected = ["E0402]: this is a model of Keras or TensorFlow", "saved", "tf2onnx"];
    lab.check(&["eval", "saved", "--data", "data"], 5, expected);
    lab.write("x.webp", b"RIFF\x24\0\0\0WEBPVP8 ");
    let ran = lab.check(&["inspect", "x.webp"], 5, ["E0402]: unrecognised file or folder", "x.webp", "PNG, JPEG"]);
    assert!(ran.stderr.contains("it is a picture in WebP"), "{}", ran.stderr);
}

#[test]
fn data_of_nearly_that_name_is_suggested() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("my data/flowers é")).unwrap();
    for (typed, meant) in
        [("mnits", "mnist"), ("MNIST", "mnist"), ("dta", "data"), ("my data/flower é", "my data/flowers é")]
    {
        let help = format!("did you mean `{meant}`? `distill data` lists");
        lab.check(&["check", "r.toml", &format!("data.source={typed}")], 4, ["E0201]: cannot read", typed, &help]);
        lab.check(&["data", typed], 4, ["E0201]: cannot read", typed, &help]);
    }
    lab.check(&["data", "far/away"], 4, ["E0201]: cannot read", "far/away", "check the path"]);
}

#[test]
fn names_of_classes_may_be_in_a_file() {
    let lab = Lab::new();
    lab.write("les noms.txt", "chat\nchien\nété 1\n");
    lab.ok(&["run", "r.toml", "data.classes=les noms.txt", "-q"]);
    let classes = ["chat", "chien", "été 1"];
    assert_eq!(lab.json("runs/tiny-001/result.json")["data"]["classes"], serde_json::json!(classes));
    // A run knows the names, and needs the file no more.
    std::fs::remove_file(lab.path("les noms.txt")).unwrap();
    let recipe = String::from_utf8(lab.read("runs/tiny-001/recipe.resolved.toml")).unwrap();
    assert!(classes.iter().all(|class| recipe.contains(&format!("\"{class}\""))), "{recipe}");
    let check = |setting: &str, exit, expected| lab.check(&["check", "r.toml", setting], exit, expected);
    check(
        "data.classes=no.txt",
        4,
        ["E0203]: the names of the classes cannot be read", "no.txt", "order of the labels"],
    );
    lab.write("one.txt", "chat\n");
    check("data.classes=one.txt", 4, ["E0203]: the file is not a list of two", "one.txt", "one a line"]);
    check("data.classes=3", 3, ["E0103]: data.classes", "data.classes=3", ""]);
}

/// What no system gives is refused before it is asked for; else the process is ended without a word.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_cannot_be_had_is_a_limit() {
    let lab = Lab::new();
    let run = |settings: &str| {
        let program = env!("CARGO_BIN_EXE_distill");
        let line = format!("ulimit -v 1500000; exec {program} run r.toml --threads 2 {settings}");
        let output = std::process::Command::new("sh").args(["-c", &line]).current_dir(lab.path("")).output().unwrap();
        crate::lab::Ran::from(output)
    };
    let ran = run("'student.model.hidden=[15000, 15000]'");
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[E0801]: training takes at least 2.7 GB, more than the system provides"));
    assert!(ran.stderr.contains("`ulimit -v`") && !lab.path("runs").exists(), "{}", ran.stderr);
    assert_eq!(run("-q").code, Some(0));
}
