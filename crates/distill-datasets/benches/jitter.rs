//! What a batch of 128 colour images of 32 x 32 pixels takes to be changed, on one thread.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use distill_datasets::{Jitter, JitterOptions, Padding};
use ndarray::Array2;

const BATCH: usize = 128;

fn changes(c: &mut Criterion) {
    let off = JitterOptions::default();
    let shift = JitterOptions { shift: 4, padding: Padding::Reflect, ..off };
    let colours = JitterOptions { brightness: 0.4, contrast: 0.4, saturation: 0.4, ..off };
    let crop = JitterOptions { crop: Some(0.25), ..off };
    let usual = JitterOptions { flip: true, cutout: 8, ..shift };
    let all = JitterOptions { crop: crop.crop, flip: true, cutout: 8, shift: 4, padding: shift.padding, ..colours };
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let examples: Vec<usize> = (0..BATCH).collect();
    let images = Array2::from_shape_fn((BATCH, 3072), |(i, j)| ((i * 7919 + j * 104_729) % 256) as f32 / 255.0);
    let mut group = c.benchmark_group("jitter");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, options) in [
        ("shift", shift),
        ("flip", JitterOptions { flip: true, ..off }),
        ("cutout", JitterOptions { cutout: 8, ..off }),
        ("shift, flip and cutout", usual),
        ("colours", colours),
        ("crop", crop),
        ("all", all),
    ] {
        let jitter = Jitter::of(options, &[3, 32, 32]).expect("images");
        let mut epoch = 0;
        group.bench_function(name, |b| {
            let change = |rows: &mut Array2<f32>| {
                epoch += 1;
                one_thread.install(|| jitter.apply(1, epoch, &examples, rows.view_mut()));
            };
            b.iter_batched_ref(|| images.clone(), change, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, changes);
criterion_main!(benches);
