//! Finds which classes a generalist confuses, and lets a specialist for them change its answer:
//! `cargo run -p distill-specialists --example confusions`.
#![expect(clippy::print_stdout, reason = "an example shows what it computes")]

use distill_specialists::{Answer, ClusterConfig, Solver, SolverConfig, SpecialistError, cluster_classes, covariance};
use ndarray::array;

const CLASSES: [&str; 6] = ["cat", "dog", "car", "bus", "oak", "elm"];

fn main() -> Result<(), SpecialistError> {
    // A generalist that tells animals, vehicles and trees apart, but not so well what is in them.
    let logits = array![
        [4.0_f32, 3.4, 0.1, 0.0, 0.2, 0.0],
        [3.3, 4.1, 0.0, 0.2, 0.0, 0.1],
        [0.0, 0.2, 4.2, 3.6, 0.0, 0.1],
        [0.1, 0.0, 3.5, 4.0, 0.2, 0.0],
        [0.2, 0.0, 0.1, 0.0, 4.3, 3.9],
        [0.0, 0.1, 0.0, 0.1, 3.8, 4.1],
    ];
    let config = ClusterConfig { clusters: 3, ..ClusterConfig::default() };
    let clusters = cluster_classes(covariance(logits.view()).view(), &config)?;
    for cluster in &clusters {
        println!("confused: {}", cluster.iter().map(|&class| CLASSES[class as usize]).collect::<Vec<_>>().join(", "));
    }

    // A specialist for the first of them is sure, and gives all other classes together what the generalist does.
    let generalist = [0.45, 0.43, 0.03, 0.03, 0.03, 0.03];
    let specialist = Answer { classes: &clusters[0], probabilities: &[0.80, 0.08, 0.12] };
    let mut together = [0.0; CLASSES.len()];
    let solution = Solver::new(SolverConfig::default())?.solve(&generalist, &[specialist], &mut together);
    println!("generalist  together, after {} steps", solution.steps);
    for ((class, before), after) in CLASSES.iter().zip(generalist).zip(together) {
        println!("{class} {before:.2}    {after:.2}");
    }
    Ok(())
}
