mod cell;
mod counter;
mod forms;
mod learner;
mod names;
mod pieces;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, s};
use serde::{Deserialize, Serialize};

use crate::DataError;
pub use cell::Cell;
pub use forms::NumberForm;
pub(crate) use learner::Learner;
pub(crate) use names::canonical;
use names::place_of;

/// What a recipe says of the columns of a table. All of it may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnOptions {
    /// The column with the class. `None`: the one that is called label, class or target.
    pub label: Option<String>,
    /// The columns with numbers to predict, in the place of a class.
    pub targets: Vec<String>,
    /// Columns that are not inputs.
    pub ignore: Vec<String>,
    /// Columns whose numbers are names, such as a postal code.
    pub categorical: Vec<String>,
    /// The column with the fold of each row to train on, which is no input.
    pub fold: Option<String>,
    /// The mark before the decimals of numbers, `,` or `.`, where they do not tell.
    pub decimal: Option<char>,
    /// The most pieces of which a number is one feature each, where it is to be several.
    pub pieces: Option<usize>,
    /// In how many rows to train on a word must stand to have a feature of its own. Others have one together.
    pub rare: Option<u32>,
}

/// How one column becomes numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// The words of a category, one number for each, which is 1 where it stands and else 0. `None` where the column is
    /// a number itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Whether all other words have one number more together, which is 1 where one of them stands: those of few rows to train on,
    /// and those of none. Without it they are zeros.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rare: bool,
    /// What stands for a number that is missing: the mean of those that are there in the rows to train on. The column is then
    /// two numbers, the second of which is 1 where the first is missing, and else 0. `None` where none is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f32>,
    /// How its numbers are written, where it is in another way than programs do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<NumberForm>,
    /// Where the pieces of its numbers end, which ascend, if each is a feature. Empty: a number is one feature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<f32>,
}

/// How a row of a table becomes the numbers of an input, as it was learnt from the rows to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The inputs, in the order of the numbers.
    pub inputs: Vec<Column>,
    /// The column with the class; empty where numbers are to be predicted.
    pub label: String,
    /// The columns with the numbers to predict, in their order. Empty where rows have a class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Column>,
}

/// Where the columns are in a certain file.
#[derive(Debug, Clone)]
pub struct ColumnEncoder {
    columns: Columns,
    positions: Vec<usize>,
    /// Whether the words of a column are in order, as those that were learnt from a table are.
    is_sorted: Vec<bool>,
}

impl Column {
    /// Numbers of an input that it becomes.
    pub(crate) fn width(&self) -> usize {
        match &self.values {
            None => self.number_width() + usize::from(self.missing.is_some()),
            Some(values) => values.len() + usize::from(self.rare),
        }
    }

    /// Those of its number alone.
    pub(crate) fn number_width(&self) -> usize {
        self.edges.len().saturating_sub(1).max(1)
    }

    /// Writes the features of a number.
    pub(crate) fn write_number(&self, x: f32, mut out: ArrayViewMut1<'_, f32>) {
        match self.is_in_pieces() {
            true => pieces::write(&self.edges, x, out.iter_mut()),
            false => out[0] = x,
        }
    }

    /// The number that has these features, up to rounding where it is in pieces.
    pub(crate) fn read_number(&self, features: ArrayView1<'_, f32>) -> f32 {
        if self.is_in_pieces() { pieces::read(&self.edges, features.iter()) } else { features[0] }
    }

    /// One edge, which only a damaged file has, ends no piece.
    pub(crate) fn is_in_pieces(&self) -> bool {
        self.edges.len() > 1
    }

    /// Writes the numbers of an input, which are 0, of the one that stands for them: NaN for one that is missing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a place, or below 0")]
    fn write(&self, code: f32, mut out: ArrayViewMut1<'_, f32>) {
        match self.values {
            None => {
                let n = self.number_width();
                let number = if code.is_nan() { self.missing.unwrap_or_default() } else { code };
                self.write_number(number, out.slice_mut(s![..n]));
                if code.is_nan() {
                    out[n] = 1.0;
                }
            }
            Some(_) if code < 0.0 => {}
            Some(_) => out[code as usize] = 1.0,
        }
    }
}

impl Columns {
    /// Numbers of an input.
    pub fn features(&self) -> usize {
        self.inputs.iter().map(Column::width).sum()
    }

    /// Writes an input from one number for each column, as [`ColumnEncoder::encode_short`] makes them.
    pub(crate) fn write(&self, codes: impl Iterator<Item = f32>, mut out: ArrayViewMut1<'_, f32>) {
        out.fill(0.0);
        let mut start = 0;
        for (column, code) in self.inputs.iter().zip(codes) {
            let end = start + column.width();
            column.write(code, out.slice_mut(s![start..end]));
            start = end;
        }
    }

    /// Whether numbers are in pieces.
    pub fn has_pieces(&self) -> bool {
        self.inputs.iter().any(Column::is_in_pieces)
    }

    /// The same columns, of which each number is one feature: what those see that were not trained on pieces.
    #[must_use]
    pub fn whole(&self) -> Self {
        let inputs = self.inputs.iter().map(|column| Column { edges: vec![], ..column.clone() }).collect();
        Self { inputs, ..self.clone() }
    }

    /// Writes the input that [`whole`](Self::whole) columns have for the same row, up to the rounding of numbers in pieces.
    ///
    /// # Panics
    /// If `input` or `out` does not have the features of the columns.
    pub fn write_whole(&self, input: ArrayView1<'_, f32>, mut out: ArrayViewMut1<'_, f32>) {
        let (mut from, mut to) = (0, 0);
        for column in &self.inputs {
            let (width, n) = (column.width(), column.number_width());
            if column.values.is_some() {
                out.slice_mut(s![to..to + width]).assign(&input.slice(s![from..from + width]));
                to += width;
            } else {
                out[to] = column.read_number(input.slice(s![from..from + n]));
                if column.missing.is_some() {
                    out[to + 1] = input[from + n];
                }
                to += width - n + 1;
            }
            from += width;
        }
    }

    /// Cuts numbers into pieces, by the rows to train on, of which `codes` has one number for each column.
    pub(crate) fn cut(&mut self, codes: ArrayView2<'_, f32>, n: usize) {
        for (column, codes) in self.inputs.iter_mut().zip(codes.columns()) {
            if column.values.is_none() {
                column.edges = pieces::edges(codes.iter().copied().filter(|code| !code.is_nan()).collect(), n);
            }
        }
    }

    /// Finds the inputs in the header of a file, which may have them in any order, and others beside them.
    ///
    /// # Errors
    /// What is missing, for people.
    pub fn encoder(&self, header: &[String]) -> Result<ColumnEncoder, String> {
        let places: HashMap<&str, usize> = header.iter().map(String::as_str).zip(0..).collect();
        let place = |column: &Column| {
            let found = places.get(column.name.as_str()).copied();
            found.ok_or_else(|| format!("has no column `{}`, it has {}", column.name, list(header)))
        };
        let positions = self.inputs.iter().map(place).collect::<Result<_, _>>()?;
        let is_sorted = self.inputs.iter().map(|column| column.values.as_deref().is_some_and(<[_]>::is_sorted));
        Ok(ColumnEncoder { is_sorted: is_sorted.collect(), columns: self.clone(), positions })
    }
}

impl ColumnEncoder {
    /// Appends the numbers of a row, whose cells are found by their position. A word that was not there in training is
    /// none of the known ones: all their numbers are 0, unless it is one of the rare words.
    ///
    /// # Errors
    /// The column and what is wrong with it, for people.
    pub fn encode<'f>(&self, cell: impl Fn(usize) -> Option<Cell<'f>>, out: &mut Vec<f32>) -> Result<(), String> {
        for (at, column) in self.columns.inputs.iter().enumerate() {
            let start = out.len();
            let code = self.code(at, &cell)?;
            out.resize(start + column.width(), 0.0);
            column.write(code, ArrayViewMut1::from(&mut out[start..]));
        }
        Ok(())
    }

    /// Appends one number for each column: itself, NaN if it may be missing and is, or the place of a word among those that are known,
    /// below 0 for others.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn encode_short<'f>(
        &self,
        cell: impl Fn(usize) -> Option<Cell<'f>>,
        out: &mut Vec<f32>,
    ) -> Result<(), String> {
        (0..self.columns.inputs.len()).try_for_each(|at| self.code(at, &cell).map(|code| out.push(code)))
    }

    #[expect(clippy::cast_precision_loss, reason = "a column has few words")]
    fn code<'f>(&self, at: usize, cell: impl Fn(usize) -> Option<Cell<'f>>) -> Result<f32, String> {
        let column = &self.columns.inputs[at];
        let cell = cell(self.positions[at]).ok_or_else(|| format!("has no value for column `{}`", column.name))?;
        let Some(values) = &column.values else {
            if column.missing.is_some() && cell.is_missing() {
                return Ok(f32::NAN);
            }
            return cell.number_in(column.form).ok_or_else(|| {
                let text = cell.text();
                let found = if text.is_empty() { "is empty".to_owned() } else { format!("is `{text}`") };
                let never = if cell.is_missing() { ", and no training row lacks it" } else { "" };
                let wanted = match column.form {
                    None => "a finite number",
                    Some(NumberForm::Date) => "a date",
                    Some(NumberForm::DecimalComma) => "a number with a decimal comma",
                    Some(NumberForm::Thousands) => "a number",
                };
                format!("column `{}` {found}, not {wanted}{never}", column.name)
            });
        };
        let text = cell.text();
        let place = match self.is_sorted[at] {
            true => values.binary_search_by(|value| value.as_str().cmp(&text)).ok(),
            false => None,
        };
        let place = place.or_else(|| place_of(values, &text)).or_else(|| column.rare.then_some(values.len()));
        Ok(place.map_or(-1.0, |place| place as f32))
    }

    /// Positions of the columns that it asks for.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }
}

/// Class names in their order: that of the numbers where all are numbers.
pub(crate) fn in_order(labels: BTreeSet<String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.into_iter().collect();
    if labels.iter().all(|label| label.parse::<i64>().is_ok()) {
        labels.sort_by_key(|label| label.parse::<i64>().unwrap_or_default());
    }
    labels
}

/// Where the column with the class is: the named one, or one that is called so.
pub(crate) fn label_position(path: &Path, header: &[String], label: Option<&str>) -> Result<usize, DataError> {
    match label {
        Some(name) => position(header, name).ok_or_else(|| DataError::unknown_column(path, name, header)),
        None => usual_label(header).ok_or_else(|| {
            let names = list(header);
            let problem = format!("has no column called label, class or target: name the one with the class in `data.columns.label`; it has {names}");
            DataError::Content { path: path.to_owned(), problem }
        }),
    }
}

/// The column that is called as that with the class mostly is.
pub(crate) fn usual_label(header: &[String]) -> Option<usize> {
    header.iter().position(|name| ["label", "class", "target"].contains(&name.to_lowercase().as_str()))
}

pub(crate) fn position(header: &[String], name: &str) -> Option<usize> {
    header.iter().position(|column| column == name)
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
