//! Training that is resumed from any step ends in the same bits as training that was not stopped.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use distill_datasets::{Chain, Dataset, Split, Subset, Unlabelled, mnist};
use distill_losses::{CrossEntropy, Distillation, Loss, SoftTerm, Temperature};
use distill_models::{
    CnnConfig, DsCnnConfig, EmbeddingConfig, MlpConfig, ModelConfig, Network, ResNetConfig, TextCnnConfig, Trainable,
};
use distill_tensor::Params;
use distill_text::{Features, NGrams, Part, Snippets, TextSnippets, udhr};
use distill_train::{
    AugmentConfig, Checkpoint, CheckpointContext, EpochReport, Hooks, Measured, Observer, OptimizerConfig,
    OptimizerKind, PrecisionConfig, ScheduleConfig, ScheduleKind, Snapshot, SoftTargets, StepReport, Teacher,
    TrainConfig, TrainReport, Training, train, train_from,
};

const BATCH: usize = 16;
const STEPS_PER_EPOCH: u32 = 30;

static DIGITS: LazyLock<[Subset; 2]> = LazyLock::new(|| {
    let test: Arc<dyn Dataset> = Arc::new(mnist(Split::Test).unwrap());
    // The last batch of an epoch is a smaller one.
    let n = BATCH * STEPS_PER_EPOCH as usize - 3;
    [Subset::new(test.clone(), (0..n).collect()).unwrap(), Subset::new(test, (5000..5100).collect()).unwrap()]
});

/// The same digits, of which the last half has no labels.
static PARTLY: LazyLock<Chain> = LazyLock::new(|| {
    let n = DIGITS[0].len();
    let part =
        |range: std::ops::Range<usize>| Arc::new(Subset::new(Arc::new(DIGITS[0].clone()), range.collect()).unwrap());
    Chain::new(part(0..n / 2), Arc::new(Unlabelled::new(part(n / 2..n)))).unwrap()
});

/// Keeps the checkpoint after every step.
struct KeepAll(Vec<Vec<u8>>);

impl Observer for KeepAll {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        let context = CheckpointContext::from([("role".to_owned(), "student".to_owned())]);
        self.0.push(Checkpoint::encode(&context, snapshot).unwrap());
        ControlFlow::Continue(())
    }
}

/// Ends training after a step, and keeps the checkpoint of that step.
struct StopAfter(u32, Vec<u8>);

impl Observer for StopAfter {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        if report.step < self.0 {
            return ControlFlow::Continue(());
        }
        self.1 = Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap();
        ControlFlow::Break(())
    }
}

/// What is trained on what.
#[derive(Clone, Copy)]
struct Subject<'a> {
    data: &'a dyn Dataset,
    validation: &'a dyn Dataset,
    student: fn(&dyn Dataset) -> Network,
}

fn digits() -> Subject<'static> {
    let [data, validation] = &*DIGITS;
    Subject { data, validation, student }
}

fn student(data: &dyn Dataset) -> Network {
    let config = MlpConfig {
        hidden: vec![24, 16],
        dropout: 0.2,
        input_dropout: 0.1,
        max_norm: Some(1.5),
        ..MlpConfig::default()
    };
    let spec = data.spec();
    Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 5).unwrap()
}

fn reader(data: &dyn Dataset) -> Network {
    let embedding = Some(EmbeddingConfig { buckets: 700 });
    let config = MlpConfig { hidden: vec![24, 16], dropout: 0.2, embedding, ..MlpConfig::default() };
    let spec = data.spec();
    Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 5).unwrap()
}

/// The parameters at the end, and what is reported but for times.
fn outcome(model: &Network, report: &TrainReport) -> (Params, u32, u64, String, Option<(u32, Params)>) {
    let best = report.best.as_ref().map(|best| (best.epoch, best.params.clone()));
    (model.params().clone(), report.steps, report.examples, format!("{:?}", report.loss), best)
}

/// Returns the epoch after which training ended early.
fn check(subject: Subject<'_>, config: &TrainConfig, loss: &dyn Loss, teacher: Teacher<'_>) -> Option<u32> {
    let Subject { data, validation, student } = subject;
    let student = || student(data);
    let training =
        Training { data, validation: Some(validation), loss, teacher, config, seed: 9, hooks: Hooks::default() };
    let mut whole = student();
    let mut checkpoints = KeepAll(vec![]);
    let report = train(&mut whole, &training, &mut checkpoints).unwrap();
    let expected = outcome(&whole, &report);
    let (steps, stopped_early) = (report.steps, report.stopped_early);
    assert_eq!(steps, stopped_early.unwrap_or(config.epochs) * STEPS_PER_EPOCH);
    assert!(report.completed && report.best.is_some());

    for (step, bytes) in (1..).zip(&checkpoints.0) {
        let checkpoint = Checkpoint::decode(bytes).unwrap();
        assert_eq!(checkpoint.step(), step);
        let mut model = student();
        let state = checkpoint.restore(&mut model, &config.optimizer).unwrap();
        // What is read back is what was written, byte for byte.
        let snapshot = Snapshot { params: model.params(), state: &state };
        let context = CheckpointContext::from([("role".to_owned(), "student".to_owned())]);
        assert!(&Checkpoint::encode(&context, snapshot).unwrap() == bytes, "step {step}");
        let report = train_from(&mut model, &training, state, &mut distill_train::NullObserver).unwrap();
        assert!(outcome(&model, &report) == expected, "resumed after step {step}: {config:?}");
    }

    // A run that is stopped after each step and goes on from its own checkpoint only.
    let mut bytes: Option<Vec<u8>> = None;
    let mut model = student();
    for step in 1..=steps {
        model = student();
        let mut stop = StopAfter(step, vec![]);
        let report = match &bytes {
            None => train(&mut model, &training, &mut stop).unwrap(),
            Some(bytes) => {
                let checkpoint = Checkpoint::decode(bytes).unwrap();
                let state = checkpoint.restore(&mut model, &config.optimizer).unwrap();
                train_from(&mut model, &training, state, &mut stop).unwrap()
            }
        };
        assert_eq!((report.steps, report.completed), (step, step == steps));
        bytes = Some(stop.1);
    }
    assert!(model.params() == &expected.0, "stopped after each step: {config:?}");
    stopped_early
}

#[test]
fn early_stopping_ends_at_the_same_epoch_wherever_training_goes_on() {
    let config = |early_stopping| TrainConfig {
        epochs: 40,
        batch: BATCH,
        early_stopping,
        optimizer: OptimizerConfig { lr: 0.05, ..Default::default() },
        schedule: ScheduleConfig { kind: ScheduleKind::Constant, ..Default::default() },
        ..TrainConfig::default()
    };
    let stopped = check(digits(), &config(Some(1)), &CrossEntropy, Teacher::None).expect("it gets worse at some time");
    assert!((2..40).contains(&stopped), "{stopped}");

    // It is the training that goes on for longer, cut off after the first epoch that was no better.
    let Subject { data, validation, student } = digits();
    let train_for = |config: &TrainConfig| {
        let mut model = student(data);
        let training = Training {
            data,
            validation: Some(validation),
            loss: &CrossEntropy,
            teacher: Teacher::None,
            config,
            seed: 9,
            hooks: Hooks::default(),
        };
        let mut found = Errors(vec![]);
        let report = train(&mut model, &training, &mut found).unwrap();
        (model.params().clone(), report, found.0)
    };
    let (_, _, errors) = train_for(&config(None));
    let is_better = |i: usize| errors[..i].iter().all(|before| errors[i] < *before);
    let first_worse = (1..errors.len()).find(|&i| !is_better(i)).unwrap() + 1;
    assert_eq!(stopped as usize, first_worse, "{errors:?}");
    let (params, report, of_early) = train_for(&config(Some(1)));
    assert_eq!((report.best.unwrap().epoch, of_early.as_slice()), (stopped - 1, &errors[..first_worse]));
    let shorter = TrainConfig { epochs: stopped, ..config(None) };
    assert!(train_for(&shorter).0 == params);
    // More patience takes longer.
    assert!(train_for(&config(Some(3))).1.steps > report.steps);
}

#[test]
fn early_stopping_needs_something_to_watch() {
    let Subject { data, student, .. } = digits();
    let config = TrainConfig { early_stopping: Some(1), ..TrainConfig::default() };
    let training = Training {
        data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 9,
        hooks: Hooks::default(),
    };
    let error = train(&mut student(data), &training, &mut distill_train::NullObserver).unwrap_err();
    assert_eq!(error.to_string(), "early_stopping is set, but there is no validation set");
}

/// Errors and negative log-likelihood on the validation set after each epoch.
struct Errors(Vec<(usize, f64)>);

impl Observer for Errors {
    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.0.extend(report.validation.map(Measured::rank));
        ControlFlow::Continue(())
    }
}

#[test]
fn resuming_from_any_step_gives_the_same_bits() {
    let spec = DIGITS[0].spec();
    let config = MlpConfig { hidden: vec![40], ..MlpConfig::default() };
    let teacher = Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 1).unwrap();
    let targets = SoftTargets::compute(&teacher, &DIGITS[0]).unwrap();
    let distillation = Distillation::new(SoftTerm::Kd(Temperature::new(3.0).unwrap()), 0.7).unwrap();
    let schedules = [ScheduleKind::Constant, ScheduleKind::Step, ScheduleKind::Cosine, ScheduleKind::OneCycle];
    for optimizer in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        for (i, kind) in schedules.into_iter().enumerate() {
            // Jitter changes the inputs, so the teacher is then asked live.
            let shift = i % 2;
            let warmup_epochs = if kind == ScheduleKind::OneCycle { 0.0 } else { 0.3 };
            let config = TrainConfig {
                epochs: 2,
                batch: BATCH,
                clip_grad_norm: Some(1.0),
                optimizer: OptimizerConfig { kind: optimizer, lr: 0.01, weight_decay: 1e-3, ..Default::default() },
                schedule: ScheduleConfig { kind, warmup_epochs, every_epochs: 1, ..Default::default() },
                ema: (i % 2 == 1).then_some(0.8),
                augment: AugmentConfig { shift, ..AugmentConfig::default() },
                ..TrainConfig::default()
            };
            let soft = if shift > 0 { Teacher::Live(&teacher) } else { Teacher::Cached(&targets) };
            check(digits(), &config, &distillation, soft);
            if i == 0 {
                check(digits(), &config, &CrossEntropy, Teacher::None);
                // What is reported of labels counts those examples alone that have one, on both sides of the stop.
                check(Subject { data: &*PARTLY, ..digits() }, &config, &distillation, Teacher::Live(&teacher));
                let rounded = TrainConfig { precision: PrecisionConfig::Bf16Emulated, ..config };
                check(digits(), &rounded, &CrossEntropy, Teacher::None);
            }
        }
    }
}

/// Running statistics of batch norms are part of what goes on, in the weights, their average and the best of them.
#[test]
fn resuming_networks_with_convolutions_gives_the_same_bits() {
    fn build(config: impl Into<ModelConfig>, data: &dyn Dataset) -> Network {
        let spec = data.spec();
        Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 5).unwrap()
    }
    let students: [fn(&dyn Dataset) -> Network; 4] = [
        |data| build(CnnConfig { channels: vec![3, 4], dropout: 0.2, ..CnnConfig::default() }, data),
        |data| build(ResNetConfig { blocks: vec![1, 1], width: 3, dropout: 0.2, ..ResNetConfig::default() }, data),
        |data| {
            let config = ResNetConfig { blocks: vec![1], width: 2, widen: 2, preact: true, ..ResNetConfig::default() };
            build(config, data)
        },
        |data| build(DsCnnConfig { blocks: vec![1, 1], width: 4, stride: [2, 2], ..DsCnnConfig::default() }, data),
    ];
    for (i, student) in students.into_iter().enumerate() {
        let config = TrainConfig {
            epochs: 1,
            batch: BATCH,
            optimizer: OptimizerConfig {
                kind: if i % 2 == 0 { OptimizerKind::Sgd } else { OptimizerKind::AdamW },
                lr: 0.01,
                weight_decay: 1e-3,
                ..Default::default()
            },
            ema: (i % 2 == 1).then_some(0.8),
            augment: AugmentConfig { shift: 1, ..AugmentConfig::default() },
            ..TrainConfig::default()
        };
        check(Subject { student, ..digits() }, &config, &CrossEntropy, Teacher::None);
    }
    let student =
        |data: &dyn Dataset| build(ResNetConfig { blocks: vec![1], width: 8, ..ResNetConfig::default() }, data);
    for precision in [PrecisionConfig::Bf16OrF32, PrecisionConfig::Bf16Emulated] {
        let config = TrainConfig { epochs: 1, batch: BATCH, precision, ..TrainConfig::default() };
        check(Subject { student, ..digits() }, &config, &CrossEntropy, Teacher::None);
    }
}

#[test]
fn resuming_a_network_that_reads_bytes_gives_the_same_bits() {
    let paragraphs = Arc::new(udhr().unwrap());
    let text = |part, n| {
        TextSnippets::new(Snippets::new(paragraphs.clone(), part, 6, 1).unwrap(), Features::Bytes, n).unwrap()
    };
    let (data, validation) = (text(Part::Train, BATCH * STEPS_PER_EPOCH as usize - 3), text(Part::Validation, 50));
    let student = |data: &dyn Dataset| {
        let config = TextCnnConfig { dims: 3, filters: 4, dropout: 0.2, ..TextCnnConfig::default() };
        let spec = data.spec();
        Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 5).unwrap()
    };
    let optimizer = OptimizerConfig { kind: OptimizerKind::AdamW, lr: 0.01, ..Default::default() };
    let config = TrainConfig { epochs: 2, batch: BATCH, optimizer, ..TrainConfig::default() };
    check(Subject { data: &data, validation: &validation, student }, &config, &CrossEntropy, Teacher::None);
}

/// What is remembered of a row of a table that was not touched for many steps is there after resuming.
#[test]
fn resuming_with_an_embedding_gives_the_same_bits() {
    let paragraphs = Arc::new(udhr().unwrap());
    let text = |part, n| {
        let snippets = Snippets::new(paragraphs.clone(), part, 12, 1).unwrap();
        TextSnippets::new(snippets, NGrams::new(2, 700).unwrap(), n).unwrap()
    };
    // The last batch of an epoch is a smaller one.
    let data = text(Part::Train, BATCH * STEPS_PER_EPOCH as usize - 3);
    let validation = text(Part::Validation, 100);
    let subject = Subject { data: &data, validation: &validation, student: reader };
    for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let config = TrainConfig {
            epochs: 2,
            batch: BATCH,
            clip_grad_norm: Some(0.1),
            optimizer: OptimizerConfig { kind, lr: 0.01, weight_decay: 1e-3, ..Default::default() },
            ..TrainConfig::default()
        };
        check(subject, &config, &CrossEntropy, Teacher::None);
    }
}
