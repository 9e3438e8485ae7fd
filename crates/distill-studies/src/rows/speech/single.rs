use super::networks::error_rate;
use super::phones::Phones;
use crate::numbers::{accuracies, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Setup;
use distill_lab::jobs::Stop;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("teacher")?;
    let found = study.lab.train(&for_each_seed(&setup, Setup::teacher))?;
    let phones = Phones::open(&setup.recipe.data.source)?;
    let mut rates = vec![];
    for facts in &found {
        rates.extend(error_rate(phones.as_ref(), &study.lab, &study.lab.model(facts)?)?);
    }
    let mut section = Section::new("single", "One network", &setup.recipe.seeds);
    let architecture = found.first().map_or("", |facts| facts.architecture.as_str());
    section.compare(
        &format!("one network, {architecture}: frames right, phone errors (words in the paper)"),
        "58.9 %, 10.9 %",
        format!("{} %, {} %", spread(&accuracies(&found), 2), spread(&rates, 2)),
        None,
    );
    let mut lines: Vec<Vec<String>> = vec![];
    for (i, facts) in found.iter().enumerate() {
        let rate = rates.get(i).map_or("-".to_owned(), |rate| format!("{rate:.2}"));
        let accuracy = accuracies(std::slice::from_ref(facts));
        lines.push(vec![facts.seed.to_string(), spread(&accuracy, 2), format!("{:.4}", facts.test_nll), rate]);
    }
    section.add(&table(&["seed", "frames right, %", "NLL", "phone errors, %"], &lines));
    Ok(section)
}
