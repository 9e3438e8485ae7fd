//! What part of an epoch is not the network: reading, jitter and evaluation.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use distill_datasets::{DataError, DataSpec, Dataset, Images, Jitter, Split, Subset, mnist, select};
use distill_losses::{CrossEntropy, Distillation, Loss, SoftTerm, Temperature};
use distill_models::MlpConfig;
use distill_train::{
    AugmentConfig, EpochReport, Hooks, Observer, SoftTargets, Teacher, TrainConfig, Training, evaluate, train,
};
use ndarray::{Array2, ArrayViewMut2, Axis, s};
use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::files::{Files, TEMPERATURE, plain, sgd, untrained};

/// What `--only` selects this by.
pub(crate) const NAME: &str = "shares";
const BATCH: usize = 128;
const SHIFT: usize = 2;
/// Images that are held out and evaluated after each epoch, as in the recipe.
const N_VALIDATION: usize = 5000;

/// Seconds of the second epoch of a training, and of its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) title: String,
    /// All steps, without evaluation.
    pub(crate) training: f64,
    pub(crate) evaluation: f64,
    /// Gathering the images of a batch and turning bytes into numbers.
    pub(crate) reading: f64,
    pub(crate) jitter: f64,
}

impl Share {
    /// A part of the epoch, evaluation included.
    pub(crate) fn of(&self, part: f64) -> f64 {
        part / (self.training + self.evaluation)
    }
}

/// Measures teacher and student.
pub(crate) fn measure(files: &Files, threads: usize) -> Result<Vec<Share>> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| {
        let images = Arc::new(mnist(Split::Train)?);
        let (rest, held_out) = select::hold_out(&*images, N_VALIDATION, 0)?;
        let logits = files.soft_targets()?;
        let targets = SoftTargets::new(logits.logits().select(Axis(0), &rest));
        let data = Timed { inner: Subset::new(images.clone(), rest)?, nanos: AtomicU64::new(0) };
        let validation = Subset::new(images.clone(), held_out)?;
        let epoch = Epoch { images: &images, data: &data, validation: &validation };
        let kd = Distillation::new(SoftTerm::Kd(Temperature::new(TEMPERATURE)?), 0.9)?;
        let teacher = MlpConfig { dropout: 0.5, input_dropout: 0.2, max_norm: Some(3.0), ..plain(&[1200, 1200]) };
        Ok(vec![
            epoch.share("student 784-800-800-10", plain(&[800, 800]), &kd, Teacher::Cached(&targets), 0)?,
            epoch.share("student 784-30-30-10", plain(&[30, 30]), &kd, Teacher::Cached(&targets), 0)?,
            epoch.share("teacher 784-1200-1200-10", teacher, &CrossEntropy, Teacher::None, SHIFT)?,
        ])
    })
}

struct Epoch<'a> {
    images: &'a Images,
    data: &'a Timed,
    validation: &'a Subset,
}

impl Epoch<'_> {
    fn share(
        &self,
        title: &str,
        model: MlpConfig,
        loss: &dyn Loss,
        teacher: Teacher<'_>,
        shift: usize,
    ) -> Result<Share> {
        let mut model = untrained(self.images, model)?;
        let config = TrainConfig {
            epochs: 2,
            batch: BATCH,
            optimizer: sgd(),
            augment: AugmentConfig { shift, ..AugmentConfig::default() },
            ..TrainConfig::default()
        };
        let training = Training {
            data: self.data,
            validation: None,
            loss,
            teacher,
            config: &config,
            seed: 1,
            hooks: Hooks::default(),
        };
        let mut watch = Watch { data: self.data, before: 0, training: 0.0, reading: 0.0 };
        train(&mut model, &training, &mut watch)?;
        let begin = Instant::now();
        evaluate(&model, self.validation)?;
        let evaluation = begin.elapsed().as_secs_f64();
        let jitter = if shift == 0 { 0.0 } else { self.jitter(shift)? };
        Ok(Share { title: title.into(), training: watch.training, evaluation, reading: watch.reading, jitter })
    }

    /// Seconds of the jitter of an epoch.
    fn jitter(&self, shift: usize) -> Result<f64> {
        let jitter = Jitter::new(shift, &self.data.spec().input_shape)?;
        let mut rows = Array2::zeros((BATCH, self.data.spec().features()));
        let indices: Vec<usize> = (0..self.data.len()).collect();
        self.data.read(&indices[..BATCH], rows.view_mut())?;
        let begin = Instant::now();
        for batch in indices.chunks(BATCH) {
            jitter.apply(1, 0, batch, rows.slice_mut(s![..batch.len(), ..]));
        }
        Ok(begin.elapsed().as_secs_f64())
    }
}

/// A data set that knows how long it was read.
struct Timed {
    inner: Subset,
    nanos: AtomicU64,
}

impl Dataset for Timed {
    fn spec(&self) -> &DataSpec {
        self.inner.spec()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        let begin = Instant::now();
        let outcome = self.inner.read(indices, out);
        self.nanos.fetch_add(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        outcome
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.inner.label(index)
    }
}

/// Keeps the times of the last epoch: the first one takes memory, and has other activations.
struct Watch<'a> {
    data: &'a Timed,
    before: u64,
    training: f64,
    reading: f64,
}

impl Observer for Watch<'_> {
    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let nanos = self.data.nanos.load(Ordering::Relaxed);
        self.reading = (nanos - std::mem::replace(&mut self.before, nanos)) as f64 / 1e9;
        self.training = report.seconds;
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_training_and_evaluation_together() {
        let share = Share { title: "x".into(), training: 3.0, evaluation: 1.0, reading: 0.5, jitter: 0.0 };
        assert_eq!((share.of(share.evaluation), share.of(share.reading)), (0.25, 0.125));
    }

    #[test]
    fn reading_is_timed_and_gives_the_same() {
        let images = Images::new(vec![2], vec![1, 2, 3, 4], vec![0, 1], vec!["a".into(), "b".into()]).unwrap();
        let data = Timed { inner: Subset::new(Arc::new(images), vec![1, 0]).unwrap(), nanos: AtomicU64::new(0) };
        let mut out = Array2::zeros((1, 2));
        data.read(&[0], out.view_mut()).unwrap();
        assert_eq!(out[[0, 1]], 4.0 / 255.0);
        assert!(data.nanos.load(Ordering::Relaxed) > 0);
        assert_eq!((data.len(), data.label(0)), (2, Some(1)));
    }
}
