/// What the answers of a student are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// The logits of classes, of which an input has one.
    #[default]
    Classes,
    /// Numbers, such as prices, in the units of the data that the student has learned from.
    Numbers,
}
