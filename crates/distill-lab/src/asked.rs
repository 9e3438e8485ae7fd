use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use distill_models::{MapShape, Model, ModelError, ModelSpec, Scratch, Tape};
use distill_train::{Experiment, SoftTargets, TeacherCheck, TrainError};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::event::{Asking, Event, Listener};
use crate::signals::Signals;

/// How long a model may take before its progress is shown, and how often programs and logs are told.
const SILENT: Duration = Duration::from_millis(500);
const EVENTS: Duration = Duration::from_secs(1);
const LINES: Duration = Duration::from_secs(30);

/// The time between two looks at the signals that is aimed at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A model that is asked for many answers: it shows how far it is and the time that is left, and it ends when a signal asks
/// for it. Rows are independent of each other, so its answers are those of the model, to the bit.
pub struct Asked<'a> {
    model: &'a dyn Model,
    what: &'a str,
    total: usize,
    listener: &'a dyn Listener,
    signals: Option<&'a Signals>,
    state: Mutex<State>,
}

struct State {
    since: Instant,
    done: usize,
    /// Rows that are asked for between two looks at the signals.
    rows: usize,
    /// Whether it was told how far it is.
    is_shown: bool,
    /// When the last event and the last line were.
    told: [Instant; 2],
}

impl<'a> Asked<'a> {
    /// A model that is about to be asked for `total` answers; 0 where others show how far it is. `what` names it, such as
    /// `the teacher`.
    pub fn new(model: &'a dyn Model, what: &'a str, total: usize, listener: &'a dyn Listener) -> Self {
        let now = Instant::now();
        let rows = model.rows_at_a_time().max(1).saturating_mul(rayon::current_num_threads());
        let state = Mutex::new(State { since: now, done: 0, rows, is_shown: false, told: [now; 2] });
        Self { model, what, total, listener, signals: None, state }
    }

    /// The same, until a signal asks for an end: then it answers with [`ModelError::Stopped`].
    pub(crate) fn until(mut self, signals: &'a Signals) -> Self {
        self.signals = Some(signals);
        self
    }

    /// The rows that are asked for next.
    fn rows(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rows
    }

    /// Counts answers, and shows how many there are.
    fn count(&self, n: usize, took: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += n;
        if n == state.rows {
            if took < BETWEEN_LOOKS / 2 {
                state.rows = state.rows.saturating_mul(2);
            } else if took > BETWEEN_LOOKS * 2 {
                let least = self.model.rows_at_a_time().max(1);
                state.rows = (state.rows / 2).next_multiple_of(least).max(least);
            }
        }
        let (done, total) = (state.done.min(self.total) as u64, self.total as u64);
        let spent = state.since.elapsed();
        if spent < SILENT || done == 0 {
            // Nothing to tell yet, or nothing to be told at all.
            return;
        }
        let remaining = spent.mul_f64((total - done) as f64 / done as f64);
        state.is_shown = true;
        let times = [EVENTS, LINES];
        let is_due = [0, 1].map(|i| state.told[i].elapsed() >= times[i] && done < total);
        for (told, _) in state.told.iter_mut().zip(is_due).filter(|(_, is_due)| *is_due) {
            *told = Instant::now();
        }
        let asking = Asking { model: self.what, done, total, spent, left: remaining, is_due };
        self.listener.tell(&Event::Asking(&asking));
    }
}

impl Model for Asked<'_> {
    fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    fn rows_at_a_time(&self) -> usize {
        self.model.rows_at_a_time()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut start = 0;
        while start < inputs.nrows() {
            if self.signals.is_some_and(|signals| signals.received().is_some()) {
                return Err(ModelError::Stopped);
            }
            let end = inputs.nrows().min(start.saturating_add(self.rows()));
            let begun = Instant::now();
            let rows = inputs.slice_axis(Axis(0), (start..end).into());
            self.model.logits_into(rows, scratch, out.slice_axis_mut(Axis(0), (start..end).into()))?;
            self.count(end - start, begun.elapsed());
            start = end;
        }
        Ok(())
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        self.model.inner_values()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.model.inner_map(name)
    }

    /// A batch at a time, as the tape is one of all its rows.
    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        if self.signals.is_some_and(|signals| signals.received().is_some()) {
            return Err(ModelError::Stopped);
        }
        let begun = Instant::now();
        self.model.record(inputs, tape)?;
        self.count(inputs.nrows(), begun.elapsed());
        Ok(())
    }
}

/// The teacher's answers for the transfer set, where they are computed before training.
///
/// # Errors
/// If the teacher fails on the data, [`ModelError::Stopped`] inside where a signal came.
pub fn soft_targets(
    experiment: &Experiment<'_>,
    teacher: &dyn Model,
    listener: &dyn Listener,
    signals: &Signals,
) -> Result<Option<SoftTargets>, TrainError> {
    let n_views = experiment.recipe().train.augment.n_views().unwrap_or(0);
    let n_views = usize::try_from(n_views).unwrap_or(usize::MAX);
    let n = experiment.transfer_set().len().saturating_mul(n_views);
    experiment.soft_targets(&Asked::new(teacher, "the teacher", n, listener).until(signals))
}

/// Whether a teacher knows enough to teach.
///
/// # Errors
/// As [`soft_targets`].
pub fn check_teacher(
    experiment: &Experiment<'_>,
    teacher: &dyn Model,
    listener: &dyn Listener,
    signals: Option<&Signals>,
) -> Result<TeacherCheck, TrainError> {
    let mut asked = Asked::new(teacher, "the teacher", experiment.n_check_answers(), listener);
    asked.signals = signals;
    experiment.check_teacher(&asked)
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.is_shown {
            self.listener.tell(&Event::AskingEnd);
        }
    }
}

#[cfg(test)]
mod tests {
    use distill_models::{MlpConfig, Network};
    use ndarray::Array2;

    use super::*;
    use crate::event::NullListener;

    /// A model that takes some time for each batch, and notes how many rows it was asked for.
    struct Slow {
        model: Network,
        at_a_time: usize,
        pause: Duration,
        asked: Mutex<Vec<usize>>,
    }

    impl Model for Slow {
        fn spec(&self) -> &ModelSpec {
            self.model.spec()
        }

        fn rows_at_a_time(&self) -> usize {
            self.at_a_time
        }

        fn logits_into(
            &self,
            inputs: ArrayView2<'_, f32>,
            scratch: &mut Scratch,
            out: ArrayViewMut2<'_, f32>,
        ) -> Result<(), ModelError> {
            self.asked.lock().unwrap().push(inputs.nrows());
            std::thread::sleep(self.pause);
            self.model.logits_into(inputs, scratch, out)
        }
    }

    fn slow(at_a_time: usize, pause: Duration) -> Slow {
        let config = MlpConfig { hidden: vec![5], ..MlpConfig::default() };
        let model = Network::new(config, vec![3], vec!["a".to_owned(), "b".to_owned()], 1).unwrap();
        Slow { model, at_a_time, pause, asked: Mutex::default() }
    }

    fn inputs(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 3), |(i, j)| (i * 3 + j) as f32 / 100.0)
    }

    #[test]
    fn answers_are_those_of_the_model_however_many_are_asked_for() {
        let model = slow(4, Duration::ZERO);
        let asked = Asked::new(&model, "the model", 1000, &NullListener);
        assert_eq!(asked.logits(inputs(1000).view()).unwrap(), model.model.logits(inputs(1000).view()).unwrap());
        let n: Vec<usize> = model.asked.lock().unwrap().clone();
        assert_eq!(n.iter().sum::<usize>(), 1000);
        assert_eq!(n[0], 4 * rayon::current_num_threads());
        assert!(n.windows(2).all(|pair| pair[1] <= 2 * pair[0]) && n.len() < 20, "a fast one is asked for more: {n:?}");
    }

    #[test]
    fn a_slow_one_is_asked_for_few_rows_and_hears_of_a_signal_between_them() {
        let (model, signals) = (slow(4, 3 * BETWEEN_LOOKS), Signals::default());
        let asked = Asked::new(&model, "the model", 100, &NullListener).until(&signals);
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| asked.logits(inputs(100).view()));
            while model.asked.lock().unwrap().len() < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            signals.stop();
            assert!(matches!(answer.join().unwrap(), Err(ModelError::Stopped)));
        });
        let n = model.asked.lock().unwrap().clone();
        assert!(n.len() <= 4 && n.iter().all(|rows| rows % 4 == 0) && n[n.len() - 1] < 100, "{n:?}");
    }
}
