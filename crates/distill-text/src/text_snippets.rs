use std::collections::HashMap;
use std::sync::Arc;

use distill_datasets::{DataError, DataSpec, Dataset, check_batch};
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{Features, Paragraphs, Part, Snippet, Snippets, TextEncoder, TextError};

/// Rows that a thread writes at a time; each takes about a microsecond.
const ROWS: usize = 16;

/// Snippets as a `Dataset`: the language of a snippet from its n-grams.
///
/// A row holds the buckets of the snippet's n-grams as f32, in the order of [`NGrams`](crate::NGrams), and
/// [`PADDING`](crate::PADDING) behind them, or its bytes, see [`Features`]. It has room for characters of four bytes, the longest there are, so nothing is ever cut off: 378 numbers
/// for 24 characters and up to four bytes in an n-gram. Most alphabets fill a quarter of it.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_datasets::Dataset;
/// use distill_text::{NGrams, Part, Snippets, TextSnippets, udhr};
/// let snippets = Snippets::new(Arc::new(udhr()?), Part::Test, 24, 1)?;
/// let data = TextSnippets::new(snippets, NGrams::default(), 1000)?;
/// assert_eq!((data.len(), data.spec().classes.len()), (1000, 420));
/// assert_eq!(data.spec().input_shape, [378]);
/// # Ok::<(), distill_text::TextError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextSnippets {
    snippets: Snippets,
    encoder: TextEncoder,
    first: u32,
    n: u32,
    spec: DataSpec,
}

impl TextSnippets {
    /// The first `n` snippets.
    ///
    /// # Errors
    /// [`TextError::TooMany`] above 2³² - 1, and [`TextError::Length`] for snippets of more than 2²⁰ bytes.
    pub fn new(snippets: Snippets, features: impl Into<Features>, n: usize) -> Result<Self, TextError> {
        Self::starting_at(0, snippets, features, n)
    }

    /// The `n` snippets from number `first` on: others than those before.
    ///
    /// # Errors
    /// [`TextError::TooMany`] if the last is above 2³² - 1, and [`TextError::Length`] for snippets of more than 2²⁰ bytes.
    pub fn starting_at(
        first: usize,
        snippets: Snippets,
        features: impl Into<Features>,
        n: usize,
    ) -> Result<Self, TextError> {
        let end = first.saturating_add(n);
        let too_many = |_| TextError::TooMany { n: end, max: u32::MAX };
        u32::try_from(end).map_err(too_many)?;
        let (first, n) = (first as u32, n as u32);
        let encoder = TextEncoder::new(features, snippets.n_chars().saturating_mul(4))?;
        let spec = DataSpec::new(vec![encoder.width()], snippets.paragraphs().languages().to_vec());
        Ok(Self { snippets, encoder, first, n, spec })
    }

    /// What a snippet is to a model.
    pub fn features(&self) -> Features {
        self.encoder.features()
    }

    /// The same snippets, of which the first `length` bytes are looked at.
    ///
    /// # Errors
    /// [`TextError::Length`].
    pub fn with_length(self, length: usize) -> Result<Self, TextError> {
        let encoder = TextEncoder::new(self.features(), length)?;
        let spec = DataSpec { input_shape: vec![encoder.width()], ..self.spec };
        Ok(Self { encoder, spec, ..self })
    }

    /// The paragraphs the snippets are cut from.
    pub fn paragraphs(&self) -> &Arc<Paragraphs> {
        self.snippets.paragraphs()
    }

    /// What an example says and in which language, `None` out of range.
    pub fn snippet(&self, index: usize) -> Option<Snippet<'_>> {
        self.number(index).map(|number| self.snippets.get(number))
    }

    /// The examples whose text a paragraph of that part has too, in order: those that who has learned from all of the part
    /// has seen. The language does not count, as a row does not tell it.
    ///
    /// It depends on the paragraphs and not on which snippets of the part are drawn. Goes through the part once, which takes
    /// about 0.3 s for the training paragraphs of [`udhr`](crate::udhr).
    pub fn found_in(&self, part: Part) -> Vec<usize> {
        let mut is_found: HashMap<&str, bool> =
            (0..self.len()).filter_map(|i| Some((self.snippet(i)?.text, false))).collect();
        self.snippets.for_each_text(part, |text| {
            if let Some(is_found) = is_found.get_mut(text) {
                *is_found = true;
            }
        });
        let found = |&i: &usize| self.snippet(i).is_some_and(|snippet| is_found[snippet.text]);
        (0..self.len()).filter(found).collect()
    }

    fn number(&self, index: usize) -> Option<u32> {
        u32::try_from(index).ok().filter(|&index| index < self.n).map(|index| self.first + index)
    }

    fn write(&self, index: usize, row: ArrayViewMut1<'_, f32>) {
        if let Some(snippet) = self.snippet(index) {
            self.encoder.write_row(snippet.text, row);
        }
    }
}

impl Dataset for TextSnippets {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.n as usize
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let rows = out.axis_iter_mut(Axis(0)).into_par_iter();
        rows.zip(indices).with_min_len(ROWS).for_each(|(row, &index)| self.write(index, row));
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.number(index).map(|number| self.snippets.language(number))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{NGrams, PADDING, udhr};

    fn data(part: Part, seed: u64, n: usize) -> TextSnippets {
        TextSnippets::new(Snippets::new(Arc::new(udhr().unwrap()), part, 24, seed).unwrap(), NGrams::default(), n)
            .unwrap()
    }

    fn read(data: &TextSnippets, indices: &[usize]) -> Array2<f32> {
        let mut batch = Array2::from_elem((indices.len(), data.spec().features()), f32::NAN);
        data.read(indices, batch.view_mut()).unwrap();
        batch
    }

    #[test]
    fn rows_are_the_n_grams_of_their_snippets_whatever_the_batch() {
        let data = data(Part::Validation, 1, 500);
        let indices: Vec<usize> = (0..500).rev().collect();
        let batch = read(&data, &indices);
        for (row, &index) in batch.outer_iter().zip(&indices) {
            let snippet = data.snippet(index).unwrap();
            assert_eq!(data.label(index), Some(snippet.language));
            let n = NGrams::default().count(snippet.text.len());
            assert!(row.iter().take(n).all(|&x| (0.0..16_384.0).contains(&x) && x.fract() == 0.0), "{snippet:?}");
            assert!(row.iter().skip(n).all(|&x| x == PADDING), "{snippet:?}");
            assert_eq!(read(&data, &[index]).row(0), row);
        }
        let mut transposed = Array2::zeros((378, 2)).reversed_axes();
        data.read(&[3, 4], transposed.view_mut()).unwrap();
        assert_eq!(transposed, read(&data, &[3, 4]));
    }

    #[test]
    fn a_set_may_start_behind_another() {
        let whole = data(Part::Train, 1, 500);
        let at = |first, n| TextSnippets::starting_at(first, whole.snippets.clone(), NGrams::default(), n);
        let rest = at(300, 200).unwrap();
        assert_eq!((rest.len(), rest.label(7), rest.label(200)), (200, whole.label(307), None));
        assert_eq!(read(&rest, &[0, 199]), read(&whole, &[300, 499]));
        assert!(at(u32::MAX as usize - 1, 1).is_ok());
        assert!(matches!(at(u32::MAX as usize, 1), Err(TextError::TooMany { .. })));
    }

    #[test]
    fn a_set_is_the_beginning_of_a_larger_one_and_threads_do_not_matter() {
        let indices: Vec<usize> = (0..100).collect();
        let (small, large) = (data(Part::Train, 3, 100), data(Part::Train, 3, 1_000_000));
        let with = |threads, data: &TextSnippets| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| read(data, &indices))
        };
        assert_eq!(with(1, &small), with(3, &large));
        assert_ne!(with(1, &small), with(1, &data(Part::Train, 4, 100)));
    }

    /// Against a search for each snippet in each paragraph. `abc` is a training text of another language.
    #[test]
    fn texts_of_another_part_are_found_whatever_their_language() {
        let table = b"split,language,text\ntrain,a,xabcx\ntrain,b,m\xc3\xa4rz\ntest,a,m\xc3\xa4rchen\ntest,b,abc abd\n\
            validation,a,abd\nvalidation,b,abd\n";
        let paragraphs = Arc::new(Paragraphs::parse(table, "a.csv".as_ref()).unwrap());
        let snippets = Snippets::new(paragraphs.clone(), Part::Test, 3, 1).unwrap();
        let data = TextSnippets::starting_at(5, snippets, NGrams::default(), 60).unwrap();
        for (part, expected) in [(Part::Train, vec!["abc", "m\u{e4}r"]), (Part::Validation, vec!["abd"])] {
            let found = data.found_in(part);
            let is_in = |text: &str| paragraphs.iter().any(|p| p.part == part && p.text.contains(text));
            let by_search: Vec<usize> = (0..60).filter(|&i| is_in(data.snippet(i).unwrap().text)).collect();
            assert_eq!(found, by_search);
            let mut texts: Vec<&str> = found.iter().map(|&i| data.snippet(i).unwrap().text).collect();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts, expected);
        }
        assert_eq!(data.found_in(Part::Test), (0..60).collect::<Vec<_>>());
    }

    /// What can be drawn from the training paragraphs is found, whether or not it was.
    #[test]
    fn no_test_snippet_that_is_left_is_in_a_training_set() {
        let (test, train) = (data(Part::Test, 1, 5000), data(Part::Train, 1, 100_000));
        let found = test.found_in(Part::Train);
        let drawn: std::collections::HashSet<&str> = (0..train.len()).map(|i| train.snippet(i).unwrap().text).collect();
        let shared: Vec<usize> = (0..5000).filter(|&i| drawn.contains(test.snippet(i).unwrap().text)).collect();
        assert!(!shared.is_empty() && shared.iter().all(|i| found.contains(i)), "{} {}", shared.len(), found.len());
        assert!(found.len() < 250, "{}", found.len());
    }

    #[test]
    fn a_wrong_batch_is_refused() {
        let data = data(Part::Test, 1, 3);
        let mut batch = Array2::zeros((1, 378));
        assert!(matches!(data.read(&[3], batch.view_mut()), Err(DataError::IndexOutOfRange { index: 3, len: 3 })));
        assert!(matches!(data.read(&[0, 1], batch.view_mut()), Err(DataError::BatchShape { .. })));
        assert_eq!((data.label(3), data.snippet(3)), (None, None));
    }
}
