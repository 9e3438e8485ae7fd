use std::path::Path;

use distill_datasets::idx::{self, Idx};

use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

struct IdxFile;

#[test]
fn idx() {
    run(&IdxFile);
}

impl Parser for IdxFile {
    const NAME: &str = "idx";

    type Parsed = Idx;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let plain = [
            encode(&[4], &[0, 1, 2, 1]),
            encode(&[2, 3, 2], &[7; 12]),
            encode(&[1, 2, 1, 2], &[9; 4]),
            encode(&[0], &[]),
        ];
        plain.iter().cloned().chain(plain.iter().map(|bytes| gzip(bytes))).collect()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(3) {
            return mutate::bytes(bytes, other, random);
        }
        match content(bytes) {
            Some(mut content) => {
                header(&mut content, other, random);
                *bytes = gzip(&content);
            }
            None => header(bytes, other, random),
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        vec![
            encode(&[2, 2], &[0; 4 << 20]),
            encode(&[1 << 31, 1 << 31], &[0; 4 << 20]),
            encode(&[4 << 20], &vec![1; 4 << 20]),
            gzip(&encode(&[2, 2], &vec![0; 4 << 20])),
            // A name in the header of gzip that does not end.
            [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &[b'a'; 4 << 20]].concat(),
            zeros(400_000),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Idx, String> {
        idx::parse(bytes, Path::new("file")).map_err(|error| error.to_string())
    }

    fn check(&self, parsed: &Idx) {
        let shape: Vec<u32> = parsed.shape.iter().map(|&side| u32::try_from(side).unwrap()).collect();
        let bytes = encode(&shape, &parsed.data);
        assert_eq!(&idx::parse(&bytes, Path::new("file")).unwrap(), parsed);
        assert_eq!(&idx::parse(&gzip(&bytes), Path::new("file.gz")).unwrap(), parsed);
    }
}

/// Changes rank, type or a side, or the bytes anywhere.
fn header(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.len() < 8 {
        return mutate::bytes(bytes, other, random);
    }
    match random.below(6) {
        0 => bytes[3] = random.below(6) as u8,
        1 => bytes[2] = *random.pick(&[0, 7, 8, 9, 0x0b, 0x0d, 0x0e, 0xff]),
        2 | 3 => {
            let side = 4 * (1 + random.below(4));
            let number = mutate::integer(bytes.len(), random) as u32;
            if let Some(place) = bytes.get_mut(side..side + 4) {
                place.copy_from_slice(&number.to_be_bytes());
            }
        }
        // One side more or less, and as many elements as before.
        4 => {
            let n = random.below(4) as u32;
            bytes[3] = bytes[3].wrapping_add(1);
            bytes.splice(4..4, n.to_be_bytes());
        }
        _ => mutate::bytes(bytes, other, random),
    }
}

fn encode(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(shape.len()).unwrap()];
    bytes.extend(shape.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend_from_slice(data);
    bytes
}

const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A gzip file that compresses nothing, so that its content lies open: blocks of at most 65,535 bytes.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut bytes = GZIP_HEADER.to_vec();
    for block in content.chunks(usize::from(u16::MAX)) {
        let len = block.len() as u16;
        bytes.push(0);
        bytes.extend(len.to_le_bytes());
        bytes.extend((!len).to_le_bytes());
        bytes.extend(block);
    }
    // An empty block is the last.
    bytes.extend([1, 0, 0, 0xff, 0xff]);
    bytes.extend(crc32(content).to_le_bytes());
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes
}

/// What a file of [`gzip`] with one block holds.
fn content(bytes: &[u8]) -> Option<Vec<u8>> {
    let block = bytes.strip_prefix(&GZIP_HEADER)?;
    let len = usize::from(u16::from_le_bytes([*block.get(1)?, *block.get(2)?]));
    block.get(5..5 + len).map(<[u8]>::to_vec)
}

/// A gzip file whose content is an IDX header of 2 x 2 bytes and then zeros, 258 for every 13 bits.
fn zeros(n_bytes: usize) -> Vec<u8> {
    let mut bits = vec![];
    // The last block, with the fixed code: a literal is its value + 48 in eight bits.
    bits.extend([1, 1, 0]);
    for byte in encode(&[2, 2], &[0]) {
        bits.extend((0..8).rev().map(|bit| (byte + 48) >> bit & 1));
    }
    // Length 258, distance 1.
    while bits.len() < 8 * n_bytes {
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    let bytes = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit));
    GZIP_HEADER.into_iter().chain(bytes).collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
