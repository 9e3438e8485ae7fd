//! Inner values of files: those of networks that distill exports, and graphs made here.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use distill_export::{OnnxExport, OnnxExportOptions};
use distill_models::{CnnConfig, Model, ModelConfig, Network, Provenance, SelectedLogits, Tape};
use distill_onnx::{OnnxError, OnnxModel, OnnxOptions, Tap};
use ndarray::{Array2, ArrayView2, s};
use prost::Message as _;
use tract_onnx::pb::ModelProto;

fn network() -> Network {
    let config: ModelConfig = CnnConfig { channels: vec![3, 5], hidden: vec![7], ..CnnConfig::default() }.into();
    Network::new(config, vec![2, 8, 12], vec!["a".into(), "b".into(), "c".into()], 3).unwrap()
}

fn bytes() -> Vec<u8> {
    OnnxExport::new(&network(), &Provenance::new(), OnnxExportOptions::default()).unwrap().to_bytes().unwrap()
}

fn inputs(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 2 * 8 * 12), |(i, j)| ((i * 192 + j) as f32 * 0.37).sin())
}

fn tap(name: &str, tensor: &str) -> Tap {
    Tap { name: name.to_owned(), tensor: tensor.to_owned() }
}

/// By tract, and by ONNX Runtime where the tests are given its library.
fn engines(taps: &[Tap]) -> Vec<OnnxOptions> {
    let by_tract = OnnxOptions { taps: taps.to_vec(), ..OnnxOptions::default() };
    let library = std::env::var_os("DISTILL_ONNXRUNTIME").filter(|_| cfg!(feature = "ort"));
    let by_library = library.map(|library| OnnxOptions { library: Some(library.into()), ..by_tract.clone() });
    std::iter::once(by_tract).chain(by_library).collect()
}

fn tape(model: &dyn Model, inputs: ArrayView2<'_, f32>) -> Tape {
    let mut tape = Tape::new(model.inner_values());
    model.record(inputs, &mut tape).unwrap();
    tape
}

/// The values of the operators of a kind, in the order of the file.
fn values(bytes: &[u8], operator: &str) -> Vec<String> {
    let values = OnnxModel::describe(bytes).unwrap().values;
    values.into_iter().filter(|(_, by)| by == operator).map(|(name, _)| name).collect()
}

#[test]
fn what_is_tapped_is_what_the_network_has() {
    let (network, bytes) = (network(), bytes());
    let (pools, relus) = (values(&bytes, "MaxPool"), values(&bytes, "Relu"));
    let x = inputs(21);
    let ours = tape(&network, x.view());
    for options in engines(&[tap("deep", &pools[1]), tap("hidden", relus.last().unwrap())]) {
        let model = OnnxModel::from_bytes(&bytes, &options).unwrap();
        let names = [("deep".to_owned(), 5 * 2 * 3), ("hidden".to_owned(), 7), ("logits".to_owned(), 3)];
        assert_eq!(model.inner_values(), names);
        let found = tape(&model, x.view());
        // Channels are last in the one, and first in the other.
        let (map, of_ours) = (model.inner_map("deep").unwrap(), network.inner_map("pool.1").unwrap());
        assert!(of_ours.channels_last && !map.channels_last && map.width() == 30);
        let a = map.view(found.activation("deep").unwrap()).unwrap();
        let b = of_ours.view(ours.activation("pool.1").unwrap()).unwrap();
        assert_eq!((a.dim(), a.dim()), (b.dim(), (21, 5, 2, 3)));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5), "{a} {b}");
        assert!(a.iter().any(|&a| a > 0.1));
        let difference = &found.activation("hidden").unwrap() - &ours.activation("hidden.0").unwrap();
        assert!(difference.iter().all(|d| d.abs() < 1e-5) && model.inner_map("hidden").is_none());
        // The logits are those of the model to the bit, and neither batches nor threads change any.
        assert_eq!(found.logits(), model.logits(x.view()).unwrap());
        for n in [1, 5, 16] {
            for from in (0..21).step_by(n) {
                let to = (from + n).min(21);
                let part = tape(&model, x.slice(s![from..to, ..]));
                for (part, whole) in part.slots().iter().zip(found.slots()) {
                    assert_eq!(part.value(), whole.value().slice(s![from..to, ..]));
                }
            }
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let again = pool.install(|| tape(&model, x.view()));
        assert!(again.slots().iter().zip(found.slots()).all(|(a, b)| a.value() == b.value()));
        assert_eq!(tape(&model, x.slice(s![..0, ..])).rows(), 0);
        assert!(model.record(x.slice(s![.., ..5]), &mut Tape::new(model.inner_values())).is_err());
        // Other orders of classes keep what is inside.
        let columns = SelectedLogits::new(std::sync::Arc::new(model), &["c".to_owned(), "a".to_owned()]).unwrap();
        let of_columns = tape(&columns, x.view());
        assert_eq!(of_columns.logits(), columns.logits(x.view()).unwrap());
        assert_eq!(of_columns.activation("deep"), found.activation("deep"));
        assert_eq!(of_columns.activation("all logits"), Some(found.logits()));
    }
}

#[test]
fn without_taps_there_are_logits_alone() {
    for options in engines(&[]) {
        let model = OnnxModel::from_bytes(&bytes(), &options).unwrap();
        assert_eq!(model.inner_values(), [("logits".to_owned(), 3)]);
        assert_eq!(tape(&model, inputs(5).view()).logits(), model.logits(inputs(5).view()).unwrap());
    }
}

#[test]
fn names_that_are_no_inner_values_are_refused() {
    let bytes = bytes();
    let relu = values(&bytes, "Relu").remove(0);
    let weight = ModelProto::decode(&bytes[..]).unwrap().graph.unwrap().initializer.remove(0).name;
    let refused = |taps: &[Tap]| -> Vec<(String, usize)> {
        let errors = engines(taps).into_iter().map(|options| OnnxModel::from_bytes(&bytes, &options).unwrap_err());
        let parts = |error| match error {
            OnnxError::Tap { reason, found, .. } => (reason, found.len()),
            other => panic!("{other}"),
        };
        errors.map(parts).collect()
    };
    let n = OnnxModel::describe(&bytes).unwrap().values.len();
    for name in ["/none/Relu", "input", "", &weight] {
        for found in refused(&[tap("x", name)]) {
            assert_eq!(found, ("no operator of the file computes it".to_owned(), n), "{name}");
        }
    }
    for (taps, reason) in [
        (vec![tap("x", "logits")], "it is the output, which is always there as `logits`"),
        (vec![tap("logits", &relu)], "it has the name of the output, `logits`"),
        (vec![tap("a", &relu), tap("b", &relu)], "it, or its name, occurs twice"),
    ] {
        assert!(refused(&taps).iter().all(|(found, _)| found == reason), "{taps:?}");
    }
}

/// The exported graph with one more operator behind its last pool, in a file whose batch is open or not.
fn with(operator: &str, perm: &[i64], batch: Option<i64>) -> Vec<u8> {
    use tract_onnx::pb::tensor_shape_proto::dimension::Value as Side;
    use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType, type_proto};
    let bytes = bytes();
    let pool = values(&bytes, "MaxPool").pop().unwrap();
    let mut file = ModelProto::decode(&bytes[..]).unwrap();
    let graph = file.graph.as_mut().unwrap();
    let name = if operator == "Transpose" { "perm" } else { "axes" };
    let attribute = AttributeProto {
        name: name.to_owned(),
        ints: perm.to_vec(),
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    };
    graph.node.push(NodeProto {
        op_type: operator.to_owned(),
        input: vec![pool],
        output: vec!["more".to_owned()],
        attribute: if perm.is_empty() { vec![] } else { vec![attribute] },
        ..NodeProto::default()
    });
    if let Some(batch) = batch {
        for port in graph.input.iter_mut().chain(&mut graph.output) {
            let Some(type_proto::Value::TensorType(tensor)) = port.r#type.as_mut().and_then(|kind| kind.value.as_mut())
            else {
                continue;
            };
            tensor.shape.as_mut().unwrap().dim[0].value = Some(Side::DimValue(batch));
        }
    }
    file.encode_to_vec()
}

#[test]
fn a_value_without_the_batch_as_its_first_side_is_refused() {
    let refused = |bytes: &[u8]| -> Vec<String> {
        let errors = engines(&[tap("x", "more")]).into_iter().map(|options| OnnxModel::from_bytes(bytes, &options));
        errors.map(|read| read.map(|_| ()).unwrap_err().to_string()).collect()
    };
    // Channels before the batch, and a shape.
    for (operator, perm, batch) in
        [("Transpose", &[1, 0, 2, 3][..], None), ("Shape", &[], None), ("Transpose", &[1, 0, 2, 3], Some(4))]
    {
        for error in refused(&with(operator, perm, batch)) {
            // ONNX Runtime does not turn whole numbers into others.
            let is_whole = operator == "Shape" && error.contains("`more` is not made of f32 or f64");
            let refused = error.contains("cannot be tapped: its first side is not the batch");
            assert!(refused || is_whole, "{operator}: {error}");
        }
    }
    // Of one number for all rows a batch of 1 does not tell it.
    for error in refused(&with("ReduceMean", &[], None)) {
        assert!(error.contains("its first side is not the batch") && error.contains("[1, 1, 1, 1]"), "{error}");
    }
    // With the batch first any shape is flattened, and a fixed batch is one too.
    for batch in [None, Some(4)] {
        for options in engines(&[tap("x", "more")]) {
            let model = OnnxModel::from_bytes(&with("Transpose", &[0, 2, 3, 1], batch), &options).unwrap();
            assert_eq!(model.inner_values()[0], ("x".to_owned(), 30));
            let (x, ours) = (inputs(6), network());
            let (found, of_ours) = (tape(&model, x.view()), tape(&ours, x.view()));
            let difference = &found.activation("x").unwrap() - &of_ours.activation("pool.1").unwrap();
            assert!(difference.iter().all(|d| d.abs() < 1e-5));
        }
    }
}
