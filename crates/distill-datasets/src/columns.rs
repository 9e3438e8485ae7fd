mod cell;
mod counter;
mod names;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use ndarray::{ArrayViewMut1, s};
use serde::{Deserialize, Serialize};

use crate::DataError;
pub use cell::Cell;
use counter::{Counter, is_index_name, ordinal};
pub(crate) use names::canonical;
use names::place_of;

/// A column with more different words is not a category but a name for each example.
const MAX_VALUES: usize = 1000;

/// What a recipe says of the columns of a table. All of it may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnOptions {
    /// The column with the class. `None`: the one that is called label, class or target.
    pub label: Option<String>,
    /// Columns that are not inputs.
    pub ignore: Vec<String>,
    /// Columns whose numbers are names, such as a postal code.
    pub categorical: Vec<String>,
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
    /// What stands for a number that is missing: the mean of those that are there in the rows to train on. The column is then
    /// two numbers, the second of which is 1 where the first is missing, and else 0. `None` where none is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f32>,
}

/// How a row of a table becomes the numbers of an input, as it was learnt from the rows to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The inputs, in the order of the numbers.
    pub inputs: Vec<Column>,
    /// The column with the class.
    pub label: String,
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
    fn width(&self) -> usize {
        self.values.as_ref().map_or(1 + usize::from(self.missing.is_some()), Vec::len)
    }

    /// Writes the numbers of an input, which are 0, of the one that stands for them: NaN for one that is missing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a place, or below 0")]
    fn write(&self, code: f32, mut out: ArrayViewMut1<'_, f32>) {
        match self.values {
            None if code.is_nan() => {
                out[0] = self.missing.unwrap_or_default();
                out[1] = 1.0;
            }
            None => out[0] = code,
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
    /// none of the known ones: all their numbers are 0.
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
            return cell.number().ok_or_else(|| {
                let text = cell.text();
                let found = if text.is_empty() { "is empty".to_owned() } else { format!("is `{text}`") };
                let never = if cell.is_missing() { ", and no training row lacks it" } else { "" };
                format!("column `{}` {found}, not a finite number{never}", column.name)
            });
        };
        let text = cell.text();
        let place = match self.is_sorted[at] {
            true => values.binary_search_by(|value| value.as_str().cmp(&text)).ok(),
            false => None,
        };
        let place = place.or_else(|| place_of(values, &text));
        Ok(place.map_or(-1.0, |place| place as f32))
    }

    /// Positions of the columns that it asks for.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }
}

/// What has been seen of a column.
#[derive(Debug, Default)]
struct Seen {
    counter: Counter,
    n_numbers: u64,
    sum: f64,
    n_missing: u64,
    /// The place of the first that neither is a number nor is missing, and what it is.
    word: Option<(String, String)>,
    values: BTreeSet<String>,
}

/// Learns from rows how columns become numbers.
#[derive(Debug)]
pub(crate) struct Learner {
    header: Vec<String>,
    label: usize,
    seen: Vec<Seen>,
    categorical: Vec<bool>,
    ignored: Vec<bool>,
    pub(crate) labels: BTreeSet<String>,
}

impl Learner {
    /// `path` is for errors.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`], [`DataError::Content`].
    pub(crate) fn new(path: &Path, header: &[String], options: &ColumnOptions) -> Result<Self, DataError> {
        let content = |problem| DataError::Content { path: path.to_owned(), problem };
        let mut names = HashSet::new();
        if let Some(name) = header.iter().find(|name| !names.insert(name.as_str())) {
            return Err(content(format!("has two columns `{name}`")));
        }
        let known = |name: &String| position(header, name).ok_or_else(|| DataError::unknown_column(path, name, header));
        let label = label_position(path, header, options.label.as_deref())?;
        let mut categorical = vec![false; header.len()];
        for name in &options.categorical {
            categorical[known(name)?] = true;
        }
        let mut ignored = vec![false; header.len()];
        for name in &options.ignore {
            ignored[known(name)?] = true;
        }
        ignored[label] = true;
        let is_index = |&at: &usize| !ignored[at] && !categorical[at] && is_index_name(&header[at]);
        if let Some(at) = (0..header.len()).find(is_index) {
            let name = &header[at];
            let called = if name.is_empty() { "without a name".to_owned() } else { format!("`{name}`") };
            return Err(content(format!(
                "has a column {called}, the {} of {}, as pandas writes the index: leave it out with \
                 `data.columns.ignore = [\"{name}\"]`, or give it another name if it is an input",
                ordinal(at + 1),
                header.len()
            )));
        }
        let seen = header.iter().map(|_| Seen::default()).collect();
        Ok(Self { header: header.to_vec(), label, seen, categorical, ignored, labels: BTreeSet::new() })
    }

    /// Positions of the columns that are looked at.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        (0..self.header.len()).filter(|&at| at == self.label || !self.ignored[at])
    }

    /// `place` is that of the row, for people.
    pub(crate) fn push<'f>(&mut self, place: impl Fn() -> String, cell: impl Fn(usize) -> Option<Cell<'f>>) {
        for (at, seen) in self.seen.iter_mut().enumerate() {
            if at == self.label
                && let Some(text) = cell(at).map(Cell::name)
                && !self.labels.contains(&*text)
            {
                self.labels.insert(text.into_owned());
            }
            if self.ignored[at] {
                continue;
            }
            let Some(cell) = cell(at) else { continue };
            seen.counter.push(cell);
            match cell.number() {
                Some(number) => {
                    seen.n_numbers += 1;
                    seen.sum += f64::from(number);
                }
                None if cell.is_missing() => seen.n_missing += 1,
                None if seen.word.is_none() => seen.word = Some((place(), cell.text().into_owned())),
                None => {}
            }
            // Words beside numbers are refused anyway, and numbers are names only where the recipe says so.
            if seen.values.len() <= MAX_VALUES && (seen.n_numbers == 0 || self.categorical[at]) {
                let text = cell.name();
                if !seen.values.contains(&*text) {
                    seen.values.insert(text.into_owned());
                }
            }
        }
    }

    /// The names of columns that look like the numbers of the rows, or their names, and say nothing of what a row is about.
    pub(crate) fn counters(&self) -> Vec<String> {
        let is_one = |at: &usize| {
            let (seen, name) = (&self.seen[*at], &self.header[*at]);
            let is_number = seen.word.is_none() && !self.categorical[*at];
            !self.ignored[*at]
                && if is_number { seen.counter.counts(name) } else { seen.counter.names(seen.values.len()) }
        };
        (0..self.header.len()).filter(is_one).map(|at| self.header[at].clone()).collect()
    }

    /// # Errors
    /// A column that is neither numbers nor words, for people.
    pub(crate) fn finish(self) -> Result<Columns, String> {
        let mut inputs = vec![];
        for (at, seen) in self.seen.into_iter().enumerate() {
            if self.ignored[at] {
                continue;
            }
            let name = self.header[at].clone();
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a mean of f32")]
            let mean = (seen.sum / seen.n_numbers.max(1) as f64) as f32;
            let mut missing = None;
            let values = match seen.word {
                _ if self.categorical[at] => Some(seen.values),
                None if seen.n_missing == 0 => None,
                None if seen.n_numbers > 0 => {
                    missing = Some(mean);
                    None
                }
                Some((place, word)) if seen.n_numbers > 0 => {
                    return Err(format!(
                        "has numbers in column `{name}`, but `{word}` in {place}: correct it, or name the column in \
                         `data.columns.categorical` or `data.columns.ignore`"
                    ));
                }
                _ => Some(seen.values),
            };
            if let Some(values) = values.as_ref().filter(|values| values.len() > MAX_VALUES) {
                let n = values.len() - 1;
                return Err(format!(
                    "has more than {n} different words in column `{name}`: if it names the examples, list it in `data.columns.ignore`"
                ));
            }
            inputs.push(Column { name, values: values.map(|values| values.into_iter().collect()), missing });
        }
        match inputs.is_empty() {
            true => Err("has no column beside that of the class".to_owned()),
            false => Ok(Columns { inputs, label: self.header[self.label].clone() }),
        }
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
    let usual = || header.iter().position(|name| ["label", "class", "target"].contains(&name.to_lowercase().as_str()));
    match label {
        Some(name) => position(header, name).ok_or_else(|| DataError::unknown_column(path, name, header)),
        None => usual().ok_or_else(|| {
            let names = list(header);
            let problem = format!("has no column called label, class or target: name the one with the class in `data.columns.label`; it has {names}");
            DataError::Content { path: path.to_owned(), problem }
        }),
    }
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
