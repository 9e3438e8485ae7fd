//! The tables of an evaluation as CSV, for people and for programs, and the one that is read again.

mod numbers;

use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Writer};
use distill_train::{Evaluation, Measured};

use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::visible::visible;

/// The answers of a model to each example.
pub const PREDICTIONS_FILE: &str = "predictions.csv";

const PREDICTIONS: [&str; 4] = ["index", "label", "predicted", "confidence"];

/// One line of `predictions.csv`: names of classes, and the probability of the predicted one.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The class that is right.
    pub label: String,
    /// The most probable class.
    pub predicted: String,
    /// Its probability, from 0 to 1.
    pub confidence: f64,
}

pub use numbers::read_number_predictions;

/// All tables of an evaluation, with the names of their files. `names` are those of the classes, or of the numbers.
pub fn all(found: &Measured, names: &[String]) -> Vec<(&'static str, String)> {
    match found {
        Measured::Classes(found) => vec![
            ("per_class.csv", per_class(found, names)),
            ("confusion.csv", confusion(found, names)),
            ("calibration.csv", calibration(found)),
            (PREDICTIONS_FILE, predictions(found, names)),
        ],
        Measured::Numbers(found) => {
            vec![
                ("numbers.csv", numbers::numbers(found, names)),
                (PREDICTIONS_FILE, numbers::predictions(found, names)),
            ]
        }
    }
}

/// `per_class.csv`: results by class. What is not defined, such as the recall of a class without examples, is empty.
fn per_class(evaluation: &Evaluation, classes: &[String]) -> String {
    let rows = classes.iter().zip(evaluation.per_class()).map(|(class, result)| {
        [
            class.clone(),
            result.examples.to_string(),
            result.errors.to_string(),
            part(result.recall),
            part(result.precision),
            part(result.f1),
        ]
    });
    table(["class", "examples", "errors", "recall", "precision", "f1"], rows)
}

/// `confusion.csv`: numbers of examples, one line for each label, one column for each predicted class.
fn confusion(evaluation: &Evaluation, classes: &[String]) -> String {
    let header = std::iter::once("label").chain(classes.iter().map(String::as_str));
    let counts = evaluation.confusion();
    let rows = classes.iter().zip(counts.rows()).map(|(class, counts)| {
        std::iter::once(class.clone()).chain(counts.iter().map(ToString::to_string)).collect::<Vec<String>>()
    });
    table(header, rows)
}

/// `calibration.csv`: the bins of the expected calibration error, each from above one edge up to the other.
fn calibration(evaluation: &Evaluation) -> String {
    let rows = evaluation.calibration().into_iter().map(|bin| {
        let examples = bin.examples.to_string();
        [part(Some(bin.above)), part(Some(bin.up_to)), examples, part(bin.confidence()), part(bin.accuracy())]
    });
    table(["above", "up_to", "examples", "confidence", "accuracy"], rows)
}

/// `predictions.csv`: one line for each example, in the order of the test set.
fn predictions(evaluation: &Evaluation, classes: &[String]) -> String {
    let answers = evaluation.labels.iter().zip(&evaluation.predictions).zip(&evaluation.confidences);
    let rows = answers.enumerate().map(|(index, ((&label, &predicted), &confidence))| {
        let name = |class: u32| classes[class as usize].clone();
        [index.to_string(), name(label), name(predicted), part(Some(confidence))]
    });
    table(PREDICTIONS, rows)
}

/// Reads the bytes of a `predictions.csv`. `path` is for errors.
///
/// # Errors
/// [`Code::DataFile`] with the line, if it is not what an evaluation writes.
pub fn read_predictions(path: &Path, bytes: &[u8]) -> Result<Vec<Prediction>, Diagnostic> {
    let bad = |line: u64, what: String| {
        Diagnostic::new(Code::DataFile, what)
            .at(format!("{}:{line}", path.display()))
            .help("use a `predictions.csv` that an evaluation wrote, unchanged")
    };
    // The reader takes sixteen bytes for each value, and nobody writes so many.
    const MOST_VALUES: usize = 1000;
    let n_commas = |line: &[u8]| line.iter().filter(|&&byte| byte == b',').count();
    if let Some(at) = bytes.split(|&byte| byte == b'\n').position(|line| n_commas(line) >= MOST_VALUES) {
        return Err(bad(at as u64 + 1, format!("the line has more than {MOST_VALUES} values")));
    }
    // Lengths are compared here, for a better message than that of the reader.
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut predictions = Vec::new();
    let mut record = StringRecord::new();
    let mut has_header = false;
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) if predictions.is_empty() => return Err(bad(1, "the file has no predictions".into())),
            Ok(false) => return Ok(predictions),
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                return Err(bad(line, "the line cannot be read".into()).note(error.to_string()));
            }
        }
        let line = record.position().map_or(1, csv::Position::line);
        if has_header {
            predictions.push(prediction(&record, predictions.len()).map_err(|what| bad(line, what))?);
        } else if record == PREDICTIONS[..] {
            has_header = true;
        } else {
            let found = record.iter().map(shown).collect::<Vec<_>>().join(",");
            let note = format!("the first line must be `{}`, and is `{}`", PREDICTIONS.join(","), shown(&found));
            return Err(bad(line, "these are not predictions".into()).note(note));
        }
    }
}

/// The bytes that [`read_predictions`] reads.
pub fn written_again(predictions: &[Prediction]) -> String {
    let rows = predictions.iter().enumerate().map(|(index, prediction)| {
        let Prediction { label, predicted, confidence } = prediction;
        // As short as it can be read again to the same number.
        [index.to_string(), label.clone(), predicted.clone(), format!("{confidence:?}")]
    });
    table(PREDICTIONS, rows)
}

fn prediction(record: &StringRecord, index: usize) -> Result<Prediction, String> {
    let fields: Vec<&str> = record.iter().collect();
    let &[place, label, predicted, confidence] = fields.as_slice() else {
        return Err(format!("{} values where {} are expected", fields.len(), PREDICTIONS.len()));
    };
    if place.parse() != Ok(index) {
        return Err(format!("index `{}` where {index} is expected", shown(place)));
    }
    match confidence.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => {
            Ok(Prediction { label: label.to_owned(), predicted: predicted.to_owned(), confidence: value })
        }
        _ => Err(format!("confidence `{}` is not a number from 0 to 1", shown(confidence))),
    }
}

/// A value of a file that may be anything: short, and without what would move the cursor.
fn shown(value: &str) -> String {
    const WIDTH: usize = 60;
    let more = if value.chars().nth(WIDTH).is_some() { "…" } else { "" };
    value.chars().take(WIDTH).map(visible).collect::<String>() + more
}

/// A part of a whole with six decimals, or nothing.
fn part(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.6}"))
}

/// Lines of CSV under a header.
pub fn table<H, R>(header: H, rows: impl IntoIterator<Item = R>) -> String
where
    H: IntoIterator<Item: AsRef<[u8]>>,
    R: IntoIterator<Item = String>,
{
    const MEMORY: &str = "memory takes every line, and all lines have the columns of the header";
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(header).expect(MEMORY);
    for row in rows {
        writer.write_record(row).expect(MEMORY);
    }
    String::from_utf8(writer.into_inner().expect(MEMORY)).expect("names and numbers are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five answers over four classes, with names that need quotes.
    fn evaluation() -> (Evaluation, Vec<String>) {
        let evaluation = Evaluation {
            examples: 5,
            errors: 2,
            nll: 0.5,
            ece: 0.0,
            n_classes: 4,
            top_k: 4,
            top_k_errors: 0,
            labels: vec![0, 0, 0, 1, 2],
            predictions: vec![0, 0, 2, 0, 2],
            confidences: vec![0.75, 0.8, 0.5, 0.3, 1.0],
        };
        (evaluation, ["cat", "dog, small", "the \"big\"\none", "é"].map(str::to_owned).to_vec())
    }

    #[test]
    fn tables_by_hand() {
        let (evaluation, classes) = evaluation();
        assert_eq!(
            per_class(&evaluation, &classes),
            "class,examples,errors,recall,precision,f1\n\
             cat,3,1,0.666667,0.666667,0.666667\n\
             \"dog, small\",1,1,0.000000,,0.000000\n\
             \"the \"\"big\"\"\none\",1,0,1.000000,0.500000,0.666667\n\
             é,0,0,,,\n"
        );
        assert_eq!(
            confusion(&evaluation, &classes),
            "label,cat,\"dog, small\",\"the \"\"big\"\"\none\",é\n\
             cat,2,0,1,0\n\
             \"dog, small\",1,0,0,0\n\
             \"the \"\"big\"\"\none\",0,0,1,0\n\
             é,0,0,0,0\n"
        );
        let calibration = calibration(&evaluation);
        let lines: Vec<&str> = calibration.lines().collect();
        assert_eq!(lines.len(), 16);
        assert_eq!(lines[0], "above,up_to,examples,confidence,accuracy");
        assert_eq!(lines[1], "0.000000,0.066667,0,,");
        // 0.75 and 0.8 are both in the twelfth bin, which ends at 0.8.
        assert_eq!(lines[12], "0.733333,0.800000,2,0.775000,1.000000");
        assert_eq!(lines[15], "0.933333,1.000000,1,1.000000,1.000000");
    }

    #[test]
    fn predictions_are_read_as_they_were_written() {
        let (evaluation, classes) = evaluation();
        let text = predictions(&evaluation, &classes);
        assert!(text.starts_with("index,label,predicted,confidence\n0,cat,cat,0.750000\n1,cat,cat,0.800000\n"));
        let read = read_predictions(Path::new("p.csv"), text.as_bytes()).unwrap();
        assert_eq!(read.len(), 5);
        for (i, prediction) in read.iter().enumerate() {
            assert_eq!(prediction.label, classes[evaluation.labels[i] as usize]);
            assert_eq!(prediction.predicted, classes[evaluation.predictions[i] as usize]);
            assert!((prediction.confidence - evaluation.confidences[i]).abs() < 1e-6);
        }
    }

    #[test]
    fn errors_say_where_and_why() {
        let header = "index,label,predicted,confidence\n";
        for (text, line, expected) in [
            ("".into(), 1, "the file has no predictions"),
            (header.into(), 1, "the file has no predictions"),
            ("a,b\u{1b}\n0,x\n".into(), 1, "must be `index,label,predicted,confidence`, and is `a,b\u{fffd}`"),
            (format!("{header}0,x,x\n"), 2, "3 values where 4 are expected"),
            (format!("{header}0,x,x,1\n2,x,x,1\n"), 3, "index `2` where 1 is expected"),
            (format!("{header}0,x,x,1\n1,x,x,NaN\n"), 3, "confidence `NaN` is not a number from 0 to 1"),
            (format!("{header}0,x,x,1.01\n"), 2, "confidence `1.01` is not a number from 0 to 1"),
            (format!("{header}{},x,x,1\n", "9".repeat(99)), 2, "9…` where 0 is expected"),
            // An open quote swallows what follows.
            (format!("{header}0,\"x,x,1\n1,x,x,1\n"), 2, "2 values where 4 are expected"),
        ] {
            let text: String = text;
            let error = read_predictions(Path::new("p.csv"), text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("error[E0401]: "), "{error}");
            assert!(error.contains(expected) && error.contains(&format!("\n  --> p.csv:{line}\n")), "{text}: {error}");
            assert!(error.contains("\n   = help: "), "{error}");
        }
        let error = read_predictions(Path::new("p.csv"), b"index,label,predicted,confidence\n0,\xff,x,1\n");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("\n  --> p.csv:2\n") && error.to_lowercase().contains("utf-8"), "{error}");
    }
}
