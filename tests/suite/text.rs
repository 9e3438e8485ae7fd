//! Networks that read sequences of tokens: their table beside what it stands for, gradients, threads, and what is refused.

use std::sync::Arc;

use distill_losses::CrossEntropy;
use distill_models::{
    Activation, Graph, GraphConfig, Model, ModelConfig, Network, Op, Provenance, StepKey, TextCnnConfig, Trainable,
    to_safetensors,
};
use distill_tensor::{ParamId, Params};
use distill_text::{Features, Part, Snippets, TextSnippets, udhr};
use distill_train::{Hooks, NullObserver, Teacher, TrainConfig, Training, train};
use ndarray::{Array2, array};

const KEY: StepKey = StepKey { seed: 5, step: 3, first_row: 0 };

fn classes(n: usize) -> Vec<String> {
    (0..n).map(|class| class.to_string()).collect()
}

fn small() -> TextCnnConfig {
    TextCnnConfig { tokens: 9, dims: 4, widths: vec![2, 3], filters: 5, ..TextCnnConfig::default() }
}

fn id(params: &Params, name: &str) -> ParamId {
    params.layout().iter().find(|(_, other, _)| *other == name).unwrap().0
}

/// Whole numbers below 9, with repetitions and with padding behind them.
fn tokens(rows: usize, length: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, length), |(i, j)| if j + i % 4 >= length { 0.0 } else { ((i * 5 + j * j) % 9) as f32 })
}

/// The table and nothing else: a row for each token, and zeros for padding whatever is in row 0.
#[test]
fn a_token_has_its_row_and_padding_none() {
    let mut graph = Graph::new(&[4]).unwrap();
    let x = graph.push("table", Op::Embedding { rows: 3, outputs: 2 }, &[0]).unwrap();
    graph.push("logits", Op::Flatten, &[x]).unwrap();
    let mut network = Network::new(GraphConfig::from(&graph), vec![4], classes(8), 1).unwrap();
    let table = id(network.params(), "table.weight");
    assert_eq!(network.params().vector(table)[..2], [0.0; 2]);
    network.params_mut().vector_mut(table).copy_from_slice(&[9.0, 9.0, 1.0, 2.0, 3.0, 4.0]);
    let x = array![[2.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]];
    // Channel by channel, as a map is flattened.
    let expected = array![[3.0, 1.0, 3.0, 0.0, 4.0, 2.0, 4.0, 0.0], [0.0; 8]];
    assert_eq!(network.logits(x.view()).unwrap(), expected);

    // A row has the sum of all places where it stands; the others have nothing, also where something was before.
    let (mut tape, mut grads) = (network.tape(), Params::zeros(network.params().layout().clone()));
    for _ in 0..2 {
        grads.as_mut_slice().fill(7.0);
        network.forward(x.view(), KEY, &mut tape).unwrap();
        let grad = Array2::from_shape_fn((2, 8), |(i, j)| if i == 0 { (j + 1) as f32 } else { 100.0 });
        network.backward(grad.view(), &mut tape, &mut grads);
        assert_eq!(grads.vector(table), [0.0, 0.0, 2.0, 6.0, 4.0, 12.0]);
        assert!(grads.touched().is_none());
    }
}

#[test]
fn gradients_equal_finite_differences() {
    for activation in [Activation::Tanh, Activation::Gelu] {
        let config = TextCnnConfig { activation, dropout: 0.3, ..small() };
        let mut network = Network::new(config, vec![7], classes(3), 3).unwrap();
        let (inputs, weights) =
            (tokens(6, 7), Array2::from_shape_fn((6, 3), |(i, j)| ((i * 3 + j) as f32 * 1.3).cos()));
        let (mut tape, mut grads) = (network.tape(), Params::zeros(network.params().layout().clone()));
        let layout = network.params().layout().clone();
        network.forward(inputs.view(), KEY, &mut tape).unwrap();
        network.backward(weights.view(), &mut tape, &mut grads);
        let mut loss = |network: &Network| {
            network.forward(inputs.view(), KEY, &mut tape).unwrap();
            tape.logits().iter().zip(&weights).map(|(x, w)| f64::from(x * w)).sum::<f64>()
        };
        for (n, (id, name, _)) in layout.iter().enumerate() {
            let direction: Vec<f32> = (0..grads.vector(id).len()).map(|i| ((i * 7 + n) as f32 * 1.3).cos()).collect();
            let analytic: f64 = grads.vector(id).iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let before = network.params().vector(id).to_vec();
            let mut moved = |h: f32| {
                let params = network.params_mut().vector_mut(id);
                params.iter_mut().zip(&before).zip(&direction).for_each(|((p, b), d)| *p = b + h * d);
                let value = loss(&network);
                network.params_mut().vector_mut(id).copy_from_slice(&before);
                value
            };
            let numeric = (moved(3e-4) - moved(-3e-4)) / 6e-4;
            let near = (numeric - analytic).abs() < 2e-2 * (1.0 + analytic.abs());
            assert!(near, "{activation:?} {name}: the gradient says {analytic}, finite differences {numeric}");
        }
    }
}

/// Wide enough that every pass runs in parallel.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let snippets = Snippets::new(Arc::new(udhr().unwrap()), Part::Train, 24, 1).unwrap();
    let data = TextSnippets::new(snippets, Features::Bytes, 300).unwrap();
    let weights = |threads: usize, accumulate: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let config = TextCnnConfig { dropout: 0.3, ..TextCnnConfig::default() };
            let mut student = Network::new(config, vec![96], classes(420), 7).unwrap();
            let config = TrainConfig { epochs: 1, batch: 100, accumulate, ..TrainConfig::default() };
            let training = Training {
                data: &data,
                validation: None,
                loss: &CrossEntropy,
                teacher: Teacher::None,
                config: &config,
                seed: 3,
                hooks: Hooks::default(),
            };
            train(&mut student, &training, &mut NullObserver).unwrap();
            (to_safetensors(&student, &Provenance::new()).unwrap(), student)
        })
    };
    let (one, whole) = weights(1, 1);
    for threads in [1, 2, 3] {
        assert!(weights(threads, 1).0 == one, "{threads} threads");
    }
    // Its gradient is one of all rows, so the parts of a batch add up to it.
    let (_, parts) = weights(2, 4);
    let pairs = whole.params().as_slice().iter().zip(parts.params().as_slice());
    let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-4, "{apart}");
}

#[test]
fn what_is_no_sequence_of_tokens_is_refused() {
    let network = Network::new(small(), vec![4], classes(3), 3).unwrap();
    for value in [9.0, 0.5, -1.0, f32::NAN, f32::INFINITY] {
        let inputs = array![[0.0, 1.0, 2.0, 3.0], [0.0, 8.0, value, 3.0]];
        let expected =
            format!("input 2 of example 1 of the batch is {value}, expected a whole number from 0, for none, to 8");
        assert_eq!(network.logits(inputs.view()).unwrap_err().to_string(), expected);
        let student = distill_infer::Student::from_safetensors(&to_safetensors(&network, &Provenance::new()).unwrap());
        let error =
            student.unwrap().logits(&[0.0, 8.0, value, 3.0], &mut distill_infer::Scratch::default()).unwrap_err();
        assert_eq!(error.to_string(), "number 2 of the input is not a whole number below 9");
    }
    let refused = |config: TextCnnConfig, shape: &[usize]| {
        Network::new(config, shape.to_vec(), classes(3), 1).unwrap_err().to_string()
    };
    let widths = |widths: &[usize]| TextCnnConfig { widths: widths.to_vec(), ..small() };
    assert_eq!(refused(widths(&[]), &[4]), "`widths` has 0 widths, expected 1 to 16");
    assert_eq!(refused(widths(&[2, 0]), &[4]), "`widths` has a width of 0, expected 1 to 1024");
    assert_eq!(refused(widths(&[2, 5]), &[4]), "`widths` has a width of 5, but an example has 4 tokens");
    assert_eq!(refused(TextCnnConfig { tokens: 1, ..small() }, &[4]), "`tokens` must be from 2 to 16777216, got 1");
    assert_eq!(refused(small(), &[1, 2, 2]), "`kind` takes a row of tokens, but an example has the shape [1, 2, 2]");
    let mut graph = Graph::new(&[4]).unwrap();
    let twice = graph.push("one", Op::Activation(Activation::Relu), &[0]).unwrap();
    let x = graph.push("table", Op::Embedding { rows: 3, outputs: 2 }, &[twice]).unwrap();
    graph.push("logits", Op::GlobalMaxPool, &[x]).unwrap();
    let error = Network::new(GraphConfig::from(&graph), vec![4], classes(2), 1).unwrap_err().to_string();
    assert_eq!(error, "sequence embedding `table` must be the only one, and read the input");
}

#[test]
fn sizes_are_those_of_the_formulas() {
    let config = ModelConfig::from(TextCnnConfig::default());
    assert_eq!(config.architecture(&[96], 150), "text-cnn 32-64x3+4+5-150");
    let network = Network::new(config, vec![96], classes(150), 1).unwrap();
    let convs = 32 * 64 * (3 + 4 + 5) + 3 * 64;
    assert_eq!(network.spec().parameters, 257 * 32 + convs + 3 * 64 * 150 + 150);
    assert_eq!(network.graph().macs(), 32 * 64 * (3 * 94 + 4 * 93 + 5 * 92) + 3 * 64 * 150);
    let mut graph = Graph::new(&[6, 2, 5]).unwrap();
    graph.push("norm", Op::LayerNorm, &[0]).unwrap();
    assert_eq!((graph.macs(), graph.activations()), (3 * 60, 60));
    assert_eq!(
        graph.push("bad", Op::Embedding { rows: 3, outputs: 2 }, &[1]).unwrap_err().to_string(),
        "sequence embedding `bad` has a table of 3x2 for inputs of shape [6, 2, 5]"
    );
}
