//! One training step, from batch to changed weights, in examples a second.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_datasets::{Augmentation, Dataset, Images, Jitter};
use distill_losses::{CrossEntropy, Distillation, Loss, SoftTerm, Temperature};
use distill_models::{MlpConfig, Network, StepKey, Trainable};
use distill_train::{Hooks, Optimizer, OptimizerConfig, SoftTargets, StepContext, Teacher, TrainingStep};

const BATCH: usize = 128;

fn images() -> Images {
    let pixels = (0..BATCH * 784).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..BATCH).map(|i| (i % 10) as u32).collect();
    let classes = (0..10).map(|class| class.to_string()).collect();
    Images::new(vec![1, 28, 28], pixels, labels, classes).expect("sound images")
}

fn steps(c: &mut Criterion) {
    let data = images();
    let build = |config: MlpConfig| {
        Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 1).expect("a model")
    };
    let plain = |hidden: &[usize]| MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
    let targets = SoftTargets::compute(&build(plain(&[100])), &data).expect("soft targets");
    let kd = Distillation::new(SoftTerm::Kd(Temperature::new(20.0).expect("positive")), 0.9).expect("a weight");
    let jitter = Jitter::new(2, &data.spec().input_shape).expect("a shift");
    let shift = Some(Augmentation { jitter, seed: 1, epoch: 0 });

    let regularised = MlpConfig { dropout: 0.5, input_dropout: 0.2, max_norm: Some(3.0), ..plain(&[1200, 1200]) };
    let context = |loss, teacher, augment| StepContext {
        data: &data,
        loss,
        teacher,
        augment,
        mixup: 0.0,
        clip_grad_norm: None,
        hooks: Hooks::default(),
    };
    let cases: [(&str, MlpConfig, StepContext<'_>); 4] = [
        ("labels", plain(&[800, 800]), context(&CrossEntropy as &dyn Loss, Teacher::None, None)),
        ("kd, cached", plain(&[800, 800]), context(&kd, Teacher::Cached(&targets), None)),
        ("kd, cached", plain(&[30, 30]), context(&kd, Teacher::Cached(&targets), None)),
        ("teacher, dropout and jitter", regularised, context(&CrossEntropy, Teacher::None, shift)),
    ];
    let indices: Vec<usize> = (0..BATCH).collect();
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, config, context) in cases {
        let id = BenchmarkId::new(name, config.architecture(784, 10));
        let mut model = build(config);
        let mut optimizer = Optimizer::new(OptimizerConfig::default(), model.params());
        let mut step = TrainingStep::new(&model, BATCH);
        let mut key = StepKey::new(1, 0);
        group.bench_function(id, |b| {
            b.iter(|| {
                key.step += 1;
                step.run(&mut model, &mut optimizer, &indices, key, 1e-4, &context).expect("a step")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
