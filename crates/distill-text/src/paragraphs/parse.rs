use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::{Entry, Paragraphs};
use crate::{Part, TableFault};

const COLUMNS: [&str; 3] = ["split", "language", "text"];

/// The longest paragraph with its quotes, so that a file without line breaks takes no memory.
const MAX_RECORD: usize = 1 << 20;
/// A table after decompression; places in its text fit 32 bits.
const MAX_BYTES: u64 = 1 << 28;
/// More bytes than any name of a language needs.
const MAX_NAME: usize = 64;

/// The first line of the paragraph, counted from one, and what is wrong with it.
type Fault = (u64, TableFault);

pub(super) fn table(bytes: &[u8]) -> Result<Paragraphs, Fault> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Table::default().read(bytes);
    }
    let mut decoder = BufReader::new(GzDecoder::new(bytes).take(MAX_BYTES + 1));
    let paragraphs = Table::default().read(&mut decoder)?;
    let left = decoder.into_inner().into_inner().into_inner();
    if left.is_empty() {
        Ok(paragraphs)
    } else {
        let what = format!("{} bytes follow its end", left.len());
        Err((1, TableFault::Gzip { what }))
    }
}

#[derive(Default)]
struct Table {
    /// For each of [`COLUMNS`] its place in the line.
    places: [usize; COLUMNS.len()],
    /// Numbers of languages in the order in which they were met.
    met: HashMap<String, u32>,
    text: String,
    entries: Vec<Entry>,
}

impl Table {
    fn read(mut self, mut reader: impl BufRead) -> Result<Paragraphs, Fault> {
        let (mut next_line, mut n_bytes, mut buffer) = (1, 0, Vec::new());
        let mut fields: [String; COLUMNS.len()] = Default::default();
        loop {
            buffer.clear();
            let line = next_line;
            let fault = |fault| (line, fault);
            next_line += read_record(&mut reader, &mut buffer).map_err(fault)?;
            n_bytes += buffer.len() as u64;
            if n_bytes > MAX_BYTES {
                return Err(fault(TableFault::TooLarge { max: MAX_BYTES }));
            }
            if buffer.is_empty() {
                return if self.entries.is_empty() { Err(fault(TableFault::Empty)) } else { Ok(self.finish()) };
            }
            let record = checked_text(&buffer).map_err(fault)?;
            if line == 1 {
                self.header(record, &mut fields).map_err(fault)?;
            } else {
                split_fields(record, &mut fields).map_err(fault)?;
                self.row(&fields).map_err(fault)?;
            }
        }
    }

    fn header(&mut self, record: &str, fields: &mut [String; COLUMNS.len()]) -> Result<(), TableFault> {
        let unusable = || TableFault::Columns { found: beginning(record) };
        split_fields(record.trim_start_matches('\u{feff}'), fields).map_err(|_| unusable())?;
        for (place, column) in self.places.iter_mut().zip(COLUMNS) {
            *place = fields.iter().position(|field| field == column).ok_or_else(unusable)?;
        }
        Ok(())
    }

    fn row(&mut self, fields: &[String; COLUMNS.len()]) -> Result<(), TableFault> {
        let [split, name, text] = self.places.map(|place| fields[place].as_str());
        let unusable = |column: usize, expected| TableFault::Field {
            column: COLUMNS[column],
            found: beginning(&fields[self.places[column]]),
            expected,
        };
        let part = match split {
            "train" => Part::Train,
            "validation" => Part::Validation,
            "test" => Part::Test,
            _ => return Err(unusable(0, "train, validation or test")),
        };
        let is_of_a_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_of_a_name) {
            return Err(unusable(1, "a name of letters, digits, `-`, `_` and `.`, of at most 64 bytes"));
        }
        let before = self.text.len();
        for word in text.split_whitespace() {
            if self.text.len() > before {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
        if self.text.len() == before {
            return Ok(());
        }
        let language = match self.met.get(name) {
            Some(&language) => language,
            None => {
                let language = self.met.len() as u32;
                self.met.insert(name.to_owned(), language);
                language
            }
        };
        self.entries.push(Entry { part, language, end: self.text.len() as u32 });
        Ok(())
    }

    /// Gives the languages their final order.
    fn finish(self) -> Paragraphs {
        let Self { met, mut text, mut entries, .. } = self;
        let mut names: Vec<(String, u32)> = met.into_iter().collect();
        names.sort_unstable();
        let mut numbers = vec![0; names.len()];
        for (number, &(_, met)) in (0..).zip(&names) {
            numbers[met as usize] = number;
        }
        entries.iter_mut().for_each(|entry| entry.language = numbers[entry.language as usize]);
        text.shrink_to_fit();
        entries.shrink_to_fit();
        Paragraphs { languages: names.into_iter().map(|(name, _)| name).collect(), text, entries }
    }
}

/// Reads lines until no quote is open, and says how many they were; none at the end of the table.
fn read_record(reader: &mut impl BufRead, record: &mut Vec<u8>) -> Result<u64, TableFault> {
    let (mut n_lines, mut is_open) = (0, false);
    loop {
        let before = record.len();
        let room = (MAX_RECORD + 1 - before) as u64;
        // Bytes in memory give no other error than that of the decoder.
        let n = reader.by_ref().take(room).read_until(b'\n', record);
        let n = n.map_err(|error| TableFault::Gzip { what: error.to_string() })?;
        if record.len() > MAX_RECORD {
            return Err(TableFault::LongRecord { max: MAX_RECORD });
        }
        if n == 0 {
            return if is_open { Err(TableFault::OpenQuote) } else { Ok(n_lines) };
        }
        n_lines += 1;
        // A quote inside quotes is written twice and so changes nothing.
        is_open ^= record[before..].iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        if !is_open {
            return Ok(n_lines);
        }
    }
}

/// The lines of a paragraph as text, without the line break at their end.
fn checked_text(record: &[u8]) -> Result<&str, TableFault> {
    let text = str::from_utf8(record).map_err(|error| TableFault::NotUtf8 { offset: error.valid_up_to() })?;
    let is_bad = |&byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n');
    if let Some(offset) = record.iter().position(is_bad) {
        return Err(TableFault::Control { offset, code: record[offset] });
    }
    Ok(text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text)))
}

/// The fields of a record, without their quotes.
fn split_fields(record: &str, fields: &mut [String]) -> Result<(), TableFault> {
    fields.iter_mut().for_each(String::clear);
    let (mut actual, mut rest) = (0, record);
    let offset = |rest: &str| record.len() - rest.len();
    loop {
        let mut unused = String::new();
        let field = fields.get_mut(actual).unwrap_or(&mut unused);
        actual += 1;
        if let Some(mut quoted) = rest.strip_prefix('"') {
            // Two quotes stand for one, and a single one ends the field.
            loop {
                let (part, after) = quoted.split_once('"').ok_or(TableFault::OpenQuote)?;
                field.push_str(part);
                match after.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        quoted = after;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            if !(rest.is_empty() || rest.starts_with(',')) {
                return Err(TableFault::Quote { offset: offset(rest) - 1 });
            }
        } else {
            let (part, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            if let Some(place) = part.find('"') {
                return Err(TableFault::Quote { offset: offset(rest) + place });
            }
            field.push_str(part);
            rest = after;
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if actual == fields.len() => return Ok(()),
            None => return Err(TableFault::Fields { expected: fields.len(), actual }),
        }
    }
}

/// As much of a text as fits a message.
fn beginning(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The rows of a small table that is known to be sound, below its first line.
pub(crate) fn pairs(table: &str) -> Result<Vec<[String; 2]>, TableFault> {
    let rows = table.lines().skip(1).map(|line| {
        let mut fields: [String; 2] = Default::default();
        split_fields(line, &mut fields).map(|()| fields)
    });
    rows.collect()
}
