use distill_models::{
    Activation, EmbeddingConfig, MlpConfig, Model, ModelConfig, Network, Provenance, TextCnnConfig, Trainable,
    from_safetensors, to_safetensors,
};

use crate::random::Random;
use crate::run::{Parser, run};
use crate::safetensors;

/// The entry of the metadata that is ours.
const KEY: &str = "distill";

struct ModelFile;

#[test]
fn model() {
    run(&ModelFile);
}

impl Parser for ModelFile {
    const NAME: &str = "model";

    type Parsed = (Network, Provenance);

    fn corpus(&self) -> Vec<Vec<u8>> {
        let small = MlpConfig { hidden: vec![], ..MlpConfig::default() };
        let large = MlpConfig {
            hidden: vec![3, 2],
            activation: Activation::Tanh,
            dropout: 0.5,
            max_norm: Some(2.0),
            ..MlpConfig::default()
        };
        let provenance = Provenance::from([("seed".to_owned(), "1".to_owned())]);
        let encode = |config: ModelConfig, shape: &[usize]| {
            let model = Network::new(config, shape.to_vec(), vec!["a".into(), "é".into()], 1).unwrap();
            to_safetensors(&model, &provenance).unwrap()
        };
        let embedding = Some(EmbeddingConfig { buckets: 5 });
        let sparse = MlpConfig { hidden: vec![2], embedding, ..MlpConfig::default() };
        let text = TextCnnConfig { tokens: 7, dims: 2, widths: vec![1, 3], filters: 2, ..TextCnnConfig::default() };
        let perceptrons = [encode(small.into(), &[3]), encode(large.into(), &[1, 2, 2]), encode(sparse.into(), &[4])];
        perceptrons.into_iter().chain([encode(text.into(), &[5])]).collect()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        safetensors::mutate(bytes, other, KEY, random);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let description = serde_json::json!({
            "version": 1, "model": { "hidden": [] }, "input_shape": [3], "classes": [], "provenance": {},
        });
        safetensors::large(KEY, &description)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        from_safetensors(bytes).map_err(|error| error.to_string())
    }

    fn check(&self, (model, provenance): &Self::Parsed) {
        let bytes = to_safetensors(model, provenance).unwrap();
        let (again, provenance_again) = from_safetensors(&bytes).unwrap();
        assert_eq!(again.spec(), model.spec());
        assert_eq!(again.config(), model.config());
        assert_eq!(again.params(), model.params());
        assert_eq!(&provenance_again, provenance);
    }
}
