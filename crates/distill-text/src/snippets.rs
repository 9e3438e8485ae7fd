#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use distill_datasets::below;
use distill_tensor::{Philox, Stream};

use crate::{Paragraphs, Part, TextError};

/// A piece of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snippet<'a> {
    /// Its language, a position in [`Paragraphs::languages`].
    pub language: u32,
    /// Its characters.
    pub text: &'a str,
}

/// Snippets of one length, cut from the paragraphs of one part of a corpus.
///
/// A snippet is a pure function of seed, part and index: its language is one of all with the same probability, and its
/// place one of all in paragraphs of that language, so a paragraph counts by its length. As many as 2³² can be drawn, and
/// none is stored. A character is a Unicode scalar value.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_text::{Paragraphs, Part, Snippets};
/// let table = b"split,language,text\ntrain,eng,All human beings\ntrain,deu,Alle Menschen\n";
/// let paragraphs = Arc::new(Paragraphs::parse(table, "a.csv".as_ref())?);
/// let snippets = Snippets::new(paragraphs, Part::Train, 5, 1)?;
/// assert_eq!(snippets.get(7), snippets.get(7));
/// assert_eq!(snippets.get(7).text.chars().count(), 5);
/// # Ok::<(), distill_text::TextError>(())
/// ```
#[derive(Clone)]
pub struct Snippets {
    paragraphs: Arc<Paragraphs>,
    part: Part,
    n_chars: usize,
    seed: u64,
    /// The bytes of the text at which a snippet can start, those of a language together.
    starts: Vec<u32>,
    /// For each language the end of its starts.
    ends: Vec<usize>,
}

impl Snippets {
    /// Snippets of `n_chars` characters.
    ///
    /// Paragraphs that are shorter are left out. Takes four bytes for each character of the part.
    ///
    /// # Errors
    /// [`TextError::NoCharacters`], and [`TextError::TooShort`] if a language has no paragraph that is long enough.
    pub fn new(paragraphs: Arc<Paragraphs>, part: Part, n_chars: usize, seed: u64) -> Result<Self, TextError> {
        if n_chars == 0 {
            return Err(TextError::NoCharacters);
        }
        let n_languages = paragraphs.languages().len();
        let mut counts = vec![0; n_languages];
        for_each_start(&paragraphs, part, n_chars, |language, _, _| counts[language] += 1);
        let lacking = || (0..n_languages).filter(|&language| counts[language] == 0);
        if let Some(first) = lacking().next() {
            let first = paragraphs.languages()[first].clone();
            return Err(TextError::TooShort { part, n_chars, n_lacking: lacking().count(), first });
        }
        let (mut ends, mut n_starts) = (Vec::with_capacity(n_languages), 0);
        for count in counts {
            ends.push(n_starts);
            n_starts += count;
        }
        // Where the next start of a language goes; in the end, where they end.
        let mut starts = vec![0; n_starts];
        for_each_start(&paragraphs, part, n_chars, |language, start, _| {
            starts[ends[language]] = start;
            ends[language] += 1;
        });
        Ok(Self { paragraphs, part, n_chars, seed, starts, ends })
    }

    /// The paragraphs they are cut from.
    pub fn paragraphs(&self) -> &Arc<Paragraphs> {
        &self.paragraphs
    }

    /// The part of the corpus.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The characters of a snippet.
    pub fn n_chars(&self) -> usize {
        self.n_chars
    }

    /// The snippet of that number.
    pub fn get(&self, index: u32) -> Snippet<'_> {
        let (mut random, language) = self.draw(index);
        let first = if language == 0 { 0 } else { self.ends[language - 1] };
        let start = self.starts[first + below(&mut random, self.ends[language] - first)];
        let text = &self.paragraphs.text()[start as usize..];
        let end = text.char_indices().nth(self.n_chars).map_or(text.len(), |(end, _)| end);
        Snippet { language: language as u32, text: &text[..end] }
    }

    /// The language of the snippet of that number.
    pub fn language(&self, index: u32) -> u32 {
        self.draw(index).1 as u32
    }

    /// Calls `f` with each text that a snippet of that part and of as many characters can have, in whatever language.
    pub(crate) fn for_each_text(&self, part: Part, mut f: impl FnMut(&str)) {
        for_each_start(&self.paragraphs, part, self.n_chars, |_, _, text| f(text));
    }

    fn draw(&self, index: u32) -> (Philox, usize) {
        let mut random = Philox::new(self.seed, Stream::Snippet, self.part as u32, index);
        let language = below(&mut random, self.ends.len());
        (random, language)
    }
}

impl fmt::Debug for Snippets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Snippets");
        f.field("part", &self.part).field("n_chars", &self.n_chars).field("seed", &self.seed);
        f.field("n_starts", &self.starts.len()).finish_non_exhaustive()
    }
}

/// Calls `f(language, byte, text)` for each place at which a snippet can start, in the order of the table.
fn for_each_start(paragraphs: &Paragraphs, part: Part, n_chars: usize, mut f: impl FnMut(usize, u32, &str)) {
    let mut offset = 0;
    for paragraph in paragraphs.iter() {
        let text = paragraph.text;
        if paragraph.part == part {
            // A start for each end: the two walk at the same distance.
            let ends = text.char_indices().map(|(end, _)| end).chain([text.len()]).skip(n_chars);
            for ((start, _), end) in text.char_indices().zip(ends) {
                f(paragraph.language as usize, (offset + start) as u32, &text[start..end]);
            }
        }
        offset += text.len();
    }
}
