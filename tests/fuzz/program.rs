//! What the program reads besides data and models: rows to predict, predictions to report, and files to inspect.

use std::path::Path;

use distill_cli::{inspect_file, predict_rows, read_predictions};
use distill_models::{MlpConfig, Network, Provenance, to_safetensors};

use crate::files::Folder;
use crate::random::Random;
use crate::run::{Parser, run};
use crate::{mutate, safetensors, tokens};

/// Two numbers in, three classes out.
fn model() -> Network {
    let config = MlpConfig { hidden: vec![2], ..MlpConfig::default() };
    Network::new(config, vec![2], ["a", "b,c", "é"].map(String::from).to_vec(), 3).unwrap()
}

/// One diagnostic with its place and its help, and nothing that moves the cursor but the ends of its lines.
fn check_diagnostic(message: &str) {
    assert!(message.starts_with("error[E"));
    assert_eq!(message.matches("\n  --> ").count(), 1);
    assert!(message.contains("\n   = help: "));
    assert!(message.chars().all(|c| c == '\n' || !c.is_control()));
}

struct Rows(Network);

#[test]
fn rows() {
    run(&Rows(model()));
}

impl Parser for Rows {
    const NAME: &str = "rows";

    type Parsed = String;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let texts = [
            "0.5,1\n-2e-3,0\n",
            "id,x,y\n\"a\"\"b\",0.25,1\n7,0,0\n",
            "[0.5, 1]\n[1, -2]\n",
            "{\"id\": \"é\", \"features\": [0, 1]}\n\n{\"id\": 7, \"features\": [0.5, 0.5]}\n",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(3) { mutate::bytes(bytes, other, random) } else { tokens::text(bytes, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let n = 1 << 18;
        vec![
            // Answering takes its time, too.
            b"0.5,1\n".repeat(1 << 13),
            b"[0.5,1]\n".repeat(1 << 13),
            b"1,".repeat(n),
            [b"[", &b"1,".repeat(n)[..], b"1]"].concat(),
            b"[".repeat(4 * n),
            [b"{\"features\":[", &b"[".repeat(n)[..]].concat(),
            [b"\"", &vec![b'x'; 4 * n][..]].concat(),
            vec![b'\n'; 4 * n],
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<String, String> {
        predict_rows(&self.0, bytes.to_vec())
    }

    fn check(&self, parsed: &String) {
        // Nothing, or a header and a line for each row, of which none is split.
        let mut lines = parsed.lines();
        assert!(parsed.is_empty() || lines.next().is_some_and(|header| header.starts_with("id,")));
    }

    fn check_message(&self, message: &str) {
        check_diagnostic(message);
    }
}

struct Predictions;

#[test]
fn predictions() {
    run(&Predictions);
}

impl Parser for Predictions {
    const NAME: &str = "predictions";

    /// The file as it is written again.
    type Parsed = String;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let texts = [
            "index,label,predicted,confidence\n0,a,a,0.5\n1,\"b,c\",é,1\n",
            "index,label,predicted,confidence\n0,,x,1e-3\n",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        if random.once_in(2) { mutate::bytes(bytes, other, random) } else { tokens::text(bytes, random) }
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let header = &b"index,label,predicted,confidence\n"[..];
        vec![
            [header, &b"0,a,a,0.5\n".repeat(1 << 17)].concat(),
            [header, &b",".repeat(1 << 21)].concat(),
            [header, b"\"", &vec![b'x'; 1 << 22]].concat(),
            b"index,".repeat(1 << 19),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<String, String> {
        read_predictions(Path::new("predictions.csv"), bytes)
    }

    fn check(&self, parsed: &String) {
        assert_eq!(self.parse(parsed.as_bytes()).as_ref(), Ok(parsed));
    }

    fn check_message(&self, message: &str) {
        check_diagnostic(message);
    }
}

/// Files whose kind their first bytes tell: safetensors of ours and of others, results, and text.
struct Inspected(Folder);

#[test]
fn inspect() {
    run(&Inspected(Folder::new()));
}

impl Parser for Inspected {
    const NAME: &str = "inspect";

    type Parsed = String;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let header = br#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#;
        let provenance = Provenance::from([("seed".to_owned(), "1".to_owned())]);
        vec![to_safetensors(&model(), &provenance).unwrap(), safetensors::join(header, &[0; 12])]
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        safetensors::mutate(bytes, other, "distill", random);
    }

    /// Headers of other programs are read up to 16 MiB, which is beyond what this test allows.
    fn large(&self) -> Vec<Vec<u8>> {
        vec![vec![b'{'; 1 << 20], safetensors::join(&vec![b' '; 1 << 18], &[])]
    }

    fn parse(&self, bytes: &[u8]) -> Result<String, String> {
        inspect_file(&self.0.write("file", bytes))
    }

    fn check(&self, parsed: &String) {
        assert!(!parsed.is_empty() && parsed.chars().all(|c| c == '\n' || !c.is_control()));
    }

    fn check_message(&self, message: &str) {
        check_diagnostic(message);
    }
}
