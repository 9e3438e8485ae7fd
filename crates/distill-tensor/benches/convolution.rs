//! Convolutions as small networks have them, each direction, beside the peak of a matrix product.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use distill_tensor::{ConvShape, Convolution, Kernel, Precision, matmul};
use ndarray::Array2;

const EXAMPLES: usize = 128;

fn convolutions(c: &mut Criterion) {
    let shapes = [
        ("3x3 32x32x3-16", ConvShape::same([32, 32, 3], 16, 3)),
        ("3x3 32x32x16-16", ConvShape::same([32, 32, 16], 16, 3)),
        ("3x3 32x32x16-32/2", ConvShape { stride: [2, 2], ..ConvShape::same([32, 32, 16], 32, 3) }),
        ("3x3 16x16x32-32", ConvShape::same([16, 16, 32], 32, 3)),
        ("3x3 8x8x64-64", ConvShape::same([8, 8, 64], 64, 3)),
        ("3x3 28x28x1-16", ConvShape::same([28, 28, 1], 16, 3)),
        ("3x3 28x28x16-16", ConvShape::same([28, 28, 16], 16, 3)),
        ("3x3 14x14x16-32", ConvShape::same([14, 14, 16], 32, 3)),
        ("3x3 7x7x128-128", ConvShape::same([7, 7, 128], 128, 3)),
        ("1x1 25x5x64-64", ConvShape::same([25, 5, 64], 64, 1)),
        ("depthwise 25x5x64", ConvShape::depthwise([25, 5, 64], 3)),
    ];
    for (name, shape) in shapes {
        let layer = Convolution::new(shape).expect("sides that fit");
        let output: usize = shape.output().iter().product();
        let input: usize = shape.input.iter().product();
        let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<_>>();
        let (x, dy, w) = (wave(EXAMPLES * input), wave(EXAMPLES * output), wave(shape.weights().iter().product()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let mut group = c.benchmark_group(name);
        // Two operations for each multiplication, so elements a second are FLOPS.
        group.throughput(Throughput::Elements(2 * EXAMPLES as u64 * shape.macs()));
        for precision in [Precision::F32, Precision::Bf16] {
            if layer.precision(precision) != precision {
                continue;
            }
            let (mut kernel, mut back, mut sums) = (Kernel::default(), Kernel::default(), vec![]);
            layer.pack(&w, None, precision, &mut kernel);
            layer.pack_backward(&w, precision, &mut back);
            let name = |direction: &str| format!("{direction}, {}", precision.name());
            group.bench_function(name("forward"), |b| b.iter(|| layer.forward(&kernel, black_box(&x), &mut y)));
            group.bench_function(name("inputs"), |b| {
                b.iter(|| layer.backward_inputs(&back, black_box(&dy), &mut dx, false));
            });
            if layer.precision_of_weights(precision) == precision {
                group.bench_function(name("weights"), |b| {
                    b.iter(|| layer.backward_weights(black_box(&x), &dy, precision, &mut sums, &mut dw));
                });
            }
        }
        group.finish();
    }
    let (a, b) = (Array2::from_elem((1024, 1024), 0.5_f32), Array2::from_elem((1024, 1024), 0.25_f32));
    let mut out = Array2::zeros((1024, 1024));
    let mut group = c.benchmark_group("product of 1024");
    group.throughput(Throughput::Elements(2 << 30));
    group.bench_function("f32", |bench| bench.iter(|| matmul(black_box(a.view()), b.view(), out.view_mut())));
    group.finish();
}

criterion_group!(benches, convolutions);
criterion_main!(benches);
