//! Training, by the loop that the program uses.

use std::ops::ControlFlow;
use std::time::Instant;

use distill_datasets::Dataset;
use distill_losses::{CrossEntropy, Distillation, Loss, SoftTerm, Temperature};
use distill_models::{Activation, EmbeddingConfig, MlpConfig, Network, Trainable};
use distill_train::{
    AugmentConfig, Hooks, Observer, OptimizerConfig, OptimizerKind, PrecisionConfig, ScheduleConfig, ScheduleKind,
    Snapshot, SoftTargets, StepReport, Teacher, TrainConfig, TrainState, train_from,
};

use crate::Result;
use crate::files::{Files, TEMPERATURE, plain, sgd, untrained};
use crate::request::{Answer, Lesson, Precision, Request};

/// Epochs that no measurement reaches.
const FOR_EVER: u32 = 100_000;
/// Weight of the teacher.
const ALPHA: f64 = 0.9;

/// A network in training, kept from one measurement to the next.
pub(super) struct Training {
    data: Box<dyn Dataset>,
    model: Network,
    config: TrainConfig,
    loss: Box<dyn Loss>,
    targets: Option<SoftTargets>,
    /// Where the last measurement stopped.
    state: TrainState,
    warm_loss: f64,
}

impl Training {
    /// A network after its warm-up.
    pub(super) fn new(request: &Request, data: Box<dyn Dataset>, files: &Files) -> Result<Self> {
        let hidden = request.layers.get(1..request.layers.len().saturating_sub(1)).unwrap_or_default();
        let perceptron = || network(request.lesson, request.activation, hidden).into();
        let model = untrained(&*data, request.network.config().unwrap_or_else(perceptron))?;
        let config = config(request);
        let (loss, targets): (Box<dyn Loss>, _) = match request.lesson {
            Lesson::Student => {
                let term = SoftTerm::Kd(Temperature::new(TEMPERATURE)?);
                (Box::new(Distillation::new(term, ALPHA)?), Some(files.soft_targets()?))
            }
            Lesson::Teacher | Lesson::Labels | Lesson::Text => (Box::new(CrossEntropy), None),
        };
        let state = TrainState::new(config.optimizer.clone(), model.params());
        let mut training = Self { data, model, config, loss, targets, state, warm_loss: 0.0 };
        training.warm_loss = training.run(Until::Steps(request.warm_steps))?.mean_loss();
        Ok(training)
    }

    /// Trains on for that long.
    pub(super) fn measure(&mut self, seconds: f64) -> Result<Answer> {
        let watch = self.run(Until::Seconds(seconds))?;
        Ok(Answer { value: watch.examples_per_second(), check: Some(self.warm_loss), note: None })
    }

    fn run(&mut self, until: Until) -> Result<Watch> {
        let teacher = self.targets.as_ref().map_or(Teacher::None, Teacher::Cached);
        let training = distill_train::Training {
            data: &*self.data,
            validation: None,
            loss: &*self.loss,
            teacher,
            config: &self.config,
            seed: 1,
            hooks: Hooks::default(),
        };
        let mut watch = Watch::new(until);
        train_from(&mut self.model, &training, self.state.clone(), &mut watch)?;
        self.state = watch.left.take().ok_or("training ended before its time")?;
        Ok(watch)
    }
}

fn network(lesson: Lesson, activation: Activation, hidden: &[usize]) -> MlpConfig {
    let plain = MlpConfig { activation, ..plain(hidden) };
    match lesson {
        Lesson::Student | Lesson::Labels => plain,
        Lesson::Teacher => MlpConfig { dropout: 0.5, input_dropout: 0.2, max_norm: Some(3.0), ..plain },
        Lesson::Text => MlpConfig { embedding: Some(EmbeddingConfig::default()), ..plain },
    }
}

fn config(request: &Request) -> TrainConfig {
    let precision = match request.precision {
        Precision::F32 => PrecisionConfig::F32,
        // Refused on a processor without the instructions.
        Precision::Bf16 => PrecisionConfig::Bf16,
    };
    TrainConfig {
        epochs: FOR_EVER,
        batch: request.batch,
        optimizer: if request.lesson == Lesson::Text { adamw() } else { sgd() },
        schedule: ScheduleConfig { kind: ScheduleKind::Constant, ..ScheduleConfig::default() },
        augment: AugmentConfig {
            shift: if request.lesson == Lesson::Teacher { 2 } else { 0 },
            ..AugmentConfig::default()
        },
        precision,
        ..TrainConfig::default()
    }
}

/// AdamW without decay, which PyTorch's `SparseAdam` for the table does not have.
fn adamw() -> OptimizerConfig {
    OptimizerConfig { kind: OptimizerKind::AdamW, lr: 0.01, weight_decay: 0.0, ..OptimizerConfig::default() }
}

/// When to stop.
#[derive(Clone, Copy)]
enum Until {
    Steps(usize),
    Seconds(f64),
}

/// Watches the clock. The first step, which takes memory for the others, is not timed.
struct Watch {
    until: Until,
    /// After the first step: when it was, and the examples until then.
    start: Option<(Instant, u64)>,
    examples: u64,
    seconds: f64,
    steps: usize,
    loss: f64,
    /// The state after the last step.
    left: Option<TrainState>,
}

impl Watch {
    fn new(until: Until) -> Self {
        Self { until, start: None, examples: 0, seconds: 0.0, steps: 0, loss: 0.0, left: None }
    }

    fn examples_per_second(&self) -> f64 {
        self.examples as f64 / self.seconds
    }

    /// The mean over the steps.
    fn mean_loss(&self) -> f64 {
        self.loss / self.steps as f64
    }
}

impl Observer for Watch {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        let now = Instant::now();
        let seen = snapshot.state.examples;
        let (start, before) = *self.start.get_or_insert((now, seen));
        self.seconds = (now - start).as_secs_f64();
        self.examples = seen - before;
        self.steps += 1;
        self.loss += report.loss.total;
        let over = match self.until {
            Until::Steps(steps) => self.steps >= steps,
            // At least one step is timed, however short the time.
            Until::Seconds(seconds) => self.steps > 1 && self.seconds >= seconds,
        };
        if !over {
            return ControlFlow::Continue(());
        }
        self.left = Some(snapshot.state.clone());
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Images;

    use super::*;

    fn request(lesson: Lesson) -> Request {
        Request { lesson, warm_steps: 3, ..Request::train(&[4, 8, 2], 16) }
    }

    fn tiny() -> Box<dyn Dataset> {
        let pixels = (0..40 * 16).map(|i| (i * 37 % 256) as u8).collect();
        let labels = (0..40).map(|i| i % 2).collect();
        Box::new(Images::new(vec![1, 4, 4], pixels, labels, vec!["a".into(), "b".into()]).unwrap())
    }

    #[test]
    fn a_measurement_goes_on_where_the_last_one_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let mut training = Training::new(&request(Lesson::Teacher), tiny(), &Files::at(dir.path())).unwrap();
        assert_eq!((training.state.step, training.state.examples), (3, 40));
        let first = training.measure(0.0).unwrap();
        // The step that takes the memory, and one that is timed.
        assert_eq!(training.state.step, 5);
        assert!(first.value > 0.0 && first.check == Some(training.warm_loss));
        let before = training.model.params().clone();
        training.measure(0.0).unwrap();
        assert_eq!(training.state.step, 7);
        assert_ne!(before, *training.model.params());
    }

    #[test]
    fn the_teacher_is_regularised_and_the_student_is_not() {
        assert_eq!(network(Lesson::Student, Activation::Relu, &[5]), plain(&[5]));
        assert_eq!(network(Lesson::Student, Activation::Tanh, &[5]).activation, Activation::Tanh);
        let teacher = network(Lesson::Teacher, Activation::Relu, &[5]);
        assert_eq!((teacher.dropout, teacher.input_dropout, teacher.max_norm), (0.5, 0.2, Some(3.0)));
        assert_eq!(config(&request(Lesson::Student)).augment.shift, 0);
        assert_eq!(config(&request(Lesson::Teacher)).augment.shift, 2);
    }
}
