use ndarray::ArrayViewMut2;
use proptest::prelude::*;

use super::*;
use crate::DataSpec;

/// A data set that is nothing but labels.
#[derive(Debug)]
struct Labels {
    spec: DataSpec,
    labels: Vec<Option<u32>>,
}

impl Labels {
    fn new(labels: impl IntoIterator<Item = Option<u32>>) -> Self {
        let classes = ["cat", "dog", "eel", "fox"].map(String::from).to_vec();
        Self { spec: DataSpec::new(vec![1], classes), labels: labels.into_iter().collect() }
    }

    fn count(&self, indices: &[usize], label: Option<u32>) -> usize {
        indices.iter().filter(|&&index| self.labels[index] == label).count()
    }
}

impl Dataset for Labels {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn read(&self, _: &[usize], _: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn labels() -> impl Strategy<Value = Labels> {
    let label = prop_oneof![4 => Just(Some(0)), 2 => Just(Some(1)), 1 => Just(Some(3)), 1 => Just(None)];
    prop::collection::vec(label, 1..80).prop_map(Labels::new)
}

#[test]
fn shares_by_the_largest_remainder() {
    let groups = |sizes: &[usize]| sizes.iter().enumerate().map(|(i, &n)| (Some(i as u32), vec![0; n])).collect();
    // 6 of 10: 3.0, 1.8 and 1.2.
    assert_eq!(share(6, &groups(&[5, 3, 2])), [3, 2, 1]);
    // 1 of 3: equal remainders.
    assert_eq!(share(1, &groups(&[1, 1, 1])), [1, 0, 0]);
    assert_eq!(share(0, &groups(&[5, 3])), [0, 0]);
    assert_eq!(share(8, &groups(&[5, 3])), [5, 3]);
    assert_eq!(share(0, &Groups::new()), [0; 0]);
}

#[test]
fn the_seed_decides_which_are_held_out() {
    let data = Labels::new((0..100).map(|i| Some(i % 4)));
    let held_out = |seed| hold_out(&data, 20, seed).unwrap().1;
    assert_eq!(held_out(1), held_out(1));
    assert_ne!(held_out(1), held_out(2));
    // Every example has its turn: 400 draws of one in five.
    let mut counts = [0_u32; 100];
    (0..400).flat_map(held_out).for_each(|index| counts[index] += 1);
    assert!(counts.iter().all(|n| n.abs_diff(80) < 45), "{counts:?}");
}

#[test]
fn a_tiny_fraction_keeps_every_class() {
    let data = Labels::new((0..1000).map(|i| (i % 100 > 1).then_some(u32::from(i % 100 == 2))));
    let indices: Vec<_> = (0..1000).rev().collect();
    let some = fraction(&data, &indices, 0.001, 1).unwrap();
    assert_eq!([None, Some(0), Some(1)].map(|label| data.count(&some, label)), [1, 1, 1]);
    assert!(some.is_sorted_by(|a, b| a > b), "the order of the indices is kept");
    assert_eq!(fraction(&data, &indices, 1.0, 1).unwrap(), indices);
}

#[test]
fn filters_by_name() {
    let data = Labels::new([Some(0), Some(1), None, Some(3), Some(1)]);
    let all = [4, 3, 2, 1, 0];
    assert_eq!(only_classes(&data, &all, &names(&["dog", "fox"])).unwrap(), [4, 3, 1]);
    assert_eq!(without_classes(&data, &all, &names(&["dog", "fox"])).unwrap(), [2, 0]);
    assert_eq!(without_classes(&data, &all, &[]).unwrap(), all);
    assert_eq!(only_classes(&data, &[0, 1], &names(&["cat", "cat"])).unwrap(), [0]);
}

#[test]
fn says_what_is_wrong_with_a_selection() {
    let data = Labels::new([Some(0), Some(1)]);
    let message = |result: Result<Vec<usize>, DataError>| result.unwrap_err().to_string();
    assert_eq!(
        message(only_classes(&data, &[0], &names(&["cow"]))),
        "there is no class `cow`, the classes are `cat`, `dog`, `eel`, `fox`"
    );
    assert_eq!(message(only_classes(&data, &[0, 1], &names(&["eel"]))), "the selection leaves no example (of 2)");
    assert_eq!(message(without_classes(&data, &[0], &names(&["cat"]))), "the selection leaves no example (of 1)");
    assert_eq!(message(only_classes(&data, &[2], &[])), "example 2 was asked for, but there are 2");
    assert_eq!(message(fraction(&data, &[], 0.5, 1)), "the selection leaves no example (of 0)");
    for bad in [0.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
        assert_eq!(
            message(fraction(&data, &[0], bad, 1)),
            format!("a fraction of {bad} was asked for, expected more than 0 and at most 1")
        );
    }
    for n in [2, 3] {
        assert_eq!(
            message(hold_out(&data, n, 1).map(|(rest, _)| rest)),
            format!("cannot hold out {n} of 2 examples, at least one has to remain")
        );
    }
}

#[test]
fn epochs_and_seeds_have_orders_of_their_own() {
    let order = |seed, epoch| {
        let mut indices: Vec<_> = (0..50).collect();
        shuffle(&mut indices, seed, epoch);
        indices
    };
    assert_eq!(order(1, 2), order(1, 2));
    assert_ne!(order(1, 2), order(1, 3));
    assert_ne!(order(1, 2), order(2, 2));
    shuffle(&mut [], 1, 1);
}

proptest! {
    #[test]
    fn held_out_and_rest_are_a_stratified_partition(data in labels(), part in 0.0_f64..1.0, seed: u64) {
        let len = data.len();
        let n = (part * len as f64) as usize;
        let (rest, held_out) = hold_out(&data, n, seed).unwrap();
        prop_assert_eq!(held_out.len(), n);
        prop_assert!(rest.is_sorted() && held_out.is_sorted());
        let mut all = [rest, held_out.clone()].concat();
        all.sort_unstable();
        prop_assert!(all.iter().copied().eq(0..len));
        for label in [None, Some(0), Some(1), Some(3)] {
            let exact = n as f64 * data.count(&all, label) as f64 / len as f64;
            prop_assert!((data.count(&held_out, label) as f64 - exact).abs() < 1.0);
        }
    }

    #[test]
    fn folds_are_of_one_size_and_stratified(data in labels(), n in 2_u32..7, seed: u64) {
        let labels: Vec<_> = (0..data.len()).map(|index| data.label(index)).collect();
        let found = folds(labels.iter().copied(), n, seed);
        prop_assert_eq!(&found, &folds(labels.iter().copied(), n, seed));
        let even = |is_counted: &dyn Fn(usize) -> bool| {
            let count = |fold| (0..labels.len()).filter(|&i| found[i] == fold && is_counted(i)).count();
            let counts: Vec<usize> = (0..n).map(count).collect();
            counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1
        };
        prop_assert!(even(&|_| true) && found.iter().all(|&fold| fold < n));
        for label in [None, Some(0), Some(1), Some(3)] {
            prop_assert!(even(&|i| labels[i] == label), "{label:?}");
        }
    }

    #[test]
    fn a_fraction_is_stratified(data in labels(), part in 0.001_f64..=1.0, seed: u64) {
        let all: Vec<_> = (0..data.len()).collect();
        let some = fraction(&data, &all, part, seed).unwrap();
        prop_assert!(some.is_sorted_by(|a, b| a < b));
        for label in [None, Some(0), Some(1), Some(3)] {
            let (n, n_all) = (data.count(&some, label), data.count(&all, label));
            prop_assert!(n <= n_all && (n > 0) == (n_all > 0));
            // One for the remainder and a half for rounding the whole.
            prop_assert!((n as f64 - part * n_all as f64).abs() <= 1.5);
        }
    }

    #[test]
    fn a_shuffle_is_a_permutation(n in 0_usize..200, seed: u64, epoch: u32) {
        let mut indices: Vec<_> = (0..n).collect();
        shuffle(&mut indices, seed, epoch);
        indices.sort_unstable();
        prop_assert!(indices.into_iter().eq(0..n));
    }
}
