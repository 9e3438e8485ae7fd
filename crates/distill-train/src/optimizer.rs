use distill_tensor::{Params, SliceKind};
use serde::{Deserialize, Serialize};

use crate::ConfigProblem;
use crate::problem::positive;

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum.
    #[default]
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

impl OptimizerKind {
    /// Numbers that are remembered for each parameter.
    pub fn n_slots(self) -> usize {
        match self {
            Self::Sgd => 1,
            Self::AdamW => 2,
        }
    }
}

/// The optimizer and its settings. Settings of the other rule are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// The learning rate, or its maximum with a schedule.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub lr: f64,
    /// For `sgd`: the momentum.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub momentum: f64,
    /// For `sgd`: use Nesterov momentum.
    pub nesterov: bool,
    /// Weight decay on weights and biases, as in PyTorch: added to the gradient in `sgd`, decoupled in `adamw`. In networks
    /// with convolutions there is none on biases and batch norms.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub weight_decay: f64,
    /// For `adamw`: decay rates of the first and the second moment.
    #[cfg_attr(feature = "schema", schemars(extend("items" = { "type": "number", "format": "double", "minimum": 0.0, "exclusiveMaximum": 1.0 })))]
    pub betas: [f64; 2],
    /// For `adamw`: added to the denominator for numerical stability.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub eps: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Sgd,
            lr: 0.05,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.0,
            betas: [0.9, 0.999],
            eps: 1e-8,
        }
    }
}

impl OptimizerConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigProblem> {
        let unit = |x: f64| (0.0..1.0).contains(&x);
        if !positive(self.lr) {
            let usual = if self.kind == OptimizerKind::Sgd { "0.05" } else { "0.001" };
            return Err(ConfigProblem::new(
                "lr",
                format!("must be a finite number greater than 0, got {}", self.lr),
                format!("set `lr = {usual}`"),
            ));
        }
        if !unit(self.momentum) {
            return Err(ConfigProblem::new(
                "momentum",
                format!("must be at least 0 and below 1, got {}", self.momentum),
                "set `momentum = 0.9`",
            ));
        }
        if self.nesterov && self.momentum == 0.0 && self.kind == OptimizerKind::Sgd {
            return Err(ConfigProblem::new(
                "nesterov",
                "needs a momentum greater than 0, got 0",
                "set `nesterov = false` or `momentum = 0.9`",
            ));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return Err(ConfigProblem::new(
                "weight_decay",
                format!("must be a finite number of at least 0, got {}", self.weight_decay),
                "set `weight_decay = 0.0`",
            ));
        }
        if !self.betas.iter().all(|&beta| unit(beta)) {
            return Err(ConfigProblem::new(
                "betas",
                format!("must be at least 0 and below 1, got {:?}", self.betas),
                "set `betas = [0.9, 0.999]`",
            ));
        }
        // Steps are computed in f32.
        if !positive(f64::from(self.eps as f32)) {
            return Err(ConfigProblem::new(
                "eps",
                format!("must be a finite number greater than 0 in 32 bits, got {:?}", self.eps),
                "set `eps = 1e-8`",
            ));
        }
        Ok(())
    }
}

/// An optimizer and what it remembers, in the layout of the parameters.
///
/// ```text
/// sgd:    g = ∇ + λ w        m = μ m + g        w = w - η (nesterov ? g + μ m : m)
/// adamw:  w = w - η λ w      m = β₁ m + (1-β₁) ∇      v = β₂ v + (1-β₂) ∇²
///         w = w - η m / (1-β₁ᵗ) / (√(v / (1-β₂ᵗ)) + ε)
/// ```
///
/// Of a table of which a step [touches](Params::touched) some rows, the others stay as they are, and so does what is
/// remembered of them, as in PyTorch's `SparseAdam`: a row that is not touched neither coasts on its momentum nor decays,
/// and its moments are as old as its last step. The power `t` counts all steps.
///
/// `λ` is that of the config for a [`SliceKind::Weight`] and 0 for a [`SliceKind::NoDecay`]; a [`SliceKind::State`] stays as it is.
///
/// As in PyTorch. Sources: Sutskever et al., 2013; Loshchilov and Hutter, 2019, algorithm 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    config: OptimizerConfig,
    step: u32,
    slots: Vec<Params>,
}

impl Optimizer {
    /// An optimizer for these parameters that has not made a step.
    pub fn new(config: OptimizerConfig, params: &Params) -> Self {
        let slots = (0..config.kind.n_slots()).map(|_| Params::zeros(params.layout().clone())).collect();
        Self { config, step: 0, slots }
    }

    /// An optimizer that has made `step` steps and remembers these numbers.
    ///
    /// # Errors
    /// The number of slots that the rule has, if it is another one.
    pub(crate) fn restore(config: OptimizerConfig, step: u32, slots: Vec<Params>) -> Result<Self, usize> {
        let expected = config.kind.n_slots();
        if slots.len() == expected { Ok(Self { config, step, slots }) } else { Err(expected) }
    }

    /// The steps that were made, and what is remembered.
    pub(crate) fn state(&self) -> (u32, &[Params]) {
        (self.step, &self.slots)
    }

    /// Changes `params` against the gradient, at this learning rate.
    ///
    /// The gradient is first multiplied by `grad_scale`, which is how it is clipped.
    pub fn step(&mut self, params: &mut Params, grads: &Params, lr: f64, grad_scale: f64) {
        self.step += 1;
        let params = params.as_mut_slice();
        let scale = grad_scale as f32;
        match (self.config.kind, self.slots.as_mut_slice()) {
            (OptimizerKind::Sgd, [momentum]) => {
                let rule = |decay| Sgd::new(&self.config, lr, scale, decay);
                let (weight, no_decay) = (rule(self.config.weight_decay), rule(0.0));
                grads.for_each_part([params, momentum.as_mut_slice()], |kind, g, [w, m]| match kind {
                    SliceKind::Weight => weight.update(w, g, m),
                    SliceKind::NoDecay => no_decay.update(w, g, m),
                    SliceKind::State => {}
                });
            }
            (OptimizerKind::AdamW, [first, second]) => {
                let rule = |decay| AdamW::new(&self.config, lr, scale, self.step, decay);
                let (weight, no_decay) = (rule(self.config.weight_decay), rule(0.0));
                let buffers = [params, first.as_mut_slice(), second.as_mut_slice()];
                grads.for_each_part(buffers, |kind, g, [w, m, v]| match kind {
                    SliceKind::Weight => weight.update(w, g, m, v),
                    SliceKind::NoDecay => no_decay.update(w, g, m, v),
                    SliceKind::State => {}
                });
            }
            (kind, slots) => unreachable!("{kind:?} was made with {} slots", slots.len()),
        }
    }
}

struct Sgd {
    lr: f32,
    momentum: f32,
    /// Weight of the momentum and of the gradient in the step.
    step: (f32, f32),
    decay: f32,
    scale: f32,
}

impl Sgd {
    fn new(config: &OptimizerConfig, lr: f64, scale: f32, decay: f64) -> Self {
        let momentum = config.momentum as f32;
        let step = if config.nesterov { (momentum, 1.0) } else { (1.0, 0.0) };
        Self { lr: lr as f32, momentum, step, decay: decay as f32, scale }
    }

    fn update(&self, weights: &mut [f32], grads: &[f32], momentum: &mut [f32]) {
        for ((w, g), m) in weights.iter_mut().zip(grads).zip(momentum) {
            let g = self.scale * g + self.decay * *w;
            *m = self.momentum * *m + g;
            *w -= self.lr * (self.step.0 * *m + self.step.1 * g);
        }
    }
}

struct AdamW {
    betas: [f32; 2],
    /// `1 - β`, which would lose digits in `f32`.
    rest: [f32; 2],
    shrink: f32,
    step_size: f32,
    second_scale: f32,
    eps: f32,
    scale: f32,
}

impl AdamW {
    fn new(config: &OptimizerConfig, lr: f64, scale: f32, step: u32, decay: f64) -> Self {
        let correction = |beta: f64| 1.0 - beta.powf(f64::from(step));
        Self {
            betas: config.betas.map(|beta| beta as f32),
            rest: config.betas.map(|beta| (1.0 - beta) as f32),
            shrink: (1.0 - lr * decay) as f32,
            step_size: (lr / correction(config.betas[0])) as f32,
            second_scale: correction(config.betas[1]).sqrt().recip() as f32,
            eps: config.eps as f32,
            scale,
        }
    }

    fn update(&self, weights: &mut [f32], grads: &[f32], first: &mut [f32], second: &mut [f32]) {
        let ([b1, b2], [r1, r2]) = (self.betas, self.rest);
        for (((w, g), m), v) in weights.iter_mut().zip(grads).zip(first).zip(second) {
            let g = self.scale * g;
            *m = b1 * *m + r1 * g;
            *v = b2 * *v + r2 * g * g;
            *w = self.shrink * *w - self.step_size * *m / (self.second_scale * v.sqrt() + self.eps);
        }
    }
}
