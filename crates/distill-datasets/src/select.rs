//! Which examples take part, and in what order. Pure functions of indices, labels and a seed.

mod groups;

use std::collections::BTreeMap;

use distill_tensor::{Philox, Stream};

use crate::dataset::check_indices;
use crate::{DataError, Dataset, random};

/// The two things that are drawn per class, so that they do not share numbers.
#[derive(Clone, Copy)]
enum Purpose {
    HoldOut = 0,
    Fraction = 1,
    Test = 2,
    Fold = 3,
}

/// Sets `n` examples aside: `(rest, held out)`, both ascending.
///
/// Every class gives its share, up to rounding by the largest remainder. Examples without
/// a label count as one class. Where examples have a [group](Dataset::group), whole groups are set aside, as many as
/// come nearest to `n`, at least one.
///
/// # Errors
/// [`DataError::BadHoldOut`] if nothing would remain.
///
/// # Examples
/// ```
/// use distill_datasets::{Images, select};
/// let classes = vec!["a".to_owned(), "b".to_owned()];
/// let images = Images::new(vec![1], vec![0; 6], vec![0, 0, 0, 0, 1, 1], classes)?;
/// let (rest, held_out) = select::hold_out(&images, 3, 1)?;
/// // Two of the four and one of the two.
/// assert_eq!(held_out.iter().filter(|&&i| i < 4).count(), 2);
/// assert_eq!((rest.len(), held_out.len()), (3, 3));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
pub fn hold_out(data: &dyn Dataset, n: usize, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let len = data.len();
    if n >= len {
        return Err(DataError::BadHoldOut { n, len });
    }
    let held_out = match groups_of(data) {
        Some(of) => groups::draw(&of, n, seed, Purpose::HoldOut as u32).ok_or(DataError::BadHoldOut { n, len })?,
        None => {
            let classes = group((0..len).map(|index| group_of(data, index)));
            let quotas = share(n, &classes);
            draw(classes, &quotas, seed, Purpose::HoldOut)
        }
    };
    let mut next = held_out.iter().copied().peekable();
    let rest = (0..len).filter(|&index| next.next_if_eq(&index).is_none()).collect();
    Ok((rest, held_out))
}

/// A part of `indices`, in their order.
///
/// Every class gives its share, up to rounding by the largest remainder, and at least one
/// example, so a tiny fraction of many classes is a little more than was asked for.
///
/// # Errors
/// [`DataError::BadFraction`] unless `0 < fraction <= 1`, [`DataError::EmptySelection`]
/// for a fraction of nothing, [`DataError::IndexOutOfRange`].
pub fn fraction(data: &dyn Dataset, indices: &[usize], fraction: f64, seed: u64) -> Result<Vec<usize>, DataError> {
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(DataError::BadFraction { fraction });
    }
    check_indices(data, indices)?;
    let groups = group(indices.iter().map(|&index| group_of(data, index)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number of indices")]
    let n = (indices.len() as f64 * fraction).round() as usize;
    let quotas: Vec<_> = share(n.min(indices.len()), &groups).into_iter().map(|quota| quota.max(1)).collect();
    let positions = draw(groups, &quotas, seed, Purpose::Fraction);
    non_empty(positions.into_iter().map(|position| indices[position]).collect(), indices.len())
}

/// Those of `indices` whose class is among `names`, in their order.
///
/// # Errors
/// [`DataError::UnknownClass`], which lists the names there are,
/// [`DataError::EmptySelection`], [`DataError::IndexOutOfRange`].
pub fn only_classes(data: &dyn Dataset, indices: &[usize], names: &[String]) -> Result<Vec<usize>, DataError> {
    filter(data, indices, names, true)
}

/// Those of `indices` whose class is not among `names`, in their order; examples without a
/// label stay.
///
/// # Errors
/// As for [`only_classes`].
pub fn without_classes(data: &dyn Dataset, indices: &[usize], names: &[String]) -> Result<Vec<usize>, DataError> {
    filter(data, indices, names, false)
}

/// Puts the indices into the order of an epoch, each order with the same probability.
///
/// The result depends on the order before: start every epoch from the same one, and a run
/// that is resumed sees the same batches.
///
/// # Examples
/// ```
/// use distill_datasets::select;
/// let mut order: Vec<usize> = (0..100).collect();
/// select::shuffle(&mut order, 1, 0);
/// assert!(!order.is_sorted());
/// order.sort_unstable();
/// assert!(order.into_iter().eq(0..100));
/// ```
pub fn shuffle(indices: &mut [usize], seed: u64, epoch: u32) {
    random::shuffle(indices, &mut Philox::new(seed, Stream::Shuffle, epoch, 0));
}

/// Writes the order of an epoch of a data set of `order.len()` examples: [`shuffle`] of all, or
/// where not all are in memory that of its [`Windows`](crate::Windows).
pub fn epoch_order(data: &dyn Dataset, seed: u64, epoch: u32, order: &mut [usize]) {
    match data.windows() {
        Some(windows) => windows.order(order, seed, epoch),
        None => {
            // Every epoch shuffles the natural order, so that it needs no other epoch before it.
            order.iter_mut().enumerate().for_each(|(i, index)| *index = i);
            shuffle(order, seed, epoch);
        }
    }
}

fn filter(data: &dyn Dataset, indices: &[usize], names: &[String], keep: bool) -> Result<Vec<usize>, DataError> {
    check_indices(data, indices)?;
    let known = &data.spec().classes;
    let mut named = vec![false; known.len()];
    for name in names {
        match known.iter().position(|class| class == name) {
            Some(class) => named[class] = true,
            None => return Err(DataError::UnknownClass { name: name.clone(), known: known.clone() }),
        }
    }
    let is_named = |index| data.label(index).and_then(|label| named.get(label as usize)) == Some(&true);
    non_empty(indices.iter().copied().filter(|&index| is_named(index) == keep).collect(), indices.len())
}

fn non_empty(indices: Vec<usize>, n_before: usize) -> Result<Vec<usize>, DataError> {
    if indices.is_empty() { Err(DataError::EmptySelection { n_before }) } else { Ok(indices) }
}

/// What an example is drawn with: its class, if it has one.
fn group_of(data: &dyn Dataset, index: usize) -> Option<u32> {
    data.label(index).map(|label| data.spec().group(label))
}

type Groups = BTreeMap<Option<u32>, Vec<usize>>;

/// The positions of every class.
fn group(labels: impl Iterator<Item = Option<u32>>) -> Groups {
    let mut groups = Groups::new();
    for (position, label) in labels.enumerate() {
        groups.entry(label).or_default().push(position);
    }
    groups
}

/// Shares `n` out in proportion to the groups, by the largest remainder; `n` is at most
/// the number of all positions. Of equal remainders the smaller class wins.
fn share(n: usize, groups: &Groups) -> Vec<usize> {
    let total = groups.values().map(Vec::len).sum::<usize>().max(1) as u128;
    let exact = || groups.values().map(|group| n as u128 * group.len() as u128);
    // A quota is at most the size of its group.
    let mut quotas: Vec<_> = exact().map(|product| (product / total) as usize).collect();
    let mut order: Vec<_> = exact().map(|product| product % total).enumerate().collect();
    order.sort_by_key(|&(group, remainder)| (std::cmp::Reverse(remainder), group));
    let left = n - quotas.iter().sum::<usize>();
    order.iter().take(left).for_each(|&(group, _)| quotas[group] += 1);
    quotas
}

/// The rows of a table that test, ascending: a share of every class, always the same, and at least one row; or whole groups, where
/// rows have some. `None` if nothing would remain.
pub(crate) fn test_rows(labels: &[u32], of: Option<&[u64]>, share_of_all: f64) -> Option<Vec<usize>> {
    let len = labels.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number of rows")]
    let n = ((len as f64 * share_of_all).round() as usize).max(1);
    if n >= len {
        return None;
    }
    if let Some(of) = of {
        return groups::draw(of, n, 0, Purpose::Test as u32);
    }
    let groups = group(labels.iter().copied().map(Some));
    let quotas = share(n, &groups);
    Some(draw(groups, &quotas, 0, Purpose::Test))
}

/// The [group](Dataset::group) of each example, where all have one.
pub fn groups_of(data: &dyn Dataset) -> Option<Vec<u64>> {
    (0..data.len()).map(|index| data.group(index)).collect()
}

/// Shares examples out to `n` folds, the groups of `of` as wholes: the fold of each, from 0. A group goes to the fold that has the
/// fewest examples by then, the largest groups first, so that folds are about as large as each other.
pub fn folds_of_groups(of: &[u64], n: u32, seed: u64) -> Vec<u32> {
    groups::folds(of, n, seed, Purpose::Fold as u32)
}

/// Shares examples with these labels out to `n` folds: the fold of each, from 0. Every class is shared out evenly, and so are all
/// examples together, up to one. Examples without a label count as one class.
///
/// # Examples
/// ```
/// use distill_datasets::select;
/// let folds = select::folds([0, 0, 0, 0, 1, 1].map(Some).into_iter(), 2, 1);
/// assert_eq!(folds.iter().filter(|&&fold| fold == 0).count(), 3);
/// assert_ne!(folds[4], folds[5]);
/// ```
pub fn folds(labels: impl Iterator<Item = Option<u32>>, n: u32, seed: u64) -> Vec<u32> {
    let groups = group(labels);
    let mut folds = vec![0; groups.values().map(Vec::len).sum()];
    let mut turns = (0..n.max(1)).cycle();
    for (label, mut group) in groups {
        shuffle_class(&mut group, label, seed, Purpose::Fold);
        group.iter().zip(turns.by_ref()).for_each(|(&position, fold)| folds[position] = fold);
    }
    folds
}

/// Puts the positions of a class into a random order.
fn shuffle_class(group: &mut [usize], label: Option<u32>, seed: u64, purpose: Purpose) {
    // No data set has a class of this number.
    let class = label.unwrap_or(u32::MAX);
    random::shuffle(group, &mut Philox::new(seed, Stream::Split, purpose as u32, class));
}

/// Draws as many positions of every group as its quota says, ascending.
fn draw(groups: Groups, quotas: &[usize], seed: u64, purpose: Purpose) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(quotas.iter().sum());
    for ((label, mut group), &quota) in groups.into_iter().zip(quotas) {
        shuffle_class(&mut group, label, seed, purpose);
        drawn.extend_from_slice(&group[..quota]);
    }
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests;
