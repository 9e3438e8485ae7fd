//! Trains a small network to tell 420 languages by 24 characters, and says how many it gets right:
//! `cargo run --release -p distill-tests --example text -- [EPOCHS [HIDDEN]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use distill_datasets::{Dataset, Subset};
use distill_losses::CrossEntropy;
use distill_models::{EmbeddingConfig, MlpConfig, Model, Network};
use distill_text::{NGrams, Part, Snippets, TextSnippets, language_name, udhr};
use distill_train::{
    EpochReport, Hooks, Observer, OptimizerConfig, OptimizerKind, ScheduleConfig, ScheduleKind, SoftTargets, Teacher,
    TrainConfig, Training, evaluate, train,
};

const N_CHARS: usize = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let epochs = args.next().map_or(Ok(4), |arg| arg.parse())?;
    let hidden = args.next().map_or(Ok(256), |arg| arg.parse())?;

    let start = Instant::now();
    let paragraphs = Arc::new(udhr()?);
    let n_grams = NGrams::default();
    let part = |part, n| TextSnippets::new(Snippets::new(paragraphs.clone(), part, N_CHARS, 1)?, n_grams, n);
    let (data, validation, test) =
        (part(Part::Train, 125_000)?, part(Part::Validation, 10_000)?, part(Part::Test, 50_000)?);
    println!(
        "{} languages from {} paragraphs, in {:.1?}",
        paragraphs.languages().len(),
        paragraphs.len(),
        start.elapsed()
    );

    let embedding = Some(EmbeddingConfig { buckets: n_grams.buckets() as usize });
    let config = MlpConfig { hidden: vec![hidden], embedding, ..MlpConfig::default() };
    let mut model = Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 1)?;
    println!("{}: {} parameters", model.spec().architecture, model.spec().parameters);
    let optimizer = OptimizerConfig { kind: OptimizerKind::AdamW, lr: 1e-2, ..OptimizerConfig::default() };
    let schedule = ScheduleConfig { kind: ScheduleKind::Cosine, ..ScheduleConfig::default() };
    let config = TrainConfig { epochs, batch: 128, optimizer, schedule, ..TrainConfig::default() };
    let training = Training {
        data: &data,
        validation: Some(&validation),
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    train(&mut model, &training, &mut Printer)?;
    println!("test snippets right: {:.2} %", 100.0 * evaluate(&model, &test)?.accuracy());

    println!("the first test snippets that are not:");
    let answers = SoftTargets::compute(&model, &Subset::new(Arc::new(test.clone()), (0..100).collect())?)?;
    let name = |class: usize| language_name(&test.spec().classes[class]).unwrap_or("?");
    for (index, logits) in answers.logits().outer_iter().enumerate() {
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or_default();
        let Some(snippet) = test.snippet(index) else { break };
        if best != snippet.language as usize {
            println!("  {}: {}, taken for {}", snippet.text, name(snippet.language as usize), name(best));
        }
    }
    Ok(())
}

struct Printer;

impl Observer for Printer {
    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let accuracy = report.validation.map_or(f64::NAN, |validation| 100.0 * validation.score());
        let EpochReport { epoch, loss, seconds, .. } = report;
        println!("epoch {epoch}: loss {:.4}, validation snippets right: {accuracy:.2} %, {seconds:.1} s", loss.total);
        ControlFlow::Continue(())
    }
}
