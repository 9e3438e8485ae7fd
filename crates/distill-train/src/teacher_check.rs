use std::fmt;
use std::sync::Arc;

use distill_datasets::{Dataset, Subset, spread};
use distill_models::{Average, Ensemble, Model};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Evaluation, Folds, Measured, NumberEvaluation, OutOfFold, TrainError, measure};

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
    /// What it says of them.
    pub found: Confidence,
    /// What it says of training examples, where it was asked about others.
    pub on_training: Option<Confidence>,
    /// The part that always naming the most frequent class gets right; of numbers 0, as their means explain nothing.
    pub chance: f64,
    /// The accuracy that is needed, or of numbers the part of the variance that must be explained.
    pub bound: f64,
    /// What the likelihood is of a teacher that knows nothing: the logarithm of the number of classes.
    pub max_nll: f64,
    /// Where it is too often wrong: other names for its outputs with which it would not be.
    pub renamed: Option<Renamed>,
    /// Of numbers that are far from those of the data: what a straight line would make of them.
    pub rescaled: Option<Rescaled>,
}

/// How right and how sure a model is of some examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// The part that it gets right; of numbers to predict the part of the variance that it explains.
    pub accuracy: f64,
    /// Mean probability that it gives to the class that it names. Nothing for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Mean negative log-likelihood of the labels, in nats; of numbers the part of the variance that is left unexplained.
    pub nll: f64,
}

impl Confidence {
    fn of(found: &Measured) -> Self {
        let accuracy = found.score();
        match found {
            Measured::Classes(found) => {
                let confidence = found.confidences.iter().sum::<f64>() / found.examples as f64;
                Self { accuracy, confidence: Some(confidence), nll: found.nll }
            }
            Measured::Numbers(found) => Self { accuracy, confidence: None, nll: found.unexplained() },
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.confidence {
            Some(confidence) => {
                let [accuracy, confidence] = [self.accuracy, confidence].map(|part| 100.0 * part);
                write!(f, "{accuracy:.2} % right and {confidence:.2} % sure, NLL {:.4}", self.nll)
            }
            None => write!(f, "R\u{b2} {:.4}", self.accuracy),
        }
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
        write!(f, "out of fold {}; in fold {}", self.out_of_fold, self.in_fold)
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

/// Where the numbers of a model would be right in another unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaled {
    /// Which number it is.
    pub number: usize,
    /// What each is multiplied by, and what is added then.
    pub line: [f64; 2],
    /// The part of the variance that is then explained.
    pub r2: f64,
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
    /// As [`measure`](crate::measure).
    pub fn of(teacher: &dyn Model, asked: &Asked<'_>, min_accuracy: Option<f64>) -> Result<Self, TrainError> {
        let found = on_some(teacher, asked.data, asked.name)?;
        let (score, chance) = (found.score(), found.chance());
        let bound = min_accuracy.unwrap_or(chance + DEFAULT_GAIN * (1.0 - chance));
        let train = asked.train.map(|train| on_some(teacher, train, "training")).transpose()?;
        let is_weak = score < bound;
        let renamed = |found: &Evaluation| Some(Renamed::of(found)).filter(|renamed| renamed.accuracy >= bound);
        let rescaled = |found: &NumberEvaluation| Rescaled::of(found).filter(|rescaled| rescaled.r2 >= bound);
        Ok(Self {
            set: asked.name,
            examples: found.examples(),
            found: Confidence::of(&found),
            on_training: train.as_ref().map(Confidence::of),
            chance,
            bound,
            max_nll: found.classes().map_or(1.0, |found| (found.n_classes as f64).ln()),
            renamed: found.classes().filter(|_| is_weak).and_then(renamed),
            rescaled: found.numbers().filter(|_| is_weak).and_then(rescaled),
        })
    }

    /// Whether it is right much more often than it believes, as if its answers were no logits.
    pub fn is_doubtful(&self) -> bool {
        let Confidence { accuracy, confidence: Some(confidence), nll } = self.found else { return false };
        accuracy - confidence > MAX_DOUBT && nll > MAX_LOSS * self.max_nll
    }

    /// Whether it is right so much more often on the training examples, or so much surer of their labels, that it must have
    /// been trained on them.
    pub fn has_seen_training(&self) -> bool {
        self.on_training.is_some_and(|train| {
            let gain = train.accuracy - self.found.accuracy;
            gain > SEEN || (gain > 0.0 && train.nll < SURER * self.found.nll)
        })
    }

    /// Whether it may teach.
    pub fn passes(&self) -> bool {
        self.found.accuracy >= self.bound
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

impl Rescaled {
    /// The line that fits the number that is farthest from those of the data, by least squares.
    fn of(found: &NumberEvaluation) -> Option<Self> {
        let results = found.numbers();
        let (number, _) =
            (0..).zip(results).filter_map(|(at, result)| Some((at, result.r2?))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let column = |of: &Array2<f32>| of.column(number).mapv(f64::from);
        let (y, s) = (column(found.targets()), column(found.predictions()));
        let (mean_y, mean_s) = (y.mean()?, s.mean()?);
        let (y, s) = (y - mean_y, s - mean_s);
        let (together, of_s, of_y) = ((&y * &s).sum(), (&s * &s).sum(), (&y * &y).sum());
        let slope = together / of_s;
        let is_line = slope.is_finite() && of_y > 0.0;
        is_line.then(|| Self { number, line: [slope, mean_y - slope * mean_s], r2: slope * together / of_y })
    }
}

fn on_some(teacher: &dyn Model, data: &Arc<dyn Dataset>, name: &'static str) -> Result<Measured, TrainError> {
    let indices = spread(TeacherCheck::MAX_EXAMPLES, data.len());
    // An example is known by its place in the whole set.
    measure(teacher, &Subset::new(data.clone(), indices.clone())?).map_err(|error| match error.of_set(name) {
        TrainError::Answer { model, split, example, value } => {
            TrainError::Answer { model, split, example: indices[example], value }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;
    use distill_models::{FnModel, Task};

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
        let of = |accuracy: f64, nll: f64| Confidence { accuracy, confidence: Some(1.0), nll };
        let on_training = Some(of(1.0, 0.01));
        let seen = |found: Confidence| TeacherCheck { on_training, found, ..check([0, 1, 2, 0]) }.has_seen_training();
        assert!(seen(of(0.95, 0.015)) && !seen(of(0.99, 0.015)));
        // It is hardly more often right, but much surer.
        assert!(seen(of(0.99, 0.03)));
    }

    #[test]
    fn numbers_in_another_unit_are_known_by_their_line() {
        let numbers = Array2::from_shape_fn((40, 2), |(i, j)| [i as f32, (i * 7 % 11) as f32][j]);
        let names = vec!["a".to_owned(), "b".to_owned()];
        let data = Table::regression(vec![1], (0..40).map(|i| i as f32).collect(), numbers, names.clone()).unwrap();
        let data: Arc<dyn Dataset> = Arc::new(data);
        let check = |slope: f32, shift: f32| {
            let teacher = FnModel::new(vec![1], names.clone(), move |x, mut out| {
                (out[0], out[1]) = (x[0], ((x[0] as usize * 7 % 11) as f32 - shift) / slope);
            });
            let asked = Asked { name: "test", data: &data, train: None };
            TeacherCheck::of(&teacher.with_task(Task::Numbers), &asked, None).unwrap()
        };
        let good = check(1.0, 0.0);
        assert!(good.passes() && !good.is_doubtful() && good.rescaled.is_none());
        assert_eq!((good.found.accuracy, good.found.to_string()), (1.0, "R² 1.0000".to_owned()));
        let wrong = check(1000.0, -50.0);
        let Rescaled { number, line: [slope, shift], r2 } = wrong.rescaled.clone().unwrap();
        assert!(!wrong.passes() && number == 1, "{wrong:?}");
        assert!((slope - 1000.0).abs() < 1.0 && (shift + 50.0).abs() < 0.1 && r2 > 0.999, "{slope} {shift} {r2}");
    }
}
