use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::{Part, TableFault};

const HEADER: &str = "split,language,text\n";

fn parse(table: &str) -> Result<Paragraphs, TextError> {
    Paragraphs::parse(table.as_bytes(), Path::new("a.csv"))
}

#[track_caller]
fn check(rows: &str, message: &str) {
    assert_eq!(parse(&format!("{HEADER}{rows}")).unwrap_err().to_string(), message);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn quotes_line_breaks_and_other_orders_of_columns() {
    let table = "\u{feff}text,split,language\r\n\"a, \"\"b\"\"\r\n\tc \",train,x\r\n\"\",test,x\r\nd,validation,é-1";
    let paragraphs = parse(table).unwrap();
    assert_eq!(paragraphs.languages(), ["x", "é-1"]);
    let found: Vec<_> = paragraphs.iter().map(|p| (p.part, p.language, p.text)).collect();
    assert_eq!(found, [(Part::Train, 0, "a, \"b\" c"), (Part::Validation, 1, "d")]);
    let compressed = Paragraphs::parse(&gzip(table.as_bytes()), Path::new("a.csv.gz")).unwrap();
    assert_eq!(compressed, paragraphs);
}

#[test]
fn faults_name_the_first_line_of_the_paragraph() {
    check("dev,a,b\n", "a.csv, line 2: split is `dev`, expected train, validation or test");
    check("train,a,\"b\nc\"\ntrain,a\n", "a.csv, line 4: 2 fields, expected 3");
    check("train,a,b,c\n", "a.csv, line 2: 4 fields, expected 3");
    let language = "expected a name of letters, digits, `-`, `_` and `.`, of at most 64 bytes";
    check("train,a b,c\n", &format!("a.csv, line 2: language is `a b`, {language}"));
    check("train,,c\n", &format!("a.csv, line 2: language is ``, {language}"));
    check(
        &format!("train,{},c\n", "x".repeat(81)),
        &format!("a.csv, line 2: language is `{}…`, {language}", "x".repeat(80)),
    );
    let quote = "is not at an end of a field; write it twice, and quotes around the field";
    check("train,a,b \"c\" d\n", &format!("a.csv, line 2: the quote at byte 10 {quote}"));
    check("train,a,\"b\" c\n", &format!("a.csv, line 2: the quote at byte 10 {quote}"));
    check("train,a,b\ntrain,a,\"b\n\nc,\n", "a.csv, line 3: the table ends before a quote is closed");
    check("train,a,b\0c\n", "a.csv, line 2: byte 9 is the control character 0x00");
    check("train,a,b\ntrain,a,\x1b[1mc\n", "a.csv, line 3: byte 8 is the control character 0x1b");
    check("train,a, \t\u{a0}\n", "a.csv, line 3: the table ends without a paragraph");
    check("\n", "a.csv, line 2: 1 fields, expected 3");
}

#[test]
fn the_first_line_has_to_name_the_columns() {
    for header in
        ["split,language", "split,language,text,more", "split,text,text", "train,a,b", "\"split,language,text\""]
    {
        let message = parse(header).unwrap_err().to_string();
        assert_eq!(message, format!("a.csv, line 1: the columns are `{header}`, expected split, language and text"));
    }
    assert!(matches!(parse(""), Err(TextError::Table { line: 1, fault: TableFault::Empty { .. }, .. })));
}

#[test]
fn what_is_too_large_or_damaged_is_refused() {
    let fault = |bytes: &[u8]| match Paragraphs::parse(bytes, Path::new("a.csv")).unwrap_err() {
        TextError::Table { fault, .. } => fault,
        other => panic!("{other}"),
    };
    let long = format!("{HEADER}train,a,{}\n", "b".repeat(1 << 20));
    assert_eq!(fault(long.as_bytes()), TableFault::LongRecord { max: 1 << 20 });
    assert_eq!(fault(&gzip(long.as_bytes())), TableFault::LongRecord { max: 1 << 20 });
    assert_eq!(
        fault(format!("{HEADER}train,a,\"{}", "b\n".repeat(1 << 20)).as_bytes()),
        TableFault::LongRecord { max: 1 << 20 }
    );
    assert_eq!(fault(&[HEADER.as_bytes(), b"train,a,\xff\n"].concat()), TableFault::NotUtf8 { offset: 8 });
    let sound = gzip(format!("{HEADER}train,a,b\n").as_bytes());
    for cut in 2..sound.len() {
        assert!(matches!(fault(&sound[..cut]), TableFault::Gzip { .. }), "{cut}");
    }
    assert!(
        matches!(fault(&[&sound[..], b"x"].concat()), TableFault::Gzip { what } if what == "1 bytes follow its end")
    );
}

#[test]
fn files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv.gz");
    assert!(matches!(Paragraphs::read(&path), Err(TextError::Io { .. })));
    std::fs::write(&path, gzip(format!("{HEADER}train,a,b\n").as_bytes())).unwrap();
    assert_eq!(Paragraphs::read(&path).unwrap().len(), 1);
}
