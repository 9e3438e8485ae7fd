//! JSON Lines: as tables, and as answers beside their texts.

use distill_datasets::{ColumnOptions, Division, Split, TableFolder, TableRows, TextAnswers, TextFolder};

use crate::files::{Folder, message};
use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, tokens};

struct JsonLines(Folder);

#[test]
fn json_lines() {
    run(&JsonLines(Folder::new()));
}

impl Parser for JsonLines {
    const NAME: &str = "json-lines";

    type Parsed = (usize, usize);

    fn corpus(&self) -> Vec<Vec<u8>> {
        [
            "{\"size\": 1.5, \"colour\": \"red\", \"label\": \"yes\"}\n{\"label\": \"no\", \"size\": -2}\n",
            "\u{feff}{\"text\": \"a \\\"b\\\" \\u00e9 c\", \"label\": 1, \"split\": \"train\"}\r\n\r\n{\"text\": \"d\", \"label\": 0, \"split\": \"test\"}",
            "{\"a\": 18446744073709551615, \"target\": true}\n{\"a\": null, \"target\": false}\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(2) { tokens::text(bytes, random) } else { mutate::bytes(bytes, other, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let names = |n: usize| (0..n).map(|i| format!("\"c{i}\":1,")).collect::<String>();
        vec![
            format!("{{{}\"label\":1}}\n", names(19_000)).into_bytes(),
            format!("{{{}\"label\":1}}\n", names(100_000)).into_bytes(),
            // A name of its own in each line.
            (0..20_000).map(|i| format!("{{\"c{i}\":1}}\n")).collect::<String>().into_bytes(),
            vec![b'['; 4 << 20],
            [&b"{\"a\":"[..], &vec![b'['; 4 << 20]].concat(),
            [&b"{\"a\":\""[..], &vec![b'a'; 4 << 20]].concat(),
            vec![b'\n'; 4 << 20],
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String> {
        let path = self.0.write("train.jsonl", bytes);
        let (options, division) = (ColumnOptions::default(), Division::default());
        // As a set it must not panic either, nor as one table with the rows of all.
        for path in [self.0.path(), &path] {
            let _ = TableFolder::find(path, &options, &division)
                .map(|table| table.map(|table| table.load(Split::Train, None, u64::MAX)));
            let _ = TextFolder::usual_text(path);
        }
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

    fn check(&self, (columns, n): &Self::Parsed) {
        assert!(*n > 0 && *columns > 0);
    }
}

struct Answers(Folder);

#[test]
fn text_answers() {
    run(&Answers(Folder::new()));
}

impl Parser for Answers {
    const NAME: &str = "text-answers";

    type Parsed = TextAnswers;

    fn corpus(&self) -> Vec<Vec<u8>> {
        [
            "{\"text\": \"a b\", \"probabilities\": {\"yes\": 0.75, \"no\": 0.25}}\n{\"probabilities\": {\"maybe\": 1}, \"text\": \"\"}\n",
            "{\"id\": [1], \"text\": \"\\u00e9\", \"probabilities\": {\"no\": 1e-3}}\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(2) { tokens::text(bytes, random) } else { mutate::bytes(bytes, other, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let pairs = "\"yes\":0,".repeat(100_000);
        vec![
            format!("{{\"text\":\"\",\"probabilities\":{{{pairs}\"no\":1}}}}\n").into_bytes(),
            "{\"text\":\"\",\"probabilities\":{\"no\":1}}\n".repeat(20_000).into_bytes(),
            [&b"{\"text\":\""[..], &vec![b'a'; 4 << 20]].concat(),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<TextAnswers, String> {
        let path = self.0.write("answers.jsonl", bytes);
        let classes = ["no", "maybe", "yes"].map(str::to_owned);
        message(TextAnswers::read(&path, "text", &classes, u64::MAX))
    }

    fn check(&self, answers: &TextAnswers) {
        assert_eq!(answers.texts.len(), answers.probabilities.nrows());
        for row in answers.probabilities.outer_iter() {
            let sum: f32 = row.sum();
            assert!(row.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() < 1e-3, "{row}");
        }
    }
}
