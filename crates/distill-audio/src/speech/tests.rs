use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::{Alignment, Part};

/// Utterances of these many frames with two bands: frame `t` of utterance `u` is `[100 u + t, -(100 u + t)]`.
fn recordings(n_frames: &[usize]) -> (PhoneSet, Vec<Recording>) {
    let mut table = "split,utterance,phone,state,start_frame,frames\n".to_owned();
    for (u, n) in n_frames.iter().enumerate() {
        // The labels may go on behind the frames.
        table += &format!("test,u{u},T,0,0,1\ntest,u{u},T,1,1,{}\n", n + 1);
    }
    let Alignment { phones, utterances } = Alignment::parse(table.as_bytes(), "a.csv".as_ref()).unwrap();
    let of = |(u, utterance): (usize, _)| Recording {
        utterance,
        features: Array2::from_shape_fn((n_frames[u], 2), |(t, b)| (100 * u + t) as f32 * [1.0, -1.0][b]),
    };
    (phones, utterances.into_iter().enumerate().map(of).collect())
}

fn frames(n_frames: &[usize], context: Context) -> SpeechFrames {
    let (phones, recordings) = recordings(n_frames);
    assert!(recordings.iter().all(|recording| recording.utterance.part == Part::Test));
    SpeechFrames::new(&phones, recordings, 2, context).unwrap()
}

fn read(data: &SpeechFrames, indices: &[usize]) -> Array2<f32> {
    let mut batch = Array2::from_elem((indices.len(), data.spec().features()), f32::NAN);
    data.read(indices, batch.view_mut()).unwrap();
    batch
}

#[test]
fn windows_repeat_the_edges_of_their_utterance() {
    let data = frames(&[3, 0, 4], Context { left: 2, right: 1 });
    assert_eq!(data.spec().input_shape, [1, 4, 2]);
    assert_eq!(data.spec().classes, ["T.0", "T.1"]);
    let batch = read(&data, &[0, 2, 3, 5]);
    for (row, expected) in [[0, 0, 0, 1], [0, 1, 2, 2], [200, 200, 200, 201], [200, 201, 202, 203]].iter().enumerate() {
        let expected: Vec<f32> = expected.iter().flat_map(|&v| [v as f32, -v as f32]).collect();
        assert_eq!(batch.row(row).to_vec(), expected, "row {row}");
    }
    let labels: Vec<_> = (0..=data.len()).map(|index| data.label(index)).collect();
    assert_eq!(labels, [Some(0), Some(1), Some(1), Some(0), Some(1), Some(1), Some(1), None]);
}

#[test]
fn knows_where_utterances_end() {
    let data = frames(&[3, 0, 4], Context::symmetric(1));
    let found: Vec<_> = data.utterances().map(|u| (u.name.to_owned(), u.examples, u.phones.to_vec())).collect();
    assert_eq!(
        found,
        [("u0".to_owned(), 0..3, vec![0]), ("u1".to_owned(), 3..3, vec![0]), ("u2".to_owned(), 3..7, vec![0])]
    );
    assert_eq!(data.utterance(3), None);
}

#[test]
fn another_context_shares_the_features() {
    let paper = frames(&[30], Context::PAPER);
    assert_eq!(paper.spec().input_shape, [1, 26, 2]);
    // The labelled frame is the 21st.
    assert_eq!(read(&paper, &[22])[[0, 40]], 22.0);
    let alone = paper.with_context(Context::symmetric(0)).unwrap();
    assert_eq!(read(&alone, &[22]).row(0).to_vec(), [22.0, -22.0]);
    assert!(std::ptr::eq(paper.features(), alone.features()));
    for context in [Context::symmetric(usize::MAX / 2), Context { left: usize::MAX, right: 1 }] {
        assert!(matches!(alone.with_context(context), Err(AudioError::ContextTooWide { .. })));
    }
    // More context than there is speech.
    assert_eq!(read(&paper.with_context(Context { left: 40, right: 1 }).unwrap(), &[0])[[0, 82]], 1.0);
}

#[test]
fn a_wrong_batch_is_refused() {
    let data = frames(&[3], Context::symmetric(0));
    let mut batch = Array2::zeros((1, 2));
    assert!(matches!(data.read(&[3], batch.view_mut()), Err(DataError::IndexOutOfRange { index: 3, len: 3 })));
    assert!(matches!(data.read(&[0, 1], batch.view_mut()), Err(DataError::BatchShape { .. })));
}

#[test]
fn a_part_may_be_empty() {
    let data = SpeechFrames::new(&recordings(&[1]).0, vec![], 2, Context::PAPER).unwrap();
    assert!(data.is_empty() && data.n_utterances() == 0);
    assert_eq!(data.spec().input_shape, [1, 26, 2]);
}

proptest! {
    #[test]
    fn every_window_is_the_one_of_the_definition(
        lengths in prop::collection::vec(0_usize..6, 1..5),
        left in 0_usize..8,
        right in 0_usize..8,
        transposed: bool,
    ) {
        let data = frames(&lengths, Context { left, right });
        let indices: Vec<usize> = (0..data.len()).rev().collect();
        let features = data.spec().features();
        let mut batch = if transposed {
            Array2::zeros((features, indices.len())).reversed_axes()
        } else {
            Array2::zeros((indices.len(), features))
        };
        data.read(&indices, batch.view_mut()).unwrap();
        for (row, &index) in indices.iter().enumerate() {
            let own = data.utterances().find(|u| u.examples.contains(&index)).unwrap().examples;
            for f in 0..left + 1 + right {
                let t = (index + f).saturating_sub(left).clamp(own.start, own.end - 1);
                prop_assert_eq!(batch[[row, 2 * f]], data.features()[[t, 0]]);
                prop_assert_eq!(batch[[row, 2 * f + 1]], data.features()[[t, 1]]);
            }
        }
    }
}
