use distill_train::Verdict;
use serde_json::{Map, Value, json};

use crate::args::CompareArgs;
use crate::output::Output;
use distill_lab::runs::{Pairing, Side, differing, pair};
use distill_lab::summary::{columns, label};
use distill_lab::verdict;
use distill_recipe::Diagnostic;
use distill_recipe::words::thousands;

/// `distill compare A B`: which of two runs, or of two models, is better on the same test examples.
pub(crate) fn compare(args: &CompareArgs, output: &Output) -> Result<u8, Diagnostic> {
    let (a, b) = (Side::read(&args.runs_dir, &args.a)?, Side::read(&args.runs_dir, &args.b)?);
    let pairings = pair(&a, &b)?;
    let keys = differing(&[&a.settings, &b.settings]);
    let mut text = format!("a         {}\nb         {}\n", a.path.display(), b.path.display());
    let value = |side: &Side, key: &str| side.settings.get(key).cloned().unwrap_or_else(|| "not set".to_owned());
    for (i, key) in keys.iter().enumerate() {
        let title = if i == 0 { "differ" } else { "" };
        text += &format!("{title:<9} {key}: {} in a, {} in b\n", value(&a, key), value(&b, key));
    }
    text += &format!("\n{}\n{}", table(&pairings), pairings.iter().map(sentence).collect::<Vec<_>>().join("\n"));
    output.result(&text)?;
    let differs: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), json!({ "a": a.settings.get(*key), "b": b.settings.get(*key) })))
        .collect();
    output.event(
        "comparison",
        json!({
            "a": a.path.display().to_string(),
            "b": b.path.display().to_string(),
            "differs": differs,
            "models": pairings,
        }),
    )?;
    Ok(0)
}

fn name(pairing: &Pairing) -> &'static str {
    pairing.role.map_or("model", label)
}

/// Errors of one model are whole, means of several are not.
fn errors(pairing: &Pairing, side: usize) -> String {
    let n = pairing.errors[side];
    let models = pairing.comparison.as_ref().map_or(pairing.seeds[side], |found| found.n_seeds);
    if models == 1 { format!("{n:.0}") } else { format!("{n:.1}") }
}

fn table(pairings: &[Pairing]) -> String {
    let are_numbers = pairings.iter().any(|pairing| pairing.are_numbers);
    let what = if are_numbers { "R² of a" } else { "test errors of a" };
    let header = ["", what, "of b", "b - a", "95 % interval", "p"].map(str::to_owned);
    let line = |pairing: &Pairing| {
        let of = |side: usize| match pairing.are_numbers {
            true => format!("{:.4}", 1.0 - pairing.errors[side]),
            false => format!("{} of {}", errors(pairing, side), thousands(pairing.examples[side] as u64)),
        };
        let (difference, interval, p) = match &pairing.comparison {
            None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
            Some(found) => {
                let (difference, [low, high], decimals) = match pairing.are_numbers {
                    true => verdict::of_r2(found),
                    false => (found.difference, found.interval, verdict::decimals(found)),
                };
                (
                    format!("{difference:+.decimals$}"),
                    format!("{low:+.decimals$} to {high:+.decimals$}"),
                    verdict::p_value(found.p_value).trim_start_matches("p = ").trim_start_matches("p ").to_owned(),
                )
            }
        };
        [name(pairing).to_owned(), of(0), of(1), difference, interval, p]
    };
    let lines: Vec<_> = std::iter::once(header).chain(pairings.iter().map(line)).collect();
    columns(&lines, 1)
}

/// What it says of two models.
fn sentence(pairing: &Pairing) -> String {
    let name = name(pairing);
    let Some(found) = &pairing.comparison else {
        if pairing.are_numbers {
            let [a, b] = pairing.errors.map(|left| 1.0 - left);
            return format!(
                "{name}: not paired, as the two were not tested on the same examples: R² {a:.4} in a, {b:.4} in b."
            );
        }
        let rate = |side: usize| 100.0 * pairing.errors[side] / pairing.examples[side].max(1) as f64;
        return format!(
            "{name}: not paired, as the two were not tested on the same examples: {:.2} % wrong in a, {:.2} % in b.",
            rate(0),
            rate(1)
        );
    };
    let says = match found.verdict {
        Verdict::Better => "b is better",
        Verdict::Worse => "a is better",
        Verdict::NotDistinguishable => "not distinguishable",
    };
    let most = pairing.seeds[0].max(pairing.seeds[1]);
    let of =
        if found.n_seeds < most { format!(" ({} of {most} seeds are paired)", found.n_seeds) } else { String::new() };
    format!("{name}: {says}, by {}{of}.", found.method)
}
