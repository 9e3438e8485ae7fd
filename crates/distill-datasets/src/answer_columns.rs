//! The columns that say what is right of a row.

use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use crate::columns::{Cell, Column, Columns, canonical, label_position, position};
use crate::{DataError, Numbers, TableRows};

/// What is right of a row, as far as it is known before a table is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer<'a> {
    /// The class in this column, or in the one that is called label, class or target.
    Class(Option<&'a str>),
    /// Numbers.
    Numbers,
}

impl<'a> Answer<'a> {
    /// Numbers, or the class in the column `label`.
    pub(crate) fn of(are_numbers: bool, label: Option<&'a str>) -> Self {
        if are_numbers { Self::Numbers } else { Self::Class(label) }
    }

    /// The column with the class, if there is a class.
    pub(crate) fn position(self, path: &Path, header: &[String]) -> Result<Option<usize>, DataError> {
        match self {
            Self::Class(label) => label_position(path, header, label).map(Some),
            Self::Numbers => Ok(None),
        }
    }
}

/// Reads what is right of each row: a class, or the numbers of a regression.
pub(crate) enum Answers<'a> {
    Classes { at: usize, classes: &'a [String], places: Places<'a>, labels: Vec<u32> },
    Numbers { targets: Vec<(usize, &'a Column)>, values: Vec<f32> },
}

/// The number of each class by its name, and by the same number in other words.
pub(crate) struct Places<'a> {
    named: HashMap<&'a str, u32>,
    same: HashMap<std::borrow::Cow<'a, str>, u32>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(classes: &'a [String]) -> Self {
        // A list may write the numbers of classes in another way than the table. Of two that are one number the first counts.
        let mut same = HashMap::new();
        for (class, number) in classes.iter().zip(0..) {
            same.entry(canonical(class)).or_insert(number);
        }
        Self { named: classes.iter().map(String::as_str).zip(0..).collect(), same }
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.named.get(name).or_else(|| self.same.get(&canonical(name))).copied()
    }
}

impl<'a> Answers<'a> {
    /// Finds the columns in a table.
    pub(crate) fn new(columns: &'a Columns, classes: &'a [String], rows: &TableRows) -> Result<Self, DataError> {
        let lacking = |name: &str, what: &str| rows.fault(format!("has no column `{name}` with {what}"));
        if !columns.targets.is_empty() {
            let place = |column: &'a Column| {
                let at = position(rows.header(), &column.name);
                Ok((at.ok_or_else(|| lacking(&column.name, "the number to predict"))?, column))
            };
            let targets = columns.targets.iter().map(place).collect::<Result<_, DataError>>()?;
            return Ok(Self::Numbers { targets, values: vec![] });
        }
        let at = position(rows.header(), &columns.label).ok_or_else(|| lacking(&columns.label, "the class"))?;
        Ok(Self::Classes { at, classes, places: Places::of(classes), labels: vec![] })
    }

    /// Where they are.
    pub(crate) fn positions(&self) -> Vec<usize> {
        match self {
            Self::Classes { at, .. } => vec![*at],
            Self::Numbers { targets, .. } => targets.iter().map(|&(at, _)| at).collect(),
        }
    }

    /// Reads what is right of the row at hand.
    pub(crate) fn push(&mut self, rows: &TableRows, path: &Path) -> Result<(), DataError> {
        match self {
            Self::Classes { at, classes, places, labels } => {
                let text = rows.cell(*at).map(Cell::text).unwrap_or_default();
                let unlisted = || DataError::unlisted(path, Some(&rows.place()), &text, classes);
                labels.push(places.find(&text).ok_or_else(unlisted)?);
            }
            Self::Numbers { targets, values } => {
                for (at, column) in targets {
                    let cell = rows.cell(*at).unwrap_or(Cell::Text(""));
                    let number = cell.number_in(column.form).ok_or_else(|| {
                        let text = cell.text();
                        let found = if text.is_empty() { "is empty".to_owned() } else { format!("is `{text}`") };
                        rows.fault_here(&format!(
                            "column `{}` {found}, not a finite number, and it is to be predicted: correct or remove the row",
                            column.name
                        ))
                    });
                    values.push(number?);
                }
            }
        }
        Ok(())
    }

    /// How many numbers of four bytes they are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Numbers { targets, values } => values.len() + values.len() / targets.len().max(1),
        }
    }

    /// The label of each row, and the numbers that labels are rows of.
    pub(crate) fn finish(self) -> (Vec<u32>, Option<Numbers>) {
        match self {
            Self::Classes { labels, .. } => (labels, None),
            Self::Numbers { targets, values } => {
                let n = values.len() / targets.len().max(1);
                let values = Array2::from_shape_vec((n, targets.len()), values).expect("a number for each target");
                ((0..n as u32).collect(), Some(Numbers::new(values)))
            }
        }
    }
}
