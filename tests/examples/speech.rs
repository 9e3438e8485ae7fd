//! Trains a small acoustic model on recorded prompts and says how many frames and phones it gets right:
//! `cargo run --release -p distill-tests --example speech -- [EPOCHS [FOLDER]]`.
//!
//! It needs Debian's package `asterisk-core-sounds-en-wav`, or the folder with its recordings.
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use distill_audio::decode::{DecodeConfig, Decoder, Edits, Hmm};
use distill_audio::{
    ASTERISK_FOLDER, Context, FilterbankConfig, Normalization, Recordings, SpeechFrames, asterisk_alignment,
    asterisk_en,
};
use distill_datasets::Dataset;
use distill_losses::CrossEntropy;
use distill_models::{MlpConfig, Network};
use distill_train::{
    EpochReport, Hooks, Observer, OptimizerConfig, OptimizerKind, SoftTargets, Teacher, TrainConfig, Training,
    evaluate, train,
};
use ndarray::s;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let epochs = args.next().map_or(Ok(8), |arg| arg.parse())?;
    let folder = args.next().unwrap_or_else(|| ASTERISK_FOLDER.to_owned());

    let start = Instant::now();
    let mut corpus = asterisk_en(Path::new(&folder), &FilterbankConfig::for_rate(8000), Recordings::Known)?;
    corpus.normalize(Normalization::Training)?;
    let parts = corpus.into_parts(Context::PAPER)?;
    let [n_train, n_validation, n_test] = [&parts.train, &parts.validation, &parts.test].map(|part| part.len());
    println!("{n_train} frames to train, {n_validation} to validate, {n_test} to test, in {:.1?}", start.elapsed());

    let spec = parts.train.spec();
    let config = MlpConfig { hidden: vec![512; 4], dropout: 0.3, ..MlpConfig::default() };
    let mut model = Network::new(config, spec.input_shape.clone(), spec.classes.clone(), 1)?;
    let optimizer = OptimizerConfig { kind: OptimizerKind::AdamW, lr: 1e-3, ..OptimizerConfig::default() };
    let config = TrainConfig { epochs, batch: 256, optimizer, ..TrainConfig::default() };
    let training = Training {
        data: &parts.train,
        validation: Some(&parts.validation),
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    train(&mut model, &training, &mut Printer)?;
    println!("test frames right: {:.2} %", 100.0 * evaluate(&model, &parts.test)?.accuracy());

    // Scale and penalty are chosen on the validation utterances. Silence is not a phone that counts.
    let hmm = Hmm::estimate(&asterisk_alignment()?)?;
    let logits = SoftTargets::compute(&model, &parts.validation)?;
    let mut best: Option<(f64, DecodeConfig)> = None;
    for acoustic_scale in [0.3, 0.5, 0.7, 1.0] {
        for insertion_penalty in [-4.0, -2.0, 0.0, 2.0] {
            let config = DecodeConfig { acoustic_scale, insertion_penalty };
            let rate = phone_errors(&Decoder::new(hmm.clone(), config)?, &parts.validation, &logits)?.rate();
            if best.is_none_or(|(least, _)| rate < least) {
                best = Some((rate, config));
            }
        }
    }
    let (rate, config) = best.ok_or("there is nothing to choose from")?;
    println!("validation phone error rate: {:.2} % with {config:?}", 100.0 * rate);
    let logits = SoftTargets::compute(&model, &parts.test)?;
    let start = Instant::now();
    let edits = phone_errors(&Decoder::new(hmm, config)?, &parts.test, &logits)?;
    println!("test phone error rate: {:.2} %, {edits:?}, in {:.1?}", 100.0 * edits.rate(), start.elapsed());
    Ok(())
}

/// Decodes all utterances and compares them with what is said.
fn phone_errors(decoder: &Decoder, data: &SpeechFrames, logits: &SoftTargets) -> Result<Edits, Box<dyn Error>> {
    let silence = data.phones().position("SIL");
    let spoken = |phones: &[u32]| phones.iter().copied().filter(|&phone| Some(phone) != silence).collect::<Vec<_>>();
    let mut edits = Edits::default();
    for utterance in data.utterances() {
        let found = decoder.decode(logits.logits().slice(s![utterance.examples, ..]))?;
        edits += Edits::between(&spoken(utterance.phones), &spoken(&found.phones));
    }
    Ok(edits)
}

struct Printer;

impl Observer for Printer {
    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let accuracy = report.validation.map_or(f64::NAN, |validation| 100.0 * validation.score());
        let EpochReport { epoch, loss, seconds, .. } = report;
        println!("epoch {epoch}: loss {:.4}, validation frames right: {accuracy:.2} %, {seconds:.1} s", loss.total);
        ControlFlow::Continue(())
    }
}
