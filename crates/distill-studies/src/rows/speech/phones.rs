use distill_audio::decode::{DecodeConfig, Decoder, Edits, Hmm};
use distill_audio::{AudioError, SpeechFrames, asterisk_alignment};
use distill_models::Model;
use distill_train::SoftTargets;
use ndarray::s;
use rayon::prelude::*;

use distill_lab::jobs::{Stop, Trainer};
use distill_recipe::Diagnostic;
use distill_recipe::data_source::DataSource;

/// What is tried on the validation utterances.
const SCALES: [f64; 4] = [0.3, 0.5, 0.7, 1.0];
const PENALTIES: [f64; 4] = [-4.0, -2.0, 0.0, 2.0];

/// Finds the phones of utterances.
pub(super) struct Phones {
    hmm: Hmm,
    validation: SpeechFrames,
    test: SpeechFrames,
}

impl Phones {
    /// Nothing where the data of the study is not speech.
    pub(super) fn open(source: &str) -> Result<Option<Self>, Diagnostic> {
        let Some(parts) = DataSource::open(source)?.speech()? else { return Ok(None) };
        let hmm = asterisk_alignment().and_then(|alignment| Hmm::estimate(&alignment)).map_err(Diagnostic::from)?;
        Ok(Some(Self { hmm, validation: parts.validation, test: parts.test }))
    }

    /// Frames of each test utterance.
    pub(super) fn test_utterances(&self) -> Vec<usize> {
        self.test.utterances().map(|utterance| utterance.examples.len()).collect()
    }

    /// Phone errors of the test utterances in percent. How much the frames count, and what a phone costs, are
    /// chosen for each model on the validation utterances.
    pub(super) fn error_rate(&self, lab: &Trainer<'_>, model: &dyn Model) -> Result<f64, Stop> {
        let validation = lab.answers(model, &self.validation)?;
        let mut best: Option<(f64, DecodeConfig)> = None;
        for acoustic_scale in SCALES {
            for insertion_penalty in PENALTIES {
                let config = DecodeConfig { acoustic_scale, insertion_penalty };
                let rate = self.errors(config, &self.validation, &validation).map_err(Diagnostic::from)?.rate();
                if best.is_none_or(|(least, _)| rate < least) {
                    best = Some((rate, config));
                }
            }
        }
        let config = best.map(|(_, config)| config).unwrap_or_default();
        Ok(100.0 * self.errors(config, &self.test, &lab.answers(model, &self.test)?).map_err(Diagnostic::from)?.rate())
    }

    fn errors(&self, config: DecodeConfig, data: &SpeechFrames, logits: &SoftTargets) -> Result<Edits, AudioError> {
        let decoder = Decoder::new(self.hmm.clone(), config)?;
        let silence = data.phones().position("SIL");
        let spoken =
            |phones: &[u32]| phones.iter().copied().filter(|&phone| Some(phone) != silence).collect::<Vec<_>>();
        let utterances: Vec<_> = data.utterances().collect();
        let found = utterances.into_par_iter().map(|utterance| {
            let found = decoder.decode(logits.logits().slice(s![utterance.examples, ..]))?;
            Ok(Edits::between(&spoken(utterance.phones), &spoken(&found.phones)))
        });
        let found: Vec<Result<Edits, AudioError>> = found.collect();
        found.into_iter().try_fold(Edits::default(), |mut sum, edits| {
            sum += edits?;
            Ok(sum)
        })
    }
}
