use distill_datasets::Dataset;
use distill_models::Model;
use ndarray::{Array2, s};

use super::not_finite;
use crate::TrainError;
use crate::compatible::check_compatible;
use crate::soft_targets::{EVAL_BATCH, for_each_batch};

/// How a model does on a set with numbers to predict.
///
/// # Examples
/// ```
/// use distill_train::NumberEvaluation;
/// use ndarray::array;
/// let targets = array![[1.0], [2.0], [3.0], [4.0]];
/// let found = NumberEvaluation::new(targets, array![[1.5], [2.0], [3.0], [3.5]]);
/// let [price] = found.numbers()[..] else { panic!() };
/// assert_eq!((price.mae, price.rmse), (0.25, 0.125_f64.sqrt()));
/// // A tenth of the variance, 1.25, is left.
/// assert_eq!((found.unexplained(), found.r2()), (0.1, 0.9));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NumberEvaluation {
    targets: Array2<f32>,
    predictions: Array2<f32>,
    /// The variance of each number over the examples. One that is always the same beside others that vary does not count: its unit
    /// is infinite. Where all are always the same, errors count as they are.
    units: Vec<f64>,
}

/// How a model does on one of the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberResult {
    /// Root of the mean squared error, in the unit of the number.
    pub rmse: f64,
    /// Mean absolute error, in the unit of the number.
    pub mae: f64,
    /// Mean of the predictions less that of the numbers.
    pub bias: f64,
    /// The part of the variance of the set that the model explains, `1 - mse / variance`: 0 for always saying the mean, and below
    /// that for what is worse. Nothing where all examples have one number.
    pub r2: Option<f64>,
}

impl NumberEvaluation {
    /// Compares numbers with predictions, both of shape `(examples, numbers)`.
    ///
    /// # Panics
    /// If the shapes differ, or there is no example.
    pub fn new(targets: Array2<f32>, predictions: Array2<f32>) -> Self {
        assert_eq!(targets.dim(), predictions.dim(), "a prediction for each number");
        assert!(targets.nrows() > 0, "an evaluation needs an example");
        let n = targets.nrows() as f64;
        let variance = |column: ndarray::ArrayView1<'_, f32>| {
            let mean = column.iter().map(|&y| f64::from(y)).sum::<f64>() / n;
            column.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum::<f64>() / n
        };
        let variances: Vec<f64> = targets.columns().into_iter().map(variance).collect();
        let constant = if variances.iter().any(|&variance| variance > 0.0) { f64::INFINITY } else { 1.0 };
        let units = variances.into_iter().map(|variance| if variance > 0.0 { variance } else { constant }).collect();
        Self { targets, predictions, units }
    }

    /// Examples of the set.
    pub fn examples(&self) -> usize {
        self.targets.nrows()
    }

    /// The numbers of the data, shape `(examples, numbers)`.
    pub fn targets(&self) -> &Array2<f32> {
        &self.targets
    }

    /// What the model says, shape `(examples, numbers)`.
    pub fn predictions(&self) -> &Array2<f32> {
        &self.predictions
    }

    /// Results by number, in their order.
    pub fn numbers(&self) -> Vec<NumberResult> {
        let n = self.examples() as f64;
        let columns = self.targets.columns().into_iter().zip(self.predictions.columns()).zip(&self.units);
        let result =
            |((targets, predictions), &unit): ((ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>), _)| {
                let apart = || targets.iter().zip(predictions).map(|(&y, &s)| f64::from(s) - f64::from(y));
                let mse = apart().map(|d| d * d).sum::<f64>() / n;
                let varies = targets.iter().any(|&y| y != targets[0]);
                NumberResult {
                    rmse: mse.sqrt(),
                    mae: apart().map(f64::abs).sum::<f64>() / n,
                    bias: apart().sum::<f64>() / n,
                    r2: varies.then(|| 1.0 - mse / unit),
                }
            };
        columns.map(result).collect()
    }

    /// The squared error of each example in units of the variance, mean over the numbers that vary: their mean is
    /// [`unexplained`](Self::unexplained).
    pub fn losses(&self) -> Vec<f64> {
        let n_varying = self.units.iter().filter(|unit| unit.is_finite()).count();
        let rows = self.targets.outer_iter().zip(self.predictions.outer_iter());
        let loss = |(targets, predictions): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
            let pairs = targets.into_iter().zip(predictions).zip(&self.units);
            let sum: f64 = pairs.map(|((&y, &s), unit)| (f64::from(s) - f64::from(y)).powi(2) / unit).sum();
            sum / n_varying as f64
        };
        rows.map(loss).collect()
    }

    /// The part of the variance that the model leaves unexplained, mean over the numbers that vary: what models are ranked by.
    pub fn unexplained(&self) -> f64 {
        self.losses().iter().sum::<f64>() / self.examples() as f64
    }

    /// The part of the variance that it explains, mean over the numbers.
    pub fn r2(&self) -> f64 {
        1.0 - self.unexplained()
    }

    /// How alike two models answer: one less the mean squared distance of their predictions in units of the variance of the set.
    ///
    /// # Panics
    /// If the two were not evaluated on the same set.
    pub fn agreement(&self, other: &Self) -> f64 {
        let apart = Self { targets: other.predictions.clone(), ..self.clone() };
        assert_eq!(apart.targets.dim(), apart.predictions.dim(), "agreement is between predictions for one set");
        1.0 - apart.losses().iter().sum::<f64>() / self.examples() as f64
    }
}

/// Evaluates a model on a set with numbers to predict.
///
/// # Errors
/// If the set is empty, has an example without numbers, or does not fit the model; [`TrainError::Answer`] if an answer is not finite.
pub fn evaluate_numbers(model: &dyn Model, data: &dyn Dataset) -> Result<NumberEvaluation, TrainError> {
    if data.is_empty() {
        return Err(TrainError::Empty { split: "evaluation" });
    }
    check_compatible("model", model.spec(), data.spec())?;
    let Some(numbers) = &data.spec().numbers else {
        let problem = "the data has classes and no numbers to predict".to_owned();
        return Err(TrainError::Task { problem });
    };
    let n_numbers = model.spec().classes.len();
    let (mut targets, mut predictions) =
        (Array2::zeros((data.len(), n_numbers)), Array2::zeros((data.len(), n_numbers)));
    let mut answers = Array2::zeros((EVAL_BATCH, n_numbers));
    for_each_batch(data, |start, inputs, scratch| {
        let mut answers = answers.slice_mut(s![..inputs.nrows(), ..]);
        model.logits_into(inputs, scratch, answers.view_mut())?;
        for (index, answer) in (start..).zip(answers.outer_iter()) {
            let label = data.label(index).ok_or(TrainError::Unlabelled { split: "evaluation", index })?;
            not_finite(model, answer, index)?;
            targets.row_mut(index).assign(&numbers.row(label));
            predictions.row_mut(index).assign(&answer);
        }
        Ok(())
    })?;
    Ok(NumberEvaluation::new(targets, predictions))
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;
    use distill_models::{FnModel, MlpConfig, Network, Task};
    use ndarray::array;

    use super::*;
    use crate::evaluate;

    fn data() -> Table {
        let inputs: Vec<f32> = (0..600).map(|i| i as f32).collect();
        let numbers = Array2::from_shape_fn((600, 2), |(i, j)| if j == 0 { 1000.0 + (i % 7) as f32 } else { 5.0 });
        Table::regression(vec![1], inputs, numbers, vec!["price".into(), "constant".into()]).unwrap()
    }

    #[test]
    fn every_number_is_that_of_the_predictions() {
        let names = vec!["price".to_owned(), "constant".to_owned()];
        let config = MlpConfig { hidden: vec![4], ..MlpConfig::default() };
        let model = Network::new(config, vec![1], names, 3).unwrap().with_task(Task::Numbers);
        let (found, data) = (evaluate_numbers(&model, &data()).unwrap(), data());
        let mut inputs = Array2::zeros((600, 1));
        data.read(&(0..600).collect::<Vec<_>>(), inputs.view_mut()).unwrap();
        assert_eq!(found.predictions(), model.logits(inputs.view()).unwrap());
        let [price, constant] = found.numbers()[..] else { panic!("two numbers") };
        let apart: Vec<f64> =
            (0..600).map(|i| f64::from(found.predictions()[(i, 0)]) - (1000.0 + (i % 7) as f64)).collect();
        let mse = apart.iter().map(|d| d * d).sum::<f64>() / 600.0;
        let mean = (0..600).map(|i| f64::from(i % 7)).sum::<f64>() / 600.0;
        let variance = (0..600).map(|i| (f64::from(i % 7) - mean).powi(2)).sum::<f64>() / 600.0;
        assert!((price.rmse - mse.sqrt()).abs() < 1e-9 && (price.r2.unwrap() - (1.0 - mse / variance)).abs() < 1e-6);
        assert!((price.bias - apart.iter().sum::<f64>() / 600.0).abs() < 1e-9);
        // What never varies has no part of it explained, and its unit would be another than that of the others.
        assert!(constant.r2.is_none() && constant.rmse > 0.0);
        assert!((found.unexplained() / (mse / variance) - 1.0).abs() < 1e-9);
        assert_eq!(found.agreement(&found), 1.0);
    }

    #[test]
    fn answers_of_another_kind_and_without_a_number_are_refused() {
        let classes = Network::new(MlpConfig::default(), vec![1], vec!["price".into(), "constant".into()], 3).unwrap();
        let error = evaluate_numbers(&classes, &data()).unwrap_err().to_string();
        assert!(error.contains("gives the logits of classes, and the data has numbers to predict"), "{error}");
        let numbers = classes.with_task(Task::Numbers);
        assert!(matches!(evaluate(&numbers, &data()), Err(TrainError::Task { .. })));
        let spec = numbers.spec().clone();
        let function = FnModel::new(spec.input_shape, spec.classes, |x, mut out| out.fill(1.0 / (x[0] - 550.0)));
        let error = evaluate_numbers(&function.with_task(Task::Numbers), &data()).unwrap_err();
        assert!(matches!(error, TrainError::Answer { example: 550, .. }), "{error}");
        assert_eq!(NumberEvaluation::new(array![[1.0]], array![[3.0]]).unexplained(), 4.0);
    }
}
