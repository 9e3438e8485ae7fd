//! The same seed gives the same bits, for any number of threads.

use std::sync::Arc;

use distill_datasets::{Dataset, Jitter, Split, Subset, mnist};
use distill_losses::{Distillation, SoftTerm, Temperature};
use distill_models::{
    CnnConfig, DsCnnConfig, MlpConfig, MobileNetConfig, ModelConfig, Network, Provenance, ResNetConfig, to_safetensors,
};
use distill_train::{
    AugmentConfig, Hooks, NullObserver, OptimizerConfig, OptimizerKind, PrecisionConfig, ScheduleConfig, ScheduleKind,
    SoftTargets, Teacher, TrainConfig, Training, train,
};

/// Wide enough that every parallel path is taken, with everything on that draws random numbers.
fn weights(threads: usize, optimizer: OptimizerKind, live: bool, precision: PrecisionConfig) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let test: Arc<dyn Dataset> = Arc::new(mnist(Split::Test).unwrap());
        let data = Subset::new(test, (0..600).collect()).unwrap();
        let build = |hidden: &[usize], seed| {
            let config = MlpConfig {
                hidden: hidden.to_vec(),
                dropout: 0.5,
                input_dropout: 0.2,
                max_norm: Some(1.5),
                ..MlpConfig::default()
            };
            Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), seed).unwrap()
        };
        let teacher = build(&[300], 1);
        let jitter = Jitter::new(2, &data.spec().input_shape).unwrap();
        let targets = SoftTargets::compute_views(&teacher, &data, &jitter).unwrap();
        let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.7).unwrap();
        let config = TrainConfig {
            epochs: 2,
            batch: 128,
            clip_grad_norm: Some(0.5),
            precision,
            ema: (optimizer == OptimizerKind::AdamW).then_some(0.9),
            optimizer: OptimizerConfig { kind: optimizer, lr: 0.01, weight_decay: 1e-4, ..OptimizerConfig::default() },
            schedule: ScheduleConfig { kind: ScheduleKind::OneCycle, ..ScheduleConfig::default() },
            augment: AugmentConfig { shift: 2, ..AugmentConfig::default() },
            ..TrainConfig::default()
        };
        let mut student = build(&[500, 300], 7);
        let training = Training {
            data: &data,
            validation: None,
            loss: &loss,
            teacher: if live { Teacher::Live(&teacher) } else { Teacher::Cached(&targets) },
            config: &config,
            seed: 3,
            hooks: Hooks::default(),
        };
        train(&mut student, &training, &mut NullObserver).unwrap();
        to_safetensors(&student, &Provenance::new()).unwrap()
    })
}

#[test]
fn any_number_of_threads_and_any_repetition_gives_the_same_bits() {
    let start = std::time::Instant::now();
    for (optimizer, live, precision) in [
        (OptimizerKind::Sgd, false, PrecisionConfig::F32),
        (OptimizerKind::AdamW, true, PrecisionConfig::F32),
        (OptimizerKind::Sgd, false, PrecisionConfig::Bf16Emulated),
        // Where the processor has it, its own instructions.
        (OptimizerKind::AdamW, true, PrecisionConfig::Bf16OrF32),
    ] {
        let one = weights(1, optimizer, live, precision);
        for threads in [1, 2, 3, 4, 8] {
            let other = weights(threads, optimizer, live, precision);
            assert!(one == other, "{optimizer:?} in {precision:?} with {threads} threads");
        }
    }
    println!("campaign threads times=1 seconds={:.3}", start.elapsed().as_secs_f64());
}

/// Networks with convolutions, distilled from one another, in every kind.
fn weights_of_network(threads: usize, config: &ModelConfig, precision: PrecisionConfig) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let test: Arc<dyn Dataset> = Arc::new(mnist(Split::Test).unwrap());
        let data = Subset::new(test, (0..130).collect()).unwrap();
        let build = |config: ModelConfig, seed| {
            Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), seed).unwrap()
        };
        let teacher = build(ResNetConfig { width: 8, ..ResNetConfig::default() }.into(), 1);
        let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.7).unwrap();
        let config_of_training = TrainConfig { epochs: 1, batch: 50, precision, ..TrainConfig::default() };
        let mut student = build(config.clone(), 7);
        let training = Training {
            data: &data,
            validation: None,
            loss: &loss,
            teacher: Teacher::Live(&teacher),
            config: &config_of_training,
            seed: 3,
            hooks: Hooks::default(),
        };
        train(&mut student, &training, &mut NullObserver).unwrap();
        to_safetensors(&student, &Provenance::new()).unwrap()
    })
}

#[test]
fn networks_have_the_same_bits_for_any_number_of_threads() {
    let configs: [ModelConfig; 5] = [
        CnnConfig { hidden: vec![20], dropout: 0.3, ..CnnConfig::default() }.into(),
        ResNetConfig::default().into(),
        ResNetConfig { blocks: vec![1, 1], widen: 2, preact: true, dropout: 0.2, ..ResNetConfig::default() }.into(),
        DsCnnConfig { blocks: vec![1, 1], width: 24, ..DsCnnConfig::default() }.into(),
        MobileNetConfig { multiplier: 0.1, ..MobileNetConfig::default() }.into(),
    ];
    for (i, config) in configs.iter().enumerate() {
        // Residual networks also where products are rounded: by instructions for it, if this processor has them, and emulated.
        let rounded = [PrecisionConfig::Bf16OrF32, PrecisionConfig::Bf16Emulated];
        let precisions = [PrecisionConfig::F32].into_iter().chain(rounded.into_iter().filter(|_| (1..3).contains(&i)));
        for precision in precisions {
            let one = weights_of_network(1, config, precision);
            for threads in [1, 2, 3] {
                let other = weights_of_network(threads, config, precision);
                assert!(one == other, "{config:?} with {threads} threads in {precision:?}");
            }
        }
    }
}

#[test]
fn the_answers_to_all_views_are_those_of_the_teacher_that_sees_what_the_student_sees() {
    let [cached, live] = [false, true].map(|live| weights(2, OptimizerKind::Sgd, live, PrecisionConfig::F32));
    assert!(cached == live);
}
