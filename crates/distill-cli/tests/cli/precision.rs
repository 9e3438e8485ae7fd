//! `train.precision`: what is refused, what is told, and what comes out.

use serde_json::Value;

use crate::lab::{Lab, RECIPE};

/// Whether the processor that the tests run on has bf16 instructions.
fn is_native(lab: &Lab) -> bool {
    lab.ok(&["env", "--json"]).events()[0]["bf16_native"].as_bool().unwrap()
}

fn models(lab: &Lab, run: &str) -> Vec<Value> {
    lab.json(&format!("{run}/result.json"))["models"].as_array().unwrap().clone()
}

fn of(models: &[Value], field: &str) -> Vec<Value> {
    models.iter().map(|model| model[field].clone()).collect()
}

#[test]
fn bf16_without_its_instructions_is_refused_before_anything_begins() {
    let lab = Lab::new();
    if is_native(&lab) {
        lab.ok(&["run", "r.toml", "-q", "train.precision=bf16", "teacher.train.precision=bf16"]);
        assert_eq!(of(&models(&lab, "runs/tiny-001"), "precision"), ["bf16"; 3]);
        return;
    }
    let refusal =
        |place| ["E0802]: this processor has no bf16 instructions", place, "`\"bf16-or-f32\"` for bf16 where"];
    for (table, place) in [("[teacher.train]\n", "bad.toml:11:13"), ("[train]\n", "bad.toml:18:13")] {
        lab.check_recipe(table, &format!("{table}precision = \"bf16\"\n"), 8, refusal(place));
    }
    let student = "train.precision=bf16";
    let place = "command line: train.precision=bf16";
    lab.check(&["check", "r.toml", student], 8, refusal(place));
    lab.check(&["train", "r.toml", student, "--as", "baseline"], 8, refusal(place));
    lab.check(&["sweep", "r.toml", student, "--set", "kd.alpha=0.1,0.9"], 8, refusal(place));
    lab.check(
        &["sweep", "r.toml", "--set", "train.precision=f32,bf16"],
        8,
        refusal("command line: --set train.precision=f32,bf16"),
    );
    assert!(!lab.path("runs").exists());

    // Only those are asked that are trained.
    lab.ok(&["train", "r.toml", "-q", student, "--as", "teacher"]);
    let weights = "teacher.weights=runs/tiny-001/weights/teacher-seed1.safetensors";
    lab.ok(&["run", "r.toml", "-q", weights, "teacher.train.precision=bf16"]);
}

#[test]
fn a_word_that_is_no_precision_gets_the_nearest() {
    let expected = ["E0103]: train.precision: unknown variant `bf61`", "bad.toml:18:13", "did you mean `bf16`?"];
    Lab::new().check_recipe("[train]\n", "[train]\nprecision = \"bf61\"\n", 3, expected);
}

#[test]
fn bf16_where_it_is_there_is_told_and_known_by_what_it_was() {
    let lab = Lab::new();
    let native = is_native(&lab);
    let word = if native { "bf16" } else { "f32" };
    let either = ["train.precision=bf16-or-f32", "teacher.train.precision=bf16-or-f32"];
    let ran = lab.ok(&[&["run", "r.toml"][..], &either].concat());
    for key in ["train.precision", "teacher.train.precision"] {
        let warning = format!("warning: {key} is `bf16-or-f32`, and this processor has no bf16 instructions\n");
        assert_eq!(ran.stderr.contains(&warning), !native, "{}", ran.stderr);
    }
    let found = models(&lab, "runs/tiny-001");
    assert_eq!(of(&found, "precision"), [word; 3]);

    // The same weights, files and identity as of a run that names what it was.
    let settled = [format!("train.precision={word}"), format!("teacher.train.precision={word}")];
    lab.ok(&["run", "r.toml", "-q", &settled[0], &settled[1]]);
    assert_eq!(of(&found, "weights_sha256"), of(&models(&lab, "runs/tiny-002"), "weights_sha256"));

    let checked = lab.ok(&["check", "r.toml", either[0]]);
    assert_eq!(checked.stdout.contains("warn  student precision"), !native, "{}", checked.stdout);
    let swept = lab.ok(&["sweep", "r.toml", "--set", "train.precision=f32,bf16-or-f32"]);
    assert_eq!(swept.stderr.matches("warning: train.precision is").count(), usize::from(!native), "{}", swept.stderr);
}

#[test]
fn emulated_bf16_is_another_training_with_the_same_bits_every_time() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q"]);
    let emulated = ["train.precision=bf16-emulated", "checkpoint.every_steps=3"];
    let ran = lab.ok(&[&["run", "r.toml", "--threads", "1"][..], &emulated].concat());
    assert!(ran.stderr.contains("2 epochs, bf16-emulated, seed 1"), "{}", ran.stderr);
    lab.ok(&[&["run", "r.toml", "-q", "--threads", "3"][..], &emulated].concat());

    let [exact, one, three] = [1, 2, 3].map(|n| models(&lab, &format!("runs/tiny-00{n}")));
    assert_eq!(of(&exact, "precision"), ["f32"; 3]);
    assert_eq!(of(&one, "precision"), ["f32", "bf16-emulated", "bf16-emulated"]);
    assert_eq!(of(&one, "weights_sha256"), of(&three, "weights_sha256"));
    let errors = |models: &[Value]| models[2]["test_errors"].as_u64().unwrap();
    assert!(errors(&one) <= errors(&exact) + 3, "{one:?} {exact:?}");
    let weights = |run: &str| lab.read(&format!("runs/{run}/weights/student-seed1.safetensors"));
    let tensors = |bytes: Vec<u8>| bytes[bytes.len() - 64..].to_vec();
    assert_ne!(tensors(weights("tiny-001")), tensors(weights("tiny-002")));
}

#[test]
fn a_run_does_not_go_on_in_another_precision() {
    let lab = Lab::new();
    lab.ok(&["run", "r.toml", "-q", "train.precision=bf16-emulated"]);
    let edit = |name: &str, from: &str, to: &str| {
        let path = format!("runs/tiny-001/{name}");
        let text = String::from_utf8(lab.read(&path)).unwrap();
        assert!(text.contains(from), "{text}");
        lab.write(&path, text.replacen(from, to, 1));
    };
    edit("run.toml", "\"completed\"", "\"interrupted\"");
    edit("recipe.resolved.toml", "\"bf16-emulated\"", "\"f32\"");
    let expected =
        ["E0307]: the run was started with a different recipe, data or teacher", "runs/tiny-001", "undo the change"];
    let ran = lab.check(&["run", "--resume"], 5, expected);
    assert!(ran.stderr.contains("train.precision was \"bf16-emulated\", now \"f32\""), "{}", ran.stderr);
}

#[test]
fn results_of_earlier_runs_are_read() {
    let lab = Lab::new();
    assert!(!RECIPE.contains("precision"));
    lab.ok(&["run", "r.toml", "-q"]);
    let mut result = lab.json("runs/tiny-001/result.json");
    for model in result["models"].as_array_mut().unwrap() {
        model.as_object_mut().unwrap().remove("precision").unwrap();
    }
    lab.write("runs/tiny-001/result.json", result.to_string());
    lab.ok(&["report", "runs/tiny-001"]);
}
