use distill_models::Model;
use distill_specialists::Report;
use distill_train::SoftTargets;

use crate::goal::Goal;
use crate::numbers::{compared, differences, interval, mean, spread, table};
use crate::plan::Study;
use crate::section::Section;
use distill_lab::jobs::Stop;
use distill_recipe::words::thousands;

/// Weights of the generalist's probabilities in the training of specialists: labels alone, and the paper's cure for
/// over-fitting.
const WAYS: [(&str, f64); 2] = [("hard targets", 0.0), ("soft targets too", 0.5)];

/// What was found for one width and way, seed by seed.
struct Found {
    width: usize,
    way: &'static str,
    reports: Vec<Report>,
    /// Top-1 of generalist and system in percent of all snippets that were drawn.
    of_all: [Vec<f64>; 2],
}

impl Found {
    /// Top-1 of generalist or system in percent.
    fn top_1(&self, of: usize) -> Vec<f64> {
        self.reports.iter().map(|report| 100.0 * report.accuracy()[of]).collect()
    }

    fn conditional(&self, of: usize) -> Vec<f64> {
        let part =
            |report: &Report| 100.0 * report.conditional.correct[of] as f64 / report.conditional.examples.max(1) as f64;
        self.reports.iter().map(part).collect()
    }

    /// Of both in percent points.
    fn gain(&self) -> Vec<f64> {
        differences(&self.top_1(1), &self.top_1(0))
    }
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let seeds = study.setup("teacher")?.recipe.seeds.clone();
    let left_out = study.left_out()?;
    let mut all: Vec<Found> = vec![];
    for width in super::WIDTHS {
        let generalists = seeds.iter().map(|&seed| study.generalist(width, seed)).collect::<Result<Vec<_>, _>>()?;
        study.lab.train(&generalists)?;
        for (way, alpha) in WAYS {
            let specialists = study.specialists(width, alpha)?;
            let (mut reports, mut of_all) = (vec![], [vec![], vec![]]);
            for generalist in &generalists {
                let system = study.lab.system(generalist, &specialists)?;
                study.lab.spend_on_system(generalist, &specialists, system.0);
                let report = Report::asking(&system.1, &*study.lab.data.sets.test, &|model, data| {
                    SoftTargets::compute(&study.lab.asked(model, data.len()), data)
                });
                let report = report.map_err(|error| study.lab.stop(error))?;
                let models: [&dyn Model; 2] = [&**system.1.generalist(), &*system.1];
                for (at, model) in models.into_iter().enumerate() {
                    of_all[at].push(left_out.top_1_of_all(&study.lab, model, [report.correct[at], report.examples])?);
                }
                reports.push(report);
            }
            all.push(Found { width, way, reports, of_all });
        }
    }

    let mut section = Section::new("gain", "What specialists add", &seeds);
    for found in &all {
        let (before, after) = (found.top_1(0), found.top_1(1));
        let relative = 100.0 * mean(&found.gain()) / mean(&before);
        let is_goal = found.way == WAYS[1].0;
        section.compare(
            &format!("{} hidden units, {}: top-1 of generalist, with specialists, gain", found.width, found.way),
            "25.0 %, 26.1 %, 4.4 % relative",
            format!(
                "{} %, {} %, {} points, {relative:.1} % relative",
                spread(&before, 2),
                spread(&after, 2),
                interval(&found.gain(), 2)
            ),
            if is_goal { Goal::above_zero(&found.gain()) } else { None },
        );
    }
    let gains = compared(&all.iter().map(Found::gain).collect::<Vec<_>>(), 2);
    let lines: Vec<Vec<String>> = (all.iter().zip(gains))
        .map(|(found, (gain, _))| {
            let asked: Vec<f64> = found.reports.iter().map(|report| report.specialists_asked).collect();
            vec![
                found.width.to_string(),
                found.way.to_owned(),
                spread(&found.top_1(0), 2),
                spread(&found.top_1(1), 2),
                gain,
                spread(&found.conditional(0), 2),
                spread(&found.conditional(1), 2),
                spread(&asked, 2),
            ]
        })
        .collect();
    section.add(
        "Test snippets in percent. Conditional accuracy is that on the examples of each specialist's classes where only these \
         can be named (43.1 and 45.9 % in the paper). p-values of the gains are by Student's t, adjusted by Holm's method for their \
         number; the intervals are not.",
    );
    section.add(&table(
        &[
            "units",
            "specialists",
            "generalist",
            "with specialists",
            "gain",
            "conditional",
            "with specialists",
            "asked for an example",
        ],
        &lines,
    ));
    let used = || all.iter().flat_map(|found| &found.reports).map(|report| report.solver);
    section.add(&format!(
        "The answer of a generalist and its specialists took at most {} steps of EM, and for {} of all answers they did not converge.",
        thousands(used().map(|used| u64::from(used.most_steps)).max().unwrap_or_default()),
        thousands(used().map(|used| used.unsolved as u64).sum()),
    ));
    section.add(&format!("{}. Of all that were drawn:", left_out.sentence()));
    let lines: Vec<Vec<String>> = (all.iter())
        .map(|found| {
            let [before, after] = &found.of_all;
            let gain = interval(&differences(after, before), 2);
            vec![found.width.to_string(), found.way.to_owned(), spread(before, 2), spread(after, 2), gain]
        })
        .collect();
    section.add(&table(&["units", "specialists", "generalist", "with specialists", "gain"], &lines));
    if let Some(found) = all.get(1) {
        section.add(&format!(
            "Of the generalist with {} units and specialists on {}, by how many specialists have the class of a snippet, over \
             all seeds:",
            found.width, found.way
        ));
        section.add(&by_coverage(&found.reports));
    }
    Ok(section)
}

/// The paper's table 4.
fn by_coverage(reports: &[Report]) -> String {
    let n = reports.first().map_or(0, |report| report.by_coverage.len());
    let mut lines = vec![];
    for covering in 0..n {
        let sum = |of: &dyn Fn(&distill_specialists::ByCoverage) -> usize| -> usize {
            reports.iter().map(|report| of(&report.by_coverage[covering])).sum()
        };
        let (examples, before, after) = (sum(&|by| by.examples), sum(&|by| by.correct[0]), sum(&|by| by.correct[1]));
        let name = if covering + 1 == n { format!("{covering} or more") } else { covering.to_string() };
        let change = after as f64 - before as f64;
        let relative = if before == 0 { "-".to_owned() } else { format!("{:+.1} %", 100.0 * change / before as f64) };
        lines.push(vec![name, examples.to_string(), format!("{change:+}"), relative]);
    }
    table(&["specialists", "test snippets", "change in right ones", "relative"], &lines)
}
