use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use distill_datasets::Dataset;
use distill_models::{Model, ModelError, ModelSpec, Scratch};
use distill_train::{SoftTargets, TrainError};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::{SpecialistError, SpecialistSystem};

/// Classes that more specialists have are counted together.
const MOST: usize = 10;

/// How a system does beside its generalist: the tables of Hinton, Vinyals, Dean, 2015, section 5.4.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Examples with a label.
    pub examples: usize,
    /// Of them right by the generalist, and by the system.
    pub correct: [usize; 2],
    /// The same among the examples of each specialist's classes, where only these classes can be named; an example
    /// counts once for each specialist that has its class.
    pub conditional: Conditional,
    /// By how many specialists have the class of an example; the last is for ten and more.
    pub by_coverage: Vec<ByCoverage>,
    /// Specialists that were asked, on average over the examples.
    pub specialists_asked: f64,
    /// How the answers were found for which specialists were asked.
    pub solver: SolverUse,
}

/// How much the answers of a system took: of all examples, those without a label too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SolverUse {
    /// The most steps that one example took.
    pub most_steps: u32,
    /// Examples for which [`SolverConfig::max_steps`](crate::SolverConfig::max_steps) were not enough.
    pub unsolved: usize,
}

/// A system that counts what its answers take.
struct Counted<'a> {
    system: &'a SpecialistSystem,
    most_steps: AtomicU32,
    unsolved: AtomicUsize,
}

impl Model for Counted<'_> {
    fn spec(&self) -> &ModelSpec {
        self.system.spec()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.system.answer_into(inputs, scratch, out, &|solution| {
            self.most_steps.fetch_max(solution.steps, Ordering::Relaxed);
            self.unsolved.fetch_add(usize::from(!solution.converged), Ordering::Relaxed);
        })
    }
}

/// Examples of the specialists' classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conditional {
    /// All of them.
    pub examples: usize,
    /// Of them right by the generalist, and by the system.
    pub correct: [usize; 2],
}

/// The examples whose class so many specialists have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByCoverage {
    /// How many classes.
    pub classes: usize,
    /// How many examples.
    pub examples: usize,
    /// Of them right by the generalist, and by the system.
    pub correct: [usize; 2],
}

/// How a model is asked for its answers to a set.
pub type Ask<'a> = dyn Fn(&dyn Model, &dyn Dataset) -> Result<SoftTargets, TrainError> + 'a;

impl Report {
    /// Asks both for all examples.
    ///
    /// # Errors
    /// If the data cannot be read or does not fit.
    pub fn of(system: &SpecialistSystem, data: &dyn Dataset) -> Result<Self, SpecialistError> {
        Self::asking(system, data, &|model, data| SoftTargets::compute(model, data))
    }

    /// The same, asking in this way, such as one that shows how far it is.
    ///
    /// # Errors
    /// As [`Report::of`], and whatever asking ends with.
    pub fn asking(system: &SpecialistSystem, data: &dyn Dataset, ask: &Ask<'_>) -> Result<Self, SpecialistError> {
        let generalist = ask(&**system.generalist(), data)?;
        let counted = Counted { system, most_steps: AtomicU32::new(0), unsolved: AtomicUsize::new(0) };
        let together = ask(&counted, data)?;
        let label = |index| data.label(index);
        let report = Self::from_logits(system, [generalist.logits(), together.logits()], &label);
        let solver = SolverUse { most_steps: counted.most_steps.into_inner(), unsolved: counted.unsolved.into_inner() };
        Ok(Self { solver, ..report })
    }

    fn from_logits(
        system: &SpecialistSystem,
        logits: [ArrayView2<'_, f32>; 2],
        label: &dyn Fn(usize) -> Option<u32>,
    ) -> Self {
        let coverage = system.coverage();
        let all: Vec<u32> = (0..system.spec().classes.len() as u32).collect();
        let mut report = Self {
            examples: 0,
            correct: [0; 2],
            conditional: Conditional::default(),
            by_coverage: vec![ByCoverage::default(); MOST + 1],
            specialists_asked: 0.0,
            solver: SolverUse::default(),
        };
        for &n in &coverage {
            report.by_coverage[n.min(MOST)].classes += 1;
        }
        for index in 0..logits[0].nrows() {
            let Some(label) = label(index).filter(|&label| (label as usize) < coverage.len()) else { continue };
            let rows = [logits[0].row(index), logits[1].row(index)];
            let right = |classes: &[u32]| rows.map(|row| usize::from(best(row, classes) == Some(label)));
            report.examples += 1;
            report.specialists_asked += system.active(rows[0]).len() as f64;
            let by = &mut report.by_coverage[coverage[label as usize].min(MOST)];
            by.examples += 1;
            for (i, right) in right(&all).into_iter().enumerate() {
                report.correct[i] += right;
                by.correct[i] += right;
            }
            for specialist in system.specialists() {
                if specialist.classes().binary_search(&label).is_ok() {
                    report.conditional.examples += 1;
                    for (sum, right) in report.conditional.correct.iter_mut().zip(right(specialist.classes())) {
                        *sum += right;
                    }
                }
            }
        }
        report.specialists_asked /= report.examples.max(1) as f64;
        report
    }

    /// Accuracies of generalist and system, in parts of 1.
    pub fn accuracy(&self) -> [f64; 2] {
        self.correct.map(|correct| correct as f64 / self.examples.max(1) as f64)
    }
}

/// The class with the largest logit among some, the first of equal ones.
fn best(logits: ArrayView1<'_, f32>, classes: &[u32]) -> Option<u32> {
    let larger = |a: u32, &b: &u32| if logits[b as usize] > logits[a as usize] { b } else { a };
    classes.split_first().map(|(&first, rest)| rest.iter().fold(first, larger))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use distill_datasets::Images;
    use distill_models::{MlpConfig, Network};
    use ndarray::array;

    use super::*;
    use crate::{SolverConfig, Specialist};

    #[test]
    fn answers_that_are_not_found_in_time_are_counted() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let mlp = |seed| {
            let config = MlpConfig { hidden: vec![6], ..MlpConfig::default() };
            Network::new(config, vec![1], names.clone(), seed).unwrap()
        };
        let labels = vec![0; 40];
        let data = Images::new(vec![1], (0..40).map(|i| i * 6).collect(), labels, names.clone()).unwrap();
        let generalist = mlp(1);
        let report = |max_steps| {
            let specialists = [(0, vec![0, 1]), (1, vec![1, 2])]
                .map(|(number, classes)| Specialist::new(number, generalist.spec(), &classes, mlp(7)).unwrap());
            let solver = SolverConfig { max_steps, ..SolverConfig::default() };
            let system = SpecialistSystem::new(Arc::new(generalist.clone()), specialists.to_vec(), 4, solver).unwrap();
            Report::of(&system, &data).unwrap().solver
        };
        let enough = report(100_000);
        assert!(enough.unsolved == 0 && enough.most_steps > 3, "{enough:?}");
        let few = report(2);
        assert_eq!((few.most_steps, few.unsolved), (2, 40));
    }

    #[test]
    fn counts_by_hand() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let generalist =
            Network::new(MlpConfig { hidden: vec![2], ..MlpConfig::default() }, vec![1], names, 1).unwrap();
        let one = Specialist::new(0, generalist.spec(), &[0, 1], generalist.clone()).unwrap();
        let two = Specialist::new(1, generalist.spec(), &[1], generalist.clone()).unwrap();
        let system = SpecialistSystem::new(Arc::new(generalist), vec![one, two], 1, SolverConfig::default()).unwrap();
        let before = array![[1.0_f32, 2.0, 0.0], [0.0, 2.0, 3.0], [0.0, 0.0, 1.0], [3.0, 0.0, 0.0]];
        let after = array![[2.0_f32, 1.0, 0.0], [0.0, 3.0, 2.0], [0.0, 0.0, 1.0], [3.0, 0.0, 0.0]];
        let labels = [0, 1, 2, 2];
        let report = Report::from_logits(&system, [before.view(), after.view()], &|index| labels.get(index).copied());
        assert_eq!((report.examples, report.correct), (4, [1, 3]));
        // The label a is known by one specialist, b by both; c by none.
        assert_eq!(report.conditional, Conditional { examples: 3, correct: [2, 3] });
        let of = |n: usize| report.by_coverage[n];
        assert_eq!(of(0), ByCoverage { classes: 1, examples: 2, correct: [1, 1] });
        assert_eq!(of(1), ByCoverage { classes: 1, examples: 1, correct: [0, 1] });
        assert_eq!(of(2), ByCoverage { classes: 1, examples: 1, correct: [0, 1] });
        // The generalist's best classes are b, c, c and a.
        assert_eq!(report.specialists_asked, 0.75);
    }
}
