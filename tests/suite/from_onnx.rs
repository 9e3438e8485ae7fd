//! Networks that PyTorch exported, see `golden/from_pytorch.py`: read, and answering as PyTorch does.

use std::fs;
use std::path::{Path, PathBuf};

use distill_export::{FromOnnx, OnnxExport, OnnxExportOptions, frozen_network_from_onnx, network_from_onnx};
use distill_models::{Activation, Model as _, Network, Op, Provenance};
use ndarray::Array2;
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/from_pytorch").join(name)
}

fn read(name: &str) -> FromOnnx {
    let bytes = fs::read(path(name)).unwrap();
    network_from_onnx(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|class| class.to_string()).collect()
}

fn numbers(case: &Value, key: &str) -> Vec<f32> {
    case[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// Largest difference to PyTorch's logits, as a part of the largest of them.
fn apart(network: &Network, case: &Value) -> f32 {
    let (inputs, expected) = (numbers(case, "inputs"), numbers(case, "logits"));
    let features = network.spec().features();
    let inputs = Array2::from_shape_vec((inputs.len() / features, features), inputs).unwrap();
    let logits = network.logits(inputs.view()).unwrap();
    let largest = expected.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    logits.iter().zip(&expected).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs())) / largest
}

#[test]
fn what_pytorch_exported_answers_as_in_pytorch() {
    for name in ["residual", "depthwise", "plain"] {
        let case: Value = serde_json::from_slice(&fs::read(path(&format!("{name}.json"))).unwrap()).unwrap();
        let shape: Vec<_> =
            case["input_shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        for exporter in ["dynamo", "raw", "script", "training"] {
            let found = read(&format!("{name}.{exporter}.onnx"));
            assert_eq!(found.input_shape(), shape);
            assert!(found.producer().starts_with("pytorch 2."), "{}", found.producer());
            let network = found.network(names(found.n_classes())).unwrap();
            let apart = apart(&network, &case);
            println!("{name}, {exporter}: {}, logits to {apart:.1e}", network.spec().architecture);
            assert!(apart <= 1e-5, "{name}, {exporter}: {apart}");
            assert_eq!(found.notes(), [""; 0]);
            // And as a file of ours once more.
            let bytes = OnnxExport::new(&network, &Provenance::new(), OnnxExportOptions::default())
                .unwrap()
                .to_bytes()
                .unwrap();
            let again = network_from_onnx(&bytes).unwrap();
            assert_eq!(again.classes(), Some(&names(found.n_classes())[..]));
            assert!(self::apart(&again.network(names(found.n_classes())).unwrap(), &case) <= 1e-5);
        }
    }
}

/// A network with shortcuts without weights, and a convolution that is used twice.
#[test]
fn what_is_only_asked_answers_as_in_pytorch_too() {
    let case: Value = serde_json::from_slice(&fs::read(path("shortened.json")).unwrap()).unwrap();
    for exporter in ["dynamo", "raw", "script"] {
        let bytes = fs::read(path(&format!("shortened.{exporter}.onnx"))).unwrap();
        let error = network_from_onnx(&bytes).unwrap_err().to_string();
        assert!(error.contains("the Slice ") && error.contains(" cannot be trained here: Conv, "), "{error}");
        let found = frozen_network_from_onnx(&bytes, None).unwrap_or_else(|error| panic!("{exporter}: {error}"));
        let apart = apart(&found.network(names(4)).unwrap(), &case);
        assert!(apart <= 1e-5, "{exporter}: {apart}");
        // Two slices and a pad are one convolution.
        assert_eq!(found.config().nodes.iter().filter(|node| matches!(node.op, Op::Conv(_))).count(), 5 + 3);
    }
}

/// The operations of a network in short.
fn ops(network: &FromOnnx) -> Vec<String> {
    let short = |op: &Op| match op {
        Op::Activation(activation) => format!("{activation:?}").to_lowercase(),
        Op::Dropout { p, stream } => format!("dropout {p} {stream}"),
        op => op.name().to_owned(),
    };
    network.config().nodes.iter().map(|node| format!("{} = {}", node.name, short(&node.op))).collect()
}

#[test]
fn nodes_have_the_names_and_kinds_that_they_had() {
    let expected = [
        "stem.0 = convolution",
        "stem.1 = batch norm",
        "hardswish = hardswish",
        "first.0 = convolution",
        "first.1 = batch norm",
        "hardtanh = relu6",
        "first.3 = convolution",
        "first.4 = batch norm",
        "add = add",
        "relu6 = relu6",
        "second.0 = convolution",
        "second.1 = batch norm",
        "silu = silu",
        "second.3 = convolution",
        "second.4 = batch norm",
        "mean = global average pool",
        "head = linear",
    ];
    assert_eq!(ops(&read("depthwise.raw.onnx")), expected);
    let training = ops(&read("depthwise.training.onnx"));
    assert_eq!(training[training.len() - 3..], ["pool = global average pool", "drop = dropout 0.2 1", "head = linear"]);
    let expected = [
        "left = convolution",
        "Tanh = tanh",
        "right = convolution",
        "Relu = relu",
        "Concat = concat",
        "max = max pool",
        "second = convolution",
        "gelu = gelu",
        "mean = average pool",
        "Reshape = flatten",
        "hidden = linear",
        "Relu_1 = relu",
        "head = linear",
    ];
    assert_eq!(ops(&read("plain.script.onnx")), expected);
    let bias = |name: &str| match &read(name).config().nodes[0].op {
        Op::Conv(conv) => conv.bias,
        op => panic!("{op:?}"),
    };
    // The exporter writes zeros as a bias before a batch norm; with the norm folded the bias is one.
    assert_eq!([bias("residual.raw.onnx"), bias("residual.dynamo.onnx")], [false, true]);
}

#[test]
fn networks_of_each_kind_come_back_from_their_files() {
    for (name, model) in crate::export::networks() {
        for keep_batch_norm in [false, true] {
            let options = OnnxExportOptions { keep_batch_norm, probabilities: true, ..OnnxExportOptions::default() };
            let bytes = OnnxExport::new(&model, &Provenance::new(), options).unwrap().to_bytes().unwrap();
            let found = network_from_onnx(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            let again = found.network(model.spec().classes.clone()).unwrap();
            let inputs =
                Array2::from_shape_fn((5, model.spec().features()), |(i, j)| ((i * 31 + j) % 13) as f32 / 13.0);
            let (a, b) = (model.logits(inputs.view()).unwrap(), again.logits(inputs.view()).unwrap());
            let largest = a.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
            assert!((&a - &b).iter().all(|difference| difference.abs() <= 1e-5 * largest), "{name}: {a} {b}");
            let activations = |model: &Network| {
                let ops = model.graph().nodes().iter().map(|node| node.op.clone());
                ops.filter(|op| matches!(op, Op::Activation(_))).collect::<Vec<_>>()
            };
            assert_eq!(activations(&model), activations(&again), "{name}");
            if keep_batch_norm {
                assert_eq!(model.spec().parameters, again.spec().parameters, "{name}");
            }
        }
    }
    assert_eq!(Activation::ALL.len(), 6);
}
