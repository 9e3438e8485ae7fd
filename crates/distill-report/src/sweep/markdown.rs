use super::{SweepReport, keys, table, words};
use crate::text::{escape, fenced, list, paragraph, rows};

/// The report as Markdown. It shows the charts of [`SweepReport::plots`].
pub fn markdown(report: &SweepReport) -> String {
    let plots = report.plots();
    let plot = |path: &str, name: &str| match plots.iter().any(|plot| plot.path() == path) {
        true => format!("![{name}]({path})\n\n"),
        false => String::new(),
    };
    let mut text = format!("# {}\n\n{}\n\n", escape(&report.title), escape(&words::verdict(report)));
    text += &list(&words::setting(report));

    text += "## Trials\n\n";
    if report.ranking.is_empty() {
        text += &paragraph(words::NO_TRIAL);
    }
    text += &rows(&table::trials(report));
    text += &table::more(report).map_or(String::new(), |more| paragraph(&more));
    text += &rows(&table::failures(report));

    text += "## Which differences are noise\n\n";
    text += &plot("plots/differences.svg", "errors of each trial minus those of the best");
    text += &paragraph(&words::method(report).unwrap_or_else(|| words::no_difference(report).to_owned()));

    text += "## What each setting does\n\n";
    text += &plot("plots/settings.svg", &format!("{} by setting", report.measure().replacen('V', "v", 1)));
    text += &paragraph(&keys::text(report));

    text += "## How to go on\n\n";
    if let Some(next) = &report.shared_next {
        text += &(paragraph("The best settings on the test set:") + &fenced("sh", next));
    }
    text += &(paragraph("The sweep was made by:") + &fenced("sh", &report.status.command));
    text += &(list(&words::made(report)) + &fenced("toml", &report.recipe));
    text.truncate(text.trim_end().len());
    text + "\n"
}
