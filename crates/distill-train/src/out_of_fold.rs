use std::collections::HashMap;
use std::sync::Arc;

use distill_datasets::{Dataset, Subset, select};
use distill_models::{Model, ModelError, ModelSpec, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use crate::fingerprint::{Fingerprint, hash_of_row};
use crate::{ConfigProblem, TrainError};

/// Training examples in parts: the teacher of each part has not seen it.
#[derive(Debug, Clone)]
pub struct Folds {
    n: u32,
    /// The fold of each example.
    of: Vec<u32>,
    /// The same by a hash of its input.
    by_input: HashMap<u128, u32>,
}

impl Folds {
    /// Shares the examples of a set out to `n` folds, some of each class to each, or the groups of a set that
    /// [has some](Dataset::group). Equal inputs are in one fold, so that no teacher has seen what it is asked about. The same seed
    /// gives the same folds.
    ///
    /// # Errors
    /// If the data cannot be read, or there are fewer examples than folds.
    pub fn draw(data: &dyn Dataset, n: u32, seed: u64) -> Result<Self, TrainError> {
        if let Some(groups) = select::groups_of(data) {
            return Self::new(data, select::folds_of_groups(&groups, n, seed), n);
        }
        let labels = (0..data.len()).map(|index| data.label(index).map(|label| data.spec().group(label)));
        Self::new(data, select::folds(labels, n, seed), n)
    }

    /// Takes the fold of each example, from 0. Of equal inputs the fold of the first counts.
    ///
    /// # Errors
    /// If the data cannot be read, or a fold has no example.
    ///
    /// # Panics
    /// If there are not as many as examples.
    pub fn new(data: &dyn Dataset, mut of: Vec<u32>, n: u32) -> Result<Self, TrainError> {
        assert_eq!(of.len(), data.len(), "a fold for each example");
        let mut by_input = HashMap::with_capacity(of.len());
        for (fold, &hash) in of.iter_mut().zip(Fingerprint::of(data)?.rows()) {
            *fold = *by_input.entry(hash).or_insert(*fold);
        }
        let Some(empty) = (0..n).find(|fold| !of.contains(fold)) else { return Ok(Self { n, of, by_input }) };
        let problem = format!("is {n}, but fold {} of the {} training examples is empty", empty + 1, of.len());
        Err(ConfigProblem::new("teacher.folds", problem, "set fewer folds, or leave it out")
            .note("equal inputs are in one fold")
            .into())
    }

    /// How many there are.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// Examples that are not in a fold, ascending: what its teacher is trained on.
    pub fn without(&self, fold: u32) -> Vec<usize> {
        (0..self.of.len()).filter(|&at| self.of[at] != fold).collect()
    }
}

/// Several teachers of which each has seen all folds but its own. An example is answered by the teacher that has not seen it, and
/// what is in no fold by all of them together.
///
/// It is told by its input, so examples may be asked for in any order, alone or among others.
#[derive(Clone)]
pub struct OutOfFold {
    folds: Arc<Folds>,
    members: Vec<Arc<dyn Model>>,
    together: Arc<dyn Model>,
    /// Whether each fold is asked of the next teacher instead, which has seen it.
    inside: bool,
}

impl OutOfFold {
    /// The teacher of fold `i` is `members[i]`; `together` are all of them.
    ///
    /// # Errors
    /// [`ModelError::Ensemble`] if there are not as many as folds.
    pub fn new(folds: Arc<Folds>, members: Vec<Arc<dyn Model>>, together: Arc<dyn Model>) -> Result<Self, ModelError> {
        if members.len() != folds.n as usize {
            let problem = format!("it has {} members for {} folds", members.len(), folds.n);
            return Err(ModelError::Ensemble { problem });
        }
        Ok(Self { folds, members, together, inside: false })
    }

    /// The same teachers, each asked about examples that it was trained on: what they would say without folds.
    #[must_use]
    pub fn inside(&self) -> Self {
        Self { inside: true, ..self.clone() }
    }

    fn who(&self, fold: u32) -> usize {
        let next = fold as usize + usize::from(self.inside);
        next % self.members.len()
    }
}

impl Model for OutOfFold {
    fn spec(&self) -> &ModelSpec {
        self.together.spec()
    }

    fn rows_at_a_time(&self) -> usize {
        self.together.rows_at_a_time()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let n_members = self.members.len();
        // The rows of each teacher, and those of all together.
        let mut rows: Vec<Vec<usize>> = vec![vec![]; n_members + 1];
        let mut bytes = vec![];
        for (row, input) in inputs.outer_iter().enumerate() {
            let fold = self.folds.by_input.get(&hash_of_row(input, &mut bytes));
            rows[fold.map_or(n_members, |&fold| self.who(fold))].push(row);
        }
        let models = self.members.iter().chain([&self.together]);
        let (mut asked, mut answers) = (Array2::zeros((0, 0)), Array2::zeros((0, 0)));
        for (model, rows) in models.zip(&rows).filter(|(_, rows)| !rows.is_empty()) {
            if rows.len() == inputs.nrows() {
                return model.logits_into(inputs, scratch, out);
            }
            if asked.nrows() < rows.len() {
                asked = Array2::zeros((rows.len(), inputs.ncols()));
                answers = Array2::zeros((rows.len(), out.ncols()));
            }
            let (mut asked, mut answers) =
                (asked.slice_mut(s![..rows.len(), ..]), answers.slice_mut(s![..rows.len(), ..]));
            for (mut to, &row) in asked.outer_iter_mut().zip(rows) {
                to.assign(&inputs.row(row));
            }
            model.logits_into(asked.view(), scratch, answers.view_mut())?;
            for (answer, &row) in answers.outer_iter().zip(rows) {
                out.row_mut(row).assign(&answer);
            }
        }
        Ok(())
    }
}

/// The examples of a set that the teacher of a fold is trained on.
pub(crate) fn set_without(data: &Arc<dyn Dataset>, folds: &Folds, fold: u32) -> Result<Arc<dyn Dataset>, TrainError> {
    Ok(Arc::new(Subset::new(data.clone(), folds.without(fold))?))
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;
    use distill_models::{Average, Ensemble, MlpConfig, Network};
    use ndarray::array;

    use super::*;

    fn table(values: &[f32]) -> Table {
        let labels = (0..values.len()).map(|i| u32::from(i % 3 == 0)).collect();
        Table::new(vec![1], values.to_vec(), labels, vec!["a".to_owned(), "b".to_owned()]).unwrap()
    }

    fn members(n: u64) -> Vec<Arc<dyn Model>> {
        let classes = || vec!["a".to_owned(), "b".to_owned()];
        let network = |seed| Network::new(MlpConfig::default(), vec![1], classes(), seed).unwrap();
        (0..n).map(|seed| Arc::new(network(seed)) as Arc<dyn Model>).collect()
    }

    fn teacher(folds: &Arc<Folds>, n: u64) -> OutOfFold {
        let together = Ensemble::new(members(n), Average::Geometric, 1.0).unwrap();
        OutOfFold::new(folds.clone(), members(n), Arc::new(together)).unwrap()
    }

    #[test]
    fn each_example_is_answered_by_who_has_not_seen_it() {
        let data = table(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let folds = Arc::new(Folds::new(&data, vec![2, 0, 1, 1, 0, 2], 3).unwrap());
        assert_eq!(folds.without(1), [0, 1, 4, 5]);
        let teacher = teacher(&folds, 3);
        let inputs = array![[3.0], [1.0], [7.5], [2.0], [6.0]];
        let found = teacher.logits(inputs.view()).unwrap();
        let alone = |who: usize, row: usize| members(3)[who].logits(inputs.slice(s![row..=row, ..])).unwrap();
        for (row, who) in [(0, 1), (1, 2), (3, 0), (4, 2)] {
            assert_eq!(found.slice(s![row..=row, ..]), alone(who, row), "{row}");
            let inside = teacher.inside().logits(inputs.view()).unwrap();
            assert_eq!(inside.slice(s![row..=row, ..]), alone((who + 1) % 3, row), "{row}");
        }
        let together = Ensemble::new(members(3), Average::Geometric, 1.0).unwrap();
        assert_eq!(found.row(2), together.logits(inputs.view()).unwrap().row(2));
        // One alone gives the same.
        assert_eq!(teacher.logits(array![[2.0]].view()).unwrap().row(0), found.row(3));
    }

    #[test]
    fn equal_inputs_are_in_one_fold_and_no_fold_is_empty() {
        let data = table(&[1.0, 1.0, 2.0, 3.0, 2.0, 4.0]);
        let folds = Folds::new(&data, vec![0, 1, 1, 0, 0, 1], 2).unwrap();
        assert_eq!((folds.without(0), folds.without(1)), (vec![2, 4, 5], vec![0, 1, 3]));
        let error = Folds::new(&table(&[1.0, 1.0, 1.0]), vec![0, 1, 1], 2).unwrap_err().to_string();
        assert!(error.contains("teacher.folds is 2, but fold 2 of the 3 training examples is empty"), "{error}");
        assert!(Folds::draw(&table(&[1.0, 2.0]), 3, 0).is_err());
        let drawn = Folds::draw(&table(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3, 0).unwrap();
        assert!((0..3).all(|fold| drawn.without(fold).len() == 4), "{drawn:?}");
        assert!(OutOfFold::new(Arc::new(drawn), members(2), members(1).remove(0)).is_err());
    }
}
