//! The losses with their gradients, 128 examples of 10 and 1000 classes.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_losses::{CrossEntropy, Distillation, Loss, SoftTerm, Targets, Temperature};
use ndarray::Array2;

const BATCH: usize = 128;

fn losses(c: &mut Criterion) {
    let t = |t| Temperature::new(t).expect("a temperature");
    let combined = |soft| Distillation::new(soft, 0.9).expect("a weight");
    let losses: [(&str, Box<dyn Loss>); 4] = [
        ("cross entropy", Box::new(CrossEntropy)),
        ("kd T=1", Box::new(combined(SoftTerm::Kd(t(1.0))))),
        ("kd T=20", Box::new(combined(SoftTerm::Kd(t(20.0))))),
        ("logit matching", Box::new(combined(SoftTerm::LogitMatching))),
    ];
    let mut group = c.benchmark_group("losses");
    group.throughput(Throughput::Elements(BATCH as u64));
    for classes in [10, 1000] {
        let logits = Array2::from_shape_fn((BATCH, classes), |(i, j)| ((i * 31 + j) as f32).sin() * 5.0);
        let teacher = Array2::from_shape_fn((BATCH, classes), |(i, j)| ((i * 17 + j) as f32).cos() * 8.0);
        let labels: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
        let mut grad = Array2::zeros((BATCH, classes));
        let targets = Targets { labels: Some(&labels), teacher_logits: Some(teacher.view()) };
        for (name, loss) in &losses {
            group.bench_function(BenchmarkId::new(*name, classes), |b| {
                b.iter(|| loss.value_and_grad(black_box(logits.view()), &targets, grad.view_mut()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, losses);
criterion_main!(benches);
