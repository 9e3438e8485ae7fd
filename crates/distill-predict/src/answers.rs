use std::borrow::Cow;
use std::cmp::Ordering;

use distill_tensor::LogPartition;
use ndarray::ArrayView1;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::spreadsheet::safe_cell;
use distill_recipe::Diagnostic;

use crate::batch::Id;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A header `id,class,probability`, or of numbers `id` and their names, and a line for each row.
    #[default]
    Csv,
    /// JSON Lines: an object with these fields for each row.
    Jsonl,
    /// JSON Lines as events of this program.
    Events,
}

/// Writes down what a model answers, row by row.
pub struct Answers<'a> {
    format: Format,
    classes: &'a [String],
    /// Whether a row's answer are numbers of these names, as they are.
    are_numbers: bool,
    /// The most probable classes that are printed; 0 where nobody asked for them.
    top: usize,
    probs: bool,
    temperature: f64,
    /// Whether to escape cells of CSV that a spreadsheet would compute.
    pub spreadsheet_safe: bool,
    text: Vec<u8>,
    /// The classes of the present row, the most probable ones in front.
    ranking: Vec<usize>,
}

/// A row of JSON Lines.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    id: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Vec<(&'a str, f32)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probs: Option<ByClass<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<ByClass<'a>>,
}

/// The probability of each class, in the order of the classes, or each number.
struct ByClass<'a>(Vec<(&'a str, f32)>);

impl Serialize for ByClass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (class, probability) in &self.0 {
            map.serialize_entry(class, probability)?;
        }
        map.end()
    }
}

impl<'a> Answers<'a> {
    /// Answers of a model with these classes: with the `top` most probable ones, with all probabilities if `probs`, and
    /// softened by `temperature`, which is 1 for the model's own.
    ///
    /// # Errors
    /// If the header of CSV cannot be written.
    pub fn new(
        format: Format,
        classes: &'a [String],
        top: Option<usize>,
        probs: bool,
        temperature: f64,
    ) -> Result<Self, Diagnostic> {
        let top = top.unwrap_or(0).min(classes.len());
        let mut answers = Self { top, probs, temperature, ..Self::empty(format, classes) };
        if format == Format::Csv {
            // None of these begins like a formula.
            let mut header = vec!["id".to_owned(), "class".to_owned(), "probability".to_owned()];
            header.extend((2..=top).flat_map(|k| [format!("top{k}"), format!("top{k}_probability")]));
            if probs {
                header.extend(classes.iter().map(|class| format!("p_{class}")));
            }
            answers.csv(&header)?;
        }
        Ok(answers)
    }

    /// Answers of a model that gives numbers of these names. What a spreadsheet would compute is escaped in the header, which is
    /// nothing but names.
    ///
    /// # Errors
    /// If the header of CSV cannot be written.
    pub fn numbers(format: Format, names: &'a [String]) -> Result<Self, Diagnostic> {
        let mut answers = Self { are_numbers: true, ..Self::empty(format, names) };
        if format == Format::Csv {
            let header: Vec<String> =
                std::iter::once("id".to_owned()).chain(names.iter().map(|name| safe_cell(name).into_owned())).collect();
            answers.csv(&header)?;
        }
        Ok(answers)
    }

    fn empty(format: Format, classes: &'a [String]) -> Self {
        let (top, probs, temperature, are_numbers, spreadsheet_safe) = (0, false, 1.0, false, false);
        let (text, ranking) = (vec![], vec![]);
        Self { format, classes, are_numbers, top, probs, temperature, spreadsheet_safe, text, ranking }
    }

    /// What has been written since [`Answers::clear`].
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    /// Writes the answer to one row. The logits must be finite.
    pub(crate) fn push(&mut self, id: &Id, logits: ArrayView1<'_, f32>) -> Result<(), Diagnostic> {
        if self.are_numbers {
            return self.push_numbers(id, logits);
        }
        self.rank(logits);
        let partition = LogPartition::new(logits.iter().copied(), self.temperature);
        #[expect(clippy::cast_possible_truncation, reason = "seven digits of a probability are enough")]
        let answer = |class: usize| (self.classes[class].as_str(), partition.prob(logits[class]) as f32);
        let (class, probability) = answer(self.ranking[0]);
        let top: Vec<_> = self.ranking.iter().take(self.top).map(|&class| answer(class)).collect();
        let all: Vec<_> = if self.probs { (0..self.classes.len()).map(answer).collect() } else { vec![] };
        if self.format == Format::Csv {
            let mut row = vec![id.clone().into(), class.to_owned(), number(probability)];
            row.extend(top.iter().skip(1).flat_map(|&(class, probability)| [class.to_owned(), number(probability)]));
            row.extend(all.iter().map(|&(_, probability)| number(probability)));
            return self.csv(&row);
        }
        let is_event = self.format == Format::Events;
        let answer = Answer {
            v: is_event.then_some(1),
            event: is_event.then_some("prediction"),
            id,
            class: Some(class),
            probability: Some(probability),
            top: (self.top > 0).then_some(top),
            probs: self.probs.then_some(ByClass(all)),
            numbers: None,
        };
        json_line(&mut self.text, &answer)
    }

    fn push_numbers(&mut self, id: &Id, numbers: ArrayView1<'_, f32>) -> Result<(), Diagnostic> {
        if self.format == Format::Csv {
            let cells = numbers.iter().map(|&value| number(value));
            let row: Vec<String> = std::iter::once(id.clone().into()).chain(cells).collect();
            return self.csv(&row);
        }
        let is_event = self.format == Format::Events;
        let named = self.classes.iter().map(String::as_str).zip(numbers.iter().copied()).collect();
        let answer = Answer {
            v: is_event.then_some(1),
            event: is_event.then_some("prediction"),
            id,
            class: None,
            probability: None,
            top: None,
            probs: None,
            numbers: Some(ByClass(named)),
        };
        json_line(&mut self.text, &answer)
    }

    /// Puts as many classes as are printed in order; of equal ones the first comes first.
    fn rank(&mut self, logits: ArrayView1<'_, f32>) {
        let before = |&a: &usize, &b: &usize| {
            logits[b].partial_cmp(&logits[a]).unwrap_or(Ordering::Equal).then_with(|| a.cmp(&b))
        };
        self.ranking.clear();
        self.ranking.extend(0..logits.len());
        let n = self.top.max(1);
        if n < self.ranking.len() {
            self.ranking.select_nth_unstable_by(n - 1, before);
            self.ranking.truncate(n);
        }
        self.ranking.sort_unstable_by(before);
    }

    fn csv(&mut self, row: &[String]) -> Result<(), Diagnostic> {
        let is_safe = self.spreadsheet_safe;
        let cells: Vec<Cow<'_, str>> =
            row.iter().map(|cell| if is_safe { safe_cell(cell) } else { Cow::Borrowed(cell.as_str()) }).collect();
        let mut writer = csv::Writer::from_writer(&mut self.text);
        writer
            .write_record(cells.iter().map(|cell| cell.as_bytes()))
            .and_then(|()| Ok(writer.flush()?))
            .map_err(|error| Diagnostic::io("cannot write an answer as CSV", None, error))
    }
}

fn json_line(text: &mut Vec<u8>, answer: &Answer<'_>) -> Result<(), Diagnostic> {
    serde_json::to_writer(&mut *text, answer)
        .map_err(|error| Diagnostic::io("cannot write an answer as JSON", None, error))?;
    text.push(b'\n');
    Ok(())
}

/// A number as JSON writes it: the shortest that is read back as the same.
fn number(value: f32) -> String {
    format!("{value:?}")
}
