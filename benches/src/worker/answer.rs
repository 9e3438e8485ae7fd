//! A student that answers, in our own program or in ONNX Runtime.

use std::time::Instant;

use distill_datasets::Images;
use distill_models::{Model as _, Network, Scratch};
use ndarray::{Array2, ArrayView2, s};

use super::onnx::{Engine, Graph};
use crate::Result;
use crate::files::{Files, inputs, untrained, wrong};
use crate::net::Net;
use crate::request::{Answer, Request, Work};
use crate::stats::median;

/// Calls before anything is timed.
const WARM_UP: usize = 20;

/// The student and the images of the test set.
pub(super) struct Answering {
    answerer: Answerer,
    inputs: Array2<f32>,
    errors: usize,
}

/// Who computes the answers.
enum Answerer {
    Ours(Box<(Network, Scratch)>),
    Onnx(Graph),
}

impl Answerer {
    fn logits(&mut self, inputs: ArrayView2<'_, f32>, out: &mut Array2<f32>) -> Result<()> {
        match self {
            Self::Ours(ours) => Ok(ours.0.logits_into(inputs, &mut ours.1, out.view_mut())?),
            Self::Onnx(graph) => {
                let mut fits = false;
                graph.answer(inputs, |logits| {
                    let to = out.as_slice_mut().filter(|to| to.len() == logits.len());
                    fits = to.is_some();
                    to.into_iter().for_each(|to| to.copy_from_slice(logits));
                })?;
                if fits { Ok(()) } else { Err("ONNX Runtime gave another number of logits".into()) }
            }
        }
    }
}

impl Answering {
    pub(super) fn new(network: Net, data: &Images, files: &Files, onnxruntime: Option<&Engine>) -> Result<Self> {
        // A network with convolutions has the weights that it begins with: its speed does not depend on them.
        let model = match network.config() {
            Some(config) => untrained(data, config)?,
            None => files.student(data)?,
        };
        let inputs = inputs(data)?;
        let mut logits = Array2::zeros((inputs.nrows(), model.spec().classes.len()));
        let mut answerer = match onnxruntime {
            Some(engine) => Answerer::Onnx(engine.session(&model)?),
            None => Answerer::Ours(Box::new((model, Scratch::default()))),
        };
        answerer.logits(inputs.view(), &mut logits)?;
        let errors = wrong(logits.view(), data.labels());
        Ok(Self { answerer, inputs, errors })
    }

    /// Answers whole batches, one after the other through the test set, for that long.
    pub(super) fn measure(&mut self, request: &Request) -> Result<Answer> {
        let batch = request.batch.clamp(1, self.inputs.nrows());
        let mut out = Array2::zeros((batch, request.layers.last().copied().unwrap_or(1)));
        let starts: Vec<usize> = (0..=self.inputs.nrows() - batch).step_by(batch).collect();
        let mut call = |start: usize| self.answerer.logits(self.inputs.slice(s![start..start + batch, ..]), &mut out);
        starts.iter().cycle().take(WARM_UP).try_for_each(|&start| call(start))?;
        let mut micros = Vec::new();
        let begin = Instant::now();
        for &start in starts.iter().cycle() {
            let before = Instant::now();
            call(start)?;
            micros.push(before.elapsed().as_secs_f64() * 1e6);
            if begin.elapsed().as_secs_f64() >= request.seconds {
                break;
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        let value = match request.work {
            Work::Latency => median(&micros).ok_or("nothing was timed")?,
            _ => (micros.len() * batch) as f64 / seconds,
        };
        Ok(Answer { value, check: Some(self.errors as f64), note: None })
    }
}
