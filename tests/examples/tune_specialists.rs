//! Tries settings of specialists and compares them on validation snippets, as the recipes in recipes/hinton-2015-specialists
//! were chosen:
//! `cargo run --release -p distill-tests --example tune_specialists -- HIDDEN SNIPPETS GENERALIST EPOCHS RATES ALPHAS CLUSTERS SIZES`,
//! where SNIPPETS is the size of the training set, GENERALIST the number of its epochs and the others are lists such as `0.5,0.9`.
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

mod languages;

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use distill_datasets::Dataset;
use distill_specialists::{
    ClusterConfig, Report, SpecialistConfig, SystemFolder, SystemTraining, cluster_classes, covariance,
};
use distill_text::{Part, udhr};
use distill_train::{Fingerprint, SoftTargets};

use languages::{config, generalist, snippets};

const USAGE: &str = "tune_specialists HIDDEN SNIPPETS GENERALIST EPOCHS RATES ALPHAS CLUSTERS SIZES";

fn list<T: FromStr>(args: &[String], at: usize) -> Result<Vec<T>, Box<dyn Error>> {
    let text = args.get(at).ok_or(USAGE)?;
    text.split(',').map(|value| value.parse().map_err(|_| format!("`{value}`: {USAGE}").into())).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (hidden, n_snippets, generalist_epochs) = (list(&args, 0)?[0], list(&args, 1)?[0], list(&args, 2)?[0]);
    let (epochs, rates) = (list::<u32>(&args, 3)?, list::<f64>(&args, 4)?);
    let (alphas, clusters, sizes) = (list::<f64>(&args, 5)?, list::<usize>(&args, 6)?, list::<usize>(&args, 7)?);

    let paragraphs = Arc::new(udhr()?);
    let part = |part, n| snippets(&paragraphs, part, n);
    let data: Arc<dyn Dataset> = Arc::new(part(Part::Train, n_snippets)?);
    // What is confused is learnt from other snippets than those that decide.
    let validation = Arc::new(part(Part::Validation, 40_000)?);
    let seen = distill_datasets::Subset::new(validation.clone(), (0..10_000).collect())?;
    let judged = distill_datasets::Subset::new(validation, (10_000..40_000).collect())?;

    let generalist = generalist(&*data, hidden, generalist_epochs)?;
    let answers = SoftTargets::compute(&generalist, &seen)?;
    let confused = covariance(answers.logits());
    let data_sha256 = Fingerprint::of(&*data)?.sha256();

    println!("epochs   rate  alpha  clusters  size  generalist   system    gain  asked  seconds");
    for (clusters, size) in pairs(&clusters, &sizes) {
        let grouping = ClusterConfig { clusters, size: Some(size), ..ClusterConfig::default() };
        let groups = cluster_classes(confused.view(), &grouping)?;
        for ((epochs, rate), alpha) in pairs(&pairs(&epochs, &rates), &alphas) {
            let start = Instant::now();
            let folder = std::env::temp_dir().join(format!("tune-specialists-{}", std::process::id()));
            let training = SystemTraining {
                generalist: &generalist,
                data: &data,
                data_sha256: &data_sha256,
                clusters: &groups,
                config: &SpecialistConfig { train: config(epochs, rate), alpha, seed: 1 },
                top: 1,
                stop: &|| false,
            };
            let system = SystemFolder::new(&folder).train(&training, &|_| {})?;
            let seconds = start.elapsed().as_secs_f64();
            std::fs::remove_dir_all(&folder)?;
            let report = Report::of(&system, &judged)?;
            let [before, after] = report.accuracy().map(|part| 100.0 * part);
            println!(
                "{epochs:>6}  {rate:>5}  {alpha:>5}  {clusters:>8}  {size:>4}  {before:>8.2} %  {after:>5.2} %  \
                 {:>+6.2}  {:>5.2}  {seconds:>7.1}",
                after - before,
                report.specialists_asked
            );
        }
    }
    Ok(())
}

/// Each of some things with each of others.
fn pairs<A: Copy, B: Copy>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b))).collect()
}
