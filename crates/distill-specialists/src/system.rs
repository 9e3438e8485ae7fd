use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use distill_models::{Model, ModelError, ModelSpec, Scratch};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::solver::{Answer, Solution, Solver, SolverConfig};
use crate::{Specialist, SpecialistError};

/// Rows that a thread answers at a time.
const ROWS: usize = 16;

/// Below every logarithm of a number that f64 holds.
const LEAST_LOG: f64 = -750.0;

/// For each example the specialists that are asked, each with its row among those of that specialist.
type Asked = Vec<Vec<(u32, u32)>>;

/// A generalist with its specialists, which answer as one model (Hinton, Vinyals, Dean, 2015, section 5.3).
///
/// The generalist's most probable classes say which specialists are asked: those that have one of them. The logits are
/// the logarithms of the probabilities that [`Solver`] finds; where nobody is asked they are the generalist's.
#[derive(Clone)]
pub struct SpecialistSystem {
    generalist: Arc<dyn Model>,
    specialists: Vec<Specialist>,
    /// The specialists that have each class.
    having: Vec<Vec<u32>>,
    top: usize,
    solver: Solver,
    spec: ModelSpec,
}

impl SpecialistSystem {
    /// `top` is how many of the generalist's most probable classes choose the specialists, 1 in the paper.
    ///
    /// # Errors
    /// [`SpecialistError::Setting`] if `top` is 0 or more than there are classes, or a setting of the solver has no
    /// meaning; [`SpecialistError::Classes`] if a specialist has classes that the generalist lacks.
    pub fn new(
        generalist: Arc<dyn Model>,
        specialists: Vec<Specialist>,
        top: usize,
        solver: SolverConfig,
    ) -> Result<Self, SpecialistError> {
        let spec = generalist.spec();
        let n_classes = spec.classes.len();
        if !(1..=n_classes).contains(&top) {
            let problem = format!("must be 1 to {n_classes}, the number of classes, got {top}");
            return Err(SpecialistError::Setting { setting: "top", problem });
        }
        let mut having = vec![vec![]; n_classes];
        for (number, specialist) in specialists.iter().enumerate() {
            for &class in specialist.classes() {
                let Some(having) = having.get_mut(class as usize) else {
                    let problem = format!("the generalist has {n_classes}");
                    let classes = specialist.classes().to_vec();
                    return Err(SpecialistError::Classes { specialist: number, classes, problem });
                };
                having.push(number as u32);
            }
        }
        let of = |specialist: &Specialist| specialist.model().spec().parameters;
        let spec = ModelSpec {
            architecture: format!("{} + {} specialists", spec.architecture, specialists.len()),
            parameters: spec.parameters + specialists.iter().map(of).sum::<usize>(),
            ..spec.clone()
        };
        Ok(Self { generalist, specialists, having, top, solver: Solver::new(solver)?, spec })
    }

    /// The network that knows all classes.
    pub fn generalist(&self) -> &Arc<dyn Model> {
        &self.generalist
    }

    /// The networks that know some.
    pub fn specialists(&self) -> &[Specialist] {
        &self.specialists
    }

    /// How many specialists have each class.
    pub fn coverage(&self) -> Vec<usize> {
        self.having.iter().map(Vec::len).collect()
    }

    /// The specialists that the generalist's logits of one example choose, in order.
    pub fn active(&self, logits: ArrayView1<'_, f32>) -> Vec<u32> {
        let mut classes: Vec<usize> = (0..logits.len()).collect();
        let largest_first = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
        if self.top < classes.len() {
            classes.select_nth_unstable_by(self.top - 1, largest_first);
            classes.truncate(self.top);
        }
        let mut active: Vec<u32> = classes.iter().flat_map(|&class| self.having[class].iter().copied()).collect();
        active.sort_unstable();
        active.dedup();
        active
    }

    /// What each active specialist says of its rows, and where that is.
    fn ask(
        &self,
        inputs: ArrayView2<'_, f32>,
        logits: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
    ) -> Result<(Vec<Array2<f32>>, Asked), ModelError> {
        let mut rows: Vec<Vec<usize>> = vec![vec![]; self.specialists.len()];
        let mut asked = Vec::with_capacity(inputs.nrows());
        for (row, logits) in logits.outer_iter().enumerate() {
            let mut pairs = vec![];
            for number in self.active(logits) {
                let rows = &mut rows[number as usize];
                pairs.push((number, rows.len() as u32));
                rows.push(row);
            }
            asked.push(pairs);
        }
        let mut said = Vec::with_capacity(self.specialists.len());
        for (specialist, rows) in self.specialists.iter().zip(&rows) {
            let mut out = Array2::zeros((rows.len(), specialist.classes().len() + 1));
            if !rows.is_empty() {
                specialist.answer_into(inputs.select(Axis(0), rows).view(), scratch, out.view_mut())?;
            }
            said.push(out);
        }
        Ok((said, asked))
    }

    /// The same as [`Model::logits_into`]; `solved` hears, from any thread, how the answer to each example was found for
    /// which specialists were asked.
    pub(crate) fn answer_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
        solved: &(dyn Fn(Solution) + Sync),
    ) -> Result<(), ModelError> {
        self.generalist.logits_into(inputs, scratch, out.view_mut())?;
        let (said, asked) = self.ask(inputs, out.view(), scratch)?;
        let n_classes = self.spec.classes.len();
        let rows = out.axis_iter_mut(Axis(0)).into_par_iter().zip(&asked).with_min_len(ROWS);
        rows.for_each_init(
            || (self.solver.clone(), vec![0.0; n_classes], vec![0.0; n_classes], vec![]),
            |(solver, generalist, q, probabilities), (mut logits, asked)| {
                if asked.is_empty() {
                    return;
                }
                softmax(logits.view(), generalist);
                probabilities.resize_with(asked.len().max(probabilities.len()), Vec::new);
                for (&(number, row), p) in asked.iter().zip(probabilities.iter_mut()) {
                    let said = said[number as usize].row(row as usize);
                    p.resize(said.len(), 0.0);
                    softmax(said, p);
                }
                let answers: Vec<Answer<'_>> = (asked.iter().zip(probabilities.iter()))
                    .map(|(&(number, _), probabilities)| Answer {
                        classes: self.specialists[number as usize].classes(),
                        probabilities,
                    })
                    .collect();
                solved(solver.solve(generalist, &answers, q));
                for (logit, q) in logits.iter_mut().zip(q.iter()) {
                    let log = q.ln();
                    // What is not a number stays so, and whoever asks finds it.
                    *logit = if log < LEAST_LOG { LEAST_LOG } else { log } as f32;
                }
            },
        );
        Ok(())
    }
}

impl Model for SpecialistSystem {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let unsolved = AtomicUsize::new(0);
        self.answer_into(inputs, scratch, out, &|solution| {
            unsolved.fetch_add(usize::from(!solution.converged), Ordering::Relaxed);
        })?;
        let unsolved = unsolved.into_inner();
        if unsolved > 0 {
            tracing::warn!(
                unsolved,
                examples = inputs.nrows(),
                "answers of specialists are not exact: EM did not converge"
            );
        }
        Ok(())
    }
}

fn softmax(logits: ArrayView1<'_, f32>, out: &mut [f64]) {
    let max = f64::from(logits.fold(f32::NEG_INFINITY, |max, &value| max.max(value)));
    for (out, &logit) in out.iter_mut().zip(logits) {
        *out = (f64::from(logit) - max).exp();
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
mod tests {
    use distill_models::{MlpConfig, Network, Trainable as _};

    use super::*;

    fn mlp(classes: &[&str], seed: u64) -> Network {
        let classes = classes.iter().map(|&class| class.to_owned()).collect();
        Network::new(MlpConfig { hidden: vec![6], ..MlpConfig::default() }, vec![4], classes, seed).unwrap()
    }

    fn system(top: usize) -> SpecialistSystem {
        let names = ["a", "b", "c", "d", "e"];
        let generalist = mlp(&names, 1);
        let specialist = |number, classes: &[u32]| {
            Specialist::new(number, generalist.spec(), classes, mlp(&names, 10 + number as u64)).unwrap()
        };
        let specialists = vec![specialist(0, &[0, 1]), specialist(1, &[1, 2])];
        SpecialistSystem::new(Arc::new(generalist), specialists, top, SolverConfig::default()).unwrap()
    }

    fn inputs() -> Array2<f32> {
        Array2::from_shape_fn((60, 4), |(i, j)| ((i * 7 + j * 5) % 13) as f32 * 0.4 - 2.4)
    }

    #[test]
    fn specialists_are_asked_where_they_know_something() {
        let system = system(1);
        assert_eq!(system.coverage(), [1, 2, 1, 0, 0]);
        let active = |best: usize| {
            let mut logits = ndarray::Array1::zeros(5);
            logits[best] = 1.0;
            system.active(logits.view())
        };
        assert_eq!([0, 1, 2, 3, 4].map(active), [vec![0], vec![0, 1], vec![1], vec![], vec![]]);
        let generalist = system.generalist().logits(inputs().view()).unwrap();
        let found = system.logits(inputs().view()).unwrap();
        let (mut changed, mut kept) = (0, 0);
        for (before, after) in generalist.outer_iter().zip(found.outer_iter()) {
            if system.active(before).is_empty() {
                assert_eq!(before, after);
                kept += 1;
            } else {
                let sum: f64 = after.iter().map(|&log| f64::from(log).exp()).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{after}");
                changed += 1;
            }
        }
        assert!(changed > 5 && kept > 5, "{changed} {kept}");
    }

    #[test]
    fn a_row_has_the_same_answer_in_any_batch() {
        let system = system(2);
        let together = system.logits(inputs().view()).unwrap();
        for (row, input) in inputs().outer_iter().enumerate() {
            let alone = system.logits(input.insert_axis(Axis(0))).unwrap();
            assert_eq!(alone.row(0), together.row(row));
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let system = system(1);
        let damaged = |mut model: Network| {
            let bias = model.params().layout().iter().map(|(id, ..)| id).last().unwrap();
            model.params_mut().vector_mut(bias)[1] = f32::NAN;
            model
        };
        let names = ["a", "b", "c", "d", "e"];
        let generalist = Arc::new(damaged(mlp(&names, 1)));
        let new = |generalist, specialists| SpecialistSystem::new(generalist, specialists, 1, SolverConfig::default());
        let found = new(generalist, system.specialists().to_vec()).unwrap().logits(inputs().view()).unwrap();
        assert!(found.outer_iter().all(|row| row.iter().any(|logit| logit.is_nan())), "{found}");
        let other = Specialist::new(0, system.spec(), &[0, 1], damaged(mlp(&names, 10))).unwrap();
        let found = new(system.generalist().clone(), vec![other]).unwrap().logits(inputs().view()).unwrap();
        for (generalist, row) in
            system.generalist().logits(inputs().view()).unwrap().outer_iter().zip(found.outer_iter())
        {
            let is_asked = system.active(generalist).contains(&0);
            assert_eq!(row.iter().any(|logit| logit.is_nan()), is_asked, "{row}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let system = system(1);
        let (generalist, specialists) = (system.generalist().clone(), system.specialists().to_vec());
        for top in [0, 6] {
            let made = SpecialistSystem::new(generalist.clone(), specialists.clone(), top, SolverConfig::default());
            assert!(made.is_err(), "{top}");
        }
        let other: Arc<dyn Model> = Arc::new(mlp(&["a", "b"], 1));
        assert!(SpecialistSystem::new(other, specialists, 1, SolverConfig::default()).is_err());
        // Without specialists it is the generalist.
        let alone = SpecialistSystem::new(generalist.clone(), vec![], 1, SolverConfig::default()).unwrap();
        assert_eq!(alone.logits(inputs().view()).unwrap(), generalist.logits(inputs().view()).unwrap());
    }
}
