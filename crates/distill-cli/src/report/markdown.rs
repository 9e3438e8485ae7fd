use std::fmt::Write as _;

use super::data::{GalleryExample, Report};
use super::facts::{self, Facts};
use super::numbers::probability;
use super::plots::plots;
use super::table::{self, Table};
use super::words::{self, answer, class_name, label_name};

/// The report as Markdown, for a terminal or the page of a repository. It shows the charts of [`plots`].
pub(crate) fn markdown(report: &Report) -> String {
    let plots = plots(report);
    let plot = |path: &str, name: &str, without: &str| match plots.iter().any(|(plot, _)| *plot == path) {
        true => format!("![{name}]({path})\n\n"),
        false if without.is_empty() => String::new(),
        false => paragraph(without),
    };
    let mut text = format!("# {}\n\n{}\n\n", escape(&report.title), escape(&words::verdict(report)));
    text += &list(&facts::setting(report));

    text += "## Results\n\n";
    if report.models.is_empty() {
        text += &paragraph(words::NO_MODELS);
    } else {
        text += &paragraph("On the test set; mean ± standard deviation where there are several seeds.");
        text += &rows(&table::results(report));
    }

    text += "## What distillation changed\n\n";
    if let Some(comparison) = &report.comparison {
        text += &paragraph(&words::difference(comparison));
    }
    text += &words::comparison_gap(report).map_or(String::new(), paragraph);
    text += &rows(&table::by_seed(report));

    text += "## Learning curves\n\n";
    text += &plot("plots/loss.svg", "training loss by epoch", "");
    text += &plot("plots/validation.svg", "validation errors by epoch", "");
    text += &words::curve_gaps(report).iter().map(|gap| paragraph(gap)).collect::<String>();
    text += &rows(&table::last_epochs(report));

    text += &soft_targets(report);
    text += &disagreements(report);

    text += "## Confusion\n\n";
    text += &plot("plots/confusion.svg", "confusion matrices", words::NO_CONFUSION);
    text += &rows(&table::frequent_errors(report));

    text += "## Calibration\n\n";
    text += &plot("plots/calibration.svg", "right answers by confidence", words::NO_CALIBRATION);

    text += "## How to reproduce\n\n";
    for run in &report.runs {
        text += &fenced("sh", &run.command);
        text += &list(&facts::run(run));
    }
    text += &rows(&table::hashes(report));
    if !report.recipe.is_empty() {
        text += &fenced("toml", &report.recipe);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn soft_targets(report: &Report) -> String {
    /// Of each example; the rest is close to nothing.
    const N_CLASSES: usize = 5;
    let gallery = &report.gallery;
    let row = |example: &GalleryExample| {
        let mut classes: Vec<usize> = (0..example.teacher_soft.len()).collect();
        classes.sort_by(|&a, &b| example.teacher_soft[b].total_cmp(&example.teacher_soft[a]));
        let list = |probs: &[f64]| {
            let shown = classes.iter().take(N_CLASSES).filter_map(|&class| Some((class, *probs.get(class)?)));
            shown
                .map(|(class, p)| format!("{} {}", class_name(report, class), probability(p)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        vec![
            example.index.to_string(),
            label_name(report, example),
            list(&example.teacher),
            list(&example.teacher_soft),
        ]
    };
    let header = ["example", "label", "T = 1", &format!("T = {}", gallery.temperature)].map(str::to_owned);
    let table = Table { header: header.into(), rows: gallery.dark_knowledge.iter().map(row).collect() };
    let text = "What it thinks of the wrong classes, and what temperature brings to light.";
    section(&table, "## What the teacher knows", text)
}

fn disagreements(report: &Report) -> String {
    let cell = |probs: Option<&Vec<f64>>| match probs.and_then(|probs| answer(probs)) {
        None => "-".to_owned(),
        Some((class, p)) => format!("{} ({})", class_name(report, class), probability(p)),
    };
    let row = |example: &GalleryExample| {
        vec![
            example.index.to_string(),
            label_name(report, example),
            cell(Some(&example.teacher)),
            cell(Some(&example.student)),
            cell(example.baseline.as_ref()),
        ]
    };
    let header = ["example", "label", "teacher", "student distilled", "student alone"].map(str::to_owned);
    let table = Table { header: header.into(), rows: report.gallery.disagreements.iter().map(row).collect() };
    section(
        &table,
        "## Where the student differs from the teacher",
        "Answers, with the probability that each model gives them.",
    )
}

/// A table under a heading; it says so if there is nothing to show.
fn section(table: &Table, heading: &str, text: &str) -> String {
    if table.rows.is_empty() {
        return format!("{heading}\n\n{}", paragraph(words::NO_EXAMPLES));
    }
    format!("{heading}\n\n{text}\n\n{}", rows(table))
}

fn paragraph(text: &str) -> String {
    format!("{}\n\n", escape(text))
}

fn list(facts: &Facts) -> String {
    let items = facts.iter().map(|(name, value)| format!("- {name}: {}\n", escape(value)));
    items.collect::<String>() + "\n"
}

/// A table whose columns are as wide as their widest cell, so that it can be read as it is.
fn rows(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let lines: Vec<Vec<String>> = [&table.header]
        .into_iter()
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| escape(cell)).collect())
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..table.header.len()).map(width).collect();
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if column == 0 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text += "|\n";
        if i == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ =
                    if column == 0 { write!(text, "|:{:-<width$}-", "") } else { write!(text, "|-{:-<width$}:", "") };
            }
            text += "|\n";
        }
    }
    text + "\n"
}

/// Text as it is, in a fence that nothing in it can close.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end())
}

/// A text in which nothing is markup, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '|' | '#' | '~' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
