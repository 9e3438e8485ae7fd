use super::SweepReport;
use crate::numbers::{seconds, signed};
use crate::table::Table;
use distill_lab::sweep::Difference;
use distill_lab::sweep::Record;
use distill_lab::sweep::{SHOWN, errors, value};
use distill_lab::verdict;
use distill_recipe::words::thousands;

/// The trials from best to worst, and how each differs from the best. What is asked for first stands first: a phone
/// shows no more.
pub(super) fn trials(report: &SweepReport) -> Table {
    let (has_rungs, has_classes) = (report.budgets.len() > 1, !report.predicts_numbers());
    let (front, end): (&[&str], &[&str]) = match has_classes {
        true => {
            (&["trial", "val errors", "vs best"], &["difference", "95 % interval", "adjusted p", "val nll", "took"])
        }
        false => (&["trial", "val R²"], &["took"]),
    };
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let mut header = owned(front);
    header.extend(report.keys.iter().cloned());
    header.extend(has_rungs.then(|| "epochs".to_owned()));
    header.extend(owned(end));
    let row = |(place, record): (usize, &Record)| {
        let score = record.score();
        let [word, difference @ ..] = match report.difference(record.trial) {
            Some(difference) => differs(difference),
            None => {
                let word = if place == 0 && score.is_some() { "best" } else { "-" };
                [word, "-", "-", "-"].map(str::to_owned)
            }
        };
        let mut cells = vec![record.trial.to_string(), score.map_or("failed".to_owned(), errors)];
        cells.extend(has_classes.then_some(word));
        cells.extend(record.settings.iter().map(|setting| value(setting)));
        cells.extend(has_rungs.then(|| record.epochs.to_string()));
        if has_classes {
            cells.extend(difference);
            cells.push(score.map_or("-".to_owned(), |score| format!("{:.4}", score.nll)));
        }
        cells.push(seconds(record.seconds));
        cells
    };
    Table { header, rows: report.ranking.iter().take(SHOWN).enumerate().map(row).collect() }
}

fn differs(difference: &Difference) -> [String; 4] {
    let comparison = &difference.comparison;
    let decimals = usize::from(comparison.n_seeds > 1);
    let [low, high] = comparison.interval.map(|end| signed(end, verdict::decimals(comparison)));
    let p = match difference.p_adjusted {
        p if p < 0.001 => "< 0.001".to_owned(),
        p => format!("{p:.3}"),
    };
    [difference.word().to_owned(), signed(comparison.difference, decimals), format!("{low} to {high}"), p]
}

/// How many trials the table leaves out.
pub(super) fn more(report: &SweepReport) -> Option<String> {
    let n = report.ranking.len().checked_sub(SHOWN).filter(|n| *n > 0)?;
    Some(format!("{} more trials are in sweep.csv.", thousands(n as u64)))
}

/// Why trials failed.
pub(super) fn failures(report: &SweepReport) -> Table {
    let failed = report.ranking.iter().filter_map(|record| Some((record, record.error.clone()?)));
    let rows = failed.take(SHOWN).map(|(record, why)| vec![record.trial.to_string(), why]);
    Table { header: ["trial", "failed"].map(str::to_owned).into(), rows: rows.collect() }
}
