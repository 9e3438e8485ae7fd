//! A trained student that answers.

use std::time::Instant;

use distill_datasets::Images;
use distill_models::{Mlp, Model as _, Scratch};
use ndarray::{Array2, s};

use crate::Result;
use crate::files::{Files, errors, inputs};
use crate::request::{Answer, Request, Work};
use crate::stats::Spread;

/// Calls before anything is timed.
const WARM_UP: usize = 20;

/// The student and the images of the test set.
pub(super) struct Answering {
    model: Mlp,
    inputs: Array2<f32>,
    scratch: Scratch,
    errors: usize,
}

impl Answering {
    pub(super) fn new(data: &Images, files: &Files) -> Result<Self> {
        let model = files.student(data)?;
        let inputs = inputs(data)?;
        let errors = errors(&model, inputs.view(), data.labels())?;
        Ok(Self { model, inputs, scratch: Scratch::default(), errors })
    }

    /// Answers whole batches, one after the other through the test set, for that long.
    pub(super) fn measure(&mut self, request: &Request) -> Result<Answer> {
        let batch = request.batch.clamp(1, self.inputs.nrows());
        let mut out = Array2::zeros((batch, self.model.spec().classes.len()));
        let starts: Vec<usize> = (0..=self.inputs.nrows() - batch).step_by(batch).collect();
        let mut call = |start: usize| {
            self.model.logits_into(self.inputs.slice(s![start..start + batch, ..]), &mut self.scratch, out.view_mut())
        };
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
            Work::Latency => Spread::of(&micros).ok_or("nothing was timed")?.median,
            _ => (micros.len() * batch) as f64 / seconds,
        };
        Ok(Answer { value, check: Some(self.errors as f64), note: None })
    }
}
