//! Losses on inner values, from recipe to weights: of teachers that are trained, that are files, and that are ONNX files.

use crate::lab::{Lab, RECIPE, hashes};

const FEATURES: &str = r#"
[[kd.features]]
kind = "similarity"
student = "pool.0"
teacher = "pool.0"
weight = 50.0

[[kd.features]]
kind = "relational-distance"
student = "pool.0"
teacher = "pool.0"
weight = 2.0

[[kd.features]]
kind = "attention"
student = "stage.0"
teacher = "stage.0"
weight = 20.0

[[kd.features]]
kind = "attention"
student = "pool.0"
teacher = "stage.0"
weight = 0.0
"#;

fn recipe() -> String {
    let recipe = RECIPE
        .replace("{ hidden = [8] }", r#"{ kind = "cnn", channels = [6] }"#)
        .replace("{ hidden = [4] }", r#"{ kind = "cnn", channels = [3] }"#)
        .replace("epochs = 2", "epochs = 6");
    recipe + FEATURES
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("f.toml", recipe());
    lab
}

const TERMS: [&str; 4] = ["similarity", "relational-distance", "attention", "attention.2"];

/// A term of the student with a teacher, after each epoch.
fn course(lab: &Lab, run: &str, term: &str) -> Vec<f64> {
    let text = String::from_utf8(lab.read(&format!("{run}/metrics.jsonl"))).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of_student = rows.filter(|row| row["kind"] == "epoch" && row["role"] == "student");
    of_student.map(|row| row["terms"][term].as_f64().unwrap()).collect()
}

/// The loss of a model after each epoch, and what it makes of the validation set: the same for the same weights.
fn losses(lab: &Lab, run: &str, role: &str) -> Vec<String> {
    let text = String::from_utf8(lab.read(&format!("{run}/metrics.jsonl"))).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of_role = rows.filter(|row| row["kind"] == "epoch" && row["role"] == role);
    of_role.map(|row| format!("{} {}", row["loss"], row["validation"])).collect()
}

#[test]
fn a_student_learns_what_its_teacher_has_inside() {
    let lab = lab();
    let checked = lab.ok(&["check", "f.toml"]).stdout;
    assert!(checked.contains("similarity of pool.0 and pool.0; relational-distance of pool.0 and pool.0"), "{checked}");
    let shown = lab.ok(&["inspect", "f.toml"]).stdout;
    assert!(shown.contains("attention of pool.0 and stage.0"), "{shown}");

    let ran = lab.ok(&["run", "f.toml", "--threads", "1"]);
    lab.ok(&["run", "f.toml", "-q", "kd.features=[]"]);
    for term in TERMS {
        let course = course(&lab, "runs/tiny-001", term);
        assert!(course.len() == 6 && course.iter().all(|value| value.is_finite()), "{term}: {course:?}");
        // What has a weight goes down.
        assert!(term == "attention.2" || course[5] < 0.8 * course[0], "{term}: {course:?}");
        assert!(ran.stdout.contains(term) || ran.stderr.contains(term), "{}{}", ran.stdout, ran.stderr);
    }
    let csv = String::from_utf8(lab.read("runs/tiny-001/metrics.csv")).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][14..], TERMS);
    assert!(lines.iter().all(|line| line.len() == 18), "{csv}");
    assert!(lines.iter().filter(|line| line[0] == "student").all(|line| !line[17].is_empty()));
    assert!(lines.iter().filter(|line| line[0] == "teacher").all(|line| line[14..] == ["", "", "", ""]));
    let csv = String::from_utf8(lab.read("runs/tiny-002/metrics.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",examples,seconds"), "{csv}");

    // The same bits with other threads. Teacher and student without one do not know of it, the other student does.
    lab.ok(&["run", "f.toml", "-q", "--threads", "3"]);
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-003"));
    let of = |run: &str, role: &str| losses(&lab, run, role);
    for role in ["teacher", "baseline"] {
        assert_eq!(of("runs/tiny-001", role), of("runs/tiny-002", role));
    }
    assert_ne!(of("runs/tiny-001", "student"), of("runs/tiny-002", "student"));
    // A weight of 0 changes nothing.
    lab.write(
        "zero.toml",
        recipe()
            .replace("weight = 50.0", "weight = 0")
            .replace("weight = 2.0", "weight = 0")
            .replace("weight = 20.0", "weight = 0"),
    );
    lab.ok(&["run", "zero.toml", "-q", "kd.targets=live"]);
    assert_eq!(of("runs/tiny-004", "student"), of("runs/tiny-002", "student"));

    // The teacher may be a file, and events tell of the terms.
    let file = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    let events = lab.ok(&["run", "f.toml", file, "--json"]).events();
    assert_eq!(of("runs/tiny-005", "student"), of("runs/tiny-001", "student"));
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    for event in [of("step"), of("epoch_end")].concat() {
        assert_eq!(event["terms"].is_object(), event["role"] == "student", "{event}");
    }
    // Sweeps train such students too.
    lab.ok(&["sweep", "f.toml", "-q", "--set", "kd.alpha=0.5,0.9", "train.epochs=1", "teacher.train.epochs=1"]);
}

#[test]
fn a_run_that_goes_on_ends_with_the_same_bits() {
    let lab = lab();
    let settings = ["run", "f.toml", "-q", "checkpoint.every_steps=7", "checkpoint.keep_finished=true"];
    lab.ok(&settings);
    let whole = hashes(&lab, "runs/tiny-001");
    // As if the student had not been finished, and its newest checkpoints had never been written.
    let folder = lab.path("runs/tiny-001/checkpoints/student-seed1");
    let mut kept: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert!(kept.len() > 2, "{kept:?}");
    kept.split_off(1).into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let mut result = lab.json("runs/tiny-001/result.json");
    result["models"].as_array_mut().unwrap().pop();
    lab.write("runs/tiny-001/result.json", result.to_string());
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    lab.write("runs/tiny-001/run.toml", status.replace("completed", "running"));
    let ran = lab.ok(&["run", "--resume", "runs/tiny-001"]);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("going on after step"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(hashes(&lab, "runs/tiny-001"), whole);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_trained() {
    let lab = lab();
    for (from, to, expected) in [
        (
            "weight = 2.0",
            "weight = -1.0",
            ["E0104]: kd.features[1].weight must be a finite number of at least 0", "f.toml:31:10", "to watch"],
        ),
        (
            "weight = 2.0",
            "weight = nan",
            ["E0104]: kd.features[1].weight must be a finite number", "f.toml:31:10", "weight = 100.0"],
        ),
        ("weight = 2.0\n", "", ["E0103]: kd.features[1]: missing field `weight`", "f.toml", "distill new"]),
        (
            "weight = 2.0",
            "wieght = 2.0",
            ["E0101]: unknown key `wieght` in [kd.features[1]]", "f.toml:31:1", "did you mean `weight`?"],
        ),
        (
            "\"similarity\"",
            "\"similar\"",
            ["E0103]: kd.features[0].kind: unknown variant `similar`", "f.toml:22:8", "did you mean `similarity`?"],
        ),
        (
            "student = \"stage.0\"",
            "student = \"stag.0\"",
            [
                "E0104]: kd.features[2].student is `stag.0`, which the student does not have",
                "f.toml:35:11",
                "did you mean `stage.0`?",
            ],
        ),
        (
            "teacher = \"stage.0\"",
            "teacher = \"stage.7\"",
            [
                "E0104]: kd.features[2].teacher is `stage.7`, which the teacher does not have",
                "f.toml:36:11",
                "`teacher.taps`",
            ],
        ),
        (
            "student = \"stage.0\"",
            "student = \"input\"",
            [
                "E0104]: kd.features[2].student is `input`, which no trained layer computes",
                "f.toml:35:11",
                "after a layer",
            ],
        ),
        (
            "student = \"stage.0\"",
            "student = \"logits\"",
            ["E0104]: kd.features[2].student is `logits`, which is not a map", "f.toml:35:11", "relational-distance"],
        ),
    ] {
        assert!(recipe().contains(from), "{from}");
        lab.write("f.toml", recipe().replacen(from, to, 1));
        for command in ["check", "run"] {
            lab.check(&[command, "f.toml"], 3, expected);
        }
    }
    assert!(!lab.path("runs").exists());
    lab.write("f.toml", recipe());
    for (settings, expected) in [
        (
            &["kd.targets=cached"][..],
            ["E0104]: kd.targets is \"cached\", but `kd.features`", "kd.targets=cached", "live"],
        ),
        (
            &["teacher.seeds=[1, 2]"],
            ["E0104]: kd.features compares inner values, but an ensemble", "f.toml", "one teacher"],
        ),
        (
            &["teacher.taps=[\"x\"]"],
            ["E0104]: teacher.taps is set, but no teacher is an ONNX file", "teacher.taps", ".onnx"],
        ),
        (
            &["student.model={ hidden = [4] }"],
            ["E0104]: kd.features[0].student is `pool.0`, which the student does not have", "f.toml", "its values"],
        ),
    ] {
        lab.check(&[&["run", "f.toml"][..], settings].concat(), 3, expected);
    }
    // Sizes of which none is a multiple of the other.
    lab.dataset("five", 5, 90, 30);
    lab.check(
        &["check", "f.toml", "data.source=five"],
        3,
        [
            "E0104]: kd.features[3].teacher is `stage.0` of 5 by 5 pixels, but the student's `pool.0` has 2 by 2",
            "f.toml",
            "multiple",
        ],
    );
}

#[test]
fn answers_that_are_stored_have_nothing_inside() {
    let lab = lab();
    lab.ok(&["run", "f.toml", "-q", "kd.features=[]"]);
    let teacher = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.check(
        &["teach", "f.toml", teacher],
        3,
        ["E0104]: the recipe compares inner values", "f.toml", "'kd.features=[]'"],
    );
    lab.ok(&["teach", "f.toml", teacher, "kd.features=[]", "-o", "a.safetensors"]);
    lab.check(
        &["run", "f.toml", teacher, "kd.cache=a.safetensors"],
        3,
        ["E0104]: kd.cache is set, but `kd.features` compares inner values", "kd.cache=a.safetensors", "leave one"],
    );
    // A table of answers that know the classes.
    std::fs::create_dir(lab.path("t")).unwrap();
    for (name, n) in [("train", 200_usize), ("test", 60)] {
        let row = |i: usize| (0..3).map(move |class| if class == i % 3 { 0.8_f32 } else { 0.1 });
        let numbers: Vec<u8> = (0..n).flat_map(row).flat_map(f32::to_le_bytes).collect();
        lab.write(&format!("t/{name}.npy"), crate::lab::npy("<f4", &format!("({n}, 3)"), &numbers));
    }
    lab.check(
        &["check", "f.toml", "teacher.weights=t"],
        3,
        ["E0104]: kd.features[0].teacher is set, but the teacher, ", "f.toml", "leave `features` out"],
    );
}

#[cfg(feature = "onnx")]
#[test]
fn values_of_an_onnx_file_are_tapped_by_name() {
    let lab = lab();
    lab.ok(&["run", "f.toml", "-q", "kd.features=[]"]);
    lab.ok(&["export", "runs/tiny-001/weights/teacher-seed1.safetensors", "--to", "t.onnx", "-q"]);
    let shown = lab.ok(&["inspect", "t.onnx"]).stdout;
    assert!(shown.contains(" by Relu") && shown.contains(" by MaxPool"), "{shown}");
    let facts = &lab.ok(&["inspect", "t.onnx", "--json"]).events()[0];
    let value = |operator: &str| {
        let values = facts["values"].as_array().unwrap();
        values.iter().find(|value| value["operator"] == operator).unwrap()["name"].as_str().unwrap().to_owned()
    };
    let (relu, pool) = (value("Relu"), value("MaxPool"));
    let taps = format!("teacher.taps={{ \"stage.0\" = \"{relu}\", \"pool.0\" = \"{pool}\" }}");
    let args = ["f.toml", "teacher.weights=t.onnx", &taps];
    let checked = lab.ok(&[&["check"][..], &args].concat()).stdout;
    assert!(checked.contains("attention of pool.0 and stage.0"), "{checked}");
    for threads in ["1", "2"] {
        lab.ok(&[&["run"][..], &args, &["-q", "--threads", threads]].concat());
    }
    assert_eq!(hashes(&lab, "runs/tiny-002"), hashes(&lab, "runs/tiny-003"));
    for term in TERMS {
        let course = course(&lab, "runs/tiny-002", term);
        assert!(term == "attention.2" || course[5] < 0.8 * course[0], "{term}: {course:?}");
    }
    // It teaches as the file of this program does, up to rounding.
    lab.ok(&["run", "f.toml", "-q", "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors"]);
    for term in TERMS {
        let [of_onnx, of_ours] = ["runs/tiny-002", "runs/tiny-004"].map(|run| course(&lab, run, term)[0]);
        assert!((of_onnx - of_ours).abs() < 1e-3 * of_ours, "{term}: {of_onnx} {of_ours}");
    }

    let slip = format!("{}x", &relu[..relu.len() - 1]);
    let taps = format!("teacher.taps=[\"{slip}\"]");
    let meant = format!("did you mean `{relu}`?");
    let message = format!("E0402]: the value `{slip}` cannot be tapped: no operator of the file computes it");
    let ran = lab.check(&["check", "f.toml", "teacher.weights=t.onnx", &taps], 5, [&message, "t.onnx", &meant]);
    assert!(ran.stderr.contains("the file computes") && ran.stderr.contains("the last of which are"), "{}", ran.stderr);
    lab.check(
        &["check", "f.toml", "teacher.weights=t.onnx"],
        3,
        [
            "E0104]: kd.features[0].teacher is `pool.0`, which the teacher does not have",
            "f.toml",
            "named in `teacher.taps`",
        ],
    );
    lab.check(
        &["check", "f.toml", "teacher.weights=[\"t.onnx\", \"t.onnx\"]", &taps],
        3,
        ["E0104]: teacher.taps is set, but an ensemble", "teacher.taps", "one teacher"],
    );
}
