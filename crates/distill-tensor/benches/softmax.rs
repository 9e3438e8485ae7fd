//! Softmax and log-softmax at a few numbers of classes.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_tensor::{log_softmax, softmax};
use ndarray::Array2;

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("softmax");
    for classes in [10, 100, 1000] {
        let logits = Array2::from_shape_fn((128, classes), |(i, j)| ((i * 31 + j) as f32).sin() * 5.0);
        let mut out = Array2::zeros(logits.dim());
        group.throughput(Throughput::Elements(128));
        group.bench_function(BenchmarkId::new("softmax", classes), |b| {
            b.iter(|| softmax(black_box(logits.view()), 4.0, out.view_mut()));
        });
        group.bench_function(BenchmarkId::new("log_softmax", classes), |b| {
            b.iter(|| log_softmax(black_box(logits.view()), 4.0, out.view_mut()));
        });
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
