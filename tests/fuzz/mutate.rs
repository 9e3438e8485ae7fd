//! Changes to bytes that know nothing of their meaning.

use std::ops::Range;

use crate::random::Random;

/// An input stays small, so that many can be tried; sizes are lied about, not reached.
const MAX_BYTES: usize = 1 << 14;

/// Changes the bytes once. `other` is another input, of which parts are taken.
pub(crate) fn bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const VALUES: &[u8] = &[0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x08, b'"', b'[', b'{', b'=', b'\n', 0x1b];
    let at = random.below(bytes.len());
    match random.below(11) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *random.pick(VALUES);
            }
        }
        3 => bytes.insert(at, *random.pick(VALUES)),
        4 => _ = bytes.drain(range(bytes.len(), random)),
        5 => {
            let part = bytes[range(bytes.len(), random)].to_vec();
            bytes.splice(at..at, part);
        }
        6 => {
            let part: Vec<u8> = bytes.drain(range(bytes.len(), random)).collect();
            let at = random.below(bytes.len());
            bytes.splice(at..at, part);
        }
        7 => bytes.truncate(at),
        8 => {
            let value = *random.pick(VALUES);
            bytes.extend((0..1 + random.below(40)).map(|_| value));
        }
        9 => {
            let part = other[range(other.len(), random)].to_vec();
            bytes.splice(at..(at + part.len()).min(bytes.len()), part);
        }
        _ => {
            let number = integer(bytes.len(), random);
            let wide = random.once_in(2);
            let big = if wide { number.to_be_bytes().to_vec() } else { (number as u32).to_be_bytes().to_vec() };
            put(bytes, at, big, random);
        }
    }
    bytes.truncate(MAX_BYTES);
}

/// Changes a table of CSV, plain or gzip, once: a field of one line becomes one of `fields` or a number, or there is a line
/// more or less.
pub(crate) fn table(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random, fields: &[&str]) {
    if bytes.starts_with(&[0x1f, 0x8b]) || random.once_in(3) {
        return self::bytes(bytes, other, random);
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let line = random.below(lines.len());
    match random.below(4) {
        0 if !lines.is_empty() => _ = lines.remove(line),
        1 if !lines.is_empty() => {
            let copy = random.pick(&lines).clone();
            lines.insert(line, copy);
        }
        _ => {
            if let Some(line) = lines.get_mut(line) {
                let mut row: Vec<String> = line.split(',').map(str::to_owned).collect();
                let at = random.below(row.len());
                row[at] = match random.below(3) {
                    0 => integer(text.len(), random).to_string(),
                    1 => random.below(12).to_string(),
                    _ => random.pick(fields).to_string(),
                };
                *line = row.join(",");
            }
        }
    }
    *bytes = lines.concat().into_bytes();
}

/// Writes a number over the bytes at a place, in one order of bytes or the other.
fn put(bytes: &mut [u8], at: usize, mut number: Vec<u8>, random: &mut Random) {
    if random.once_in(2) {
        number.reverse();
    }
    for (byte, new) in bytes[at..].iter_mut().zip(number) {
        *byte = new;
    }
}

/// A number that a size may be wrong by, where the right one is about `len`.
pub(crate) fn integer(len: usize, random: &mut Random) -> u64 {
    const VALUES: &[u64] = &[
        0,
        1,
        2,
        u64::MAX,
        u64::MAX - 7,
        u64::MAX / 2,
        1 << 63,
        1 << 61,
        u64::MAX / 8,
        u32::MAX as u64,
        1 << 31,
        (1 << 31) - 1,
        1 << 32,
        1 << 20,
        65_535,
        65_536,
        255,
    ];
    match random.below(4) {
        0 => (len as u64).wrapping_add(random.next() % 5).wrapping_sub(2),
        1 => random.next() >> random.below(64),
        _ => *random.pick(VALUES),
    }
}

/// A part, most often a small one.
fn range(len: usize, random: &mut Random) -> Range<usize> {
    let start = random.below(len);
    let longest = if random.once_in(4) { len } else { 16 };
    start..(start + random.below(longest) + 1).min(len)
}
