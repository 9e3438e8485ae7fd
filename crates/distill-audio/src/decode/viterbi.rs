#[cfg(test)]
mod tests;

use ndarray::{ArrayView2, Axis};

use super::Hmm;
use crate::AudioError;

/// How scores of frames and of phones are weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeConfig {
    /// What the scores of frames are multiplied with. Neighbouring frames are not independent, so it is below 1.
    pub acoustic_scale: f64,
    /// What every phone costs, in nats. More of it gives fewer phones; below 0 it gives more.
    pub insertion_penalty: f64,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self { acoustic_scale: 0.5, insertion_penalty: 0.0 }
    }
}

/// The best path through an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The phones, as places in [`PhoneSet::phones`](crate::PhoneSet::phones).
    pub phones: Vec<u32>,
    /// The state of each frame.
    pub states: Vec<u32>,
    /// The score of the path, in nats.
    pub score: f64,
}

/// Finds the most probable sequence of phones: the Viterbi algorithm.
///
/// A path is a sequence of whole phones. Its score is the sum of
/// `acoustic_scale * (log p(state | frame) - log p(state))` over frames, of the logarithms of repeating a state or going
/// on, and, for every phone, of the bigram less the insertion penalty. Of equal paths it is always the same one.
///
/// Viterbi, 1967; the posteriors of a network as scores: Bourlard and Morgan, *Connectionist Speech Recognition*, 1994.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    hmm: Hmm,
    config: DecodeConfig,
}

/// Where the best path to a state comes from.
#[derive(Debug, Clone, Copy)]
struct From {
    state: u32,
    /// Whether a phone begins here.
    begins: bool,
}

impl Decoder {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`AudioError::DecoderSetting`].
    pub fn new(hmm: Hmm, config: DecodeConfig) -> Result<Self, AudioError> {
        let DecodeConfig { acoustic_scale, insertion_penalty } = config;
        if !(acoustic_scale > 0.0 && acoustic_scale.is_finite()) {
            let expected = "a finite number above 0";
            return Err(AudioError::DecoderSetting { name: "the acoustic scale", value: acoustic_scale, expected });
        }
        if !insertion_penalty.is_finite() {
            let expected = "a finite number";
            return Err(AudioError::DecoderSetting {
                name: "the insertion penalty",
                value: insertion_penalty,
                expected,
            });
        }
        Ok(Self { hmm, config })
    }

    /// Decodes an utterance from `log p(state | frame)`, shape `(frames, states)`.
    ///
    /// Logits do as well: what is added to all states of a frame changes the score and not the path.
    ///
    /// # Errors
    /// [`AudioError::ScoreColumns`], [`AudioError::ScoreValue`] for NaN and positive infinity, and
    /// [`AudioError::NoPath`] if there are fewer frames than the shortest phone has states.
    pub fn decode(&self, log_posteriors: ArrayView2<'_, f32>) -> Result<Decoded, AudioError> {
        self.check(log_posteriors)?;
        let (n_frames, n_states) = log_posteriors.dim();
        let Hmm { chains, log_repeat, log_go_on, log_prior, bigram } = &self.hmm;
        let penalty = self.config.insertion_penalty;
        // The scores of all states after a frame, and for each frame and state where its path comes from.
        let (mut scores, mut next) = (vec![f64::NEG_INFINITY; n_states], vec![0.0; n_states]);
        let mut from: Vec<From> = Vec::with_capacity(n_frames * n_states);

        for (t, log_posteriors) in log_posteriors.axis_iter(Axis(0)).enumerate() {
            for (phone, chain) in (0..).zip(chains) {
                let (entered, before) = if t == 0 {
                    (bigram.log_prob(None, Some(phone)), 0)
                } else {
                    let ends = (0..).zip(chains).map(|(other, chain)| {
                        let last = chain.end - 1;
                        (scores[last] + log_go_on[last] + bigram.log_prob(Some(other), Some(phone)), last)
                    });
                    best(ends)
                };
                for state in chain.clone() {
                    let repeated = scores[state] + log_repeat[state];
                    let begins = state == chain.start;
                    let (came, origin) = match begins {
                        true => (entered - penalty, before),
                        false => (scores[state - 1] + log_go_on[state - 1], state - 1),
                    };
                    let goes_on = came > repeated;
                    next[state] = came.max(repeated);
                    let origin = if goes_on { origin } else { state };
                    from.push(From { state: origin as u32, begins: goes_on && begins });
                }
            }
            for ((score, &log_posterior), log_prior) in next.iter_mut().zip(log_posteriors).zip(log_prior) {
                *score += self.config.acoustic_scale * (f64::from(log_posterior) - log_prior);
            }
            std::mem::swap(&mut scores, &mut next);
        }

        let ends = (0..).zip(chains).map(|(phone, chain)| {
            let last = chain.end - 1;
            (scores[last] + log_go_on[last] + bigram.log_prob(Some(phone), None), last)
        });
        let (score, last) = best(ends);
        if n_frames == 0 || score == f64::NEG_INFINITY {
            return Err(AudioError::NoPath { frames: n_frames });
        }
        Ok(self.trace(&from, last, score))
    }

    /// Follows the best path back from its end.
    fn trace(&self, from: &[From], last: usize, score: f64) -> Decoded {
        let (mut phones, mut states) = (Vec::new(), Vec::new());
        let mut state = last;
        for from in from.chunks_exact(self.hmm.n_states()).rev() {
            states.push(state as u32);
            if from[state].begins {
                phones.push(self.hmm.chains.partition_point(|chain| chain.end <= state) as u32);
            }
            state = from[state].state as usize;
        }
        phones.reverse();
        states.reverse();
        Decoded { phones, states, score }
    }

    fn check(&self, log_posteriors: ArrayView2<'_, f32>) -> Result<(), AudioError> {
        let (expected, actual) = (self.hmm.n_states(), log_posteriors.ncols());
        if expected != actual {
            return Err(AudioError::ScoreColumns { expected, actual });
        }
        // A posterior of zero is a fact, NaN is a mistake.
        match log_posteriors.indexed_iter().find(|&(_, &value)| value.is_nan() || value == f32::INFINITY) {
            Some(((frame, class), &value)) => Err(AudioError::ScoreValue { frame, class, value }),
            None => Ok(()),
        }
    }
}

/// The highest score with its place, the first of equal ones.
fn best(scores: impl Iterator<Item = (f64, usize)>) -> (f64, usize) {
    scores.fold((f64::NEG_INFINITY, 0), |best, other| if other.0 > best.0 { other } else { best })
}
