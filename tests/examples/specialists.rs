//! Trains a generalist for 420 languages, finds out which of them it confuses, and trains specialists for those:
//! `cargo run --release -p distill-tests --example specialists -- [HIDDEN [CLUSTERS [ALPHA]]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

mod languages;

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use distill_datasets::Dataset;
use distill_models::Model as _;
use distill_specialists::{
    ClusterConfig, Report, SpecialistConfig, SystemFolder, SystemTraining, cluster_classes, covariance,
};
use distill_text::{Part, language_name, udhr};
use distill_train::{Fingerprint, SoftTargets};

use languages::{config, generalist, snippets};

/// Classes of a specialist.
const SIZE: usize = 25;
/// Clusters that are printed.
const SHOWN: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let hidden = args.next().map_or(Ok(24), |arg| arg.parse())?;
    let clusters = args.next().map_or(Ok(30), |arg| arg.parse())?;
    let alpha = args.next().map_or(Ok(0.5), |arg| arg.parse())?;

    let paragraphs = Arc::new(udhr()?);
    let part = |part, n| snippets(&paragraphs, part, n);
    let data: Arc<dyn Dataset> = Arc::new(part(Part::Train, 125_000)?);
    let (validation, test) = (part(Part::Validation, 10_000)?, part(Part::Test, 50_000)?);

    let generalist = generalist(&*data, hidden, 4)?;
    let spec = data.spec();

    let answers = SoftTargets::compute(&generalist, &validation)?;
    let grouping = ClusterConfig { clusters, size: Some(SIZE), ..ClusterConfig::default() };
    let clusters = cluster_classes(covariance(answers.logits()).view(), &grouping)?;
    println!("\nwhat it confuses, the first of {} clusters of {SIZE}:", clusters.len());
    for cluster in clusters.iter().take(SHOWN) {
        let names =
            cluster.iter().take(SHOWN).map(|&class| language_name(&spec.classes[class as usize]).unwrap_or("?"));
        println!("  {}", names.collect::<Vec<_>>().join(", "));
    }

    let start = Instant::now();
    let folder = std::env::temp_dir().join(format!("specialists-{}", std::process::id()));
    let training = SystemTraining {
        generalist: &generalist,
        data: &data,
        data_sha256: &Fingerprint::of(&*data)?.sha256(),
        clusters: &clusters,
        config: &SpecialistConfig { train: config(3, 1e-2), alpha, seed: 1 },
        top: 1,
        stop: &|| false,
    };
    let system = SystemFolder::new(&folder).train(&training, &|number| println!("  specialist {number} is done"))?;
    std::fs::remove_dir_all(&folder)?;
    println!("{}: {:.1?}\n", system.spec().architecture, start.elapsed());

    let report = Report::of(&system, &test)?;
    let percent = |right: usize, of: usize| 100.0 * right as f64 / of.max(1) as f64;
    let [before, after] = report.correct.map(|right| percent(right, report.examples));
    println!("test snippets right: {before:.2} % by the generalist, {after:.2} % with specialists");
    println!("{:.2} specialists are asked for a snippet", report.specialists_asked);
    println!("\nspecialists  classes  generalist  together");
    for (n, row) in report.by_coverage.iter().enumerate().filter(|(_, row)| row.examples > 0) {
        let [before, after] = row.correct.map(|right| percent(right, row.examples));
        println!("{n:>11}  {:>7}  {before:>8.2} %  {after:>6.2} %", row.classes);
    }
    Ok(())
}
