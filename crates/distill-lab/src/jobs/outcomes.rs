use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distill_models::Model;
use distill_tensor::LogPartition;
use serde::{Deserialize, Serialize};

use super::trainer::Trainer;
use crate::stop::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// What models make of each test example: intervals over examples need no training. It is a file beside the row,
/// see `docs/reproduce.md`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Of the test set.
    pub examples: usize,
    /// Examples of each unit that is drawn as one, in their order, such as the frames of an utterance. Empty where each
    /// example is one.
    pub units: Vec<usize>,
    /// One for each model, in groups that are averaged.
    pub models: Vec<Outcome>,
}

/// What one model makes of each test example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The models that are averaged with it.
    #[serde(default)]
    group: String,
    /// Whether the answer is wrong: a bit for each example in base64, the first one the lowest of its byte.
    wrong: String,
    /// Negative log-likelihood in nats, where it is asked for: the upper halves of f32, little endian, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    nll: Option<String>,
}

/// What is lost on an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Whether the answer is wrong.
    Errors,
    /// The negative log-likelihood, in nats.
    Nll,
}

impl Trainer<'_> {
    /// What a model makes of each test example, with its negative log-likelihood if that is asked for.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn outcome(&self, model: &dyn Model, with_nll: bool) -> Result<Outcome, Stop> {
        let found = self.test(model)?;
        let wrong: Vec<bool> = found.labels.iter().zip(&found.predictions).map(|(a, b)| a != b).collect();
        let mut nll = None;
        if with_nll {
            let answers = self.answers(model, &*self.data.sets.test)?;
            let of = |(z, &label): (ndarray::ArrayView1<'_, f32>, &u32)| {
                -LogPartition::new(z.iter().copied(), 1.0).log_prob(z[label as usize])
            };
            nll = Some(answers.logits().rows().into_iter().zip(&found.labels).map(of).collect::<Vec<f64>>());
        }
        Ok(Outcome::new(&wrong, nll.as_deref()))
    }
}

impl Outcome {
    fn new(wrong: &[bool], nll: Option<&[f64]>) -> Self {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte: u8, &bit| byte << 1 | u8::from(bit));
        let bytes: Vec<u8> = wrong.chunks(8).map(byte).collect();
        #[expect(clippy::cast_possible_truncation, reason = "eight bits of precision are kept")]
        let half = |&nll: &f64| {
            // Rounded to the nearest: half of the lowest bit that is kept is added before the others are cut off.
            let bits = (nll as f32).to_bits().saturating_add(0x8000);
            ((bits >> 16) as u16).to_le_bytes()
        };
        let nll = nll.map(|nll| STANDARD.encode(nll.iter().flat_map(half).collect::<Vec<u8>>()));
        Self { group: String::new(), wrong: STANDARD.encode(bytes), nll }
    }

    /// What is lost on each of `n` examples. Nothing where that was not kept.
    fn losses(&self, n: usize, loss: Loss) -> Option<Vec<f64>> {
        let losses: Vec<f64> = match loss {
            Loss::Errors => {
                let bytes = STANDARD.decode(&self.wrong).ok().filter(|bytes| bytes.len() == n.div_ceil(8))?;
                (0..n).map(|i| f64::from(bytes[i / 8] >> (i % 8) & 1)).collect()
            }
            Loss::Nll => {
                let bytes = STANDARD.decode(self.nll.as_ref()?).ok()?;
                let value =
                    |pair: &[u8]| f64::from(f32::from_bits(u32::from(pair[0]) << 16 | u32::from(pair[1]) << 24));
                bytes.chunks_exact(2).map(value).collect()
            }
        };
        Some(losses).filter(|losses| losses.len() == n)
    }
}

impl Outcomes {
    /// Takes in a group of models once.
    pub fn add(&mut self, group: &str, outcomes: &[Outcome]) {
        if self.models.iter().all(|model| model.group != group) {
            self.models.extend(outcomes.iter().map(|one| Outcome { group: group.to_owned(), ..one.clone() }));
        }
    }

    /// What each model of a group loses on each unit.
    ///
    /// # Errors
    /// If that is not there, or the units are not those of the examples.
    pub fn losses(&self, group: &str, loss: Loss) -> Result<Vec<Vec<f64>>, Diagnostic> {
        let broken = || {
            Diagnostic::new(Code::RunFile, format!("what the models of `{group}` answer is not whole"))
                .note(format!("{} examples in {} units", self.examples, self.units.len()))
                .help("remove the file and run the row again; its models are kept")
        };
        if !self.units.is_empty() && self.units.iter().sum::<usize>() != self.examples {
            return Err(broken());
        }
        let of = |model: &Outcome| {
            let losses = model.losses(self.examples, loss)?;
            if self.units.is_empty() {
                return Some(losses);
            }
            let mut rest = losses.iter();
            Some(self.units.iter().map(|&n| rest.by_ref().take(n).sum()).collect())
        };
        let models = self.models.iter().filter(|model| model.group == group);
        models.map(|model| of(model).ok_or_else(broken)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_and_summed_by_unit() {
        let wrong = [true, false, false, true, true, false, false, false, false, true];
        let nll: Vec<f64> = (0..10).map(|i| 0.3 * f64::from(i) + 1e-6).collect();
        let mut outcomes = Outcomes { examples: 10, units: vec![], models: vec![] };
        outcomes.add("a", &[Outcome::new(&wrong, Some(&nll)), Outcome::new(&[false; 10], None)]);
        outcomes.add("a", &[Outcome::new(&[true; 10], None)]);
        outcomes.add("b", &[Outcome::new(&[true; 10], Some(&nll))]);
        let text = serde_json::to_string(&outcomes).unwrap();
        // Bits 0, 3 and 4, then bit 1.
        assert!(text.contains(&format!("\"{}\"", STANDARD.encode([0b1_1001, 0b10]))), "{text}");
        let mut read: Outcomes = serde_json::from_str(&text).unwrap();
        assert_eq!(read, outcomes);
        let errors = read.losses("a", Loss::Errors).unwrap();
        assert_eq!(errors, [wrong.map(|wrong| f64::from(u8::from(wrong))), [0.0; 10]]);
        for (found, nll) in read.losses("b", Loss::Nll).unwrap()[0].iter().zip(&nll) {
            assert!((found / nll - 1.0).abs() < 1.0 / 256.0, "{found} {nll}");
        }
        read.units = vec![1, 4, 0, 5];
        assert_eq!(read.losses("a", Loss::Errors).unwrap()[0], [1.0, 2.0, 0.0, 1.0]);
        assert_eq!(read.losses("other", Loss::Errors).unwrap(), Vec::<Vec<f64>>::new());
        // What is not there, and units of other examples.
        assert!(read.losses("a", Loss::Nll).is_err());
        read.units = vec![1, 4];
        assert!(read.losses("a", Loss::Errors).is_err());
    }
}
