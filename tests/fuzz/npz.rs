//! Archives of arrays, changed in a member, with checksums and lengths that are right.

use std::io::Write as _;

use distill_export::{from_npz, to_npz};
use distill_models::{Activation, CnnConfig, MlpConfig, Model, Network, Provenance, Trainable};

use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

struct NpzFile;

#[test]
fn npz() {
    run(&NpzFile);
}

impl Parser for NpzFile {
    const NAME: &str = "npz";

    type Parsed = (Network, Provenance);

    fn corpus(&self) -> Vec<Vec<u8>> {
        let encode = |hidden: &[usize], activation, shape: &[usize]| {
            let config = MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() };
            let model = Network::new(config, shape.to_vec(), vec!["a".into(), "é".into()], 1).unwrap();
            to_npz(&model, &Provenance::from([("seed".to_owned(), "1".to_owned())])).unwrap()
        };
        let config = CnnConfig { channels: vec![2], ..CnnConfig::default() };
        let network = Network::new(config, vec![1, 4, 3], vec!["a".into(), "é".into()], 1).unwrap();
        let network = to_npz(&network, &Provenance::new()).unwrap();
        vec![encode(&[], Activation::Relu, &[3]), encode(&[3, 2], Activation::Gelu, &[1, 2, 2]), network]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        let members = split(bytes);
        if members.is_empty() || random.once_in(4) {
            return mutate::bytes(bytes, other, random);
        }
        *bytes = join(&changed(members, other, random));
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let mut members = split(&self.corpus()[0]);
        members.extend((0..40_000).map(|i| (format!("{i}.npy").into_bytes(), vec![])));
        let many = join(&members);
        let header = |descr: &str, shape: &str| {
            let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
            let len = (text.len() as u16).to_le_bytes();
            [b"\x93NUMPY\x01\x00", &len[..], text.as_bytes()].concat()
        };
        let with = |name: &str, array: Vec<u8>| {
            let mut members = split(&self.corpus()[0]);
            members.retain(|(other, _)| other != name.as_bytes());
            members.push((name.as_bytes().to_vec(), array));
            join(&members)
        };
        // Members that claim much, and one place that many entries name.
        let shared = {
            let (name, data) = (b"a.npy".to_vec(), [header("<f4", "1000000,"), vec![0; 4_000_000]].concat());
            let mut archive = join(&[(name, data)]);
            let end = archive.split_off(archive.len() - 22);
            let entry = archive.split_off(archive.len() - 46 - 5);
            let n = 60_000_usize;
            let start = archive.len();
            archive.extend_from_slice(&entry.repeat(n));
            let mut end = end;
            end[8..10].copy_from_slice(&(n as u16).to_le_bytes());
            end[10..12].copy_from_slice(&(n as u16).to_le_bytes());
            end[12..16].copy_from_slice(&((n * entry.len()) as u32).to_le_bytes());
            end[16..20].copy_from_slice(&(start as u32).to_le_bytes());
            archive.extend_from_slice(&end);
            archive
        };
        vec![
            many,
            shared,
            with("classes.npy", header("<U0", "99999999999,")),
            with("classes.npy", header("<U4", "0,")),
            with("classes.npy", [header("<U1", "1000000,"), vec![0; 4_000_000]].concat()),
            with("input_shape.npy", header("<i8", &"1, ".repeat(1000))),
            with("output.weight.npy", header("<f4", "0, 99999999999")),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        from_npz(bytes).map_err(|error| error.to_string())
    }

    fn check(&self, (model, provenance): &Self::Parsed) {
        let (again, provenance_again) = from_npz(&to_npz(model, provenance).unwrap()).unwrap();
        assert_eq!((again.spec(), again.config(), again.params()), (model.spec(), model.config(), model.params()));
        assert_eq!(&provenance_again, provenance);
    }
}

pub(crate) type Member = (Vec<u8>, Vec<u8>);

/// The members of an archive of ours, nothing for one that is not in order.
pub(crate) fn split(archive: &[u8]) -> Vec<Member> {
    let (mut members, mut rest) = (vec![], archive);
    while let Some(header) = rest.get(..30).filter(|header| header.starts_with(b"PK\x03\x04")) {
        let size = u32::from_le_bytes(header[18..22].try_into().unwrap()) as usize;
        let name = usize::from(u16::from_le_bytes(header[26..28].try_into().unwrap()));
        let Some((name, data)) = rest[30..].split_at_checked(name) else { return vec![] };
        let Some((data, more)) = data.split_at_checked(size) else { return vec![] };
        members.push((name.to_vec(), data.to_vec()));
        rest = more;
    }
    members
}

pub(crate) fn join(members: &[Member]) -> Vec<u8> {
    join_as(0, members, |data| data.to_vec())
}

/// The same as `numpy.savez_compressed` writes it.
pub(crate) fn join_deflated(members: &[Member]) -> Vec<u8> {
    join_as(8, members, |data| {
        let mut packed = flate2::write::DeflateEncoder::new(vec![], flate2::Compression::fast());
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    })
}

fn join_as(method: u8, members: &[Member], pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (mut archive, mut central) = (vec![], vec![]);
    for (name, data) in members {
        let (sum, unpacked, data) = (crc32(data).to_le_bytes(), (data.len() as u32).to_le_bytes(), pack(data));
        let size = (data.len() as u32).to_le_bytes();
        let name_len = (name.len() as u16).to_le_bytes();
        let facts = [&[20, 0, 0, 8, method, 0, 0, 0, 33, 0][..], &sum, &size, &unpacked, &name_len, &[0, 0]].concat();
        let start = (archive.len() as u32).to_le_bytes();
        archive.extend([b"PK\x03\x04", &facts[..], name, &data].concat());
        central.extend([b"PK\x01\x02", &[20, 0][..], &facts, &[0; 10], &start, name].concat());
    }
    let n = (members.len() as u16).to_le_bytes();
    let (len, start) = ((central.len() as u32).to_le_bytes(), (archive.len() as u32).to_le_bytes());
    [archive, central, [b"PK\x05\x06", &[0; 4][..], &n, &n, &len, &start, &[0; 2]].concat()].concat()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The members with one change.
fn changed(mut members: Vec<Member>, other: &[u8], random: &mut Random) -> Vec<Member> {
    let (at, to) = (random.below(members.len()), random.below(members.len()));
    match random.below(8) {
        0 => _ = members.remove(at),
        1 => members.insert(to, members[at].clone()),
        2 => members[at].1 = members[to].1.clone(),
        3 => members[at].0 = members[to].0.clone(),
        4 => mutate::bytes(&mut members[at].0, other, random),
        5 | 6 => {
            // The header is text after ten bytes, and is followed by numbers.
            let data = &mut members[at].1;
            let place = data.len().min(10)..data.len().min(128);
            let mut header = data.drain(place.clone()).collect();
            tokens::text(&mut header, random);
            data.splice(place.start..place.start, header);
        }
        _ => mutate::bytes(&mut members[at].1, other, random),
    }
    members
}
