use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path};

use flate2::bufread::GzDecoder;

use super::{Alignment, Part, Segment, Utterance};
use crate::{AlignmentFault, PhoneSet};

/// The columns that have to be there, and the one that may.
const COLUMNS: [&str; 7] = ["split", "utterance", "phone", "state", "start_frame", "frames", SPEAKER];
const SPEAKER: &str = "speaker";

/// The longest line, so that a file without line breaks takes no memory.
const MAX_LINE: usize = 4096;
/// A hundred hours of speech, after decompression.
const MAX_BYTES: u64 = 1 << 28;
/// A day of speech, so that the frames of an utterance can be counted.
const MAX_FRAMES: u32 = 100 * 60 * 60 * 24;

/// The line, counted from one, and what is wrong with it.
type Fault = (u64, AlignmentFault);

pub(super) fn table(bytes: &[u8]) -> Result<Alignment, Fault> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Table::default().read(bytes);
    }
    let mut decoder = BufReader::new(GzDecoder::new(bytes).take(MAX_BYTES + 1));
    let alignment = Table::default().read(&mut decoder)?;
    let left = decoder.into_inner().into_inner().into_inner();
    if left.is_empty() {
        Ok(alignment)
    } else {
        let what = format!("{} bytes follow its end", left.len());
        Err((1, AlignmentFault::Gzip { what }))
    }
}

#[derive(Default)]
struct Table {
    /// For each of [`COLUMNS`] its place in the line.
    places: [Option<usize>; COLUMNS.len()],
    n_columns: usize,
    /// Numbers of states in the order in which they were met.
    met: HashMap<(String, u32), u32>,
    /// The first line of each utterance.
    lines: HashMap<String, u64>,
    utterances: Vec<Utterance>,
    /// Frames of the last utterance.
    n_frames: u32,
}

impl Table {
    fn read(mut self, mut reader: impl BufRead) -> Result<Alignment, Fault> {
        let (mut number, mut n_bytes, mut buffer) = (0_u64, 0, Vec::new());
        loop {
            buffer.clear();
            number += 1;
            let fault = |fault| (number, fault);
            // Bytes in memory give no other error than that of the decoder.
            let n = (&mut reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut buffer);
            let n = n.map_err(|error| fault(AlignmentFault::Gzip { what: error.to_string() }))?;
            n_bytes += n as u64;
            if n_bytes > MAX_BYTES {
                return Err(fault(AlignmentFault::TooLarge { max: MAX_BYTES }));
            }
            if n > MAX_LINE {
                return Err(fault(AlignmentFault::LongLine { max: MAX_LINE }));
            }
            let line = str::from_utf8(&buffer)
                .map_err(|error| fault(AlignmentFault::NotUtf8 { offset: error.valid_up_to() }))?;
            let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
            if let Some(offset) = line.find(char::is_control) {
                return Err(fault(AlignmentFault::Control { offset }));
            }
            match (n, number) {
                (0, _) => break,
                (_, 1) => self.header(line).map_err(fault)?,
                _ => self.row(line, number).map_err(fault)?,
            }
        }
        if self.utterances.is_empty() { Err((number, AlignmentFault::Empty)) } else { Ok(self.finish()) }
    }

    fn header(&mut self, line: &str) -> Result<(), AlignmentFault> {
        let unusable = || AlignmentFault::Columns { found: line.to_owned() };
        for (place, name) in line.trim_start_matches('\u{feff}').split(',').enumerate() {
            let column = COLUMNS.iter().position(|column| *column == name).ok_or_else(unusable)?;
            if self.places[column].replace(place).is_some() {
                return Err(unusable());
            }
            self.n_columns = place + 1;
        }
        let is_there = |(place, column): (&Option<usize>, &str)| place.is_some() || column == SPEAKER;
        if self.places.iter().zip(COLUMNS).all(is_there) { Ok(()) } else { Err(unusable()) }
    }

    fn row(&mut self, line: &str, number: u64) -> Result<(), AlignmentFault> {
        let actual = line.split(',').count();
        if actual != self.n_columns {
            return Err(AlignmentFault::Fields { expected: self.n_columns, actual });
        }
        let field = |column: usize| {
            let found = self.places[column].and_then(|place| line.split(',').nth(place)).unwrap_or_default();
            let unusable =
                move |expected| AlignmentFault::Field { column: COLUMNS[column], found: found.to_owned(), expected };
            (found, unusable)
        };
        let (split, unusable) = field(0);
        let part = match split {
            "train" => Part::Train,
            "validation" => Part::Validation,
            "test" => Part::Test,
            _ => return Err(unusable("train, validation or test")),
        };
        let (name, unusable) = field(1);
        if !is_below_a_folder(name) {
            return Err(unusable("the name of a file in a folder"));
        }
        let (phone, unusable) = field(2);
        if phone.is_empty() || phone.contains('"') {
            return Err(unusable("a name without quotes"));
        }
        let integer = |column: usize| {
            let (text, unusable) = field(column);
            text.parse().map_err(|_| unusable("a whole number"))
        };
        let (state, start, frames): (u32, u32, u32) = (integer(3)?, integer(4)?, integer(5)?);
        if frames == 0 {
            return Err(field(5).1("at least 1"));
        }
        let (speaker, _) = field(6);

        self.utterance(name, part, speaker, number)?;
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
            return changed(COLUMNS[0], &last.part.to_string(), &part.to_string());
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
