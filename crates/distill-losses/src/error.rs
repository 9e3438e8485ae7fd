/// Why a loss could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// A matrix that must have the shape of the logits has another one.
    #[error("logits have shape {logits:?} but the {what} have shape {actual:?}")]
    ShapeMismatch {
        /// Which matrix.
        what: &'static str,
        /// Shape of the logits, `(examples, classes)`.
        logits: (usize, usize),
        /// Shape of the other matrix.
        actual: (usize, usize),
    },
    /// There is not one label for each row of logits.
    #[error("logits have {examples} rows but there are {labels} labels")]
    LabelCount {
        /// Rows of the logits.
        examples: usize,
        /// Labels given.
        labels: usize,
    },
    /// A label names no class.
    #[error("logits have {classes} classes but row {row} has label {label}")]
    LabelOutOfRange {
        /// The first row with such a label.
        row: usize,
        /// The label.
        label: u32,
        /// Columns of the logits.
        classes: usize,
    },
    /// A mean over nothing.
    #[error("a loss needs at least one example and one class, got {examples} examples and {classes} classes")]
    Empty {
        /// Rows of the logits.
        examples: usize,
        /// Columns of the logits.
        classes: usize,
    },
    /// A temperature that is not a finite number above zero.
    #[error("temperature must be a finite number greater than 0, got {value}")]
    Temperature {
        /// What was given.
        value: f64,
    },
    /// A weight outside the unit interval.
    #[error("alpha must be between 0 and 1, got {value}")]
    Alpha {
        /// What was given.
        value: f64,
    },
    /// A smoothing outside the range from 0 to below 1.
    #[error("label smoothing must be at least 0 and below 1, got {value}")]
    Smoothing {
        /// What was given.
        value: f64,
    },
    /// A weight of a class that has no meaning.
    #[error(
        "the weight of class {class} must be a finite number of at least 0, and one of all more than 0, got {value}"
    )]
    ClassWeight {
        /// The class.
        class: usize,
        /// What was given.
        value: f64,
    },
    /// There is not one weight for each class.
    #[error("logits have {classes} classes but there are {weights} weights of classes")]
    ClassWeights {
        /// Weights given.
        weights: usize,
        /// Columns of the logits.
        classes: usize,
    },
    /// There is not one unit for each number of a regression, or one that has no meaning.
    #[error(
        "examples have {numbers} numbers and there are {deviations} deviations, one for each is needed, finite and greater than 0\
         {}", value.map_or(String::new(), |value| format!(", got {value}"))
    )]
    Deviation {
        /// Deviations given.
        deviations: usize,
        /// Numbers of an example.
        numbers: usize,
        /// The first one that has no meaning.
        value: Option<f64>,
    },
    /// A margin that is not a finite number of at least 0.
    #[error("the margin must be a finite number of at least 0, got {value}")]
    Margin {
        /// What was given.
        value: f64,
    },
    /// A loss on labels was given none.
    #[error("this loss needs labels but the targets have none")]
    MissingLabels,
    /// A loss on soft targets was given none.
    #[error("this loss needs the teacher's logits but the targets have none")]
    MissingTeacher,
    /// A loss on inner values was given a model that has none of this name.
    #[error("this loss needs the inner value `{name}` but the model has no inner value of that name")]
    MissingValue {
        /// The name.
        name: String,
    },
    /// Inner values of student and teacher that cannot be compared.
    #[error("the student's inner value has shape {student:?}, the teacher's {teacher:?}: {reason}")]
    InnerShapes {
        /// Shape of the student's, the examples first.
        student: Vec<usize>,
        /// Shape of the teacher's.
        teacher: Vec<usize>,
        /// What does not fit.
        reason: &'static str,
    },
}
