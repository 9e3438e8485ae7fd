//! Data in the forms of others, as files: arrays of NumPy alone and packed, tables, CIFAR's records, pictures.

use std::path::{Path, PathBuf};

use distill_datasets::npy::Array;
use distill_datasets::npz::Npz;
use distill_datasets::{
    CifarFolder, ColumnOptions, Columns, DataError, Dataset as _, ImageOptions, NumberTable, Split, TableFolder,
    TableRows, is_guarded, read_image,
};
use tempfile::TempDir;

use crate::npz::{join, split};
use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

/// A folder in which each input becomes a file.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn message<T>(result: Result<T, DataError>) -> Result<T, String> {
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
        vec![join(&many), join(&[(b"x.npy".to_vec(), encode("<f4", "1000000,", &vec![0; 4_000_000]))])]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.npz", bytes);
        let mut npz = message(Npz::open(&path))?;
        let mut found = vec![];
        for name in npz.names().into_iter().take(5) {
            let Some(array) = message(npz.array(&name))? else { return Err(format!("{name} is gone")) };
            found.push((name, array.into_f32().map_err(|error| error.to_string())?.len()));
        }
        Ok(found)
    }

    fn check(&self, found: &Self::Parsed) {
        assert!(found.len() <= 5);
    }
}

struct CsvTables(Folder);

#[test]
fn csv() {
    run(&CsvTables(Folder::new()));
}

impl Parser for CsvTables {
    const NAME: &str = "csv";

    type Parsed = (Columns, usize);

    fn corpus(&self) -> Vec<Vec<u8>> {
        [
            "size,colour,label\n1.5,red,yes\n-2,blue,no\n",
            "label;a\n1;2\n0;3e1\n",
            "class\tx\n\"a, b\"\t1\n\"c \"\"d\"\"\"\t2\n",
            "\u{feff}target,é\nx,1\r\ny,2\r\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(2) { tokens::text(bytes, random) } else { mutate::bytes(bytes, other, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let wide: String = (0..20_000).map(|i| format!("c{i},")).collect();
        let words: String = (0..100_000).map(|i| format!("w{i},a\n")).collect();
        vec![
            format!("{wide}label\n").into_bytes(),
            format!("x,label\n{words}").into_bytes(),
            vec![b'a'; 4 << 20],
            [&b"x,label\n\""[..], &vec![b'a'; 4 << 20]].concat(),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("train.csv", bytes);
        // As a table of numbers it must not panic either.
        let _ = NumberTable::read(&path, u64::MAX);
        let folder = message(TableFolder::find(self.0.path(), &ColumnOptions::default()))?;
        let folder = folder.ok_or("no folder")?;
        let data = message(folder.load(Split::Train, None, u64::MAX))?;
        Ok((folder.columns().clone(), data.len()))
    }

    fn check(&self, (columns, n): &Self::Parsed) {
        assert!(*n > 0 && columns.features() > 0);
    }
}

struct ParquetFile(Folder);

#[test]
fn parquet() {
    // What a decoder gives up on is caught, and need not be told a thousand times.
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !is_guarded() {
            before(info);
        }
    }));
    run(&ParquetFile(Folder::new()));
}

impl Parser for ParquetFile {
    const NAME: &str = "parquet";

    type Parsed = (usize, usize);

    fn corpus(&self) -> Vec<Vec<u8>> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/parquet");
        ["snappy", "zstd", "gzip"]
            .map(|name| std::fs::read(golden.join(format!("few-{name}.parquet"))).unwrap())
            .to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        // A length or a number of either protocol, or anything.
        match random.below(3) {
            0 => mutate::bytes(bytes, other, random),
            _ => {
                let at = random.below(bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = *random.pick(&[0_u8, 1, 2, 0x15, 0x7f, 0x80, 0xfe, 0xff]) ^ (*byte & 1);
                }
            }
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let ends = |list: &[u8]| [b"PAR1", list, &(list.len() as u32).to_le_bytes(), b"PAR1"].concat();
        let mut many = vec![0x15, 0x02, 0x19, 0xfc];
        many.extend([0xff, 0xff, 0xff, 0x07]);
        let wide = [&many[..], &[0x48, 1, b'a', 0][..].repeat(100_000)].concat();
        vec![ends(&many), ends(&wide), ends(&[0x1c; 1 << 20]), ends(&[0x19; 1 << 20]), vec![b'P'; 1 << 20]]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.parquet", bytes);
        let mut rows = message(TableRows::open(&path))?;
        let mut n = 0;
        while message(rows.next())? {
            for at in 0..rows.header().len() {
                rows.cell(at).ok_or("no cell")?;
            }
            n += 1;
        }
        Ok((rows.header().len(), n))
    }

    fn check(&self, (columns, _): &Self::Parsed) {
        assert!(*columns < 1000);
    }
}

struct CifarFiles(Folder);

#[test]
fn cifar() {
    let folder = Folder::new();
    folder.write("fine_label_names.txt", (0..100).map(|i| format!("c{i}\n")).collect::<String>().as_bytes());
    run(&CifarFiles(folder));
}

impl Parser for CifarFiles {
    const NAME: &str = "cifar";

    type Parsed = usize;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let record = |label: u8| [vec![0, label], vec![7; 3072]].concat();
        vec![record(3), [record(0), record(99)].concat()]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        // A label, or the length, or anything.
        if random.once_in(2)
            && let Some(label) = bytes.get_mut(1)
        {
            *label = label.wrapping_add(random.below(256) as u8);
        } else {
            mutate::bytes(bytes, other, random);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        vec![vec![0; 3074 * 300], vec![255; 3074 * 300]]
    }

    fn parse(&self, bytes: &[u8]) -> Result<usize, String> {
        self.0.write("train.bin", bytes);
        let folder = message(CifarFolder::find(self.0.path(), false))?.ok_or("no folder")?;
        Ok(message(folder.load(Split::Train, None, u64::MAX))?.len())
    }

    fn check(&self, n: &usize) {
        assert!(*n > 0);
    }
}

struct Pictures(Folder);

#[test]
fn pictures() {
    run(&Pictures(Folder::new()));
}

/// A JPEG of 8 x 8 pixels of one grey, written by hand: quantisation of ones, the shortest codes, a difference of 0.
fn jpeg() -> Vec<u8> {
    let table = |class: u8, value: u8| {
        let mut segment = vec![0xff, 0xc4, 0, 20, class, 1];
        segment.extend([0; 15]);
        segment.push(value);
        segment
    };
    let parts: [&[u8]; 7] = [
        &[0xff, 0xd8],
        &[&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat(),
        &[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
        &table(0x00, 0),
        &table(0x10, 0),
        &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f],
        &[0xff, 0xd9],
    ];
    parts.concat()
}

/// A PNG of 2 x 2 pixels, which compresses nothing.
fn png() -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::NoCompression);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[9; 12]).unwrap();
    writer.finish().unwrap();
    bytes
}

impl Parser for Pictures {
    const NAME: &str = "pictures";

    type Parsed = ([usize; 3], Vec<u8>);

    fn corpus(&self) -> Vec<Vec<u8>> {
        vec![png(), jpeg()]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        mutate::bytes(bytes, other, random);
        // Check sums of PNG are those of what was changed, every other time.
        if random.once_in(2) {
            right_sums(bytes);
        }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let claim = |width: u32, height: u32| {
            let mut bytes = png();
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            right_sums(&mut bytes);
            bytes
        };
        let mut wide = jpeg();
        let size = wide.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
        wide[size..size + 4].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        vec![claim(16_000, 16_000), claim(u32::MAX, 1), claim(5000, 5000), wide]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("a.png", bytes);
        message(read_image(&path, &ImageOptions::default()))
    }

    fn check(&self, (sides, pixels): &Self::Parsed) {
        assert_eq!(sides.iter().product::<usize>(), pixels.len());
    }
}

/// Puts the right check sum behind every chunk of a PNG.
fn right_sums(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(len) = bytes.get(at..at + 4) {
        let len = u32::from_be_bytes(len.try_into().unwrap()) as usize;
        let Some(chunk) = bytes.get(at + 4..).and_then(|rest| rest.get(..len.saturating_add(4))) else { return };
        let sum = crate::npz::crc32(chunk);
        let end = at + 8 + len;
        if let Some(place) = bytes.get_mut(end..end + 4) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        at = end + 4;
    }
}
