use std::io::Read;

use distill_models::{MlpConfig, Network};
use ndarray::{Array2, Axis};
use proptest::prelude::*;

use crate::answers::{Answers, Format};
use crate::batch::{self, Ids};
use crate::lines::Lines;
use crate::predictor::Predictor;
use crate::reading::Reading;
use crate::source::Source;
use distill_models::Model as _;

/// A model of two hidden layers: 3 numbers in, 4 classes out.
fn model() -> Network {
    let config = MlpConfig { hidden: vec![7, 5], ..MlpConfig::default() };
    Network::new(config, vec![1, 1, 3], ["a", "b,c", "\"d\"", "é"].map(String::from).to_vec(), 3).unwrap()
}

/// A pipe that gives a few bytes at a time.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.step.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// What is printed for an input that comes `step` bytes at a time, in how many pieces, and the error.
fn answer(input: &[u8], step: usize, format: Format, probs: bool) -> (String, usize, Option<String>) {
    let model = model();
    let answers = Answers::new(format, &model.spec().classes, None, probs, 1.0).unwrap();
    let (mut text, mut pieces) = (Vec::new(), 0);
    let mut predictor = Predictor::new(&model, answers, |piece: &[u8]| {
        text.extend_from_slice(piece);
        pieces += 1;
        Ok(())
    });
    let lines = Lines::new(Box::new(Trickle { bytes: input.to_vec(), at: 0, step }), "f".to_owned(), true);
    let outcome = Source::new(lines, None, model.spec(), &Reading::default(), Ids::new(None), None)
        .and_then(|mut source| predictor.answer(&mut source, |_, _| ()))
        .and_then(|()| predictor.flush());
    drop(predictor);
    (String::from_utf8(text).unwrap(), pieces, outcome.err().map(|error| error.to_string()))
}

/// The error for an input, without its help.
fn error(input: &str) -> String {
    let (_, _, error) = answer(input.as_bytes(), 64, Format::Csv, false);
    let error = error.unwrap_or_else(|| panic!("no error for {input}"));
    error.lines().take(2).collect::<Vec<_>>().join("").replace("  --> ", " at ")
}

fn printed(input: &str) -> String {
    let (text, _, error) = answer(input.as_bytes(), 64, Format::Csv, false);
    assert_eq!(error, None);
    text
}

#[test]
fn names_what_is_wrong_with_a_row() {
    for (input, expected) in [
        ("1\n", "row has 1 value, the model takes 3 (1x1x3) at f:1"),
        ("id,a\n", "the header names 1 column besides the id, the model takes 3 (1x1x3) at f:1"),
        ("[1]\n", "row has 1 value, the model takes 3 (1x1x3) at f:1"),
        ("1,2\n", "row has 2 values, the model takes 3 (1x1x3) at f:1"),
        ("1,2,3\n\n1,2,3,4\n", "row has 4 values, the model takes 3 (1x1x3) at f:3"),
        ("1,2,3\n1,x,3\n", "column 2 is `x`, not a number at f:2"),
        ("a,b,c\n1,2,\n", "column 3 (`c`) is ``, not a number at f:2"),
        ("id,a,b,c\n7,1,2,NaN\n", "column 4 (`c`) is `NaN`, not a finite number at f:2"),
        ("nan,nan,nan\n", "column 1 is `nan`, not a finite number at f:1"),
        ("1,1e39,3\n", "column 2 is `1e39`, not a finite number at f:1"),
        ("a,b\n1,2,3\n", "the header names 2 columns, the model takes 3 (1x1x3) at f:1"),
        ("id,a,b\n", "the header names 2 columns besides the id, the model takes 3 (1x1x3) at f:1"),
        ("id,a,b,c\n1,2,3\n", "row has 2 values besides the id, the model takes 3 (1x1x3) at f:2"),
        ("id,a,b,c\n\u{feff}\n", "row has 0 values besides the id, the model takes 3 (1x1x3) at f:2"),
        ("1,\"2,3\n", "a quote is not closed in its line at f:1"),
        ("1,2\r3,4\n", "column 2 is `2\u{fffd}3`, not a number at f:1"),
        ("1,\u{1b}[2J,3\n", "column 2 is `\u{fffd}[2J`, not a number at f:1"),
        ("[1,2]\n", "row has 2 values, the model takes 3 (1x1x3) at f:1"),
        ("[1,2,3]\n[1,2,3,4]\n", "row has 4 values, the model takes 3 (1x1x3) at f:2"),
        ("[1,null,3]", "value 2 is `null`, not a finite number at f:1"),
        ("[1,2,\"x\"]", "value 3 is the text `x`, not a finite number at f:1"),
        ("[[1],2,3]", "value 1 is an array, not a finite number at f:1"),
        ("[{\"a\": 1},2,3]", "value 1 is an object, not a finite number at f:1"),
        ("[1,2,-1e39]", "value 3 is too large, not a finite number at f:1"),
        ("[1,NaN,3]", "the line cannot be read: expected value at f:1:4"),
        ("[1,2,3", "the line cannot be read: EOF while parsing a list at f:1:6"),
        ("[1,2,3] 4", "the line cannot be read: trailing characters at f:1:9"),
        ("{\"id\": 1}", "the line cannot be read: missing field `features` at f:1:9"),
        (
            "{\"features\": 3}",
            "the line cannot be read: invalid type: integer `3`, expected an array of numbers at f:1:14",
        ),
        (
            "{\"features\": [1,2,3], \"features\": [1,2,3]}",
            "the line cannot be read: duplicate field `features` at f:1:32",
        ),
        ("[3e38, 3e38, -3e38]", "the model's answer to the row is not a finite number at f:1"),
        ("\0\0\u{8}\u{3}", "images, arrays, Parquet and sound cannot be read from standard input at stdin"),
    ] {
        assert_eq!(error(input), format!("error[E0206]: {expected}"), "{input:?}");
    }
    let commas = format!("1,2,3\n{}\n", ",".repeat(2000));
    assert_eq!(error(&commas), "error[E0206]: the line has 2000 commas, the model takes 3 (1x1x3) values at f:2");
    assert_eq!(
        answer(b"1,2,3\n1,\xff,3\n", 64, Format::Csv, false).2.unwrap().lines().next(),
        Some("error[E0206]: the line is not text: byte 2 is not UTF-8")
    );
}

#[test]
fn what_comes_before_a_bad_row_is_answered() {
    for bad in ["1,2", "[1,2]", "3e38,3e38,-3e38"] {
        let rows = if bad.starts_with('[') { "[1,2,3]\n[4,5,6]\n" } else { "1,2,3\n4,5,6\n" };
        for step in [1, 5, 1000] {
            let (text, _, error) = answer(format!("{rows}{bad}\n1,2,3\n").as_bytes(), step, Format::Csv, false);
            assert_eq!(text, printed(rows));
            assert!(error.unwrap().contains("--> f:3"));
        }
    }
}

#[test]
fn a_header_an_id_and_spaces_change_no_answer() {
    let plain = printed("0.5,-2,3e-1\n1,2,3\n");
    for same in [
        "x,y,z\n0.5,-2,3e-1\n1,2,3\n",
        "\u{feff}x,y,z\r\n0.5,-2,.3\r\n\r\n1,2,3",
        " 0.5 , -2.0,+0.3\n\"1\",2,3\n",
        "id,0,1,2\n0,0.5,-2,0.3\n1,1,2,3\n",
        "[0.5,-2,0.3]\n[1,2,3]",
        "  \n {\"features\": [0.5,-2,0.3], \"label\": {\"a\": [7]}}\n{\"id\": 1, \"features\": [1,2,3]}\n",
    ] {
        assert_eq!(printed(same), plain, "{same:?}");
    }
    let named = printed("ID,x,y,z\n\"a,\"\"b\"\"\",1,2,3\n");
    assert!(named.lines().nth(1).unwrap().starts_with("\"a,\"\"b\"\"\","), "{named}");
    assert_eq!(printed(""), "id,class,probability\n");
    assert_eq!(printed("x,y,z\n"), "id,class,probability\n");
}

#[test]
fn a_line_that_is_there_is_answered_before_the_next_one() {
    // Each piece ends within a line, so no batch may wait for more.
    let (_, pieces, _) = answer(b"1,2,3\n4,5,6\n7,8,9\n", 6, Format::Csv, false);
    assert_eq!(pieces, 3);
    let (_, pieces, _) = answer(b"1,2,3\n4,5,6\n7,8,9\n", 1000, Format::Csv, false);
    assert_eq!(pieces, 1);
}

#[test]
fn classes_are_ranked_and_equal_ones_keep_their_order() {
    let classes = ["a", "b", "c", "d"].map(String::from);
    let logits = ndarray::array![1.0_f32, 3.0, 3.0, -1.0];
    let mut rows = Vec::new();
    for top in [None, Some(1), Some(2), Some(9)] {
        let mut answers = Answers::new(Format::Jsonl, &classes, top, false, 1.0).unwrap();
        answers.push(&batch::Id::Number(7), logits.view()).unwrap();
        let row: serde_json::Value = serde_json::from_slice(answers.text()).unwrap();
        assert_eq!((&row["id"], &row["class"]), (&7.into(), &"b".into()));
        let names = row["top"].as_array().map(|top| top.iter().map(|pair| pair[0].clone()).collect::<Vec<_>>());
        rows.push(names.unwrap_or_default().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<String>());
    }
    assert_eq!(rows, ["", "b", "bc", "bcad"]);
}

/// Answers to one row at a time, to all at once and the model's own logits have the same bits.
#[test]
fn sizes_of_every_kind_give_the_same_bits_in_any_batch() {
    for (features, hidden, n_classes) in [(784, vec![300, 30], 10), (16, vec![], 3), (1, vec![1], 1), (70, vec![64], 2)]
    {
        let classes: Vec<String> = (0..n_classes).map(|class| class.to_string()).collect();
        let config = MlpConfig { hidden, ..MlpConfig::default() };
        let model = Network::new(config, vec![features], classes.clone(), 5).unwrap();
        let rows = Array2::from_shape_fn((300, features), |(i, j)| ((i * 31 + j * 7) as f32).sin());
        let expected = model.logits(rows.view()).unwrap();
        for size in [1, 2, 3, 100, 256] {
            let answers = Answers::new(Format::Csv, &classes, None, false, 1.0).unwrap();
            let mut predictor = Predictor::new(&model, answers, |_: &[u8]| Ok(()));
            for (chunk, expected) in rows.axis_chunks_iter(Axis(0), size).zip(expected.axis_chunks_iter(Axis(0), size))
            {
                for row in chunk.rows() {
                    predictor.batch.begin();
                    row.iter().for_each(|&value| predictor.batch.push(value));
                    predictor.batch.finish(batch::Id::Number(0), String::new());
                }
                predictor.flush().unwrap();
                assert!(expected.iter().zip(&predictor.logits).all(|(a, b)| a.to_bits() == b.to_bits()), "{size}");
            }
        }
    }
}

proptest! {
    #[test]
    fn every_split_into_batches_gives_the_logits_of_the_model(
        rows in prop::collection::vec(prop::collection::vec(-4.0_f32..4.0, 3), 2..600),
        step in prop::sample::select(vec![1_usize, 7, 30, 1000, 1 << 16]),
        json: bool,
    ) {
        let line = |row: &Vec<f32>| {
            let cells = row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            if json { format!("[{cells}]\n") } else { format!("{cells}\n") }
        };
        let input: String = rows.iter().map(line).collect();
        let model = model();
        let logits = model.logits(Array2::from_shape_fn((rows.len(), 3), |(i, j)| rows[i][j]).view()).unwrap();
        let mut expected = Answers::new(Format::Csv, &model.spec().classes, None, true, 1.0).unwrap();
        for (row, logits) in (0..).zip(logits.rows()) {
            expected.push(&batch::Id::Number(row), logits).unwrap();
        }
        let (text, _, error) = answer(input.as_bytes(), step, Format::Csv, true);
        prop_assert_eq!(error, None);
        prop_assert_eq!(text.as_bytes(), expected.text());
    }

    #[test]
    fn nothing_that_is_typed_panics(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "1", "-2e3", ",", "\n", "[", "]", "{", "}", "\"", ":", "features", "id", "null", " ", "\r", "é", "\0", "1e400",
            "\"features\":", "\"id\":", "[1,2,3]", "1,2,3\n", "nan", "\u{1f}",
        ]), 0..40),
        step in 1_usize..20,
    ) {
        let (text, _, error) = answer(tokens.concat().as_bytes(), step, Format::Jsonl, false);
        for line in text.lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok());
        }
        prop_assert!(error.is_none_or(|error| error.starts_with("error[E0206]")));
    }
}
