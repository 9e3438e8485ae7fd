use distill_models::{EmbeddingConfig, MlpConfig, Network, Provenance, to_safetensors};
use proptest::prelude::*;

use super::*;

fn model() -> Vec<u8> {
    let config = MlpConfig { hidden: vec![5, 4], ..MlpConfig::default() };
    let classes = ["a", "b\u{1b}[2J"].map(String::from).to_vec();
    let model = Network::new(config, vec![1, 2, 3], classes, 3).unwrap();
    to_safetensors(&model, &Provenance::from([("seed".to_owned(), "3".to_owned())])).unwrap()
}

fn inspected(name: &str, bytes: &[u8]) -> Result<Facts, Diagnostic> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    facts(&path)
}

#[test]
fn first_bytes_are_shown() {
    assert_eq!(shown(b"\x7fELF\x02\x01\x01\0\0"), "7f 45 4c 46 02 01 01 00");
    assert_eq!(shown(b"PK zip"), "50 4b 20 7a 69 70 (`PK zip`)");
}

#[test]
fn the_lines_of_a_model_are_short() {
    let facts = inspected("m", &model()).unwrap();
    let too_long: Vec<_> = facts.text().lines().filter(|line| line.chars().count() > 80).collect();
    assert!(too_long.is_empty(), "{too_long:?}");
}

#[test]
fn a_model_with_a_table_is_sound() {
    let embedding = Some(EmbeddingConfig { buckets: 9 });
    let config = MlpConfig { hidden: vec![5, 4], embedding, ..MlpConfig::default() };
    let model = Network::new(config, vec![6], vec!["a".into(), "b".into()], 3).unwrap();
    let facts = inspected("m", &to_safetensors(&model, &Provenance::new()).unwrap()).unwrap();
    let text = facts.text();
    assert!(text.contains("9-5-4-2, 84 parameters") && text.contains("\nembedding.weight    9x5 "), "{text}");
    assert!(text.contains("all weights are present and finite"), "{text}");
}

#[test]
fn every_cut_of_a_model_is_an_error() {
    let model = model();
    for n in 0..model.len() {
        let error = inspected("m", &model[..n]).map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 5, "cut at {n}: {error}");
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(
        kind in 0_usize..4,
        tail in prop::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let idx = [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[1, 2, 3]].concat();
        let toml = b"student = { model = { hidden = [3] } }\n".to_vec();
        let mut bytes = [model(), idx, toml, b"{\"recipe\": \"r\", \"models\": []}".to_vec()][kind].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.extend(&tail);
        if let Err(error) = inspected("x.toml", &bytes) {
            prop_assert!([3, 4, 5].contains(&error.exit_code()), "{}", error);
        }
    }
}
