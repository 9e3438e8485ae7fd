use std::sync::Arc;

use distill_datasets::{Dataset, Subset, Unlabelled};
use distill_text::{Paragraphs, Part, Snippets, TextError, TextSnippets, udhr};
use distill_train::{Sets, TextConfig};

use super::SourceError;
use super::source::{Inputs, Opened, Reads, Source, refuse};
use crate::text::encoder;

/// Draws the snippets: who compares models compares them on the same ones.
const SEED: u64 = 1;

/// `udhr`, which the program carries.
pub(super) static UDHR: Source = Source {
    name: "udhr",
    about: "snippets of the Universal Declaration of Human Rights in 420 languages; part of the program",
    folder: None,
    inputs: Inputs::Buckets,
    has_pictures: false,
    open: |_, settings| Ok(Box::new(Text(settings.text))),
};

/// How it is cut into snippets.
#[derive(Debug)]
struct Text(TextConfig);

impl Opened for Text {
    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        let notes =
            ["the classes are the languages of the text", "no snippet is stored, they are cut when they are read"];
        refuse(UDHR.name, classes.is_some(), memory.is_some(), notes)?;
        let Self(config) = self;
        let paragraphs = Arc::new(udhr()?);
        let cut = |part, first, n| snippets(config, &paragraphs, part, first, n);
        let if_any = |part, first, n| match n {
            0 => Ok(None),
            n => cut(part, first, n).map(Some),
        };
        let unlabelled = if_any(Part::Train, config.train, config.unlabelled)?;
        Ok(Sets {
            train: Arc::new(cut(Part::Train, 0, config.train)?),
            validation: if_any(Part::Validation, 0, config.validation)?.map(|set| Arc::new(set) as _),
            unlabelled: unlabelled.map(|set| Arc::new(Unlabelled::new(Arc::new(set))) as _),
            test: Arc::new(test(config, &paragraphs)?.unseen),
        })
    }

    fn load_test(&self, _: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(Arc::new(test(&self.0, &Arc::new(udhr()?))?.unseen))
    }

    fn left_out(&self) -> Result<Option<Subset>, SourceError> {
        Ok(Some(test(&self.0, &Arc::new(udhr()?))?.seen))
    }
}

fn snippets(
    config: &TextConfig,
    text: &Arc<Paragraphs>,
    part: Part,
    first: usize,
    n: usize,
) -> Result<TextSnippets, TextError> {
    let encoder = encoder(config, config.characters.saturating_mul(4))?;
    let snippets = Snippets::new(text.clone(), part, config.characters, SEED)?;
    TextSnippets::starting_at(first, snippets, encoder.features(), n)?.with_length(encoder.length())
}

/// The test snippets that are drawn.
struct TestSnippets {
    /// Those that models are measured on.
    unseen: Subset,
    /// Those whose text stands in a training paragraph too, drawn for training or not: so the test set stays the same
    /// however many snippets there are to learn from.
    seen: Subset,
}

fn test(config: &TextConfig, text: &Arc<Paragraphs>) -> Result<TestSnippets, SourceError> {
    let drawn = snippets(config, text, Part::Test, 0, config.test)?;
    let seen = drawn.found_in(Part::Train);
    let unseen: Vec<usize> = (0..drawn.len()).filter(|i| seen.binary_search(i).is_err()).collect();
    if unseen.is_empty() {
        return Err(TextError::AllSeen { n: drawn.len(), n_chars: config.characters }.into());
    }
    let drawn: Arc<dyn Dataset> = Arc::new(drawn);
    Ok(TestSnippets { unseen: Subset::new(drawn.clone(), unseen)?, seen: Subset::new(drawn, seen)? })
}
