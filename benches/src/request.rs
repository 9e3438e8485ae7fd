//! What driver and workers say to each other: one JSON object a line.
//!
//! A worker says [`Hello`] once, and answers every [`Request`] with a [`Reply`]. It keeps its model as long as the
//! requests differ in their seconds alone, so it is warmed up once.

use distill_models::Activation;
use serde::{Deserialize, Serialize};

use crate::files::N_CLASSES;
use crate::net::Net;

/// Arithmetic that a network is warmed up with, in floating-point operations: some seconds on two cores.
const WARM_FLOPS: f64 = 4e11;
/// Fewer steps than this leave the activations as they were drawn.
const WARM_STEPS_MIN: usize = 100;
const WARM_STEPS_OF_MAPS: usize = 10;
/// Images to train on.
pub(crate) const N_TRAIN: usize = 60_000;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    /// Trains: examples a second.
    Train,
    /// Answers batches: examples a second.
    Throughput,
    /// Answers one batch after the other: median microseconds of one.
    Latency,
    /// Multiplies two square matrices: billions of floating-point operations a second.
    Product,
}

/// What a network is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lesson {
    /// `0.1 CE + 0.9 T² KL` at `T = 4`, with cached soft targets; no regularisation.
    Student,
    /// Cross entropy with labels alone; dropout of 0.2 and 0.5, norms of up to 3, images shifted by up to 2 pixels.
    Teacher,
    /// Cross entropy with labels alone; no regularisation.
    Labels,
    /// Cross entropy with languages alone, of snippets through a table of rows, by AdamW.
    Text,
}

/// What the pixels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Inputs {
    /// Images of MNIST, four fifths of whose pixels are zero.
    Images,
    /// The same with noise on every pixel, so that none is zero.
    Dense,
}

/// What the products of a training step are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    F32,
    Bf16,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) network: Net,
    /// Widths from inputs to logits; of a network with convolutions these two alone; of a product the one side of its matrices.
    pub(crate) layers: Vec<usize>,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) lesson: Lesson,
    pub(crate) activation: Activation,
    pub(crate) inputs: Inputs,
    pub(crate) precision: Precision,
    /// Steps before anything is timed, the same for all, so that all have activations of the same density.
    pub(crate) warm_steps: usize,
    /// How long to measure.
    pub(crate) seconds: f64,
}

impl Request {
    /// Training as the student does.
    pub(crate) fn train(layers: &[usize], batch: usize) -> Self {
        Self {
            work: Work::Train,
            network: Net::Perceptron,
            layers: layers.to_vec(),
            batch,
            threads: 1,
            lesson: Lesson::Student,
            activation: Activation::Relu,
            inputs: Inputs::Images,
            precision: Precision::F32,
            warm_steps: warm_steps(layers, batch),
            seconds: 1.0,
        }
    }

    /// The same for a network with convolutions, on labels. Nothing in it depends on zeros, so a short warm-up will do.
    pub(crate) fn train_net(network: Net, batch: usize) -> Self {
        let layers = [network.input_shape().iter().product(), N_CLASSES];
        Self { network, lesson: Lesson::Labels, warm_steps: WARM_STEPS_OF_MAPS, ..Self::train(&layers, batch) }
    }

    /// Everything but training, which needs no warm-up of its own.
    pub(crate) fn other(work: Work, layers: &[usize], batch: usize) -> Self {
        Self { work, warm_steps: 0, ..Self::train(layers, batch) }
    }

    /// The same for a network with convolutions.
    pub(crate) fn other_net(work: Work, network: Net, batch: usize) -> Self {
        Self { work, warm_steps: 0, ..Self::train_net(network, batch) }
    }

    /// Floating-point operations that a training step needs for one example, if no factor is zero.
    pub(crate) fn train_flops(&self) -> f64 {
        self.network.train_flops(train_flops(&self.layers))
    }
}

/// What a worker says when it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) threads: usize,
    /// What it found or was built with, such as `avx2`.
    pub(crate) features: Vec<String>,
}

/// What comes back for a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Refused { error: String },
    Done(Answer),
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// In the unit of the work.
    pub(crate) value: f64,
    /// What all workers must agree on: of training the mean loss of the warm-up, of answers the errors on the test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<f64>,
    /// Which of several ways was the fastest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// Floating-point operations that a training step needs for one example if no factor is zero: the outputs and the
/// gradients of the weights of each layer, and the gradients of the inputs of all layers but the first.
pub(crate) fn train_flops(layers: &[usize]) -> f64 {
    let weights: Vec<f64> = layers.windows(2).map(|pair| (pair[0] * pair[1]) as f64).collect();
    let all: f64 = weights.iter().sum();
    4.0 * all + 2.0 * (all - weights.first().copied().unwrap_or_default())
}

/// An epoch, or as much of one as takes some seconds.
fn warm_steps(layers: &[usize], batch: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of steps")]
    let affordable = (WARM_FLOPS / (train_flops(layers) * batch as f64)) as usize;
    affordable.max(WARM_STEPS_MIN).min(N_TRAIN.div_ceil(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_of_a_step_is_counted_by_hand() {
        // 2·3 + 3·5 weights: outputs and weight gradients of both, input gradients of the second.
        assert_eq!(train_flops(&[2, 3, 5]), 2.0 * (21.0 + 21.0 + 15.0));
        assert_eq!(train_flops(&[7]), 0.0);
    }

    #[test]
    fn the_warm_up_is_an_epoch_at_most() {
        assert_eq!(Request::train(&[784, 30, 30, 10], 128).warm_steps, 469);
        assert_eq!(Request::train(&[784, 3000, 3000, 10], 512).warm_steps, 100);
        let middle = Request::train(&[784, 1200, 1200, 10], 128).warm_steps;
        assert!((200..469).contains(&middle), "{middle}");
    }

    #[test]
    fn a_request_reads_as_the_peers_expect_it() {
        let request = Request { seconds: 0.5, ..Request::train(&[784, 10], 128) };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(
            text,
            r#"{"work":"train","network":"perceptron","layers":[784,10],"batch":128,"threads":1,"lesson":"student","activation":"relu","inputs":"images","precision":"f32","warm_steps":469,"seconds":0.5}"#
        );
    }

    #[test]
    fn a_reply_is_an_answer_or_a_refusal() {
        let read = |text: &str| serde_json::from_str::<Reply>(text).unwrap();
        assert_eq!(read(r#"{"error":"no"}"#), Reply::Refused { error: "no".into() });
        let answer = Answer { value: 2.5, check: None, note: Some("eager".into()) };
        assert_eq!(read(r#"{"value":2.5,"note":"eager"}"#), Reply::Done(answer));
    }
}
