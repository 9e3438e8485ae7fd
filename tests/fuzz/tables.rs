//! Tables as files, CSV and Parquet.

use std::path::Path;

use distill_datasets::{
    ColumnOptions, Columns, Dataset as _, Division, NumberTable, Split, TableFolder, TableRows, is_guarded,
};

use crate::files::{Folder, message};
use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

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
        let header = |n: usize| (0..n).map(|i| format!("c{i},")).collect::<String>();
        let wide = header(20_000);
        let words = |n: usize| (0..100_000).map(|i| format!("w{},a\n", i % n)).collect::<String>();
        vec![
            format!("{wide}label\n").into_bytes(),
            format!("x,label\n{}", words(usize::MAX)).into_bytes(),
            // As many words as a category may have: 400 MB, if each were a number of every input.
            format!("x,label\n{}", words(1000)).into_bytes(),
            // A byte for each number, of lines that a table of numbers has too.
            format!("{}label\n{}", header(200), format!("{}a\n", ",".repeat(200)).repeat(1500)).into_bytes(),
            format!("{}label\n{}", header(200), format!("{}1\n", "1,".repeat(200)).repeat(1500)).into_bytes(),
            vec![b'a'; 4 << 20],
            [&b"x,label\n\""[..], &vec![b'a'; 4 << 20]].concat(),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("train.csv", bytes);
        // As a table of numbers it must not panic either.
        let _ = NumberTable::read(&path, u64::MAX);
        // Nor where one table has the rows of all sets.
        let division = Division::default();
        let _ = TableFolder::find(&path, &ColumnOptions::default(), &division)
            .map(|table| table.map(|table| table.load(Split::Test, None, u64::MAX)));
        let folder = message(TableFolder::find(self.0.path(), &ColumnOptions::default(), &division))?;
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

    const SET: usize = 2 << 20;

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
        vec![
            ends(&many),
            ends(&wide),
            ends(&[0x1c; 1 << 20]),
            ends(&[0x19; 1 << 20]),
            vec![b'P'; 1 << 20],
            // 5 MB of numbers in 4 KB, and 1.7 MB that fit.
            runs_of_one(20, 60_000),
            runs_of_one(20, 20_000),
        ]
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
        // As a set it must not panic either, and not take more than it may.
        self.0.write("train.parquet", bytes);
        let _ = TableFolder::find(self.0.path(), &ColumnOptions::default(), &Division::default())
            .map(|folder| folder.map(|folder| folder.load(Split::Train, None, Self::SET as u64)));
        Ok((rows.header().len(), n))
    }

    fn check(&self, (columns, _): &Self::Parsed) {
        assert!(*columns < 1000);
    }
}

/// A Parquet file of `n` columns of numbers and one of classes, each of which is one value, again and again.
fn runs_of_one(n: usize, n_rows: u64) -> Vec<u8> {
    let (mut file, mut chunks, mut schema) = (b"PAR1".to_vec(), vec![], vec![]);
    let names = (0..n).map(|i| format!("c{i}")).chain(["label".to_owned()]);
    for name in names {
        let start = file.len();
        let dictionary = thrift(&[(7, Thrift::Struct(thrift(&[(1, Thrift::I32(1)), (2, Thrift::I32(0))])))]);
        file.extend(page(2, dictionary, &1_i32.to_le_bytes()));
        let data = file.len();
        let fields = [(1, Thrift::I32(n_rows as i64)), (2, Thrift::I32(8)), (3, Thrift::I32(3)), (4, Thrift::I32(3))];
        // Numbers of one bit, as many as the run says, all of them the first of the dictionary.
        let run = [&[1][..], &varint(n_rows << 1), &[0]].concat();
        file.extend(page(0, thrift(&[(5, Thrift::Struct(thrift(&fields)))]), &run));
        let size = Thrift::I64((file.len() - start) as i64);
        let column = thrift(&[
            (1, Thrift::I32(1)),
            (2, Thrift::List(5, vec![varint(16)])),
            (3, Thrift::List(8, vec![text(&name)])),
            (4, Thrift::I32(0)),
            (5, Thrift::I64(n_rows as i64)),
            (6, size.clone()),
            (7, size),
            (9, Thrift::I64(data as i64)),
            (11, Thrift::I64(start as i64)),
        ]);
        chunks.push(thrift(&[(2, Thrift::I64(start as i64)), (3, Thrift::Struct(column))]));
        schema.push(thrift(&[(1, Thrift::I32(1)), (3, Thrift::I32(0)), (4, Thrift::Text(name))]));
    }
    let root = thrift(&[(4, Thrift::Text("root".to_owned())), (5, Thrift::I32(schema.len() as i64))]);
    schema.insert(0, root);
    let rows = Thrift::I64(n_rows as i64);
    let group = thrift(&[(1, Thrift::List(12, chunks)), (2, Thrift::I64(file.len() as i64)), (3, rows.clone())]);
    let list =
        thrift(&[(1, Thrift::I32(1)), (2, Thrift::List(12, schema)), (3, rows), (4, Thrift::List(12, vec![group]))]);
    [&file[..], &list, &(list.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// A page that is not compressed, with its header; `facts` are those of its kind.
fn page(kind: i64, facts: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let len = Thrift::I32(bytes.len() as i64);
    let mut header = thrift(&[(1, Thrift::I32(kind)), (2, len.clone()), (3, len)]);
    // The facts go on where this ends: their field is counted from the last of it.
    header.pop();
    let field = (facts[0] >> 4) - 3;
    [&header[..], &[field << 4 | 12], &facts[1..], bytes].concat()
}

/// A value in Thrift's compact protocol.
#[derive(Clone)]
enum Thrift {
    I32(i64),
    I64(i64),
    Text(String),
    Struct(Vec<u8>),
    List(u8, Vec<Vec<u8>>),
}

fn thrift(fields: &[(u8, Thrift)]) -> Vec<u8> {
    let (mut bytes, mut last) = (vec![], 0);
    for (field, value) in fields {
        let zigzag = |value: &i64| varint((value << 1) as u64);
        let (kind, value) = match value {
            Thrift::I32(value) => (5, zigzag(value)),
            Thrift::I64(value) => (6, zigzag(value)),
            Thrift::Text(value) => (8, text(value)),
            Thrift::Struct(value) => (12, value.clone()),
            Thrift::List(kind, values) => {
                (9, [&[0xf0 | kind][..], &varint(values.len() as u64), &values.concat()].concat())
            }
        };
        bytes.push((field - last) << 4 | kind);
        bytes.extend(value);
        last = *field;
    }
    bytes.push(0);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&varint(text.len() as u64)[..], text.as_bytes()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 127 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
