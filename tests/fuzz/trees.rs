//! Forests and boosted trees in ONNX files, of classifiers and of regressors.

use std::cell::Cell;

use distill_onnx::Trees;
use ndarray::{Array2, s};

use crate::mutate;
use crate::onnx::{Field, change, encode};
use crate::random::Random;
use crate::run::{Parser, run};

/// Counts what was accepted.
#[derive(Default)]
struct Forest(Cell<usize>);

/// What was accepted is asked one time in so many.
const ASKED: usize = 4;

const FEATURES: usize = 5;

#[test]
fn trees() {
    run(&Forest::default());
}

fn message(field: u64, value: &[u8]) -> Vec<u8> {
    encode(&[Field { key: field << 3 | 2, value: value.to_vec() }])
}

/// A list of whole numbers, one after the other.
fn ints(name: &str, values: &[u8]) -> Vec<u8> {
    message(5, &[message(1, name.as_bytes()), message(8, values)].concat())
}

impl Parser for Forest {
    const NAME: &str = "trees";

    type Parsed = Trees;

    fn corpus(&self) -> Vec<Vec<u8>> {
        vec![
            include_bytes!("../golden/trees/forest-two-names.onnx").to_vec(),
            include_bytes!("../golden/trees/histogram-2-missing.onnx").to_vec(),
            include_bytes!("../golden/trees/imputed-missing.onnx").to_vec(),
            include_bytes!("../golden/trees/light-kinds.onnx").to_vec(),
            include_bytes!("../golden/trees/extreme-2.onnx").to_vec(),
            include_bytes!("../golden/regressors/forest-two.onnx").to_vec(),
            include_bytes!("../golden/regressors/light-parts.onnx").to_vec(),
            include_bytes!("../golden/regressors/voting.onnx").to_vec(),
            include_bytes!("../golden/regressors/linear-two.onnx").to_vec(),
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
        const MANY: usize = 1 << 20;
        let graph = |field: u64, unit: &[u8], n: usize| message(7, &message(field, unit).repeat(n));
        let node = |attributes: &[u8]| {
            let names = [message(1, b"X"), message(2, b"label"), message(2, b"probabilities")].concat();
            let op = [message(4, b"TreeEnsembleClassifier"), message(7, b"ai.onnx.ml")].concat();
            graph(1, &[&names, &op[..], attributes].concat(), 1)
        };
        let labels = ints("classlabels_int64s", &[0, 1]);
        // One tree in which each node is the child of the last, and both children of all are the same.
        let n = 1 << 17;
        let numbers = |from: usize| {
            let mut bytes = vec![];
            for mut value in from..from + n {
                while value >= 0x80 {
                    bytes.push(value as u8 | 0x80);
                    value >>= 7;
                }
                bytes.push(value as u8);
            }
            bytes
        };
        let modes = [message(9, b"BRANCH_LEQ").repeat(n - 1), message(9, b"LEAF")].concat();
        let chain = [
            labels.clone(),
            ints("nodes_treeids", &vec![0; n]),
            ints("nodes_nodeids", &numbers(0)),
            ints("nodes_featureids", &vec![0; n]),
            ints("nodes_truenodeids", &numbers(1)),
            ints("nodes_falsenodeids", &numbers(1)),
            message(5, &[message(1, b"nodes_values"), message(7, &vec![0; 4 * n])].concat()),
            message(5, &[message(1, b"nodes_modes"), modes].concat()),
        ];
        let text = |name: &str, unit: &[u8]| {
            message(5, &[message(1, name.as_bytes()), message(9, unit).repeat(MANY)].concat())
        };
        let tensor = [&[16, 1, 8][..], &[0xff; 8], &[1], &message(8, b"w")].concat();
        vec![
            node(&chain.concat()),
            node(&[labels.clone(), ints("nodes_treeids", &vec![0; MANY])].concat()),
            node(&[labels, text("nodes_modes", b"LEAF")].concat()),
            node(&text("classlabels_strings", b"")),
            node(&text("nodes_modes", b"")),
            node(&ints("classlabels_int64s", &vec![0; MANY])),
            graph(1, b"", MANY),
            graph(5, b"", 1),
            graph(5, &tensor, 1),
            graph(1, &message(1, b"").repeat(MANY), 1),
            graph(1, &message(5, b"").repeat(MANY), 1),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let has = |name: &[u8]| bytes.windows(name.len()).any(|found| found == name);
        let input = if has(b"skl2onnx") || !has(b"input") { "X" } else { "input" };
        let outputs = ["output_probability", "probabilities"];
        let output = outputs.into_iter().find(|output| has(output.as_bytes())).unwrap_or("variable");
        Trees::from_bytes(bytes, input, output, FEATURES).map_err(|error| error.to_string())
    }

    fn check(&self, trees: &Self::Parsed) {
        self.0.set(self.0.get() + 1);
        if !self.0.get().is_multiple_of(ASKED) {
            return;
        }
        // It answers, each row by itself.
        let number = |i: usize, j: usize| [-1.0, f32::NAN, 0.5, 4.0, f32::INFINITY][(i * 3 + j) % 5];
        let inputs = Array2::from_shape_fn((3, FEATURES), |(i, j)| number(i, j));
        let all = trees.answers(inputs.view());
        assert_eq!(all.dim(), (3, trees.n_outputs()));
        let last = trees.answers(inputs.slice(s![2.., ..]));
        assert!(last.iter().zip(all.row(2)).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    fn check_message(&self, message: &str) {
        assert!(!message.is_empty() && message.len() < 2000, "{message}");
    }
}
