use std::sync::Arc;

use distill_datasets::{DataError, DataSpec, Dataset, Subset, below};
use distill_tensor::{Philox, Stream};
use ndarray::ArrayViewMut2;

/// What a specialist learns from: all examples of its classes, and as many of the others, drawn at random.
///
/// Hinton, Vinyals, Dean, 2015, section 5.1.
#[derive(Debug, Clone)]
pub struct SpecialistData {
    examples: Subset,
    over_sampling: f64,
}

impl SpecialistData {
    /// `classes` are sorted places in the class list of the data. Which others there are is a function of `seed`.
    ///
    /// # Errors
    /// As [`Subset::new`].
    pub fn new(data: Arc<dyn Dataset>, classes: &[u32], seed: u64) -> Result<Self, DataError> {
        let (mut own, mut others) = (vec![], vec![]);
        for index in 0..data.len() {
            match data.label(index) {
                Some(label) if classes.binary_search(&label).is_ok() => own.push(index),
                Some(_) => others.push(index),
                None => {}
            }
        }
        let n_others = others.len();
        let n = own.len().min(n_others);
        let mut random = Philox::new(seed, Stream::Specialist, 0, 0);
        for i in 0..n {
            let j = i + below(&mut random, n_others - i);
            others.swap(i, j);
        }
        others.truncate(n);
        // How much more often it sees its classes than they occur beside the others.
        let over_sampling = if n == 0 { 1.0 } else { n_others as f64 / n as f64 };
        own.append(&mut others);
        own.sort_unstable();
        Ok(Self { examples: Subset::new(data, own)?, over_sampling })
    }

    /// How much more often the specialist sees its classes, beside the others, than they occur.
    pub fn over_sampling(&self) -> f64 {
        self.over_sampling
    }
}

impl Dataset for SpecialistData {
    fn spec(&self) -> &DataSpec {
        self.examples.spec()
    }

    fn len(&self) -> usize {
        self.examples.len()
    }

    fn read(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.examples.read(indices, out)
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.examples.label(index)
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Images;

    use super::*;

    #[test]
    fn half_are_its_own_and_half_are_others() {
        let labels: Vec<u32> = (0..100).map(|i| i % 10).collect();
        let classes = (0..10).map(|class| format!("c{class}")).collect();
        let data = Arc::new(Images::new(vec![1], (0..100).collect(), labels, classes).unwrap());
        let own = SpecialistData::new(data.clone(), &[2, 7], 1).unwrap();
        assert_eq!(own.spec().classes, data.spec().classes);
        let count = |class| (0..own.len()).filter(|&index| own.label(index) == Some(class)).count();
        assert_eq!((own.len(), count(2), count(7)), (40, 10, 10));
        assert_eq!(own.over_sampling(), 4.0);
        let again = SpecialistData::new(data.clone(), &[2, 7], 1).unwrap();
        let other = SpecialistData::new(data.clone(), &[2, 7], 2).unwrap();
        assert_eq!(own.examples.indices(), again.examples.indices());
        assert_ne!(own.examples.indices(), other.examples.indices());
        // There are no more others than there are.
        let most = SpecialistData::new(data, &[0, 1, 2, 3, 4, 5, 6, 7], 1).unwrap();
        assert_eq!((most.len(), most.over_sampling()), (100, 1.0));
    }
}
