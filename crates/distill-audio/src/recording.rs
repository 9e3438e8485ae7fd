use std::path::{Path, PathBuf};

use ndarray::{Array2, s};

use crate::{Alignment, AudioError, Filterbank, Utterance, wav};

/// How many frames a recording and its labels may be apart.
///
/// Aligners differ in whether the last, incomplete frame counts, and in rounding between sample rates.
pub const MAX_FRAMES_APART: usize = 3;

/// The features of a recording with what is said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What is said. It may have up to [`MAX_FRAMES_APART`] labels more than there are frames.
    pub utterance: Utterance,
    /// Features, shape `(frames, bands)`.
    pub features: Array2<f32>,
}

impl Recording {
    /// Reads the sound of an utterance and computes its frames, as many as there are labels at most.
    pub(crate) fn read(filterbank: &mut Filterbank, utterance: Utterance, folder: &Path) -> Result<Self, AudioError> {
        let path = wav_path(folder, &utterance.name);
        let wav = wav::read(&path)?;
        let expected = filterbank.config().rate;
        if wav.rate != expected {
            return Err(AudioError::SampleRate { path, expected, actual: wav.rate });
        }
        let (audio, labels) = (filterbank.frames(wav.samples.len()), utterance.frames());
        if audio.abs_diff(labels) > MAX_FRAMES_APART {
            return Err(AudioError::FrameCount { path, audio, labels, allowed: MAX_FRAMES_APART });
        }
        let mut features = filterbank.log_mel(&wav.samples);
        if audio > labels {
            features = features.slice(s![..labels, ..]).to_owned();
        }
        Ok(Self { utterance, features })
    }
}

/// The file of an utterance.
pub(crate) fn wav_path(folder: &Path, utterance: &str) -> PathBuf {
    // Not `with_extension`, which would take the end of a name with a dot.
    folder.join(format!("{utterance}.wav"))
}

/// Checks that there is a file for every utterance. `package` has them, if one does.
pub(crate) fn check_present(
    alignment: &Alignment,
    folder: &Path,
    package: Option<&'static str>,
) -> Result<(), AudioError> {
    let is_missing = |utterance: &&Utterance| !wav_path(folder, &utterance.name).is_file();
    let missing: Vec<_> = alignment.utterances.iter().filter(is_missing).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    Err(AudioError::MissingRecordings {
        folder: folder.to_owned(),
        n_missing: missing.len(),
        n_utterances: alignment.utterances.len(),
        first: format!("{}.wav", first.name),
        package,
    })
}
