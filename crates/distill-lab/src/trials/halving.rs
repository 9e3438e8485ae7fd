//! Successive halving: many trials on a small budget, the best of them on a larger one, and so on.
//!
//! Jamieson and Talwalkar, *Non-stochastic best arm identification and hyperparameter optimization*, 2016.

/// Epochs of each rung, the smallest first. The last has all of them.
pub(super) fn budgets(epochs: u32, eta: Option<u32>, n_trials: usize) -> Vec<u32> {
    let mut budgets = vec![epochs];
    let Some(eta) = eta.filter(|&eta| eta >= 2) else { return budgets };
    let (mut left, mut divisor) = (n_trials / eta as usize, u64::from(eta));
    // A rung that drops no trial, or is as expensive as the next, decides nothing.
    while left >= 1 && budgets.last().is_some_and(|&last| last > 1) {
        budgets.push(u32::try_from(u64::from(epochs).div_ceil(divisor)).unwrap_or(epochs));
        left /= eta as usize;
        divisor *= u64::from(eta);
    }
    budgets.reverse();
    budgets
}

/// How many of `n` trials go on to the next rung.
pub(crate) fn n_survivors(n: usize, eta: u32) -> usize {
    (n / eta.max(1) as usize).max(1).min(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_grow_by_eta_to_all_epochs() {
        assert_eq!(budgets(9, Some(3), 9), [1, 3, 9]);
        assert_eq!(budgets(9, Some(3), 26), [1, 3, 9]);
        assert_eq!(budgets(10, Some(3), 27), [1, 2, 4, 10]);
        assert_eq!(budgets(10, Some(2), 4), [3, 5, 10]);
        assert_eq!(budgets(9, None, 9), [9]);
        // Too few trials or epochs for another rung.
        assert_eq!(budgets(9, Some(3), 2), [9]);
        assert_eq!(budgets(1, Some(3), 100), [1]);
        assert_eq!(budgets(2, Some(3), 100), [1, 2]);
        assert_eq!(budgets(u32::MAX, Some(u32::MAX), 10_000), [u32::MAX]);
    }

    #[test]
    fn one_of_eta_survives_and_never_none() {
        assert_eq!([12, 4, 1].map(|n| n_survivors(n, 3)), [4, 1, 1]);
        assert_eq!([8, 10, 0].map(|n| n_survivors(n, 3)), [2, 3, 0]);
        assert_eq!(n_survivors(1, 1000), 1);
    }
}
