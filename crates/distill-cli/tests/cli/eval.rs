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
    assert_eq!(ran.stderr, "");
    assert_eq!(lab.ok(&["eval", &model, "--data", "data", "-q"]).stdout, accuracy);
}
