use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// The numbers that the examples of a regression have, shape `(examples, numbers)`. The label of an example is the row of its
/// numbers, so that whoever hands labels on hands numbers on.
///
/// Two of them are equal where examples have as many numbers, whatever these are: they belong to examples of one kind.
///
/// # Examples
/// ```
/// use distill_datasets::Numbers;
/// use ndarray::array;
/// let prices = Numbers::new(array![[3.0], [5.0], [4.0]]);
/// assert_eq!(prices.row(1), array![5.0]);
/// // Mean and standard deviation of those of some examples.
/// let (mean, sd) = prices.mean_and_sd([0, 1].into_iter());
/// assert_eq!((mean, sd), (array![4.0], array![1.0]));
/// ```
#[derive(Debug, Clone)]
pub struct Numbers(Arc<Array2<f32>>);

impl Numbers {
    /// One row for each example.
    pub fn new(values: Array2<f32>) -> Self {
        Self(Arc::new(values))
    }

    /// All of them, shape `(examples, numbers)`.
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.0.view()
    }

    /// The same, shared.
    pub fn shared(&self) -> &Arc<Array2<f32>> {
        &self.0
    }

    /// Those of the example with this label.
    ///
    /// # Panics
    /// If it has none: the label is of another set.
    pub fn row(&self, label: u32) -> ArrayView1<'_, f32> {
        self.0.row(label as usize)
    }

    /// Whether both are the same rows, so that a label means the same in both.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Mean and standard deviation of each number over the examples with these labels, the sum of squares divided by how many
    /// they are. Two passes, so no digits are lost where a mean is large.
    ///
    /// # Panics
    /// If a label is of another set.
    pub fn mean_and_sd(&self, labels: impl Iterator<Item = u32> + Clone) -> (Array1<f64>, Array1<f64>) {
        let n = labels.clone().count().max(1) as f64;
        let zeros = || Array1::<f64>::zeros(self.0.ncols());
        let mut mean = zeros();
        labels.clone().for_each(|label| mean += &self.row(label).mapv(f64::from));
        mean /= n;
        let mut variance = zeros();
        labels.for_each(|label| variance += &(self.row(label).mapv(f64::from) - &mean).mapv_into(|d| d * d));
        (mean, (variance / n).mapv_into(f64::sqrt))
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.0.ncols() == other.0.ncols()
    }
}

impl Eq for Numbers {}
