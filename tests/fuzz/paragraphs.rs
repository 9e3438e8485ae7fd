use std::path::Path;

use distill_text::Paragraphs;

use crate::idx::gzip;
use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

const TABLE: &str = "split,language,text
train,eng,All human beings are born free
train,deu,\"Alle Menschen sind frei, und \"\"gleich\"\"\"
validation,eng,\"equal in dignity
and rights\"
test,deu,an Würde und Rechten
";

const OTHER: &str = "text,split,language\r\n\"\",train,a\r\n 人人生而自由\t,test,zh-1\r\n";

struct Table;

#[test]
fn paragraphs() {
    run(&Table);
}

impl Parser for Table {
    const NAME: &str = "paragraphs";

    type Parsed = Paragraphs;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let plain = [TABLE, OTHER].map(|table| table.as_bytes().to_vec());
        plain.iter().cloned().chain(plain.iter().map(|table| gzip(table))).collect()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        const FIELDS: &[&str] =
            &["train", "test", "x", "", "\"", "\"\"", "\"a,b\"", " ", "\u{a0}", "é\n", "\r", "\u{92}"];
        mutate::table(bytes, other, random, FIELDS);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let header = TABLE.lines().next().unwrap();
        let rows = |n: u32, row: &dyn Fn(u32) -> String| {
            (0..n).fold(format!("{header}\n"), |table, number| table + &row(number) + "\n").into_bytes()
        };
        vec![
            // Paragraphs as short as can be, of one language and of many; some without text.
            rows(400_000, &|_| "test,a,b".into()),
            rows(100_000, &|number| format!("test,{number},b")),
            rows(400_000, &|_| "test,a,".into()),
            format!("{header}\ntest,a,{}", "a".repeat(4 << 20)).into_bytes(),
            format!("{header}\ntest,a,\"{}", "\n".repeat(4 << 20)).into_bytes(),
            format!("{header}\ntest,a,{}", "\"\"\n".repeat(1 << 20)).into_bytes(),
            vec![b','; 4 << 20],
            vec![b'\n'; 4 << 20],
            vec![b'"'; 4 << 20],
            gzip(&vec![b'a'; 4 << 20]),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Paragraphs, String> {
        Paragraphs::parse(bytes, Path::new("file")).map_err(|error| error.to_string())
    }

    fn check(&self, parsed: &Paragraphs) {
        let mut table = format!("{}\n", TABLE.lines().next().unwrap());
        for paragraph in parsed.iter() {
            let language = &parsed.languages()[paragraph.language as usize];
            let text = paragraph.text.replace('"', "\"\"");
            table += &format!("{},{language},\"{text}\"\n", paragraph.part);
        }
        assert_eq!(&Paragraphs::parse(table.as_bytes(), Path::new("file")).unwrap(), parsed);
    }
}
