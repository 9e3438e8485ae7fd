use distill_specialists::cluster_classes;
use distill_text::language_name;

use crate::numbers::table;
use crate::plan::Study;
use crate::section::Section;
use distill_lab::jobs::Stop;
use distill_recipe::Diagnostic;

/// Clusters that are shown, and classes of each.
const SHOWN: usize = 12;
const NAMES: usize = 10;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let seeds = study.setup("teacher")?.recipe.seeds.clone();
    let generalist = study.generalist(super::WIDTHS[0], seeds[0])?;
    let found = study.lab.train(std::slice::from_ref(&generalist))?;
    let confusion = study.lab.confusion(&generalist)?;
    let grouping = study.specialists(super::WIDTHS[0], 0.0)?.clusters;
    let clusters = cluster_classes(confusion.view(), &grouping).map_err(Diagnostic::from)?;
    let spec = study.lab.data.sets.train.spec();
    let mut coverage = vec![0_usize; spec.classes.len()];
    for &class in clusters.iter().flatten() {
        coverage[class as usize] += 1;
    }
    let covered = coverage.iter().filter(|&&n| n > 0).count();
    let mut section = Section::new("clusters", "Which classes belong together", &seeds[..1]);
    section.compare(
        "specialists, and classes that at least one of them has",
        "61",
        format!("{}, {covered} of {}", clusters.len(), spec.classes.len()),
        None,
    );
    section.add(&format!(
        "Online k-means on the columns of the covariance matrix of what {}, seed {}, predicts for the validation snippets; each \
         specialist has the {} classes nearest to a centre. The first {} of {}, and the {NAMES} classes of each that are \
         confused most with its others, the most confused first:",
        found.first().map_or("", |facts| facts.architecture.as_str()),
        seeds[0],
        clusters.first().map_or(0, Vec::len),
        SHOWN.min(clusters.len()),
        clusters.len(),
    ));
    let name = |&class: &u32| {
        let code = spec.classes[class as usize].as_str();
        language_name(code).unwrap_or(code).to_owned()
    };
    let lines: Vec<Vec<String>> = (clusters.iter().take(SHOWN).enumerate())
        .map(|(number, classes)| {
            let with_others = |class: u32| -> f64 {
                let others = classes.iter().filter(|&&other| other != class);
                others.map(|&other| confusion[[class as usize, other as usize]]).sum()
            };
            let mut classes = classes.clone();
            classes.sort_by(|&a, &b| with_others(b).total_cmp(&with_others(a)));
            let names: Vec<String> = classes.iter().take(NAMES).map(name).collect();
            vec![(number + 1).to_string(), names.join("; ")]
        })
        .collect();
    section.add(&table(&["specialist", "classes"], &lines));
    Ok(section)
}
