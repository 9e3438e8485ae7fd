mod checkpoint;
mod classes;

use distill_datasets::DataError;
use distill_losses::LossError;
use distill_models::ModelError;

use crate::problem::ConfigProblem;

pub use checkpoint::CheckpointError;
pub use classes::ClassMismatch;

/// Why training or evaluation stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The data cannot be read or selected.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model cannot be built or does not take these inputs.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The loss does not fit the targets.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// A setting has no meaning.
    #[error(transparent)]
    Config(#[from] ConfigProblem),
    /// Teacher and data, or model and data, do not have the same classes in the same order.
    #[error(transparent)]
    Classes(#[from] ClassMismatch),
    /// A checkpoint cannot be written or used.
    #[error(transparent)]
    Checkpoint(Box<CheckpointError>),
    /// A model takes inputs of another shape than the data has.
    #[error("the {model} takes inputs of shape {expected:?} but the data has {actual:?}")]
    InputShape {
        /// Which model, such as `teacher`.
        model: &'static str,
        /// Shape of the model's inputs.
        expected: Vec<usize>,
        /// Shape of the data's inputs.
        actual: Vec<usize>,
    },
    /// Classes are said of one, and numbers of the other.
    #[error("{problem}")]
    Task {
        /// What is said of which.
        problem: String,
    },
    /// Training set and test set do not belong together.
    #[error(
        "the training set has inputs of shape {train_shape:?} and {train_classes} classes, the test set {test_shape:?} and {test_classes}, or classes of other names"
    )]
    Sets {
        /// Input shape of the training set.
        train_shape: Vec<usize>,
        /// Number of classes of the training set.
        train_classes: usize,
        /// Input shape of the test set.
        test_shape: Vec<usize>,
        /// Number of classes of the test set.
        test_classes: usize,
    },
    /// The loss, a gradient or a statistic of the batch is NaN or infinite. The weights are those before the step.
    #[error("{what} became {value} in epoch {epoch}, step {step}")]
    NonFinite {
        /// `the loss`, `the norm of the gradient`, or `a statistic of the batch`, which a layer was to remember.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Epoch, counted from 1.
        epoch: u32,
        /// Optimizer step, counted from 1.
        step: u32,
    },
    /// Several ranks train one model, and another of them cannot go on: that one has the reason. The weights are those before
    /// the step, on all.
    #[error("another rank cannot go on")]
    OtherRank,
    /// The ranks that train one model cannot reach each other.
    #[error("the ranks cannot reach each other: {reason}")]
    Exchange {
        /// What stands between them.
        reason: String,
    },
    /// A model's answer to an example that is evaluated is NaN or infinite.
    #[error("the answer of {model} to example {example} of the {split} set is {value}, not a finite number")]
    Answer {
        /// The architecture of the model.
        model: String,
        /// Which set: `evaluation` where nobody said which.
        split: &'static str,
        /// Which example of it, counted from 0.
        example: usize,
        /// What it is.
        value: f32,
    },
    /// Training is to be in bf16, for which the processor has no instructions.
    #[error("this processor has no bf16 instructions")]
    NoBf16,
    /// Stored soft targets are for another number of examples or classes.
    #[error("the soft targets have shape {actual:?}, the data and the teacher need {expected:?}")]
    Targets {
        /// Examples and classes of data and teacher.
        expected: [usize; 2],
        /// Examples and classes that are stored.
        actual: [usize; 2],
    },
    /// Stored soft targets are for inputs that vary in another way.
    #[error("the soft targets have {actual} views of each example, training shows {expected}")]
    TargetViews {
        /// Views of an example that training shows.
        expected: usize,
        /// Views that are stored.
        actual: usize,
    },
    /// Soft targets are to be kept for inputs that vary in more ways than can be counted.
    #[error("the teacher's logits can be cached for shifted and flipped inputs, but inputs vary in other ways too")]
    TooManyViews,
    /// A table of a teacher's answers cannot be used.
    #[error("the table of answers has {problem}")]
    Answers {
        /// What it has and should not have.
        problem: String,
    },
    /// A file of soft targets is damaged.
    #[error("the soft targets cannot be read: {reason}")]
    TargetFile {
        /// In what way.
        reason: String,
    },
    /// There is nothing to train on or to evaluate.
    #[error("the {split} set is empty")]
    Empty {
        /// Which set.
        split: &'static str,
    },
    /// Two lists that are compared example by example belong to different sets.
    #[error("one list has {expected} examples and another {actual}")]
    Unpaired {
        /// Entries of the first list.
        expected: usize,
        /// Entries of the list that differs.
        actual: usize,
    },
    /// An example that must have a label has none.
    #[error("example {index} of the {split} set has no label")]
    Unlabelled {
        /// Which set.
        split: &'static str,
        /// Which example.
        index: usize,
    },
}

impl TrainError {
    /// The same with the name of the set that was evaluated.
    #[must_use]
    pub fn of_set(self, split: &'static str) -> Self {
        match self {
            Self::Answer { model, example, value, .. } => Self::Answer { model, split, example, value },
            other => other,
        }
    }
}
