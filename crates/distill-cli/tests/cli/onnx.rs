//! ONNX files as models. What `distill export` writes is a file like any other.

use std::fs;

use crate::lab::Lab;

/// The name of an exported teacher.
const FILE: &str = "t.onnx";

fn lab() -> (Lab, String) {
    let lab = Lab::new();
    lab.model();
    let model = "made/tiny-001/weights/teacher-seed1.safetensors".to_owned();
    lab.ok(&["export", &model, "--to", FILE, "--probabilities", "-q"]);
    (lab, model)
}

#[test]
fn settings_that_have_no_meaning() {
    let (lab, model) = lab();
    let check = |args: &[&str], expected| lab.check(args, 3, expected);
    check(
        &["run", "r.toml", &format!("teacher.weights={model}"), "teacher.onnx.output=x"],
        ["E0104]: teacher.onnx is set, but no teacher is an ONNX file", "teacher.onnx.output=x", "`weights`"],
    );
    let weights = format!("teacher.weights={FILE}");
    for (setting, message) in [
        ("teacher.onnx.scale=0", "E0104]: teacher.onnx.scale must be a finite number other than 0"),
        ("teacher.onnx.input_shape=[0]", "E0104]: teacher.onnx.input_shape must have sides"),
        ("teacher.onnx.engine=tract", "E0101]: unknown key `engine` in [teacher.onnx]"),
        ("teacher.onnx.layout=chw", "E0103]: teacher.onnx.layout: unknown variant"),
        ("teacher.classes=all", "E0103]: teacher.classes: unknown variant"),
    ] {
        lab.check(&["check", "r.toml", &weights, setting], 3, [message, setting, ""]);
    }
    check(&["run", "r.toml", "teacher.classes=subset"], ["E0104]: teacher.classes is set without", "subset", "leave"]);
    let data = ["--data", "data", "--onnx"];
    check(
        &[&["eval", &model][..], &data[..], &["output=x"][..]].concat(),
        ["E0105]: `--onnx` is set, but no model", "command line", ".onnx"],
    );
    check(
        &[&["eval", FILE][..], &data[..], &["outptu=x"][..]].concat(),
        ["E0105]: `--onnx outptu`: unknown field", "command line", "`teacher.onnx`"],
    );
}

#[cfg(feature = "onnxruntime")]
#[test]
fn the_library_is_named_and_computes_the_same() {
    let (lab, _) = lab();
    lab.write("no.so", "no library");
    for (library, reason) in [("nowhere.so", "which does not exist"), ("no.so", "cannot be loaded")] {
        let setting = format!("library={library}");
        let error = lab.check(
            &["eval", FILE, "--data", "data", "--onnx", &setting],
            5,
            ["E0402]: `library` ", FILE, "leave it out to use tract"],
        );
        assert!(error.stderr.contains(reason), "{}", error.stderr);
    }
    // The library is ONNX Runtime's own, which not every machine has.
    let Some(library) = std::env::var_os("DISTILL_ONNXRUNTIME") else {
        println!("DISTILL_ONNXRUNTIME names no library of ONNX Runtime, so nothing is computed by it");
        return;
    };
    let setting = format!("library={}", library.display());
    let by_tract = lab.ok(&["eval", FILE, "--data", "data", "--json"]).events();
    for threads in ["1", "2"] {
        let args = ["eval", FILE, "--data", "data", "--json", "--onnx", &setting, "--threads", threads];
        let by_library = lab.ok(&args).events();
        let nll = |events: &[serde_json::Value]| events[0]["nll"].as_f64().unwrap();
        assert_eq!(by_library[0]["errors"], by_tract[0]["errors"]);
        assert!((nll(&by_library) - nll(&by_tract)).abs() < 1e-5);
    }
    lab.ok(&["run", "r.toml", &format!("teacher.weights={FILE}"), &format!("teacher.onnx.{setting}")]);
}

#[cfg(not(feature = "onnx"))]
#[test]
fn without_tract_files_of_other_operations_are_refused_with_the_reason() {
    let (lab, _) = lab();
    let expected =
        ["E0402]: this build has no engine for ONNX files other than distill's own", FILE, "--features onnx"];
    let probabilities = ["--onnx", "output=probabilities"];
    for command in [&["eval", FILE, "--data", "data"][..], &["predict", FILE]] {
        let refused = lab.check(&[command, &probabilities].concat(), 5, expected);
        assert!(refused.stderr.contains("the output is `probabilities`, not the first"), "{}", refused.stderr);
    }
    let weights = format!("teacher.weights={FILE}");
    lab.check(&["run", "r.toml", &weights, "teacher.onnx.output=probabilities"], 5, expected);
    // A node that no network here has is named.
    let file = lab.read(FILE);
    let at = file.windows(4).position(|bytes| bytes == b"Relu").unwrap();
    lab.write("other.onnx", [&file[..at], b"Sqrt", &file[at + 4..]].concat());
    let refused =
        lab.check(&["check", "r.toml", "teacher.weights=other.onnx"], 5, [expected[0], "other.onnx", expected[2]]);
    assert!(
        refused.stderr.contains("the Sqrt `") && refused.stderr.contains("is no operation that distill has"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_file_teaches_wherever_ours_do() {
    let (lab, model) = lab();
    let weights = format!("teacher.weights={FILE}");
    let checked = lab.ok(&["check", "r.toml", &weights]).stdout;
    assert!(checked.contains("ok    teacher engine    distill's own operations (t.onnx)\n"), "{checked}");
    lab.ok(&["run", "r.toml", &weights, "-q", "--threads", "1"]);
    lab.ok(&["run", "r.toml", &weights, "-q", "--threads", "2"]);
    let of = |run: &str| lab.read(&format!("runs/tiny-{run}/weights/student-seed1.safetensors"));
    assert_eq!(of("001"), of("002"), "no result depends on the number of threads");
    lab.ok(&["teach", "r.toml", &weights, "--output", "a.soft.safetensors"]);
    lab.ok(&["run", "r.toml", &weights, "kd.cache=a.soft.safetensors", "-q"]);
    assert_eq!(of("001"), of("003"), "stored answers are those of the teacher");
    lab.ok(&["run", "r.toml", &format!("teacher.weights=[\"{FILE}\", \"{model}\"]"), "-q"]);
    lab.ok(&["sweep", "r.toml", &weights, "--set", "kd.temperature=1,4", "-q"]);
    let report = String::from_utf8(lab.read("runs/tiny-001/report.html")).unwrap();
    assert!(report.contains("16-8-3"));
}

#[test]
fn classes_are_found_by_name() {
    let (lab, _) = lab();
    let weights = format!("teacher.weights={FILE}");
    let check = |settings: &[&str]| lab.distill(&[&["check", "r.toml", &weights, "-q"], settings].concat());
    // The model's classes are 0, 1 and 2; of names that are not the data's somebody must say which they are.
    lab.write("data/classes.txt", "cat\ndog\nowl\n");
    let expected = ["E0303]: the model and the data name different", FILE, "`teacher.onnx.classes`"];
    lab.check(&["run", "r.toml", &weights], 5, expected);
    lab.write("names.txt", "cat\ndog\nowl\n");
    let ran = check(&["teacher.onnx.classes=names.txt"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // In another order the teacher knows less than chance.
    lab.write("names.txt", "owl\ncat\ndog\n");
    let ran = check(&["teacher.onnx.classes=names.txt"]);
    assert!(ran.code == Some(5) && ran.stderr.contains("E0305"), "{}", ran.stderr);
    lab.check(&["check", "r.toml", &weights, "teacher.onnx.classes=no.txt"], 4, ["E0203]", "no.txt", "one a line"]);
    fs::remove_file(lab.path("data/classes.txt")).unwrap();

    // A file damaged in its middle is an error of the file, and not of the program.
    let mut bytes = lab.read(FILE);
    bytes.truncate(bytes.len() / 2);
    lab.write("cut.onnx", bytes);
    let expected = ["E0402]: the file is damaged", "cut.onnx", "onnx.checker"];
    lab.check(&["run", "r.toml", "teacher.weights=cut.onnx"], 5, expected);
    let expected = ["E0402]: the file has the outputs", FILE, "`distill inspect` lists them"];
    lab.check(&["eval", FILE, "--data", "data", "--onnx", "output=none"], 5, expected);
}

/// A forest of three colours, with the labels and the map of probabilities that skl2onnx writes.
#[test]
fn a_forest_teaches_in_every_build() {
    let lab = Lab::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/trees");
    fs::copy(folder.join("forest-names.onnx"), lab.path("forest.onnx")).unwrap();
    let case: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("forest-names.json")).unwrap()).unwrap();
    let numbers = |row: &serde_json::Value| -> Vec<f64> {
        row.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let rows = case["inputs"].as_array().unwrap().iter().zip(case["probabilities"].as_array().unwrap());
    let lines: Vec<String> = rows
        .map(|(inputs, probs)| {
            let probs = numbers(probs);
            let most = (0..3).max_by(|&a, &b| probs[a].total_cmp(&probs[b])).unwrap();
            let inputs: Vec<String> = numbers(inputs).iter().map(f64::to_string).collect();
            format!("{},{}\n", inputs.join(","), case["classes"][most].as_str().unwrap())
        })
        .collect();
    fs::create_dir(lab.path("colours")).unwrap();
    for (name, lines) in [("train", &lines[..12]), ("test", &lines[12..])] {
        lab.write(&format!("colours/{name}.csv"), format!("a,b,c,d,e,label\n{}", lines.concat()));
    }
    lab.ok(&["new", "forest", "--data", "colours", "--teacher", "forest.onnx"]);
    let checked = lab.ok(&["check", "forest.toml"]).stdout;
    assert!(checked.contains("ok    teacher           4 decision trees (probabilities"), "{checked}");
    assert!(checked.contains("ok    teacher engine    distill's own operations (forest.onnx)\n"), "{checked}");
    assert!(checked.contains("ok    teacher accuracy  100.00 % of 12 test examples"), "{checked}");
    // Its labels are names, so that nothing is assumed.
    assert!(!checked.contains("names no classes"), "{checked}");
    lab.ok(&["run", "forest.toml", "train.epochs=2", "-q"]);
    // Names that are not those of the data are refused.
    for name in ["train", "test"] {
        let table = String::from_utf8(lab.read(&format!("colours/{name}.csv"))).unwrap();
        lab.write(&format!("colours/{name}.csv"), table.replace("red", "rouge"));
    }
    lab.check(&["check", "forest.toml"], 5, ["E0303", "forest.onnx", "`teacher.onnx.classes`"]);
}

#[cfg(feature = "onnx")]
mod with_tract {
    use super::*;

    #[test]
    fn a_file_answers_as_the_model_it_was_made_of() {
        let (lab, model) = lab();
        let eval = |model: &str, more: &[&str]| {
            lab.ok(&[&["eval", model, "--data", "data", "--json"][..], more].concat()).events().remove(0)
        };
        let (ours, theirs) = (eval(&model, &[]), eval(FILE, &["--teacher", &model]));
        assert_eq!((&theirs["errors"], &theirs["agreement"]), (&ours["errors"], &1.0.into()));
        let logs = eval(FILE, &["--onnx", "output=probabilities"]);
        assert!((logs["nll"].as_f64().unwrap() - ours["nll"].as_f64().unwrap()).abs() < 1e-4, "{logs} {ours}");

        let predict = |model: &str| {
            let text = lab.ok(&["predict", model, "data/t10k-images-idx3-ubyte"]).stdout;
            text.lines().map(|line| line.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(predict(FILE), predict(&model));
        // A check says what computes it, and why.
        let weights = format!("teacher.weights={FILE}");
        let checked = lab.ok(&["check", "r.toml", &weights, "teacher.onnx.output=probabilities"]).stdout;
        let said =
            "ok    teacher engine    tract, as the output is `probabilities`, not the first of the file (t.onnx)\n";
        assert!(checked.contains(said), "{checked}");
    }
}
