#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use crate::recording::{Recording, check_present};
use crate::{Alignment, AudioError, Context, Filterbank, FilterbankConfig, Part, PhoneSet, SpeechFrames, Statistics};

/// Which frames a mean and a standard deviation are taken from, to bring every band to 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// From those of the training utterances, for all utterances.
    Training,
    /// From all utterances of a speaker, for these. No label is used.
    Speaker,
    /// From each utterance for itself.
    Utterance,
}

/// Recordings with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    phones: PhoneSet,
    recordings: Vec<Recording>,
}

/// The three parts of a corpus, as data sets.
#[derive(Debug, Clone)]
pub struct Parts {
    /// To learn from.
    pub train: SpeechFrames,
    /// To choose settings by.
    pub validation: SpeechFrames,
    /// To be measured on.
    pub test: SpeechFrames,
}

impl Corpus {
    /// Reads `UTTERANCE.wav` below a folder for every utterance of an alignment and computes its frames.
    ///
    /// Recording and labels are cut to the shorter of the two.
    ///
    /// # Errors
    /// [`AudioError::MissingRecordings`] before anything is read, then what is wrong with the first bad recording in
    /// the order of the table: [`AudioError::Wav`], [`AudioError::SampleRate`], or [`AudioError::FrameCount`] if it is
    /// more than [`MAX_FRAMES_APART`](crate::MAX_FRAMES_APART) frames longer or shorter than its labels.
    pub fn load(alignment: Alignment, config: &FilterbankConfig, folder: &Path) -> Result<Self, AudioError> {
        let filterbank = Filterbank::new(config.clone())?;
        check_present(&alignment, folder, None)?;
        let Alignment { phones, utterances } = alignment;
        let read = |filterbank: &mut Filterbank, utterance| Recording::read(filterbank, utterance, folder);
        let results: Vec<_> = utterances.into_par_iter().map_with(filterbank, read).collect();
        let recordings = results.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { phones, recordings })
    }

    /// Phones and classes.
    pub fn phones(&self) -> &PhoneSet {
        &self.phones
    }

    /// The recordings in the order of the table.
    pub fn recordings(&self) -> &[Recording] {
        &self.recordings
    }

    /// Mean and standard deviation over the training utterances.
    ///
    /// # Errors
    /// [`AudioError::NoTrainingFrames`].
    pub fn training_statistics(&self) -> Result<Statistics, AudioError> {
        let training = self.recordings.iter().filter(|recording| recording.utterance.part == Part::Train);
        let frames: Vec<_> = training.map(|recording| recording.features.view()).collect();
        Statistics::of(&frames).ok_or(AudioError::NoTrainingFrames)
    }

    /// Brings every band to a mean of 0 and a standard deviation of 1.
    ///
    /// # Errors
    /// [`AudioError::NoTrainingFrames`] for [`Normalization::Training`].
    pub fn normalize(&mut self, normalization: Normalization) -> Result<(), AudioError> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        match normalization {
            Normalization::Training => {
                let statistics = self.training_statistics()?;
                self.recordings.iter_mut().for_each(|recording| statistics.apply(&mut recording.features));
                return Ok(());
            }
            Normalization::Speaker | Normalization::Utterance => {
                for (place, Recording { utterance, .. }) in self.recordings.iter().enumerate() {
                    let by_speaker = normalization == Normalization::Speaker;
                    let group = if by_speaker { &utterance.speaker } else { &utterance.name };
                    groups.entry(group.clone()).or_default().push(place);
                }
            }
        }
        for places in groups.values() {
            let frames: Vec<_> = places.iter().map(|&place| self.recordings[place].features.view()).collect();
            // Recordings without frames have nothing to be normalised.
            if let Some(statistics) = Statistics::of(&frames) {
                places.iter().for_each(|&place| statistics.apply(&mut self.recordings[place].features));
            }
        }
        Ok(())
    }

    /// The three parts as data sets of frames with their context.
    ///
    /// # Errors
    /// [`AudioError::ContextTooWide`].
    pub fn into_parts(self, context: Context) -> Result<Parts, AudioError> {
        let bands = self.recordings.first().map_or(0, |recording| recording.features.ncols());
        let mut parts = [Part::Train, Part::Validation, Part::Test].map(|part| (part, Vec::new()));
        for recording in self.recordings {
            let part = parts.iter_mut().find(|(part, _)| *part == recording.utterance.part);
            if let Some((_, recordings)) = part {
                recordings.push(recording);
            }
        }
        let [train, validation, test] =
            parts.map(|(_, recordings)| SpeechFrames::new(&self.phones, recordings, bands, context));
        Ok(Parts { train: train?, validation: validation?, test: test? })
    }
}
