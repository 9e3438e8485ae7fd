use distill_losses::{LossValue, Term};
use distill_models::{MlpConfig, Network, Trainable as _};

use super::*;

/// What the last program with version 1 wrote of a model of one feature and two classes.
const VERSION_1: [&str; 7] = [
    "44495354434b5054010000000601000000000000aa849b33c05d3fea974d9da43fa914888dd94a1aba0e7b6caf73af74c8e6a9f9",
    "01000000000000000400000000000000726f6c65070000000000000073747564656e7402000000000000000d000000000000006f",
    "75747075742e7765696768740200000000000000020000000000000001000000000000000b000000000000006f75747075742e62",
    "69617301000000000000000200000000000000010000000000000007000000500000000000000000000000000000000000000000",
    "0000001000000000000000000000000000344001000000000000284001000000000000204000000000000000f83f010000000000",
    "00f43f01000000000000f03f01000000000000b03f0067f0073f63e6c0be00000000000000000000000000000000000000000000",
    "0000",
];

fn model(seed: u64) -> Network {
    Network::new(MlpConfig::default(), vec![1], vec!["a".into(), "b".into()], seed).unwrap()
}

#[test]
fn the_first_version_is_still_read() {
    let hex = VERSION_1.concat();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let checkpoint = Checkpoint::decode(&bytes).unwrap();
    assert_eq!(checkpoint.context["role"], "student");
    let mut restored = model(2);
    let state = checkpoint.restore(&mut restored, &OptimizerConfig::default()).unwrap();
    assert_eq!(restored.params(), model(1).params());
    assert_eq!((state.step, state.examples, state.epoch_examples), (7, 80, 16));
    let hard = |value| Term::of_labelled("hard", value);
    assert_eq!(state.epoch_loss, LossValue::new(20.0).with(hard(12.0)).with(Term::new("soft", 8.0)));
    let last = LossValue::new(1.5).with(hard(1.25)).with(Term::new("soft", 1.0)).with(Term::new("kl", 0.0625));
    assert_eq!(state.loss, last);
}

#[test]
fn what_has_no_average_has_the_version_from_before() {
    let (model, optimizer) = (model(1), OptimizerConfig::default());
    let mut state = TrainState::new(optimizer.clone(), model.params());
    let encode = |state: &TrainState| {
        Checkpoint::encode(&CheckpointContext::new(), Snapshot { params: model.params(), state }).unwrap()
    };
    let without = encode(&state);
    assert_eq!(without[8..12], [2, 0, 0, 0]);
    state.average = Some(super::tests::model(9).params().clone());
    let with = encode(&state);
    assert_eq!((with[8], with.len()), (3, without.len() + 4 * model.params().as_slice().len()));
    for (bytes, average) in [(&without, None), (&with, state.average.as_ref())] {
        let checkpoint = Checkpoint::decode(bytes).unwrap();
        assert_eq!(checkpoint.has_average(), average.is_some());
        assert_eq!(checkpoint.restore(&mut model.clone(), &optimizer).unwrap().average.as_ref(), average);
    }
}

#[test]
fn terms_of_any_name_come_back() {
    let (model, optimizer) = (model(1), OptimizerConfig::default());
    let mut state = TrainState::new(optimizer.clone(), model.params());
    state.loss = LossValue::new(2.0).with(Term::new("features", 0.5)).with(Term::of_labelled("margin", 0.25));
    let snapshot = Snapshot { params: model.params(), state: &state };
    let bytes = Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap();
    let restored = Checkpoint::decode(&bytes).unwrap().restore(&mut model.clone(), &optimizer).unwrap();
    assert_eq!(restored, state);
}
