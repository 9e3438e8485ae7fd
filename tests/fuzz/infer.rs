use distill_infer::{Scratch, Student};
use distill_models::{Activation, MlpConfig, Model, Network, Provenance, from_safetensors, to_safetensors};
use ndarray::Array2;

use crate::random::Random;
use crate::run::{Parser, run};
use crate::safetensors;

const KEY: &str = "distill";

struct StudentFile;

#[test]
fn infer() {
    run(&StudentFile);
}

impl Parser for StudentFile {
    const NAME: &str = "student";

    /// With its bytes, which the reader of the other crate may accept, too.
    type Parsed = (Student, Vec<u8>);

    fn corpus(&self) -> Vec<Vec<u8>> {
        let encode = |hidden: &[usize], activation, shape: &[usize]| {
            let config = MlpConfig { hidden: hidden.to_vec(), activation, dropout: 0.5, ..MlpConfig::default() };
            let model = Network::new(config, shape.to_vec(), vec!["a".into(), "é\n𝄞".into()], 1).unwrap();
            to_safetensors(&model, &Provenance::from([("seed".to_owned(), "1".to_owned())])).unwrap()
        };
        vec![encode(&[], Activation::Relu, &[3]), encode(&[3, 2], Activation::Gelu, &[1, 2, 2])]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        safetensors::mutate(bytes, other, KEY, random);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let description = serde_json::json!({
            "version": 1, "model": { "hidden": [] }, "input_shape": [3], "classes": [], "provenance": {},
        });
        let mut large = safetensors::large(KEY, &description);
        large.push(overlapping());
        large
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let student = Student::from_safetensors(bytes).map_err(|error| error.to_string())?;
        Ok((student, bytes.to_vec()))
    }

    fn check(&self, (student, bytes): &Self::Parsed) {
        let mut scratch = Scratch::default();
        let input: Vec<f32> = (0..student.features()).map(|i| i as f32 / 4.0 - 0.5).collect();
        let logits = student.logits(&input, &mut scratch).unwrap().to_vec();
        assert_eq!(logits.len(), student.classes().len());
        if let Ok((model, _)) = from_safetensors(bytes) {
            let expected = model.logits(Array2::from_shape_vec((1, input.len()), input).unwrap().view()).unwrap();
            for (actual, expected) in logits.iter().zip(&expected) {
                // Weights that were changed may be so large that nothing is left of the sums.
                let close = (actual - expected).abs() <= 1e-4 * expected.abs().max(1.0);
                assert!(close || !expected.is_finite() || expected.abs() > 1e4, "{logits:?} {expected:?}");
            }
            assert_eq!(
                (student.classes(), student.input_shape()),
                (&model.spec().classes[..], &model.spec().input_shape[..])
            );
        }
    }
}

/// Thousands of layers, all in one place of the file.
fn overlapping() -> Vec<u8> {
    const WIDTH: usize = 1000;
    let end = 4 * WIDTH * WIDTH;
    let n_layers = 1500;
    let entry = |name: String, shape: String, end: usize| {
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[0,{end}]}}")
    };
    let mut entries = vec![];
    for name in (0..n_layers).map(|i| format!("hidden.{i}")).chain(["output".to_owned()]) {
        entries.push(entry(format!("{name}.weight"), format!("{WIDTH},{WIDTH}"), end));
        entries.push(entry(format!("{name}.bias"), format!("{WIDTH}"), 4 * WIDTH));
    }
    let classes: Vec<_> = (0..WIDTH).map(|class| class.to_string()).collect();
    let description = serde_json::json!({
        "version": 1, "model": { "hidden": vec![WIDTH; n_layers] }, "input_shape": [WIDTH], "classes": classes,
        "provenance": {},
    });
    let metadata = serde_json::json!({ KEY: description.to_string() });
    let header = format!("{{\"__metadata__\":{metadata},{}}}", entries.join(","));
    safetensors::join(header.as_bytes(), &vec![0; end])
}
