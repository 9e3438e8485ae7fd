use std::collections::HashMap;
use std::path::{Component, Path};

use distill_datasets::records::{self, Part, Record, Schema, TableFault};

use super::{Alignment, Segment, Utterance};
use crate::{AlignmentFault, PhoneSet};

const SCHEMA: Schema = Schema {
    columns: &["split", "utterance", "phone", "state", "start_frame", "frames"],
    optional: Some(SPEAKER),
    max_record: 4096,
    quotes: false,
};
const SPEAKER: &str = "speaker";

/// A day of speech, so that the frames of an utterance can be counted.
const MAX_FRAMES: u32 = 100 * 60 * 60 * 24;

pub(super) fn table(bytes: &[u8]) -> Result<Alignment, (u64, AlignmentFault)> {
    let mut table = Table::default();
    let end = records::read(bytes, &SCHEMA, |record| table.row(record))?;
    if table.utterances.is_empty() {
        return Err((end, TableFault::Empty { what: "an utterance" }.into()));
    }
    Ok(table.finish())
}

#[derive(Default)]
struct Table {
    /// Numbers of states in the order in which they were met.
    met: HashMap<(String, u32), u32>,
    /// The first line of each utterance.
    lines: HashMap<String, u64>,
    utterances: Vec<Utterance>,
    /// Frames of the last utterance.
    n_frames: u32,
}

impl Table {
    fn row(&mut self, record: &Record<'_>) -> Result<(), AlignmentFault> {
        let part = record.part(0)?;
        let name = record.field(1);
        if !is_below_a_folder(name) {
            return Err(record.fault(1, "the name of a file in a folder").into());
        }
        let phone = record.field(2);
        if phone.is_empty() || phone.contains('"') {
            return Err(record.fault(2, "a name without quotes").into());
        }
        let integer = |column: usize| {
            let number = record.field(column).parse();
            number.map_err(|_| record.fault(column, "a whole number"))
        };
        let (state, start, frames): (u32, u32, u32) = (integer(3)?, integer(4)?, integer(5)?);
        if frames == 0 {
            return Err(record.fault(5, "at least 1").into());
        }

        self.utterance(name, part, record.field(6), record.line)?;
        let n_met = self.met.len() as u32;
        let class = *self.met.entry((phone.to_owned(), state)).or_insert(n_met);
        self.append(Segment { class, frames }, start)
    }

    /// Begins an utterance, or goes on with the last one.
    fn utterance(&mut self, name: &str, part: Part, speaker: &str, number: u64) -> Result<(), AlignmentFault> {
        let Some(last) = self.utterances.last().filter(|last| last.name == name) else {
            if let Some(&first) = self.lines.get(name) {
                return Err(AlignmentFault::Scattered { utterance: name.to_owned(), first });
            }
            self.lines.insert(name.to_owned(), number);
            self.n_frames = 0;
            let segments = Vec::new();
            self.utterances.push(Utterance { name: name.to_owned(), speaker: speaker.to_owned(), part, segments });
            return Ok(());
        };
        let changed = |column, expected: &str, found: &str| {
            let (utterance, expected, found) = (name.to_owned(), expected.to_owned(), found.to_owned());
            Err(AlignmentFault::Changed { column, utterance, expected, found })
        };
        if last.part != part {
            return changed(SCHEMA.columns[0], &last.part.to_string(), &part.to_string());
        }
        if last.speaker != speaker {
            return changed(SPEAKER, &last.speaker, speaker);
        }
        Ok(())
    }

    fn append(&mut self, segment: Segment, start: u32) -> Result<(), AlignmentFault> {
        let expected = self.n_frames;
        let Some(last) = self.utterances.last_mut() else { return Ok(()) };
        if start != expected {
            return Err(AlignmentFault::Start { utterance: last.name.clone(), expected, actual: start });
        }
        match self.n_frames.checked_add(segment.frames) {
            Some(n_frames) if n_frames <= MAX_FRAMES => self.n_frames = n_frames,
            _ => return Err(AlignmentFault::TooManyFrames { utterance: last.name.clone(), max: MAX_FRAMES }),
        }
        last.segments.push(segment);
        Ok(())
    }

    /// Gives the classes their final order.
    fn finish(self) -> Alignment {
        let mut met: Vec<_> = self.met.into_iter().collect();
        met.sort_unstable();
        let mut places = vec![0; met.len()];
        for (place, (_, number)) in (0..).zip(&met) {
            places[*number as usize] = place;
        }
        let mut utterances = self.utterances;
        for segment in utterances.iter_mut().flat_map(|utterance| &mut utterance.segments) {
            segment.class = places[segment.class as usize];
        }
        Alignment { phones: PhoneSet::new(met.into_iter().map(|(state, _)| state).collect()), utterances }
    }
}

/// Whether a name stays below the folder that it is joined to.
fn is_below_a_folder(name: &str) -> bool {
    let mut components = Path::new(name).components().peekable();
    let quoted = name.contains(['"', '\\']);
    !quoted && components.peek().is_some() && components.all(|part| matches!(part, Component::Normal(_)))
}
