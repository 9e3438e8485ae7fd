//! Scratch.
use std::time::Instant;
use distill_datasets::{Dataset, Images};
use distill_losses::CrossEntropy;
use distill_models::{ModelConfig, Network, Noise, ResNetConfig, Trainable, Model};
use distill_tensor::Precision;
use distill_train::*;
fn main() {
    let n = 128usize;
    let pixels = (0..n * 3072).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..n).map(|i| (i % 10) as u32).collect();
    let data = Images::new(vec![3, 32, 32], pixels, labels, (0..10).map(|c: i32| c.to_string()).collect()).unwrap();
    let indices: Vec<usize> = (0..n).collect();
    let rounds: usize = std::env::args().nth(1).map_or(12, |s| s.parse().unwrap());
    let configs: [(&str, ModelConfig); 2] = [
        ("resnet-8", ResNetConfig { blocks: vec![1, 1, 1], width: 16, ..ResNetConfig::default() }.into()),
        ("wrn-16-2", ResNetConfig { blocks: vec![2, 2, 2], width: 16, widen: 2, preact: true, ..ResNetConfig::default() }.into()),
    ];
    for (name, config) in configs {
        let modes = [Precision::F32, Precision::Bf16, Precision::Bf16Emulated];
        let mut best = [f64::MAX; 3];
        let mut all: Vec<_> = modes.iter().map(|&p| {
            let student = Network::new(config.clone(), vec![3, 32, 32], data.spec().classes.clone(), 1).unwrap();
            let optimizer = Optimizer::new(OptimizerConfig { lr: 0.01, ..OptimizerConfig::default() }, student.params());
            let step = TrainingStep::new(&student, n).with_precision(p);
            (student, optimizer, step)
        }).collect();
        let context = StepContext { data: &data, loss: &CrossEntropy, teacher: Teacher::None, augment: None, mixup: 0.0, clip_grad_norm: None, hooks: Hooks::default() };
        let mut losses = [0.0; 3];
        for r in 0..rounds {
            for (i, (student, optimizer, step)) in all.iter_mut().enumerate() {
                let t = Instant::now();
                let out = step.run(student, optimizer, &indices, Noise::new(1, r as u32), 0.01, &context).unwrap();
                best[i] = best[i].min(t.elapsed().as_secs_f64());
                losses[i] = format!("{out:?}").len() as f64;
                if r + 1 == rounds { println!("{:?}", out); }
            }
        }
        println!("{name}: examples/s f32 {:.0} bf16 {:.0} emulated {:.0}; bf16/f32 {:.3}", n as f64 / best[0], n as f64 / best[1], n as f64 / best[2], best[0] / best[1]);
    }
}
