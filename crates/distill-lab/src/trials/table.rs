use super::difference::Difference;
use super::record::{CSV, Record};
use super::score::Score;
use crate::evaluation_files;
use crate::summary::columns;
use distill_recipe::words::thousands;

/// Trials that are shown at the end. The others are in the file.
pub const SHOWN: usize = 50;

/// `sweep.csv`: a line for each trial and rung, a column for each key.
pub(super) fn csv(keys: &[String], records: &[Record]) -> String {
    let start = ["trial", "rung", "epochs"];
    let predicts_numbers = records.iter().any(Record::predicts_numbers);
    let end: &[&str] = if predicts_numbers {
        &["validation_r2_mean", "validation_r2_sd", "seconds", "error"]
    } else {
        &["validation_errors_mean", "validation_errors_sd", "validation_nll", "seconds", "error"]
    };
    let header = start.into_iter().chain(keys.iter().map(String::as_str)).chain(end.iter().copied());
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let rows = records.iter().map(|record| {
        let score = record.score();
        let start = [record.trial.to_string(), record.rung.to_string(), record.epochs.to_string()];
        let found = if predicts_numbers {
            let r2 = score.and_then(|score| score.r2);
            vec![number(r2.map(|(mean, _)| mean)), number(r2.and_then(|(_, sd)| sd))]
        } else {
            let errors = score.map(|score| score.errors);
            vec![number(errors), number(score.and_then(|score| score.errors_sd)), number(score.map(|score| score.nll))]
        };
        let end = found.into_iter().chain([record.seconds.to_string(), record.error.clone().unwrap_or_default()]);
        start.into_iter().chain(record.settings.iter().map(|setting| value(setting))).chain(end).collect::<Vec<_>>()
    });
    evaluation_files::table(header, rows)
}

/// The trials from best to worst, for people, and how each differs from the best.
pub fn text(keys: &[String], ranking: &[&Record], has_rungs: bool, differences: &[Difference]) -> String {
    let mut header = vec!["trial".to_owned()];
    header.extend(keys.iter().cloned());
    header.extend(has_rungs.then(|| "epochs".to_owned()));
    let predicts_numbers = ranking.iter().any(|record| record.predicts_numbers());
    let found: &[&str] =
        if predicts_numbers { &["val R²", "seconds"] } else { &["val errors", "vs best", "val nll", "seconds"] };
    header.extend(found.iter().map(ToString::to_string));
    let mut lines = vec![header];
    for (place, record) in ranking.iter().take(SHOWN).enumerate() {
        let score = record.score();
        let mut line = vec![record.trial.to_string()];
        line.extend(record.settings.iter().map(|setting| value(setting)));
        line.extend(has_rungs.then(|| record.epochs.to_string()));
        line.push(score.map_or("failed".to_owned(), errors));
        if predicts_numbers {
            line.push(format!("{:.1}", record.seconds));
            lines.push(line);
            continue;
        }
        let difference = differences.iter().find(|difference| difference.trial == record.trial);
        line.push(match difference {
            Some(difference) => difference.word().to_owned(),
            None if place == 0 && score.is_some() => "best".to_owned(),
            None => "-".to_owned(),
        });
        line.push(score.map_or("-".to_owned(), |score| format!("{:.4}", score.nll)));
        line.push(format!("{:.1}", record.seconds));
        lines.push(line);
    }
    let mut text = columns(&lines, 1 + keys.len());
    if ranking.len() > SHOWN {
        text += &format!("and {} more, see {CSV}\n", thousands((ranking.len() - SHOWN) as u64));
    }
    text
}

/// Errors of a trial: whole for one seed, else mean and standard deviation.
pub fn errors(score: Score) -> String {
    if let Some((r2, sd)) = score.r2 {
        return format!("{r2:.4}{}", sd.map_or(String::new(), |sd| format!(" ± {sd:.4}")));
    }
    match score.errors_sd {
        None => format!("{}", score.errors),
        Some(sd) => format!("{:.1} ± {sd:.1}", score.errors),
    }
}

/// What stands behind the `=` of a setting.
pub fn value(setting: &str) -> String {
    setting.split_once('=').map_or("", |(_, value)| value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::record::SeedResult;
    use super::*;

    fn records() -> Vec<Record> {
        let record = |trial, settings: &[&str], errors: &[usize]| Record {
            trial,
            rung: 1,
            epochs: 9,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            seeds: (1..)
                .zip(errors)
                .map(|(seed, &errors)| SeedResult { seed, errors, nll: 0.25, wrong: None, r2: None })
                .collect(),
            validation_examples: 5000,
            seconds: 1.25,
            error: errors.is_empty().then(|| "E0601: the loss became NaN in epoch 1, step 2".to_owned()),
        };
        vec![
            record(2, &["student.model.hidden=[30, 30]", "kd.alpha=0.9"], &[231, 232]),
            record(1, &["student.model.hidden=[8]", "kd.alpha=1"], &[]),
        ]
    }

    fn keys() -> Vec<String> {
        ["student.model.hidden", "kd.alpha"].map(str::to_owned).into()
    }

    #[test]
    fn tables_by_hand() {
        let records = records();
        assert_eq!(
            csv(&keys(), &records),
            "trial,rung,epochs,student.model.hidden,kd.alpha,validation_errors_mean,validation_errors_sd,validation_nll,seconds,error\n\
             2,1,9,\"[30, 30]\",0.9,231.5,0.7071067811865476,0.25,1.25,\n\
             1,1,9,[8],1,,,,1.25,\"E0601: the loss became NaN in epoch 1, step 2\"\n"
        );
        assert_eq!(
            text(&keys(), &records.iter().collect::<Vec<_>>(), true, &[]),
            "trial  student.model.hidden  kd.alpha  epochs   val errors  vs best  val nll  seconds\n\
             2      [30, 30]              0.9            9  231.5 ± 0.7     best   0.2500      1.2\n\
             1      [8]                   1              9       failed        -        -      1.2\n"
        );
        let many: Vec<&Record> = std::iter::repeat_n(&records[0], 60).collect();
        assert!(text(&keys(), &many, false, &[]).ends_with("1.2\nand 10 more, see sweep.csv\n"));
    }
}
