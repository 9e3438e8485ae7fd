//! Exported models, in programs of others and in the small crate that only answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use distill_datasets::{Dataset, Split, mnist};
use distill_export::{OnnxExport, OnnxExportOptions, compare, from_npz, to_npz};
use distill_infer::{Scratch, Student};
use distill_models::{
    Activation, CnnConfig, DsCnnConfig, GraphConfig, MlpConfig, MobileNetConfig, Model, ModelConfig, Network,
    Provenance, ResNetConfig, Standardization, Standardized, TextCnnConfig, Trainable, from_safetensors,
    to_safetensors,
};
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
        for (kind, options) in [
            ("image", OnnxExportOptions::default()),
            ("flat", OnnxExportOptions { flat: true, probabilities: true, ..OnnxExportOptions::default() }),
        ] {
            let bytes = OnnxExport::new(model, &provenance, options).unwrap().to_bytes().unwrap();
            fs::write(path(&format!("{name}.{kind}.onnx")), bytes).unwrap();
        }
        fs::write(path(&format!("{name}.npz")), to_npz(model, &provenance).unwrap()).unwrap();
    }
    println!("{}", check(&python, folder.path(), inputs.nrows()));
}

/// Gives a folder of files and answers to the script, and returns what it printed.
fn check(python: &str, folder: &Path, n_inputs: usize) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("export/check.py");
    let ran = Command::new(python).arg(script).arg(folder).arg(n_inputs.to_string()).output().unwrap();
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
    printed
}

/// A network of each kind, with statistics that no batch norm begins with, and two that standardise their inputs.
pub(crate) fn networks() -> Vec<(String, Network)> {
    let shape = vec![3, 20, 16];
    let resnet = ResNetConfig { blocks: vec![1, 2], width: 6, ..ResNetConfig::default() };
    let activations = Activation::ALL.map(|activation| {
        let config =
            CnnConfig { channels: vec![5, 6], hidden: vec![7], activation, dropout: 0.5, ..CnnConfig::default() };
        (format!("cnn-{activation:?}").to_lowercase(), ModelConfig::from(config))
    });
    let others: [(&str, ModelConfig); 5] = [
        ("resnet", resnet.clone().into()),
        ("preact", ResNetConfig { preact: true, widen: 2, dropout: 0.1, ..resnet }.into()),
        (
            "ds-cnn",
            DsCnnConfig { blocks: vec![1, 1], width: 8, kernel: [4, 3], stride: [2, 1], ..DsCnnConfig::default() }
                .into(),
        ),
        ("mobilenet", MobileNetConfig { multiplier: 0.25, ..MobileNetConfig::default() }.into()),
        ("graph", GraphConfig::from(&crate::networks::mixed(&shape)).into()),
    ];
    let names: Vec<String> = (0..3).map(|class| class.to_string()).collect();
    let make = |(name, config): (String, ModelConfig)| {
        let mut model = Network::new(config, shape.clone(), names.clone(), 3).unwrap();
        for (i, value) in model.params_mut().as_mut_slice().iter_mut().enumerate() {
            *value += 0.015 * ((i % 7) as f32 - 3.0);
        }
        (name, model)
    };
    let mut networks: Vec<_> =
        activations.into_iter().chain(others.map(|(name, config)| (name.to_owned(), config))).map(make).collect();
    let n = shape.iter().product();
    let means: Vec<f64> = (0..n).map(|i| (i / 320) as f64 * 0.1).collect();
    let standardized = |model: &Network, means: &[f64]| {
        let by = Standardization::new(means, &vec![0.5; n]).unwrap();
        Standardized::new(model.clone(), Some(by)).unwrap().fold()
    };
    let odd: Vec<f64> = (0..n).map(|i| (i % 5) as f64 * 0.1).collect();
    networks.push(("by-channel".to_owned(), standardized(&networks[0].1, &means)));
    networks.push(("by-number".to_owned(), standardized(&networks[6].1, &odd)));
    networks
}

/// Of each kind, also without Python: the file read again answers as the network does.
#[test]
fn exported_networks_answer_as_they_do() {
    let n = 100;
    let inputs =
        Array2::from_shape_fn((n, 3 * 20 * 16), |(i, j)| (((i * 131 + j * 7) % 211) as f32 / 105.0 - 1.0).powi(3));
    exported(&networks(), &inputs);
    // Its layer norms turn maps around, which an import of ONNX refuses.
    exported(&[("layer-normed".to_owned(), layer_normed())], &inputs);
    // Bytes with padding behind them, in all lengths.
    let bytes = Array2::from_shape_fn((n, 40), |(i, j)| if j > i % 41 { 0.0 } else { ((i * 31 + j * 7) % 257) as f32 });
    exported(&[("text-cnn".to_owned(), text_cnn())], &bytes);
}

/// A network that reads bytes, with something in the row of the padding, which must not count.
fn text_cnn() -> Network {
    let config = TextCnnConfig { dims: 6, filters: 7, dropout: 0.2, ..TextCnnConfig::default() };
    let mut model = Network::new(config, vec![40], ["a", "b", "c"].map(str::to_owned).to_vec(), 3).unwrap();
    for (i, value) in model.params_mut().as_mut_slice().iter_mut().enumerate() {
        *value += 0.015 * ((i % 7) as f32 - 3.0);
    }
    model
}

fn layer_normed() -> Network {
    let graph = crate::networks::layer_normed(&[3, 20, 16]);
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut model = Network::new(GraphConfig::from(&graph), vec![3, 20, 16], classes, 3).unwrap();
    for (i, value) in model.params_mut().as_mut_slice().iter_mut().enumerate() {
        *value += 0.015 * ((i % 7) as f32 - 3.0);
    }
    model
}

#[expect(clippy::print_stdout, reason = "says with which libraries it was checked, or that it was not")]
fn exported(networks: &[(String, Network)], inputs: &Array2<f32>) {
    let provenance = Provenance::from([("seed".to_owned(), "3".to_owned())]);
    let (folder, n) = (tempfile::tempdir().unwrap(), inputs.nrows());
    let path = |name: &str| folder.path().join(name);
    write_floats(&path("inputs.f32"), inputs.as_slice().unwrap());
    for (name, model) in networks {
        let logits = model.logits(inputs.view()).unwrap();
        write_floats(&path(&format!("{name}.logits.f32")), logits.as_slice().unwrap());
        for (kind, keep_batch_norm) in [("folded", false), ("kept", true)] {
            let options =
                OnnxExportOptions { keep_batch_norm, probabilities: keep_batch_norm, ..OnnxExportOptions::default() };
            let exported = OnnxExport::new(model, &provenance, options).unwrap();
            let bytes = exported.to_bytes().unwrap();
            let read = OnnxExport::from_bytes(&bytes).unwrap();
            assert!(read == exported && read.to_bytes().unwrap() == bytes, "{name}");
            let apart = compare(model, &read).unwrap_or_else(|error| panic!("{name}, {kind}: {error}"));
            assert!(apart.largest_difference > 0.0 && apart.largest_difference < 1e-4, "{name}, {kind}: {apart:?}");
            fs::write(path(&format!("{name}.{kind}.onnx")), bytes).unwrap();
        }
        let bytes = to_npz(model, &provenance).unwrap();
        let (read, of) = from_npz(&bytes).unwrap();
        assert_eq!(
            (read.spec(), read.config(), read.params()),
            (model.spec(), model.config(), model.params()),
            "{name}"
        );
        assert_eq!((read.standardize(), &of), (model.standardize(), &provenance), "{name}");
        fs::write(path(&format!("{name}.npz")), bytes).unwrap();
    }
    match std::env::var("DISTILL_PYTHON") {
        Ok(python) => println!("{}", check(&python, folder.path(), n)),
        Err(_) => println!("SKIPPED in part: set DISTILL_PYTHON to a Python that has onnx, onnxruntime and numpy"),
    }
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
