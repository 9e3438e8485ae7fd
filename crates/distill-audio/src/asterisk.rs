use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::recording::{check_present, wav_path};
use crate::{Alignment, AudioError, Corpus, FilterbankConfig, wav};

const TABLE: &[u8] = include_bytes!("../data/asterisk-en-alignment.csv.gz");
const PACKAGE: &str = "asterisk-core-sounds-en-wav";

/// Where Debian's package `asterisk-core-sounds-en-wav` puts the recordings.
pub const ASTERISK_FOLDER: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";

/// The SHA-256 of the lines that `sha256sum` prints for the recordings of the table, sorted by name.
const KNOWN: &str = "b17459f3b8e71dc7f517e58d1a8668e22291c515c7c374fe9fcd659d40bd83f0";

/// Whether the recordings have to be those that were aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recordings {
    /// Those of version 1.6.1 of the package, byte for byte.
    Known,
    /// Any with the same names and lengths.
    Any,
}

/// The labels of `asterisk-en`: 500 prompts, 39 phones of three states, 103,076 frames of 10 ms.
///
/// How they were made is in `data/LICENSE`.
///
/// # Errors
/// None that a change of the embedded table would not make.
pub fn asterisk_alignment() -> Result<Alignment, AudioError> {
    Alignment::parse(TABLE, Path::new("asterisk-en-alignment.csv.gz"))
}

/// English prompts of the telephone exchange Asterisk, spoken by Allison Smith, with a phone state for every frame.
///
/// Labels are embedded, recordings are read from a folder such as [`ASTERISK_FOLDER`]; they have 8,000 samples a
/// second.
///
/// # Errors
/// [`AudioError::MissingRecordings`], which says what to install; [`AudioError::OtherRecordings`] if they are to be
/// [`Recordings::Known`] and are not; and as [`Corpus::load`].
pub fn asterisk_en(folder: &Path, config: &FilterbankConfig, recordings: Recordings) -> Result<Corpus, AudioError> {
    let alignment = asterisk_alignment()?;
    check_present(&alignment, folder, Some(PACKAGE))?;
    if recordings == Recordings::Known {
        let actual = hash(&alignment, folder)?;
        if actual != KNOWN {
            return Err(AudioError::OtherRecordings { folder: folder.to_owned(), expected: KNOWN, actual });
        }
    }
    Corpus::load(alignment, config, folder)
}

/// As `sha256sum NAME.wav ... | sha256sum`, with names from the folder on and in the order of their bytes.
fn hash(alignment: &Alignment, folder: &Path) -> Result<String, AudioError> {
    let mut names: Vec<_> = alignment.utterances.iter().map(|utterance| utterance.name.as_str()).collect();
    names.sort_unstable_by_key(|name| format!("{name}.wav"));
    let mut all = Sha256::new();
    for name in names {
        let bytes = wav::bytes(&wav_path(folder, name))?;
        all.update(format!("{}  {name}.wav\n", hex(&Sha256::digest(bytes))));
    }
    Ok(hex(&all.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Context, Normalization, Part};

    #[test]
    fn the_table_is_what_it_is_said_to_be() {
        let alignment = asterisk_alignment().unwrap();
        let frames = |part| alignment.part(part).map(|utterance| utterance.frames()).sum::<usize>();
        assert_eq!(alignment.utterances.len(), 500);
        assert_eq!([Part::Train, Part::Validation, Part::Test].map(frames), [71_875, 11_284, 19_917]);
        assert_eq!((alignment.phones.phones().len(), alignment.phones.n_states()), (39, 117));
        assert!(alignment.phones.position("SIL").is_some());
        let names = alignment.phones.class_names();
        assert!(names.is_sorted() && names.first().is_some_and(|name| name == "AA.0"));
        let license = include_str!("../data/LICENSE");
        let table = format!("{}  asterisk-en-alignment.csv.gz", hex(&Sha256::digest(TABLE)));
        assert!(license.contains(&table), "{table}");
        assert!(license.contains(KNOWN));
    }

    #[test]
    fn missing_recordings_come_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let config = FilterbankConfig::for_rate(8000);
        let error = asterisk_en(folder.path(), &config, Recordings::Any).unwrap_err();
        assert_eq!(
            error.to_string().replace(folder.path().to_str().unwrap(), "DIR"),
            "DIR lacks 500 of 500 recordings, the first is activated.wav; `apt-get install \
             asterisk-core-sounds-en-wav` brings them, or name the folder that has them"
        );
    }

    #[test]
    fn other_recordings_are_refused_unless_any_will_do() {
        let folder = tempfile::tempdir().unwrap();
        for utterance in asterisk_alignment().unwrap().utterances {
            let path = wav_path(folder.path(), &utterance.name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"RIFF\x04\0\0\0WAVE").unwrap();
        }
        let config = FilterbankConfig::for_rate(8000);
        let error = |recordings| asterisk_en(folder.path(), &config, recordings).unwrap_err();
        assert!(matches!(error(Recordings::Known), AudioError::OtherRecordings { .. }));
        // Whatever they are, they are read.
        assert!(matches!(error(Recordings::Any), AudioError::Wav { offset: 12, .. }));
    }

    #[test]
    #[ignore = "needs Debian's package asterisk-core-sounds-en-wav"]
    fn the_recordings_of_the_package_are_the_known_ones() {
        let config = FilterbankConfig::for_rate(8000);
        let mut corpus = asterisk_en(Path::new(ASTERISK_FOLDER), &config, Recordings::Known).unwrap();
        // Of most recordings the last labelled frame is not whole.
        let lacking = |apart: usize| {
            let all = corpus.recordings().iter();
            all.filter(|recording| recording.utterance.frames() - recording.features.nrows() == apart).count()
        };
        assert_eq!([0, 1].map(lacking), [37, 463]);
        corpus.normalize(Normalization::Training).unwrap();
        let parts = corpus.into_parts(Context::PAPER).unwrap();
        assert_eq!(
            [&parts.train, &parts.validation, &parts.test].map(|part| part.features().nrows()).iter().sum::<usize>(),
            102_613
        );
    }
}
