//! The three products of a linear layer, at the sizes of the paper's MNIST networks.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_tensor::{matmul, matmul_bf16, matmul_skip_zeros};
use ndarray::Array2;

const BATCH: usize = 128;

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("matmul");
    for (inputs, outputs) in [(784, 800), (800, 800), (1200, 1200), (784, 30)] {
        let matrix = |rows, cols| Array2::from_shape_fn((rows, cols), |(i, j)| ((i * 7 + j * 3) % 13) as f32 - 6.0);
        let (x, w, dy) = (matrix(BATCH, inputs), matrix(outputs, inputs), matrix(BATCH, outputs));
        // Criterion shows elements a second: multiply-adds, half the floating-point operations.
        group.throughput(Throughput::Elements((BATCH * inputs * outputs) as u64));
        let id = |form| BenchmarkId::new(form, format!("{inputs}-{outputs}"));

        let mut y = Array2::zeros((BATCH, outputs));
        group.bench_function(id("outputs x·wᵀ"), |b| {
            b.iter(|| matmul(black_box(x.view()), w.t(), y.view_mut()));
        });
        group.bench_function(id("outputs x·wᵀ, bf16"), |b| {
            b.iter(|| matmul_bf16(black_box(x.view()), w.t(), y.view_mut()));
        });
        let mut dx = Array2::zeros((BATCH, inputs));
        group.bench_function(id("inputs dy·w"), |b| {
            b.iter(|| matmul(black_box(dy.view()), w.view(), dx.view_mut()));
        });
        group.bench_function(id("inputs dy·w, bf16"), |b| {
            b.iter(|| matmul_bf16(black_box(dy.view()), w.view(), dx.view_mut()));
        });
        let mut dw = Array2::zeros((outputs, inputs));
        group.bench_function(id("weights dyᵀ·x"), |b| {
            b.iter(|| matmul(black_box(dy.t()), x.view(), dw.view_mut()));
        });
        group.bench_function(id("weights dyᵀ·x, bf16"), |b| {
            b.iter(|| matmul_bf16(black_box(dy.t()), x.view(), dw.view_mut()));
        });
    }
    group.finish();
}

/// The same products with a left operand that is mostly zeros; elements are counted as if it were not.
fn skipped(c: &mut Criterion) {
    let mut group = c.benchmark_group("matmul, zeros skipped");
    let matrix = |rows, cols| Array2::from_shape_fn((rows, cols), |(i, j)| ((i * 7 + j * 3) % 13) as f32 - 6.0);
    for (inputs, outputs) in [(784, 800), (800, 800)] {
        let (x, w) = (matrix(BATCH, inputs), matrix(outputs, inputs));
        for percent in [5, 10, 20, 35] {
            let sparse = |rows, cols| {
                let keep = |i: usize, j: usize| (i * cols + j) * 7919 % 100 < percent;
                Array2::from_shape_fn((rows, cols), |(i, j)| if keep(i, j) { (i + j) as f32 } else { 0.0 })
            };
            let (some_x, some_dy) = (sparse(BATCH, inputs), sparse(BATCH, outputs));
            group.throughput(Throughput::Elements((BATCH * inputs * outputs) as u64));
            let id = |form| BenchmarkId::new(form, format!("{inputs}-{outputs}, {percent} %"));

            let mut y = Array2::zeros((BATCH, outputs));
            group.bench_function(id("outputs x·wᵀ"), |b| {
                b.iter(|| matmul_skip_zeros(black_box(some_x.view()), w.t(), y.view_mut()));
            });
            let mut dx = Array2::zeros((BATCH, inputs));
            group.bench_function(id("inputs dy·w"), |b| {
                b.iter(|| matmul_skip_zeros(black_box(some_dy.view()), w.view(), dx.view_mut()));
            });
            let mut dw = Array2::zeros((outputs, inputs));
            group.bench_function(id("weights dyᵀ·x"), |b| {
                b.iter(|| matmul_skip_zeros(black_box(some_dy.t()), x.view(), dw.view_mut()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products, skipped);
criterion_main!(benches);
