mod gallery;

use distill_chart::{Chart, STYLE, escape};
use distill_train::Verdict;

use super::bars::costs;
use super::calibration::calibration;
use super::data::Report;
use super::facts::{self, Facts};
use super::group::groups;
use super::lines::{loss, validation};
use super::matrix::confusion;
use super::table::{self, Table};
use super::words;

const PAGE_STYLE: &str = include_str!("page.css");

/// The report as one HTML file that needs nothing else: no script, no network, no second file.
pub(crate) fn html(report: &Report) -> String {
    let title = escape(&report.title);
    let sections = [
        ("results", "Results", results(report)),
        ("difference", "What distillation changed", difference(report)),
        ("curves", "Learning curves", curves(report)),
        ("soft-targets", "What the teacher knows", soft_targets(report)),
        ("disagreements", "Where the student differs from the teacher", disagreements(report)),
        ("confusion", "Confusion", confusions(report)),
        ("calibration", "Calibration", reliability(report)),
        ("costs", "Size and speed", sizes(report)),
        ("reproduce", "How to reproduce", reproduce(report)),
    ];
    let links: String =
        sections.iter().map(|(id, heading, _)| format!("<li><a href=\"#{id}\">{heading}</a></li>\n")).collect();
    let body: String = sections
        .iter()
        .map(|(id, heading, body)| {
            format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{}{}\
         <nav aria-label=\"Contents\">\n<ul>\n{links}</ul>\n</nav>\n</header>\n<main>\n{body}</main>\n</body>\n</html>\n",
        verdict(report),
        list(&facts::setting(report)),
    )
}

fn verdict(report: &Report) -> String {
    let badge = report.comparison.as_ref().map_or(String::new(), |comparison| {
        let class = match comparison.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::NotDistinguishable => "open",
        };
        format!("<strong class=\"{class}\">{}</strong> ", crate::verdict::name(comparison.verdict))
    });
    format!("<p class=\"verdict\">{badge}{}</p>\n", escape(&words::verdict(report)))
}

fn results(report: &Report) -> String {
    if report.models.is_empty() {
        return note(words::NO_MODELS);
    }
    let several = groups(report).iter().any(|group| group.models.len() > 1);
    let over = if several { "On the test set; mean ± standard deviation over the seeds." } else { "On the test set." };
    format!("{}{}", paragraph(over), scrolling(&table::results(report), "Results"))
}

fn difference(report: &Report) -> String {
    let mut body = report.comparison.as_ref().map_or(String::new(), |found| paragraph(&words::difference(found)));
    body += &words::comparison_gap(report).map_or(String::new(), note);
    body + &captioned("Test errors by seed", &table::by_seed(report))
}

fn curves(report: &Report) -> String {
    let charts: Vec<Chart> = [loss(&report.curves), validation(&report.curves)].into_iter().flatten().collect();
    let mut body = figures(&charts, "wide");
    if !charts.is_empty() {
        let several = groups(report).iter().any(|group| group.models.len() > 1);
        let lines = if several { "Bold: the mean over the seeds; thin: each seed. " } else { "" };
        body += &paragraph(&format!(
            "{lines}The distilled student's loss weighs soft targets, so its height is not that of the others."
        ));
    }
    for gap in words::curve_gaps(report) {
        body += &note(&gap);
    }
    body + &captioned("The last epoch", &table::last_epochs(report))
}

fn soft_targets(report: &Report) -> String {
    let gallery = &report.gallery;
    if gallery.dark_knowledge.is_empty() {
        return note(words::NO_EXAMPLES);
    }
    let at = gallery.temperature;
    let mut body = paragraph(&format!(
        "The teacher's probabilities as they are (T = 1), and softened as the student learns from them (T = {at}): \
         what it thinks of the wrong classes comes to light."
    ));
    body += &words::picture_gap(report).map_or(String::new(), note);
    body + &gallery::soft_targets(report)
}

fn disagreements(report: &Report) -> String {
    if report.gallery.disagreements.is_empty() {
        return note(words::NO_EXAMPLES);
    }
    words::picture_gap(report).map_or(String::new(), note) + &gallery::disagreements(report)
}

fn confusions(report: &Report) -> String {
    let charts = confusion(&groups(report), &report.data.classes);
    if charts.is_empty() {
        return note(words::NO_CONFUSION);
    }
    let text = paragraph(
        "Test examples by label and answer, summed over the seeds. The diagonal is right, the rest are errors; deeper is \
         more, on one scale for all.",
    );
    text + &figures(&charts, "") + &captioned("The most frequent errors, per seed", &table::frequent_errors(report))
}

fn reliability(report: &Report) -> String {
    let charts = calibration(&groups(report));
    if charts.is_empty() {
        return note(words::NO_CALIBRATION);
    }
    paragraph(
        "How often an answer is right, by how sure the model is of it; on the broken line it is as often right as it \
         says. Below: how many test examples, on a logarithmic scale.",
    ) + &figures(&charts, "")
}

fn sizes(report: &Report) -> String {
    let groups = groups(report);
    if groups.is_empty() {
        return note(words::NO_MODELS);
    }
    let untimed = groups.iter().any(|group| group.models.iter().all(|model| model.latency.is_none()));
    let gap = if untimed { note("Latency was not measured for every model.") } else { String::new() };
    figures(&costs(&groups), "") + &gap
}

fn reproduce(report: &Report) -> String {
    let mut body = String::new();
    for run in &report.runs {
        body += &format!("<pre><code>{}</code></pre>\n{}", escape(&run.command), list(&facts::run(run)));
    }
    body += &scrolling(&table::hashes(report), "Hashes of the weights");
    body + &format!(
        "<details>\n<summary>The whole recipe, with every default</summary>\n<pre><code>{}</code></pre>\n</details>\n",
        escape(&report.recipe)
    )
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// What is missing, and why.
fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escape(text))
}

fn figures(charts: &[Chart], class: &str) -> String {
    let figures: String = charts.iter().map(|chart| format!("<figure>{}</figure>\n", chart.inline())).collect();
    if figures.is_empty() { figures } else { format!("<div class=\"figures {class}\">\n{figures}</div>\n") }
}

/// A table under its name; nothing for no rows.
fn captioned(name: &str, table: &Table) -> String {
    if table.rows.is_empty() { String::new() } else { paragraph(&format!("{name}:")) + &scrolling(table, name) }
}

fn list(facts: &Facts) -> String {
    let items = facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)));
    format!("<dl>\n{}</dl>\n", items.collect::<String>())
}

/// A table that scrolls by itself where it is wider than the page; nothing for no rows.
fn scrolling(table: &Table, name: &str) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let cells = |cells: &[String], tag: &str| -> String {
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escape(cell));
        cells.iter().map(cell).collect()
    };
    let head: String = table.header.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escape(cell))).collect();
    let row =
        |row: &Vec<String>| format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(&row[0]), cells(&row[1..], "td"));
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{name}\">\n<table>\n<thead><tr>{head}</tr>\
         </thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}
