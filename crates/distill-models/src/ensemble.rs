use std::sync::Arc;

use distill_tensor::LogPartition;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use crate::buffer::matrix;
use crate::{Model, ModelError, ModelSpec, Scratch, Task};

/// How the members of an ensemble become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// Of their probabilities: `q = Σ w_m softmax(z_m / T)`.
    #[default]
    Arithmetic,
    /// Of their logits, which is that of their probabilities on a logarithmic scale: `log q = Σ w_m log q_m + c`.
    Geometric,
}

impl Average {
    /// As it stands in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
        }
    }
}

/// Several models that answer as one (Hinton, Vinyals, Dean, 2015, sections 1 and 2).
///
/// Members that give numbers are averaged as they are. Else its logits are those whose softmax at the temperature `T` is the average of the members' softmaxes
/// at `T`. The geometric average is that of the logits and the same for every `T`; the arithmetic one is
/// another function for each, so an ensemble knows its temperature: that of the soft targets for a
/// teacher, 1 for who asks what it predicts.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_models::{Average, Ensemble, Network, MlpConfig, Model};
/// let member = |seed| -> Result<Arc<dyn Model>, distill_models::ModelError> {
///     let config = MlpConfig { hidden: vec![8], ..MlpConfig::default() };
///     Ok(Arc::new(Network::new(config, vec![4], vec!["a".into(), "b".into()], seed)?))
/// };
/// let ensemble = Ensemble::new(vec![member(1)?, member(2)?], Average::Arithmetic, 1.0)?;
/// let logits = ensemble.logits(ndarray::array![[0.5, 1.0, 0.0, -1.0]].view())?;
/// assert_eq!(logits.dim(), (1, 2));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Clone)]
pub struct Ensemble {
    members: Vec<Arc<dyn Model>>,
    weights: Vec<f64>,
    average: Average,
    temperature: f64,
    spec: ModelSpec,
}

impl Ensemble {
    /// An ensemble whose members count alike.
    ///
    /// # Errors
    /// [`ModelError::Ensemble`] without members, if they differ in classes or input shape, or if the
    /// temperature is not a positive number.
    pub fn new(members: Vec<Arc<dyn Model>>, average: Average, temperature: f64) -> Result<Self, ModelError> {
        let weights = vec![1.0; members.len()];
        Self::weighted(members, &weights, average, temperature)
    }

    /// An ensemble whose members count by weight. Weights are divided by their sum.
    ///
    /// # Errors
    /// As [`new`](Self::new); if the weights are not positive numbers, one for each member.
    pub fn weighted(
        members: Vec<Arc<dyn Model>>,
        weights: &[f64],
        average: Average,
        temperature: f64,
    ) -> Result<Self, ModelError> {
        let refused = |problem: String| Err(ModelError::Ensemble { problem });
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let Some(first) = members.first() else { return refused("it has no members".to_owned()) };
        let first = first.spec().clone();
        for (number, member) in members.iter().enumerate().skip(1) {
            let spec = member.spec();
            if spec.input_shape != first.input_shape {
                let (a, b) = (&first.input_shape, &spec.input_shape);
                return refused(format!("member 0 takes inputs of shape {a:?}, member {number} of {b:?}"));
            }
            if spec.classes != first.classes {
                return refused(format!("member 0 and member {number} name different classes, or in another order"));
            }
            if spec.task != first.task {
                return refused(format!("member 0 and member {number} do not both give classes, or both numbers"));
            }
        }
        if weights.len() != members.len() {
            return refused(format!("it has {} members and {} weights", members.len(), weights.len()));
        }
        let sum: f64 = weights.iter().sum();
        if !weights.iter().all(|&weight| positive(weight)) || !positive(sum) {
            return refused(format!("its weights must be finite numbers greater than 0, got {weights:?}"));
        }
        if !positive(temperature) {
            return refused(format!("its temperature must be a finite number greater than 0, got {temperature}"));
        }
        // The mean of numbers is that of what is the logits of classes.
        let average = if first.task == Task::Numbers { Average::Geometric } else { average };
        let spec = ModelSpec {
            architecture: architecture(&members),
            parameters: members.iter().map(|member| member.spec().parameters).sum(),
            ..first
        };
        let weights = weights.iter().map(|weight| weight / sum).collect();
        Ok(Self { members, weights, average, temperature, spec })
    }

    /// The same members, averaged at another temperature.
    ///
    /// # Errors
    /// If it is not a positive number.
    pub fn at(&self, temperature: f64) -> Result<Self, ModelError> {
        Self::weighted(self.members.clone(), &self.weights, self.average, temperature)
    }

    /// The models that it is made of.
    pub fn members(&self) -> &[Arc<dyn Model>] {
        &self.members
    }
}

/// `10 x 784-1200-1200-10`, or the members' own, one after the other.
fn architecture(members: &[Arc<dyn Model>]) -> String {
    let mut parts: Vec<(usize, &str)> = vec![];
    for member in members {
        let name = member.spec().architecture.as_str();
        match parts.last_mut() {
            Some((n, last)) if *last == name => *n += 1,
            _ => parts.push((1, name)),
        }
    }
    let part = |(n, name): (usize, &str)| if n == 1 { name.to_owned() } else { format!("{n} x {name}") };
    parts.into_iter().map(part).collect::<Vec<_>>().join(" + ")
}

impl Model for Ensemble {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rows_at_a_time(&self) -> usize {
        self.members.iter().map(|member| member.rows_at_a_time()).max().unwrap_or(1)
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let (mut buffer, mut sums) = (scratch.take(), scratch.take_sums());
        let (rows, classes) = out.dim();
        let nothing = if self.average == Average::Arithmetic { f64::NEG_INFINITY } else { 0.0 };
        sums.clear();
        sums.resize(rows * classes, nothing);
        let answered: Result<(), ModelError> =
            self.members.iter().zip(&self.weights).try_for_each(|(member, &weight)| {
                let mut logits = matrix(&mut buffer, rows, classes);
                member.logits_into(inputs, scratch, logits.view_mut())?;
                for (sums, z) in sums.chunks_exact_mut(classes.max(1)).zip(logits.rows()) {
                    self.add(sums, z, weight);
                }
                Ok(())
            });
        for (mut out, sums) in out.rows_mut().into_iter().zip(sums.chunks_exact(classes.max(1))) {
            self.finish(sums, out.view_mut());
        }
        scratch.give_back(buffer);
        scratch.give_back_sums(sums);
        answered
    }
}

impl Ensemble {
    /// Adds the answer of a member to one example: its logits, or its probabilities by their logarithms, so that none
    /// underflows.
    fn add(&self, sums: &mut [f64], z: ArrayView1<'_, f32>, weight: f64) {
        match self.average {
            Average::Geometric => sums.iter_mut().zip(z).for_each(|(sum, &z)| *sum += weight * f64::from(z)),
            Average::Arithmetic => {
                let partition = LogPartition::new(z.iter().copied(), self.temperature);
                let log_weight = libm::log(weight);
                for (sum, &z) in sums.iter_mut().zip(z) {
                    let term = log_weight + partition.log_prob(z);
                    let (small, large) = if *sum < term { (*sum, term) } else { (term, *sum) };
                    // Two times minus infinity is not a number, and a NaN stays one.
                    *sum = if *sum == f64::NEG_INFINITY { term } else { large + libm::log1p(libm::exp(small - large)) };
                }
            }
        }
    }

    /// The logits of one example, from the sums. Logarithms of averages are nearly equal at a high temperature, by which
    /// they are multiplied; so the largest becomes 0 before numbers are rounded.
    #[expect(clippy::cast_possible_truncation, reason = "logits are f32")]
    fn finish(&self, sums: &[f64], mut out: ArrayViewMut1<'_, f32>) {
        let (shift, factor) = match self.average {
            Average::Geometric => (0.0, 1.0),
            Average::Arithmetic => (sums.iter().copied().fold(f64::NEG_INFINITY, f64::max), self.temperature),
        };
        let shift = if shift.is_finite() { shift } else { 0.0 };
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = ((sum - shift) * factor) as f32);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis, array};

    use super::*;
    use crate::{MlpConfig, Network};

    /// Says the same for every input.
    struct Says(ModelSpec, Vec<f32>);

    impl Model for Says {
        fn spec(&self) -> &ModelSpec {
            &self.0
        }

        fn logits_into(
            &self,
            _: ArrayView2<'_, f32>,
            _: &mut Scratch,
            mut out: ArrayViewMut2<'_, f32>,
        ) -> Result<(), ModelError> {
            out.axis_iter_mut(Axis(0)).for_each(|mut row| row.assign(&ndarray::aview1(&self.1)));
            Ok(())
        }
    }

    fn says(logits: &[f32]) -> Arc<dyn Model> {
        let classes = (0..logits.len()).map(|class| class.to_string()).collect();
        let spec = ModelSpec {
            architecture: "says".into(),
            input_shape: vec![1],
            classes,
            parameters: 2,
            task: Task::Classes,
        };
        Arc::new(Says(spec, logits.to_vec()))
    }

    fn probs(ensemble: &Ensemble, temperature: f64) -> Vec<f64> {
        let logits = ensemble.logits(array![[0.0], [1.0]].view()).unwrap();
        assert_eq!(logits.row(0), logits.row(1));
        let partition = LogPartition::new(logits.row(0).to_vec(), temperature);
        logits.row(0).iter().map(|&z| partition.prob(z)).collect()
    }

    fn close(a: &[f64], b: &[f64]) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
    }

    #[test]
    fn averages_by_hand() {
        let ln = |p: f64| p.ln() as f32;
        // Probabilities (1/2, 1/4, 1/4) and (1/10, 8/10, 1/10).
        let members = vec![says(&[ln(0.5), ln(0.25), ln(0.25)]), says(&[ln(0.1), ln(0.8), ln(0.1)])];
        let of = |weights: &[f64], average, t| Ensemble::weighted(members.clone(), weights, average, t).unwrap();
        close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 1.0), 1.0), &[0.3, 0.525, 0.175]);
        close(&probs(&of(&[3.0, 1.0], Average::Arithmetic, 1.0), 1.0), &[0.4, 0.3875, 0.2125]);
        let roots: Vec<f64> = [0.05, 0.2, 0.025].map(f64::sqrt).into();
        let sum: f64 = roots.iter().sum();
        close(
            &probs(&of(&[1.0, 1.0], Average::Geometric, 1.0), 1.0),
            &roots.iter().map(|root| root / sum).collect::<Vec<_>>(),
        );
        // At T = 2 the members say the roots of their probabilities.
        let softened = |p: [f64; 3]| {
            let sum: f64 = p.iter().map(|p| p.sqrt()).sum();
            p.map(|p| p.sqrt() / sum)
        };
        let (a, b) = (softened([0.5, 0.25, 0.25]), softened([0.1, 0.8, 0.1]));
        let expected: Vec<f64> = a.iter().zip(b).map(|(a, b)| (a + b) / 2.0).collect();
        close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 2.0), 2.0), &expected);
        close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 1.0).at(2.0).unwrap(), 2.0), &expected);
    }

    /// Against the same formula in f64, without logarithms that are large beside their differences.
    #[test]
    fn high_temperatures_lose_nothing() {
        let (a, b) = ([9.0_f32, -3.5, 0.25, 4.0], [2.0_f32, 6.5, -1.75, 0.5]);
        for t in [1e3, 1e6] {
            let ensemble = Ensemble::new(vec![says(&a), says(&b)], Average::Arithmetic, t).unwrap();
            let found = ensemble.logits(array![[0.0]].view()).unwrap();
            // Logarithms of partition sums, less that of the number of classes.
            let excess = |z: &[f32; 4]| {
                let sum: f64 = z.iter().map(|&z| libm::expm1(f64::from(z) / t)).sum();
                libm::log1p(sum / 4.0)
            };
            let (ea, eb) = (excess(&a), excess(&b));
            let expected: Vec<f64> = (a.iter().zip(&b))
                .map(|(&a, &b)| {
                    let terms = [f64::from(a) / t - ea, f64::from(b) / t - eb];
                    t * libm::log1p((libm::expm1(terms[0]) + libm::expm1(terms[1])) / 2.0)
                })
                .collect();
            let most = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (&found, expected) in found.iter().zip(&expected) {
                // What f64 leaves of a logarithm near 1, times T, and half a unit in the last place of f32.
                let bound = 4e-16 * t + 1e-6;
                let apart = (f64::from(found) - (expected - most)).abs();
                assert!(apart < bound, "T = {t}: {found} {expected} {apart}");
            }
        }
    }

    #[test]
    fn extreme_logits_stay_what_they_are() {
        let far = Ensemble::new(vec![says(&[1e4, 0.0]), says(&[0.0, 1e4])], Average::Arithmetic, 0.5).unwrap();
        close(&probs(&far, 0.5), &[0.5, 0.5]);
        let sure = Ensemble::new(vec![says(&[1e4, 0.0]), says(&[1e4, 0.0])], Average::Arithmetic, 1.0).unwrap();
        let logits = sure.logits(array![[0.0]].view()).unwrap();
        assert!(logits[[0, 0]].abs() < 1e-6 && (logits[[0, 1]] + 1e4).abs() < 1e-2, "{logits}");
        let never = f32::NEG_INFINITY;
        let excluded = Ensemble::new(vec![says(&[0.0, never]), says(&[0.0, never])], Average::Arithmetic, 1.0).unwrap();
        assert_eq!(excluded.logits(array![[0.0]].view()).unwrap()[[0, 1]], never);
        let broken = Ensemble::new(vec![says(&[0.0, 1.0]), says(&[f32::NAN, 1.0])], Average::Arithmetic, 1.0).unwrap();
        assert!(broken.logits(array![[0.0]].view()).unwrap().iter().all(|z| z.is_nan()));
    }

    #[test]
    fn one_member_is_that_member_and_ensembles_nest() {
        let mlp = |seed| -> Arc<dyn Model> {
            let config = MlpConfig { hidden: vec![5, 6], ..MlpConfig::default() };
            Arc::new(Network::new(config, vec![2, 2], vec!["a".into(), "b".into(), "c".into()], seed).unwrap())
        };
        let x = Array2::from_shape_fn((9, 4), |(i, j)| (i * 4 + j) as f32 / 9.0 - 1.5);
        let alone = mlp(1).logits(x.view()).unwrap();
        let one = Ensemble::new(vec![mlp(1)], Average::Geometric, 3.0).unwrap();
        assert_eq!(one.logits(x.view()).unwrap(), alone);
        let inner: Arc<dyn Model> = Arc::new(Ensemble::new(vec![mlp(1), mlp(2)], Average::Geometric, 1.0).unwrap());
        let nested = Ensemble::weighted(vec![inner, mlp(3)], &[2.0, 1.0], Average::Geometric, 1.0).unwrap();
        let flat = Ensemble::new(vec![mlp(1), mlp(2), mlp(3)], Average::Geometric, 1.0).unwrap();
        let (nested, flat) = (nested.logits(x.view()).unwrap(), flat.logits(x.view()).unwrap());
        assert!(nested.iter().zip(&flat).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn it_says_what_it_is() {
        let mlp = |width| -> Arc<dyn Model> {
            let config = MlpConfig { hidden: vec![width], ..MlpConfig::default() };
            Arc::new(Network::new(config, vec![2], vec!["a".into()], 1).unwrap())
        };
        let members = vec![mlp(3), mlp(3), mlp(5)];
        let parameters = members.iter().map(|member| member.spec().parameters).sum();
        let ensemble = Ensemble::new(members, Average::Arithmetic, 1.0).unwrap();
        assert_eq!(
            (ensemble.spec().architecture.as_str(), ensemble.spec().parameters),
            ("2 x 2-3-1 + 2-5-1", parameters)
        );
    }

    #[test]
    fn what_makes_no_ensemble_is_refused() {
        let refused = |members: Vec<Arc<dyn Model>>, weights: &[f64], t: f64| {
            Ensemble::weighted(members, weights, Average::Arithmetic, t).map(|_| ()).unwrap_err().to_string()
        };
        let two = || vec![says(&[0.0, 1.0]), says(&[1.0, 0.0])];
        for (error, part) in [
            (refused(vec![], &[], 1.0), "it has no members"),
            (refused(vec![says(&[0.0]), says(&[0.0, 1.0])], &[1.0; 2], 1.0), "member 0 and member 1 name different"),
            (refused(two(), &[1.0], 1.0), "2 members and 1 weights"),
            (refused(two(), &[1.0, 0.0], 1.0), "greater than 0, got [1.0, 0.0]"),
            (refused(two(), &[1.0, f64::NAN], 1.0), "greater than 0"),
            (refused(two(), &[f64::MAX, f64::MAX], 1.0), "greater than 0"),
            (refused(two(), &[1.0, 1.0], 0.0), "temperature must be a finite number greater than 0, got 0"),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
