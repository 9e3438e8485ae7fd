use std::ops::Range;

use super::Bigram;
use crate::{Alignment, AudioError, Part, PhoneSet};

/// What training alignments say about phones: chains of states, how long each lasts, how often it is, and which phone
/// follows which.
///
/// A phone passes through its states in order, and each may repeat itself. With `n` frames in `v` visits of a
/// state, it goes on with probability `(v + 1) / (n + 2)` and repeats itself otherwise; among all `N` frames of `S` states
/// it has the prior `(n + 1) / (N + S)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hmm {
    /// The classes of each phone, in the order of its states.
    pub(super) chains: Vec<Range<usize>>,
    pub(super) log_repeat: Vec<f64>,
    pub(super) log_go_on: Vec<f64>,
    pub(super) log_prior: Vec<f64>,
    pub(super) bigram: Bigram,
}

impl Hmm {
    /// Counts over the training utterances of an alignment.
    ///
    /// # Errors
    /// [`AudioError::NoChain`] if the states of a phone are not 0, 1, 2 and so on.
    pub fn estimate(alignment: &Alignment) -> Result<Self, AudioError> {
        let phones = &alignment.phones;
        let chains = chains(phones)?;
        let n_states = phones.n_states();
        let (mut frames, mut visits) = (vec![0_u64; n_states], vec![0_u64; n_states]);
        for segment in alignment.part(Part::Train).flat_map(|utterance| &utterance.segments) {
            frames[segment.class as usize] += u64::from(segment.frames);
            visits[segment.class as usize] += 1;
        }
        let said = alignment.part(Part::Train).map(|u| phones.phones_of(u.segments.iter().map(|s| s.class)));
        let said: Vec<_> = said.collect();
        let total: u64 = frames.iter().sum();
        let log_ratio = |a: u64, b: u64| (a as f64 / b as f64).ln();
        let each = || frames.iter().zip(&visits);
        Ok(Self {
            chains,
            log_repeat: each().map(|(&n, &v)| log_ratio(n - v + 1, n + 2)).collect(),
            log_go_on: each().map(|(&n, &v)| log_ratio(v + 1, n + 2)).collect(),
            log_prior: frames.iter().map(|&n| log_ratio(n + 1, total + n_states as u64)).collect(),
            bigram: Bigram::estimate(phones.phones().len(), said.iter().map(Vec::as_slice)),
        })
    }

    /// The number of states of all phones.
    pub fn n_states(&self) -> usize {
        self.log_prior.len()
    }

    /// The logarithm of the prior of each state.
    pub fn log_prior(&self) -> &[f64] {
        &self.log_prior
    }

    /// Which phone follows which.
    pub fn bigram(&self) -> &Bigram {
        &self.bigram
    }
}

/// The classes of each phone, which stand together in the list.
fn chains(phones: &PhoneSet) -> Result<Vec<Range<usize>>, AudioError> {
    let mut chains: Vec<Range<usize>> = Vec::with_capacity(phones.phones().len());
    let states: Vec<_> = (0..).map_while(|class| phones.state(class)).collect();
    for of_phone in states.chunk_by(|a, b| a.0 == b.0) {
        let numbers = of_phone.iter().map(|&(_, number)| number);
        if !numbers.clone().eq(0..of_phone.len() as u32) {
            let phone = phones.phones()[of_phone[0].0 as usize].clone();
            return Err(AudioError::NoChain { phone, states: numbers.collect() });
        }
        let start = chains.last().map_or(0, |chain| chain.end);
        chains.push(start..start + of_phone.len());
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn alignment(rows: &str) -> Alignment {
        let table = format!("split,utterance,phone,state,start_frame,frames\n{rows}");
        Alignment::parse(table.as_bytes(), Path::new("a.csv")).unwrap()
    }

    #[test]
    fn counts_the_training_utterances() {
        let rows = "train,a,B,0,0,3\ntrain,a,B,1,3,1\ntrain,a,A,0,4,2\ntrain,a,B,0,6,1\ntrain,a,B,1,7,2\n\
                    test,b,A,0,0,50\n";
        let hmm = Hmm::estimate(&alignment(rows)).unwrap();
        assert_eq!(hmm.chains, [0..1, 1..3]);
        // A.0: 2 frames in 1 visit, B.0: 4 in 2, B.1: 3 in 2; 9 frames of 3 states.
        let close = |found: &[f64], expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(f, e)| (f.exp() - e).abs() < 1e-12), "{found:?} {expected:?}");
        };
        close(&hmm.log_prior, [3.0 / 12.0, 5.0 / 12.0, 4.0 / 12.0]);
        close(&hmm.log_go_on, [2.0 / 4.0, 3.0 / 6.0, 3.0 / 5.0]);
        close(&hmm.log_repeat, [2.0 / 4.0, 3.0 / 6.0, 2.0 / 5.0]);
        assert_eq!(hmm.bigram, Bigram::estimate(2, [&[1, 0, 1][..]]));
    }

    #[test]
    fn states_make_a_chain() {
        let error = Hmm::estimate(&alignment("train,a,B,0,0,3\ntrain,a,B,2,3,1\n")).unwrap_err();
        assert_eq!(error.to_string(), "phone `B` has the states [0, 2], expected 0, 1, 2 and so on without a gap");
    }
}
