//! `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: trees, and what becomes of what they say.
//!
//! <https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html>

use super::after::{After, logistic};
use super::draft::Draft;
use super::forest::Forest;
use super::graph::Node;
use super::labels::{Labels, MAX_CLASSES};
use super::walk::Aggregate;

/// An operator on trees.
#[derive(Debug)]
pub(super) struct Ensemble {
    forest: Forest,
    n_features: usize,
    aggregate: Aggregate,
    /// One for each total, or none.
    base: Vec<f64>,
    after: After,
    /// How a single total becomes two classes.
    pair: Option<Pair>,
    n_outputs: usize,
    is_classifier: bool,
}

/// How the score of the second class says that of the first, where leaves weigh one of the two alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// `1 - s` and `s`, where no weight is negative.
    Rest,
    /// `-s` and `s`.
    Opposite,
    /// Sigmoids of the latter.
    Logistic,
}

impl Ensemble {
    /// Reads a node whose input has so many features.
    pub(super) fn read(node: &Node<'_>, n_features: usize) -> Result<Self, String> {
        let is_classifier = node.op == "TreeEnsembleClassifier";
        let after = After::read(node.text("post_transform")?.unwrap_or_default())?;
        let n_outputs = match is_classifier {
            true => Labels::read(node)?.map_or(0, |labels| labels.len()),
            false => usize::try_from(node.int("n_targets")?.unwrap_or(1)).unwrap_or(0),
        };
        if !(1..=MAX_CLASSES).contains(&n_outputs) {
            return Err(format!("has {n_outputs} classes or targets; from 1 to {MAX_CLASSES} are possible"));
        }
        let draft = Draft::read(node, if is_classifier { "class" } else { "target" })?;
        let base = node.floats("base_values")?;
        if base.iter().any(|value| !value.is_finite()) {
            return Err("has a number in `base_values` that is not finite".to_owned());
        }
        let one = is_classifier && n_outputs == 2 && draft.weights.targets.iter().all(|&target| target == 0);
        let n_totals = if one { 1 } else { n_outputs };
        if !base.is_empty() && base.len() != n_totals {
            return Err(format!("has {} numbers in `base_values`, and {n_totals} totals", base.len()));
        }
        let aggregate = match (is_classifier, node.text("aggregate_function")?.unwrap_or("SUM")) {
            (true, _) | (_, "SUM") => Aggregate::Sum,
            (_, "AVERAGE") => Aggregate::Average,
            (_, "MIN") => Aggregate::Min,
            (_, "MAX") => Aggregate::Max,
            (_, other) => return Err(format!("has the aggregate_function `{other}`, which distill does not know")),
        };
        let pair = if one { Some(Pair::of(&draft, after)?) } else { None };
        let forest = Forest::new(&draft, n_features, n_totals)?;
        if !is_classifier
            && n_outputs > 1
            && let Some(target) = draft.weights.unspoken(n_outputs)
        {
            return Err(format!(
                "has {n_outputs} targets, of which no leaf says anything of target {target}: it would be the same for every \
                 example. onnxmltools writes an XGBRegressor of several numbers so; export one for each number"
            ));
        }
        Ok(Self { forest, n_features, aggregate, base, after, pair, n_outputs, is_classifier })
    }

    /// Whether its first output is the likeliest class, and the second has the numbers.
    pub(super) fn is_classifier(&self) -> bool {
        self.is_classifier
    }

    pub(super) fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    pub(super) fn n_trees(&self) -> usize {
        self.forest.roots.len()
    }

    /// Thresholds and weights.
    pub(super) fn n_parameters(&self) -> usize {
        let n_leaves = self.forest.starts.len() - 1;
        self.forest.nodes.len() - n_leaves + self.forest.weights.len()
    }

    /// The operator that such numbers come from in a network: what they are is asked as there.
    pub(super) fn producer(&self) -> &'static str {
        match (self.after, self.pair) {
            (After::Softmax, None) => "Softmax",
            (After::Logistic, None) => "Sigmoid",
            _ => "",
        }
    }

    /// Writes the outputs of some rows.
    pub(super) fn answer(&self, rows: &[f32], out: &mut [f32]) {
        let n_totals = if self.pair.is_some() { 1 } else { self.n_outputs };
        let start = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => 0.0,
            Aggregate::Min | Aggregate::Max => f64::NAN,
        };
        let mut totals = vec![start; out.len() / self.n_outputs * n_totals];
        self.forest.add(rows, self.n_features, self.aggregate, &mut totals, n_totals);
        for (totals, out) in totals.chunks_exact_mut(n_totals).zip(out.chunks_exact_mut(self.n_outputs)) {
            self.finish(totals, out);
        }
    }

    fn finish(&self, totals: &mut [f64], out: &mut [f32]) {
        for (i, total) in totals.iter_mut().enumerate() {
            match self.aggregate {
                #[expect(clippy::cast_precision_loss, reason = "nobody has so many trees")]
                Aggregate::Average => *total /= self.n_trees() as f64,
                // No leaf has said anything of this target.
                Aggregate::Min | Aggregate::Max if total.is_nan() => *total = 0.0,
                _ => {}
            }
            *total += self.base.get(i).copied().unwrap_or(0.0);
        }
        let both;
        let scores = match (self.pair, &*totals) {
            (Some(pair), &[score]) => {
                both = pair.scores(score);
                &both[..]
            }
            _ => {
                self.after.apply(totals);
                &*totals
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "answers are f32")]
        out.iter_mut().zip(scores).for_each(|(out, &score)| *out = score as f32);
    }
}

impl Pair {
    /// What ONNX Runtime does with one score for two classes.
    fn of(draft: &Draft, after: After) -> Result<Self, String> {
        match after {
            After::Logistic => Ok(Self::Logistic),
            After::Probit => Err("has the post_transform `PROBIT` and one weight for two classes".to_owned()),
            _ if draft.weights.values.iter().all(|&weight| weight >= 0.0) => Ok(Self::Rest),
            _ => Ok(Self::Opposite),
        }
    }

    fn scores(self, score: f64) -> [f64; 2] {
        match self {
            // Weights are rounded to f32, so that those of trees that all agree add up to 1 but for that. What is left is no
            // probability, and would be the smallest of all.
            Self::Rest if (1.0 - score).abs() < f64::from(f32::EPSILON) => [0.0, score],
            Self::Rest => [1.0 - score, score],
            Self::Opposite => [-score, score],
            Self::Logistic => [logistic(-score), logistic(score)],
        }
    }
}
