//! What a table's rows to train on say of its columns.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::counter::{Counter, is_index_name, ordinal};
use super::forms::NumberForm;
use super::{Cell, Column, ColumnOptions, Columns, label_position, position};
use crate::DataError;

/// A column with more different words is not a category but a name for each example.
const MAX_VALUES: usize = 1000;
/// The same where rare words are one.
const MAX_COUNTED: usize = 1_000_000;

/// Which forms all numbers of a column may have.
#[derive(Debug)]
struct Forms {
    /// The sum of all, as each form reads them; nothing once one is not written so.
    sums: [Option<f64>; 3],
    n: u64,
    /// One that is not written as programs write numbers.
    example: Option<String>,
}

impl Default for Forms {
    fn default() -> Self {
        Self { sums: [Some(0.0); 3], n: 0, example: None }
    }
}

impl Forms {
    fn push(&mut self, cell: Cell<'_>) {
        if self.sums == [None; 3] {
            return;
        }
        let Cell::Text(text) = cell else {
            self.sums = [None; 3];
            return;
        };
        let text = text.trim();
        self.n += 1;
        for (form, sum) in NumberForm::ALL.into_iter().zip(&mut self.sums) {
            *sum = sum.and_then(|sum| Some(sum + form.read(text)?));
        }
        if self.example.is_none() && text.parse::<f64>().is_err() {
            self.example = Some(text.to_owned());
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a mean of f32")]
    fn mean(&self, form: NumberForm) -> f32 {
        let sum = NumberForm::ALL.iter().position(|&other| other == form).and_then(|at| self.sums[at]);
        (sum.unwrap_or_default() / self.n.max(1) as f64) as f32
    }
}

impl Seen {
    /// In which form the numbers are written, if they are numbers and not as programs write them. The error is one that may be
    /// two numbers.
    fn form(&self, decimal: Option<char>) -> Result<Option<NumberForm>, String> {
        use NumberForm::{Date, DecimalComma, Thousands};
        let Some(example) = &self.forms.example else { return Ok(None) };
        let [comma, thousands, date] = self.forms.sums.map(|sum| sum.is_some());
        match (comma && decimal != Some('.'), thousands && decimal != Some(',')) {
            (true, true) => Err(example.clone()),
            (true, false) => Ok(Some(DecimalComma)),
            (false, true) => Ok(Some(Thousands)),
            (false, false) => Ok(date.then_some(Date)),
        }
    }
}

/// What has been seen of a column.
#[derive(Debug, Default)]
struct Seen {
    counter: Counter,
    forms: Forms,
    n_numbers: u64,
    sum: f64,
    n_missing: u64,
    /// The place of the first that neither is a number nor is missing, and what it is.
    word: Option<(String, String)>,
    /// In how many rows each stands.
    values: BTreeMap<String, u32>,
}

/// Learns from rows how columns become numbers.
#[derive(Debug)]
pub(crate) struct Learner {
    header: Vec<String>,
    /// The column with the class, if rows have one.
    label: Option<usize>,
    /// Those with the numbers to predict.
    targets: Vec<usize>,
    seen: Vec<Seen>,
    categorical: Vec<bool>,
    ignored: Vec<bool>,
    decimal: Option<char>,
    rare: Option<u32>,
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
        let targets = options.targets.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let mut predicted = HashSet::new();
        if let Some(name) = options.targets.iter().find(|name| !predicted.insert(name.as_str())) {
            return Err(content(format!(
                "is to have column `{name}` predicted twice: list it once in `data.columns.targets`"
            )));
        }
        let label = match targets.as_slice() {
            [] => Some(label_position(path, header, options.label.as_deref())?),
            _ => None,
        };
        let mut categorical = vec![false; header.len()];
        for name in &options.categorical {
            categorical[known(name)?] = true;
        }
        let mut ignored = vec![false; header.len()];
        for name in &options.ignore {
            ignored[known(name)?] = true;
        }
        label.iter().chain(&targets).for_each(|&at| ignored[at] = true);
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
        Ok(Self {
            header: header.to_vec(),
            label,
            targets,
            seen,
            categorical,
            ignored,
            decimal: options.decimal,
            rare: options.rare,
            labels: BTreeSet::new(),
        })
    }

    /// Positions of the columns that are looked at.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        let is_answer = |at| self.label == Some(at) || self.targets.contains(&at);
        (0..self.header.len()).filter(move |&at| is_answer(at) || !self.ignored[at])
    }

    /// `place` is that of the row, for people.
    pub(crate) fn push<'f>(&mut self, place: impl Fn() -> String, cell: impl Fn(usize) -> Option<Cell<'f>>) {
        for (at, seen) in self.seen.iter_mut().enumerate() {
            if Some(at) == self.label
                && let Some(text) = cell(at).map(Cell::name)
                && !self.labels.contains(&*text)
            {
                self.labels.insert(text.into_owned());
            }
            if self.ignored[at] && !self.targets.contains(&at) {
                continue;
            }
            let Some(cell) = cell(at) else { continue };
            seen.counter.push(cell);
            let number = cell.number();
            if number.is_some() || !cell.is_missing() {
                seen.forms.push(cell);
            }
            match number {
                Some(number) => {
                    seen.n_numbers += 1;
                    seen.sum += f64::from(number);
                }
                None if cell.is_missing() => seen.n_missing += 1,
                None if seen.word.is_none() => seen.word = Some((place(), cell.text().into_owned())),
                None => {}
            }
            // Words beside numbers are refused anyway, and numbers are names only where the recipe says so.
            let most = if self.rare.is_some() { MAX_COUNTED } else { MAX_VALUES };
            if seen.values.len() <= most && (seen.n_numbers == 0 || self.categorical[at]) {
                let text = cell.name();
                match seen.values.get_mut(&*text) {
                    Some(n) => *n += 1,
                    None => drop(seen.values.insert(text.into_owned(), 1)),
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
                && (self.categorical[*at] || seen.form(self.decimal).ok().flatten().is_none())
                && if is_number { seen.counter.counts(name) } else { seen.counter.names(seen.values.len()) }
        };
        (0..self.header.len()).filter(is_one).map(|at| self.header[at].clone()).collect()
    }

    /// # Errors
    /// A column that is neither numbers nor words, or words that are to be predicted, for people.
    pub(crate) fn finish(self) -> Result<Columns, String> {
        let Self { header, label, targets: places, seen, categorical, ignored, decimal, rare, .. } = self;
        let (mut inputs, mut targets) = (vec![], vec![]);
        for (at, seen) in seen.into_iter().enumerate() {
            let name = header[at].clone();
            if let Some(place) = places.iter().position(|&target| target == at) {
                targets.push((place, seen.target(name, decimal)?));
            } else if !ignored[at] {
                inputs.push(seen.column(name, categorical[at], decimal, rare)?);
            }
        }
        if inputs.is_empty() {
            let what = if places.is_empty() { "that of the class" } else { "those to predict" };
            return Err(format!("has no column beside {what}"));
        }
        targets.sort_by_key(|&(place, _)| place);
        let targets = targets.into_iter().map(|(_, column)| column).collect();
        Ok(Columns { inputs, label: label.map(|at| header[at].clone()).unwrap_or_default(), targets })
    }
}

impl Seen {
    /// The column of a number to predict.
    fn target(self, name: String, decimal: Option<char>) -> Result<Column, String> {
        let form = self.form(decimal).map_err(|example| unclear(&name, &example))?;
        match self.word {
            Some((place, word)) if form.is_none() => Err(format!(
                "has `{word}` in column `{name}` in {place}, which is to be predicted as a number: correct it, or name the \
                 column in `data.columns.label` if it is a class"
            )),
            _ => Ok(Column { name, values: None, rare: false, missing: None, form, edges: vec![] }),
        }
    }

    /// The column of an input.
    fn column(
        self,
        name: String,
        is_categorical: bool,
        decimal: Option<char>,
        rare: Option<u32>,
    ) -> Result<Column, String> {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a mean of f32")]
        let mean = (self.sum / self.n_numbers.max(1) as f64) as f32;
        let (mut missing, mut form) = (None, None);
        if !is_categorical {
            form = self.form(decimal).map_err(|example| unclear(&name, &example))?;
        }
        let values = match self.word {
            _ if is_categorical => Some(self.values),
            _ if form.is_some() => {
                missing = form.filter(|_| self.n_missing > 0).map(|form| self.forms.mean(form));
                None
            }
            None if self.n_missing == 0 => None,
            None if self.n_numbers > 0 => {
                missing = Some(mean);
                None
            }
            Some((place, word)) if self.n_numbers > 0 => {
                return Err(format!(
                    "has numbers in column `{name}`, but `{word}` in {place}: correct it, or name the column in \
                     `data.columns.categorical` or `data.columns.ignore`"
                ));
            }
            _ => Some(self.values),
        };
        let n_different = values.as_ref().map_or(0, BTreeMap::len);
        let least = rare.unwrap_or(0);
        let values: Option<Vec<String>> =
            values.map(|values| values.into_iter().filter(|&(_, n)| n >= least).map(|(word, _)| word).collect());
        let n = values.as_ref().map_or(0, Vec::len);
        if n > MAX_VALUES || n_different > MAX_COUNTED {
            let (n, of) = match rare {
                Some(least) if n_different <= MAX_COUNTED => {
                    (MAX_VALUES, format!(" that stand in {least} rows or more"))
                }
                _ => (n_different - 1, String::new()),
            };
            return Err(format!(
                "has more than {n} different words in column `{name}`{of}: if it names the examples, list it in \
                 `data.columns.ignore`; else take rare words together with `data.columns.rare`"
            ));
        }
        Ok(Column { name, rare: n < n_different, values, missing, form, edges: vec![] })
    }
}

/// What is said of numbers that may be two.
fn unclear(name: &str, example: &str) -> String {
    format!(
        "has numbers like `{example}` in column `{name}`, whose comma may stand before the decimals or between thousands: \
         say which with `data.columns.decimal = \",\"` or `\".\"`"
    )
}
