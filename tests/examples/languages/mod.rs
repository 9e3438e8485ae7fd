//! What the examples on languages share: their snippets, and the generalist that learns from them.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use distill_datasets::Dataset;
use distill_losses::CrossEntropy;
use distill_models::{EmbeddingConfig, MlpConfig, Model as _, Network};
use distill_text::{NGrams, Paragraphs, Part, Snippets, TextSnippets};
use distill_train::{
    Hooks, NullObserver, OptimizerConfig, OptimizerKind, ScheduleConfig, ScheduleKind, Teacher, TrainConfig, Training,
    train,
};

const N_CHARS: usize = 24;

pub(crate) fn config(epochs: u32, lr: f64) -> TrainConfig {
    let optimizer = OptimizerConfig { kind: OptimizerKind::AdamW, lr, ..OptimizerConfig::default() };
    let schedule = ScheduleConfig { kind: ScheduleKind::Cosine, ..ScheduleConfig::default() };
    TrainConfig { epochs, batch: 128, optimizer, schedule, ..TrainConfig::default() }
}

/// So many snippets of a part of the paragraphs.
pub(crate) fn snippets(paragraphs: &Arc<Paragraphs>, part: Part, n: usize) -> Result<TextSnippets, Box<dyn Error>> {
    Ok(TextSnippets::new(Snippets::new(paragraphs.clone(), part, N_CHARS, 1)?, NGrams::default(), n)?)
}

/// Trains a network that knows all languages, and prints how long that took.
pub(crate) fn generalist(data: &dyn Dataset, hidden: usize, epochs: u32) -> Result<Network, Box<dyn Error>> {
    let start = Instant::now();
    let embedding = Some(EmbeddingConfig { buckets: NGrams::default().buckets() as usize });
    let description = MlpConfig { hidden: vec![hidden], embedding, ..MlpConfig::default() };
    let spec = data.spec();
    let mut generalist = Network::new(description, spec.input_shape.clone(), spec.classes.clone(), 1)?;
    let training = Training {
        data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config(epochs, 1e-2),
        seed: 1,
        hooks: Hooks::default(),
    };
    train(&mut generalist, &training, &mut NullObserver)?;
    println!("{}: {:.1?}", generalist.spec().architecture, start.elapsed());
    Ok(generalist)
}
