use distill_datasets::Dataset;
use distill_models::Standardization;
use ndarray::{Array1, Axis};

use crate::TrainError;
use crate::soft_targets::for_each_batch;

/// Mean and standard deviation of the features of a dataset, which is read once: of each by itself, or of so many at a time
/// that follow each other, such as the pixels of a colour.
///
/// Blocks of examples are merged in their order (Chan, Golub, LeVeque, 1979), so no digits are lost where a mean is large.
///
/// # Errors
/// If the data cannot be read, or has numbers that are not finite.
pub(crate) fn standardization(data: &dyn Dataset, together: usize) -> Result<Standardization, TrainError> {
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
    let variance = squares.mapv_into(|squares| squares / f64::max(n, 1.0));
    let (mean, variance) = (mean.to_vec(), variance.to_vec());
    let (mut means, mut deviations) = (Vec::with_capacity(features), Vec::with_capacity(features));
    for (mean, variance) in mean.chunks(together).zip(variance.chunks(together)) {
        let n = mean.len() as f64;
        let of_all = mean.iter().sum::<f64>() / n;
        let between = mean.iter().map(|mean| (mean - of_all).powi(2)).sum::<f64>();
        let sd = ((variance.iter().sum::<f64>() + between) / n).sqrt();
        means.resize(means.len() + mean.len(), of_all);
        deviations.resize(deviations.len() + mean.len(), sd);
    }
    Ok(Standardization::new(&means, &deviations)?)
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
        let found = standardization(&data, 1).unwrap();
        let third: Vec<f64> = (0..n).map(|i| f64::from(value(i, 2))).collect();
        let mean = third.iter().sum::<f64>() / n as f64;
        let sd = (third.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        assert_eq!(found, Standardization::new(&[1e6 + 0.5, 5.0, mean], &[0.5, 0.0, sd]).unwrap());
    }

    #[test]
    fn pixels_of_a_colour_have_one_mean_and_one_deviation() {
        // Two images of two colours with two pixels each: 1, 3, 5, 7 are the first colour, and 10 the second.
        let values = vec![1.0, 3.0, 10.0, 10.0, 5.0, 7.0, 10.0, 10.0];
        let data = Table::new(vec![2, 1, 2], values, vec![0; 2], vec!["a".to_owned()]).unwrap();
        let expected = Standardization::new(&[4.0, 4.0, 10.0, 10.0], &[5_f64.sqrt(), 5_f64.sqrt(), 0.0, 0.0]).unwrap();
        assert_eq!(standardization(&data, 2).unwrap(), expected);
    }
}
