use std::collections::HashMap;

use distill_datasets::records::{self, Record, Schema, TableFault};

use super::{Entry, Paragraphs};

const SCHEMA: Schema =
    Schema { columns: &["split", "language", "text"], optional: None, max_record: 1 << 20, quotes: true };

/// More bytes than any name of a language needs.
const MAX_NAME: usize = 64;

pub(super) fn table(bytes: &[u8]) -> Result<Paragraphs, (u64, TableFault)> {
    let mut table = Table::default();
    let end = records::read(bytes, &SCHEMA, |record| table.row(record))?;
    if table.entries.is_empty() { Err((end, TableFault::Empty { what: "a paragraph" })) } else { Ok(table.finish()) }
}

#[derive(Default)]
struct Table {
    /// Numbers of languages in the order in which they were met.
    met: HashMap<String, u32>,
    text: String,
    entries: Vec<Entry>,
}

impl Table {
    fn row(&mut self, record: &Record<'_>) -> Result<(), TableFault> {
        let part = record.part(0)?;
        let (name, text) = (record.field(1), record.field(2));
        let is_of_a_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_of_a_name) {
            return Err(record.fault(1, "a name of letters, digits, `-`, `_` and `.`, of at most 64 bytes"));
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
        let Self { met, mut text, mut entries } = self;
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
