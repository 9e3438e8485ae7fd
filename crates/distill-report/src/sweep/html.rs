use distill_chart::escape;

use super::{SweepReport, chart, keys, table, words};
use crate::page::{captioned, code, figures, list, note, page, paragraph, recipe, scrolling};

/// The report as a page.
pub fn html(report: &SweepReport) -> String {
    let sections = [
        ("trials", "Trials", trials(report)),
        ("differences", "Which differences are noise", differences(report)),
        ("settings", "What each setting does", settings(report)),
        ("reproduce", "How to go on", go_on(report)),
    ];
    let verdict = format!("<p class=\"verdict\">{}</p>\n", escape(&words::verdict(report)));
    page(&report.title, &(verdict + &list(&words::setting(report))), &sections)
}

fn trials(report: &SweepReport) -> String {
    if report.ranking.is_empty() {
        return note(words::NO_TRIAL);
    }
    let mut body = paragraph("From best to worst, on the validation set.");
    body += &scrolling(&table::trials(report), "Trials", "narrow");
    body += &table::more(report).map_or(String::new(), |text| note(&text));
    body + &captioned("Trials that failed", &table::failures(report), "narrow")
}

fn differences(report: &SweepReport) -> String {
    let Some(method) = words::method(report) else { return note(words::no_difference(report)) };
    let chart: Vec<_> = chart::differences(report).into_iter().collect();
    figures(&chart, "wide") + &paragraph(&method)
}

fn settings(report: &SweepReport) -> String {
    let charts = keys::charts(report);
    if charts.is_empty() {
        return note(words::NO_TRIAL);
    }
    figures(&charts, "wide") + &paragraph(&keys::text(report))
}

fn go_on(report: &SweepReport) -> String {
    let mut body = String::new();
    if let Some(next) = &report.shared_next {
        body += &(paragraph("The best settings on the test set:") + &code(next));
    }
    body += &(paragraph("The sweep was made by:") + &code(&report.status.command));
    body + &list(&words::made(report)) + &recipe(&report.recipe)
}
