//! Examples that stay together.

use std::collections::BTreeMap;

use distill_tensor::{Philox, Stream};

use crate::random;

/// The positions of each group, in a random order of the groups.
fn shuffled(of: &[u64], seed: u64, purpose: u32) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (position, &group) in of.iter().enumerate() {
        groups.entry(group).or_default().push(position);
    }
    let groups: Vec<_> = groups.into_values().collect();
    let mut order: Vec<usize> = (0..groups.len()).collect();
    // No class has this number.
    random::shuffle(&mut order, &mut Philox::new(seed, Stream::Split, purpose, u32::MAX - 1));
    order.into_iter().map(|at| groups[at].clone()).collect()
}

/// Positions of whole groups, ascending: as many as come nearest to `n` examples, at least one group. `None` if none would be left.
pub(super) fn draw(of: &[u64], n: usize, seed: u64, purpose: u32) -> Option<Vec<usize>> {
    let groups = shuffled(of, seed, purpose);
    let mut drawn: Vec<usize> = vec![];
    for group in &groups {
        let is_last = drawn.len() + group.len() == of.len();
        // A group that would lead further away than it is now may be followed by a smaller one.
        if is_last {
            continue;
        }
        if drawn.is_empty() || (drawn.len() + group.len()).abs_diff(n) < drawn.len().abs_diff(n) {
            drawn.extend(group);
        }
    }
    drawn.sort_unstable();
    (!drawn.is_empty()).then_some(drawn)
}

/// The fold of each position.
pub(super) fn folds(of: &[u64], n: u32, seed: u64, purpose: u32) -> Vec<u32> {
    let mut groups = shuffled(of, seed, purpose);
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let (mut sizes, mut folds) = (vec![0; n.max(1) as usize], vec![0; of.len()]);
    for group in groups {
        let (fold, size) = sizes
            .iter_mut()
            .zip(0_u32..)
            .map(|(size, fold)| (fold, size))
            .min_by_key(|(fold, size)| (**size, *fold))
            .expect("a fold");
        *size += group.len();
        group.into_iter().for_each(|position| folds[position] = fold);
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_whole_and_come_near_to_what_is_asked_for() {
        // Thirty groups of 1 to 6.
        let of: Vec<u64> = (0..30_u64).flat_map(|group| vec![group * 7919; 1 + group as usize % 6]).collect();
        for n in [1, 10, 21, 50, of.len() - 1] {
            for seed in 0..20 {
                let drawn = draw(&of, n, seed, 0).unwrap();
                assert!(drawn.len().abs_diff(n) <= 6 && drawn.is_sorted(), "{n}: {}", drawn.len());
                let is_whole = |group: u64| {
                    let count = drawn.iter().filter(|&&at| of[at] == group).count();
                    count == 0 || count == of.iter().filter(|&&other| other == group).count()
                };
                assert!(of.iter().all(|&group| is_whole(group)));
            }
        }
        assert_ne!(draw(&of, 20, 1, 0), draw(&of, 20, 2, 0));
        assert_eq!(draw(&of, 20, 1, 0), draw(&of, 20, 1, 0));
        // One group cannot be divided.
        assert_eq!(draw(&[5, 5, 5], 1, 0, 0), None);
        assert_eq!(draw(&[5, 6], 1, 0, 0).map(|drawn| drawn.len()), Some(1));
    }

    #[test]
    fn folds_of_groups_are_about_as_large_as_each_other() {
        let of: Vec<u64> = (0..40_u64).flat_map(|group| vec![group; 1 + group as usize % 5]).collect();
        let folds = folds(&of, 5, 3, 0);
        let sizes: Vec<usize> = (0..5).map(|fold| folds.iter().filter(|&&other| other == fold).count()).collect();
        assert!(sizes.iter().all(|&size| size == 24), "{sizes:?}");
        assert!((0..of.len()).all(|a| (0..of.len()).all(|b| of[a] != of[b] || folds[a] == folds[b])));
    }
}
