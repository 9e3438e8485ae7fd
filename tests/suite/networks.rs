//! Networks with convolutions: PyTorch's logits, gradients and running statistics, see `golden/networks.py`, and what every model
//! keeps.

use distill_infer::Student;
use distill_models::{
    Activation, CnnConfig, Conv, DsCnnConfig, Graph, GraphConfig, MobileNetConfig, Model, ModelConfig, Network, Op,
    Provenance, ResNetConfig, Scratch, Standardization, Standardized, StepKey, Tape, TextCnnConfig, Trainable, Window,
    from_safetensors, to_safetensors,
};
use distill_tensor::{Params, SliceKind};
use ndarray::{Array2, s};
use serde_json::Value;

const KEY: StepKey = StepKey { seed: 5, step: 3, first_row: 0 };

/// The networks of `golden/networks.py`, by name.
fn config(name: &str) -> ModelConfig {
    match name {
        "cnn" => {
            CnnConfig { channels: vec![4, 6], hidden: vec![5], activation: Activation::Gelu, ..CnnConfig::default() }
                .into()
        }
        "resnet" => ResNetConfig { blocks: vec![1, 2], width: 4, ..ResNetConfig::default() }.into(),
        "wide_resnet" => {
            ResNetConfig { blocks: vec![1, 1], width: 3, widen: 2, preact: true, ..ResNetConfig::default() }.into()
        }
        "ds_cnn" => {
            DsCnnConfig { blocks: vec![1, 1], width: 4, kernel: [4, 3], stride: [2, 1], ..DsCnnConfig::default() }
                .into()
        }
        "text_cnn" => {
            TextCnnConfig { tokens: 11, dims: 5, widths: vec![1, 3, 4], filters: 4, ..TextCnnConfig::default() }.into()
        }
        "layer_normed" => GraphConfig::from(&layer_normed(&[2, 5, 4])).into(),
        "mixed" => GraphConfig::from(&mixed(&[2, 7, 6])).into(),
        other => panic!("no network {other}"),
    }
}

/// A graph of what the other networks do not have.
pub(crate) fn mixed(input_shape: &[usize]) -> Graph {
    let mut graph = Graph::new(input_shape).unwrap();
    let mut push = |name: &str, op: Op, inputs: &[usize]| graph.push(name, op, inputs).unwrap();
    let first = Conv { outputs: 6, kernel: [3, 2], stride: [2, 1], padding: [2, 0, 1, 1], groups: 1, bias: true };
    let a = push("a", Op::Conv(first), &[0]);
    let a = push("a.relu6", Op::Activation(Activation::Relu6), &[a]);
    let b = push("b", Op::Conv(Conv { groups: 2, bias: true, ..Conv::same(4, 3) }), &[a]);
    let b = push("b.silu", Op::Activation(Activation::Silu), &[b]);
    let y = push("expand", Op::Conv(Conv::same(12, 1)), &[a]);
    let y = push("norm1", Op::BatchNorm, &[y]);
    let y = push("wide", Op::Activation(Activation::HardSwish), &[y]);
    let y = push("depthwise", Op::Conv(Conv { groups: 12, ..Conv::same(12, 3) }), &[y]);
    let y = push("norm2", Op::BatchNorm, &[y]);
    let y = push("mid", Op::Activation(Activation::Relu6), &[y]);
    let y = push("project", Op::Conv(Conv::same(6, 1)), &[y]);
    let y = push("norm3", Op::BatchNorm, &[y]);
    let a = push("add", Op::Add, &[y, a]);
    let pool = Window { kernel: [3, 3], stride: [2, 2], padding: [1; 4] };
    let means = push("means", Op::AveragePool(pool), &[a]);
    let largest = push("largest", Op::MaxPool(pool), &[b]);
    let c = push("both", Op::Concat, &[means, largest]);
    let x = push("flat", Op::Flatten, &[c]);
    let x = push("hidden", Op::Linear { outputs: 4 }, &[x]);
    let x = push("hidden.tanh", Op::Activation(Activation::Tanh), &[x]);
    let p = push("one", Op::Linear { outputs: 3 }, &[x]);
    let q = push("two", Op::Linear { outputs: 3 }, &[x]);
    push("logits", Op::Add, &[p, q]);
    graph
}

/// A graph with layer norms of maps and of vectors.
pub(crate) fn layer_normed(input_shape: &[usize]) -> Graph {
    let mut graph = Graph::new(input_shape).unwrap();
    let mut push = |name: &str, op: Op, inputs: &[usize]| graph.push(name, op, inputs).unwrap();
    let x = push("conv", Op::Conv(Conv::same(6, 3)), &[0]);
    let x = push("norm.0", Op::LayerNorm, &[x]);
    let x = push("gelu", Op::Activation(Activation::Gelu), &[x]);
    let y = push("depthwise", Op::Conv(Conv { groups: 6, ..Conv::same(6, 3) }), &[x]);
    let y = push("norm.1", Op::LayerNorm, &[y]);
    let y = push("add", Op::Add, &[y, x]);
    let x = push("pool", Op::GlobalMaxPool, &[y]);
    let x = push("norm.2", Op::LayerNorm, &[x]);
    let x = push("hidden", Op::Linear { outputs: 9 }, &[x]);
    let x = push("norm.3", Op::LayerNorm, &[x]);
    let x = push("tanh", Op::Activation(Activation::Tanh), &[x]);
    push("logits", Op::Linear { outputs: 3 }, &[x]);
    graph
}

fn numbers(case: &Value, key: &str) -> Vec<f32> {
    case[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn golden() -> Vec<Value> {
    serde_json::from_str(include_str!("../golden/networks.json")).unwrap()
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|class| class.to_string()).collect()
}

/// The network of a golden case with the weights of it, and its inputs.
fn network(case: &Value) -> (Network, Array2<f32>) {
    let shape: Vec<usize> =
        case["input_shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let features = shape.iter().product();
    let inputs = numbers(case, "inputs");
    let inputs = Array2::from_shape_vec((inputs.len() / features, features), inputs).unwrap();
    let n_classes = numbers(case, "logits").len() / inputs.nrows();
    let mut network = Network::new(config(case["name"].as_str().unwrap()), shape, names(n_classes), 1).unwrap();
    let params = numbers(case, "params");
    assert_eq!(network.params().as_slice().len(), params.len(), "{}", case["name"]);
    network.params_mut().as_mut_slice().copy_from_slice(&params);
    (network, inputs)
}

/// The largest distance in units of the largest expected number.
#[track_caller]
fn close<'a>(what: &str, found: impl IntoIterator<Item = &'a f32>, expected: &[f32], tolerance: f32) {
    let scale = expected.iter().fold(1e-3_f32, |scale, x| scale.max(x.abs()));
    let mut n = 0;
    for (i, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance * scale, "{what}, number {i}: {found}, expected {expected}");
        n += 1;
    }
    assert_eq!(n, expected.len(), "{what}");
}

#[test]
fn networks_answer_and_learn_as_in_pytorch() {
    for case in golden() {
        let name = case["name"].as_str().unwrap();
        let (mut network, inputs) = network(&case);
        let evaluated = network.logits(inputs.view()).unwrap();
        close(&format!("{name}: evaluation"), &evaluated, &numbers(&case, "evaluated"), 1e-5);

        let (mut tape, mut grads) = (network.tape(), Params::zeros(network.params().layout().clone()));
        network.forward(inputs.view(), KEY, &mut tape).unwrap();
        close(&format!("{name}: training"), tape.logits(), &numbers(&case, "logits"), 1e-5);
        let grad = Array2::from_shape_vec(evaluated.dim(), numbers(&case, "grad_logits")).unwrap();
        network.backward(grad.view(), &mut tape, &mut grads);
        network.absorb(&grads);

        let (expected, layout) = (numbers(&case, "grads"), network.params().layout().clone());
        let mut at = 0;
        for (id, slice, _) in layout.iter() {
            let found = match layout.kind(id) {
                SliceKind::State => network.params().vector(id),
                SliceKind::Weight | SliceKind::NoDecay => grads.vector(id),
            };
            let expected = &expected[at..at + found.len()];
            // A bias before a batch norm has no effect, and its gradient is what rounding leaves.
            close(&format!("{name}: {slice}"), found, expected, 2e-5);
            at += found.len();
        }
    }
}

/// Rows do not know of each other, whatever the size of a batch; what is recorded leads to the same bits; files keep all.
#[test]
fn networks_keep_the_contract_of_models() {
    for case in golden() {
        let (network, inputs) = network(&case);
        let rows = 40;
        let inputs = Array2::from_shape_fn((rows, inputs.ncols()), |(i, j)| inputs[[i % 5, (j + i) % inputs.ncols()]]);
        let logits = network.logits(inputs.view()).unwrap();
        let mut scratch = Scratch::default();
        for range in [0..rows, 2..3, 4..7, 0..1, 3..30, 5..5] {
            let part = inputs.slice(s![range.clone(), ..]);
            // Every second column of a wider matrix, so that rows are not slices.
            let mut out = Array2::from_elem((part.nrows(), 2 * logits.ncols()), f32::NAN);
            network.logits_into(part, &mut scratch, out.slice_mut(s![.., ..;2])).unwrap();
            assert_eq!(out.slice(s![.., ..;2]), logits.slice(s![range, ..]), "{}", case["name"]);
        }
        let mut tape = Tape::new(network.inner_values());
        network.record(inputs.view(), &mut tape).unwrap();
        assert_eq!(tape.logits(), logits);
        let (read, _) = from_safetensors(&to_safetensors(&network, &Provenance::new()).unwrap()).unwrap();
        assert_eq!((read.params(), read.config(), read.spec()), (network.params(), network.config(), network.spec()));
        assert_eq!(read.logits(inputs.view()).unwrap(), logits);
    }
}

/// The reader for other programs computes the same, batch norms being part of its weights.
#[test]
fn networks_answer_the_same_in_other_programs() {
    let standardized = |network: Network| {
        let (mean, sd) = (vec![0.2; network.spec().features()], vec![0.5; network.spec().features()]);
        let standardization = Standardization::new(&mean, &sd).unwrap();
        Standardized::new(network, Some(standardization)).unwrap().fold()
    };
    for case in golden() {
        let (network, inputs) = network(&case);
        let is_text = network.config().takes_numbers_of_rows();
        let networks = if is_text { vec![network] } else { vec![network.clone(), standardized(network)] };
        for network in networks {
            let logits = network.logits(inputs.view()).unwrap();
            let file = to_safetensors(&network, &Provenance::new()).unwrap();
            let student = Student::from_safetensors(&file).unwrap();
            let mut scratch = distill_infer::Scratch::default();
            for (input, expected) in inputs.outer_iter().zip(logits.outer_iter()) {
                let found = student.logits(input.as_slice().unwrap(), &mut scratch).unwrap();
                close(&case["name"].to_string(), found, expected.as_slice().unwrap(), 1e-5);
            }
            // Each cut of the description and the weights is an error, and no panic.
            for n in (0..file.len()).step_by(97) {
                assert!(Student::from_safetensors(&file[..n]).is_err());
            }
        }
    }
}

/// Gradients with dropout, which PyTorch draws in another way: by finite differences.
#[test]
fn gradients_equal_finite_differences() {
    let dropout = |p| ResNetConfig { dropout: p, activation: Activation::Tanh, ..ResNetConfig::default() };
    let configs: [ModelConfig; 3] = [
        CnnConfig {
            channels: vec![4],
            hidden: vec![6],
            dropout: 0.3,
            activation: Activation::Silu,
            ..CnnConfig::default()
        }
        .into(),
        ResNetConfig { blocks: vec![1, 1], width: 3, ..dropout(0.4) }.into(),
        ResNetConfig { blocks: vec![1], width: 3, preact: true, ..dropout(0.0) }.into(),
    ];
    // Of a convolution, of the batch norm behind it, and of what follows them.
    let inner = [2, 3, 4, 5];
    for (config, slot) in configs.iter().flat_map(|config| inner.map(|slot| (config, slot))) {
        let mut network = Network::new(config.clone(), vec![2, 6, 5], names(3), 3).unwrap();
        let inputs = Array2::from_shape_fn((7, 60), |(i, j)| ((i * 60 + j) as f32 * 0.7).sin());
        let weights = Array2::from_shape_fn((7, 3), |(i, j)| ((i * 3 + j) as f32 * 1.3).cos());
        let (mut tape, mut grads) = (network.tape(), Params::zeros(network.params().layout().clone()));
        // Twice the square of an inner value and the logits, so that gradients enter inside as well.
        let loss = |network: &Network, tape: &mut Tape| {
            network.forward(inputs.view(), KEY, tape).unwrap();
            let logits = tape.logits().iter().zip(&weights).map(|(x, w)| f64::from(x * w)).sum::<f64>();
            let (inner, value) = (tape.slots()[slot].name().to_owned(), tape.slots()[slot].value().to_owned());
            let (_, mut entering) = tape.activation_and_gradient(&inner).unwrap();
            entering.scaled_add(0.02, &value);
            logits + value.iter().map(|x| f64::from(x * x) * 0.01).sum::<f64>()
        };
        loss(&network, &mut tape);
        network.backward(weights.view(), &mut tape, &mut grads);
        let layout = network.params().layout().clone();
        for (n, (id, name, _)) in layout.iter().enumerate() {
            if layout.kind(id) == SliceKind::State {
                continue;
            }
            let direction: Vec<f32> = (0..grads.vector(id).len()).map(|i| ((i * 7 + n) as f32 * 1.3).cos()).collect();
            let analytic: f64 = grads.vector(id).iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let before = network.params().vector(id).to_vec();
            let mut moved = |h: f32| {
                let params = network.params_mut().vector_mut(id);
                params.iter_mut().zip(&before).zip(&direction).for_each(|((p, b), d)| *p = b + h * d);
                let value = loss(&network, &mut tape);
                network.params_mut().vector_mut(id).copy_from_slice(&before);
                value
            };
            let numeric = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            let near = (numeric - analytic).abs() < 1e-2 * (1.0 + analytic.abs());
            assert!(
                near,
                "{config:?}, inner value {slot}, {name}: the gradient says {analytic}, finite differences {numeric}"
            );
        }
    }
}

#[test]
fn published_networks_have_their_published_sizes() {
    let size = |config: ModelConfig, shape: &[usize], n: usize| {
        let network = Network::new(config.clone(), shape.to_vec(), names(n), 1).unwrap();
        (network.spec().parameters, network.graph().macs(), network.spec().architecture.clone())
    };
    // ResNet-8 of MLPerf Tiny: 78,666 numbers of which 624 are running statistics; 12.5 million multiplications.
    let (parameters, macs, name) = size(ResNetConfig::default().into(), &[3, 32, 32], 10);
    assert_eq!((parameters, macs / 100_000, name.as_str()), (78_042, 125, "ResNet-8 16-32-64-10"));
    // ResNet-20 has 0.27 million (He and others, table 6), here with convolutions in the shortcuts.
    let twenty = ResNetConfig { blocks: vec![3; 3], ..ResNetConfig::default() };
    assert_eq!(size(twenty.into(), &[3, 32, 32], 10).0 / 1000, 272);
    // WRN-16-2: 0.7 million (Zagoruyko and Komodakis).
    let wide = ResNetConfig { blocks: vec![2; 3], widen: 2, preact: true, ..ResNetConfig::default() };
    let (parameters, _, name) = size(wide.into(), &[3, 32, 32], 10);
    assert_eq!((parameters, name.as_str()), (691_674, "WRN-16 32-64-128-10"));
    // DS-CNN of MLPerf Tiny: 24,908 numbers, of which 1,152 are running statistics and 576 biases that a batch norm takes away.
    let ds_cnn = DsCnnConfig { kernel: [10, 4], stride: [2, 2], ..DsCnnConfig::default() };
    let (parameters, macs, _) = size(ds_cnn.into(), &[1, 49, 10], 12);
    assert_eq!((parameters, macs / 10_000), (23_180, 265));
    // MobileNetV2 of torchvision with ten classes.
    let (parameters, macs, _) = size(MobileNetConfig::default().into(), &[3, 224, 224], 10);
    assert_eq!((parameters, macs / 10_000_000), (2_236_682, 29));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |config: ModelConfig, shape: &[usize]| {
        Network::new(config, shape.to_vec(), names(3), 1).unwrap_err().to_string()
    };
    let cnn = |channels: &[usize]| CnnConfig { channels: channels.to_vec(), ..CnnConfig::default() };
    assert_eq!(
        refused(cnn(&[2, 2, 2]).into(), &[1, 6, 6]),
        "max pool `pool.2` a window of 2x2 is larger than a map of 1x1"
    );
    assert_eq!(refused(cnn(&[]).into(), &[1, 6, 6]), "`channels` has 0 stages, expected 1 to 64");
    assert_eq!(
        refused(CnnConfig { kernel: 4, ..cnn(&[2]) }.into(), &[1, 6, 6]),
        "`kernel` must be odd, so that a map keeps its size, got 4"
    );
    assert_eq!(
        refused(cnn(&[2]).into(), &[36]),
        "`kind` takes images of channels, height and width, but an example has the shape [36]"
    );
    let mut graph = Graph::new(&[4, 5, 5]).unwrap();
    let grouped = graph.push("g", Op::Conv(Conv { groups: 3, ..Conv::same(6, 3) }), &[0]).unwrap_err().to_string();
    assert_eq!(grouped, "convolution `g` 3 groups do not divide 4 input and 6 output channels");
    let unused = graph.push("u", Op::Activation(Activation::Relu), &[0]).unwrap();
    let flat = graph.push("flat", Op::Flatten, &[0]).unwrap();
    graph.push("logits", Op::Linear { outputs: 3 }, &[flat]).unwrap();
    assert_eq!(unused, 1);
    assert_eq!(
        refused(GraphConfig::from(&graph).into(), &[4, 5, 5]),
        "activation `u` gives a value that nothing reads"
    );
}
