//! ONNX files, changed as trees: a message is a list of fields, of which some are messages.

use distill_export::{OnnxExport, OnnxExportOptions, compare};
use distill_models::{Activation, CnnConfig, MlpConfig, Network, Provenance};

use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

struct OnnxFile;

#[test]
fn onnx() {
    run(&OnnxFile);
}

impl Parser for OnnxFile {
    const NAME: &str = "onnx";

    type Parsed = OnnxExport;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let encode = |hidden: &[usize], activation, shape: &[usize], probabilities| {
            let options = OnnxExportOptions { probabilities, ..OnnxExportOptions::default() };
            let provenance = Provenance::from([("seed".to_owned(), "1".to_owned())]);
            OnnxExport::new(&model(hidden, activation, shape), &provenance, options).unwrap().to_bytes().unwrap()
        };
        let config =
            CnnConfig { channels: vec![2], hidden: vec![3], activation: Activation::Relu6, ..CnnConfig::default() };
        let network = Network::new(config, vec![1, 4, 3], vec!["a".into(), "é".into()], 1).unwrap();
        let options = OnnxExportOptions { keep_batch_norm: true, ..OnnxExportOptions::default() };
        vec![
            encode(&[], Activation::Relu, &[3], false),
            encode(&[3, 2], Activation::Gelu, &[1, 2, 2], true),
            OnnxExport::new(&network, &Provenance::new(), options).unwrap().to_bytes().unwrap(),
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
        let more = |key: u64, unit: &[u8]| {
            let field = encode(&[Field { key, value: unit.to_vec() }]);
            [&good[..], &field.repeat((4 << 20) / field.len())].concat()
        };
        // Graphs, operators, metadata, messages in messages, sides of a tensor and of a port, and nodes.
        let nested = (0..2000).fold(vec![], |inner, _| encode(&[Field { key: 7 << 3 | 2, value: inner }]));
        let graph = |field: u64, unit: &[u8], n: usize| {
            let inner = encode(&[Field { key: field << 3 | 2, value: unit.to_vec() }]).repeat(n);
            encode(&[Field { key: 7 << 3 | 2, value: inner }])
        };
        let sides = [8, 1].repeat(2 << 20);
        let node = b"\x0a\x05input\x12\x01y\x22\x04Relu";
        vec![
            more(7 << 3 | 2, b""),
            more(8 << 3 | 2, b""),
            more(14 << 3 | 2, b"\x0a\x01a"),
            classes(4 << 20),
            classes(500 << 10),
            nested,
            graph(5, &sides, 1),
            graph(5, b"", 1 << 21),
            graph(11, &[&[0x12, 0x84, 0x80, 0x80, 0x02, 0x0a][..], &sides].concat(), 1),
            graph(1, node, 1 << 18),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        OnnxExport::from_bytes(bytes).map_err(|error| error.to_string())
    }

    fn check(&self, model: &Self::Parsed) {
        let again = OnnxExport::from_bytes(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(&again, model);
        let n_classes = model.classes().len();
        // Whatever is accepted can be run; another model has other answers, or the same.
        let config = MlpConfig::default();
        if let Ok(other) = Network::new(config, model.input_shape().to_vec(), model.classes().to_vec(), 1) {
            let _ = compare(&other, model);
        }
        assert_eq!(model.ports()[1][0].1, [n_classes]);
    }
}

/// A file whose names of classes, of no letters, have so many bytes.
fn classes(n_bytes: usize) -> Vec<u8> {
    let names = format!("[{}\"\"]", "\"\",".repeat(n_bytes / 3));
    let entry =
        [Field { key: 1 << 3 | 2, value: b"classes".to_vec() }, Field { key: 2 << 3 | 2, value: names.into_bytes() }];
    let good = OnnxExport::new(&model(&[], Activation::Relu, &[3]), &Provenance::new(), OnnxExportOptions::default());
    [good.unwrap().to_bytes().unwrap(), encode(&[Field { key: 14 << 3 | 2, value: encode(&entry) }])].concat()
}

fn model(hidden: &[usize], activation: Activation, shape: &[usize]) -> Network {
    let config = MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() };
    Network::new(config, shape.to_vec(), vec!["a".into(), "é".into()], 1).unwrap()
}

/// A field: its number and type, and its bytes or those of its integer.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) key: u64,
    pub(crate) value: Vec<u8>,
}

fn is_bytes(key: u64) -> bool {
    key & 7 == 2
}

/// The fields of a message, nothing for bytes that are none.
fn decode(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => {
                let mut value = vec![];
                put(varint(&mut bytes)?, &mut value);
                value
            }
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                value.to_vec()
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

pub(crate) fn encode(fields: &[Field]) -> Vec<u8> {
    let mut bytes = vec![];
    for Field { key, value } in fields {
        put(*key, &mut bytes);
        if is_bytes(*key) {
            put(value.len() as u64, &mut bytes);
        }
        bytes.extend_from_slice(value);
    }
    bytes
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for i in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The message with one change, the lengths of all around it being right.
pub(crate) fn change(message: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let Some(mut fields) = decode(message).filter(|fields| !fields.is_empty()) else {
        let mut bytes = message.to_vec();
        mutate::bytes(&mut bytes, other, random);
        return bytes;
    };
    let (at, to) = (random.below(fields.len()), random.below(fields.len()));
    match random.below(12) {
        0 => _ = fields.remove(at),
        1 => fields.insert(to, fields[at].clone()),
        2 => fields.swap(at, to),
        3 => fields[at].value = fields[to].value.clone(),
        4 => fields[at].key = fields[to].key,
        _ if !is_bytes(fields[at].key) => {
            let mut value = vec![];
            put(mutate::integer(4, random), &mut value);
            fields[at].value = value;
        }
        _ => fields[at].value = change(&fields[at].value, other, random),
    }
    encode(&fields)
}
