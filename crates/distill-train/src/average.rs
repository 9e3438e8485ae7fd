use distill_tensor::Params;

/// One step of the exponential moving average of weights, which has seen `n` steps before.
///
/// ```text
/// a = d a + (1 - d) w      d = min(ema, (1 + n) / (10 + n)), and 0 for n = 0
/// ```
///
/// So early on it forgets fast, as in TensorFlow's `ExponentialMovingAverage` with `num_updates`: the first steps of a short training would
/// weigh too much else. What is not a weight, such as the running statistics of a batch norm, is averaged too, see adr/0060.
///
/// # Examples
/// ```
/// use distill_tensor::{LayoutBuilder, Params};
/// use distill_train::move_average;
/// let mut builder = LayoutBuilder::new();
/// builder.push("w", &[1])?;
/// let weights = Params::from_vec(builder.build(), vec![11.0])?;
/// let mut average = Params::zeros(weights.layout().clone());
/// move_average(&mut average, &weights, 0.999, 1);
/// assert_eq!(average.as_slice(), [9.0]);
/// # Ok::<(), distill_tensor::TensorError>(())
/// ```
///
/// # Panics
/// If the two have other numbers of parameters.
pub fn move_average(average: &mut Params, params: &Params, ema: f64, n: u32) {
    if n == 0 {
        return average.as_mut_slice().copy_from_slice(params.as_slice());
    }
    let decay = ema.min((1.0 + f64::from(n)) / (10.0 + f64::from(n)));
    let rate = (1.0 - decay) as f32;
    params.for_each_part([average.as_mut_slice()], |_, weights, [average]| {
        average.iter_mut().zip(weights).for_each(|(a, w)| *a += rate * (w - *a));
    });
}
