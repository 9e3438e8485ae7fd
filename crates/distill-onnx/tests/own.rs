//! Files that distill's own operations compute, in every build: whether they answer as the network does that was exported, as
//! PyTorch does, and as tract does where that is built in.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use distill_export::wire::Message;
use distill_export::{OnnxExport, OnnxExportOptions};
use distill_models::{
    CnnConfig, DsCnnConfig, MlpConfig, MobileNetConfig, Model, ModelConfig, Network, Provenance, ResNetConfig, Tape,
    Task, Trainable as _,
};
use distill_onnx::{HAS_TRACT, OnnxEngine, OnnxError, OnnxModel, OnnxOptions, external_files};
use ndarray::{Array2, s};

/// Numbers that only moved look like nothing, so that somebody has to say that they are logits.
fn logits() -> OnnxOptions {
    OnnxOptions { probabilities: Some(false), ..OnnxOptions::default() }
}

fn read(bytes: &[u8]) -> OnnxModel {
    let model = OnnxModel::from_bytes(bytes, &logits()).unwrap();
    assert_eq!(model.engine(), &OnnxEngine::Own);
    model
}

fn inputs(rows: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, features), |(i, j)| ((i * 977 + j * 31) as f32 * 0.37).sin())
}

/// The same file by tract: what is tapped is computed by it.
#[cfg(feature = "tract")]
fn by_tract(bytes: &[u8]) -> OnnxModel {
    let mut values = OnnxModel::describe(bytes).unwrap().values.into_iter();
    let tensor = values.find(|(_, operator)| ["Conv", "Gemm", "Slice"].contains(&operator.as_str())).unwrap().0;
    let taps = vec![distill_onnx::Tap { name: "first".to_owned(), tensor }];
    let model = OnnxModel::from_bytes(bytes, &OnnxOptions { taps, ..logits() }).unwrap();
    assert!(matches!(model.engine(), OnnxEngine::Tract { because } if because == "inner values are tapped"));
    model
}

#[track_caller]
fn near(name: &str, found: &Array2<f32>, expected: &Array2<f32>) {
    assert_eq!(found.dim(), expected.dim(), "{name}");
    let largest = expected.iter().fold(0.0_f32, |largest, z| largest.max(z.abs()));
    let apart = found.iter().zip(expected).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs()));
    assert!(largest > 0.0 && apart <= 1e-5 * largest, "{name}: {apart} of {largest}");
}

fn exported() -> Vec<(&'static str, Network)> {
    let shape = vec![3, 20, 16];
    let configs: [(&str, ModelConfig); 5] = [
        ("mlp", MlpConfig { hidden: vec![30, 20], ..MlpConfig::default() }.into()),
        ("cnn", CnnConfig { channels: vec![5, 6], hidden: vec![7], dropout: 0.5, ..CnnConfig::default() }.into()),
        ("resnet", ResNetConfig { blocks: vec![1, 2], width: 6, ..ResNetConfig::default() }.into()),
        ("ds-cnn", DsCnnConfig { blocks: vec![1, 1], width: 8, ..DsCnnConfig::default() }.into()),
        ("mobilenet", MobileNetConfig { multiplier: 0.25, ..MobileNetConfig::default() }.into()),
    ];
    let make = |(name, config)| {
        let classes = ["cat", "dog", "owl"].map(str::to_owned).to_vec();
        let mut model = Network::new(config, shape.clone(), classes, 3).unwrap();
        for (i, value) in model.params_mut().as_mut_slice().iter_mut().enumerate() {
            *value += 0.015 * ((i % 7) as f32 - 3.0);
        }
        (name, model)
    };
    configs.into_iter().map(make).collect()
}

#[test]
fn numbers_that_distill_exports_say_that_they_are_some() {
    let config = MlpConfig { hidden: vec![6], ..MlpConfig::default() };
    let names = ["price", "rent"].map(str::to_owned).to_vec();
    let classes = Network::new(config, vec![5], names.clone(), 3).unwrap();
    let export = |network: &Network| {
        OnnxExport::new(network, &Provenance::new(), OnnxExportOptions::default()).unwrap().to_bytes().unwrap()
    };
    let network = classes.clone().with_task(Task::Numbers);
    let bytes = export(&network);
    for task in [Task::Classes, Task::Numbers] {
        let model = OnnxModel::from_bytes(&bytes, &OnnxOptions { task, ..OnnxOptions::default() }).unwrap();
        assert_eq!(
            (model.engine(), model.spec().task, &model.spec().classes),
            (&OnnxEngine::Own, Task::Numbers, &names)
        );
        let inputs = inputs(40, 5);
        near("numbers", &model.logits(inputs.view()).unwrap(), &network.logits(inputs.view()).unwrap());
    }
    let asked = OnnxOptions { task: Task::Numbers, ..OnnxOptions::default() };
    let error = OnnxModel::from_bytes(&export(&classes), &asked).unwrap_err().to_string();
    assert!(
        error.starts_with("`task` cannot be numbers: distill exported this file of a model that tells classes"),
        "{error}"
    );
}

#[test]
fn what_distill_exports_it_computes_itself() {
    for (name, network) in exported() {
        for keep_batch_norm in [false, true] {
            let options = OnnxExportOptions { keep_batch_norm, probabilities: true, ..OnnxExportOptions::default() };
            let bytes = OnnxExport::new(&network, &Provenance::new(), options).unwrap().to_bytes().unwrap();
            let model = read(&bytes);
            let (spec, ours) = (model.spec(), network.spec());
            assert_eq!(
                (&spec.classes, &spec.input_shape, &spec.architecture),
                (&ours.classes, &ours.input_shape, &ours.architecture)
            );
            let x = inputs(37, 960);
            let found = model.logits(x.view()).unwrap();
            near(name, &found, &network.logits(x.view()).unwrap());
            #[cfg(feature = "tract")]
            near(&format!("{name} by tract"), &found, &by_tract(&bytes).logits(x.view()).unwrap());
        }
    }
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/from_pytorch");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn what_pytorch_exported_answers_as_in_pytorch() {
    for name in ["residual", "depthwise", "plain", "shortened"] {
        let case: serde_json::Value = serde_json::from_slice(&golden(&format!("{name}.json"))).unwrap();
        let numbers = |key: &str| -> Vec<f32> {
            case[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
        };
        let (x, logits) = (numbers("inputs"), numbers("logits"));
        let matrix = |values: Vec<f32>| Array2::from_shape_vec((3, values.len() / 3), values).unwrap();
        let (x, logits) = (matrix(x), matrix(logits));
        for exporter in ["dynamo", "raw", "script"] {
            let bytes = golden(&format!("{name}.{exporter}.onnx"));
            near(&format!("{name} {exporter}"), &read(&bytes).logits(x.view()).unwrap(), &logits);
            // Not every slice is one for tract.
            #[cfg(feature = "tract")]
            if (name, exporter) != ("shortened", "raw") {
                let x = inputs(20, x.ncols());
                let found = read(&bytes).logits(x.view()).unwrap();
                near(&format!("{name} {exporter} by tract"), &found, &by_tract(&bytes).logits(x.view()).unwrap());
            }
        }
    }
}

/// What PyTorch writes by default: the weights of all layers but the smallest vectors are in another file.
#[test]
fn weights_beside_the_file_answer_as_in_pytorch() {
    let (bytes, data) = (golden("plain.beside.onnx"), golden("plain.beside.onnx.data"));
    let name = "plain.beside.onnx.data";
    assert_eq!(external_files(&bytes), Ok(vec![name.to_owned()]));
    let with = |data: &[u8]| {
        let beside = BTreeMap::from([(name.to_owned(), data.to_vec())]);
        OnnxModel::with_files(&bytes, &beside, &logits())
    };
    let model = with(&data).unwrap();
    assert_eq!((model.engine(), &model.description().files[..]), (&OnnxEngine::Own, &[name.to_owned()][..]));
    // The same network as in the file that has them inside, to the bit.
    let x = inputs(20, model.spec().features());
    let found = model.logits(x.view()).unwrap();
    assert_eq!(found, read(&golden("plain.dynamo.onnx")).logits(x.view()).unwrap());
    #[cfg(feature = "tract")]
    {
        let beside = BTreeMap::from([(name.to_owned(), data.clone())]);
        let whole = distill_onnx::with_weights_inside(&bytes, &beside).unwrap();
        near("by tract", &found, &by_tract(&whole).logits(x.view()).unwrap());
    }
    // A file that is missing, empty or cut is no reason to ask for another engine.
    let error = OnnxModel::from_bytes(&bytes, &logits()).unwrap_err().to_string();
    assert_eq!(error, format!("the model has weights in the file `{name}`: it is not there"));
    for n in [0, 1, data.len() / 2, data.len() - 1] {
        let error = with(&data[..n]).unwrap_err().to_string();
        let expected = format!("begins or ends after its {n} bytes");
        assert!(error.starts_with(&format!("the model has weights in the file `{name}`: the tensor `")), "{error}");
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[test]
fn a_row_is_answered_the_same_beside_any_others_and_by_any_threads() {
    let bytes = golden("shortened.script.onnx");
    for options in [OnnxOptions::default(), OnnxOptions { scale: 1.5, shift: -0.25, ..OnnxOptions::default() }] {
        let model = OnnxModel::from_bytes(&bytes, &options).unwrap();
        let x = inputs(50, model.spec().features());
        let whole = model.logits(x.view()).unwrap();
        for n in [1, 7, 16, 33] {
            for from in (0..50).step_by(n) {
                let rows = s![from..(from + n).min(50), ..];
                assert_eq!(model.logits(x.slice(rows)).unwrap(), whole.slice(rows));
            }
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| model.logits(x.view()).unwrap()), whole);
        }
        let mut tape = Tape::new(model.inner_values());
        model.record(x.view(), &mut tape).unwrap();
        assert_eq!(tape.logits(), whole);
        assert_eq!(model.logits(x.slice(s![..0, ..])).unwrap().dim(), (0, 4));
        assert!(model.logits(x.slice(s![.., ..5])).is_err());
        assert!(model.record(x.slice(s![.., ..5]), &mut tape).is_err());
        // The scale is part of what is asked.
        let scaled = x.mapv(|value| options.scale * value + options.shift);
        assert_eq!(read(&bytes).logits(scaled.view()).unwrap(), whole);
        // So are columns of a matrix, and rows that lie in another order.
        let turned = x.t().as_standard_layout().into_owned();
        assert_eq!(model.logits(turned.t()).unwrap(), whole);
    }
}

/// A file of these nodes, each an operator, its inputs and its output, behind `x` of shape `[batch, 2, 5, 4]`.
struct File {
    graph: Message,
    sides: [Option<i64>; 3],
}

impl File {
    fn new() -> Self {
        Self { graph: Message::default(), sides: [Some(2), Some(5), Some(4)] }
    }

    fn node(mut self, op: &str, inputs: &[&str], output: &str) -> Self {
        let mut node = Message::default();
        inputs.iter().for_each(|input| _ = node.text(1, input));
        self.graph.message(1, node.text(2, output).text(4, op));
        self
    }

    fn ints(mut self, name: &str, values: &[i64]) -> Self {
        let mut tensor = Message::default();
        tensor.int(1, values.len() as i64).int(2, 7).text(8, name);
        values.iter().for_each(|&value| _ = tensor.int(7, value));
        self.graph.message(5, &tensor);
        self
    }

    fn bytes(mut self) -> Vec<u8> {
        let (mut shape, mut batch) = (Message::default(), Message::default());
        shape.message(1, batch.text(2, "n"));
        for side in self.sides {
            let mut dim = Message::default();
            side.iter().for_each(|&side| _ = dim.int(1, side));
            shape.message(1, &dim);
        }
        let (mut tensor, mut kind, mut port, mut output) =
            (Message::default(), Message::default(), Message::default(), Message::default());
        kind.message(1, tensor.int(1, 1).message(2, &shape));
        self.graph.message(11, port.text(1, "x").message(2, &kind)).message(12, output.text(1, "y"));
        let (mut model, mut opset) = (Message::default(), Message::default());
        model.int(1, 8).message(7, &self.graph).message(8, opset.text(1, "").int(2, 17)).clone().into_bytes()
    }
}

/// Every other row and every third column, between one channel of zeros before and two behind, as they are.
fn shortcut() -> File {
    File::new()
        .ints("0", &[0, 0])
        .ints("end", &[i64::MAX, 5])
        .ints("axes", &[3, -2])
        .ints("steps", &[3, 2])
        .ints("pads", &[0, 1, 0, 0, 0, 2, 0, 0])
        .node("Slice", &["x", "0", "end", "axes", "steps"], "cut")
        .node("Pad", &["cut", "pads"], "wide")
        .node("Flatten", &["wide"], "y")
}

#[test]
fn slices_and_pads_of_channels_move_numbers_and_nothing_else() {
    let bytes = shortcut().bytes();
    let model = read(&bytes);
    let x = inputs(3, 40);
    // Channels, rows and columns of what comes out.
    let expected = Array2::from_shape_fn((3, 5 * 3 * 2), |(i, at)| match (at / 6, at / 2 % 3, at % 2) {
        (channel @ 1..=2, row, column) => x[[i, (channel - 1) * 20 + 2 * row * 4 + 3 * column]],
        _ => 0.0,
    });
    assert_eq!(model.logits(x.view()).unwrap(), expected);
    #[cfg(feature = "tract")]
    assert_eq!(by_tract(&bytes).logits(x.view()).unwrap(), expected);
    // Without the pad, in two nodes.
    let two = File::new().ints("0", &[0]).ints("end", &[9]).ints("2", &[2]).ints("3", &[3]);
    let two = two.node("Slice", &["x", "0", "end", "2", "2"], "a").node("Slice", &["a", "0", "end", "3", "3"], "b");
    let bytes = two.node("Relu", &["b"], "c").node("Flatten", &["c"], "y").bytes();
    let cut = expected.slice(s![.., 6..18]).mapv(|value| value.max(0.0));
    assert_eq!(read(&bytes).logits(x.view()).unwrap(), cut);
    #[cfg(feature = "tract")]
    assert_eq!(by_tract(&bytes).logits(x.view()).unwrap(), cut);
}

#[test]
fn sides_that_a_file_leaves_open_are_those_of_the_option() {
    let open = File { sides: [Some(2), None, None], ..shortcut() }.bytes();
    let error = OnnxModel::from_bytes(&open, &OnnxOptions::default()).unwrap_err();
    assert!(matches!(error, OnnxError::InputShape { .. }), "{error}");
    let options = OnnxOptions { input_shape: Some(vec![2, 5, 4]), ..logits() };
    let model = OnnxModel::from_bytes(&open, &options).unwrap();
    assert_eq!(model.engine(), &OnnxEngine::Own);
    let x = inputs(3, 40);
    assert_eq!(model.logits(x.view()).unwrap(), read(&shortcut().bytes()).logits(x.view()).unwrap());
}

/// Why a file is not computed by operations of distill.
fn because(bytes: &[u8], options: &OnnxOptions) -> String {
    let because = match OnnxModel::from_bytes(bytes, options) {
        Ok(model) => match model.engine() {
            OnnxEngine::Tract { because } if HAS_TRACT => because.clone(),
            engine => panic!("{engine}"),
        },
        Err(OnnxError::NoEngine { because }) if !HAS_TRACT => because,
        Err(error) => panic!("{error}"),
    };
    assert!(HAS_TRACT || OnnxModel::from_bytes(bytes, options).unwrap_err().to_string().ends_with(&because));
    because
}

#[test]
fn what_others_compute_is_said_with_the_reason() {
    let flat = |file: File| file.node("Flatten", &["z"], "y").bytes();
    let none = logits();
    let file = || File::new().ints("0", &[0]).ints("end", &[9]).ints("1", &[1]).ints("2", &[2]);
    for (bytes, reason) in [
        (
            flat(file().node("Relu", &["x"], "a").node("Sqrt", &["a"], "z")),
            "the Sqrt `z` (node 1 of the ONNX file) is no operation that distill has",
        ),
        (
            flat(file().node("Slice", &["x", "1", "end", "2", "2"], "z")),
            "cuts from 1 to 9 with a step of 2 along axis 2",
        ),
        (flat(file().node("Slice", &["x", "0", "2", "2", "1"], "z")), "cuts from 0 to 2 with a step of 1 along axis 2"),
        (
            flat(file().node("Slice", &["x", "0", "end", "1", "2"], "z")),
            "takes steps along axis 1; height and width are possible",
        ),
        (
            file().node("Flatten", &["x"], "z").node("Softmax", &["z"], "y").bytes(),
            "the Softmax `y` (node 1 of the ONNX file) is no operation that distill has",
        ),
        (
            flat(File { sides: [Some(2), Some(5), Some(4)], ..file() }.ints("pads", &[0, 1, 1, 0, 0, 0, 0, 0]).node(
                "Pad",
                &["x", "pads"],
                "z",
            )),
            "pads other than with zeros above, below and beside a map",
        ),
    ] {
        let found = because(&bytes, &none);
        assert!(found.contains(reason), "{reason}: {found}");
    }
    let bytes = shortcut().bytes();
    for (options, reason) in [
        (
            OnnxOptions { output: Some("wide".to_owned()), ..none.clone() },
            "the output is `wide`, not the first of the file",
        ),
        (
            OnnxOptions { layout: distill_onnx::ChannelOrder::Nhwc, input_shape: Some(vec![4, 2, 5]), ..none.clone() },
            "the layout is `nhwc`",
        ),
    ] {
        // tract computes no such output, and says so itself.
        let found = match OnnxModel::from_bytes(&bytes, &options) {
            Err(OnnxError::OutputShape { .. }) if HAS_TRACT => continue,
            _ => because(&bytes, &options),
        };
        assert!(found.contains(reason), "{reason}: {found}");
    }
    // The first output by its name or its number, and the only input by its name.
    for options in [
        OnnxOptions { output: Some("y".to_owned()), ..none.clone() },
        OnnxOptions { output: Some("0".to_owned()), input: Some("x".to_owned()), ..none.clone() },
    ] {
        assert_eq!(OnnxModel::from_bytes(&bytes, &options).unwrap().engine(), &OnnxEngine::Own);
    }
    // What is wrong with a file or an option is so in every build.
    let error = |options: OnnxOptions| OnnxModel::from_bytes(&bytes, &options).unwrap_err();
    assert!(matches!(error(OnnxOptions { output: Some("no".to_owned()), ..none.clone() }), OnnxError::Port { .. }));
    assert!(matches!(error(OnnxOptions { input: Some("no".to_owned()), ..none.clone() }), OnnxError::Port { .. }));
    assert!(matches!(error(OnnxOptions { scale: 0.0, ..none.clone() }), OnnxError::Option { .. }));
    assert!(matches!(OnnxModel::from_bytes(&bytes[..bytes.len() / 2], &none), Err(OnnxError::Damaged { .. })));
}

/// In evaluation the two are one, in training the answers depend on the batch or on chance.
#[test]
fn files_of_a_training_are_not_asked_as_if_they_were_none() {
    for (name, reason) in
        [("residual", "so that an answer depends on the others"), ("depthwise", "depends on the others")]
    {
        let bytes = golden(&format!("{name}.training.onnx"));
        match OnnxModel::from_bytes(&bytes, &OnnxOptions::default()) {
            Ok(model) => assert!(model.engine().to_string().contains(reason), "{}", model.engine()),
            Err(OnnxError::NoEngine { because }) => assert!(because.contains(reason), "{because}"),
            // tract may have none of these either.
            Err(_) if HAS_TRACT => {}
            Err(error) => panic!("{error}"),
        }
    }
}
