use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::{Normal, Uniform};

use crate::{Philox, Stream};

/// How the weights of a unit start. Biases start at zero.
///
/// | name | distribution | source |
/// |---|---|---|
/// | `HeNormal` | `N(0, 2 / inputs)` | He et al., 2015, equation 10 |
/// | `HeUniform` | `U(-a, a)`, `a² = 6 / inputs` | the same variance |
/// | `Normal` | `N(0, 1)` | for rows of a table, of which a mean is taken |
/// | `GlorotUniform` | `U(-a, a)`, `a² = 6 / (inputs + outputs)` | Glorot and Bengio, 2010, equation 16 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Init {
    /// For ReLU and GELU.
    #[default]
    HeNormal,
    /// For ReLU and GELU, with bounded weights.
    HeUniform,
    /// For the rows of a table.
    Normal,
    /// For tanh.
    GlorotUniform,
}

impl Init {
    /// Fills the weights of a layer of `inputs` to `outputs` units.
    ///
    /// `slice` is the number of the parameter slice, so that no two layers are alike.
    ///
    /// # Examples
    /// ```
    /// use distill_tensor::Init;
    /// let mut weights = vec![0.0; 1000];
    /// Init::HeUniform.fill(&mut weights, 100, 10, 1, 0);
    /// let bound = (6.0_f32 / 100.0).sqrt();
    /// assert!(weights.iter().all(|w| w.abs() <= bound) && weights.iter().any(|w| w.abs() > 0.9 * bound));
    /// ```
    pub fn fill(self, weights: &mut [f32], inputs: usize, outputs: usize, seed: u64, slice: u16) {
        let (inputs, outputs) = (inputs.max(1) as f32, outputs as f32);
        let rng = Philox::new(seed, Stream::Init(slice), 0, 0);
        match self {
            Self::HeNormal => {
                let normal = Normal::new(0.0, (2.0 / inputs).sqrt()).expect("a finite standard deviation");
                assign(weights, rng.sample_iter(normal));
            }
            Self::Normal => {
                assign(weights, rng.sample_iter(Normal::new(0.0, 1.0).expect("a finite standard deviation")));
            }
            Self::HeUniform => assign(weights, rng.sample_iter(symmetric((6.0 / inputs).sqrt()))),
            Self::GlorotUniform => {
                assign(weights, rng.sample_iter(symmetric((6.0 / (inputs + outputs)).sqrt())));
            }
        }
    }
}

fn symmetric(bound: f32) -> Uniform<f32> {
    Uniform::new_inclusive(-bound, bound).expect("a finite bound")
}

fn assign(weights: &mut [f32], samples: impl Iterator<Item = f32>) {
    weights.iter_mut().zip(samples).for_each(|(weight, sample)| *weight = sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_variance_it_says() {
        let (inputs, outputs) = (200, 300);
        for (init, variance) in [
            (Init::HeNormal, 2.0 / 200.0),
            (Init::HeUniform, 2.0 / 200.0),
            (Init::Normal, 1.0),
            (Init::GlorotUniform, 2.0 / 500.0),
        ] {
            let mut weights = vec![0.0; inputs * outputs];
            init.fill(&mut weights, inputs, outputs, 7, 3);
            let n = weights.len() as f32;
            let mean = weights.iter().sum::<f32>() / n;
            let actual = weights.iter().map(|w| w * w).sum::<f32>() / n;
            assert!(mean.abs() < 3.0 * (variance / n).sqrt(), "{init:?} {mean}");
            assert!((actual / variance - 1.0).abs() < 0.02, "{init:?} {actual} {variance}");
        }
    }

    #[test]
    fn layers_and_seeds_differ() {
        let fill = |seed, slice| {
            let mut weights = [0.0; 8];
            Init::HeNormal.fill(&mut weights, 8, 1, seed, slice);
            weights
        };
        assert_eq!(fill(1, 0), fill(1, 0));
        assert_ne!(fill(1, 0), fill(2, 0));
        assert_ne!(fill(1, 0), fill(1, 1));
    }
}
