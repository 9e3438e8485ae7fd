/// What is wrong with a table of paragraphs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFault {
    /// The gzip stream is damaged, cut off, or followed by something else.
    #[error("the gzip stream is not sound: {what}")]
    Gzip {
        /// What the decoder found.
        what: String,
    },
    /// The table is larger than a corpus can be.
    #[error("the table goes on after {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// A paragraph is longer than any that a person wrote.
    #[error("the paragraph is longer than {max} bytes, or a quote is not closed")]
    LongRecord {
        /// The limit.
        max: usize,
    },
    /// The table ends inside quotes.
    #[error("the table ends before a quote is closed")]
    OpenQuote,
    /// A quote stands inside a field, or something behind a quoted one.
    #[error("the quote at byte {offset} is not at an end of a field; write it twice, and quotes around the field")]
    Quote {
        /// The byte of the paragraph's lines.
        offset: usize,
    },
    /// A paragraph is not text.
    #[error("byte {offset} is not UTF-8")]
    NotUtf8 {
        /// The first bad byte of the paragraph's lines.
        offset: usize,
    },
    /// A paragraph has an ASCII control character other than tabs and line breaks.
    #[error("byte {offset} is the control character {code:#04x}")]
    Control {
        /// The first such byte of the paragraph's lines.
        offset: usize,
        /// What it is.
        code: u8,
    },
    /// The first line does not name the columns.
    #[error("the columns are `{found}`, expected split, language and text")]
    Columns {
        /// The line, or its beginning.
        found: String,
    },
    /// A line has more or fewer fields than there are columns.
    #[error("{actual} fields, expected {expected}")]
    Fields {
        /// The number of columns.
        expected: usize,
        /// The number of fields.
        actual: usize,
    },
    /// A field cannot be what it has to be.
    #[error("{column} is `{found}`, expected {expected}")]
    Field {
        /// The column.
        column: &'static str,
        /// What stands there, or its beginning.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// There are no paragraphs with text.
    #[error("the table ends without a paragraph")]
    Empty,
}
