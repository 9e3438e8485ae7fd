use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use distill_recipe::Diagnostic;
use distill_recipe::text::TextColumn;
use distill_recipe::words::counted;

use crate::batch::{Batch, Id, Ids};
use crate::lines::Lines;
use crate::texts;
use crate::wrong::{VALUES, bad_row, quoted};

/// The rows of a JSON Lines file: an array of numbers a line, or an object with `features`.
pub(crate) struct JsonRows {
    lines: Lines,
    ids: Ids,
    /// What the model takes, in words.
    takes: String,
    text: Option<TextColumn>,
    /// The numbers of a text.
    row: Vec<f32>,
}

impl JsonRows {
    pub(crate) fn new(lines: Lines, ids: Ids, takes: String, text: Option<TextColumn>) -> Self {
        Self { lines, ids, takes, text, row: vec![] }
    }

    pub(crate) fn part(&self) -> Option<(u64, u64)> {
        self.lines.part()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.lines.is_ready()
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        let parsed = parse(line, Example { batch, text: self.text.as_ref(), row: &mut self.row });
        let place = self.lines.place();
        let row = parsed.map_err(|error| {
            // Every line is line 1 to the parser.
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            let place = if error.column() > 0 { format!("{place}:{}", error.column()) } else { place.clone() };
            bad_row(place, format!("the line cannot be read: {reason}")).help(match &self.text {
                Some(text) => format!("write `{{\"id\": …, \"{}\": \"…\"}}`, one a line", text.name()),
                None => "write `[0, 0.5, …]` or `{\"id\": …, \"features\": [0, 0.5, …]}`, one a line".to_owned(),
            })
        })?;
        if let Some((index, found)) = row.bad {
            return Err(bad_row(place, format!("value {} is {found}, not a finite number", index + 1)).help(VALUES));
        }
        if row.n_values != batch.n_features() {
            let what = format!("row has {}, the model takes {}", counted(row.n_values, "value"), self.takes);
            return Err(bad_row(place, what).help("write one example a line, without its label"));
        }
        batch.finish(self.ids.next(row.id), place);
        Ok(true)
    }
}

/// What a line holds, apart from the values themselves.
#[derive(Debug, Default)]
struct Row {
    id: Option<Id>,
    n_values: usize,
    /// The first value that is not a finite number: its index, and what it is.
    bad: Option<(usize, String)>,
}

fn parse(line: &[u8], example: Example<'_>) -> Result<Row, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(line);
    let row = example.deserialize(&mut parser)?;
    parser.end()?;
    Ok(row)
}

struct Example<'a> {
    batch: &'a mut Batch,
    text: Option<&'a TextColumn>,
    row: &'a mut Vec<f32>,
}

impl Example<'_> {
    fn push(&mut self, column: &TextColumn, text: &str) -> Row {
        texts::push(column, text, self.row, self.batch);
        Row { n_values: self.row.len(), ..Row::default() }
    }
}

impl<'de> DeserializeSeed<'de> for Example<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Example<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers, or an object with `features`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Row, A::Error> {
        Features(self.batch).visit_seq(seq)
    }

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<Row, E> {
        match self.text {
            Some(column) => Ok(self.push(column, text)),
            None => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Row, A::Error> {
        let (mut id, mut row) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" if id.is_some() => return Err(A::Error::duplicate_field("id")),
                "features" if row.is_some() => return Err(A::Error::duplicate_field("features")),
                "id" => id = Some(map.next_value_seed(AnId)?),
                "features" => row = Some(map.next_value_seed(Features(self.batch))?),
                key if self.text.is_some_and(|text| text.name() == key) => {
                    if row.is_some() {
                        return Err(A::Error::custom("there are two texts, or a text and `features`"));
                    }
                    let text = map.next_value::<String>()?;
                    row = self.text.map(|column| self.push(column, &text));
                }
                // A label, a path, whatever else people keep beside their numbers.
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let row = row.ok_or_else(|| A::Error::missing_field("features"))?;
        Ok(Row { id, ..row })
    }
}

struct Features<'a>(&'a mut Batch);

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
        let mut row = Row::default();
        while let Some(value) = seq.next_element_seed(Value)? {
            match value {
                Ok(value) if value.is_finite() => self.0.push(value),
                Ok(_) if row.bad.is_none() => row.bad = Some((row.n_values, "too large".to_owned())),
                Err(found) if row.bad.is_none() => row.bad = Some((row.n_values, found)),
                _ => {}
            }
            row.n_values += 1;
        }
        Ok(row)
    }
}

/// A number, or else in words what stands in its place.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Result<f32, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "models compute in f32, and what overflows is refused")]
impl<'de> Visitor<'de> for Value {
    type Value = Result<f32, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Ok(value as f32))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Ok(value as f32))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Ok(value as f32))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Err(format!("the text {}", quoted(value))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Err(format!("`{value}`")))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Err("`null`".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err("an array".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err("an object".to_owned()))
    }
}

struct AnId;

impl<'de> DeserializeSeed<'de> for AnId {
    type Value = Id;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for AnId {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a whole number as `id`")
    }

    fn visit_str<E>(self, value: &str) -> Result<Id, E> {
        Ok(Id::Text(value.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Id, E> {
        Ok(Id::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Id, E> {
        // What is too large for the one kind keeps its digits as the other.
        Ok(i64::try_from(value).map_or_else(|_| Id::Text(value.to_string()), Id::Number))
    }
}
