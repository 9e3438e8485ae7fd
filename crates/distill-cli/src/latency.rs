use std::time::Instant;

use distill_datasets::Dataset;
use distill_models::{Model, Scratch};
use distill_train::TrainError;
use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

/// Examples that are timed, after some that are not.
const TIMED: usize = 500;
const WARM_UP: usize = 50;

/// How long a model takes for one example at a time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// Half of the examples take no longer.
    pub(crate) p50_us: f64,
    /// 95 of a hundred take no longer.
    pub(crate) p95_us: f64,
}

impl Latency {
    /// Times the examples of a dataset that is not empty, one by one. Reading them is not counted.
    pub(crate) fn measure(model: &dyn Model, data: &dyn Dataset) -> Result<Self, TrainError> {
        let indices: Vec<usize> = (0..WARM_UP + TIMED).map(|i| i % data.len()).collect();
        let mut inputs = Array2::zeros((indices.len(), data.spec().features()));
        data.read(&indices, inputs.view_mut())?;
        let mut out = Array2::zeros((1, model.spec().classes.len()));
        let mut scratch = Scratch::default();
        let mut micros = Vec::with_capacity(indices.len());
        for row in 0..indices.len() {
            let start = Instant::now();
            model.logits_into(inputs.slice(s![row..=row, ..]), &mut scratch, out.view_mut())?;
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let timed = &mut micros[WARM_UP..];
        timed.sort_by(f64::total_cmp);
        Ok(Self { p50_us: timed[TIMED / 2], p95_us: timed[TIMED * 95 / 100] })
    }
}
