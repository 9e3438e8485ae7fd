//! Networks of other programs in ONNX files.

use std::cell::Cell;
use std::collections::BTreeMap;

use distill_export::{FromOnnx, OnnxExport, OnnxExportOptions, frozen_network_from_onnx, network_from_onnx};
use distill_models::{Model as _, Provenance, Trainable as _};
use distill_onnx::{external_files, with_weights_inside};
use ndarray::{Array2, s};

use crate::mutate;
use crate::onnx::{Field, change, encode};
use crate::random::Random;
use crate::run::{Parser, run};

/// Counts what was accepted.
#[derive(Default)]
struct OnnxNetwork(Cell<usize>);

/// What was accepted is read again one time in so many, as that takes as long as many inputs.
const READ_AGAIN: usize = 16;

#[test]
fn from_onnx() {
    run(&OnnxNetwork::default());
}

/// The same to be asked alone, for which more is possible.
#[derive(Default)]
struct Frozen(OnnxNetwork);

#[test]
fn frozen_from_onnx() {
    run(&Frozen::default());
}

/// The same with weights in another file.
#[derive(Default)]
struct Beside(OnnxNetwork);

#[test]
fn beside_onnx() {
    run(&Beside::default());
}

fn message(field: u64, value: &[u8]) -> Vec<u8> {
    encode(&[Field { key: field << 3 | 2, value: value.to_vec() }])
}

impl Parser for OnnxNetwork {
    const NAME: &str = "from_onnx";

    type Parsed = FromOnnx;

    fn corpus(&self) -> Vec<Vec<u8>> {
        vec![
            include_bytes!("../golden/from_pytorch/depthwise.raw.onnx").to_vec(),
            include_bytes!("../golden/from_pytorch/depthwise.training.onnx").to_vec(),
            include_bytes!("../golden/from_pytorch/plain.script.onnx").to_vec(),
        ]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(8) {
            mutate::bytes(bytes, other, random);
        } else {
            *bytes = change(bytes, other, random);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let good = self.corpus().swap_remove(0);
        let graph =
            |field: u64, unit: &[u8], n: usize| [&good[..], &message(7, &message(field, unit).repeat(n))].concat();
        let only = |field: u64, unit: &[u8], n: usize| message(7, &message(field, unit).repeat(n));
        let node = b"\x0a\x01x\x12\x01y\x22\x04Relu";
        // Tensors of many sides, many tensors, many nodes, attributes, inputs of a node, and names; a tensor that many expand.
        let expand: Vec<u8> = [message(1, b"a"), message(1, b"n"), message(2, b"b"), message(4, b"Expand")].concat();
        let number = [&[16, 1][..], &message(8, b"a"), &message(9, &[0; 4])].concat();
        let size = [&[8, 1, 16, 7][..], &message(8, b"n"), &message(9, &(1_i64 << 40).to_le_bytes())].concat();
        let bomb = [message(5, &number), message(5, &size), message(1, &expand).repeat(1 << 14)].concat();
        vec![
            graph(1, node, 1 << 18),
            only(1, node, 1 << 18),
            only(1, &message(5, b"").repeat(1 << 20), 1),
            only(1, &message(1, b"").repeat(1 << 20), 1),
            only(5, &[8, 1].repeat(1 << 20), 1),
            only(5, b"", 1 << 20),
            only(5, &[&[16, 7][..], &[56, 1].repeat(1 << 20)].concat(), 1),
            only(11, &message(1, &vec![b'a'; 1 << 20]), 4),
            only(12, b"", 1 << 20),
            message(14, b"").repeat(1 << 20),
            message(7, &bomb),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        network_from_onnx(bytes).map_err(|error| error.to_string())
    }

    fn check(&self, found: &Self::Parsed) {
        let names = (0..found.n_classes()).map(|class| class.to_string()).collect();
        let network = match found.network(names) {
            Ok(network) => network,
            // Such as a layer that no plan has a place for.
            Err(error) => return assert!(!error.to_string().is_empty()),
        };
        self.0.set(self.0.get() + 1);
        if !self.0.get().is_multiple_of(READ_AGAIN) {
            return;
        }
        // What was accepted can be written, and is the same network then, but for dropout.
        let options = OnnxExportOptions { keep_batch_norm: true, ..OnnxExportOptions::default() };
        let bytes = OnnxExport::new(&network, &Provenance::new(), options).unwrap().to_bytes().unwrap();
        let again = network_from_onnx(&bytes).unwrap().network(network.spec().classes.clone()).unwrap();
        assert_eq!(again.params().as_slice(), network.params().as_slice());
    }

    fn check_message(&self, message: &str) {
        assert!(!message.is_empty() && message.len() < 2000, "{message}");
    }
}

impl Parser for Frozen {
    const NAME: &str = "frozen_from_onnx";

    type Parsed = FromOnnx;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let shortened = include_bytes!("../golden/from_pytorch/shortened.script.onnx").to_vec();
        // The second is one in training, which is refused here.
        let others = self.0.corpus().into_iter().step_by(2);
        [shortened.clone(), shortened].into_iter().chain(others).collect()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        self.0.mutate(bytes, other, random);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        self.0.large()
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        frozen_network_from_onnx(bytes, None).map_err(|error| error.to_string())
    }

    fn check(&self, found: &Self::Parsed) {
        let names = (0..found.n_classes()).map(|class| class.to_string()).collect();
        let network = match found.network(names) {
            Ok(network) => network,
            Err(error) => return assert!(!error.to_string().is_empty()),
        };
        self.0.0.set(self.0.0.get() + 1);
        // It answers, where that takes no longer than others do, and each row by itself.
        if network.graph().macs() < 1 << 20 && self.0.0.get().is_multiple_of(READ_AGAIN) {
            let inputs = Array2::from_shape_fn((2, network.spec().features()), |(i, j)| ((i + j) % 7) as f32 / 7.0);
            let both = network.logits(inputs.view()).unwrap();
            let second = network.logits(inputs.slice(s![1.., ..])).unwrap();
            assert!(second.iter().zip(both.row(1)).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    fn check_message(&self, message: &str) {
        self.0.check_message(message);
    }
}

impl Parser for Beside {
    const NAME: &str = "beside_onnx";

    type Parsed = Vec<u8>;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let file = include_bytes!("../golden/from_pytorch/plain.beside.onnx").to_vec();
        vec![file.clone(), file, include_bytes!("../golden/from_pytorch/plain.dynamo.onnx").to_vec()]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        self.0.mutate(bytes, other, random);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        self.0.large()
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let data = include_bytes!("../golden/from_pytorch/plain.beside.onnx.data").to_vec();
        let beside = BTreeMap::from([("plain.beside.onnx.data".to_owned(), data)]);
        let whole = with_weights_inside(bytes, &beside).map_err(|error| error.to_string())?;
        Ok(whole.into_owned())
    }

    fn check(&self, whole: &Self::Parsed) {
        // Nothing is elsewhere any more, so that nothing changes once more.
        assert_eq!(external_files(whole), Ok(vec![]));
        if let Ok(network) = network_from_onnx(whole) {
            self.0.check(&network);
        }
    }

    fn check_message(&self, message: &str) {
        assert!(!message.is_empty(), "{message}");
    }
}
