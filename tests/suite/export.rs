//! Exported models, in programs of others and in the small crate that only answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use distill_datasets::{Dataset, Split, mnist};
use distill_export::{OnnxModel, OnnxOptions, to_npz};
use distill_infer::{Scratch, Student};
use distill_models::{Activation, MlpConfig, Model, Network, Provenance, Trainable, from_safetensors, to_safetensors};
use distill_tensor::softmax;
use ndarray::Array2;

/// The images of the test set.
fn inputs(data: &dyn Dataset) -> Array2<f32> {
    let indices: Vec<usize> = (0..data.len()).collect();
    let mut inputs = Array2::zeros((data.len(), data.spec().features()));
    data.read(&indices, inputs.view_mut()).unwrap();
    inputs
}

/// One model of each activation, with random weights and biases that matter. `DISTILL_MODELS`, paths with commas
/// between, adds trained models of MNIST.
fn models(data: &dyn Dataset) -> Vec<(String, Network)> {
    let kinds = [(Activation::Relu, &[800, 800][..]), (Activation::Tanh, &[100, 50]), (Activation::Gelu, &[100])];
    let model = |(activation, hidden): (Activation, &[usize])| {
        let config = MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() };
        let mut model = Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 3).unwrap();
        for (i, value) in model.params_mut().as_mut_slice().iter_mut().enumerate() {
            *value += 0.01 * ((i % 7) as f32 - 3.0);
        }
        (format!("{activation:?}").to_lowercase(), model)
    };
    let mut models: Vec<_> = kinds.into_iter().map(model).collect();
    let paths = std::env::var("DISTILL_MODELS").unwrap_or_default();
    for (i, path) in paths.split(',').filter(|path| !path.is_empty()).enumerate() {
        models.push((format!("trained{i}"), from_safetensors(&fs::read(path).unwrap()).unwrap().0));
    }
    models
}

fn write_floats(path: &Path, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes).unwrap();
}

/// Needs a Python with onnx, onnxruntime and NumPy, which `DISTILL_PYTHON` names.
#[test]
fn onnxruntime_and_numpy_answer_as_the_model_does() {
    let Ok(python) = std::env::var("DISTILL_PYTHON") else {
        return println!("SKIPPED: set DISTILL_PYTHON to a Python that has onnx, onnxruntime and numpy");
    };
    let data = mnist(Split::Test).unwrap();
    let models = models(&data);
    let (folder, inputs) = (tempfile::tempdir().unwrap(), inputs(&data));
    let path = |name: &str| folder.path().join(name);
    write_floats(&path("inputs.f32"), inputs.as_slice().unwrap());
    let provenance = Provenance::from([("seed".to_owned(), "3".to_owned())]);
    for (name, model) in &models {
        let logits = model.logits(inputs.view()).unwrap();
        write_floats(&path(&format!("{name}.logits.f32")), logits.as_slice().unwrap());
        for (kind, options) in
            [("image", OnnxOptions::default()), ("flat", OnnxOptions { flat: true, probabilities: true })]
        {
            let bytes = OnnxModel::new(model, &provenance, options).unwrap().to_bytes().unwrap();
            fs::write(path(&format!("{name}.{kind}.onnx")), bytes).unwrap();
        }
        fs::write(path(&format!("{name}.npz")), to_npz(model, &provenance).unwrap()).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("export/check.py");
    let ran = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_small_crate_answers_as_the_model_does() {
    let data = mnist(Split::Test).unwrap();
    let inputs = inputs(&data);
    let mut scratch = Scratch::default();
    for (name, model) in models(&data) {
        let student = Student::from_safetensors(&to_safetensors(&model, &Provenance::new()).unwrap()).unwrap();
        assert_eq!(
            (student.classes(), student.input_shape()),
            (&model.spec().classes[..], &model.spec().input_shape[..])
        );
        let expected = model.logits(inputs.view()).unwrap();
        let mut probs = Array2::zeros(expected.dim());
        softmax(expected.view(), 1.0, probs.view_mut());
        let largest = expected.iter().fold(1.0_f32, |largest, logit| largest.max(logit.abs()));
        let mut difference = 0.0_f32;
        for (i, input) in inputs.outer_iter().enumerate() {
            let input = input.as_slice().unwrap();
            let logits = student.logits(input, &mut scratch).unwrap().to_vec();
            let apart = |a: &[f32], b: ndarray::ArrayView1<'_, f32>| {
                a.iter().zip(b).fold(0.0_f32, |d, (a, b)| d.max((a - b).abs()))
            };
            difference = difference.max(apart(&logits, expected.row(i)));
            assert!(apart(student.probabilities(input, &mut scratch).unwrap(), probs.row(i)) < 1e-5, "{name} {i}");
            let found = student.predict(input, &mut scratch).unwrap();
            let best = (0..logits.len()).rev().max_by(|&a, &b| expected[[i, a]].total_cmp(&expected[[i, b]])).unwrap();
            assert_eq!((found.class, found.name), (best, model.spec().classes[best].as_str()), "{name} {i}");
        }
        println!("{name}: {} images, logits to {difference:.1e}, the largest is {largest:.1}", inputs.nrows());
        assert!(difference <= 1e-5 * largest, "{name}: {difference}");
    }
}
