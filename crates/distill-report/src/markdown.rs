use super::facts;
use super::numbers::probability;
use super::plots::plots;
use super::regression::{NO_PREDICTIONS, predicts_numbers};
use super::table::{self, Table};
use super::text::{escape, fenced, list, paragraph, rows};
use super::words::{self, answer, class_name, label_name};
use distill_lab::view::data::{GalleryExample, Report};

/// The report as Markdown, for a terminal or the page of a repository. It shows the charts of [`plots`].
pub fn markdown(report: &Report) -> String {
    let (plots, numbers) = (plots(report), predicts_numbers(report));
    let plot = |path: &str, name: &str, without: &str| match plots.iter().any(|plot| plot.path() == path) {
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
        text += &paragraph(&words::difference(report, comparison));
    }
    text += &words::comparison_gap(report).map_or(String::new(), paragraph);
    text += &rows(&table::by_seed(report));

    text += "## Learning curves\n\n";
    text += &plot("plots/loss.svg", "training loss by epoch", "");
    text += &plot(
        "plots/validation.svg",
        if numbers { "R² on the validation set by epoch" } else { "validation errors by epoch" },
        "",
    );
    text += &words::curve_gaps(report).iter().map(|gap| paragraph(gap)).collect::<String>();
    text += &rows(&table::last_epochs(report));

    if numbers {
        text += "## Predictions\n\n";
        text += &plot("plots/predictions.svg", "predictions and residuals", NO_PREDICTIONS);
    } else {
        text += &soft_targets(report);
        text += &disagreements(report);

        text += "## Confusion\n\n";
        text += &plot("plots/confusion.svg", "confusion matrices", words::NO_CONFUSION);
        text += &rows(&table::frequent_errors(report));

        text += "## Calibration\n\n";
        text += &plot("plots/calibration.svg", "right answers by confidence", words::NO_CALIBRATION);
    }

    text += "## Size and speed\n\n";
    text += &plot("plots/costs.svg", "parameters, size and latency", words::NO_MODELS);

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
