/// What can be wrong with a parameter layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Two slices of one layout have the same name.
    #[error("parameter `{name}` is declared twice in one layout")]
    DuplicateName {
        /// The name that occurs twice.
        name: String,
    },
    /// The number of parameters does not fit the address space.
    #[error("parameter `{name}` of shape {shape:?} makes the layout larger than memory can hold")]
    TooLarge {
        /// The slice that went over the limit.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A flat buffer has the wrong length for a layout.
    #[error("expected {expected} parameters, got {actual}")]
    WrongLength {
        /// Elements that the layout describes.
        expected: usize,
        /// Elements that were given.
        actual: usize,
    },
    /// Sides of a convolution that do not fit each other.
    #[error("the convolution cannot be built: {problem}")]
    Convolution {
        /// What does not fit.
        problem: String,
    },
}
