use csv::{ReaderBuilder, StringRecord, Terminator};
use distill_datasets::{Cell, ColumnEncoder, Columns, delimiter_of};

use distill_recipe::Diagnostic;
use distill_recipe::text::TextColumn;
use distill_recipe::words::counted;

use crate::batch::{Batch, Id, Ids};
use crate::lines::Lines;
use crate::reading::Reading;
use crate::texts;
use crate::wrong::{VALUES, bad_row, quoted};

/// Separators that an identifier may have. A line with more is not taken apart, which takes memory.
const MAX_EXTRA: usize = 1024;

/// The rows of a CSV file: one example a line.
pub(crate) struct CsvRows {
    lines: Lines,
    /// What stands between the fields, once the first line is read.
    delimiter: Option<u8>,
    ids: Ids,
    /// What the model takes, in words.
    takes: String,
    started: bool,
    /// The names of the columns, where there is a header.
    header: Option<StringRecord>,
    has_id: bool,
    record: StringRecord,
    /// What the columns are to the model, if it was trained on a table.
    columns: Option<Columns>,
    encoder: Option<ColumnEncoder>,
    encoded: Vec<f32>,
    /// The column with a text, and where it and the names of the rows are.
    text: Option<TextColumn>,
    text_at: Option<(usize, Option<usize>)>,
}

impl CsvRows {
    pub(crate) fn new(lines: Lines, ids: Ids, takes: String, reading: &Reading) -> Self {
        Self {
            lines,
            delimiter: None,
            ids,
            takes,
            started: false,
            header: None,
            has_id: false,
            record: StringRecord::new(),
            columns: reading.columns.clone(),
            encoder: None,
            encoded: vec![],
            text: reading.text.clone(),
            text_at: None,
        }
    }

    pub(crate) fn part(&self) -> Option<(u64, u64)> {
        self.lines.part()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.lines.is_ready()
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if let Some(columns) = self.columns.take() {
            // The columns are needed once, to find them in the header.
            self.begin_table(&columns)?;
        }
        if self.text.is_some() {
            return self.next_text(batch);
        }
        match self.encoder.is_some() {
            true => self.next_of_table(batch),
            false => self.next_numbers(batch),
        }
    }

    /// The text of a row, whose column is found in the first line.
    fn next_text(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if !self.read(batch.n_features())? {
            return Ok(false);
        }
        let Some(column) = &self.text else { return Ok(false) };
        if self.text_at.is_none() {
            let header: Vec<String> = self.record.iter().map(|name| name.trim().to_owned()).collect();
            self.text_at = Some(texts::find(column, &header, &self.lines.place())?);
            return self.next_text(batch);
        }
        let Some((text, id)) = self.text_at else { return Ok(false) };
        let Some(text) = self.record.get(text) else {
            return Err(bad_row(self.lines.place(), format!("row has no column {}", quoted(column.name())))
                .help("write one example a line, with a text in quotes where it has commas"));
        };
        let id = id.and_then(|at| self.record.get(at)).map(str::to_owned);
        texts::finish(column, (text, id), &mut self.encoded, &mut self.ids, self.lines.place(), batch);
        Ok(true)
    }

    /// Finds the columns that the model was trained on.
    fn begin_table(&mut self, columns: &Columns) -> Result<(), Diagnostic> {
        if !self.read(columns.inputs.len())? {
            return Ok(());
        }
        let header: Vec<String> = self.record.iter().map(|name| name.trim().to_owned()).collect();
        let encoder = columns.encoder(&header).map_err(|problem| {
            bad_row(self.lines.place(), format!("the header {problem}"))
                .note("the model was trained on a table, whose columns are found by their names")
                .help("write the names of the columns in the first line, in any order; `distill inspect` lists them")
        })?;
        self.encoder = Some(encoder);
        self.has_id = names_id(&self.record) && columns.inputs.iter().all(|column| column.name != header[0]);
        Ok(())
    }

    fn next_of_table(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if !self.read(batch.n_features())? {
            return Ok(false);
        }
        let Some(encoder) = &self.encoder else { return Ok(false) };
        self.encoded.clear();
        encoder.encode(|at| self.record.get(at).map(Cell::Text), &mut self.encoded).map_err(|problem| {
            bad_row(self.lines.place(), problem)
                .help("write one example a line, as in the table to train on; leave no number out")
        })?;
        self.encoded.iter().for_each(|&value| batch.push(value));
        let given = if self.has_id { self.record.get(0).map(|id| Id::Text(id.to_owned())) } else { None };
        batch.finish(self.ids.next(given), self.lines.place());
        Ok(true)
    }

    fn next_numbers(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if !self.read(batch.n_features())? {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.started, true) && is_header(&self.record) {
            self.has_id = names_id(&self.record);
            self.check_width(batch.n_features(), "the header names", "column")?;
            self.header = Some(std::mem::take(&mut self.record));
            if !self.read(batch.n_features())? {
                return Ok(false);
            }
        }
        self.check_width(batch.n_features(), "row has", "value")?;
        for (column, field) in self.record.iter().enumerate().skip(usize::from(self.has_id)) {
            match field.trim().parse::<f32>() {
                Ok(value) if value.is_finite() => batch.push(value),
                Ok(_) => return Err(self.bad_value(column, field, "a finite number")),
                Err(_) => return Err(self.bad_value(column, field, "a number")),
            }
        }
        let given = if self.has_id { self.record.get(0).map(|id| Id::Text(id.to_owned())) } else { None };
        batch.finish(self.ids.next(given), self.lines.place());
        Ok(true)
    }

    /// Takes the next line apart; false at the end.
    fn read(&mut self, n_features: usize) -> Result<bool, Diagnostic> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        let delimiter = *self.delimiter.get_or_insert_with(|| delimiter_of(line));
        let count = |wanted: u8| line.iter().filter(|&&byte| byte == wanted).count();
        let fault = if let Err(error) = str::from_utf8(line) {
            format!("the line is not text: byte {} is not UTF-8", error.valid_up_to())
        } else if count(delimiter) > n_features.saturating_add(MAX_EXTRA) {
            let marks = if delimiter == b',' { "commas" } else { "separators" };
            format!("the line has {} {marks}, the model takes {} values", count(delimiter), self.takes)
        } else if count(b'"') % 2 == 1 {
            "a quote is not closed in its line".to_owned()
        } else {
            // A lone carriage return ends no line here, as it ended none before.
            let mut reader = ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .terminator(Terminator::Any(b'\n'))
                .from_reader(line);
            match reader.read_record(&mut self.record) {
                Ok(_) => return Ok(true),
                Err(error) => error.to_string(),
            }
        };
        Err(bad_row(self.lines.place(), fault).help("write one example a line, with commas between the values"))
    }

    fn check_width(&self, n_features: usize, subject: &str, thing: &str) -> Result<(), Diagnostic> {
        // A line that is a byte order mark alone has no field, not even an id.
        let n_values = self.record.len().saturating_sub(usize::from(self.has_id));
        if n_values == n_features {
            return Ok(());
        }
        let besides = if self.has_id { " besides the id" } else { "" };
        let found = counted(n_values, thing);
        let what = format!("{subject} {found}{besides}, the model takes {}", self.takes);
        let help = if !self.has_id && n_values == n_features + 1 {
            "if the first column is an identifier, call it `id` in a header line; leave labels out"
        } else {
            "write one example a line, with commas between the values"
        };
        Err(bad_row(self.lines.place(), what).help(help))
    }

    fn bad_value(&self, column: usize, field: &str, expected: &str) -> Diagnostic {
        let name = self.header.as_ref().and_then(|header| header.get(column));
        let name = name.map(|name| format!(" ({})", quoted(name))).unwrap_or_default();
        bad_row(self.lines.place(), format!("column {}{name} is {}, not {expected}", column + 1, quoted(field)))
            .help(VALUES)
    }
}

/// A header has words only, or an `id` in front.
fn is_header(record: &StringRecord) -> bool {
    let is_number = |field: &str| field.trim().parse::<f64>().is_ok();
    let has_words = record.iter().any(|field| !field.trim().is_empty());
    names_id(record) || has_words && !record.iter().any(is_number)
}

fn names_id(record: &StringRecord) -> bool {
    record.get(0).is_some_and(|first| first.trim().eq_ignore_ascii_case("id"))
}
