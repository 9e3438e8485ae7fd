use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use distill_datasets::records::{self, Schema};

use crate::{Paragraphs, TableFault, TextError};

const TABLE: &[u8] = include_bytes!("../data/udhr.csv.gz");
const LANGUAGES: &str = include_str!("../data/languages.csv");
const SCHEMA: Schema = Schema { columns: &["language", "name"], optional: None, max_record: 1 << 10, quotes: true };

static NAMES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut names = BTreeMap::new();
    let read = records::read(LANGUAGES.as_bytes(), &SCHEMA, |record| {
        names.insert(record.field(0).to_owned(), record.field(1).to_owned());
        Ok::<(), TableFault>(())
    });
    read.expect("a test reads the embedded table");
    names
});

/// The Universal Declaration of Human Rights in 420 languages, which go by their codes of ISO 639-3: 24,170 paragraphs, of
/// which in each language every fifth is for tests and every fifth for validation.
///
/// Source and licence are in `data/LICENSE`.
///
/// # Errors
/// None that a change of the embedded table would not make.
pub fn udhr() -> Result<Paragraphs, TextError> {
    Paragraphs::parse(TABLE, Path::new("udhr.csv.gz"))
}

/// The English name of a language of [`udhr`].
///
/// # Examples
/// ```
/// assert_eq!(distill_text::language_name("als"), Some("Albanian, Tosk"));
/// assert_eq!(distill_text::language_name("tlh"), None);
/// ```
pub fn language_name(code: &str) -> Option<&'static str> {
    NAMES.get(code).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::{Part, Snippets};

    #[test]
    fn the_data_is_what_it_is_said_to_be() {
        let paragraphs = udhr().unwrap();
        assert_eq!((paragraphs.len(), paragraphs.languages().len()), (24_170, 420));
        let of = |part| paragraphs.iter().filter(|paragraph| paragraph.part == part).count();
        assert_eq!([Part::Train, Part::Validation, Part::Test].map(of), [14_243, 4_946, 4_981]);
        let license = include_str!("../data/LICENSE");
        for (bytes, name) in [(TABLE, "udhr.csv.gz"), (LANGUAGES.as_bytes(), "languages.csv")] {
            let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(license.contains(&format!("{hash}  {name}")), "{hash}  {name}");
        }
    }

    #[test]
    fn every_language_has_a_name() {
        let paragraphs = udhr().unwrap();
        assert_eq!(NAMES.len(), 420);
        for code in paragraphs.languages() {
            assert!(language_name(code).is_some_and(|name| !name.is_empty() && !name.contains('"')), "{code}");
        }
        assert_eq!(language_name("eng"), Some("English"));
    }

    /// Nothing of the test paragraphs is in the others, but for what translators wrote twice.
    #[test]
    fn every_part_has_snippets_of_every_language() {
        let paragraphs = Arc::new(udhr().unwrap());
        for part in [Part::Train, Part::Validation, Part::Test] {
            Snippets::new(paragraphs.clone(), part, 24, 1).unwrap();
        }
    }
}
