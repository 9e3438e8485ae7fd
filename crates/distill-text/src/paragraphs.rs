mod parse;
#[cfg(test)]
mod tests;

use std::path::Path;

use distill_datasets::records;

use crate::{Part, TextError};

/// A paragraph of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    /// The part of the corpus.
    pub part: Part,
    /// Its language, a position in [`Paragraphs::languages`].
    pub language: u32,
    /// Its text: words with one space between them, and none at the ends.
    pub text: &'a str,
}

/// Paragraphs of text, each in one language and one part of the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraphs {
    languages: Vec<String>,
    /// All texts, one after the other.
    text: String,
    entries: Vec<Entry>,
}

/// Where a paragraph ends in the text; it begins where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    part: Part,
    language: u32,
    end: u32,
}

impl Paragraphs {
    /// Reads a table, plain or gzip.
    ///
    /// # Errors
    /// [`TextError::Io`], and as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TextError> {
        let path = path.as_ref();
        let bytes = records::load(path).map_err(|source| TextError::io(path, source))?;
        Self::parse(&bytes, path)
    }

    /// Reads a table, plain or gzip: CSV as RFC 4180 has it, with the first line `split,language,text` in any order.
    /// `path` is for messages alone.
    ///
    /// The split is `train`, `validation` or `test`. The name of a language has letters, digits, `-`, `_` and `.`.
    /// Runs of white space in a text become one space, and at its ends none; what is empty then is left out.
    ///
    /// # Errors
    /// [`TextError::Table`], which names the line.
    ///
    /// # Examples
    /// ```
    /// use distill_text::{Paragraphs, Part};
    /// let table = "split,language,text\ntrain,eng,\"Free,  and\nequal\"\ntest,deu,Würde\n";
    /// let paragraphs = Paragraphs::parse(table.as_bytes(), "a.csv".as_ref())?;
    /// assert_eq!(paragraphs.languages(), ["deu", "eng"]);
    /// let first = paragraphs.iter().next().ok_or("nothing")?;
    /// assert_eq!((first.part, first.language, first.text), (Part::Train, 1, "Free, and equal"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, TextError> {
        parse::table(bytes).map_err(|(line, fault)| TextError::Table { path: path.to_owned(), line, fault })
    }

    /// The languages in the order of their names.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The number of paragraphs.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no paragraphs, which [`parse`](Self::parse) does not allow.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The paragraphs in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = Paragraph<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |&Entry { part, language, end }| {
            let end = end as usize;
            let text = &self.text[start..end];
            start = end;
            Paragraph { part, language, text }
        })
    }

    /// All texts, one after the other, for those who remember places in it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
