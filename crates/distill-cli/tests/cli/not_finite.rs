//! Inputs that are too large, and answers that are not numbers: found before training, or without losing what is trained.

use crate::lab::{Lab, Ran};

const SETTINGS: [&str; 3] = ["data.source=t", "data.validation=20", "data.standardize=true"];

/// Two classes by one small number, and a test set with `value` in place of that of its sixth example.
fn numbers(lab: &Lab, value: &str) {
    std::fs::create_dir_all(lab.path("t")).unwrap();
    for (part, n) in [("train", 120), ("test", 30)] {
        let mut text = "a,b,label\n".to_owned();
        for i in 0..n {
            let small = format!("{}e-18", i % 2);
            let b = if part == "test" && i == 5 { value } else { &small };
            text += &format!("{},{b},{}\n", i % 7, ["no", "yes"][i % 2]);
        }
        lab.write(&format!("t/{part}.csv"), text);
    }
}

fn run(lab: &Lab, more: &[&str]) -> Ran {
    lab.distill(&[&["run", "r.toml", "-q"][..], &SETTINGS, more].concat())
}

#[test]
fn inputs_that_are_too_large_are_found_before_training() {
    let lab = Lab::new();
    numbers(&lab, "-3.4e38");
    for command in ["check", "run"] {
        let expected = ["E0401]: number 1 of test example 5 is -3.4e38, too large", "data.source=t", "another value"];
        lab.check(&[&[command, "r.toml"][..], &SETTINGS].concat(), 4, expected);
    }
    assert!(!lab.path("runs").exists());

    // What a recipe holds out, and what it learns from: the place is that in the file.
    numbers(&lab, "0");
    let train = String::from_utf8(lab.read("t/train.csv")).unwrap();
    for row in [3, 77] {
        let lines = train.lines().enumerate();
        let lines = lines
            .map(|(i, line)| if i == row + 1 { format!("2,1e31,{}", ["no", "yes"][row % 2]) } else { line.to_owned() });
        lab.write("t/train.csv", lines.collect::<Vec<_>>().join("\n") + "\n");
        let message = format!("E0401]: number 1 of training example {row} is 1e31, too large");
        lab.check(&[&["check", "r.toml"][..], &SETTINGS].concat(), 4, [&message, "data.source=t", "another value"]);
    }
    lab.write("t/train.csv", &train);

    // A value that hardly means what it says is told of.
    numbers(&lab, "1e20");
    let found = lab.ok(&[&["check", "r.toml"][..], &SETTINGS].concat()).stdout;
    assert!(found.contains("warn  inputs            number 1 of test example 5 is 1e20\n"), "{found}");
}

#[test]
fn a_run_goes_on_once_its_test_set_is_mended() {
    let lab = Lab::new();
    // Divided by a deviation of 5e-19 it is too large for f32.
    numbers(&lab, "1e29");
    let ran = run(&lab, &[]);
    let error = &ran.stderr[ran.stderr.find("error[").unwrap_or_default()..];
    assert!(error.starts_with("error[E0601]: the answer of 2-8-2 to example 5 of the test set is "), "{error}");
    assert!(
        error.contains("1 finished model is in ") && error.contains("`distill run --resume runs/tiny-001`"),
        "{error}"
    );
    assert_eq!(ran.code, Some(6));
    let teacher = "runs/tiny-001/weights/teacher-seed1.safetensors";
    let trained = lab.read(teacher);
    for command in [&["report", "runs/tiny-001"][..], &["inspect", "runs/tiny-001"]] {
        let expected =
            ["E0405]: the teacher of seed 1 was not measured", "result.json", "distill run --resume runs/tiny-001"];
        lab.check(command, 5, expected);
    }
    // As long as nothing is corrected it says the same.
    assert_eq!(lab.distill(&["run", "--resume"]).code, Some(6));

    numbers(&lab, "0");
    let ran = lab.ok(&["run", "--resume"]);
    assert!(ran.stderr.contains("teacher   trained before, seed 1, measured again"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the test set has changed"), "{}", ran.stderr);
    assert_eq!(lab.read(teacher), trained);
    lab.ok(&["report", "runs/tiny-001"]);

    // The same as a run that had the corrected data from the start.
    assert_eq!(run(&lab, &[]).code, Some(0));
    let numbers_of = |run: &str| {
        let models = lab.json(&format!("{run}/result.json"))["models"].clone();
        let numbers = ["role", "test_errors", "test_nll", "test_ece", "agreement", "best_epoch"];
        models.as_array().unwrap().iter().map(|m| numbers.map(|name| m[name].clone())).collect::<Vec<_>>()
    };
    assert_eq!(numbers_of("runs/tiny-001"), numbers_of("runs/tiny-002"));
    assert_eq!(numbers_of("runs/tiny-001").len(), 3);

    // Training data that changed are no test set that was corrected.
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    lab.write("runs/tiny-001/run.toml", status.replace("\"completed\"", "\"interrupted\""));
    let train = String::from_utf8(lab.read("t/train.csv")).unwrap();
    lab.write("t/train.csv", train.replacen("3,", "4,", 1));
    lab.check(&["run", "--resume", "runs/tiny-001"], 5, ["E0307]: ", "runs/tiny-001", "start again from the recipe"]);
}

#[test]
fn a_result_without_a_number_of_an_earlier_version_is_measured_again() {
    let lab = Lab::new();
    assert_eq!(run_plain(&lab), Some(0));
    let before = lab.json("runs/tiny-001/result.json");
    let mut result = before.clone();
    result["models"][1]["test_nll"] = serde_json::Value::Null;
    result["comparison"] = serde_json::Value::Null;
    lab.write("runs/tiny-001/result.json", result.to_string());
    let status = String::from_utf8(lab.read("runs/tiny-001/run.toml")).unwrap();
    let status: Vec<&str> = status.lines().filter(|line| !line.starts_with("test_sha256")).collect();
    lab.write("runs/tiny-001/run.toml", status.join("\n").replace("\"completed\"", "\"failed\""));
    let expected = ["E0405]: the student alone of seed 1 was not measured", "result.json", "--resume runs/tiny-001"];
    lab.check(&["report", "runs/tiny-001"], 5, expected);
    let ran = lab.ok(&["run", "--resume", "runs/tiny-001"]);
    assert!(ran.stderr.contains("student alone trained before, seed 1, measured again"), "{}", ran.stderr);
    let after = lab.json("runs/tiny-001/result.json");
    assert_eq!(after["models"][1]["test_nll"], before["models"][1]["test_nll"]);
    assert_eq!(after["models"][1]["train_seconds"], before["models"][1]["train_seconds"]);
    assert_eq!(after["comparison"], before["comparison"]);
}

fn run_plain(lab: &Lab) -> Option<i32> {
    lab.distill(&["run", "r.toml", "-q"]).code
}

#[test]
fn a_given_teacher_without_an_answer_is_refused_before_a_student_is_trained() {
    let lab = Lab::new();
    numbers(&lab, "0");
    assert_eq!(run(&lab, &["--runs-dir", "made"]).code, Some(0));
    numbers(&lab, "1e29");
    let weights = "teacher.weights=made/tiny-001/weights/teacher-seed1.safetensors";
    let ran = run(&lab, &[weights]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[E0601]: the answer of 2-8-2 to example 5 of the test set is "),
        "{}",
        ran.stderr
    );
    assert!(!lab.path("runs/tiny-001/weights").exists());
    let model = "made/tiny-001/weights/teacher-seed1.safetensors";
    lab.check(&["eval", model, "--data", "t"], 6, ["E0601]: the answer of 2-8-2 to example 5", model, "correct"]);
}
