use std::f32::consts::PI;
use std::fs;

use super::*;

/// A WAV file with a tone.
pub(super) fn tone(rate: u32, n: usize, hz: f32) -> Vec<u8> {
    let sample = |t: usize| (8000.0 * (2.0 * PI * hz * t as f32 / rate as f32).sin()) as i16;
    let data: Vec<u8> = (0..n).flat_map(|t| sample(t).to_le_bytes()).collect();
    let size = u32::try_from(data.len()).unwrap();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((size + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(data);
    bytes
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, bytes)| dir.write(name, bytes));
        dir
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn find(&self, options: SoundOptions) -> Option<SoundFolder> {
        SoundFolder::find(self.0.path(), options, &FileDivision::default()).unwrap()
    }

    fn problem(&self, options: SoundOptions) -> String {
        let found = self.find(options).unwrap();
        let error = found.load(Split::Train, None, u64::MAX).unwrap_err();
        let at = error.path().map(|path| path.display().to_string()).unwrap_or_default();
        format!("{at}: {error}").replace(&self.0.path().display().to_string(), "DIR")
    }
}

fn all(data: &dyn Dataset) -> Array2<f32> {
    let mut out = Array2::zeros((data.len(), data.spec().features()));
    let indices: Vec<usize> = (0..data.len()).collect();
    data.read(&indices, out.view_mut()).unwrap();
    out
}

#[test]
fn what_is_learnt_from_training_is_applied_to_the_others() {
    let dir = Dir::new(&[
        ("train/low/a.wav", tone(8000, 8000, 200.0)),
        ("train/high/b.wav", tone(8000, 8000, 2000.0)),
        ("val/low/c.wav", tone(8000, 8000, 200.0)),
        ("test/high/d.wav", tone(8000, 8000, 900.0)),
    ]);
    let options = SoundOptions { coefficients: Some(10), ..SoundOptions::default() };
    let folder = dir.find(options).unwrap();
    assert!(folder.has_validation());
    // The test set first: what it is divided by is that of the training set all the same.
    let test = folder.load(Split::Test, None, u64::MAX).unwrap();
    let train = folder.load(Split::Train, None, u64::MAX).unwrap();
    assert_eq!(train.spec().input_shape, [1, 49, 10]);
    assert_eq!(
        (train.spec().classes.join(" "), train.label(0), train.label(1)),
        ("high low".to_owned(), Some(0), Some(1))
    );
    assert_eq!(train.format(), test.format());
    let values = all(&train).into_shape_with_order((98, 10)).unwrap();
    for column in values.columns() {
        assert!(column.mean().unwrap().abs() < 1e-5 && (column.std(0.0) - 1.0).abs() < 1e-4, "{column}");
    }
    let validation = folder.load(Split::Validation, None, u64::MAX).unwrap();
    assert_eq!(all(&validation).row(0), all(&train).row(1), "the same recording");
    assert_ne!(all(&test).row(0), all(&train).row(0));

    // Whoever knows the format reads the same, without the others.
    let (name, text) = train.reading().unwrap();
    assert_eq!(name, SOUND);
    let format: SoundFormat = serde_json::from_str(&text).unwrap();
    fs::remove_dir_all(dir.0.path().join("train")).unwrap();
    let again = dir.find(SoundOptions::default()).unwrap().with_format(format);
    let classes = ["high", "low"].map(str::to_owned);
    assert_eq!(all(&again.load(Split::Test, Some(&classes), u64::MAX).unwrap()), all(&test));
}

#[test]
fn lengths_are_brought_to_one_where_it_is_asked_for() {
    let dir = Dir::new(&[
        ("train/a/1.wav", tone(8000, 8000, 300.0)),
        ("train/a/2.wav", tone(8000, 4000, 300.0)),
        ("train/b/3.wav", tone(8000, 12_000, 300.0)),
    ]);
    let problem = dir.problem(SoundOptions::default());
    assert_eq!(
        problem,
        "DIR/train/a/2.wav: DIR/train/a/2.wav has 0.500 s, DIR/train/a/1.wav has 1.000 s: bring them to one length with `data.sound.seconds`"
    );
    let found = dir.find(SoundOptions { seconds: Some(1.0), ..SoundOptions::default() }).unwrap();
    assert_eq!(found.longest().unwrap(), 1.5);
    let inputs = all(&found.load(Split::Train, None, u64::MAX).unwrap());
    assert_eq!(inputs.dim(), (3, 49 * 40));
    // The short one begins in silence and is as loud as the others in the middle.
    assert!(inputs[[1, 0]] < inputs[[0, 0]] - 1.0);
    assert!((inputs[[1, 24 * 40 + 5]] - inputs[[0, 24 * 40 + 5]]).abs() < 0.2);
    let needed = 3 * (4 * 49 * 40 + 4);
    assert!(matches!(found.load(Split::Train, None, needed - 1), Err(DataError::MemoryBound { .. })));
    assert!(found.load(Split::Train, None, needed).is_ok());
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let files: Vec<(String, Vec<u8>)> =
        (0..24).map(|i| (format!("train/{}/{i:02}.wav", i % 2), tone(8000, 3000, 100.0 + 70.0 * i as f32))).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let dir = Dir::new(&files);
    let inputs = [1, 2, 3].map(|n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| all(&dir.find(SoundOptions::default()).unwrap().load(Split::Train, None, u64::MAX).unwrap()))
    });
    assert!(inputs[1] == inputs[0] && inputs[2] == inputs[0]);
}

#[test]
fn what_is_no_recording_is_told_apart_and_refused() {
    let wav = tone(8000, 1000, 300.0);
    assert!(Dir::new(&[("train/a/1.png", b"\x89PNG\r\n\x1a\n".to_vec())]).find(SoundOptions::default()).is_none());
    assert!(Dir::new(&[("x.wav", wav.clone())]).find(SoundOptions::default()).is_none());
    let dir =
        Dir::new(&[("train/a/1.wav", wav.clone()), ("train/a/2", wav.clone()), ("train/b/3.mp3", b"ID3\x04".to_vec())]);
    dir.write("train/b/notes.txt", b"x");
    let problem = dir.problem(SoundOptions::default());
    assert!(
        problem.contains("files among its recordings that are not WAV: b/3.mp3 (MP3), b/notes.txt; convert"),
        "{problem}"
    );

    let dir = Dir::new(&[("train/a/1.wav", wav.clone()), ("train/b/2.wav", tone(16_000, 1000, 300.0))]);
    assert!(dir.problem(SoundOptions::default()).contains("2.wav has 16000 samples a second, 8000 are expected"));
    for n in [0, 11, 43, 300] {
        dir.write("train/b/2.wav", &wav[..n]);
        assert!(dir.problem(SoundOptions::default()).contains("DIR/train/b/2.wav"), "{n}");
    }
    dir.write("train/b/2.wav", &wav);
    let options = SoundOptions { seconds: Some(0.02), ..SoundOptions::default() };
    assert!(dir.problem(options).contains("cannot be cut in frames: it has 20 ms, and a frame 40 ms"));
    fs::remove_file(dir.0.path().join("train/a/1.wav")).unwrap();
    fs::remove_file(dir.0.path().join("train/b/2.wav")).unwrap();
    assert!(dir.find(SoundOptions::default()).is_none());
}
