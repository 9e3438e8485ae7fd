mod gallery;

use distill_chart::{Chart, escape};
use distill_train::Verdict;

use super::bars::costs;
use super::calibration::calibration;
use super::facts;
use super::group::groups;
use super::lines::{loss, validation};
use super::matrix::confusion;
use super::page::{captioned, code, figures, list, note, page, paragraph, recipe, scrolling};
use super::regression::{NO_PREDICTIONS, predicts_numbers};
use super::residuals::residuals;
use super::table;
use super::words;
use distill_lab::view::data::Report;

/// The report as a page.
pub fn html(report: &Report) -> String {
    let sections = [
        ("results", "Results", results(report)),
        ("difference", "What distillation changed", difference(report)),
        ("curves", "Learning curves", curves(report)),
        ("soft-targets", "What the teacher knows", soft_targets(report)),
        ("disagreements", "Where the student differs from the teacher", disagreements(report)),
        ("confusion", "Confusion", confusions(report)),
        ("calibration", "Calibration", reliability(report)),
        ("predictions", "Predictions", predictions(report)),
        ("costs", "Size and speed", sizes(report)),
        ("reproduce", "How to reproduce", reproduce(report)),
    ];
    let of_classes = ["soft-targets", "disagreements", "confusion", "calibration"];
    let is_shown = |id: &str| match predicts_numbers(report) {
        true => !of_classes.contains(&id),
        false => id != "predictions",
    };
    let sections: Vec<_> = sections.into_iter().filter(|(id, ..)| is_shown(id)).collect();
    page(&report.title, &(verdict(report) + &list(&facts::setting(report))), &sections)
}

fn verdict(report: &Report) -> String {
    let badge = report.comparison.as_ref().map_or(String::new(), |comparison| {
        let class = match comparison.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::NotDistinguishable => "open",
        };
        format!("<strong class=\"{class}\">{}</strong> ", distill_lab::verdict::name(comparison.verdict))
    });
    format!("<p class=\"verdict\">{badge}{}</p>\n", escape(&words::verdict(report)))
}

fn results(report: &Report) -> String {
    if report.models.is_empty() {
        return note(words::NO_MODELS);
    }
    let several = groups(report).iter().any(|group| group.models.len() > 1);
    let over = if several { "On the test set; mean ± standard deviation over the seeds." } else { "On the test set." };
    format!("{}{}", paragraph(over), scrolling(&table::results(report), "Results", "stack"))
}

fn difference(report: &Report) -> String {
    let mut body =
        report.comparison.as_ref().map_or(String::new(), |found| paragraph(&words::difference(report, found)));
    body += &words::comparison_gap(report).map_or(String::new(), note);
    let name = if predicts_numbers(report) { "R² by seed" } else { "Test errors by seed" };
    body + &captioned(name, &table::by_seed(report), "narrow")
}

fn curves(report: &Report) -> String {
    let charts: Vec<Chart> = [loss(report), validation(&report.curves)].into_iter().flatten().collect();
    let mut body = figures(&charts, "wide");
    if !charts.is_empty() {
        let several = groups(report).iter().any(|group| group.models.len() > 1);
        let lines = if several { "Bold: the mean over the seeds; thin: each seed. " } else { "" };
        body += &paragraph(&format!(
            "{lines}The numbers are those of the last epoch. The first epochs may leave a chart at its edge, so that the ends \
             can be told apart. The distilled student's loss weighs soft targets, so its height is not that of the \
             others."
        ));
    }
    for gap in words::curve_gaps(report) {
        body += &note(&gap);
    }
    body + &captioned("The last epoch", &table::last_epochs(report), "")
}

fn soft_targets(report: &Report) -> String {
    let gallery = &report.gallery;
    if gallery.dark_knowledge.is_empty() {
        return note(words::NO_EXAMPLES);
    }
    let at = gallery.temperature;
    let mut body = paragraph(&format!(
        "The teacher's probabilities as they are (T = 1), and softened as the student learns from them (T = {at}): \
         what it thinks of the wrong classes comes to light. The longest bar of an example is its largest wrong class; a \
         bar with a gap is longer than there is room."
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
    text + &figures(&charts, "")
        + &captioned("The most frequent errors, per seed", &table::frequent_errors(report), "narrow")
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

fn predictions(report: &Report) -> String {
    let groups = groups(report);
    let charts: Vec<Chart> =
        (0..report.data.classes.len()).flat_map(|number| residuals(&groups, &report.data.classes, number)).collect();
    if charts.is_empty() {
        return note(NO_PREDICTIONS);
    }
    paragraph(
        "What the models of the first seed say of test examples that are spread over the set, at most 400, over what \
         is right; on the broken line the two are equal. Below: how far they are apart.",
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
        body += &(code(&run.command) + &list(&facts::run(run)));
    }
    body += &scrolling(&table::hashes(report), "Hashes of the weights", "");
    body + &recipe(&report.recipe)
}
