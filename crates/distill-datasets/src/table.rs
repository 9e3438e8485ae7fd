use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::images::check_labels;
use crate::{ClassListFault, Columns, DataError, DataSpec, Dataset, Numbers, check_batch, classes};

/// Inputs of any numbers, with labels, in memory: four bytes for each number, and for each word of a table. Inputs are as
/// they were given.
///
/// # Examples
/// ```
/// use distill_datasets::{Dataset, Table};
/// use ndarray::{Array2, array};
/// let classes = vec!["low".to_owned(), "high".to_owned()];
/// let table = Table::new(vec![2], vec![0.5, -3.0, 4.0, 7.5], vec![0, 1], classes)?;
/// let mut batch = Array2::zeros((1, 2));
/// table.read(&[1], batch.view_mut())?;
/// assert_eq!(batch, array![[4.0, 7.5]]);
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    spec: DataSpec,
    /// The inputs, or one number for each of the columns that they are made of.
    rows: Array2<f32>,
    labels: Vec<u32>,
    columns: Option<Columns>,
    counters: Vec<String>,
    folds: Option<Vec<u32>>,
}

impl Table {
    /// Takes the numbers of one example after the other and one label for each.
    ///
    /// # Errors
    /// [`DataError::BadInputShape`], [`DataError::BadClassList`], [`DataError::NoExamples`], [`DataError::PixelCount`] when the
    /// counts do not agree, [`DataError::NonFinite`], and [`DataError::LabelOutOfRange`].
    pub fn new(
        input_shape: Vec<usize>,
        values: Vec<f32>,
        labels: Vec<u32>,
        classes: Vec<String>,
    ) -> Result<Self, DataError> {
        Self::with_gaps(input_shape, values, labels, classes, |_| false)
    }

    /// The same where some features may be NaN.
    fn with_gaps(
        input_shape: Vec<usize>,
        values: Vec<f32>,
        labels: Vec<u32>,
        classes: Vec<String>,
        may_lack: impl Fn(usize) -> bool,
    ) -> Result<Self, DataError> {
        let features = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let Some(features @ 1..) = features else {
            return Err(DataError::BadInputShape { path: None, input_shape });
        };
        classes::check(&classes).map_err(|fault| DataError::BadClassList { path: None, fault })?;
        if labels.is_empty() {
            return Err(DataError::NoExamples { path: None });
        }
        let is_wrong = |(at, value): (usize, &f32)| !(value.is_finite() || value.is_nan() && may_lack(at % features));
        if let Some(at) = values.iter().enumerate().position(is_wrong) {
            let (example, feature, value) = (at / features, at % features, values[at]);
            return Err(DataError::NonFinite { path: None, example, feature, value });
        }
        check_labels(&labels, classes.len())?;
        let (n_values, n_labels) = (values.len(), labels.len());
        match Array2::from_shape_vec((n_labels, features), values) {
            Ok(rows) => Ok(Self {
                spec: DataSpec::new(input_shape, classes),
                rows,
                labels,
                columns: None,
                counters: vec![],
                folds: None,
            }),
            Err(_) => Err(DataError::PixelCount { pixels: n_values, input_shape, labels: n_labels }),
        }
    }

    /// Takes one number for each column, as [`ColumnEncoder::encode_short`](crate::ColumnEncoder) makes them. Some of
    /// the columns look like the numbers of the rows.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub(crate) fn of_columns(
        columns: Columns,
        counters: Vec<String>,
        codes: Vec<f32>,
        (labels, numbers): (Vec<u32>, Option<Numbers>),
        classes: Vec<String>,
    ) -> Result<Self, DataError> {
        let may_lack = |at: usize| columns.inputs.get(at).is_some_and(|column| column.missing.is_some());
        // The rows of numbers are no classes, and have one for each label.
        let of_classes = if numbers.is_some() { vec![0; labels.len()] } else { labels.clone() };
        let mut table = Self::with_gaps(vec![columns.inputs.len()], codes, of_classes, classes, may_lack)?;
        table.spec.input_shape = vec![columns.features()];
        table.spec.numbers = numbers;
        Ok(Self { columns: Some(columns), counters, labels, ..table })
    }

    /// The same inputs with numbers to predict, one row of `numbers` for each example, in the place of classes. They have these
    /// names.
    ///
    /// # Errors
    /// [`DataError::BadClassList`] if there is not one name for each, and [`DataError::PixelCount`] if there is not one row for each
    /// example.
    ///
    /// # Examples
    /// ```
    /// use distill_datasets::{Dataset, Table};
    /// use ndarray::array;
    /// let prices = Table::regression(vec![2], vec![0.5, -3.0, 4.0, 7.5], array![[10.0], [12.5]], vec!["price".to_owned()])?;
    /// let numbers = prices.spec().numbers.as_ref().unwrap();
    /// assert_eq!(numbers.row(prices.label(1).unwrap()), array![12.5]);
    /// # Ok::<(), distill_datasets::DataError>(())
    /// ```
    pub fn regression(
        input_shape: Vec<usize>,
        values: Vec<f32>,
        numbers: Array2<f32>,
        names: Vec<String>,
    ) -> Result<Self, DataError> {
        let (n, n_numbers) = numbers.dim();
        if n_numbers != names.len() {
            let fault = ClassListFault::Count { names: names.len(), numbers: n_numbers };
            return Err(DataError::BadClassList { path: None, fault });
        }
        if let Some(at) = numbers.iter().position(|value| !value.is_finite()) {
            let (example, feature) = (at / n_numbers, at % n_numbers);
            return Err(DataError::NonFinite { path: None, example, feature, value: numbers[(example, feature)] });
        }
        let mut table = Self::new(input_shape, values, vec![0; n], names)?;
        table.labels = (0..n as u32).collect();
        table.spec.numbers = Some(Numbers::new(numbers));
        Ok(table)
    }

    /// The same with the fold of each example.
    pub(crate) fn with_folds(self, folds: Option<Vec<u32>>) -> Self {
        Self { folds, ..self }
    }

    /// One number for each column of each example, if it is a table of columns.
    pub(crate) fn codes(&self) -> ArrayView2<'_, f32> {
        self.rows.view()
    }

    /// The label of every example.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
}

impl Dataset for Table {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        for (&index, mut row) in indices.iter().zip(out.axis_iter_mut(Axis(0))) {
            let own = self.rows.row(index);
            match &self.columns {
                None => row.assign(&own),
                Some(columns) => columns.write(own.iter().copied(), row),
            }
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied()
    }

    fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    fn counters(&self) -> &[String] {
        &self.counters
    }

    fn folds(&self) -> Option<&[u32]> {
        self.folds.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let classes = || vec!["a".to_owned(), "b".to_owned()];
        let new = |shape: &[usize], values: &[f32], labels: &[u32]| {
            Table::new(shape.to_vec(), values.to_vec(), labels.to_vec(), classes()).unwrap_err()
        };
        assert!(matches!(new(&[0], &[], &[]), DataError::BadInputShape { .. }));
        assert!(matches!(new(&[1], &[], &[]), DataError::NoExamples { .. }));
        assert!(matches!(new(&[2], &[1.0; 3], &[0, 1]), DataError::PixelCount { pixels: 3, labels: 2, .. }));
        assert!(matches!(new(&[1], &[1.0, 2.0], &[0, 2]), DataError::LabelOutOfRange { label: 2, .. }));
        let found = new(&[2], &[1.0, 2.0, 3.0, f32::NAN], &[0, 1]);
        assert!(matches!(found, DataError::NonFinite { example: 1, feature: 1, .. }));
    }
}
