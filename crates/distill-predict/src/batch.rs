use serde::Serialize;

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

    /// The values of all rows that are complete.
    pub(crate) fn values(&mut self) -> &[f32] {
        self.begin();
        &self.values
    }

    /// The values of the row that was completed last.
    pub(crate) fn last(&mut self) -> &mut [f32] {
        self.begin();
        let at = self.values.len().saturating_sub(self.n_features);
        &mut self.values[at..]
    }

    /// Name and place of each row.
    pub(crate) fn rows(&self) -> &[(Id, String)] {
        &self.rows
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
