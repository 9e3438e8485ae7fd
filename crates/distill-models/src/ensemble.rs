use std::sync::Arc;

use distill_tensor::LogPartition;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
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

/// What else the members of an ensemble count by, example by example, beside their weights.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Trust {
    /// Nothing: the weights are those of all examples.
    #[default]
    Weights,
    /// How sure a member is: one over the perplexity of its probabilities, `exp(-H_m(x))`, which is 1 for one class and `1 / n` where
    /// it hesitates between `n` alike. After Kwon and others, *Adaptive knowledge distillation based on entropy*, ICASSP 2020, who
    /// weigh by entropy too.
    Entropy,
    /// How often a member is right where it names the class that it names of this example, shape `(members, classes)`, as found on
    /// examples with labels.
    Accuracy(Array2<f64>),
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
    trust: Trust,
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
        Ok(Self { members, weights, average, temperature, trust: Trust::Weights, spec })
    }

    /// The same with weights of each example.
    ///
    /// # Errors
    /// [`ModelError::Ensemble`] for members that give numbers, and for accuracies that are not numbers above 0, one for each member and
    /// class.
    pub fn trusting(self, trust: Trust) -> Result<Self, ModelError> {
        let refused = |problem: String| Err(ModelError::Ensemble { problem });
        if trust != Trust::Weights && self.spec.task == Task::Numbers {
            return refused("its members give numbers, of which none is surer than another".to_owned());
        }
        if let Trust::Accuracy(found) = &trust {
            let expected = (self.members.len(), self.spec.classes.len());
            if found.dim() != expected || !found.iter().all(|&accuracy| accuracy > 0.0 && accuracy.is_finite()) {
                let shape = found.dim();
                return refused(format!(
                    "its accuracies must be numbers above 0 of the shape {expected:?}, got {shape:?}"
                ));
            }
        }
        Ok(Self { trust, ..self })
    }

    /// The same members, averaged at another temperature.
    ///
    /// # Errors
    /// If it is not a positive number.
    pub fn at(&self, temperature: f64) -> Result<Self, ModelError> {
        Self::weighted(self.members.clone(), &self.weights, self.average, temperature)?.trusting(self.trust.clone())
    }

    /// The models that it is made of.
    pub fn members(&self) -> &[Arc<dyn Model>] {
        &self.members
    }
}

impl Trust {
    /// What the answer `z` of a member counts.
    fn of(&self, member: usize, z: ArrayView1<'_, f32>) -> f64 {
        match self {
            Self::Weights => 1.0,
            Self::Entropy => {
                let partition = LogPartition::new(z.iter().copied(), 1.0);
                // What cannot happen adds nothing: 0 log 0 is 0.
                let term = |log: f64| if log > f64::NEG_INFINITY { libm::exp(log) * log } else { 0.0 };
                libm::exp(z.iter().map(|&z| term(partition.log_prob(z))).sum())
            }
            Self::Accuracy(found) => {
                let named =
                    z.iter().enumerate().fold(0, |best, (class, &value)| if value > z[best] { class } else { best });
                found[(member, named)]
            }
        }
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
        sums.resize(rows * (classes + 1), nothing);
        // Behind the sums of an example stands that of the weights.
        let totals = sums.iter_mut().skip(classes).step_by(classes + 1);
        totals.for_each(|total| *total = 0.0);
        let answered: Result<(), ModelError> =
            self.members.iter().zip(&self.weights).enumerate().try_for_each(|(at, (member, &weight))| {
                let mut logits = matrix(&mut buffer, rows, classes);
                member.logits_into(inputs, scratch, logits.view_mut())?;
                for (sums, z) in sums.chunks_exact_mut(classes + 1).zip(logits.rows()) {
                    let (total, sums) = sums.split_last_mut().expect("a sum of weights");
                    let weight = weight * self.trust.of(at, z);
                    *total += weight;
                    self.add(sums, z, weight);
                }
                Ok(())
            });
        for (mut out, sums) in out.rows_mut().into_iter().zip(sums.chunks_exact(classes + 1)) {
            let (total, sums) = sums.split_last().expect("a sum of weights");
            // Weights of all examples add up to 1 as they are.
            let total = if self.trust == Trust::Weights { 1.0 } else { *total };
            self.finish(sums, total, out.view_mut());
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
    fn finish(&self, sums: &[f64], total: f64, mut out: ArrayViewMut1<'_, f32>) {
        let (shift, factor) = match self.average {
            Average::Geometric => (0.0, total.recip()),
            Average::Arithmetic => (sums.iter().copied().fold(f64::NEG_INFINITY, f64::max), self.temperature),
        };
        let shift = if shift.is_finite() { shift } else { 0.0 };
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = ((sum - shift) * factor) as f32);
    }
}

#[cfg(test)]
mod tests;
