//! Graphs made here, and those that distill exports, through the engine.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::collections::BTreeMap;

use distill_export::{OnnxExport, OnnxExportOptions};
use distill_models::{Activation, MlpConfig, Model, Network, Provenance, Task};
use distill_onnx::{ChannelOrder, OnnxEngine, OnnxError, OnnxModel, OnnxOptions, external_files, is_guarded};
use ndarray::{Array2, s};
use prost::Message as _;
use rayon::prelude::*;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as Side};
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
};

/// An open side.
const OPEN: i64 = -1;

/// Damaged files that are tried.
const DAMAGED: u64 = 100_000;

fn port(name: &str, element: DataType, dims: &[i64]) -> ValueInfoProto {
    let side = |&side: &i64| Dimension {
        value: Some(if side == OPEN { Side::DimParam("N".to_owned()) } else { Side::DimValue(side) }),
        ..Dimension::default()
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(side).collect() });
    let value = Some(Value::TensorType(Tensor { elem_type: element as i32, shape }));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.to_owned(),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn attribute(name: &str, ints: &[i64]) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match ints {
        [one] => (attribute.i, attribute.r#type) = (*one, AttributeType::Int as i32),
        several => (attribute.ints, attribute.r#type) = (several.to_vec(), AttributeType::Ints as i32),
    }
    attribute
}

/// Inputs are cast, turned from channels last if they are, made flat, and multiplied by weights from 0 up.
fn file(element: DataType, dims: &[i64], channels_last: bool) -> ModelProto {
    let features = dims[1..].iter().product::<i64>();
    let weights: Vec<f32> = (0..3 * features).map(|i| (i % 7) as f32 - 3.0).collect();
    let mut cast = node("Cast", &["x"], "f32");
    cast.attribute.push(attribute("to", &[DataType::Float as i64]));
    let mut turn = node("Transpose", &["f32"], "turned");
    turn.attribute.push(attribute("perm", &[0, 3, 1, 2]));
    let flat = node("Flatten", &[if channels_last { "turned" } else { "f32" }], "flat");
    let turn = if channels_last { vec![turn] } else { vec![] };
    let rest = [flat, node("MatMul", &["flat", "w"], "scores"), node("Softmax", &["scores"], "probs")];
    let graph = GraphProto {
        name: "test".to_owned(),
        node: std::iter::once(cast).chain(turn).chain(rest).collect(),
        initializer: vec![floats("w", &[features, 3], &weights)],
        input: vec![port("x", element, dims)],
        output: vec![port("scores", DataType::Float, &[dims[0], 3]), port("probs", DataType::Float, &[dims[0], 3])],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        producer_name: "test".to_owned(),
        graph: Some(graph),
        ..ModelProto::default()
    }
}

fn read(file: &ModelProto, options: &OnnxOptions) -> Result<OnnxModel, OnnxError> {
    OnnxModel::from_bytes(&file.encode_to_vec(), options)
}

/// Whole numbers, so that every type has them.
fn inputs(rows: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, features), |(i, j)| ((i * 5 + j * 3) % 11) as f32)
}

fn expected(inputs: &Array2<f32>) -> Array2<f32> {
    let weight = |j: usize, class: usize| ((j * 3 + class) % 7) as f32 - 3.0;
    Array2::from_shape_fn((inputs.nrows(), 3), |(i, class)| {
        (0..inputs.ncols()).map(|j| inputs[[i, j]] * weight(j, class)).sum()
    })
}

#[track_caller]
fn near(found: &Array2<f32>, expected: &Array2<f32>, most: f32) {
    assert_eq!(found.dim(), expected.dim());
    let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest <= most, "{largest}");
}

#[test]
fn exports_of_distill_answer_as_their_models_do() {
    for (activation, shape, flat, probabilities) in [
        (Activation::Relu, vec![1, 4, 5], false, false),
        (Activation::Gelu, vec![1, 4, 5], true, true),
        (Activation::Tanh, vec![20], false, true),
    ] {
        let config = MlpConfig { hidden: vec![9, 7], activation, ..MlpConfig::default() };
        let model = Network::new(config, shape, vec!["a".into(), "b".into(), "c é".into()], 3).unwrap();
        let provenance = Provenance::from([("seed".to_owned(), "3".to_owned())]);
        let bytes = OnnxExport::new(
            &model,
            &provenance,
            OnnxExportOptions { flat, probabilities, ..OnnxExportOptions::default() },
        )
        .unwrap()
        .to_bytes()
        .unwrap();
        let read = OnnxModel::from_bytes(&bytes, &OnnxOptions::default()).unwrap();
        assert_eq!(read.spec(), model.spec());
        assert_eq!(read.provenance(), provenance);
        let inputs = inputs(37, 20) / 11.0;
        near(&read.logits(inputs.view()).unwrap(), &model.logits(inputs.view()).unwrap(), 1e-5);
        // Their logarithms are logits too, up to a constant for each example.
        if probabilities {
            let options = OnnxOptions { output: Some("probabilities".to_owned()), ..OnnxOptions::default() };
            let read = OnnxModel::from_bytes(&bytes, &options).unwrap();
            assert_eq!(read.answers().to_string(), "probabilities, taken as logarithms: a softmax computes them");
            let (mut a, mut b) = (read.logits(inputs.view()).unwrap(), model.logits(inputs.view()).unwrap());
            for logits in [&mut a, &mut b] {
                for mut row in logits.rows_mut() {
                    let first = row[0];
                    row -= first;
                }
            }
            near(&a, &b, 1e-4);
        }
    }
}

#[test]
fn bits_depend_neither_on_the_batch_nor_on_threads() {
    // Of f32 it would be a network of our own, see `own.rs`.
    let model = read(&file(DataType::Double, &[OPEN, 1, 5, 7], false), &OnnxOptions::default()).unwrap();
    assert!(matches!(model.engine(), OnnxEngine::Tract { .. }));
    let inputs = inputs(50, 35) / 7.0;
    let whole = model.logits(inputs.view()).unwrap();
    for n in [1, 7, 16, 33] {
        for from in (0..50).step_by(n) {
            let to = (from + n).min(50);
            assert_eq!(model.logits(inputs.slice(s![from..to, ..])).unwrap(), whole.slice(s![from..to, ..]));
        }
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| model.logits(inputs.view()).unwrap()), whole);
    }
    assert_eq!(model.logits(inputs.slice(s![..0, ..])).unwrap().dim(), (0, 3));
    assert!(model.logits(inputs.slice(s![.., ..34])).is_err());
}

#[test]
fn inputs_of_every_type_and_batches_of_every_size() {
    for element in
        [DataType::Float, DataType::Double, DataType::Uint8, DataType::Int8, DataType::Int32, DataType::Int64]
    {
        for batch in [OPEN, 1, 3] {
            let model = read(&file(element, &[batch, 2, 2, 3], false), &OnnxOptions::default()).unwrap();
            assert_eq!((model.spec().input_shape.as_slice(), model.spec().parameters), (&[2, 2, 3][..], 36));
            let inputs = inputs(8, 12);
            near(&model.logits(inputs.view()).unwrap(), &expected(&inputs), 1e-4);
        }
    }
}

#[test]
fn numbers_are_scaled_and_rounded_to_the_type() {
    let options = OnnxOptions { scale: 255.0, shift: 0.25, ..OnnxOptions::default() };
    let model = read(&file(DataType::Uint8, &[OPEN, 12], false), &options).unwrap();
    let bytes = inputs(4, 12);
    near(&model.logits((&bytes / 255.0).view()).unwrap(), &expected(&bytes), 1e-3);
    for options in [OnnxOptions { scale: 0.0, ..options.clone() }, OnnxOptions { shift: f32::NAN, ..options }] {
        assert!(matches!(read(&file(DataType::Uint8, &[OPEN, 12], false), &options), Err(OnnxError::Option { .. })));
    }
}

#[test]
fn channels_may_be_last() {
    let options = OnnxOptions { layout: ChannelOrder::Nhwc, ..OnnxOptions::default() };
    let model = read(&file(DataType::Float, &[OPEN, 2, 5, 3], true), &options).unwrap();
    assert_eq!(model.spec().input_shape, [3, 2, 5]);
    let inputs = inputs(20, 30);
    near(&model.logits(inputs.view()).unwrap(), &expected(&inputs), 1e-3);
    let wrong = read(&file(DataType::Float, &[OPEN, 2, 5, 3], true), &OnnxOptions::default()).unwrap();
    assert_ne!(wrong.logits(inputs.view()).unwrap(), model.logits(inputs.view()).unwrap());
}

#[test]
fn outputs_by_name_position_and_kind() {
    let file = file(DataType::Float, &[OPEN, 12], false);
    let with = |output: &str, probabilities| OnnxOptions {
        output: Some(output.to_owned()),
        probabilities,
        ..OnnxOptions::default()
    };
    let inputs = inputs(5, 12) / 40.0;
    let scores = read(&file, &OnnxOptions::default()).unwrap().logits(inputs.view()).unwrap();
    near(&scores, &expected(&inputs), 1e-5);
    for output in ["probs", "1"] {
        let probs = read(&file, &with(output, Some(false))).unwrap().logits(inputs.view()).unwrap();
        assert!(probs.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));
        let logs = read(&file, &with(output, None)).unwrap().logits(inputs.view()).unwrap();
        near(&logs, &probs.mapv(f32::ln), 1e-6);
    }
    // A tensor that is not an output is one if it is asked for.
    let mut hidden = file.clone();
    hidden.graph.as_mut().unwrap().output.remove(0);
    assert_eq!(read(&hidden, &with("scores", None)).unwrap().logits(inputs.view()).unwrap(), scores);
    for output in ["none", "2", "w"] {
        let error = read(&file, &with(output, None)).unwrap_err();
        assert!(matches!(&error, OnnxError::Port { kind: "output", .. }), "{error}");
    }
    // A score of zero is not a probability.
    let error = read(&file, &with("scores", Some(true))).unwrap_err();
    assert!(matches!(&error, OnnxError::Option { key: "probabilities", .. }), "{error}");
    // An impossible class has the smallest probability.
    let certain = inputs.mapv(|value| value * 1e6);
    let logs = read(&file, &with("probs", None)).unwrap().logits(certain.view()).unwrap();
    assert!(logs.iter().all(|log| (-28.0..=0.0).contains(log)) && logs.iter().any(|&log| log < -27.0));
}

/// A graph of the scores of [`file`], and these operators after them, the last of which computes `out`.
fn ending(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    let mut file = file(DataType::Float, &[OPEN, 12], false);
    let graph = file.graph.as_mut().unwrap();
    graph.node.truncate(3);
    graph.node.extend(nodes);
    graph.initializer.extend(constants);
    graph.output = vec![port("out", DataType::Float, &[OPEN, 3])];
    file
}

#[test]
fn probabilities_are_found_whatever_computes_them() {
    let inputs = inputs(5, 12) / 40.0;
    let scores = expected(&inputs);
    let centred = |logits: &Array2<f32>| {
        let mut logits = logits.clone();
        logits.rows_mut().into_iter().for_each(|mut row| row -= row[0]);
        logits
    };
    let softmax = || node("Softmax", &["scores"], "probs");
    let shape = |name: &str, sides: &[i64]| TensorProto {
        name: name.to_owned(),
        dims: vec![sides.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: sides.to_vec(),
        ..TensorProto::default()
    };
    let double = || {
        let mut cast = node("Cast", &["probs"], "f64");
        cast.attribute.push(attribute("to", &[DataType::Double as i64]));
        cast
    };
    // The softmax by hand, as the vote of a forest is, has no operator of that name.
    let mut sum = node("ReduceSum", &["exp", "axes"], "sum");
    sum.attribute.push(attribute("keepdims", &[1]));
    let by_hand = vec![node("Exp", &["scores"], "exp"), sum, node("Div", &["exp", "sum"], "out")];
    let seen = "a softmax computes them";
    let clip = || vec![softmax(), node("Clip", &["probs", "least"], "out")];
    for (nodes, constants, why) in [
        (vec![softmax(), node("Identity", &["probs"], "out")], vec![], seen),
        (clip(), vec![floats("least", &[], &[1e-7])], seen),
        (vec![softmax(), double(), node("Identity", &["f64"], "out")], vec![], seen),
        (vec![softmax(), node("Reshape", &["probs", "sides"], "out")], vec![shape("sides", &[-1, 3])], seen),
        (by_hand, vec![shape("axes", &[1])], "for 8 made-up inputs they are from 0 to 1 and add up to 1"),
    ] {
        let model = read(&ending(nodes, constants), &OnnxOptions::default()).unwrap();
        assert_eq!(model.answers().to_string(), format!("probabilities, taken as logarithms: {why}"));
        assert_eq!(model.spec().architecture.split_once(" (").unwrap().1, "probabilities, taken as logarithms)");
        near(&centred(&model.logits(inputs.view()).unwrap()), &centred(&scores), 1e-4);
    }
    // They are not thrown away where somebody says that they are logits.
    let said = OnnxOptions { probabilities: Some(false), ..OnnxOptions::default() };
    let model = read(&ending(clip(), vec![floats("least", &[], &[1e-7])]), &said).unwrap();
    assert!(model.logits(inputs.view()).unwrap().rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-5));
}

#[test]
fn what_is_neither_is_refused() {
    let refused = |file: &ModelProto, probabilities| {
        let error = read(file, &OnnxOptions { probabilities, ..OnnxOptions::default() }).unwrap_err();
        assert!(matches!(&error, OnnxError::Option { key: "probabilities", .. }), "{error}");
        error.to_string()
    };
    let sigmoid = ending(vec![node("Sigmoid", &["scores"], "out")], vec![]);
    assert!(refused(&sigmoid, None).contains("must be set, as a sigmoid"));
    // By hand it has no name.
    let nodes =
        vec![node("Tanh", &["scores"], "t"), node("Mul", &["t", "half"], "h"), node("Add", &["h", "half"], "out")];
    let by_hand = ending(nodes, vec![floats("half", &[], &[0.5])]);
    let error = refused(&by_hand, None);
    assert!(error.contains("must be set: for 8 made-up inputs") && error.contains("add up to"), "{error}");
    // A softmax over the examples.
    let mut softmax = node("Softmax", &["scores"], "out");
    softmax.attribute.push(attribute("axis", &[0]));
    refused(&ending(vec![softmax], vec![]), None);
    // Both ways out.
    let inputs = inputs(5, 12) / 40.0;
    let sigmoids = expected(&inputs).mapv(|z| 1.0 / (1.0 + (-z).exp()));
    for (probabilities, expected) in [(true, sigmoids.mapv(f32::ln)), (false, sigmoids)] {
        let options = OnnxOptions { probabilities: Some(probabilities), ..OnnxOptions::default() };
        near(&read(&sigmoid, &options).unwrap().logits(inputs.view()).unwrap(), &expected, 1e-4);
    }
    refused(&ending(vec![node("Neg", &["scores"], "out")], vec![]), Some(true));
}

#[test]
fn names_and_shape_come_from_the_metadata_or_the_settings() {
    let mut file = file(DataType::Float, &[OPEN, 12], false);
    let entry = |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    assert_eq!(read(&file, &OnnxOptions::default()).unwrap().spec().classes, ["0", "1", "2"]);
    file.metadata_props = vec![entry("classes", "cat\ndog\nfox"), entry("input_shape", "[3, 2, 2]")];
    let spec = read(&file, &OnnxOptions::default()).unwrap().spec().clone();
    assert_eq!((spec.classes.join(" "), spec.input_shape), ("cat dog fox".to_owned(), vec![3, 2, 2]));
    let classes = Some(["x", "y", "z"].map(str::to_owned).to_vec());
    let options = OnnxOptions { classes, input_shape: Some(vec![1, 12]), ..OnnxOptions::default() };
    let spec = read(&file, &options).unwrap().spec().clone();
    assert_eq!((spec.classes.join(" "), spec.input_shape), ("x y z".to_owned(), vec![1, 12]));
    file.metadata_props = vec![entry("classes", "[\"cat\"]")];
    assert!(matches!(read(&file, &OnnxOptions::default()), Err(OnnxError::Classes { .. })));
}

#[test]
fn weights_may_be_in_other_files() {
    let whole = file(DataType::Float, &[OPEN, 12], false);
    let inputs = inputs(5, 12) / 40.0;
    let expected = read(&whole, &OnnxOptions::default()).unwrap().logits(inputs.view()).unwrap();
    let weights: Vec<u8> =
        whole.graph.as_ref().unwrap().initializer[0].float_data.iter().flat_map(|value| value.to_le_bytes()).collect();
    let beside = BTreeMap::from([("w.data".to_owned(), [&[7; 4][..], &weights, &[7; 4]].concat())]);
    let with = |entries: &[(&str, &str)]| {
        let mut file = whole.clone();
        let tensor = &mut file.graph.as_mut().unwrap().initializer[0];
        tensor.float_data.clear();
        tensor.data_location = Some(DataLocation::External as i32);
        let entry = |&(key, value): &(&str, &str)| StringStringEntryProto { key: key.into(), value: value.into() };
        tensor.external_data = entries.iter().map(entry).collect();
        let bytes = file.encode_to_vec();
        assert_eq!(OnnxModel::describe(&bytes).unwrap().files, [entries[0].1]);
        OnnxModel::with_files(&bytes, &beside, &OnnxOptions::default())
            .map(|model| model.logits(inputs.view()).unwrap())
            .map_err(|error| error.to_string())
    };
    let n = weights.len().to_string();
    near(&with(&[("location", "w.data"), ("offset", "4"), ("length", &n)]).unwrap(), &expected, 1e-6);
    for (entries, message) in [
        (&[("location", "v.data")][..], "`v.data`: it is not there"),
        // Without a length it goes to the end of the file.
        (&[("location", "w.data"), ("offset", "4")], "has 37 numbers"),
        (&[("location", "w.data"), ("offset", "9"), ("length", &n)], "begins or ends after its 152 bytes"),
        (&[("location", "w.data"), ("offset", "18446744073709551615"), ("length", "1")], "begins or ends after"),
        (&[("location", "w.data"), ("offset", "-1")], "the offset of the tensor `w` is not a byte count"),
        (&[("location", "w.data"), ("length", "1e3")], "the length of the tensor `w` is not a byte count"),
    ] {
        let error = with(entries).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_cannot_be_a_teacher_is_refused() {
    let good = file(DataType::Float, &[OPEN, 12], false);
    let error = |change: &dyn Fn(&mut GraphProto)| {
        let mut file = good.clone();
        change(file.graph.as_mut().unwrap());
        read(&file, &OnnxOptions::default()).unwrap_err().to_string()
    };
    type Change<'a> = &'a dyn Fn(&mut GraphProto);
    let cases: [(Change<'_>, &str); 13] = [
        (
            &|graph| graph.node[2].op_type = "Frobnicate".to_owned(),
            "`Frobnicate`, which is not supported: tract does not know it",
        ),
        (&|graph| graph.node[2].domain = "com.example".to_owned(), "of `com.example`"),
        (&|graph| graph.node[2].op_type = "Loop".to_owned(), "may run for ever"),
        (&|graph| graph.node[0].op_type = "RandomNormalLike".to_owned(), "the same answer every time"),
        (&|graph| graph.node[0].input[0] = "probs".to_owned(), "takes `probs`, which nothing before it computes"),
        (&|graph| graph.node[1].output[0] = "f32".to_owned(), "`f32` is computed twice"),
        (&|graph| graph.node.clear(), "no graph"),
        (&|graph| graph.output[0].name = "none".to_owned(), "nothing computes the output `none`"),
        (&|graph| graph.initializer[0].dims[0] = 13, "shape [13, 3] has 36 numbers"),
        (&|graph| graph.initializer[0].dims[0] = i64::MAX, "has the shape"),
        (
            &|graph| graph.initializer[0].data_location = Some(DataLocation::External as i32),
            "weights in the file ``: it is not there",
        ),
        (&|graph| graph.input.push(port("y", DataType::Float, &[OPEN, 2])), "only one can be given"),
        (&|graph| graph.input[0] = port("x", DataType::Bool, &[OPEN, 12]), "the type bool of input `x`"),
    ];
    for (change, message) in cases {
        let error = error(change);
        assert!(error.contains(message), "{error}");
    }
    // Weights that do not fit, found by the engine.
    let error = error(&|graph| graph.input[0] = port("x", DataType::Float, &[OPEN, 13]));
    assert!(error.starts_with("the graph cannot be computed"), "{error}");
    // One number for an example is not a choice between classes.
    let mut one = good.clone();
    let graph = one.graph.as_mut().unwrap();
    graph.initializer[0] = floats("w", &[12, 1], &[0.5; 12]);
    assert!(matches!(read(&one, &OnnxOptions::default()), Err(OnnxError::OutputShape { .. })));
    assert!(matches!(OnnxModel::from_bytes(b"", &OnnxOptions::default()), Err(OnnxError::Damaged { .. })));
}

/// One number for each example, with a column and without, by an engine of our own and by tract.
#[test]
fn one_number_for_each_example_may_have_no_column() {
    let numbers = OnnxOptions { task: Task::Numbers, ..OnnxOptions::default() };
    for (element, is_own) in [(DataType::Float, true), (DataType::Double, false)] {
        for squeezed in [false, true] {
            let mut file = file(element, &[OPEN, 12], false);
            let graph = file.graph.as_mut().unwrap();
            graph.initializer[0] = floats("w", &[12, 1], &[1000.0; 12]);
            let mut squeeze = node("Squeeze", &["scores"], "number");
            squeeze.attribute.push(AttributeProto {
                name: "axes".to_owned(),
                ints: vec![1],
                r#type: AttributeType::Ints as i32,
                ..AttributeProto::default()
            });
            *graph.node.last_mut().unwrap() = squeeze;
            graph.output = if squeezed {
                vec![port("number", DataType::Float, &[OPEN])]
            } else {
                graph.node.pop();
                vec![port("scores", DataType::Float, &[OPEN, 1])]
            };
            file.opset_import[0].version = 11;
            let model = read(&file, &numbers).unwrap();
            assert_eq!(model.engine() == &OnnxEngine::Own, is_own, "{}", model.engine());
            assert_eq!((model.spec().task, model.spec().classes.len()), (Task::Numbers, 1));
            let inputs = inputs(40, 12);
            let expected = Array2::from_shape_fn((40, 1), |(i, _)| 1000.0 * inputs.row(i).sum());
            near(&model.logits(inputs.view()).unwrap(), &expected, 0.1);
            assert!(matches!(read(&file, &OnnxOptions::default()), Err(OnnxError::OutputShape { .. })));
        }
    }
}

/// A file of some hundred bytes, with one to four changes each time. Round `n` is the same everywhere.
#[test]
fn damaged_files_are_read_or_refused() {
    // Panics that become errors are many, and nobody wants to read them.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !is_guarded() {
            report(info);
        }
    }));
    // The one is computed by a network of our own, the other by tract.
    let both = [DataType::Float, DataType::Double].map(|kind| file(kind, &[OPEN, 1, 2, 6], false).encode_to_vec());
    let is_read = |round: u64| {
        let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut bytes = both[usize::from(round.is_multiple_of(2))].clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len().max(1));
            match random(5) {
                _ if bytes.is_empty() => {}
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = random(256) as u8,
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, random(256) as u8),
                _ => bytes.truncate(at.max(1)),
            }
        }
        // Names of files are plain or refused, whatever else is wrong.
        let files = external_files(&bytes);
        assert!(files.iter().flatten().all(|name| !name.contains(['/', '\\', ':'])), "{round}");
        match OnnxModel::from_bytes(&bytes, &OnnxOptions::default()) {
            Ok(model) => {
                assert!(files.is_ok(), "{round}: what is computed is described");
                let inputs = inputs(2, model.spec().features());
                let _ = model.logits(inputs.view());
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty(), "{round}");
                false
            }
        }
    };
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let (n, first) = (number("DISTILL_FUZZ_INPUTS", DAMAGED), number("DISTILL_FUZZ_FIRST", 0));
    let start = std::time::Instant::now();
    let read = (first..first + n).into_par_iter().filter(|&round| is_read(round)).count() as u64;
    let seconds = start.elapsed().as_secs_f64();
    println!("campaign graphs inputs={n} accepted={read} rejected={} seconds={seconds:.3}", n - read);
    assert!(n < 1000 || (read > n / 30 && read < n * 2 / 3), "{read} read of {n}");
}
