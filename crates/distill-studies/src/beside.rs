/// What the numbers of a study are compared with.
#[derive(Debug)]
pub struct Beside {
    /// The heading of the table with both.
    pub heading: &'static str,
    /// The column with the other numbers.
    pub column: &'static str,
}
