/// What is wrong with a list of class names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassListFault {
    /// It names no class.
    #[error("it is empty")]
    Empty,
    /// It is larger than a list of names can be.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: u64,
    },
    /// It is not text.
    #[error("byte {offset} is not UTF-8")]
    NotUtf8 {
        /// The first bad byte.
        offset: usize,
    },
    /// There is not one name for each number of an example.
    #[error("it has {names} names for {numbers} numbers")]
    Count {
        /// Names given.
        names: usize,
        /// Numbers of an example.
        numbers: usize,
    },
    /// A name is empty.
    #[error("name {position} is empty")]
    EmptyName {
        /// Counted from one, so it is the line of a file.
        position: usize,
    },
    /// A name occurs twice.
    #[error("names {first} and {second} are both `{name}`")]
    Duplicate {
        /// The name.
        name: String,
        /// Counted from one.
        first: usize,
        /// Counted from one.
        second: usize,
    },
}
