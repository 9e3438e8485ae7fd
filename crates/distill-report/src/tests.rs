use distill_train::Verdict;

use super::fixture::{HOSTILE, empty, full, hostile, regression};
use super::html::html;
use super::markdown::markdown;
use super::plots::{Plot, plots};
use distill_lab::view::data::{GalleryExample, ImageShape, Report};

/// The names of the elements of a text, in order, if each is closed where it must be and all markup is well formed.
pub(crate) fn elements(text: &str) -> Vec<String> {
    const VOID: [&str; 4] = ["meta", "img", "col", "wbr"];
    let mut names = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.strip_prefix("<!doctype html>").unwrap_or(text);
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start], open.last() == Some(&"style"));
        let end = rest[start..].find('>').map(|end| start + end).expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed before {rest:.80}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        check_attributes(tag[name.len()..].trim_end_matches('/'));
        names.push(name.to_owned());
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    check_text(rest, false);
    assert_eq!(open, [""; 0], "left open");
    names
}

fn check_text(text: &str, is_style: bool) {
    assert!(!text.contains('>') || is_style, "a bare `>` in {text:.80}");
    for entity in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| entity.starts_with(known)), "&{entity:.20}");
    }
}

/// `a="b" c="d"`, each once.
fn check_attributes(attributes: &str) {
    let parts: Vec<&str> = attributes.split('"').collect();
    assert!(parts.len() % 2 == 1 && parts.last().unwrap().trim().is_empty(), "{attributes}");
    let mut seen = Vec::new();
    for pair in parts.chunks_exact(2) {
        let name = pair[0].strip_prefix(' ').and_then(|name| name.strip_suffix('=')).expect("a space, a name, a `=`");
        assert!(!seen.contains(&name), "{name} twice in {attributes}");
        seen.push(name);
        check_text(pair[1], false);
    }
}

/// The charts as SVG, with their paths.
fn svgs(report: &Report) -> Vec<(String, String)> {
    let files = plots(report).into_iter().flat_map(|plot| plot.files());
    files
        .filter(|(path, _)| path.ends_with(".svg"))
        .map(|(path, svg)| (path, String::from_utf8(svg).unwrap()))
        .collect()
}

/// The values of an attribute in a text.
fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[track_caller]
pub(crate) fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}`");
    }
}

#[test]
fn pages_and_plots_are_well_formed() {
    for (report, sections) in [(full(), 9), (hostile(), 9), (empty(), 9), (regression(), 6)] {
        let names = elements(&html(&report));
        assert_eq!(names.iter().filter(|name| *name == "h2").count(), sections);
        for (path, plot) in svgs(&report) {
            assert_eq!(elements(&plot)[0], "svg", "{path}");
            assert!(plot.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        }
    }
}

#[test]
fn a_page_needs_nothing_else() {
    for report in [full(), hostile(), empty(), regression()] {
        let page = html(&report);
        for outside in ["http", "url(", "@import", "<script", "<link", "<iframe", "srcset", "javascript:"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(attributes(&page, "src").iter().all(|src| src.starts_with("data:image/png;base64,")));
        let ids = attributes(&page, "id");
        for link in attributes(&page, "href") {
            assert!(link.strip_prefix('#').is_some_and(|id| ids.contains(&id)), "{link}");
        }
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1));
    }
    assert_eq!(attributes(&html(&full()), "src").len(), 6);
}

#[test]
fn a_report_survives_json_and_gives_the_same_bytes() {
    for report in [full(), hostile(), empty(), regression()] {
        let json = serde_json::to_string(&report).unwrap();
        let again: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(html(&again), html(&report));
        assert_eq!(markdown(&again), markdown(&report));
        assert_eq!(svgs(&again), svgs(&report));
    }
    let json = serde_json::to_value(full()).unwrap();
    assert_eq!(json["comparison"]["verdict"], "better");
    assert_eq!(json["gallery"]["dark_knowledge"][0]["pixels"].as_str().unwrap().len(), 2 * 28 * 28);
    for bad in ["\"0\"", "\"0g\"", "\"é0\"", "[0]"] {
        let mut json = serde_json::to_value(&full().gallery.disagreements[0]).unwrap();
        json["pixels"] = serde_json::from_str(bad).unwrap();
        assert!(serde_json::from_value::<GalleryExample>(json).is_err(), "{bad}");
    }
}

#[test]
fn numbers_are_reported_in_their_units() {
    let page = html(&regression());
    assert_has(
        &page,
        &[
            "Distillation made the student better: an R² of 0.8050 ± 0.0071 instead of 0.7750 ± 0.0071 (2 seeds, 95 % interval \
             of the difference +0.0180 to +0.0420); the teacher has 0.8450 ± 0.0071.",
            "R², distilled minus alone: +0.0300 in the mean of 2 seeds",
            "<th scope=\"row\">RMSE, price</th><td>19682 ± 449</td>",
            "<td>1</td>",
            "R² on the validation set",
            "Predictions of the student distilled",
            "residual",
            "<dt>predicted</dt>",
        ],
    );
    for of_classes in ["Confusion", "Calibration", "test errors", "accuracy", "nll", "NaN"] {
        assert!(!page.contains(of_classes), "{of_classes}");
    }
    let text = markdown(&regression());
    assert_has(&text, &["## Predictions", "![predictions and residuals](plots/predictions.svg)", "+0.0400"]);
    assert!(svgs(&regression()).iter().any(|(path, _)| path == "plots/predictions.svg"));
}

#[test]
fn the_page_has_every_fact() {
    let page = html(&full());
    assert_has(
        &page,
        &[
            "Distillation made the student better: 116.0 ± 7.0 test errors of 10,000 instead of 146.0 ± 1.0, 21 % fewer (3 \
         seeds, 95 % interval of the difference \u{2212}46.4 to \u{2212}11.6); the teacher makes 107.0 ± 2.0.",
            "Distilled minus alone: \u{2212}29.0 test errors in the mean of 3 seeds; 95 % interval \u{2212}46.4 to \
         \u{2212}11.6, p = 0.019 (Student t over 3 paired seeds). Verdict: better. The test set is taken as fixed: ",
            "<th scope=\"row\">accuracy</th><td>98.93 ± 0.02 %</td><td>98.54 ± 0.01 %</td><td>98.84 ± 0.07 %</td>",
            "<th scope=\"row\">agreement with the teacher</th><td>-</td><td>98.74 ± 0.04 %</td><td>99.51 ± 0.04 %</td>",
            "<td>2,395,210</td><td>1,276,810</td>",
            "<td>9.6 MB</td><td>5.1 MB</td><td>5.1 MB</td>",
            "<td>413 µs</td><td>220 µs</td><td>220 µs</td>",
            "<td>489 µs</td><td>261 µs</td>",
            "<td>46 s</td><td>23 s</td><td>23 s</td>",
            "kd, T = 4, alpha = 0.95",
            "55,000 train, 5,000 validation, 54,999 transfer, 10,000 test",
            "1 × 28 × 28",
            "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
            "runs/mnist-003",
            "complete",
            "2026-11-24T10:55:47Z",
            "4 min 34 s",
            "distill 0.1.0",
            "AMD EPYC, AVX2",
            "distill run recipes/mnist.toml &#39;seeds=[1,2,3]&#39;",
            "validation = 5000",
        ],
    );
    for model in &full().models {
        assert_has(&page, &[&model.weights_sha256]);
    }
    assert!(!page.contains("class=\"note\""), "nothing is missing");
}

#[test]
fn temperature_is_seen_side_by_side() {
    let page = html(&full());
    assert_has(
        &page,
        &[
            "<th scope=\"col\" colspan=\"2\">T = 1</th><th scope=\"col\" colspan=\"2\">T = 4</th>",
            // The bar of the largest wrong class, 9, is whole, and that of the label has no room.
            "<tr class=\"label\"><th scope=\"row\">4</th><td class=\"track\"><i class=\"cut\" style=\"width:100%\"></i></td>",
            "<tr><th scope=\"row\">9</th><td class=\"track\"><i style=\"width:100%\"></i></td>",
            "<tr><th scope=\"row\">0</th><td class=\"track\"><i style=\"width:0%\"></i></td><td>&lt; 0.1 %</td>",
            "alt=\"test example 18, label 2\"",
        ],
    );
}

#[test]
fn each_chart_is_a_picture_too() {
    let files: Vec<(String, Vec<u8>)> = plots(&full()).iter().flat_map(Plot::files).collect();
    assert_eq!(files.len(), 10);
    for name in ["loss", "validation", "confusion", "calibration", "costs"] {
        let (_, png) = files.iter().find(|(path, _)| *path == format!("plots/{name}.png")).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        assert!(reader.info().width > 600 && reader.info().height > 200, "{name}: {:?}", reader.info().size());
    }
}

#[test]
fn a_phone_shows_the_column_of_the_distilled_student() {
    let page = html(&full());
    // Three columns below the names of the rows, in any width.
    assert_has(&page, &["<div class=\"scroll stack\" style=\"--n:3\"", "<div class=\"scroll narrow\" style=\"--n:4\""]);
    assert_has(&page, &[".stack tr{display:grid;grid-template-columns:repeat(var(--n),minmax(0,1fr))"]);
}

#[test]
fn names_of_classes_break_where_their_parts_meet() {
    let mut report = full();
    report.data.classes[9] = "transfer_between_accounts".to_owned();
    let page = html(&report);
    assert_has(&page, &["<th scope=\"row\">transfer_<wbr>between_<wbr>accounts</th>", "<table class=\"soft tall\">"]);
    assert!(!html(&full()).contains("soft tall"));
}

#[test]
fn answers_say_whether_they_are_right() {
    assert_has(
        &html(&full()),
        &[
            "<th scope=\"row\">teacher</th><td class=\"right\">4</td><td>62.2 %</td><td>62.2 %</td>",
            "<th scope=\"row\">student distilled</th><td class=\"wrong\">9</td><td>61.0 %</td><td>4.3 %</td>",
            "<th scope=\"row\">student alone</th><td class=\"wrong\">9</td><td>83.0 %</td><td>1.9 %</td>",
        ],
    );
}

#[test]
fn names_are_never_markup() {
    let report = hostile();
    for text in [html(&report)].into_iter().chain(svgs(&report).into_iter().map(|(_, plot)| plot)) {
        assert!(!text.contains("<script"));
    }
    assert_has(
        &html(&report).replace("<wbr>", ""),
        &["&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;|`*399"],
    );
    let text = markdown(&report);
    let (prose, recipe) = text.split_once("````toml\n").unwrap();
    assert!(!prose.contains(HOSTILE) && prose.contains("\\<script>alert(\"1\")\\</script>\\&'\\|\\`\\*399"), "{prose}");
    assert!(recipe.ends_with("```\n````\n"), "{recipe}");
}

#[test]
fn what_is_missing_is_said() {
    let page = html(&hostile());
    let gaps = [
        "One seed only, so there is no interval over seeds",
        "There is no curve of the teacher: it came from a file.",
        "No validation set was held out, so there is no validation curve.",
        "The data are not images, so there are no pictures.",
        "cannot be told apart: 2960 test errors of 10,000 distilled, 3004 alone (1 seed, 95 % interval of the difference \
         \u{2212}97 to +9, which holds 0)",
    ];
    assert_has(&page, &gaps);
    assert_has(&page, &["Latency was not measured for every model.", "390 others", "<tr class=\"label\">"]);
    assert_has(&markdown(&hostile()), &gaps[..3]);
    assert!(!page.contains("<img"));
    assert_has(
        &html(&empty()),
        &[
            "No distilled student has been evaluated.",
            "No model has been evaluated.",
            "Nothing to compare",
            "No learning curves were kept.",
            "No such examples were kept.",
            "No confusion matrices were kept.",
            "No calibration was measured.",
        ],
    );
    assert_has(&markdown(&empty()), &["\n- classes: -\n", "## Calibration\n\nNo calibration was measured.\n"]);
}

#[test]
fn the_verdict_fits_what_was_found() {
    let mut report = full();
    let mut comparison = report.comparison.take().unwrap();
    assert_has(&html(&report), &["was not tested; the teacher makes 107.0 ± 2.0."]);
    comparison.verdict = Verdict::Worse;
    report.comparison = Some(comparison);
    assert_has(&html(&report), &["<strong class=\"worse\">worse</strong> Distillation made the student worse: 116.0"]);
    report.models.retain(|model| model.role != "baseline");
    assert_has(&markdown(&report), &["No student was trained alone, so what distillation gained is not known."]);
}

#[test]
fn one_teacher_may_teach_all_seeds() {
    let mut report = full();
    report.models.retain(|model| model.role != "teacher" || model.seed == 1);
    assert_has(&html(&report), &["<th scope=\"row\">3</th><td>105</td><td>147</td><td>109</td><td>\u{2212}38</td>"]);
    report.models.remove(0);
    assert_has(&html(&report), &["<th scope=\"row\">3</th><td>-</td><td>147</td><td>109</td><td>\u{2212}38</td>"]);
}

#[test]
fn the_markdown_shows_the_plots_that_there_are() {
    let report = full();
    let text = markdown(&report);
    let paths: Vec<String> = plots(&report).iter().map(Plot::path).collect();
    assert_eq!(
        paths,
        ["loss", "validation", "confusion", "calibration", "costs"].map(|name| format!("plots/{name}.svg"))
    );
    assert!(paths.iter().all(|path| text.contains(&format!("]({path})"))));
    assert!(!markdown(&hostile()).contains("plots/validation.svg"));
    assert!(!markdown(&empty()).contains("plots/"));
    assert_has(
        &text,
        &[
            "| accuracy                   |   98.93 ± 0.02 % |  98.54 ± 0.01 % |    98.84 ± 0.07 % |",
            "| 247     |     4 | 4 (62.2 %) |        9 (61.0 %) |    9 (83.0 %) |",
            "# mnist, runs/mnist-003\n\nDistillation made the student better",
            "```sh\ndistill run recipes/mnist.toml 'seeds=[1,2,3]'\n```",
        ],
    );
    for model in &report.models {
        assert_has(&text, &[&model.weights_sha256]);
    }
}

#[test]
fn many_classes_make_small_matrices_without_names() {
    let (_, plot) = svgs(&hostile()).into_iter().find(|(path, _)| path == "plots/confusion.svg").unwrap();
    assert!(!plot.contains("class=\"cell") && !plot.contains("script"));
    assert!(plot.len() < 200_000, "{} bytes", plot.len());
    let (_, plot) = svgs(&full()).into_iter().find(|(path, _)| path == "plots/confusion.svg").unwrap();
    assert!(plot.contains("class=\"cell strong\""));
}

#[test]
fn a_list_of_another_length_breaks_nothing() {
    let mut report = full();
    report.data.classes.truncate(3);
    report.models[1].confusion.truncate(2);
    report.models[2].calibration.truncate(4);
    report.models[3].confusion = vec![vec![1, 2, 3, 4], Vec::new()];
    report.gallery.dark_knowledge[0].teacher.truncate(1);
    report.gallery.dark_knowledge[1].pixels.pop();
    report.gallery.disagreements[0].student.clear();
    report.gallery.disagreements[1].label = u32::MAX;
    report.gallery.image = Some(ImageShape { width: 28, height: 28, channels: 1 });
    elements(&html(&report));
    svgs(&report).iter().for_each(|(_, plot)| _ = elements(plot));
    assert_has(&markdown(&report), &["| 1014    | 4294967295 |"]);
}
