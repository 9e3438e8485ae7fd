use distill_datasets::Dataset;
use distill_models::Standardization;
use ndarray::{Array1, Axis};

use crate::TrainError;
use crate::soft_targets::for_each_batch;

/// Mean and standard deviation of each feature of a dataset, which is read once.
///
/// Blocks of examples are merged in their order (Chan, Golub, LeVeque, 1979), so no digits are lost where a mean is large.
///
/// # Errors
/// If the data cannot be read, or has numbers that are not finite.
pub(crate) fn standardization(data: &dyn Dataset) -> Result<Standardization, TrainError> {
    let features = data.spec().features();
    let (mut n, mut mean, mut squares) = (0.0, Array1::<f64>::zeros(features), Array1::<f64>::zeros(features));
    for_each_batch(data, |_, inputs, _| {
        let (of_block, block) = (inputs.nrows() as f64, inputs.mapv(f64::from));
        let block_mean = block.sum_axis(Axis(0)) / of_block;
        let block_squares = (block - &block_mean).mapv_into(|difference| difference * difference).sum_axis(Axis(0));
        let total = n + of_block;
        let shift = &block_mean - &mean;
        squares += &(block_squares + shift.mapv(|shift| shift * shift) * (n * of_block / total));
        mean += &(shift * (of_block / total));
        n = total;
        Ok(())
    })?;
    let sd = squares.mapv_into(|squares| (squares / f64::max(n, 1.0)).sqrt());
    Ok(Standardization::new(&mean.to_vec(), &sd.to_vec())?)
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;

    use super::*;

    #[test]
    fn a_large_mean_takes_no_digits_from_the_deviation() {
        let n = 2000;
        let value = |i: usize, j: usize| [1e6 + (i % 2) as f32, 5.0, ((i * 37) % 101) as f32 * 0.01][j];
        let values: Vec<f32> = (0..n).flat_map(|i| (0..3).map(move |j| value(i, j))).collect();
        let data = Table::new(vec![3], values, vec![0; n], vec!["a".to_owned()]).unwrap();
        let found = standardization(&data).unwrap();
        let third: Vec<f64> = (0..n).map(|i| f64::from(value(i, 2))).collect();
        let mean = third.iter().sum::<f64>() / n as f64;
        let sd = (third.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        assert_eq!(found, Standardization::new(&[1e6 + 0.5, 5.0, mean], &[0.5, 0.0, sd]).unwrap());
    }
}
