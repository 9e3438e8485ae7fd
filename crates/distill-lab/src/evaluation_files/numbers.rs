//! The tables of an evaluation of numbers.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use distill_train::NumberEvaluation;
use ndarray::Array2;

use super::{shown, table};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// Behind the name of a number in the header: what the model says of it.
const PREDICTED: &str = " predicted";

/// Numbers of an example; a file with more was written by somebody else.
const MAX_NUMBERS: usize = 1000;

/// `numbers.csv`: results by number, in its unit. What is not defined is empty.
pub(super) fn numbers(found: &NumberEvaluation, names: &[String]) -> String {
    let rows = names.iter().zip(found.numbers()).map(|(name, number)| {
        let r2 = number.r2.map_or(String::new(), |r2| r2.to_string());
        [name.clone(), number.rmse.to_string(), number.mae.to_string(), number.bias.to_string(), r2]
    });
    table(["number", "rmse", "mae", "bias", "r2"], rows)
}

/// `predictions.csv`: one line for each example, in the order of the test set; each number and what the model says of it, as short
/// as they can be read again to the same bits.
pub(super) fn predictions(found: &NumberEvaluation, names: &[String]) -> String {
    let header = names.iter().flat_map(|name| [name.clone(), format!("{name}{PREDICTED}")]);
    let header: Vec<String> = std::iter::once("index".to_owned()).chain(header).collect();
    let rows = found.targets().outer_iter().zip(found.predictions().outer_iter()).enumerate();
    let rows = rows.map(|(index, (targets, predictions))| {
        let pairs = targets.into_iter().zip(predictions).flat_map(|(y, s)| [y.to_string(), s.to_string()]);
        std::iter::once(index.to_string()).chain(pairs).collect::<Vec<_>>()
    });
    table(header, rows)
}

/// Reads the bytes of a `predictions.csv` of numbers: their names, and the evaluation. Nothing if its header is another one. `path` is
/// for errors.
///
/// # Errors
/// [`Code::DataFile`] with the line, if it is not what an evaluation writes.
pub fn read_number_predictions(
    path: &Path,
    bytes: &[u8],
) -> Result<Option<(Vec<String>, NumberEvaluation)>, Diagnostic> {
    let bad = |line: u64, what: String| {
        Diagnostic::new(Code::DataFile, what)
            .at(format!("{}:{line}", path.display()))
            .help("use a `predictions.csv` that an evaluation wrote, unchanged")
    };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut record, mut names, mut values) = (StringRecord::new(), vec![], vec![]);
    loop {
        let line = |record: &StringRecord| record.position().map_or(1, csv::Position::line);
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            // Whatever is no text has no header of numbers.
            Err(_) if names.is_empty() => return Ok(None),
            Err(error) => {
                let at = error.position().map_or(1, csv::Position::line);
                return Err(bad(at, "the line cannot be read".into()).note(error.to_string()));
            }
        }
        if names.is_empty() {
            let Some(found) = header(&record) else { return Ok(None) };
            names = found;
            continue;
        }
        let n = values.len() / (2 * names.len());
        if record.len() != 1 + 2 * names.len() {
            return Err(bad(
                line(&record),
                format!("{} values where {} are expected", record.len(), 1 + 2 * names.len()),
            ));
        }
        if record[0].parse() != Ok(n) {
            return Err(bad(line(&record), format!("index `{}` where {n} is expected", shown(&record[0]))));
        }
        for text in record.iter().skip(1) {
            match text.parse::<f32>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => return Err(bad(line(&record), format!("`{}` is not a finite number", shown(text)))),
            }
        }
    }
    if values.is_empty() {
        return if names.is_empty() { Ok(None) } else { Err(bad(1, "the file has no predictions".into())) };
    }
    let shape = (values.len() / (2 * names.len()), names.len());
    let of = |which: usize| Array2::from_shape_fn(shape, |(row, at)| values[2 * (row * names.len() + at) + which]);
    let found = NumberEvaluation::new(of(0), of(1));
    Ok(Some((names, found)))
}

/// The names of the numbers, if it is the header of some.
fn header(record: &StringRecord) -> Option<Vec<String>> {
    let mut fields = record.iter();
    let n = record.len();
    if fields.next() != Some("index") || n < 3 || n.is_multiple_of(2) || n > 1 + 2 * MAX_NUMBERS {
        return None;
    }
    let fields: Vec<&str> = fields.collect();
    let is_pair = |pair: &[&str]| pair[1].strip_suffix(PREDICTED) == Some(pair[0]);
    fields.chunks(2).all(is_pair).then(|| fields.iter().step_by(2).map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn predictions_are_read_as_they_were_written() {
        let names = ["price, net", "a \"b\""].map(str::to_owned);
        let targets = array![[1.1, -2e30], [1e-7, 3.0]];
        let found = NumberEvaluation::new(targets, array![[1.0, -2.5e30], [0.1, 1.0 / 3.0]]);
        let text = predictions(&found, &names);
        assert!(text.starts_with("index,\"price, net\",\"price, net predicted\",\"a \"\"b\"\"\","), "{text}");
        let (read_names, read) = read_number_predictions(Path::new("p.csv"), text.as_bytes()).unwrap().unwrap();
        assert_eq!((read_names, read), (names.to_vec(), found));
    }

    #[test]
    fn results_by_hand() {
        let found = NumberEvaluation::new(array![[1.0, 5.0], [3.0, 5.0]], array![[2.0, 5.0], [3.0, 5.5]]);
        let names = ["a", "b"].map(str::to_owned);
        let expected =
            format!("number,rmse,mae,bias,r2\na,{},0.5,0.5,0.5\nb,{},0.25,0.25,\n", 0.5_f64.sqrt(), 0.125_f64.sqrt());
        assert_eq!(numbers(&found, &names), expected);
    }

    #[test]
    fn other_files_are_left_alone_and_damaged_ones_refused() {
        let read = |text: &str| read_number_predictions(Path::new("p.csv"), text.as_bytes());
        for other in ["", "index,label,predicted,confidence\n0,a,a,1\n", "a,b\n", "index,y,z predicted\n0,1,2\n"] {
            assert!(read(other).unwrap().is_none(), "{other}");
        }
        let header = "index,y,y predicted\n";
        for (rows, line, expected) in [
            ("", 1, "the file has no predictions"),
            ("0,1\n", 2, "2 values where 3 are expected"),
            ("0,1,2\n2,1,2\n", 3, "index `2` where 1 is expected"),
            ("0,1,NaN\n", 2, "`NaN` is not a finite number"),
            ("0,1,1e39\n", 2, "`1e39` is not a finite number"),
        ] {
            let error = read(&format!("{header}{rows}")).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&format!("p.csv:{line}\n")), "{rows}: {error}");
        }
    }
}
