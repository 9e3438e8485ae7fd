use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn paragraphs(table: &str) -> Arc<Paragraphs> {
    Arc::new(Paragraphs::parse(format!("split,language,text\n{table}").as_bytes(), "a.csv".as_ref()).unwrap())
}

const TABLE: &str = "train,b,abcd\ntrain,b,xyz\ntrain,a,éü€😀é\ntrain,b,no\ntest,a,test\ntest,b,other\n";

#[test]
fn languages_and_then_places_are_equally_likely() {
    let snippets = Snippets::new(paragraphs(TABLE), Part::Train, 3, 1).unwrap();
    let mut counts = BTreeMap::new();
    const N: u32 = 60_000;
    for index in 0..N {
        let snippet = snippets.get(index);
        assert_eq!(snippet.language, snippets.language(index));
        *counts.entry((snippet.language, snippet.text)).or_insert(0_u32) += 1;
    }
    let found: Vec<_> = counts.keys().copied().collect();
    // Paragraphs that are too short are left out, and so are those of other parts.
    assert_eq!(found, [(0, "éü€"), (0, "ü€😀"), (0, "€😀é"), (1, "abc"), (1, "bcd"), (1, "xyz")]);
    // Five standard deviations of a binomial with p = 1/6.
    assert!(counts.values().all(|count| count.abs_diff(N / 6) < 457), "{counts:?}");
}

#[test]
fn parts_and_seeds_differ() {
    let texts = |part, seed| -> Vec<String> {
        let snippets = Snippets::new(paragraphs(TABLE), part, 3, seed).unwrap();
        (0..50).map(|index| snippets.get(index).text.to_owned()).collect()
    };
    assert_eq!(texts(Part::Train, 1), texts(Part::Train, 1));
    assert_ne!(texts(Part::Train, 1), texts(Part::Train, 2));
    assert!(texts(Part::Test, 1).iter().all(|text| "test other".contains(text)));
}

#[test]
fn a_language_without_a_snippet_is_named() {
    let error = |n_chars| Snippets::new(paragraphs(TABLE), Part::Train, n_chars, 1).unwrap_err().to_string();
    assert_eq!(
        error(5),
        "1 languages have no train paragraph of 5 characters, the first is `b`; ask for shorter snippets"
    );
    assert_eq!(
        error(usize::MAX),
        format!(
            "2 languages have no train paragraph of {} characters, the first is `a`; ask for shorter snippets",
            usize::MAX
        )
    );
    assert!(matches!(
        Snippets::new(paragraphs(TABLE), Part::Validation, 1, 1),
        Err(TextError::TooShort { n_lacking: 2, .. })
    ));
    assert!(matches!(Snippets::new(paragraphs(TABLE), Part::Train, 0, 1), Err(TextError::NoCharacters)));
}

proptest! {
    #[test]
    fn every_snippet_is_part_of_a_paragraph_of_its_language(
        texts in prop::collection::vec("[a-zé€😀]{1,12}", 1..6),
        n_chars in 1_usize..6,
        seed: u64,
    ) {
        let table: String = texts.iter().enumerate().map(|(i, text)| format!("test,l{},{text}\n", i % 2)).collect();
        let paragraphs = paragraphs(&table);
        let Ok(snippets) = Snippets::new(paragraphs.clone(), Part::Test, n_chars, seed) else { return Ok(()) };
        for index in 0..40 {
            let snippet = snippets.get(index);
            prop_assert_eq!(snippet.text.chars().count(), n_chars);
            prop_assert!(paragraphs.iter().any(|p| p.language == snippet.language && p.text.contains(snippet.text)));
        }
    }
}
