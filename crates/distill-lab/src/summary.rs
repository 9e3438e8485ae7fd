mod numbers;

use std::fmt::Write as _;

use distill_models::Task;
use distill_train::{Role, mean_and_sd};

use crate::folder::{ModelResult, RunResult};
use crate::verdict;

pub use crate::roles::label;
pub use numbers::{decimals, words as words_of_numbers};

use distill_recipe::words::{parameters, size, thousands};

/// The table and the sentence that a run ends with. On a terminal of `width` columns the table has what
/// fits, and the sentence breaks between words.
pub fn summary(result: &RunResult, width: Option<usize>) -> String {
    let header = if result.data.task == Task::Numbers { &numbers::HEADER } else { &HEADER };
    let mut text = table(header, &rows(result), width);
    let conclusion = conclusion(result);
    let _ = write!(text, "\n{}", width.map_or(conclusion.clone(), |width| wrapped(&conclusion, width)));
    text
}

/// Lines of whole words.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        let fits = column + 1 + len <= width;
        lines += if column == 0 {
            ""
        } else if fits {
            " "
        } else {
            "\n"
        };
        lines += word;
        column = if fits && column > 0 { column + 1 + len } else { len };
    }
    lines
}

const HEADER: [&str; 9] =
    ["", "architecture", "parameters", "size", "test errors", "accuracy", "nll", "agreement", "examples/s"];

fn rows(result: &RunResult) -> Vec<[String; 9]> {
    Role::ALL.iter().filter_map(|&role| row(result, role)).collect()
}

fn row(result: &RunResult, role: Role) -> Option<[String; 9]> {
    let models: Vec<&ModelResult> = result.of(role).collect();
    if result.data.task == Task::Numbers {
        return numbers::row(&models, role);
    }
    let first = models.first()?;
    let of =
        |f: &dyn Fn(&ModelResult) -> Option<f64>| -> Vec<f64> { models.iter().filter_map(|model| f(model)).collect() };
    let errors = of(&|model| Some(model.test_errors as f64));
    let accuracy = of(&|model| Some(100.0 * (1.0 - model.test_errors as f64 / model.test_examples as f64)));
    Some([
        label(role).to_owned(),
        first.architecture.clone(),
        parameters(first.parameters),
        size(first.weights_bytes as u64),
        spread(&errors, usize::from(errors.len() > 1)),
        format!("{} %", spread(&accuracy, 2)),
        spread(&of(&|model| Some(model.test_nll)), 4),
        match spread(&of(&|model| model.agreement.map(|part| 100.0 * part)), 2).as_str() {
            "-" => "-".to_owned(),
            agreement => format!("{agreement} %"),
        },
        rate(&models),
    ])
}

/// Examples of training in a second, mean over the models.
fn rate(models: &[&ModelResult]) -> String {
    let rates: Vec<f64> = models.iter().filter_map(|model| model.train_examples_per_second).collect();
    let rate = mean_and_sd(&rates).map(|(mean, _)| mean);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, shown whole")]
    rate.map_or("-".to_owned(), |rate| thousands(rate.round() as u64))
}

/// Columns that a narrow terminal does without, those first that are missed least: the report has them all.
const DISPENSABLE: [&str; 6] = ["examples/s", "architecture", "nll", "MAE", "size", "agreement"];

fn table(header: &[&str; 9], rows: &[[String; 9]], width: Option<usize>) -> String {
    let lines: Vec<[String; 9]> = [header.map(str::to_owned)].into_iter().chain(rows.iter().cloned()).collect();
    let fits = |text: &str| width.is_none_or(|width| text.lines().all(|line| line.chars().count() <= width));
    let mut text = columns(&lines, 2);
    for n_without in 1..=DISPENSABLE.len() {
        if fits(&text) {
            break;
        }
        let kept: Vec<usize> = (0..9).filter(|&at| !DISPENSABLE[..n_without].contains(&header[at])).collect();
        let n_words = kept.iter().filter(|&&at| at < 2).count();
        let narrow: Vec<Vec<String>> =
            lines.iter().map(|line| kept.iter().map(|&at| line[at].clone()).collect()).collect();
        text = columns(&narrow, n_words);
    }
    text
}

/// Lines of a table, all of equally many cells, with aligned columns: the first `n_words` columns to the
/// left, and the others, which hold numbers, to the right.
pub fn columns(lines: &[impl AsRef<[String]>], n_words: usize) -> String {
    let width = |column: usize| lines.iter().map(|line| line.as_ref()[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines.first().map_or(0, |line| line.as_ref().len())).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.as_ref().iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < n_words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// What to try where distillation did not help. What helped most on other data stands first: `docs/results/defaults.md`.
const OTHER_SETTINGS: &str = "`kd.alpha = 0.5`, then another `kd.temperature`, from 1 to 8, `data.mixtures = 2` unless the \
                              teacher is a table, more `train.epochs`, a lower `train.optimizer.lr`";

/// The same for numbers.
const OTHER_SETTINGS_OF_NUMBERS: &str = "another `kd.alpha`, `data.munge = { passes = 2 }` unless the teacher is a table, more \
                                         `train.epochs`, a lower `train.optimizer.lr`";

/// What distillation bought, in one sentence.
pub(crate) fn conclusion(result: &RunResult) -> String {
    if result.data.task == Task::Numbers {
        return numbers::conclusion(result);
    }
    let errors = |role: Role| -> Vec<f64> { result.of(role).map(|model| model.test_errors as f64).collect() };
    let (teacher, alone, distilled) = (errors(Role::Teacher), errors(Role::Baseline), errors(Role::Student));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let number = |value: f64| if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.1}") };
    let counted = |value: f64| format!("{} test error{}", number(value), if value == 1.0 { "" } else { "s" });
    let makes = |who: &str, errors: &[f64]| format!("{who} makes {}", counted(mean(errors)));
    match (alone.as_slice(), distilled.as_slice()) {
        ([], []) => return format!("{}.", makes("The teacher", &teacher)),
        (alone, []) => return format!("{}.", makes("The student alone", alone)),
        ([], distilled) => {
            return format!("{}, its teacher {}.", makes("The distilled student", distilled), number(mean(&teacher)));
        }
        _ => {}
    }
    let better = alone.iter().zip(&distilled).filter(|(alone, distilled)| distilled < alone).count();
    let (from, to, of) = (mean(&alone), mean(&distilled), mean(&teacher));
    let part = 100.0 * (from - to) / from;
    let what = if to < from {
        format!("Distillation took the student from {} to {}, {part:.0} % fewer", number(from), counted(to))
    } else {
        format!("Distillation did not help: {} on labels alone, {} distilled", counted(from), number(to))
    };
    let verdict = result.comparison.as_ref().map_or(String::new(), |comparison| {
        let ([low, high], decimals) = (comparison.interval, verdict::decimals(comparison));
        // Nothing below 0 is written as `-0`.
        let [low, high] = [low, high].map(|end| format!("{:.decimals$}", end + 0.0));
        let (verdict, open) = (verdict::name(comparison.verdict), verdict::open(comparison));
        format!(" ({verdict}: 95 % interval of the difference {low} to {high}{open})")
    });
    let seeds = match alone.len() {
        1 => String::new(),
        n => format!("; the distilled one is better on {better} of {n} seeds"),
    };
    // An answer of which nine tenths are wrong where chance is wrong in as many has learned nothing.
    let (n_classes, n_examples) = (result.data.classes.len() as f64, result.data.test as f64);
    let guessing = n_classes > 1.0 && from.min(to) > 0.95 * n_examples * (1.0 - 1.0 / n_classes);
    let is_trained = result.of(Role::Teacher).any(|model| model.train_seconds.is_some())
        || result.of(Role::Member).any(|model| model.train_seconds.is_some());
    let why = match () {
        () if guessing && !result.data.counters.is_empty() => format!(
            "; both students do little more than guess: they may have learnt the rows by `{}`, leave it out with \
             `data.columns.ignore`",
            result.data.counters[0]
        ),
        () if guessing => "; both students do little more than guess: lower `train.optimizer.lr`".to_owned(),
        () if to >= from && (of <= from || !is_trained) => format!("; try {OTHER_SETTINGS}"),
        () => String::new(),
    };
    let of_teacher = match () {
        () if of <= from || guessing => "",
        () if is_trained => ", more than the student alone: train it for longer",
        () => ", more than the student alone: a better one may help",
    };
    format!("{what}{verdict}; the teacher makes {}{of_teacher}{seeds}{why}.", number(of))
}

/// Mean and standard deviation for people; the mean alone of one value, `-` of none.
pub fn spread(values: &[f64], decimals: usize) -> String {
    match mean_and_sd(values) {
        None => "-".to_owned(),
        Some((mean, None)) => format!("{mean:.decimals$}"),
        Some((mean, Some(sd))) => format!("{mean:.decimals$} ± {sd:.decimals$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_gets_what_fits() {
        let row = ["student alone", "784-800-800-10", "1,276,810", "5.1 MB", "146.3 ± 1.5", "98.54 ± 0.01 %"];
        let row: Vec<String> =
            row.into_iter().chain(["0.0566 ± 0.0010", "98.74 ± 0.04 %", "23,101"]).map(str::to_owned).collect();
        let rows = [row.try_into().unwrap()];
        let header = |width| {
            table(&HEADER, &rows, width).lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(header(None), "architecture parameters size test errors accuracy nll agreement examples/s");
        assert_eq!(header(Some(140)), header(None));
        assert_eq!(header(Some(80)), "parameters size test errors accuracy agreement");
        assert_eq!(header(Some(20)), "parameters test errors accuracy");
        let text = "Distillation took the student from 146.3 to 118.7 test errors, 19 % fewer.";
        assert!(wrapped(text, 30).lines().all(|line| line.chars().count() <= 30));
        assert_eq!(wrapped(text, 30).replace('\n', " "), text);
        assert_eq!(wrapped(text, 200), text);
    }
}
