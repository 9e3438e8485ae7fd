use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::DataError;
use crate::columns::Cell;
use crate::files::regular;

/// The most bytes of a line: a file without line ends is not a table.
const MAX_LINE: u64 = 64 << 20;
/// The most names that the values of a file may have.
const MAX_COLUMNS: usize = 20_000;
/// How many more names there may be than in any line: where most are missing from most lines, they are not columns.
const MAX_MISSING: usize = 1000;

/// The rows of a JSON Lines file, one after the other: an object in each line. A name is a column, in the order in which they first
/// come, and a line without it has nothing there, as if it were `null`. Empty lines are no rows.
pub(crate) struct JsonRows {
    lines: JsonLines,
    header: Vec<String>,
    places: HashMap<String, usize>,
    /// Of each column, whether an object or an array stands there in some line.
    is_nested: Vec<bool>,
    needed: Vec<bool>,
    cells: Vec<JsonCell>,
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq)]
enum JsonCell {
    Text(String),
    Whole(i64),
    Real(f64),
    /// An object or an array, in words.
    Nested(&'static str),
}

const NOTHING: JsonCell = JsonCell::Text(String::new());

impl JsonRows {
    /// Reads the whole file once, for its names.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let mut lines = JsonLines::open(path)?;
        let (mut header, mut places, mut is_nested) = (vec![], HashMap::new(), vec![]);
        let mut widest = 0;
        while lines.next()? {
            let names = Names { header: &mut header, places: &mut places, is_nested: &mut is_nested };
            widest = widest.max(lines.parse(names)?);
            if header.len() > widest + MAX_MISSING {
                let (n, number) = (header.len(), lines.number);
                return Err(lines.fault(format!(
                    "has {n} different names up to line {number}, and at most {widest} in one line: \
                     names are columns, and a line has most of them"
                )));
            }
        }
        if header.is_empty() {
            return Err(
                lines.fault("is empty, expected an object in each line, such as `{\"text\": \"…\"}`".to_owned())
            );
        }
        let n = header.len();
        let (lines, needed) = (JsonLines::open(path)?, vec![true; n]);
        Ok(Self { lines, header, places, is_nested, needed, cells: vec![NOTHING; n] })
    }

    /// Whether a column can be read.
    pub(crate) fn can_read(&self, at: usize) -> bool {
        !self.is_nested[at]
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Before the first row.
    pub(crate) fn select(&mut self, positions: impl IntoIterator<Item = usize>) {
        self.needed.fill(false);
        positions.into_iter().for_each(|at| self.needed[at] = true);
    }

    /// Reads a row; false at the end.
    pub(crate) fn next(&mut self) -> Result<bool, DataError> {
        if !self.lines.next()? {
            return Ok(false);
        }
        self.cells.fill(NOTHING);
        let Self { lines, places, needed, cells, .. } = self;
        lines.parse(Values { places, needed, cells })?;
        let nested = self.cells.iter().zip(&self.header).find_map(|(cell, name)| match cell {
            JsonCell::Nested(what) => Some((what, name)),
            _ => None,
        });
        match nested {
            None => Ok(true),
            Some((what, name)) => Err(self.lines.fault(format!(
                "has {what} as `{name}` in line {}: write numbers or text, or leave it out with \
                 `data.columns.ignore = [\"{name}\"]`",
                self.lines.number
            ))),
        }
    }

    pub(crate) fn cell(&self, at: usize) -> Option<Cell<'_>> {
        Some(match self.cells.get(at)? {
            JsonCell::Text(text) => Cell::Text(text),
            JsonCell::Whole(value) => Cell::Whole(*value),
            JsonCell::Real(value) => Cell::Real(*value),
            JsonCell::Nested(_) => return None,
        })
    }

    /// The first is 1.
    pub(crate) fn line(&self) -> u64 {
        self.lines.number
    }
}

/// The lines of a JSON Lines file that are not empty.
pub(crate) struct JsonLines {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl JsonLines {
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        std::fs::metadata(path).and_then(regular).map_err(io)?;
        let reader = BufReader::new(File::open(path).map_err(io)?);
        Ok(Self { path: path.to_owned(), reader, line: vec![], number: 0 })
    }

    /// Reads a line; false at the end.
    pub(crate) fn next(&mut self) -> Result<bool, DataError> {
        loop {
            self.line.clear();
            let read = (&mut self.reader).take(MAX_LINE + 1).read_until(b'\n', &mut self.line);
            let n = read.map_err(|source| DataError::Io { path: self.path.clone(), source })?;
            if n as u64 > MAX_LINE {
                let source =
                    io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {MAX_LINE} bytes"));
                return Err(DataError::Io { path: self.path.clone(), source });
            }
            if n == 0 {
                return Ok(false);
            }
            self.number += 1;
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Reads what the line says.
    pub(crate) fn parse<'de, S: DeserializeSeed<'de>>(&'de self, seed: S) -> Result<S::Value, DataError> {
        let mut parser = serde_json::Deserializer::from_slice(&self.line);
        seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value)).map_err(|error| {
            // Every line is line 1 to the parser.
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            self.fault(format!("cannot be used: line {}: {reason}", self.number))
        })
    }

    /// The first is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn fault(&self, problem: String) -> DataError {
        DataError::Content { path: self.path.clone(), problem }
    }
}

/// Collects the names of an object, and says how many it has.
struct Names<'a> {
    header: &'a mut Vec<String>,
    places: &'a mut HashMap<String, usize>,
    is_nested: &'a mut Vec<bool>,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, such as `{\"text\": \"…\", \"label\": \"…\"}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut seen = vec![];
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Value)?;
            let at = match self.places.get(&name) {
                Some(&at) => at,
                None if self.header.len() == MAX_COLUMNS => {
                    return Err(A::Error::custom(format!("there are more than {MAX_COLUMNS} different names")));
                }
                None => {
                    self.header.push(name.clone());
                    self.places.insert(name.clone(), self.header.len() - 1);
                    self.is_nested.push(false);
                    self.header.len() - 1
                }
            };
            self.is_nested[at] |= matches!(value, JsonCell::Nested(_));
            seen.push(at);
        }
        seen.sort_unstable();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(A::Error::custom(format!("the name `{}` stands there twice", self.header[pair[0]]))),
            None => Ok(seen.len()),
        }
    }
}

/// Reads the values of an object that are needed.
struct Values<'a> {
    places: &'a HashMap<String, usize>,
    needed: &'a [bool],
    cells: &'a mut [JsonCell],
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            // A file that has changed meanwhile may have other names.
            match self.places.get(&name).filter(|&&at| self.needed[at]) {
                Some(&at) => self.cells[at] = map.next_value_seed(Value)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = JsonCell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonCell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = JsonCell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonCell, E> {
        Ok(JsonCell::Text(value.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonCell, E> {
        Ok(JsonCell::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsonCell, E> {
        Ok(JsonCell::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonCell, E> {
        Ok(i64::try_from(value).map_or(JsonCell::Real(value as f64), JsonCell::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<JsonCell, E> {
        Ok(JsonCell::Real(value))
    }

    fn visit_unit<E>(self) -> Result<JsonCell, E> {
        Ok(NOTHING)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonCell, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(JsonCell::Nested("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonCell, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(JsonCell::Nested("an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as its cells, and the header.
    fn read(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>), DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.jsonl");
        std::fs::write(&path, text).unwrap();
        let mut rows = JsonRows::open(&path)?;
        let (header, mut all) = (rows.header().to_vec(), vec![]);
        while rows.next()? {
            all.push((0..header.len()).map(|at| format!("{:?}", rows.cell(at).unwrap())).collect());
        }
        Ok((header, all))
    }

    #[test]
    fn objects_are_rows_and_names_are_columns() {
        let text = "\u{feff}{\"a\": 1, \"b\": \"x, \\\"y\\\"\"}\r\n\n  \n{\"c\": true, \"a\": -2.5e3}\n{\"b\": null, \"a\": 18446744073709551615}";
        let (header, rows) = read(text).unwrap();
        assert_eq!(header, ["a", "b", "c"]);
        assert_eq!(rows[0], ["Whole(1)", "Text(\"x, \\\"y\\\"\")", "Text(\"\")"]);
        assert_eq!(rows[1], ["Real(-2500.0)", "Text(\"\")", "Text(\"true\")"]);
        assert_eq!(rows[2], ["Real(1.8446744073709552e19)", "Text(\"\")", "Text(\"\")"]);
    }

    #[test]
    fn what_is_nested_is_refused_where_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.jsonl");
        std::fs::write(&path, "{\"text\": \"hi\", \"p\": {\"a\": [1]}}\n").unwrap();
        let mut rows = JsonRows::open(&path).unwrap();
        let error = rows.next().unwrap_err().to_string();
        assert!(error.contains("has an object as `p` in line 1: write numbers or text"), "{error}");
        let mut rows = JsonRows::open(&path).unwrap();
        rows.select([0]);
        assert!(rows.next().unwrap());
        assert_eq!(rows.cell(0), Some(Cell::Text("hi")));
        assert!(!rows.next().unwrap());
    }

    #[test]
    fn lines_that_are_no_objects_are_refused_with_their_place() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        for (text, expected) in [
            ("", "is empty, expected an object in each line"),
            ("{}\n", "is empty, expected an object in each line"),
            ("{\"a\": 1}\n[1, 2]\n", "line 2: invalid type: sequence, expected an object, such as"),
            ("{\"a\": 1}\n{\"a\": 1\n", "line 2: EOF while parsing an object"),
            ("{\"a\": 1} {\"a\": 2}\n", "line 1: trailing characters"),
            ("{\"a\": 1, \"a\": 2}\n", "line 1: the name `a` stands there twice"),
            ("a,b\n1,2\n", "line 1: expected value"),
        ] {
            assert!(message(text).contains(expected), "{}", message(text));
        }
    }
}
