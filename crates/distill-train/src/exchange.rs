use std::ops::Range;

use distill_models::ModelError;
use distill_tensor::Params;

use crate::TrainError;

/// How several processes or threads, the ranks, train one model: each computes the gradient of its part of every batch, and
/// all make the same step with the sum.
///
/// Every rank has the same data, the same settings, a model with the same weights and a processor of the same kind, and calls
/// the methods in the same order. As all get the same bits from [`sum`](Self::sum), their weights stay equal to the bit without
/// being sent, and what is decided by them, such as early stopping, is the same everywhere.
pub trait Exchange: Send + Sync {
    /// Which of the ranks this is, counted from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are, at least 1.
    fn size(&self) -> usize;

    /// Replaces the gradient, with what layers found in the batch, by the sum of those of all ranks: the same bits on each, so in one order, such as that of the ranks.
    ///
    /// # Errors
    /// [`TrainError::Exchange`] if the ranks cannot reach each other.
    fn sum(&self, grads: &mut Params) -> Result<(), TrainError>;

    /// Whether all ranks say yes.
    ///
    /// # Errors
    /// [`TrainError::Exchange`] if the ranks cannot reach each other.
    fn agree(&self, yes: bool) -> Result<bool, TrainError>;
}

/// One rank that has nobody to ask. Costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Exchange for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn sum(&self, _: &mut Params) -> Result<(), TrainError> {
        Ok(())
    }

    fn agree(&self, yes: bool) -> Result<bool, TrainError> {
        Ok(yes)
    }
}

/// What this rank has found, if no rank has failed: else all refuse together, so that none waits for one that is gone.
///
/// # Errors
/// This rank's error, or else [`TrainError::OtherRank`]. Where no rank has failed and one was told to stop,
/// [`ModelError::Stopped`] on all.
pub(crate) fn all_or_none<T>(exchange: &dyn Exchange, mine: Result<T, TrainError>) -> Result<T, TrainError> {
    if exchange.agree(mine.is_ok())? {
        return mine;
    }
    let has_failed = !matches!(mine, Ok(_) | Err(TrainError::Model(ModelError::Stopped)));
    if exchange.agree(!has_failed)? {
        return Err(ModelError::Stopped.into());
    }
    match mine {
        Err(error) if has_failed => Err(error),
        _ => Err(TrainError::OtherRank),
    }
}

/// The rows of a batch of `n` that are this rank's: parts in the order of the ranks, as equal as they can be.
pub(crate) fn part(exchange: &dyn Exchange, n: usize) -> Range<usize> {
    cut(exchange.rank(), exchange.size().max(1), n)
}

/// The part at place `i` where `n` rows are cut into so many, as equal as they can be.
pub(crate) fn cut(i: usize, n_parts: usize, n: usize) -> Range<usize> {
    i * n / n_parts..(i + 1) * n / n_parts
}

/// Makes of the gradient of this rank's mean that of the mean over the whole batch of `n`.
///
/// # Errors
/// As [`Exchange::sum`].
pub(crate) fn mean(exchange: &dyn Exchange, grads: &mut Params, n: usize) -> Result<(), TrainError> {
    if exchange.size() == 1 {
        return Ok(());
    }
    let share = part(exchange, n).len() as f32 / n as f32;
    grads.as_mut_slice().iter_mut().for_each(|grad| *grad *= share);
    exchange.sum(grads)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rank(usize, usize);

    impl Exchange for Rank {
        fn rank(&self) -> usize {
            self.0
        }

        fn size(&self) -> usize {
            self.1
        }

        fn sum(&self, _: &mut Params) -> Result<(), TrainError> {
            Ok(())
        }

        fn agree(&self, yes: bool) -> Result<bool, TrainError> {
            Ok(yes)
        }
    }

    #[test]
    fn parts_are_the_whole_batch_and_about_equal() {
        for (size, n) in [(1, 7), (2, 7), (3, 128), (3, 2), (5, 0)] {
            let parts: Vec<_> = (0..size).map(|rank| part(&Rank(rank, size), n)).collect();
            let rows: Vec<usize> = parts.iter().cloned().flatten().collect();
            assert_eq!(rows, (0..n).collect::<Vec<_>>());
            let lengths = || parts.iter().map(ExactSizeIterator::len);
            assert!(lengths().max().unwrap_or(0) - lengths().min().unwrap_or(0) <= 1, "{parts:?}");
        }
    }
}
