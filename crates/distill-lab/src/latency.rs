use std::time::{Duration, Instant};

use distill_datasets::Dataset;
use distill_models::{Model, Scratch};
use distill_train::TrainError;
use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

/// Examples that are timed, after some that are not.
const TIMED: usize = 500;
const WARM_UP: usize = 50;

/// What a slow model is timed for, the warm-up included. It is asked [`LEAST`] times all the same.
const LONGEST: Duration = Duration::from_secs(1);
const LEAST: usize = 3;

/// How long a model takes for one example at a time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the examples take no longer.
    pub p50_us: f64,
    /// 95 of a hundred take no longer.
    pub p95_us: f64,
}

impl Latency {
    /// Times the examples of a dataset that is not empty, one by one, for about a second. Reading them is not counted.
    ///
    /// # Errors
    /// If the model does not fit the data.
    pub fn measure(model: &dyn Model, data: &dyn Dataset) -> Result<Self, TrainError> {
        let indices: Vec<usize> = (0..WARM_UP + TIMED).map(|i| i % data.len()).collect();
        let mut inputs = Array2::zeros((indices.len(), data.spec().features()));
        data.read(&indices, inputs.view_mut())?;
        let mut out = Array2::zeros((1, model.spec().classes.len()));
        let mut scratch = Scratch::default();
        let times = sample(|row| {
            let start = Instant::now();
            model.logits_into(inputs.slice(s![row..=row, ..]), &mut scratch, out.view_mut())?;
            Ok::<_, TrainError>(start.elapsed())
        })?;
        Ok(Self::of(times))
    }

    /// `times` is not empty.
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let micros = |at: usize| times[at].as_secs_f64() * 1e6;
        Self { p50_us: micros(times.len() / 2), p95_us: micros(times.len() * 95 / 100) }
    }
}

/// The times of up to [`TIMED`] questions, which `ask` takes itself. A tenth of the time may go into the warm-up.
fn sample<E>(mut ask: impl FnMut(usize) -> Result<Duration, E>) -> Result<Vec<Duration>, E> {
    let (mut spent, mut asked) = (Duration::ZERO, 0);
    while asked < WARM_UP && spent < LONGEST / 10 {
        spent += ask(asked)?;
        asked += 1;
    }
    let mut times = Vec::with_capacity(TIMED);
    while times.len() < TIMED && (times.len() < LEAST || spent < LONGEST) {
        let time = ask(asked + times.len())?;
        spent += time;
        times.push(time);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a model is asked that takes so long each time, and how often of these it is timed.
    fn asked(time: Duration) -> (usize, usize) {
        let mut rows = vec![];
        let times = sample(|row| {
            rows.push(row);
            Ok::<_, ()>(time)
        });
        assert!(rows.iter().enumerate().all(|(i, &row)| i == row), "{rows:?}");
        (rows.len(), times.unwrap().len())
    }

    #[test]
    fn a_slow_model_is_asked_less_often() {
        assert_eq!(asked(Duration::from_micros(50)), (550, 500));
        assert_eq!(asked(Duration::from_millis(10)), (100, 90));
        assert_eq!(asked(Duration::from_millis(300)), (4, 3));
        assert_eq!(asked(Duration::from_secs(60)), (4, 3));
    }

    #[test]
    fn an_error_ends_it() {
        assert_eq!(sample(|row| if row < 7 { Ok(Duration::ZERO) } else { Err(row) }), Err(7));
    }

    #[test]
    fn quantiles_are_those_of_what_was_timed() {
        let micros = |n: u64| (1..=n).rev().map(Duration::from_micros).collect();
        let found = |n| {
            let Latency { p50_us, p95_us } = Latency::of(micros(n));
            (p50_us.round() as u64, p95_us.round() as u64)
        };
        assert_eq!((found(500), found(3), found(1)), ((251, 476), (2, 3), (1, 1)));
    }
}
