use crate::lab::Lab;

#[test]
fn finds_what_the_run_found() {
    let lab = Lab::new();
    let model = lab.model();
    let result = lab.json("made/tiny-001/result.json");
    let student = &result["models"][2];

    let events = lab.ok(&["eval", &model, "--data", "data", "--json"]).events();
    let last = events.last().unwrap();
    assert_eq!((&last["v"], &last["event"]), (&1.into(), &"eval".into()));
    assert_eq!(last["examples"], 60);
    let found = ["errors", "nll", "ece", "model_sha256"].map(|field| &last[field]);
    assert_eq!(found, ["test_errors", "test_nll", "test_ece", "weights_sha256"].map(|field| &student[field]));
    let accuracy = 1.0 - student["test_errors"].as_f64().unwrap() / 60.0;
    assert!((last["accuracy"].as_f64().unwrap() - accuracy).abs() < 1e-12);

    let ran = lab.ok(&["eval", &model, "--data", "data"]);
    for line in ["16-4-3, 83 parameters, role student, seed 1", "60 test examples", "nll ", "ece "] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let accuracy = format!("accuracy  {:.2} %, {} errors\n", 100.0 * accuracy, student["test_errors"]);
    assert!(ran.stdout.ends_with(&accuracy), "{}", ran.stdout);
    assert_eq!(ran.stderr, "timing it on one example at a time\n");
    assert_eq!(lab.ok(&["eval", &model, "--data", "data", "-q"]).stdout, accuracy);
}

#[test]
fn bounds_tables_and_a_teacher() {
    let lab = Lab::new();
    let model = lab.model();
    let teacher = "made/tiny-001/weights/teacher-seed1.safetensors";
    let result = lab.json("made/tiny-001/result.json");

    let events = lab.ok(&["eval", &model, "--data", "data", "--teacher", teacher, "--json"]).events();
    assert_eq!(events[0]["agreement"], result["models"][2]["agreement"]);
    assert!(events[0]["latency"]["p50_us"].as_f64().unwrap() > 0.0);

    lab.ok(&["eval", &model, "--data", "data", "--min-accuracy", "0.0"]);
    let missed = ["E0701]: accuracy is 0.", &model, "a bound that can be met"];
    let ran = lab.check(&["eval", &model, "--data", "data", "--min-accuracy", "1.0"], 1, missed);
    assert!(ran.stdout.contains("accuracy  "), "the result is printed all the same: {}", ran.stdout);

    lab.ok(&["eval", &model, "--data", "data", "--tables", "eval/mine", "-q"]);
    for name in ["per_class", "confusion", "calibration", "predictions"] {
        let table = lab.read(&format!("eval/mine/{name}.csv"));
        assert_eq!(table, lab.read(&format!("made/tiny-001/eval/student-seed1/{name}.csv")), "{name}");
    }
    let predictions = String::from_utf8(lab.read("eval/mine/predictions.csv")).unwrap();
    let wrong = predictions.lines().skip(1).filter(|line| {
        let fields: Vec<_> = line.split(',').collect();
        fields[1] != fields[2]
    });
    assert_eq!(wrong.count() as u64, result["models"][2]["test_errors"].as_u64().unwrap());
}
