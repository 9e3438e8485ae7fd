use super::*;
use crate::tests::{assert_has, elements};
use distill_lab::sweep::Metric;
use distill_lab::sweep::SeedResult;

const HOSTILE: &str = "</text><script>\"&'";

/// A trial of one seed on 5,000 examples.
fn record(trial: usize, settings: &[&str], wrong: std::ops::Range<usize>) -> Record {
    Record {
        trial,
        rung: 1,
        epochs: 3,
        settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
        seeds: vec![SeedResult { seed: 1, errors: wrong.len(), nll: 0.25, wrong: Some(wrong.collect()), r2: None }],
        validation_examples: 5000,
        seconds: 1.25,
        error: None,
    }
}

fn report(records: Vec<Record>) -> SweepReport {
    let status = "version = 1\nstatus = \"completed\"\ncommand = \"distill sweep r.toml --set kd.temperature=1,4\"\n\
                  models = [\"student\"]\nprogram = \"distill 0.1.0\"\nprocessor = \"AMD EPYC\"\nthreads = 2\n\
                  recipe_sha256 = \"\"\ndata_sha256 = \"\"\nstarted = \"2026-11-24T10:55:47Z\"\nseconds = 61.0\n\
                  resumed = 0\ndepends_on = \"\"\n";
    let ranked = ranking(&records, Metric::Errors);
    SweepReport {
        title: "mnist, a sweep".to_owned(),
        path: "runs/mnist-sweep-001".to_owned(),
        definition: Definition {
            recipe: "r.toml".to_owned(),
            settings: vec![],
            sets: vec!["kd.temperature=1,4".to_owned(), "kd.alpha=0.5,0.9".to_owned()],
            random: None,
            seed: None,
            seeds: vec![1],
            halving: None,
            metric: Metric::Errors,
        },
        status: toml::from_str(status).unwrap(),
        keys: ["kd.temperature", "kd.alpha"].map(str::to_owned).into(),
        n_trials: records.len(),
        budgets: vec![3],
        differences: Difference::all(&ranked, &records),
        ranking: ranked.into_iter().cloned().collect(),
        records,
        recipe: "[kd]\nalpha = 0.9\n".to_owned(),
        next: Some("distill run r.toml kd.temperature=4".to_owned()),
        shared_next: Some("distill run r.toml kd.temperature=4".to_owned()),
    }
}

fn full() -> SweepReport {
    let failed = Record {
        error: Some("E0601: the loss became NaN".to_owned()),
        seeds: vec![],
        ..record(4, &["kd.temperature=1", "kd.alpha=0.9"], 0..0)
    };
    report(vec![
        record(1, &["kd.temperature=1", "kd.alpha=0.5"], 0..160),
        record(2, &["kd.temperature=4", "kd.alpha=0.5"], 0..83),
        record(3, &["kd.temperature=4", "kd.alpha=0.9"], 2..88),
        failed,
    ])
}

/// With names that are markup, many trials, and halving.
fn hostile() -> SweepReport {
    let name = format!("name={HOSTILE}");
    let trials =
        (1..=70).map(|trial| record(trial, &[&name, &format!("kd.alpha={}", trial as f64 / 70.0)], 0..40 + trial));
    let again = |record: &Record| Record { rung: 2, epochs: 9, ..record.clone() };
    let mut records: Vec<Record> = trials.collect();
    records.extend(records[..30].iter().map(again).collect::<Vec<_>>());
    SweepReport {
        title: HOSTILE.to_owned(),
        n_trials: 70,
        budgets: vec![3, 9],
        recipe: HOSTILE.to_owned(),
        ..report(records)
    }
}

#[test]
fn the_page_says_which_differences_are_noise() {
    let page = html(&full());
    assert_has(
        &page,
        &[
            "Of 4 trials the best is kd.temperature=4 kd.alpha=0.5, with 83 validation errors of 5,000. 1 of the 2 other \
             trials cannot be told apart from the best. The differences between them may be chance: any of them may be the best.",
            "<th scope=\"row\">2</th><td>83</td><td>best</td><td>4</td><td>0.5</td><td>-</td>",
            "<th scope=\"row\">3</th><td>86</td><td>noise</td><td>4</td><td>0.9</td><td>+3</td>",
            "<th scope=\"row\">1</th><td>160</td><td>more errors</td><td>1</td><td>0.5</td><td>+77</td>",
            "<th scope=\"row\">4</th><td>failed</td><td>-</td><td>1</td><td>0.9</td><td>-</td>",
            "E0601: the loss became NaN",
            "adjusted for 2 comparisons by Holm&#39;s method",
            "<td>&lt; 0.001</td>",
            "distill run r.toml kd.temperature=4",
            "runs/mnist-sweep-001",
        ],
    );
    assert_has(
        &markdown(&full()),
        &[
            "![errors of each trial minus those of the best](plots/differences.svg)",
            "](plots/settings.svg)",
            "```sh\ndistill run r.toml kd.temperature=4\n```",
            "noise |",
        ],
    );
}

#[test]
fn trials_with_numbers_to_predict_are_shown_by_r2() {
    let numbers = |trial, setting: &str, r2| Record {
        seeds: vec![SeedResult { seed: 1, errors: 0, nll: 1.0 - r2, wrong: None, r2: Some(r2) }],
        ..record(trial, &[setting, "kd.alpha=1"], 0..0)
    };
    let report = report(vec![numbers(1, "train.epochs=4", 0.75), numbers(2, "train.epochs=9", 0.8125)]);
    let page = html(&report);
    let best = "<th scope=\"row\">2</th><td>0.8125</td><td>9</td><td>1</td><td>1.2 s</td>";
    assert_has(&page, &["the best is train.epochs=9 kd.alpha=1, with R² 0.8125 on 5,000 validation examples.", best]);
    assert_has(&page, &["best by</dt><dd>R² on the validation set", "Validation R² by kd.temperature"]);
    assert_has(&markdown(&report), &["![validation R² by setting](plots/settings.svg)"]);
    assert!(!page.contains("errors") && !page.contains("nll"), "{page}");
}

#[test]
fn pages_and_plots_are_well_formed_and_whole() {
    for report in [full(), hostile(), report(vec![])] {
        let page = html(&report);
        assert_eq!(elements(&page).iter().filter(|name| *name == "h2").count(), 4);
        for outside in ["http", "url(", "<script", "<link", "src="] {
            assert!(!page.contains(outside), "{outside}");
        }
        for (path, file) in report.plots().iter().flat_map(Plot::files) {
            if path.ends_with(".svg") {
                let svg = String::from_utf8(file).unwrap();
                assert_eq!(elements(&svg)[0], "svg", "{path}");
                assert!(!svg.contains("<script") && !svg.contains("NaN"), "{path}");
            } else {
                assert!(file.starts_with(b"\x89PNG"), "{path}");
            }
        }
    }
    assert_eq!((full().plots().len(), report(vec![]).plots().len()), (2, 0));
    assert_has(&html(&hostile()), &["20 more trials are in sweep.csv", "after the 3 epochs of the first rung"]);
    assert_has(&html(&report(vec![])), &["No trial has a result yet."]);
}

#[test]
fn the_chart_shows_noise_as_rings() {
    let svg = chart::differences(&full()).unwrap().inline();
    // One of each kind is in the legend.
    let count = |class: &str| svg.matches(&format!("<circle class=\"{class}\"")).count();
    assert_eq!([count("dot student"), count("ring same"), count("dot other")], [2, 2, 2]);
    assert_has(&svg, &[">temperature=4 alpha=0.9<", "class=\"whisker same\"", ">0<"]);
    // Many keys are left out, so that the values have room.
    let long = |i: usize| record(i, &["train.optimizer.weight_decay=0.001", "kd.temperature=4"], 0..i);
    assert_has(&chart::differences(&report(vec![long(1), long(2)])).unwrap().inline(), &[">0.001, 4<"]);
    assert!(chart::differences(&report(vec![record(1, &["kd.alpha=1"], 0..3)])).is_none());
}
