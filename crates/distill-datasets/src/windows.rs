use distill_tensor::{Philox, Stream};

use crate::random;

/// How an epoch is mixed where not all examples are in memory.
///
/// Chunks of neighbouring examples come in a random order, and the examples of as many chunks
/// as make a window are shuffled. Only one window, and the next one that is being read, has to
/// be in memory.
///
/// Two examples of one chunk always meet in one window or in two that follow each other, and
/// which chunks share a window changes from epoch to epoch. A window is a random draw of chunks,
/// so in a file that is sorted by class the part that a class has in a window of `k` chunks
/// varies with a standard deviation of about `sqrt(p (1 - p) / k)` around its part `p` of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Neighbouring examples that keep together, at least 1.
    pub chunk: usize,
    /// Examples that are shuffled with each other, at least as many as in a chunk.
    pub window: usize,
}

impl Windows {
    /// Writes the order of an epoch: the numbers below `order.len()`, each once.
    ///
    /// It is a pure function of its arguments. Examples that fit into one window are all
    /// shuffled with each other, as by [`select::shuffle`](crate::select::shuffle).
    ///
    /// # Panics
    /// If a chunk has no examples, or a window fewer than a chunk.
    ///
    /// # Examples
    /// ```
    /// use distill_datasets::Windows;
    /// let mut order = [0; 12];
    /// Windows { chunk: 2, window: 4 }.order(&mut order, 1, 0);
    /// // The first window has two chunks of two neighbours.
    /// let mut chunks: Vec<_> = order[..4].iter().map(|example| example / 2).collect();
    /// chunks.sort_unstable();
    /// assert!(chunks[0] == chunks[1] && chunks[2] == chunks[3] && chunks[1] != chunks[2]);
    /// ```
    pub fn order(self, order: &mut [usize], seed: u64, epoch: u32) {
        let Self { chunk, window } = self;
        assert!(0 < chunk && chunk <= window, "chunks of {chunk} examples in windows of {window}");
        let mut rng = Philox::new(seed, Stream::Shuffle, epoch, 0);
        let n = order.len();
        // One chunk of everything leaves the natural order, which the window then shuffles.
        let chunk = if n <= window { n.max(1) } else { chunk };
        let mut starts: Vec<_> = (0..n).step_by(chunk).collect();
        if starts.len() > 1 {
            random::shuffle(&mut starts, &mut rng);
        }
        let examples = starts.into_iter().flat_map(|start| start..n.min(start + chunk));
        order.iter_mut().zip(examples).for_each(|(place, example)| *place = example);
        for window in order.chunks_mut(window) {
            random::shuffle(window, &mut rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::select;

    fn order(windows: Windows, n: usize, seed: u64, epoch: u32) -> Vec<usize> {
        // What was there before does not matter.
        let mut order = vec![7; n];
        windows.order(&mut order, seed, epoch);
        order
    }

    #[test]
    fn depends_on_seed_and_epoch_alone() {
        let windows = Windows { chunk: 10, window: 100 };
        let first = order(windows, 1000, 1, 0);
        assert_eq!(first, order(windows, 1000, 1, 0));
        for (seed, epoch) in [(2, 0), (1, 1), (1 << 40, 0)] {
            let other = order(windows, 1000, seed, epoch);
            let n_equal = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!(n_equal < 20, "{n_equal} of 1000 examples in the same place");
        }
    }

    #[test]
    fn one_window_is_the_whole_shuffle() {
        let mut whole: Vec<_> = (0..100).collect();
        select::shuffle(&mut whole, 3, 5);
        assert_eq!(order(Windows { chunk: 10, window: 100 }, 100, 3, 5), whole);
        assert_ne!(order(Windows { chunk: 10, window: 99 }, 100, 3, 5), whole);
    }

    /// 60,000 examples sorted by 10 classes, in 20 windows of 60 of the 1,200 chunks.
    ///
    /// Drawn without replacement, the part of a class has a standard deviation of
    /// `sqrt(0.1 * 0.9 / 60 * 1140 / 1199) = 0.038` around 0.1, and is below 0.29 with five of them.
    /// Of 2,340 batches of 128, 39 lacked one class and none lacked two.
    #[test]
    fn a_file_that_is_sorted_by_class_is_mixed() {
        let (n, n_classes) = (60_000, 10);
        let windows = Windows { chunk: 50, window: 3000 };
        let class = |example: usize| example * n_classes / n;
        let (mut squares, mut n_parts, mut n_lacking, mut n_batches) = (0.0, 0.0, 0, 0);
        for epoch in 0..5 {
            let order = order(windows, n, 1, epoch);
            for window in order.chunks(windows.window) {
                for c in 0..n_classes {
                    let part = window.iter().filter(|&&i| class(i) == c).count() as f64 / window.len() as f64;
                    assert!(part < 0.29, "class {c} has {part} of a window");
                    squares += (part - 0.1).powi(2);
                    n_parts += 1.0;
                }
            }
            for batch in order.chunks_exact(128) {
                let n_seen = (0..n_classes).filter(|&c| batch.iter().any(|&i| class(i) == c)).count();
                assert!(n_seen >= n_classes - 1, "a batch has {n_seen} classes");
                n_lacking += usize::from(n_seen < n_classes);
                n_batches += 1;
            }
        }
        let sd = f64::sqrt(squares / n_parts);
        assert!((0.034..0.042).contains(&sd), "parts of classes have a standard deviation of {sd}");
        assert!(n_lacking * 40 < n_batches, "{n_lacking} of {n_batches} batches lack a class");
    }

    proptest! {
        #[test]
        fn is_a_permutation_with_whole_chunks_in_the_windows(
            n in 0_usize..500, chunk in 1_usize..20, more in 0_usize..60, seed: u64, epoch: u32,
        ) {
            let windows = Windows { chunk, window: chunk + more };
            let order = order(windows, n, seed, epoch);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..n));
            // The examples of a chunk are in one window or in two neighbours.
            for start in (0..n).step_by(chunk).filter(|_| n > windows.window) {
                let windows = order.iter().enumerate().filter(|&(_, &i)| i / chunk == start / chunk);
                let mut windows: Vec<_> = windows.map(|(place, _)| place / (chunk + more)).collect();
                windows.dedup();
                prop_assert!(windows.len() == 1 || (windows.len() == 2 && windows[1] == windows[0] + 1));
            }
        }
    }
}
