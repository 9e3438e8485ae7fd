use std::fmt;
use std::sync::Arc;

use distill_datasets::{Dataset, Subset, spread};
use distill_models::{Average, Ensemble, Model};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Evaluation, Folds, OutOfFold, TrainError, evaluate};

/// The part of the way from naming the most frequent class to being always right that a teacher
/// must have gone, where the recipe names no bound.
const DEFAULT_GAIN: f64 = 0.1;

/// How far the mean confidence of a teacher may be below its accuracy, and which part of the likelihood of one that knows
/// nothing it may have, before its logits are doubted. Probabilities that are taken for logits have a confidence of
/// `e / (e + classes - 1)` at most.
const MAX_DOUBT: f64 = 0.25;
const MAX_LOSS: f64 = 0.4;

/// More of the training examples than of others that a teacher gets right tell that it has been trained on them.
const SEEN: f64 = 0.02;

/// And so does a smaller part than this of the loss that it has on others.
const SURER: f64 = 0.5;

/// Whether a teacher knows enough to teach.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherCheck {
    /// The set that it was asked about: `validation`, `test` or `training`.
    pub set: &'static str,
    /// Examples it was asked for.
    pub examples: usize,
    /// The part of them that it gets right.
    pub accuracy: f64,
    /// What it says of training examples, where it was asked about others.
    pub on_training: Option<Confidence>,
    /// The part that always naming the most frequent class gets right.
    pub chance: f64,
    /// The accuracy that is needed.
    pub bound: f64,
    /// Mean probability that it gives to the class that it names.
    pub confidence: f64,
    /// Mean negative log-likelihood of the labels, in nats.
    pub nll: f64,
    /// What the likelihood is of a teacher that knows nothing: the logarithm of the number of classes.
    pub max_nll: f64,
    /// Where it is too often wrong: other names for its outputs with which it would not be.
    pub renamed: Option<Renamed>,
}

/// How right and how sure a model is of some examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// The part that it gets right.
    pub accuracy: f64,
    /// Mean probability that it gives to the class that it names.
    pub confidence: f64,
    /// Mean negative log-likelihood of the labels, in nats.
    pub nll: f64,
}

impl Confidence {
    fn of(found: &Evaluation) -> Self {
        let confidence = found.confidences.iter().sum::<f64>() / found.examples as f64;
        Self { accuracy: found.accuracy(), confidence, nll: found.nll }
    }
}

/// What teachers of folds say of training examples that they have not seen, and of those that they have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Each example asked of the teacher that has not seen it: what students learn from.
    pub out_of_fold: Confidence,
    /// Each asked of one that has.
    pub in_fold: Confidence,
}

impl Leak {
    pub(crate) fn of(
        folds: &Arc<Folds>,
        members: Vec<Arc<dyn Model>>,
        train: &Arc<dyn Dataset>,
    ) -> Result<Self, TrainError> {
        let together = Arc::new(Ensemble::new(members.clone(), Average::Geometric, 1.0)?);
        let outside = OutOfFold::new(folds.clone(), members, together)?;
        let of = |teacher: &OutOfFold| on_some(teacher, train, "training").map(|found| Confidence::of(&found));
        Ok(Self { out_of_fold: of(&outside)?, in_fold: of(&outside.inside())? })
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |found: &Confidence| {
            let [accuracy, confidence] = [found.accuracy, found.confidence].map(|part| 100.0 * part);
            format!("{accuracy:.2} % right and {confidence:.2} % sure, NLL {:.4}", found.nll)
        };
        write!(f, "out of fold {}; in fold {}", of(&self.out_of_fold), of(&self.in_fold))
    }
}

/// What the outputs of a model seem to stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The class of each output, each once.
    pub classes: Vec<u32>,
    /// The part of the examples that it then gets right.
    pub accuracy: f64,
}

/// What a teacher is asked about.
pub struct Asked<'a> {
    /// What the set is, for people.
    pub name: &'static str,
    /// Examples that it is judged by.
    pub data: &'a Arc<dyn Dataset>,
    /// The training examples, to compare with.
    pub train: Option<&'a Arc<dyn Dataset>>,
}

impl Asked<'_> {
    /// How many answers are asked for.
    pub fn n_answers(&self) -> usize {
        self.train.into_iter().chain([self.data]).map(|set| set.len().min(TeacherCheck::MAX_EXAMPLES)).sum()
    }
}

impl TeacherCheck {
    /// Examples of a set that a teacher is looked at on before it teaches.
    pub const MAX_EXAMPLES: usize = 2000;

    /// Asks the teacher for up to 2,000 examples of each set, spread over it.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn of(teacher: &dyn Model, asked: &Asked<'_>, min_accuracy: Option<f64>) -> Result<Self, TrainError> {
        let found = on_some(teacher, asked.data, asked.name)?;
        let examples = found.examples;
        let (accuracy, chance) = (found.accuracy(), found.chance());
        let bound = min_accuracy.unwrap_or(chance + DEFAULT_GAIN * (1.0 - chance));
        let train = asked.train.map(|train| on_some(teacher, train, "training")).transpose()?;
        let renamed = || Some(Renamed::of(&found)).filter(|renamed| renamed.accuracy >= bound);
        Ok(Self {
            set: asked.name,
            examples,
            accuracy,
            on_training: train.as_ref().map(Confidence::of),
            chance,
            bound,
            confidence: found.confidences.iter().sum::<f64>() / examples as f64,
            nll: found.nll,
            max_nll: (found.n_classes as f64).ln(),
            renamed: if accuracy < bound { renamed() } else { None },
        })
    }

    /// Whether it is right much more often than it believes, as if its answers were no logits.
    pub fn is_doubtful(&self) -> bool {
        self.accuracy - self.confidence > MAX_DOUBT && self.nll > MAX_LOSS * self.max_nll
    }

    /// Whether it is right so much more often on the training examples, or so much surer of their labels, that it must have
    /// been trained on them.
    pub fn has_seen_training(&self) -> bool {
        self.on_training.is_some_and(|train| {
            let gain = train.accuracy - self.accuracy;
            gain > SEEN || (gain > 0.0 && train.nll < SURER * self.nll)
        })
    }

    /// Whether it may teach.
    pub fn passes(&self) -> bool {
        self.accuracy >= self.bound
    }
}

impl Renamed {
    /// Gives each output the class that its examples mostly have, beginning with the pair that most examples speak for.
    fn of(found: &Evaluation) -> Self {
        let k = found.n_classes;
        let mut counts = Array2::<usize>::zeros((k, k));
        for (&output, &label) in found.predictions.iter().zip(&found.labels) {
            counts[(output as usize, label as usize)] += 1;
        }
        let mut pairs: Vec<(usize, (usize, usize))> =
            counts.indexed_iter().filter(|&(_, &n)| n > 0).map(|(pair, &n)| (n, pair)).collect();
        // The sort is stable: of equal counts the first pair comes first.
        pairs.sort_by_key(|&(n, _)| std::cmp::Reverse(n));
        let (mut of_output, mut is_taken, mut right) = (vec![None; k], vec![false; k], 0);
        for (n, (output, class)) in pairs {
            if of_output[output].is_none() && !is_taken[class] {
                (of_output[output], is_taken[class]) = (Some(class), true);
                right += n;
            }
        }
        // What nothing speaks for keeps its place where it can.
        for output in 0..k {
            if of_output[output].is_none() && !is_taken[output] {
                (of_output[output], is_taken[output]) = (Some(output), true);
            }
        }
        let mut left = (0..k).filter(|&class| !is_taken[class]).collect::<Vec<_>>().into_iter();
        let classes = of_output.into_iter().map(|class| class.or_else(|| left.next()).unwrap_or_default() as u32);
        Self { classes: classes.collect(), accuracy: right as f64 / found.examples as f64 }
    }
}

fn on_some(teacher: &dyn Model, data: &Arc<dyn Dataset>, name: &'static str) -> Result<Evaluation, TrainError> {
    let indices = spread(TeacherCheck::MAX_EXAMPLES, data.len());
    // An example is known by its place in the whole set.
    evaluate(teacher, &Subset::new(data.clone(), indices.clone())?).map_err(|error| match error.of_set(name) {
        TrainError::Answer { model, split, example, value } => {
            TrainError::Answer { model, split, example: indices[example], value }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;

    use super::*;
    use crate::{LogitTable, TeacherOutputs};

    /// Three examples and a teacher that names these outputs for them.
    fn check(outputs: [usize; 4]) -> TeacherCheck {
        let classes: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let data = Table::new(vec![1], vec![0.0, 1.0, 2.0, 3.0], vec![0, 1, 2, 0], classes.clone()).unwrap();
        let mut answers = Array2::zeros((4, 3));
        outputs.iter().enumerate().for_each(|(row, &output)| answers[(row, output)] = 9.0);
        let answers = TeacherOutputs::of_all(answers, Some(false)).unwrap();
        let teacher = LogitTable::new(data.spec(), classes, vec![(&data, answers)], None).unwrap();
        let data: Arc<dyn Dataset> = Arc::new(data);
        TeacherCheck::of(&teacher, &Asked { name: "test", data: &data, train: Some(&data) }, None).unwrap()
    }

    #[test]
    fn outputs_in_another_order_are_named() {
        let good = check([0, 1, 2, 0]);
        assert!(good.passes() && good.renamed.is_none() && !good.has_seen_training());
        let renamed = check([1, 2, 0, 1]).renamed.unwrap();
        assert_eq!((renamed.classes, renamed.accuracy), (vec![2, 0, 1], 1.0));
        // A teacher that always says the same is as bad with any name.
        let constant = check([2, 2, 2, 2]);
        assert!(!constant.passes() && constant.renamed.is_none());
        assert_eq!(constant.chance, 0.5);
    }

    #[test]
    fn training_examples_that_it_knows_too_well_are_seen() {
        let on_training = Confidence { accuracy: 1.0, confidence: 1.0, nll: 0.01 };
        let check = TeacherCheck { on_training: Some(on_training), accuracy: 0.95, nll: 0.015, ..check([0, 1, 2, 0]) };
        assert!(check.has_seen_training());
        assert!(!TeacherCheck { accuracy: 0.99, ..check.clone() }.has_seen_training());
        // It is hardly more often right, but much surer.
        assert!(TeacherCheck { accuracy: 0.99, nll: 0.03, ..check }.has_seen_training());
    }
}
