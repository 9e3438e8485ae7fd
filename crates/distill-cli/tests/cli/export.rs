use serde_json::json;

use crate::lab::Lab;

#[test]
fn every_format_answers_as_the_model_does() {
    let lab = Lab::new();
    let model = lab.model();
    for (file, more) in
        [("s.onnx", &[][..]), ("s.flat.ONNX", &["--flat", "--probabilities"]), ("s.npz", &[]), ("s.safetensors", &[])]
    {
        let args = [&["export", &model, "--to", file, "--json"], more].concat();
        let events = lab.ok(&args).events();
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&event["v"], &event["event"], &event["path"]), (&json!(1), &json!("export"), &json!(file)));
        assert_eq!(event["bytes"], lab.read(file).len());
        assert_eq!(event["inputs_compared"], 256);
        let difference = event["largest_difference"].as_f64().unwrap();
        assert!(0.0 < difference && difference < 1e-5, "{difference}");
        let again = [&args[..], &["--force"]].concat();
        assert_eq!(lab.ok(&again).events()[0]["sha256"], event["sha256"], "equal models give equal files");
    }
    assert_eq!(lab.read("s.safetensors"), lab.read(&model));

    let ran = lab.ok(&["export", &model, "--to", "s.onnx", "--force"]);
    for line in ["16-4-3, 83 parameters", "opset 17", "input     input, f32 [batch, 1, 4, 4]", "logits, f32 [batch, 3]"]
    {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80) && ran.stderr.is_empty());
    assert!(lab.ok(&["export", &model, "--to", "q.npz", "-q"]).stdout.starts_with("wrote     q.npz, "));
}

#[test]
fn what_is_there_stays_and_what_cannot_be_is_refused() {
    let lab = Lab::new();
    let model = lab.model();
    lab.write("s.onnx", "mine");
    lab.check(&["export", &model, "--to", "s.onnx"], 7, ["E0504]: the file already exists", "s.onnx", "`--force`"]);
    assert_eq!(lab.read("s.onnx"), b"mine");
    lab.check(&["export", &model, "--to", "no/s.onnx"], 7, ["E0501]: cannot write", "no/s.onnx", "check the folder"]);
    lab.check(&["export", "r.toml", "--to", "t.onnx"], 5, ["E0402]: not a safetensors file", "r.toml", "`weights`"]);
    lab.check(&["export", "none", "--to", "t.onnx"], 7, ["E0501]: cannot read the model", "none", "`weights`"]);
    let ran = lab.distill(&["export", &model, "--to", "s.pt"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("must end with .onnx, .npz or .safetensors"), "{}", ran.stderr);
    let ran = lab.ok(&["export", &model, "--to", "s.npz", "--flat"]);
    assert!(
        ran.stderr.starts_with(
            "warning: `--flat`, `--probabilities` and `--keep-batch-norm` change nothing in files that end with .npz"
        ),
        "{}",
        ran.stderr
    );

    // Weights that are finite, and answers that are not.
    let mut bytes = lab.read(&model);
    let n = bytes.len();
    for weight in bytes[n - 83 * 4..].chunks_exact_mut(4) {
        weight.copy_from_slice(&f32::MAX.to_le_bytes());
    }
    lab.write("huge.safetensors", bytes);
    lab.check(
        &["export", "huge.safetensors", "--to", "t.onnx"],
        5,
        ["E0402]: the model answers input", "t.onnx", "train it again"],
    );
    assert!(!lab.path("t.onnx").exists());
}
