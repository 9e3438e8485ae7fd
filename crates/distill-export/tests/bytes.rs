//! Files of perceptrons are what they have always been, byte for byte.

use distill_export::{OnnxExport, OnnxExportOptions, to_npz};
use distill_models::{Activation, MlpConfig, Network, Provenance, Trainable as _};

/// FNV-1a of 64 bits, of a file as version 0.1.0 writes it.
fn hash(mut bytes: Vec<u8>) -> u64 {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    if let Some(at) = bytes.windows(version.len()).position(|window| window == version) {
        bytes.splice(at..at + version.len(), *b"0.1.0");
    }
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn perceptrons_have_the_bytes_that_they_had_before_networks() {
    let kinds = [(Activation::Relu, &[][..], 0.0), (Activation::Tanh, &[5, 4], 0.1), (Activation::Gelu, &[3], 0.0)];
    for ((activation, hidden, input_dropout), expected) in kinds.into_iter().zip(EXPECTED) {
        for dropout in [0.0, 0.5] {
            let config =
                MlpConfig { hidden: hidden.to_vec(), activation, dropout, input_dropout, ..MlpConfig::default() };
            let mut model = Network::new(config, vec![1, 2, 3], vec!["a".into(), "é".into()], 1).unwrap();
            let values = model.params_mut().as_mut_slice().iter_mut().enumerate();
            values.for_each(|(i, value)| *value = (i % 17) as f32 / 16.0 - 0.5);
            let provenance = Provenance::from([("seed".to_owned(), "1".to_owned())]);
            let mut found = vec![];
            for (flat, probabilities) in [(false, false), (true, true)] {
                let options = OnnxExportOptions { flat, probabilities, ..OnnxExportOptions::default() };
                found.push(hash(OnnxExport::new(&model, &provenance, options).unwrap().to_bytes().unwrap()));
            }
            found.push(hash(to_npz(&model, &provenance).unwrap()));
            assert_eq!(found, expected, "{activation:?}");
        }
    }
}

/// Of the image, of the flat file with probabilities, and of the npz; dropout changes none.
#[rustfmt::skip]
const EXPECTED: [[u64; 3]; 3] = [
    [0x66e2_2d3f_93fc_327b, 0xe1bc_8be5_7bd8_45e2, 0x8de0_249a_729f_0f8f],
    [0xa4ac_dcf0_f1a2_127d, 0x7c08_a97e_42f1_7dfb, 0x1919_1e9b_9dae_af19],
    [0x23c5_2f64_36e5_58c7, 0xda49_58a9_74b7_9c01, 0x73de_077f_068e_e9b9],
];
