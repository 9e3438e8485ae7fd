use distill_models::{Model, Scratch};
use distill_recipe::Diagnostic;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use serde::Serialize;

use crate::wrong::{VALUES, bad_row};

/// Rows that are answered at a time.
const MAX_ROWS: usize = 256;

/// Numbers in a batch, so that a model with large inputs does not take memory without bound.
const MAX_VALUES: usize = 1 << 24;

/// What a row is called in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Number(i64),
    Text(String),
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id {
            Id::Number(number) => number.to_string(),
            Id::Text(text) => text,
        }
    }
}

/// Numbers the rows of an input, from 0.
#[derive(Debug)]
pub(crate) struct Ids {
    /// The name of the file, where there are several.
    prefix: Option<String>,
    next: i64,
}

impl Ids {
    pub(crate) fn new(prefix: Option<String>) -> Self {
        Self { prefix, next: 0 }
    }

    /// The name of the next row, which is `given` where the input names it.
    pub(crate) fn next(&mut self, given: Option<Id>) -> Id {
        let row = self.next;
        self.next += 1;
        given.unwrap_or_else(|| match &self.prefix {
            Some(prefix) => Id::Text(format!("{prefix}:{row}")),
            None => Id::Number(row),
        })
    }
}

/// Rows that wait for an answer.
#[derive(Debug)]
pub(crate) struct Batch {
    n_features: usize,
    max_rows: usize,
    values: Vec<f32>,
    rows: Vec<(Id, String)>,
}

impl Batch {
    pub(crate) fn new(n_features: usize, n_classes: usize) -> Self {
        let max_rows = (MAX_VALUES / n_features.max(n_classes).max(1)).clamp(1, MAX_ROWS);
        Self { n_features, max_rows, values: vec![], rows: vec![] }
    }

    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= self.max_rows
    }

    /// Asks a model about all rows that are complete, and gives each answer to `take`, in their order. The buffer is for the
    /// answers.
    ///
    /// # Errors
    /// For the first row of which the answer is not a finite number, if the model refuses, and what `take` returns.
    pub(crate) fn ask(
        &mut self,
        model: &dyn Model,
        scratch: &mut Scratch,
        buffer: &mut Vec<f32>,
        mut take: impl FnMut(&Id, ArrayView1<'_, f32>) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        self.begin();
        let (n_rows, n_outputs) = (self.rows.len(), model.spec().classes.len());
        buffer.resize(n_rows * n_outputs, 0.0);
        let inputs = ArrayView2::from_shape((n_rows, self.n_features), &self.values)
            .expect("a batch has the values of its rows");
        let mut answers =
            ArrayViewMut2::from_shape((n_rows, n_outputs), buffer).expect("the buffer was made for these rows");
        model.logits_into(inputs, scratch, answers.view_mut())?;
        self.rows.iter().zip(answers.rows()).try_for_each(|((id, place), answer)| {
            if answer.iter().any(|value| !value.is_finite()) {
                return Err(bad_row(place, "the model's answer to the row is not a finite number")
                    .note("its values are too large")
                    .help(VALUES));
            }
            take(id, answer)
        })
    }

    /// The values of the row that was completed last.
    pub(crate) fn last(&mut self) -> &mut [f32] {
        self.begin();
        let at = self.values.len().saturating_sub(self.n_features);
        &mut self.values[at..]
    }

    /// Starts a row, and forgets one that was not finished.
    pub(crate) fn begin(&mut self) {
        self.values.truncate(self.rows.len() * self.n_features);
    }

    /// Adds a value to the row that was started, unless it has all it needs.
    pub(crate) fn push(&mut self, value: f32) {
        if self.values.len() < (self.rows.len() + 1) * self.n_features {
            self.values.push(value);
        }
    }

    /// Completes a row, which must have all its values.
    pub(crate) fn finish(&mut self, id: Id, place: String) {
        debug_assert_eq!(self.values.len(), (self.rows.len() + 1) * self.n_features, "values of a row");
        self.rows.push((id, place));
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.rows.clear();
    }
}
