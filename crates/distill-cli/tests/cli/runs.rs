use sha2::{Digest as _, Sha256};

use crate::lab::{Lab, RECIPE, hashes};

const FIELDS: [&str; 17] = [
    "role",
    "architecture",
    "parameters",
    "seed",
    "test_examples",
    "test_errors",
    "test_nll",
    "test_ece",
    "agreement",
    "best_epoch",
    "latency",
    "train_seconds",
    "train_examples_per_second",
    "precision",
    "weights",
    "weights_bytes",
    "weights_sha256",
];

#[test]
fn writes_what_it_did_and_prints_what_it_found() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml"]);
    assert_eq!(lab.read("runs/tiny-001/recipe.toml"), RECIPE.as_bytes());
    assert!(String::from_utf8(lab.read("runs/tiny-001/recipe.resolved.toml")).unwrap().contains("temperature = 4.0"));

    let result = lab.json("runs/tiny-001/result.json");
    assert_eq!((&result["version"], &result["recipe"]), (&1.into(), &"tiny".into()));
    let data = &result["data"];
    let sizes = ["train", "validation", "transfer", "test"].map(|set| data[set].as_u64().unwrap());
    assert_eq!(sizes, [180, 20, 180, 60]);
    assert_eq!(data["classes"], serde_json::json!(["0", "1", "2"]));
    let models = result["models"].as_array().unwrap();
    for (model, role) in models.iter().zip(["teacher", "baseline", "student"]) {
        let mut expected = FIELDS;
        expected.sort_unstable();
        let mut fields: Vec<_> = model.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, expected);
        assert_eq!(model["role"], role);
        let weights = lab.read(&format!("runs/tiny-001/weights/{role}-seed1.safetensors"));
        assert_eq!(model["weights_bytes"], weights.len());
        let sha256: String = Sha256::digest(&weights).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(model["weights_sha256"], sha256);
        assert_eq!(model["agreement"].is_null(), role == "teacher");
    }
    assert_eq!(models.len(), 3);

    for words in ["architecture", "teacher", "student alone", "student distilled", "16-4-3"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("Distillation ") && last.ends_with('.'), "{last}");
    assert!(ran.stderr.contains("\nsaved   runs/tiny-001\n"), "{}", ran.stderr);
    // Nothing is animated where nobody looks.
    assert!(!(ran.stdout + &ran.stderr).contains(['\r', '\u{1b}']));

    lab.ok(&["run", "r.toml"]);
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));
}

#[test]
fn quiet_prints_one_line() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml", "--quiet"]);
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
    assert!(ran.stdout.starts_with("Distillation "), "{}", ran.stdout);
}

#[test]
fn json_prints_events_alone() {
    let lab = Lab::new();
    let events = lab.ok(&["run", "r.toml", "--json", "seeds=[1,2]"]).events();
    assert!(events.iter().all(|event| event["v"] == 1));
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    // The small dataset repeats its images, and one of the small models learns nothing: both are worth a warning.
    assert_eq!(["warning", "run_start", "epoch_end", "model_end", "run_end"].map(count), [2, 1, 12, 6, 1]);
    // Twelve steps in each of two epochs of six models.
    assert_eq!(["model_start", "step"].map(count), [6, 144]);
    let last = events.len() - 1;
    assert_eq!(last + 1, 172);
    assert_eq!((&events[1]["event"], &events[last]["event"]), (&"run_start".into(), &"run_end".into()));
    assert_eq!(events[1]["seeds"], serde_json::json!([1, 2]));
    assert_eq!(events[last]["result"], lab.json("runs/tiny-001/result.json"));
    let starts: Vec<_> = events.iter().filter(|event| event["event"] == "model_start").collect();
    for (model, start) in (1..).zip(&starts) {
        assert_eq!((&start["model"], &start["models"], &start["epochs"]), (&model.into(), &6.into(), &2.into()));
    }
    assert!(starts[0]["seconds_left"].is_null() && starts[5]["seconds_left"].as_f64().unwrap() > 0.0, "{starts:?}");
    let step = events.iter().rfind(|event| event["event"] == "step").unwrap();
    assert_eq!((&step["role"], &step["step"], &step["steps"]), (&"student".into(), &24.into(), &24.into()));
    assert_eq!(step["seconds_left"], 0.0);
}

#[test]
fn an_error_is_an_event_too() {
    let lab = Lab::new();
    let ran = lab.check(&["run", "r.toml", "--json", "kd.alpha=2"], 3, ["E0104]", "command line: kd.alpha=2", "set"]);
    let events = ran.events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["event"], &events[0]["code"], &events[0]["exit"]),
        (&"error".into(), &"E0104".into(), &3.into())
    );
}

#[test]
fn seeds_are_runs_of_their_own() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml", "seeds=[1,2,3]"]);
    assert!(ran.stdout.contains('±') && ran.stdout.contains(" of 3 seeds"), "{}", ran.stdout);
    lab.ok(&["run", "r.toml", "seeds=[2]"]);
    let all = hashes(&lab, "runs/tiny-001");
    assert_eq!(all.len(), 9);
    // What the other seeds are does not matter.
    assert_eq!(all[3..6], hashes(&lab, "runs/tiny-002"));
}

#[test]
fn without_a_baseline_there_is_no_row_for_it() {
    let lab = Lab::new();
    let ran = lab.ok(&["run", "r.toml", "baseline.enabled=false"]);
    assert!(
        !ran.stdout.contains("student alone") && ran.stdout.contains("The distilled student makes"),
        "{}",
        ran.stdout
    );
    assert_eq!(hashes(&lab, "runs/tiny-001").len(), 2);
}

#[test]
fn the_resolved_recipe_gives_the_same_models() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "kd.temperature=2", "train.augment.shift=1", "teacher.model.dropout=0.1"]);
    lab.ok(&["run", "runs/tiny-001/recipe.resolved.toml"]);
    assert_eq!(hashes(&lab, "runs/tiny-001"), hashes(&lab, "runs/tiny-002"));
    let resolved = |n: u32| lab.read(&format!("runs/tiny-00{n}/recipe.resolved.toml"));
    assert_eq!(resolved(1), resolved(2));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let lab = Lab::new();
    for threads in ["1", "2", "3"] {
        lab.ok(&["run", "r.toml", "--threads", threads]);
    }
    let runs = [1, 2, 3].map(|n| hashes(&lab, format!("runs/tiny-00{n}")));
    assert!(runs[0] == runs[1] && runs[1] == runs[2], "{runs:?}");
}

#[test]
fn a_teacher_from_a_file_teaches_the_same() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml"]);
    let teacher = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&["run", "r.toml", teacher]);
    let (trained, given) = (lab.json("runs/tiny-001/result.json"), lab.json("runs/tiny-002/result.json"));
    let teacher = |result: &serde_json::Value| {
        ["weights_sha256", "weights_bytes", "test_errors", "test_nll"].map(|field| result["models"][0][field].clone())
    };
    assert_eq!(teacher(&trained), teacher(&given));
    assert!(given["models"][0]["train_seconds"].is_null());
    assert_eq!(given["models"][2]["test_nll"], trained["models"][2]["test_nll"]);
}

#[test]
fn the_verdict_says_what_is_to_blame() {
    let lab = Lab::new();
    let ran =
        lab.ok(&["run", "r.toml", "teacher.train.optimizer.lr=1e-9", "teacher.min_accuracy=0.0", "train.epochs=9"]);
    assert!(ran.stdout.contains(", more than the student alone: train it for longer."), "{}", ran.stdout);
    let ran = lab.ok(&["run", "r.toml", "train.optimizer.lr=1e-9"]);
    let result = lab.json("runs/tiny-002/result.json");
    let errors = |at: usize| result["models"][at]["test_errors"].as_f64().unwrap();
    let guessing = errors(1).min(errors(2)) > 0.95 * 60.0 * 2.0 / 3.0;
    assert_eq!(ran.stdout.contains("do little more than guess"), guessing, "{}", ran.stdout);
}
