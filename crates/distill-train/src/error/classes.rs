/// How two lists of classes differ. Soft targets compare class by class, so any difference
/// would teach wrong answers without an error of shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassMismatch {
    /// One has more classes than the other.
    #[error("the model has {model} classes, the data has {data}")]
    Count {
        /// Classes of the model.
        model: usize,
        /// Classes of the data.
        data: usize,
    },
    /// As many classes, but not the same.
    #[error(
        "the model and the data name different classes: only the model has {only_model:?}, only the data has {only_data:?}"
    )]
    Names {
        /// Names that the data lacks.
        only_model: Vec<String>,
        /// Names that the model lacks.
        only_data: Vec<String>,
    },
    /// The same classes in another order.
    #[error("the model and the data list the same {n_classes} classes in a different order")]
    Order {
        /// Number of classes.
        n_classes: usize,
        /// Positions at which they differ.
        n_different: usize,
        /// The first of them: position, name in the model, name in the data.
        first: (usize, String, String),
    },
}
