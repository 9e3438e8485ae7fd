//! Arrays of NumPy as files, alone and packed.

use std::path::{Path, PathBuf};

use distill_datasets::npy::Array;
use distill_datasets::npz::Npz;
use distill_datasets::{ArrayFolder, DataError, Split};
use tempfile::TempDir;

use crate::npz::{join, join_deflated, split};
use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

/// A folder in which each input becomes a file: in memory where the system has such a place, which is a hundred times as fast
/// as a disk.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

pub(crate) fn message<T>(result: Result<T, DataError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// As `numpy.save` writes it, with a header as short as it can be.
fn encode(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn arrays() -> Vec<Vec<u8>> {
    let floats: Vec<u8> = [1.5_f32, -2.0, 0.0, 7.25].iter().flat_map(|value| value.to_le_bytes()).collect();
    vec![
        encode("<f4", "2, 2", &floats),
        encode("|u1", "2, 1, 2", &[0, 255, 3, 4]),
        encode("<f2", "3,", &[0, 60, 0, 64, 0, 188]),
        encode("<i8", "1,", &7_i64.to_le_bytes()),
        encode("<f8", "0, 3", &[]),
    ]
}

/// Changes the text of the header, or the bytes anywhere.
fn change_array(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if random.once_in(2) {
        return mutate::bytes(bytes, other, random);
    }
    let n = bytes.len().min(10);
    let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1).max(n);
    let mut header: Vec<u8> = bytes.drain(n..end).collect();
    tokens::text(&mut header, random);
    if let Some(len) = bytes.get_mut(8..10) {
        len.copy_from_slice(&(header.len() as u16).to_le_bytes());
    }
    bytes.splice(n..n, header);
}

struct NpyFile(Folder);

#[test]
fn npy() {
    run(&NpyFile(Folder::new()));
}

impl Parser for NpyFile {
    const NAME: &str = "npy";

    type Parsed = (Vec<usize>, Vec<f32>);

    fn corpus(&self) -> Vec<Vec<u8>> {
        arrays()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        change_array(bytes, other, random);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        vec![
            encode("<f8", "4294967296, 4294967296", &[0; 1000]),
            encode("<f4", "99999999999,", &[0; 1000]),
            encode("<f4", "0, 18446744073709551615, 18446744073709551615", &[]),
            [&b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..], &[b' '; 1000]].concat(),
            encode("|O", "1000000,", &[0; 1_000_000]),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.npy", bytes);
        let array = message(Array::open(&path))?;
        let shape = array.shape.clone();
        Ok((shape, array.into_f32().map_err(|error| error.to_string())?))
    }

    fn check(&self, (shape, values): &Self::Parsed) {
        assert_eq!(shape.iter().product::<usize>(), values.len());
    }
}

struct NpzArrays(Folder);

#[test]
fn npz_arrays() {
    run(&NpzArrays(Folder::new()));
}

impl Parser for NpzArrays {
    const NAME: &str = "npz_arrays";

    const SET: usize = 32 << 20;

    type Parsed = Vec<(String, usize)>;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let names = ["x_train", "y_train", "x_test", "y_test", "train"];
        let member = |(name, bytes): (&str, Vec<u8>)| (format!("{name}.npy").into_bytes(), bytes);
        let members: Vec<_> = names.into_iter().zip(arrays()).map(member).collect();
        vec![join(&members), join(&members[..2]), join(&[])]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        let mut members = split(bytes);
        if members.is_empty() || random.once_in(3) {
            return mutate::bytes(bytes, other, random);
        }
        let at = random.below(members.len());
        change_array(&mut members[at].1, other, random);
        *bytes = join(&members);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let many: Vec<_> = (0..40_000).map(|i| (format!("{i}.npy").into_bytes(), vec![])).collect();
        // 200 MB that are 200 KB, and 24 MB of f8 that become 12.
        let zeros = |inputs: Vec<u8>, n: usize| {
            let labels = encode("|u1", &format!("{n},"), &vec![0; n]);
            join_deflated(&[(b"x_train.npy".to_vec(), inputs), (b"y_train.npy".to_vec(), labels)])
        };
        vec![
            join(&many),
            join(&[(b"x.npy".to_vec(), encode("<f4", "1000000,", &vec![0; 4_000_000]))]),
            zeros(encode("|u1", "200000, 1000", &vec![0; 200_000_000]), 200_000),
            zeros(encode("<f8", "3000, 1000", &vec![0; 24_000_000]), 3000),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.npz", bytes);
        let mut npz = message(Npz::open(&path))?;
        let mut found = vec![];
        for name in npz.names().into_iter().take(5) {
            let Some(array) = message(npz.array(&name))? else { return Err(format!("{name} is gone")) };
            // Whoever reads an array knows its size before.
            if array.shape.iter().fold(4_usize, |product, &side| product.saturating_mul(side)) > Self::SET {
                return Err(format!("{name} is large"));
            }
            found.push((name, array.into_f32().map_err(|error| error.to_string())?.len()));
        }
        // As a set it must not panic either, and not take more than it may.
        let folder = message(ArrayFolder::find(&path))?.ok_or("no file")?;
        let _ = folder.load(Split::Train, None, Self::SET as u64);
        Ok(found)
    }

    fn check(&self, found: &Self::Parsed) {
        assert!(found.len() <= 5);
    }
}
