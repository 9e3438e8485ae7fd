use crate::op::EPSILON;

/// The parameters of a batch norm, one number for each channel.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) mean: &'a [f32],
    pub(crate) variance: &'a [f32],
}

impl Norm<'_> {
    /// Weights `(outputs, …)` and bias of a layer that gives what the batch norm makes of this layer's outputs.
    pub(crate) fn fold(self, weights: &[f32], bias: Option<&[f32]>) -> (Vec<f32>, Vec<f32>) {
        let factor = |c: usize| f64::from(self.scale[c]) / (f64::from(self.variance[c]) + f64::from(EPSILON)).sqrt();
        let n = self.scale.len();
        let rows = weights.chunks(weights.len() / n).enumerate();
        let folded = rows.flat_map(|(c, row)| row.iter().map(move |&w| (f64::from(w) * factor(c)) as f32)).collect();
        let summand = |c: usize| {
            let before = bias.map_or(0.0, |bias| f64::from(bias[c])) - f64::from(self.mean[c]);
            (before * factor(c) + f64::from(self.shift[c])) as f32
        };
        (folded, (0..n).map(summand).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_scaled_and_shifted() {
        let norm = Norm { scale: &[3.0, 1.0], shift: &[0.5, 0.0], mean: &[2.0, 0.0], variance: &[4.0, 1.0] };
        let (weights, bias) = norm.fold(&[2.0, -4.0, 1.0, 0.0], Some(&[4.0, 1.0]));
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&weights, &[3.0, -6.0, 1.0, 0.0]), "{weights:?}");
        assert!(near(&bias, &[3.5, 1.0]), "{bias:?}");
        assert!(near(&norm.fold(&[1.0; 2], None).1, &[-2.5, 0.0]));
    }
}
