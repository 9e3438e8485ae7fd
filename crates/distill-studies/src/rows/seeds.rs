use distill_lab::jobs::Facts;

use crate::numbers::{errors, spread, table};

/// What a table by seed shows of each model.
pub(super) struct Measure {
    pub(super) name: &'static str,
    /// One value for each model.
    pub(super) of: fn(&[Facts]) -> Vec<f64>,
    /// Decimals of one value, and of a mean.
    pub(super) decimals: [usize; 2],
}

/// Errors and NLL.
const OF_CLASSES: [Measure; 2] = [
    Measure { name: "errors", of: errors, decimals: [0, 1] },
    Measure { name: "NLL", of: |found| found.iter().map(|facts| facts.test_nll).collect(), decimals: [4, 4] },
];

/// Errors and NLL of each seed, side by side.
pub(super) fn by_seed(models: &[(&str, &[Facts])]) -> String {
    measures_by_seed(models, &OF_CLASSES)
}

/// The same of other measures, the first of which the name of a model stands before.
pub(super) fn measures_by_seed(models: &[(&str, &[Facts])], measures: &[Measure]) -> String {
    let mut header = vec!["seed".to_owned()];
    for (name, _) in models {
        let title = |(at, measure): (usize, &Measure)| match at {
            0 => format!("{name}: {}", measure.name),
            _ => measure.name.to_owned(),
        };
        header.extend(measures.iter().enumerate().map(title));
    }
    let cells = |of: &dyn Fn(&[Facts], &Measure) -> String| -> Vec<String> {
        models.iter().flat_map(|(_, found)| measures.iter().map(|measure| of(found, measure))).collect()
    };
    let n_seeds = models.iter().map(|(_, found)| found.len()).min().unwrap_or(0);
    let line = |i: usize| {
        let one = cells(&|found, measure| spread(&(measure.of)(&found[i..=i]), measure.decimals[0]));
        std::iter::once(models[0].1[i].seed.to_string()).chain(one).collect()
    };
    let mut lines: Vec<Vec<String>> = (0..n_seeds).map(line).collect();
    let last = cells(&|found, measure| spread(&(measure.of)(found), measure.decimals[1]));
    lines.push(std::iter::once("mean ± sd".to_owned()).chain(last).collect());
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines)
}
