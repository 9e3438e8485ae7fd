//! The filterbank against torchaudio: values and their script are in `golden/`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use distill_audio::{Filterbank, FilterbankConfig};
use serde_json::Value;

const TOLERANCE: f64 = 1e-4;

#[test]
fn log_mel_is_that_of_torchaudio() {
    let golden: Value = serde_json::from_str(include_str!("golden/log_mel.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let samples: Vec<f32> = list(&case["samples"]).map(|sample| sample as f32 / 32768.0).collect();
        let mut filterbank = Filterbank::new(config(&case["config"])).unwrap();
        let found = filterbank.log_mel(&samples);
        let expected = case["log_mel"].as_array().unwrap();
        assert!(expected.len() > 10);
        assert_eq!(found.dim(), (expected.len(), filterbank.config().bands));
        let mut worst = 0.0_f64;
        for (found, expected) in found.outer_iter().zip(expected) {
            for (found, expected) in found.iter().zip(list(expected)) {
                worst = worst.max((f64::from(*found) - expected).abs());
            }
        }
        println!("{}: at most {worst:.1e} from torchaudio", case["name"]);
        assert!(worst < TOLERANCE, "{}: {worst}", case["name"]);
    }
}

fn config(numbers: &Value) -> FilterbankConfig {
    let integer = |name: &str| numbers[name].as_u64().unwrap() as usize;
    let real = |name: &str| numbers[name].as_f64().unwrap();
    FilterbankConfig {
        rate: integer("rate") as u32,
        window: integer("window"),
        step: integer("step"),
        n_fft: integer("n_fft"),
        bands: integer("bands"),
        low_hz: real("low_hz"),
        high_hz: real("high_hz"),
        floor: real("floor"),
    }
}

fn list(values: &Value) -> impl Iterator<Item = f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap())
}
