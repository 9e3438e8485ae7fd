use distill_lab::jobs::Facts;

use crate::numbers::{errors, spread, table};

/// Errors and NLL of each seed, side by side.
pub(super) fn by_seed(models: &[(&str, &[Facts])]) -> String {
    let mut header = vec!["seed".to_owned()];
    for (name, _) in models {
        header.extend([format!("{name}: errors"), "NLL".to_owned()]);
    }
    let n_seeds = models.iter().map(|(_, found)| found.len()).min().unwrap_or(0);
    let line = |i: usize| {
        let cells = models
            .iter()
            .flat_map(|(_, found)| [found[i].test_errors.to_string(), format!("{:.4}", found[i].test_nll)]);
        [models[0].1[i].seed.to_string()].into_iter().chain(cells).collect()
    };
    let mut lines: Vec<Vec<String>> = (0..n_seeds).map(line).collect();
    let mut last = vec!["mean ± sd".to_owned()];
    for (_, found) in models {
        let nll: Vec<f64> = found.iter().map(|facts| facts.test_nll).collect();
        last.extend([spread(&errors(found), 1), spread(&nll, 4)]);
    }
    lines.push(last);
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines)
}
