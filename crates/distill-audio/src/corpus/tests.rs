use std::fs;

use distill_datasets::Dataset;
use ndarray::s;
use tempfile::TempDir;

use super::*;
use crate::recording::wav_path;
use crate::wav;

/// A mono file of noise, `loudness` of 32768.
fn noise(rate: u32, n_samples: usize, loudness: i16) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((2 * n_samples as u32).to_le_bytes());
    let mut state = 1_u32;
    bytes.extend((0..n_samples).flat_map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (((state >> 16) as u16 as i16 / 64) * loudness).to_le_bytes()
    }));
    let len = (bytes.len() as u32 - 8).to_le_bytes();
    bytes[4..8].copy_from_slice(&len);
    bytes
}

/// Whole frames of 25 ms every 10 ms, at 8 kHz, and half a step.
fn samples(n_frames: usize) -> usize {
    200 + 80 * (n_frames - 1) + 40
}

/// Utterances: part, name, speaker, labelled frames, frames of the recording, loudness.
type Row = (&'static str, &'static str, &'static str, u32, usize, i16);

const ROWS: [Row; 4] = [
    ("train", "one", "ann", 12, 12, 3),
    ("test", "sub/two", "ann", 7, 5, 40),
    ("train", "three.a", "bob", 9, 10, 9),
    ("validation", "four", "bob", 6, 6, 20),
];

fn corpus(rows: &[Row]) -> (TempDir, Alignment) {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "split,utterance,speaker,phone,state,start_frame,frames\n".to_owned();
    for &(part, name, speaker, labels, frames, loudness) in rows {
        table += &format!("{part},{name},{speaker},A,0,0,2\n{part},{name},{speaker},B,0,2,{}\n", labels - 2);
        let path = wav_path(folder.path(), name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, noise(8000, samples(frames), loudness)).unwrap();
    }
    (folder, Alignment::parse(table.as_bytes(), Path::new("a.csv")).unwrap())
}

fn load(rows: &[Row]) -> Result<Corpus, AudioError> {
    let (folder, alignment) = corpus(rows);
    Corpus::load(alignment, &FilterbankConfig::for_rate(8000), folder.path())
}

#[test]
fn frames_and_labels_are_cut_to_the_shorter() {
    let loaded = load(&ROWS).unwrap();
    let lens: Vec<_> = loaded.recordings().iter().map(|recording| recording.features.nrows()).collect();
    assert_eq!(lens, [12, 5, 9, 6]);
    let parts = loaded.into_parts(Context::symmetric(1)).unwrap();
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(Dataset::len), [21, 6, 5]);
    let names: Vec<_> = parts.train.utterances().map(|u| (u.name.to_owned(), u.examples)).collect();
    assert_eq!(names, [("one".to_owned(), 0..12), ("three.a".to_owned(), 12..21)]);
    assert_eq!(parts.test.utterance(0).unwrap().phones, [0, 1]);
}

#[test]
fn frames_are_those_of_each_recording() {
    let (folder, alignment) = corpus(&ROWS);
    let config = FilterbankConfig::for_rate(8000);
    let mut filterbank = Filterbank::new(config.clone()).unwrap();
    for recording in Corpus::load(alignment, &config, folder.path()).unwrap().recordings() {
        let wav = wav::read(wav_path(folder.path(), &recording.utterance.name)).unwrap();
        let expected = filterbank.log_mel(&wav.samples);
        assert_eq!(recording.features, expected.slice(s![..recording.features.nrows(), ..]));
    }
}

#[test]
fn every_normalization_brings_its_frames_to_zero_and_one() {
    let spread = |recordings: &[&Recording]| {
        let frames: Vec<_> = recordings.iter().map(|recording| recording.features.view()).collect();
        let found = Statistics::of(&frames).unwrap();
        let worst = |values: &[f64], expected: f64| values.iter().map(|v| (v - expected).abs()).fold(0.0, f64::max);
        worst(found.mean(), 0.0).max(worst(found.deviation(), 1.0))
    };
    let groups: [(Normalization, &[&[usize]], bool); 3] = [
        (Normalization::Training, &[&[0, 2]], false),
        (Normalization::Speaker, &[&[0, 1], &[2, 3]], false),
        (Normalization::Utterance, &[&[0], &[1], &[2], &[3]], true),
    ];
    for (normalization, groups, each) in groups {
        let mut corpus = load(&ROWS).unwrap();
        corpus.normalize(normalization).unwrap();
        let recordings = corpus.recordings();
        for group in groups {
            let of: Vec<_> = group.iter().map(|&place| &recordings[place]).collect();
            assert!(spread(&of) < 1e-5, "{normalization:?} {group:?}");
        }
        // The loud test utterance is not part of what the others are measured by.
        assert_eq!(spread(&[&recordings[1]]) < 1e-5, each, "{normalization:?}");
    }
}

#[test]
fn without_training_frames_there_are_no_statistics() {
    let mut corpus = load(&ROWS[1..2]).unwrap();
    assert!(matches!(corpus.normalize(Normalization::Training), Err(AudioError::NoTrainingFrames)));
    corpus.normalize(Normalization::Speaker).unwrap();
}

#[test]
fn says_which_recording_is_wrong() {
    let (folder, alignment) = corpus(&ROWS);
    let load = || Corpus::load(alignment.clone(), &FilterbankConfig::for_rate(8000), folder.path());
    let message = || load().unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "DIR");
    fs::write(folder.path().join("four.wav"), b"RIFF").unwrap();
    assert_eq!(message(), "DIR/four.wav, byte 4: the file ends inside a header");
    fs::write(folder.path().join("three.a.wav"), noise(16_000, samples(9), 3)).unwrap();
    assert_eq!(message(), "DIR/three.a.wav has 16000 samples a second, but the filterbank is for 8000");
    for frames in [3, 11] {
        fs::write(folder.path().join("sub/two.wav"), noise(8000, samples(frames), 3)).unwrap();
        let expected = format!("DIR/sub/two.wav has {frames} frames, but its labels are for 7, more than 3 apart");
        assert_eq!(message(), expected);
    }
    fs::remove_file(folder.path().join("sub/two.wav")).unwrap();
    fs::remove_file(folder.path().join("four.wav")).unwrap();
    assert_eq!(message(), "DIR lacks 2 of 4 recordings, the first is sub/two.wav");
}
