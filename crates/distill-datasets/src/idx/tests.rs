use std::fs;
use std::io::Write;

use distill_tensor::{Philox, Stream};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::random::below;

pub(crate) fn encode(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, U8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend_from_slice(data);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn error(bytes: &[u8]) -> DataError {
    parse(bytes, Path::new("f")).unwrap_err()
}

#[test]
fn says_what_is_wrong_with_a_file() {
    for (bytes, message, offset) in [
        (vec![], "f ends after 0 bytes, expected 4", 0),
        (vec![0, 0, 8], "f ends after 3 bytes, expected 4", 3),
        (vec![0, 0, 8, 2, 0, 0, 0, 1, 0], "f ends after 9 bytes, expected 12", 9),
        (b"\x89PNG....".to_vec(), "f is not an IDX file: it starts with 89 50, expected 00 00", 0),
        (vec![0, 0, 0x0d, 1], "f holds elements of type 0x0d (f32), expected 0x08 (u8)", 2),
        (vec![0, 0, 0x07, 1], "f holds elements of type 0x07 (unknown), expected 0x08 (u8)", 2),
        (vec![0, 0, 8, 0], "f has 0 dimensions, expected 1 to 4", 3),
        (vec![0, 0, 8, 255], "f has 255 dimensions, expected 1 to 4", 3),
        (
            encode(&[u32::MAX, u32::MAX, 2], &[]),
            "f promises the shape [4294967295, 4294967295, 2], more than memory can hold",
            4,
        ),
        (encode(&[2, 2], &[1, 2, 3]), "f ends after 15 bytes, expected 16", 15),
        (encode(&[2, 2], &[1, 2, 3, 4, 5]), "f has 17 bytes, but its header promises 16", 16),
        // Nothing can reserve four exbibytes, so this would fail if the header were believed.
        (encode(&[1 << 31, 1 << 31], &[]), "f ends after 12 bytes, expected 4611686018427387916", 12),
    ] {
        let error = error(&bytes);
        assert_eq!((error.to_string().as_str(), error.offset()), (message, Some(offset)));
        assert_eq!(error.path(), Some(Path::new("f")));
    }
}

#[test]
fn says_what_is_wrong_with_a_gzip_file() {
    let honest = gzip(&encode(&[2, 2], &[1, 2, 3, 4]));
    assert_eq!(parse(&honest, Path::new("f")).unwrap().data, [1, 2, 3, 4]);

    let message = |bytes: &[u8]| error(bytes).to_string();
    assert_eq!(message(&gzip(&[0, 0, 8])), "f ends after 3 bytes, expected 4");
    assert_eq!(message(&gzip(&encode(&[2, 2], &[1, 2]))), "f ends after 14 bytes, expected 16");
    assert_eq!(
        message(&gzip(&encode(&[2], &[0; 1 << 20]))),
        "f decompresses to more than the 10 bytes that its header promises"
    );
    let lie = gzip(&encode(&[1 << 31, 1 << 31], &[]));
    assert_eq!(
        message(&lie),
        format!("f promises 4611686018427387916 bytes, more than {} bytes of gzip can hold", lie.len())
    );
    for garbage in [&honest[..], &[0]] {
        let n = honest.len();
        let error = error(&[&honest, garbage].concat());
        assert_eq!(error.to_string(), format!("f has more bytes after its gzip stream, from byte {n}"));
        assert_eq!(error.offset(), Some(n as u64));
    }
    // Cut anywhere, the length and the checksum included.
    for n in 2..honest.len() {
        assert_eq!(message(&honest[..n]), "f is not a sound gzip file", "{n}");
    }
    let mut flipped = honest.clone();
    let crc = honest.len() - 8;
    flipped[crc] ^= 1;
    assert_eq!(message(&flipped), "f is not a sound gzip file");
}

#[test]
fn as_much_as_gzip_can_compress_is_read() {
    let zeros = encode(&[1 << 24], &vec![0; 1 << 24]);
    let compressed = gzip(&zeros);
    assert!(zeros.len() / compressed.len() > 1000);
    assert_eq!(parse(&compressed, Path::new("f")).unwrap().data.len(), 1 << 24);
}

#[test]
fn the_contents_of_a_file_decide_and_not_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = encode(&[3], &[1, 2, 3]);
    let expected = Idx { shape: vec![3], data: vec![1, 2, 3] };
    for (name, contents) in [("plain.gz", bytes.clone()), ("gzip", gzip(&bytes))] {
        let path = dir.path().join(name);
        fs::write(&path, contents).unwrap();
        assert_eq!(read(&path).unwrap(), expected);
    }
    let message = |path: &Path| match read(path).unwrap_err() {
        DataError::Io { path: actual, source } if actual == path => source.to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(message(dir.path()), "it is no regular file");
    assert!(message(&dir.path().join("absent")).contains("No such file"));
}

#[test]
fn a_file_on_disk_is_checked_against_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    for (bytes, expected) in [
        (encode(&[1 << 31, 1 << 31], &[]), "ends after 12 bytes, expected 4611686018427387916"),
        (encode(&[1], &[1, 2]), "has 10 bytes, but its header promises 9"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.ends_with(expected), "{message}");
    }
}

/// Twenty thousand damaged files: each is refused, or it is what its header says.
#[test]
fn survives_mutation() {
    let seeds = [
        encode(&[5], &[0, 1, 2, 3, 4]),
        encode(&[2, 3], &[9; 6]),
        encode(&[2, 2, 3], &[7; 12]),
        encode(&[1, 2, 2, 2], &[255; 8]),
        encode(&[0, 28, 28], &[]),
    ];
    let mut n_accepted = 0;
    for i in 0..20_000_u32 {
        let rng = &mut Philox::new(1, Stream::Augment, 0, i);
        let mut bytes = seeds[below(rng, seeds.len())].clone();
        let compressed = below(rng, 2) == 0;
        let inside = below(rng, 2) == 0;
        if !compressed || inside {
            mutate(&mut bytes, rng);
        }
        let mut file = if compressed { gzip(&bytes) } else { bytes.clone() };
        if compressed && !inside {
            mutate(&mut file, rng);
        }
        if let Ok(idx) = parse(&file, Path::new("f")) {
            n_accepted += 1;
            let shape: Vec<_> = idx.shape.iter().map(|&side| side as u32).collect();
            assert_eq!(encode(&shape, &idx.data), bytes);
        }
    }
    assert!((100..15_000).contains(&n_accepted), "{n_accepted}");
}

/// One to three changes, with a preference for the header and for extreme values.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Philox) {
    for _ in 0..=below(rng, 3) {
        let near = bytes.len().clamp(1, 24);
        let at = below(rng, near);
        match below(rng, 7) {
            0 => bytes.truncate(at),
            1 => bytes.extend((0..=below(rng, 40)).map(|i| i as u8)),
            2 => bytes.insert(at.min(bytes.len()), below(rng, 256) as u8),
            3 if bytes.len() > at => drop(bytes.remove(at)),
            4 if bytes.len() > 3 => bytes[3] = below(rng, 6) as u8,
            5 if bytes.len() >= 8 => {
                let side = [0, 1, 2, 5, 1 << 16, 1 << 31, u32::MAX][below(rng, 7)].to_be_bytes();
                let start = (4 * (1 + below(rng, 4))).min(bytes.len() - 4);
                bytes[start..start + 4].copy_from_slice(&side);
            }
            _ => {
                let any = below(rng, bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(any) {
                    *byte ^= 1 << below(rng, 8);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn reads_what_was_written(shape in prop::collection::vec(0_u32..6, 1..=4), byte: u8) {
        let n = shape.iter().product::<u32>();
        let data: Vec<_> = (0..n).map(|i| byte.wrapping_add(i as u8)).collect();
        let bytes = encode(&shape, &data);
        for file in [gzip(&bytes), bytes] {
            let idx = parse(&file, Path::new("f")).unwrap();
            prop_assert_eq!(&idx.data, &data);
            prop_assert!(idx.shape.iter().zip(&shape).all(|(&a, &b)| a == b as usize));
        }
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), gzip: bool) {
        let magic: &[u8] = if gzip { &GZIP_MAGIC } else { &[0, 0, U8] };
        let _ = parse(&[magic, &bytes].concat(), Path::new("f"));
    }
}
