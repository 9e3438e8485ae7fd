//! Forests and boosted trees, as scikit-learn, LightGBM and XGBoost are written as ONNX.

mod after;
mod draft;
mod ensemble;
mod forest;
mod graph;
mod labels;
mod numbers;
mod plan;
mod regression;
mod steps;
mod walk;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{MAX_BYTES, OnnxError, wire};
use graph::Graph;
pub(crate) use labels::labels;
use plan::{Plan, Refused};
use steps::{Block, Step};

/// Operators on trees, and the one on tables that is linear. `TreeEnsemble` is refused where it is met: no program writes it yet.
const OPERATORS: [&str; 4] = ["TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble", "LinearRegressor"];

/// Columns of the inputs.
const MAX_FEATURES: usize = 1 << 20;

/// Examples that one thread answers before it takes others: a tree that is in its cache is walked by all of them.
const ROWS: usize = 256;

/// Numbers that a thread has in memory for them.
const BLOCK: usize = 1 << 18;

/// Trees, and what a pipeline does before and behind them, from the bytes of an ONNX file.
///
/// Trees are walked in f32, as their thresholds are, and their weights are added in f64, in the order of the file: the answer
/// to an example depends neither on others nor on the number of threads. Labels and `ZipMap` behind the numbers are left out.
///
/// # Examples
/// ```no_run
/// use distill_onnx::Trees;
/// let bytes = std::fs::read("forest.onnx")?;
/// let trees = Trees::from_bytes(&bytes, "X", "output_probability", 64)?;
/// let inputs = ndarray::Array2::zeros((3, 64));
/// assert_eq!(trees.answers(inputs.view()).dim(), (3, trees.n_outputs()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trees {
    plan: Plan,
    /// Whether inputs become the nearest whole numbers.
    rounds: bool,
}

/// What of a file is no damage, but beyond what is computed here: the node, and why.
pub(crate) struct Beyond {
    pub(crate) node: String,
    pub(crate) why: String,
}

/// Whether a file with these operators has trees, or a linear model in their place.
pub(crate) fn is_among<'a>(operators: impl IntoIterator<Item = &'a String>) -> bool {
    operators.into_iter().any(|operator| OPERATORS.contains(&operator.as_str()))
}

impl Trees {
    /// Reads what computes `output`, a name in the file, from `input`, a matrix `(examples, n_features)`.
    ///
    /// The operators are `TreeEnsembleClassifier` and `TreeEnsembleRegressor` with every mode of nodes but `BRANCH_MEMBER`, and
    /// `LinearRegressor`, `Scaler`, `Imputer`, `Normalizer`, `ArrayFeatureExtractor`, `Concat`, `Add`, `Sub`, `Mul`, `Div`, `Sum`,
    /// `Exp`, `Cast`, `Identity`, `ZipMap`, and `Flatten`, `Reshape` and `Squeeze` where they leave a row for each example. Memory is taken only for what the bytes hold.
    ///
    /// # Errors
    /// [`OnnxError::Damaged`] where the file contradicts itself, such as with nodes in a circle; [`OnnxError::Unsupported`] with
    /// the first node that is not possible here; [`OnnxError::TooLarge`].
    pub fn from_bytes(bytes: &[u8], input: &str, output: &str, n_features: usize) -> Result<Self, OnnxError> {
        Self::read(bytes, input, output, n_features)?
            .map_err(|Beyond { node, why }| OnnxError::Unsupported { what: node, why: format!("it {why}") })
    }

    /// The same, where it matters whether another engine may compute the file.
    pub(crate) fn read(
        bytes: &[u8],
        input: &str,
        output: &str,
        n_features: usize,
    ) -> Result<Result<Self, Beyond>, OnnxError> {
        if bytes.len() > MAX_BYTES {
            return Err(OnnxError::TooLarge { n_bytes: bytes.len(), max: MAX_BYTES });
        }
        let damaged = |reason: String| OnnxError::Damaged { reason };
        if !(1..=MAX_FEATURES).contains(&n_features) {
            return Err(damaged(format!("its input has {n_features} columns, from 1 to {MAX_FEATURES} are possible")));
        }
        wire::check(bytes).map_err(damaged)?;
        let graph = Graph::read(bytes).map_err(damaged)?;
        match Plan::new(&graph, input, output, n_features) {
            Ok(plan) => Ok(Ok(Self { plan, rounds: false })),
            Err(Refused::Beyond { node, why }) => Ok(Err(Beyond { node, why })),
            Err(Refused::Damaged(reason)) => Err(damaged(reason)),
        }
    }

    /// The same for inputs that are whole numbers in the file.
    pub(crate) fn rounding(self, rounds: bool) -> Self {
        Self { rounds, ..self }
    }

    /// Numbers of an example.
    pub fn n_features(&self) -> usize {
        self.plan.widths[0]
    }

    /// Numbers of an answer.
    pub fn n_outputs(&self) -> usize {
        self.plan.widths[self.plan.output]
    }

    /// Trees of all ensembles.
    pub fn n_trees(&self) -> usize {
        self.ensembles().map(ensemble::Ensemble::n_trees).sum()
    }

    /// Thresholds, and weights of leaves and of linear models.
    pub fn n_parameters(&self) -> usize {
        let linear = self.plan.steps.iter().map(|step| match step {
            Step::Linear { coefficients, intercepts, .. } => coefficients.len() + intercepts.len(),
            _ => 0,
        });
        self.ensembles().map(ensemble::Ensemble::n_parameters).chain(linear).sum()
    }

    /// The operator of a network that gives such numbers.
    pub(crate) fn producer(&self) -> &'static str {
        self.plan.producer
    }

    fn ensembles(&self) -> impl Iterator<Item = &ensemble::Ensemble> {
        self.plan.steps.iter().filter_map(|step| match step {
            Step::Trees { ensemble, .. } => Some(&**ensemble),
            _ => None,
        })
    }

    /// What is answered to `inputs`, of shape `(examples, n_features)`: `(examples, n_outputs)`.
    ///
    /// # Panics
    /// If the inputs have another number of columns.
    pub fn answers(&self, inputs: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut out = Array2::zeros((inputs.nrows(), self.n_outputs()));
        self.answers_into(inputs, out.view_mut());
        out
    }

    /// The same in memory that is there. Blocks of rows are shared among the threads.
    ///
    /// # Panics
    /// If the inputs have another number of columns, or `out` another shape.
    pub fn answers_into(&self, inputs: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        let shapes = (inputs.ncols(), out.dim());
        assert_eq!(
            shapes,
            (self.n_features(), (inputs.nrows(), self.n_outputs())),
            "columns, and shape of the answers"
        );
        let width: usize = self.plan.widths.iter().sum();
        let rows = (BLOCK / width).clamp(1, ROWS);
        let blocks = inputs.axis_chunks_iter(Axis(0), rows).into_par_iter();
        blocks.zip(out.axis_chunks_iter_mut(Axis(0), rows)).for_each(|(inputs, mut out)| {
            let inputs = if self.rounds { inputs.mapv(f32::round).into() } else { inputs.as_standard_layout() };
            let answers = self.block(inputs.as_slice().unwrap_or_default());
            out.iter_mut().zip(answers).for_each(|(out, answer)| *out = answer);
        });
    }

    fn block(&self, inputs: &[f32]) -> Vec<f32> {
        let Plan { steps, widths, output, .. } = &self.plan;
        let rows = inputs.len() / widths[0];
        let mut block = Block { inputs, computed: Vec::with_capacity(steps.len()), widths };
        for (step, &width) in steps.iter().zip(&widths[1..]) {
            let mut out = vec![0.0; rows * width];
            step.compute(&block, &mut out, width);
            block.computed.push(out);
        }
        output.checked_sub(1).map_or_else(|| inputs.to_vec(), |at| block.computed.swap_remove(at))
    }
}
