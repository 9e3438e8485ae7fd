use distill_datasets::below;
use distill_tensor::{Philox, Stream};

use super::*;

/// A generalist's answer and those of its specialists.
struct Problem {
    generalist: Vec<f64>,
    answers: Vec<(Vec<u32>, Vec<f64>)>,
}

impl Problem {
    /// Random: `n_answers` specialists for some of `n_classes`.
    fn random(seed: u64, n_classes: usize, n_answers: usize) -> Self {
        let mut random = Philox::new(seed, Stream::Probe, 0, 0);
        let normalised = |raw: Vec<f64>| -> Vec<f64> {
            let sum: f64 = raw.iter().sum();
            raw.iter().map(|p| if sum > 0.0 { p / sum } else { 1.0 / raw.len() as f64 }).collect()
        };
        // From 1 down to what gradient descent still finds.
        let mut draw =
            |n: usize| (0..n).map(|_| ((below(&mut random, 10) + 1) as f64 / 10.0).powi(3)).collect::<Vec<f64>>();
        let generalist = normalised(draw(n_classes));
        let answers = (0..n_answers).map(|number| {
            let classes = (0..n_classes as u32).filter(|class| !(class + number as u32).is_multiple_of(3));
            let classes: Vec<u32> = classes.take(2 + number % 3).collect();
            let probabilities = normalised(draw(classes.len() + 1));
            (classes, probabilities)
        });
        let answers = answers.collect();
        Self { generalist, answers }
    }

    fn answers(&self) -> Vec<Answer<'_>> {
        self.answers.iter().map(|(classes, probabilities)| Answer { classes, probabilities }).collect()
    }

    fn solve(&self) -> (Vec<f64>, Solution) {
        let mut out = vec![0.0; self.generalist.len()];
        let mut solver = Solver::new(SolverConfig { tolerance: 1e-12, max_steps: 1_000_000 }).unwrap();
        let solution = solver.solve(&self.generalist, &self.answers(), &mut out);
        (out, solution)
    }

    /// `F` up to a constant, from its definition.
    fn objective(&self, q: &[f64]) -> f64 {
        let kl = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
        let mut sum: f64 = self.generalist.iter().zip(q).map(|(&p, &q)| kl(p, q)).sum();
        for (classes, p) in &self.answers {
            let outside: f64 = (0..q.len()).filter(|&j| !classes.contains(&(j as u32))).map(|j| q[j]).sum();
            sum += classes.iter().zip(p).map(|(&class, &p)| kl(p, q[class as usize])).sum::<f64>();
            sum += kl(p[classes.len()], outside);
        }
        sum
    }

    /// The slow way of the paper: gradient descent on the logits, with steps that are halved until they help.
    fn reference(&self) -> Vec<f64> {
        let n = self.generalist.len();
        let softmax = |z: &[f64]| -> Vec<f64> {
            let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = z.iter().map(|z| (z - max).exp()).sum();
            z.iter().map(|z| (z - max).exp() / sum).collect()
        };
        let mut z = vec![0.0; n];
        let mut rate = 1.0;
        for _ in 0..200_000 {
            let q = softmax(&z);
            let before = self.objective(&q);
            // dF/dz_j = q_j Σ w_i - what is observed of j, a dustbin shared out as q is.
            let mut gradient: Vec<f64> =
                (0..n).map(|j| q[j] * (1 + self.answers.len()) as f64 - self.generalist[j]).collect();
            for (classes, p) in &self.answers {
                let has = |j: usize| classes.iter().position(|&class| class as usize == j);
                let outside: f64 = (0..n).filter(|&j| has(j).is_none()).map(|j| q[j]).sum();
                for j in 0..n {
                    gradient[j] -= has(j).map_or(p[classes.len()] * q[j] / outside, |at| p[at]);
                }
            }
            if gradient.iter().all(|g| g.abs() < 1e-11) {
                break;
            }
            rate *= 2.0;
            loop {
                let tried: Vec<f64> = z.iter().zip(&gradient).map(|(z, g)| z - rate * g).collect();
                if self.objective(&softmax(&tried)) <= before || rate < 1e-9 {
                    z = tried;
                    break;
                }
                rate *= 0.5;
            }
        }
        softmax(&z)
    }
}

#[test]
fn it_agrees_with_gradient_descent() {
    for seed in 1..40 {
        let problem = Problem::random(seed, 5 + seed as usize % 7, seed as usize % 5);
        let (q, solution) = problem.solve();
        assert!(solution.gradient <= 1e-12, "seed {seed}: {solution:?}");
        assert!((q.iter().sum::<f64>() - 1.0).abs() < 1e-9, "seed {seed}");
        for (j, (a, b)) in q.iter().zip(problem.reference()).enumerate() {
            assert!((a - b).abs() < 1e-6, "seed {seed}, class {j}: {a} {b}");
        }
    }
}

#[test]
fn no_small_change_of_the_logits_is_better() {
    let problem = Problem::random(3, 9, 4);
    let (q, _) = problem.solve();
    let least = problem.objective(&q);
    for j in 0..q.len() {
        for h in [-1e-3, 1e-3] {
            let mut other = q.clone();
            other[j] *= f64::exp(h);
            let sum: f64 = other.iter().sum();
            other.iter_mut().for_each(|q| *q /= sum);
            assert!(problem.objective(&other) >= least, "class {j}, {h}");
        }
    }
}

#[test]
fn without_specialists_it_is_what_the_generalist_says() {
    let problem = Problem { generalist: vec![0.2, 0.8, 0.0], answers: vec![] };
    assert_eq!(problem.solve().0, problem.generalist);
}

#[test]
fn of_one_specialist_it_is_known_in_closed_form() {
    let generalist = vec![0.1, 0.2, 0.3, 0.4];
    let problem = Problem { generalist, answers: vec![(vec![1, 2], vec![0.6, 0.3, 0.1])] };
    let (q, _) = problem.solve();
    // Means inside; outside half of both masses, in the generalist's proportions.
    for (found, expected) in q.iter().zip([0.2 * 0.3, 0.4, 0.3, 0.8 * 0.3]) {
        assert!((found - expected).abs() < 1e-9, "{q:?}");
    }
}

#[test]
fn zeros_and_certainty_are_possible() {
    for (generalist, answers) in [
        // Sure of a class that the specialist calls another.
        (vec![1.0, 0.0, 0.0], vec![(vec![1], vec![1.0, 0.0])]),
        // Nothing outside of the specialist, which says it is outside.
        (vec![0.5, 0.5, 0.0, 0.0], vec![(vec![0, 1], vec![0.0, 0.0, 1.0])]),
        // Together the specialists have all classes.
        (vec![0.25; 4], vec![(vec![0, 1], vec![0.5, 0.1, 0.4]), (vec![2, 3], vec![0.2, 0.2, 0.6])]),
    ] {
        let problem = Problem { generalist, answers };
        let (q, solution) = problem.solve();
        assert!(q.iter().all(|q| (0.0..=1.0).contains(q)), "{q:?}");
        assert!((q.iter().sum::<f64>() - 1.0).abs() < 1e-9 && solution.gradient <= 1e-12, "{q:?} {solution:?}");
    }
}

/// Where no class is outside of a specialist nobody can have its dustbin, and what is left is a distribution all the same.
#[test]
fn a_dustbin_of_no_class_says_nothing() {
    let answers = vec![(vec![0, 1, 2], vec![0.6, 0.2, 0.1, 0.1])];
    let (q, solution) = Problem { generalist: vec![0.5, 0.3, 0.2], answers }.solve();
    for (found, expected) in q.iter().zip([1.1 / 1.9, 0.5 / 1.9, 0.3 / 1.9]) {
        assert!((found - expected).abs() < 1e-9, "{q:?}");
    }
    assert!(solution.converged, "{solution:?}");
}

/// A probability that rounding would hide beside 1 keeps its logarithm.
#[test]
fn a_small_dustbin_keeps_its_mass() {
    let problem = Problem { generalist: vec![1.0, 1e-30], answers: vec![(vec![0], vec![1.0, 1e-25])] };
    let (q, _) = problem.solve();
    assert!((q[1] / 5.000_05e-26 - 1.0).abs() < 1e-9, "{q:?}");
}

#[test]
fn what_is_not_found_in_time_is_told() {
    let problem = Problem::random(3, 9, 4);
    let mut out = [0.0; 9];
    let mut steps = |max_steps| {
        let mut solver = Solver::new(SolverConfig { tolerance: 1e-9, max_steps }).unwrap();
        solver.solve(&problem.generalist, &problem.answers(), &mut out)
    };
    let enough = steps(100_000);
    assert!(enough.converged && enough.steps > 2, "{enough:?}");
    let few = steps(enough.steps - 1);
    assert!(!few.converged && few.steps == enough.steps - 1 && few.gradient > 1e-9, "{few:?}");
}

#[test]
fn settings_without_a_meaning_are_refused() {
    for (tolerance, max_steps) in [(0.0, 10), (f64::NAN, 10), (-1.0, 10), (1e-6, 0)] {
        assert!(Solver::new(SolverConfig { tolerance, max_steps }).is_err());
    }
}
