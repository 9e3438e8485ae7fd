use std::path::Path;

use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;
use crate::Alignment;

/// A has one state, B two, C three.
fn hmm() -> Hmm {
    let table = "split,utterance,phone,state,start_frame,frames\n\
        train,a,A,0,0,3\ntrain,a,B,0,3,1\ntrain,a,B,1,4,2\ntrain,a,A,0,6,1\ntrain,a,A,0,7,2\n\
        train,b,C,0,0,1\ntrain,b,C,1,1,4\ntrain,b,C,2,5,1\ntrain,b,B,0,6,3\ntrain,b,B,1,9,1\n";
    Hmm::estimate(&Alignment::parse(table.as_bytes(), Path::new("a.csv")).unwrap()).unwrap()
}

/// Scores of every path from here on, by the definition. A path is its phones and its states.
struct AllPaths<'a> {
    decoder: &'a Decoder,
    scores: ArrayView2<'a, f32>,
    best: Option<Decoded>,
    n_paths: usize,
}

impl AllPaths<'_> {
    fn emission(&self, state: usize) -> impl Fn(usize) -> f64 {
        let (scale, prior) = (self.decoder.config.acoustic_scale, self.decoder.hmm.log_prior[state]);
        let column: Vec<f64> = self.scores.column(state).iter().map(|&score| f64::from(score)).collect();
        move |t| scale * (column[t] - prior)
    }

    fn enter(&mut self, path: &Decoded) {
        let hmm = &self.decoder.hmm;
        let before = path.phones.last().copied();
        for (phone, chain) in (0..).zip(hmm.chains.clone()) {
            let cost = self.decoder.hmm.bigram.log_prob(before, Some(phone)) - self.decoder.config.insertion_penalty;
            let mut path = path.clone();
            path.phones.push(phone);
            path.score += cost;
            self.visit(path, chain.start);
        }
    }

    fn visit(&mut self, mut path: Decoded, state: usize) {
        let hmm = &self.decoder.hmm;
        path.score += self.emission(state)(path.states.len());
        path.states.push(state as u32);
        let is_last = hmm.chains.iter().any(|chain| chain.end == state + 1);
        let (repeat, go_on) = (hmm.log_repeat[state], hmm.log_go_on[state]);
        if path.states.len() == self.scores.nrows() {
            if is_last {
                self.n_paths += 1;
                path.score += go_on + hmm.bigram.log_prob(path.phones.last().copied(), None);
                if self.best.as_ref().is_none_or(|best| path.score > best.score) {
                    self.best = Some(path);
                }
            }
            return;
        }
        self.visit(Decoded { score: path.score + repeat, ..path.clone() }, state);
        path.score += go_on;
        if is_last { self.enter(&path) } else { self.visit(path, state + 1) }
    }
}

fn all_paths(decoder: &Decoder, scores: ArrayView2<'_, f32>) -> (Option<Decoded>, usize) {
    let mut all = AllPaths { decoder, scores, best: None, n_paths: 0 };
    all.enter(&Decoded { phones: vec![], states: vec![], score: 0.0 });
    (all.best, all.n_paths)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_path_is_better(
        n_frames in 1_usize..8,
        values in prop::collection::vec(prop_oneof![9 => -6.0_f32..0.0, 1 => Just(f32::NEG_INFINITY)], 42),
        acoustic_scale in 0.1_f64..3.0,
        insertion_penalty in -3.0_f64..3.0,
    ) {
        let scores = Array2::from_shape_vec((7, 6), values).unwrap();
        let scores = scores.slice(ndarray::s![..n_frames, ..]);
        let decoder = Decoder::new(hmm(), DecodeConfig { acoustic_scale, insertion_penalty }).unwrap();
        let (expected, n_paths) = all_paths(&decoder, scores);
        let expected = expected.filter(|best| best.score > f64::NEG_INFINITY);
        prop_assert!(n_paths >= n_frames);
        match (decoder.decode(scores), expected) {
            (Ok(found), Some(expected)) => {
                prop_assert!((found.score - expected.score).abs() < 1e-9);
                prop_assert_eq!((found.phones, found.states), (expected.phones, expected.states));
            }
            (Err(AudioError::NoPath { frames }), None) => prop_assert_eq!(frames, n_frames),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn clear_scores_give_their_phones() {
    // States: A.0, B.0, B.1, C.0, C.1, C.2. Each frame is sure of one.
    let states = [0, 1, 1, 2, 3, 4, 4, 5, 0, 0];
    let scores = Array2::from_shape_fn((10, 6), |(t, state)| if states[t] == state { -0.1 } else { -40.0 });
    let decoder = Decoder::new(hmm(), DecodeConfig { acoustic_scale: 1.0, insertion_penalty: 0.0 }).unwrap();
    let found = decoder.decode(scores.view()).unwrap();
    assert_eq!((found.phones, found.states), (vec![0, 1, 2, 0], states.map(|state| state as u32).to_vec()));
}

#[test]
fn a_penalty_keeps_short_phones_out() {
    // A, but for one frame that may be the end of B.
    let mut scores = Array2::from_elem((9, 6), -8.0);
    scores.column_mut(0).fill(-0.5);
    scores
        .slice_mut(ndarray::s![4..6, ..])
        .assign(&array![[-2.5, -0.2, -9.0, -9.0, -9.0, -9.0], [-2.5, -9.0, -0.2, -9.0, -9.0, -9.0]]);
    let phones = |insertion_penalty| {
        let decoder = Decoder::new(hmm(), DecodeConfig { acoustic_scale: 2.0, insertion_penalty }).unwrap();
        decoder.decode(scores.view()).unwrap().phones
    };
    assert_eq!(phones(0.0), [0, 1, 0]);
    assert_eq!(phones(20.0), [0]);
    assert!(phones(-20.0).len() > 5);
}

#[test]
fn says_what_cannot_be_decoded() {
    let message = |scores: Array2<f32>| {
        Decoder::new(hmm(), DecodeConfig::default()).unwrap().decode(scores.view()).unwrap_err().to_string()
    };
    assert_eq!(message(Array2::zeros((4, 5))), "there are scores for 5 classes, but 6 states");
    assert_eq!(message(Array2::zeros((0, 6))), "no sequence of phones fits 0 frames");
    assert_eq!(message(array![[0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0]]), "the score of class 4 at frame 0 is NaN");
    // One frame is enough for A alone, which is impossible.
    assert_eq!(message(array![[f32::NEG_INFINITY, 0.0, 0.0, 0.0, 0.0, 0.0]]), "no sequence of phones fits 1 frames");
    let setting = |acoustic_scale, insertion_penalty| {
        Decoder::new(hmm(), DecodeConfig { acoustic_scale, insertion_penalty }).unwrap_err().to_string()
    };
    assert_eq!(setting(0.0, 0.0), "the acoustic scale is 0, expected a finite number above 0");
    assert_eq!(setting(1.0, f64::NAN), "the insertion penalty is NaN, expected a finite number");
}
