//! Students that begin with weights, runs that begin with another, and early stopping.

use std::fs;

use serde_json::Value;

use crate::lab::{Lab, hashes};
use crate::sweep::{text, trials};

/// The numbers of a safetensors file, behind its header.
fn tensors(lab: &Lab, file: &str) -> Vec<u8> {
    let bytes = lab.read(file);
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    bytes[8 + header as usize..].to_vec()
}

fn models(lab: &Lab, run: &str) -> Vec<Value> {
    lab.json(&format!("{run}/result.json"))["models"].as_array().unwrap().clone()
}

/// A rate that moves no weight.
const STILL: &str = "train.optimizer.lr=1e-30";

#[test]
fn students_begin_with_the_weights_of_a_file_or_of_a_run() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "seeds=[1,2]"]);
    let weights = |run: &str, model: &str| tensors(&lab, &format!("runs/{run}/weights/{model}.safetensors"));

    lab.ok(&["run", "r.toml", "-q", STILL, "student.weights=runs/tiny-001/weights/student-seed2.safetensors"]);
    let student = weights("tiny-001", "student-seed2");
    assert!(weights("tiny-002", "student-seed1") == student && weights("tiny-002", "baseline-seed1") == student);

    lab.ok(&["run", "r.toml", "-q", STILL, "student.weights=runs/tiny-001", "seeds=[2,1]"]);
    for model in ["baseline-seed1", "student-seed1", "baseline-seed2", "student-seed2"] {
        assert!(weights("tiny-003", model) == weights("tiny-001", model), "{model}");
    }
    // They are trained all the same.
    lab.ok(&["run", "r.toml", "-q", "student.weights=runs/tiny-001"]);
    assert!(weights("tiny-004", "student-seed1") != weights("tiny-001", "student-seed1"));
    let inspected = lab.ok(&["inspect", "runs/tiny-004/weights/student-seed1.safetensors", "--json"]).stdout;
    assert!(inspected.contains("began_with_sha256"), "{inspected}");
}

#[test]
fn students_of_a_sweep_begin_with_weights() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "seeds=[1,2]"]);
    let of_run = "student.weights=runs/tiny-001";
    // None that is trained this little is as good from random weights.
    let args = ["sweep", "r.toml", "-q", STILL, "seeds=[1,2]", "--set", "kd.alpha=0.5,0.9"];
    lab.ok(&[&args[..], &[of_run]].concat());
    lab.ok(&["run", "r.toml", "-q", STILL, "seeds=[1,2]", of_run]);
    let metrics = String::from_utf8(lab.read("runs/tiny-002/metrics.jsonl")).unwrap();
    let students = metrics.lines().filter(|line| line.contains("\"epoch\",\"role\":\"student\""));
    let found: Vec<Value> = students.map(|line| serde_json::from_str(line).unwrap()).collect();
    for trial in trials(&lab, "runs/tiny-sweep-001").into_values() {
        for seed in trial["seeds"].as_array().unwrap() {
            let last = found.iter().rfind(|line| line["seed"] == seed["seed"]).unwrap();
            assert_eq!((&seed["errors"], &seed["nll"]), (&last["validation"]["errors"], &last["validation"]["nll"]));
        }
    }
    // It goes on from no others.
    let path = "runs/tiny-sweep-001/sweep.toml";
    lab.write(path, text(&lab, path).replace("\"completed\"", "\"interrupted\""));
    fs::copy(
        lab.path("runs/tiny-001/weights/baseline-seed1.safetensors"),
        lab.path("runs/tiny-001/weights/student-seed1.safetensors"),
    )
    .unwrap();
    let changed =
        ["E0307]: the sweep was started with a different recipe, data or teacher", "tiny-sweep-001", "undo the change"];
    let ran = lab.check(&["sweep", "--resume"], 5, changed);
    assert!(ran.stderr.contains("note: the initial weights of its students have changed"), "{}", ran.stderr);
}

/// What is kept takes inputs as they are, and what is trained takes standardised ones.
#[test]
fn weights_are_those_of_raw_inputs_also_where_inputs_are_standardised() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "data.standardize=true"]);
    lab.ok(&["run", "r.toml", "-q", "data.standardize=true", STILL, "student.weights=runs/tiny-001"]);
    let [before, after] = ["runs/tiny-001", "runs/tiny-002"].map(|run| models(&lab, run));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["test_errors"], after["test_errors"]);
        let nll = |model: &Value| model["test_nll"].as_f64().unwrap();
        assert!((nll(before) - nll(after)).abs() < 1e-4, "{before} {after}");
    }
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q"]);
    let of_run = "student.weights=runs/tiny-001";
    let other = "E0104]: student.weights is 16-4-3 with relu, the recipe's student 16-5-3 with relu";
    let place = format!("command line: {of_run}");
    for command in ["run", "check"] {
        let args = [command, "r.toml", of_run, "student.model.hidden=[5]"];
        lab.check(&args, 3, [other, &place, "set `student.model.hidden = [4]`"]);
    }
    let tanh = [other.split_at(44).0, &place, "and the activation"];
    lab.check(&["run", "r.toml", of_run, "student.model.activation=tanh"], 3, tanh);
    let missing =
        ["E0402]: the run has no baseline of seed 9 to begin with", &place, "set `seeds` to those of runs/tiny-001"];
    lab.check(&["run", "r.toml", of_run, "seeds=[9]"], 5, missing);
    let not_there = ["E0501]: cannot read the model", "none.safetensors", "name a safetensors file"];
    lab.check(&["run", "r.toml", "student.weights=none.safetensors"], 7, not_there);
    // Each trial of a sweep is looked at before anything is trained.
    let swept = ["sweep", "r.toml", of_run, "--set", "student.model.hidden=[4],[5]"];
    lab.check(&swept, 3, [other, &place, "set `student.model.hidden = [4]`"]);
    assert!(!lab.path("runs/tiny-sweep-001").exists());
    let random = ["E0104]: the students of a study begin with random weights", &place, "distill run RECIPE"];
    lab.check(&["reproduce", "hinton-2015", "distilled", "data.source=data", of_run], 3, random);

    // A run does not go on from other weights than it began with.
    lab.ok(&["run", "r.toml", "-q", of_run]);
    let status = String::from_utf8(lab.read("runs/tiny-002/run.toml")).unwrap();
    lab.write("runs/tiny-002/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    fs::copy(
        lab.path("runs/tiny-002/weights/student-seed1.safetensors"),
        lab.path("runs/tiny-001/weights/student-seed1.safetensors"),
    )
    .unwrap();
    let changed =
        ["E0307]: the run was started with a different recipe, data or teacher", "runs/tiny-002", "undo the change"];
    let ran = lab.check(&["run", "--resume", "runs/tiny-002"], 5, changed);
    assert!(ran.stderr.contains("note: the initial weights of its students have changed"), "{}", ran.stderr);
}

#[test]
fn a_run_begins_with_the_models_of_another() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "seeds=[1,2]", "kd.temperature=3"]);
    let ran = lab.ok(&["run", "--from", "runs/tiny-001", "train.epochs=3", "--json"]);
    let trained: Vec<_> = ran.events().into_iter().filter(|event| event["event"] == "model_start").collect();
    let trained: Vec<_> =
        trained.iter().map(|event| (event["role"].as_str().unwrap(), event["epochs"].as_u64())).collect();
    let students = [("baseline", Some(3)), ("student", Some(3))];
    assert_eq!(trained, [students, students].concat(), "teachers are not trained again");
    assert!(ran.stderr.contains("begins with the models of runs/tiny-001"), "{}", ran.stderr);
    let resolved = String::from_utf8(lab.read("runs/tiny-002/recipe.resolved.toml")).unwrap();
    assert!(resolved.contains("temperature = 3.0") && resolved.contains("/runs/tiny-001\""), "{resolved}");

    let [old, new] = ["runs/tiny-001", "runs/tiny-002"].map(|run| models(&lab, run));
    let of = |models: &[Value], role: &str, key: &str| -> Vec<Value> {
        models.iter().filter(|model| model["role"] == role).map(|model| model[key].clone()).collect()
    };
    assert_eq!(of(&old, "teacher", "weights_sha256"), of(&new, "teacher", "weights_sha256"));
    assert_ne!(of(&old, "student", "weights_sha256"), of(&new, "student", "weights_sha256"));
    assert!(of(&new, "teacher", "weights").iter().all(|path| path.as_str().unwrap().contains("/tiny-002/")));
    // It is whole: a report with the curves of the teacher too, and it stands without the other.
    let report = String::from_utf8(lab.read("runs/tiny-002/report.md")).unwrap();
    assert!(report.contains("teacher"), "{report}");
    let csv = String::from_utf8(lab.read("runs/tiny-002/metrics.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 2 * 2 + 4 * 3, "{csv}");

    // The same again, and where it was interrupted, to the same bits.
    lab.ok(&["run", "--from", "latest", "train.epochs=3", "-q"]);
    lab.ok(&["run", "--from", "runs/tiny-001", "train.epochs=3", "-q"]);
    let expected = hashes(&lab, "runs/tiny-002");
    assert_ne!(hashes(&lab, "runs/tiny-003"), expected, "it began with tiny-002");
    assert_eq!(hashes(&lab, "runs/tiny-004"), expected);
    let mut result = lab.json("runs/tiny-004/result.json");
    result["models"].as_array_mut().unwrap().truncate(3);
    lab.write("runs/tiny-004/result.json", result.to_string());
    let status = String::from_utf8(lab.read("runs/tiny-004/run.toml")).unwrap();
    lab.write("runs/tiny-004/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    lab.ok(&["run", "--resume", "runs/tiny-004", "-q"]);
    assert_eq!(hashes(&lab, "runs/tiny-004"), expected);
}

#[test]
fn a_run_that_cannot_be_begun_with() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q"]);
    let teacher = ["run", "--from", "runs/tiny-001", "teacher.train.epochs=3"];
    let other = ["E0307]: the settings ask for another teacher", "runs/tiny-001", "as they were"];
    lab.check(&teacher, 5, other);
    let select = ["run", "--from", "runs/tiny-001", "data.select.fraction=0.5"];
    lab.check(&select, 5, ["E0307]: the data is not what its teachers", "runs/tiny-001", "as they were"]);
    lab.check(
        &["run", "--from", "runs/tiny-001", "r.toml"],
        3,
        ["E0105]", "command line: r.toml", "write settings as"],
    );
    lab.check(&["run", "--from", "data"], 7, ["E0503]: this is not the directory of a run", "data", "name a run"]);
    assert!(!lab.path("runs/tiny-002").exists());
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    lab.write("runs/tiny-001/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    let unfinished =
        ["E0405]: the run is interrupted, not completed", "runs/tiny-001", "distill run --resume runs/tiny-001"];
    lab.check(&["run", "--from", "runs/tiny-001"], 5, unfinished);
}

#[test]
fn training_ends_early_where_nothing_gets_better() {
    let lab = Lab::new();
    let args = ["run", "r.toml", "train.epochs=300", "train.early_stopping=2", "train.keep=best"];
    let ran = lab.ok(&args);
    let models = models(&lab, "runs/tiny-001");
    assert!(models[0].get("stopped_early").is_none(), "the teacher has settings of its own: {}", models[0]);
    for model in &models[1..] {
        let (stopped, best) = (model["stopped_early"].as_u64().unwrap(), model["best_epoch"].as_u64().unwrap());
        assert!(stopped == best + 2 && stopped < 300, "{model}");
        let said = format!("stopped after epoch {stopped}: no improvement on the validation set since epoch {best}");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
    // However often it is interrupted, see also the tests of training itself.
    let resolved = String::from_utf8(lab.read("runs/tiny-001/recipe.resolved.toml")).unwrap();
    assert!(resolved.contains("early_stopping = 2"), "{resolved}");
    let none = [
        "E0104]: train.early_stopping is set, but there is no validation set",
        "command line",
        "data.validation = 1000",
    ];
    for command in ["run", "check"] {
        lab.check(&[command, "r.toml", "data.validation=0", "train.early_stopping=2"], 3, none);
    }
    lab.check(
        &["run", "r.toml", "train.early_stopping=0"],
        3,
        ["E0104]", "early_stopping=0", "set `early_stopping = 5`"],
    );
}
