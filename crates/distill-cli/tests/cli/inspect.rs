use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::lab::{Lab, idx, npy};

fn event(lab: &Lab, file: &str) -> Value {
    let events = lab.ok(&["inspect", file, "--json"]).events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["v"], &events[0]["event"], &events[0]["file"]),
        (&json!(1), &json!("inspect"), &json!(file))
    );
    events[0].clone()
}

/// A safetensors file with this header and so many bytes of data.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn a_model_of_ours() {
    let lab = Lab::new();
    let model = lab.model();
    let facts = event(&lab, &model);
    let result = lab.json("made/tiny-001/result.json");
    assert_eq!(facts["kind"], "model");
    assert_eq!(facts["sha256"], result["models"][2]["weights_sha256"]);
    assert_eq!((&facts["architecture"], &facts["parameters"]), (&json!("16-4-3"), &json!(83)));
    assert_eq!((&facts["input_shape"], &facts["classes"]), (&json!([1, 4, 4]), &json!(["0", "1", "2"])));
    assert_eq!((&facts["provenance"]["role"], &facts["usable"]), (&json!("student"), &json!(true)));
    assert_eq!(facts["dead_units"], json!([{ "layer": "hidden.0", "dead": 0, "units": 4 }]));
    let tensors = facts["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), 4);
    let weight = tensors.iter().find(|tensor| tensor["name"] == "hidden.0.weight").unwrap();
    assert_eq!((&weight["shape"], &weight["non_finite"]), (&json!([4, 16]), &json!(0)));
    let [min, mean, max] = ["min", "mean", "max"].map(|name| weight[name].as_f64().unwrap());
    assert!(min < mean && mean < max);

    let ran = lab.ok(&["inspect", &model]);
    assert_eq!(ran.stderr, "");
    for line in ["model     16-4-3, 83 parameters", "input     1x4x4, 16 numbers", "classes   0, 1, 2", "tensor  "] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(ran.stdout.starts_with(&format!("file      {model}\n")));
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let health = "health    all weights are present and finite\n";
    assert_eq!(lab.ok(&["inspect", &model, "-q"]).stdout, health);
}

#[test]
fn weights_that_are_dead_or_no_numbers() {
    let lab = Lab::new();
    let good = lab.read(&lab.model());
    let n_header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&good[8..n_header]).unwrap();
    let place = |name: &str| n_header + header[name]["data_offsets"][0].as_u64().unwrap() as usize;
    let mut bad = good;
    // The second of four units, with its bias, and one weight of another.
    let (weight, bias) = (place("hidden.0.weight"), place("hidden.0.bias"));
    bad[weight + 64..weight + 128].fill(0);
    bad[bias + 4..bias + 8].fill(0);
    bad[weight..weight + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    lab.write("bad", bad);
    let facts = event(&lab, "bad");
    assert_eq!(facts["dead_units"], json!([{ "layer": "hidden.0", "dead": 1, "units": 4 }]));
    assert_eq!(facts["usable"], false);
    let weight =
        facts["tensors"].as_array().unwrap().iter().find(|tensor| tensor["name"] == "hidden.0.weight").unwrap();
    assert_eq!((&weight["non_finite"], &weight["zeros"]), (&json!(1), &json!(16)));
    let text = lab.ok(&["inspect", "bad"]).stdout;
    for line in [
        "dead      1 of 4 units of hidden.0 have no weight at all",
        "problem   1 value of hidden.0.weight NaN or infinite, first at 0",
        "health    this model cannot be used",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn safetensors_of_others() {
    let lab = Lab::new();
    let header = r#"{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}"#;
    lab.write("other", safetensors(header, &[0; 20]));
    let facts = event(&lab, "other");
    assert_eq!((&facts["kind"], &facts["metadata_keys"]), (&json!("safetensors"), &json!(["format"])));
    let entry = |name: &str, dtype: &str, shape: &[u32]| json!({ "name": name, "dtype": dtype, "shape": shape });
    assert_eq!(facts["tensors"], json!([entry("a.weight", "bf16", &[2, 3]), entry("b", "i64", &[])]));
    let text = lab.ok(&["inspect", "other"]).stdout;
    assert!(text.contains("tensors   2, 7 numbers\nmetadata  format\n"), "{text}");
    for bytes in [safetensors(header, &[0; 19]), safetensors(header, &[0; 21]), safetensors("{\"a\":", &[])] {
        lab.write("other", bytes);
        lab.check(&["inspect", "other"], 5, ["E0402]: not a safetensors file", "other", "`weights` folder"]);
    }
}

#[test]
fn data() {
    let lab = Lab::new();
    let images = event(&lab, "data/train-images-idx3-ubyte");
    assert_eq!(
        (&images["kind"], &images["shape"], &images["gzip"]),
        (&json!("idx"), &json!([200, 4, 4]), &json!(false))
    );
    assert_eq!((&images["max"], &images["labels"]), (&json!(200), &Value::Null));
    lab.write("labels", idx(&[5], &[3, 0, 3, 9, 3]));
    let labels = event(&lab, "labels");
    assert_eq!(labels["labels"], json!({ "0": 1, "3": 3, "9": 1 }));
    let text = lab.ok(&["inspect", "labels"]).stdout;
    assert!(text.ends_with("shape     5 of u8\nvalues    0 to 9\nlabels    0: 1, 3: 3, 9: 1\n"), "{text}");
    lab.write("labels", idx(&[5], &[3, 0, 3, 9]));
    lab.check(&["inspect", "labels"], 4, ["E0401]", "labels at byte 12", "fetch the file again"]);

    let folder = event(&lab, "data");
    assert_eq!(folder["kind"], "dataset");
    assert_eq!(folder["files"].as_array().unwrap().len(), 4);
    fs::remove_file(lab.path("data/t10k-labels-idx1-ubyte")).unwrap();
    let text = lab.ok(&["inspect", "data"]).stdout;
    assert!(text.contains("test labels   missing"), "{text}");
    assert!(text.contains("train-images-idx3-ubyte  200x4x4  3,216"), "{text}");
}

#[test]
fn compressed_files() {
    let lab = Lab::new();
    let pack = |bytes: &[u8]| {
        let mut gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        gzip.stdin.take()?.write_all(bytes).ok()?;
        Some(gzip.wait_with_output().ok()?.stdout)
    };
    let Some(packed) = pack(&idx(&[3], &[1, 1, 2])) else { return };
    lab.write("labels", packed);
    let facts = event(&lab, "labels");
    assert_eq!((&facts["gzip"], &facts["labels"]), (&json!(true), &json!({ "1": 2, "2": 1 })));
    lab.write("text", pack(b"some text").unwrap());
    let ran = lab.check(&["inspect", "text"], 5, ["E0402]: unrecognised file or folder", "text", "known are"]);
    assert!(ran.stderr.contains("compressed with gzip and starts with 73 6f inside"), "{}", ran.stderr);
}

#[test]
fn data_in_the_forms_of_others() {
    let lab = Lab::new();
    fs::create_dir(lab.path("t")).unwrap();
    lab.write("t/train.csv", "x,class\n1,yes\n2,no\n3,no\n");
    lab.write("t/test.csv", "x,class\n1,yes\n");
    let facts = event(&lab, "t");
    assert_eq!(
        (&facts["kind"], &facts["train"]["examples"], &facts["classes"]),
        (&json!("dataset"), &json!(3), &json!(["no", "yes"]))
    );
    let text = lab.ok(&["inspect", "t"]).stdout;
    for line in ["a dataset of tables", "train     3 examples of 1", "classes   no, yes"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let facts = event(&lab, "t/train.csv");
    assert_eq!(
        (&facts["kind"], &facts["rows"], &facts["columns"]),
        (&json!("table"), &json!(3), &json!(["x", "class"]))
    );
    lab.write("x.npy", npy("<f4", "(3, 2)", &[0; 24]));
    let facts = event(&lab, "x.npy");
    assert_eq!((&facts["kind"], &facts["shape"], &facts["dtype"]), (&json!("npy"), &json!([3, 2]), &json!("f32")));
    fs::create_dir(lab.path("empty")).unwrap();
    let ran = lab.check(&["inspect", "empty"], 5, ["E0402]: unrecognised file or folder", "empty", "known are"]);
    assert!(ran.stderr.contains("nor a dataset"), "{}", ran.stderr);
}

#[test]
fn recipes_results_and_runs() {
    let lab = Lab::new();
    lab.model();
    let recipe = event(&lab, "r.toml");
    assert_eq!((&recipe["kind"], &recipe["recipe"]["student"]["model"]["hidden"]), (&json!("recipe"), &json!([4])));
    let text = lab.ok(&["inspect", "r.toml"]).stdout;
    for line in ["teacher   8 hidden units, 2 epochs", "learning  kd at temperature 4, alpha 0.9, 2 epochs, and alone"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    lab.write("bad.toml", "student = 3\ntecher = 4\n");
    lab.check(&["inspect", "bad.toml"], 3, ["E010", "bad.toml", ""]);

    let result = event(&lab, "made/tiny-001/result.json");
    assert_eq!((&result["kind"], result["models"].as_array().unwrap().len()), (&json!("result"), 3));
    let run = event(&lab, "made/tiny-001");
    assert_eq!((&run["kind"], &run["status"], &run["models"]), (&json!("run"), &json!("completed"), &result["models"]));
    assert!(lab.ok(&["inspect", "made/tiny-001"]).stdout.contains("student   1     16-4-3"));

    // It says that it runs, but no process writes it.
    let status = String::from_utf8(lab.read("made/tiny-001/run.toml")).unwrap();
    lab.write("made/tiny-001/run.toml", status.replace("completed", "running"));
    assert_eq!(event(&lab, "made/tiny-001")["status"], "interrupted");
    assert!(lab.ok(&["inspect", "made/tiny-001"]).stdout.contains("resume    distill run --resume made/tiny-001"));
    fs::remove_file(lab.path("made/tiny-001/result.json")).unwrap();
    assert_eq!(event(&lab, "made/tiny-001")["models"], json!([]));
}

#[test]
fn unknown_things() {
    let lab = Lab::new();
    for (name, bytes, note) in [
        ("elf", &b"\x7fELF\x02\x01\x01\0\0\0"[..], "starts with 7f 45 4c 46 02 01 01 00"),
        ("text", b"hello there", "starts with 68 65 6c 6c 6f 20 74 68 (`hello th`)"),
        ("empty", b"", "it is empty"),
        ("json", b"{\"a\": 3}", "as a `result.json` it is wrong: missing field `version`"),
        ("other.toml", b"[package]\nname = \"x\"\n", "starts with 5b 70 61 63"),
    ] {
        lab.write(name, bytes);
        let ran = lab.check(
            &["inspect", name],
            5,
            ["E0402]: unrecognised file or folder", name, "known are safetensors, ONNX, checkpoints"],
        );
        assert!(ran.stderr.contains(note), "{note}: {}", ran.stderr);
    }
    fs::create_dir(lab.path("folder")).unwrap();
    lab.check(&["inspect", "folder"], 5, ["E0402]: unrecognised file or folder", "folder", "known are"]);
    lab.check(&["inspect", "none"], 7, ["E0501]: cannot read the file", "none", "check the path"]);
    assert_eq!(lab.distill(&["inspect"]).code, Some(2));
}

#[test]
fn a_bad_file_does_not_hide_the_others() {
    let lab = Lab::new();
    lab.write("elf", b"\x7fELF");
    let ran = lab.distill(&["inspect", "none", "r.toml", "elf", "data", "--json"]);
    assert_eq!(ran.code, Some(5));
    let kinds: Vec<_> = ran.events().iter().map(|event| event["kind"].clone()).filter(|kind| !kind.is_null()).collect();
    assert_eq!(kinds, ["recipe", "dataset"]);
    assert_eq!(ran.events().iter().filter(|event| event["event"] == "error").count(), 2);
    let text = lab.distill(&["inspect", "r.toml", "data"]).stdout;
    assert_eq!(text.matches("\n\nfile      ").count(), 1, "{text}");
}

#[test]
fn checkpoints_and_soft_targets() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "checkpoint.every_steps=5", "checkpoint.keep_finished=true"]);
    let checkpoint = "runs/tiny-001/checkpoints/student-seed1/step-000000020.ckpt";
    let facts = event(&lab, checkpoint);
    assert_eq!((&facts["kind"], &facts["step"]), (&json!("checkpoint"), &json!(20)));
    assert_eq!(
        (&facts["role"], &facts["seed"], &facts["optimizer_slots"]),
        (&json!("student"), &json!("1"), &json!(1))
    );
    assert_eq!(facts["best"]["epoch"], 1);
    let text = lab.ok(&["inspect", checkpoint]).stdout;
    assert!(text.contains("step      20\n") && text.contains("hidden.0.weight   4x16"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let bytes = lab.read(checkpoint);
    lab.write("cut.ckpt", &bytes[..bytes.len() - 1]);
    lab.check(&["inspect", "cut.ckpt"], 5, ["E0403]: the checkpoint is damaged", "cut.ckpt", "start a new run"]);

    let weights = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&["teach", "r.toml", weights, "-o", "t.safetensors", "-q"]);
    let facts = event(&lab, "t.safetensors");
    assert_eq!((&facts["kind"], &facts["rows"]), (&json!("soft-targets"), &json!(180)));
    let teacher = lab.json("runs/tiny-001/result.json")["models"][0]["weights_sha256"].clone();
    assert_eq!(facts["teacher_sha256"], teacher);
}

#[test]
fn a_sweep() {
    let lab = Lab::new();
    lab.ok(&["sweep", "r.toml", "--set", "kd.temperature=1,2", "-q"]);
    let facts = event(&lab, "runs/tiny-sweep-001");
    assert_eq!((&facts["kind"], &facts["status"]), (&json!("sweep"), &json!("completed")));
    assert_eq!(facts["trials"].as_array().unwrap().len(), 2);
    let text = lab.ok(&["inspect", "runs/tiny-sweep-001"]).stdout;
    assert!(text.contains("trials    2\n") && text.contains("kd.temperature"), "{text}");
}
