use std::io::Write as _;

use super::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/parquet").join(name)
}

const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// What tests/golden/parquet.py wrote, as text.
fn expected(column: &str, i: usize) -> String {
    let row = i as f64;
    match column {
        "name" => format!("r{}", i % 400),
        "size" if i % 7 == 3 => String::new(),
        "size" => (row * 0.25 - 3.0).to_string(),
        "weight" => (row / 8.0).to_string(),
        "count" => (i as i64 % 5 - 2).to_string(),
        "large" => (4_294_967_295 - i).to_string(),
        "half" => ((i % 16) as f64 * 0.5).to_string(),
        "flag" => i.is_multiple_of(3).to_string(),
        "price" => (row / 4.0).to_string(),
        "colour" if i.is_multiple_of(11) => String::new(),
        "colour" => COLOURS[i % 3].to_owned(),
        "day" => i.to_string(),
        "label" => (i % 3).to_string(),
        other => panic!("column {other}"),
    }
}

#[test]
fn what_other_programs_write_is_read_to_the_last_value() {
    let all = ["name", "size", "weight", "count", "large", "half", "flag", "price", "colour", "day", "label"];
    for (file, n_columns) in [
        ("pyarrow", 11),
        ("pyarrow-v2", 11),
        ("pyarrow-encodings", 11),
        ("pyarrow-plain", 11),
        ("polars", 9),
        ("duckdb", 9),
        ("fastparquet", 8),
    ] {
        let mut rows = ParquetRows::open(&golden(&format!("{file}.parquet"))).unwrap();
        let header = rows.header().to_vec();
        assert_eq!((header.len(), header.iter().all(|name| all.contains(&name.as_str()))), (n_columns, true), "{file}");
        let mut n = 0;
        while rows.next().unwrap() {
            for (at, name) in header.iter().enumerate() {
                let found = rows.cell(at).unwrap().text();
                // Pandas has no number for what is missing.
                let found = if found == "NaN" { "".into() } else { found };
                assert_eq!(found, expected(name, n), "{file}: {name}, row {n}");
            }
            assert_eq!(rows.index(), n as u64);
            n += 1;
        }
        assert_eq!(n, 1500, "{file}");
        assert!(!rows.next().unwrap());
    }
}

#[test]
fn columns_that_nobody_asks_for_are_not_read() {
    let mut rows = ParquetRows::open(&golden("lists.parquet")).unwrap();
    assert_eq!(rows.header(), ["x.list.element", "label"]);
    rows.select([1]);
    assert!(rows.next().unwrap() && rows.next().unwrap() && !rows.next().unwrap());
    let mut rows = ParquetRows::open(&golden("pyarrow.parquet")).unwrap();
    rows.select([3]);
    assert!(rows.next().unwrap());
    assert_eq!((rows.cell(2), rows.cell(3)), (None, Some(Cell::Whole(-2))));
}

/// The error of a file, at whatever place it comes.
fn refusal(path: &Path) -> String {
    let read = || {
        let mut rows = ParquetRows::open(path)?;
        while rows.next()? {}
        Ok::<_, DataError>(())
    };
    read().unwrap_err().to_string()
}

#[test]
fn what_cannot_be_read_says_why() {
    for (file, expected) in [
        ("lz4", "is compressed with LZ4_RAW, which is not read here: write it with snappy, zstd, gzip or none"),
        ("texts", "encoding of differences of texts, which is not read here: write it with a dictionary"),
        ("lists", "has lists or structures in column `x.list.element`: write numbers or text"),
    ] {
        let found = refusal(&golden(&format!("{file}.parquet")));
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let bytes = std::fs::read(golden("pyarrow.parquet")).unwrap();
    let with = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        refusal(file.path())
    };
    assert!(with(b"PAR1").contains("is not a complete Parquet file"));
    assert!(with(&bytes[..bytes.len() - 100]).contains("is not a complete Parquet file"));
    let lying = [&bytes[..bytes.len() - 8], &[255, 255, 255, 127], MAGIC].concat();
    assert!(with(&lying).contains("the length of the list of its columns"));
    // The middle is gone, and the list at the end promises what was there.
    let cut = [&bytes[..1000], &bytes[20_000..]].concat();
    assert!(with(&cut).contains("is damaged"), "{}", with(&cut));
    let mut zeros = bytes;
    zeros[4..2000].fill(0);
    assert!(with(&zeros).contains("is damaged"));
    assert!(matches!(ParquetRows::open(Path::new("/nowhere.parquet")), Err(DataError::Io { .. })));
    assert!(matches!(ParquetRows::open(&std::env::temp_dir()), Err(DataError::Io { .. })));
}
