//! Tables that describe a corpus: CSV, plain or gzip, with a record for each piece of it. Speech and text read theirs with it.

mod split;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use flate2::bufread::GzDecoder;

use self::split::split_fields;

/// Most bytes of a table, as a file and after decompression; places in its text fit 32 bits.
const MAX_BYTES: u64 = 1 << 28;

/// Which part of a corpus a piece of it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose settings by.
    Validation,
    /// To be measured on.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// What is wrong with a table, apart from what its fields mean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFault {
    /// The gzip stream is damaged, cut off, or followed by something else.
    #[error("the gzip stream is not sound: {what}")]
    Gzip {
        /// What the decoder found.
        what: String,
    },
    /// The table is larger than a corpus can be.
    #[error("the table is longer than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// A record is longer than any of such a table.
    #[error("the record is longer than {max} bytes, or a quote is not closed")]
    LongRecord {
        /// The limit.
        max: usize,
    },
    /// The table ends inside quotes.
    #[error("the table ends before a quote is closed")]
    OpenQuote,
    /// A quote stands inside a field, or something behind a quoted one.
    #[error("the quote at byte {offset} is not at an end of a field; write it twice, and quotes around the field")]
    Quote {
        /// The byte of the record.
        offset: usize,
    },
    /// A record is not text.
    #[error("byte {offset} is not UTF-8")]
    NotUtf8 {
        /// The first bad byte of the record.
        offset: usize,
    },
    /// A record has a character that is not to be seen.
    #[error("byte {offset} is the control character {code:#04x}")]
    Control {
        /// The first such byte of the record.
        offset: usize,
        /// What it is.
        code: u32,
    },
    /// The first line does not name the columns.
    #[error("the columns are `{found}`, expected {expected}")]
    Columns {
        /// The line, or its beginning.
        found: String,
        /// Those that have to be there.
        expected: String,
    },
    /// A record has more or fewer fields than there are columns.
    #[error("{actual} fields, expected {expected}")]
    Fields {
        /// The number of columns.
        expected: usize,
        /// The number of fields.
        actual: usize,
    },
    /// A field cannot be what it has to be.
    #[error("{column} is `{found}`, expected {expected}")]
    Field {
        /// The column.
        column: &'static str,
        /// What stands there, or its beginning.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// There is nothing below the first line.
    #[error("the table ends without {what}")]
    Empty {
        /// What it should have.
        what: &'static str,
    },
}

/// What a table looks like.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The columns that have to be there, in any order.
    pub columns: &'static [&'static str],
    /// A column that may be there.
    pub optional: Option<&'static str>,
    /// Most bytes of a record, so that a file without line breaks takes no memory.
    pub max_record: usize,
    /// Whether quotes stand around fields, as RFC 4180 has it, and fields have tabs and line breaks. Without them a
    /// record is a line.
    pub quotes: bool,
}

/// A record of a table.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its first line, counted from one.
    pub line: u64,
    fields: &'a [String],
    table: &'a Places,
}

impl Record<'_> {
    /// The field of a column of [`Schema::columns`], or after those that of [`Schema::optional`]; empty where there is
    /// no such column.
    pub fn field(&self, column: usize) -> &str {
        self.table.places.get(column).copied().flatten().map_or("", |place| &self.fields[place])
    }

    /// The error that says what the field of a column has to be.
    pub fn fault(&self, column: usize, expected: &'static str) -> TableFault {
        let name = self.table.names.get(column).copied().unwrap_or_default();
        TableFault::Field { column: name, found: beginning(self.field(column)), expected }
    }

    /// The part of the corpus that a field names.
    ///
    /// # Errors
    /// [`TableFault::Field`].
    pub fn part(&self, column: usize) -> Result<Part, TableFault> {
        match self.field(column) {
            "train" => Ok(Part::Train),
            "validation" => Ok(Part::Validation),
            "test" => Ok(Part::Test),
            _ => Err(self.fault(column, "train, validation or test")),
        }
    }
}

/// The bytes of a file, as far as a table may go.
///
/// # Errors
/// What the operating system says.
pub fn load(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a table, plain or gzip, record by record, and returns the line at which it ends. An error comes with its line.
///
/// # Errors
/// A [`TableFault`], and what `row` returns.
///
/// # Examples
/// ```
/// use distill_datasets::records::{Schema, TableFault, read};
/// let schema = Schema { columns: &["part", "text"], optional: None, max_record: 1000, quotes: true };
/// let mut texts = vec![];
/// let end = read(b"text,part\n\"a, b\",train\n", &schema, |record| {
///     texts.push((record.part(0)?, record.field(1).to_owned()));
///     Ok::<(), TableFault>(())
/// });
/// assert_eq!(end, Ok(3));
/// assert_eq!(texts[0].1, "a, b");
/// ```
pub fn read<E: From<TableFault>>(
    bytes: &[u8],
    schema: &Schema,
    row: impl FnMut(&Record<'_>) -> Result<(), E>,
) -> Result<u64, (u64, E)> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return records(bytes, schema, row);
    }
    let mut decoder = BufReader::new(GzDecoder::new(bytes).take(MAX_BYTES + 1));
    let end = records(&mut decoder, schema, row)?;
    match decoder.into_inner().into_inner().into_inner().len() {
        0 => Ok(end),
        left => Err((1, TableFault::Gzip { what: format!("{left} bytes follow its end") }.into())),
    }
}

fn records<E: From<TableFault>>(
    mut reader: impl BufRead,
    schema: &Schema,
    mut row: impl FnMut(&Record<'_>) -> Result<(), E>,
) -> Result<u64, (u64, E)> {
    let names: Vec<_> = schema.columns.iter().copied().chain(schema.optional).collect();
    let mut fields = vec![String::new(); names.len()];
    let mut table = Places { places: vec![None; names.len()], names, n: 0 };
    let (mut next_line, mut n_bytes, mut buffer) = (1, 0, Vec::new());
    loop {
        buffer.clear();
        let line = next_line;
        let fault = |fault: TableFault| (line, fault.into());
        next_line += read_record(&mut reader, &mut buffer, schema).map_err(fault)?;
        n_bytes += buffer.len() as u64;
        if n_bytes > MAX_BYTES {
            return Err(fault(TableFault::TooLarge { max: MAX_BYTES }));
        }
        if buffer.is_empty() {
            return Ok(line);
        }
        let record = checked_text(&buffer, schema).map_err(fault)?;
        if line == 1 {
            table.read(record, schema, &mut fields).map_err(fault)?;
            continue;
        }
        let actual = split_fields(record, schema.quotes, &mut fields).map_err(fault)?;
        if actual != table.n {
            return Err(fault(TableFault::Fields { expected: table.n, actual }));
        }
        row(&Record { line, fields: &fields, table: &table }).map_err(|error| (line, error))?;
    }
}

/// Where the columns are.
#[derive(Debug)]
struct Places {
    names: Vec<&'static str>,
    /// For each of the names its place in the record.
    places: Vec<Option<usize>>,
    /// Columns of the table.
    n: usize,
}

impl Places {
    fn read(&mut self, record: &str, schema: &Schema, fields: &mut [String]) -> Result<(), TableFault> {
        let unusable = || {
            let (last, others) = schema.columns.split_last().unwrap_or((&"", &[]));
            TableFault::Columns { found: beginning(record), expected: format!("{} and {last}", others.join(", ")) }
        };
        self.n = split_fields(record.trim_start_matches('\u{feff}'), schema.quotes, fields).map_err(|_| unusable())?;
        for (place, field) in fields.get(..self.n).ok_or_else(unusable)?.iter().enumerate() {
            let column = self.names.iter().position(|name| name == field).ok_or_else(unusable)?;
            if self.places[column].replace(place).is_some() {
                return Err(unusable());
            }
        }
        if self.places.iter().take(schema.columns.len()).all(Option::is_some) { Ok(()) } else { Err(unusable()) }
    }
}

/// Reads lines until no quote is open, and says how many they were; none at the end of the table.
fn read_record(reader: &mut impl BufRead, record: &mut Vec<u8>, schema: &Schema) -> Result<u64, TableFault> {
    let (mut n_lines, mut is_open) = (0, false);
    loop {
        let before = record.len();
        let room = (schema.max_record + 1 - before) as u64;
        // Bytes in memory give no other error than that of the decoder.
        let n = reader.by_ref().take(room).read_until(b'\n', record);
        let n = n.map_err(|error| TableFault::Gzip { what: error.to_string() })?;
        if record.len() > schema.max_record {
            return Err(TableFault::LongRecord { max: schema.max_record });
        }
        if n == 0 {
            return if is_open { Err(TableFault::OpenQuote) } else { Ok(n_lines) };
        }
        n_lines += 1;
        // A quote inside quotes is written twice and so changes nothing.
        is_open ^= schema.quotes && record[before..].iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
        if !is_open {
            return Ok(n_lines);
        }
    }
}

/// A record as text, without the line break at its end.
fn checked_text<'a>(record: &'a [u8], schema: &Schema) -> Result<&'a str, TableFault> {
    let text = str::from_utf8(record).map_err(|error| TableFault::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let is_bad = |c: char| c.is_control() && !(schema.quotes && (matches!(c, '\t' | '\r' | '\n') || !c.is_ascii()));
    match text.char_indices().find(|&(_, c)| is_bad(c)) {
        Some((offset, c)) => Err(TableFault::Control { offset, code: c.into() }),
        None => Ok(text),
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
