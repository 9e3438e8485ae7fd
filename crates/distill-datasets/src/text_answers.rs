use std::fmt;
use std::path::Path;

use ndarray::Array2;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::answer_columns::Places;
use crate::columns::{Cell, position};
use crate::json_rows::JsonLines;
use crate::{DataError, TableForm, TableRows, Texts};

/// How much more than 1 the probabilities of a text may add up to: people round, and language models, too.
const MAX_SUM: f32 = 1.01;
/// Sums of a few f32 are no nearer to 1.
const MIN_REST: f32 = 1e-6;
/// The name of the probabilities in a line of JSON.
const PROBABILITIES: &str = "probabilities";

/// Texts with the probabilities that a teacher gives to classes, such as those that a language model was asked for.
///
/// ```text
/// {"text": "where is my card", "probabilities": {"card_arrival": 0.8, "card_lost": 0.15}}
/// ```
/// The classes that are not named share what is left to 1. Other names in a line are ignored. A table has a column for the text, and
/// one of the name of each class.
#[derive(Debug, Clone)]
pub struct TextAnswers {
    /// The texts, without labels.
    pub texts: Texts,
    /// A row for each text, which adds up to 1, shape `(texts, classes)`.
    pub probabilities: Array2<f32>,
}

impl TextAnswers {
    /// Reads a file. `text` is the name of the text, `classes` are those of the data, and `bound` is the most memory that all may
    /// take, in bytes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Content`] with the place, [`DataError::UnknownColumn`], [`DataError::UnlistedClass`],
    /// [`DataError::NoExamples`], [`DataError::MemoryBound`].
    pub fn read(path: &Path, text: &str, classes: &[String], bound: u64) -> Result<Self, DataError> {
        let mut found = Found {
            path,
            places: Places::of(classes),
            classes,
            texts: Texts::empty(classes.to_vec()),
            values: vec![],
            bound,
        };
        match TableForm::of(path) {
            Some(TableForm::JsonLines) => json(path, text, &mut found)?,
            _ => table(path, text, &mut found)?,
        }
        if found.texts.is_empty() {
            return Err(DataError::NoExamples { path: Some(path.to_owned()) });
        }
        let shape = (found.texts.len(), classes.len());
        let probabilities = Array2::from_shape_vec(shape, found.values).expect("a number for each class");
        Ok(Self { texts: found.texts, probabilities })
    }
}

/// What has been read.
struct Found<'a> {
    path: &'a Path,
    places: Places<'a>,
    classes: &'a [String],
    texts: Texts,
    values: Vec<f32>,
    bound: u64,
}

impl Found<'_> {
    fn class(&self, name: &str, place: &str) -> Result<usize, DataError> {
        let unlisted = || DataError::unlisted(self.path, Some(place), name, self.classes);
        self.places.find(name).map(|class| class as usize).ok_or_else(unlisted)
    }

    /// Takes the probabilities of some classes.
    fn push(&mut self, text: &str, answers: &[(usize, f32)], place: &str) -> Result<(), DataError> {
        let wrong = |problem: String| {
            Err(DataError::Content {
                path: self.path.to_owned(),
                problem: format!("cannot be used: {place}: {problem}"),
            })
        };
        let mut given = vec![None; self.classes.len()];
        for &(class, value) in answers {
            if !(0.0..=MAX_SUM).contains(&value) {
                let name = &self.classes[class];
                return wrong(format!("the probability of `{name}` is {value}, not a number from 0 to 1"));
            }
            if given[class].replace(value).is_some() {
                return wrong(format!("class `{}` is named twice", self.classes[class]));
            }
        }
        let sum: f32 = given.iter().flatten().sum();
        let others = given.iter().filter(|value| value.is_none()).count();
        if sum > MAX_SUM {
            return wrong(format!("the probabilities add up to {sum}, and at most to 1"));
        }
        if sum == 0.0 {
            return wrong("no class has a probability above 0".to_owned());
        }
        let rest = if 1.0 - sum > MIN_REST { (1.0 - sum) / others.max(1) as f32 } else { 0.0 };
        let needed = 4 * (self.values.len() + given.len()) as u64;
        if needed > self.bound {
            return Err(DataError::MemoryBound { path: Some(self.path.to_owned()), needed, bound: self.bound });
        }
        // What is left where every class is named, or too much, is rounding.
        let scale = if rest > 0.0 && others > 0 { 1.0 } else { sum.recip() };
        self.values.extend(given.into_iter().map(|value| value.map_or(rest, |value| value * scale)));
        self.texts.push(text, 0);
        self.texts.check(self.path, self.bound)
    }
}

fn json(path: &Path, text: &str, found: &mut Found<'_>) -> Result<(), DataError> {
    let mut lines = JsonLines::open(path)?;
    while lines.next()? {
        let Line { text, answers } = lines.parse(LineSeed { text })?;
        let place = format!("line {}", lines.number());
        let named = answers.iter().map(|(name, value)| Ok((found.class(name, &place)?, *value)));
        let named = named.collect::<Result<Vec<_>, DataError>>()?;
        found.push(text.trim(), &named, &place)?;
    }
    Ok(())
}

fn table(path: &Path, text: &str, found: &mut Found<'_>) -> Result<(), DataError> {
    let mut rows = TableRows::open(path)?;
    let unknown = || DataError::unknown_column(path, text, rows.header());
    let at = position(rows.header(), text).ok_or_else(unknown)?;
    // A column of another name, such as one with numbers of rows, is ignored where all classes have one.
    let columns: Vec<(usize, usize)> = (rows.header().iter().enumerate().filter(|(column, _)| *column != at))
        .filter_map(|(column, name)| Some((column, found.places.find(name)? as usize)))
        .collect();
    if let Some(class) = found.classes.iter().enumerate().find(|(class, _)| !columns.iter().any(|(_, of)| of == class))
    {
        let name = class.1;
        return Err(rows.fault(format!("has no column `{name}` with the probability of this class")));
    }
    rows.select(columns.iter().map(|(column, _)| *column).chain([at]));
    while rows.next()? {
        let place = rows.place();
        let mut answers = vec![];
        for &(column, class) in &columns {
            let cell = rows.cell(column).unwrap_or(Cell::Text(""));
            let fault =
                || rows.fault_here(&format!("column `{}` is `{}`, not a number", rows.header()[column], cell.text()));
            answers.push((class, cell.number().ok_or_else(fault)?));
        }
        let text = rows.cell(at).map(Cell::text).unwrap_or_default();
        found.push(&text, &answers, &place)?;
    }
    Ok(())
}

/// What a line says.
struct Line {
    text: String,
    answers: Vec<(String, f32)>,
}

struct LineSeed<'a> {
    text: &'a str,
}

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = Line;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Line, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object, `{{\"{}\": \"…\", \"{PROBABILITIES}\": {{\"CLASS\": 0.9}}}}`", self.text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let (mut text, mut answers) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            if name == self.text && text.is_none() {
                text = Some(map.next_value::<String>()?);
            } else if name == PROBABILITIES && answers.is_none() {
                answers = Some(map.next_value_seed(Pairs)?);
            } else if name == self.text || name == PROBABILITIES {
                return Err(A::Error::custom(format!("the name `{name}` stands there twice")));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let lacks = |name: &str| A::Error::custom(format!("it has no `{name}`"));
        Ok(Line { text: text.ok_or_else(|| lacks(self.text))?, answers: answers.ok_or_else(|| lacks(PROBABILITIES))? })
    }
}

/// Names with numbers.
struct Pairs;

impl<'de> DeserializeSeed<'de> for Pairs {
    type Value = Vec<(String, f32)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, f32)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a number for each class, such as `{\"yes\": 0.9, \"no\": 0.1}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = vec![];
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn read(name: &str, content: &str) -> Result<TextAnswers, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let classes = ["no", "yes", "2"].map(str::to_owned);
        TextAnswers::read(&path, "q", &classes, 1000)
    }

    #[test]
    fn classes_that_are_not_named_share_the_rest() {
        let content = "{\"q\": \" hi \", \"probabilities\": {\"yes\": 0.5}, \"model\": {\"name\": \"m\"}}\n\n\
                       {\"probabilities\": {\"2.0\": 0.75, \"no\": 0.25}, \"q\": \"\"}\n";
        let found = read("a.jsonl", content).unwrap();
        assert_eq!(found.probabilities, array![[0.25, 0.5, 0.25], [0.25, 0.0, 0.75]]);
        assert_eq!((found.texts.text(0), found.texts.text(1), found.texts.len()), (Some("hi"), Some(""), 2));
    }

    #[test]
    fn a_table_has_a_column_for_each_class() {
        let found = read("a.csv", "id,yes,q,2,no\n1,0.5,\"a, b\",0.125,0.375\n2,0.25,c,0.125,0.125\n").unwrap();
        assert_eq!(found.probabilities, array![[0.375, 0.5, 0.125], [0.25, 0.5, 0.25]]);
        assert_eq!(found.texts.text(0), Some("a, b"));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_place() {
        let message = |name: &str, content: &str| read(name, content).unwrap_err().to_string();
        let line = |rest: &str| message("a.jsonl", &format!("{{\"q\": \"x\", {rest}}}\n"));
        for (rest, expected) in [
            ("\"p\": 1", "line 1: it has no `probabilities`"),
            (
                "\"probabilities\": [1]",
                "line 1: invalid type: sequence, expected an object with a number for each class",
            ),
            ("\"probabilities\": {\"maybe\": 1}", "has the class `maybe` in line 1"),
            ("\"probabilities\": {\"yes\": -0.5}", "line 1: the probability of `yes` is -0.5"),
            ("\"probabilities\": {\"yes\": 90}", "line 1: the probability of `yes` is 90"),
            ("\"probabilities\": {\"yes\": 0.9, \"no\": 0.9}", "line 1: the probabilities add up to 1.8"),
            ("\"probabilities\": {\"2\": 0.1, \"2.0\": 0.1}", "line 1: class `2` is named twice"),
            ("\"probabilities\": {\"yes\": 0}", "line 1: no class has a probability above 0"),
            ("\"q\": \"y\"", "line 1: the name `q` stands there twice"),
        ] {
            assert!(line(rest).contains(expected), "{}", line(rest));
        }
        assert!(message("a.csv", "q,yes,no\nx,1,0\n").contains("has no column `2` with the probability"));
        assert!(message("a.csv", "q,yes,no,2\nx,1,,0\n").contains("line 2: column `no` is ``, not a number"));
        assert!(message("a.csv", "text,yes,no,2\n").contains("`q`"));
        let many = "{\"q\": \"x\", \"probabilities\": {\"yes\": 1}}\n".repeat(100);
        assert!(matches!(read("a.jsonl", &many), Err(DataError::MemoryBound { bound: 1000, .. })));
        assert!(matches!(read("a.csv", "q,yes,no,2\n"), Err(DataError::NoExamples { .. })));
    }
}
