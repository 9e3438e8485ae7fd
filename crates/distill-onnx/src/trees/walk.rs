//! From the root of a tree to a leaf, for several examples at a time: while one waits for memory, others go on.

use std::array;

use super::forest::{EQUAL, FEATURE, Flat, Forest, MISSING_FIRST};

/// Examples that walk side by side.
const LANES: usize = 8;

/// How the weights of leaves become one number for each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

impl Flat {
    /// The place of the node that is next for an example. `PLAIN` are nodes without bits beside their features.
    fn next<const PLAIN: bool>(&self, row: &[f32]) -> u32 {
        let (value, threshold) = (row[(self.feature & FEATURE) as usize], f32::from_bits(self.bits));
        let holds = if PLAIN {
            value <= threshold
        } else {
            let holds = if self.feature & EQUAL == 0 { value <= threshold } else { value == threshold };
            holds || (value.is_nan() && self.feature & MISSING_FIRST != 0)
        };
        // No branch: nobody could guess it.
        self.children[usize::from(!holds)]
    }
}

impl Forest {
    /// Adds what the trees say of some rows, each of `width` features, to `totals`, of `n_targets` for each row. Trees come in
    /// the order of the file for every row, so that a total depends on nothing else.
    ///
    /// A total of [`Aggregate::Min`] or [`Aggregate::Max`] is NaN at first.
    pub(super) fn add(&self, rows: &[f32], width: usize, aggregate: Aggregate, totals: &mut [f64], n_targets: usize) {
        if self.is_plain {
            self.add_as::<true>(rows, width, aggregate, totals, n_targets);
        } else {
            self.add_as::<false>(rows, width, aggregate, totals, n_targets);
        }
    }

    fn add_as<const PLAIN: bool>(
        &self,
        rows: &[f32],
        width: usize,
        aggregate: Aggregate,
        totals: &mut [f64],
        n_targets: usize,
    ) {
        // A tree that is in the cache answers for all rows.
        for &root in &self.roots {
            let groups = rows.chunks(LANES * width).zip(totals.chunks_mut(LANES * n_targets));
            for (rows, totals) in groups {
                let n = rows.len() / width;
                // What is missing of a group walks as its last row does.
                let lanes: [&[f32]; LANES] = array::from_fn(|lane| &rows[lane.min(n - 1) * width..][..width]);
                let leaves = self.walk::<PLAIN>(root, lanes);
                for (leaf, totals) in leaves.iter().zip(totals.chunks_exact_mut(n_targets)) {
                    self.give(*leaf, aggregate, totals);
                }
            }
        }
    }

    /// The leaves of some rows.
    fn walk<const PLAIN: bool>(&self, root: u32, rows: [&[f32]; LANES]) -> [u32; LANES] {
        let mut at = [root; LANES];
        loop {
            let mut moved = 0;
            for (at, row) in at.iter_mut().zip(rows) {
                let next = self.nodes[*at as usize].next::<PLAIN>(row);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at.map(|at| self.nodes[at as usize].bits);
            }
        }
    }

    fn give(&self, leaf: u32, aggregate: Aggregate, totals: &mut [f64]) {
        let from = self.starts[leaf as usize] as usize;
        let to = self.starts[leaf as usize + 1] as usize;
        let given = self.targets[from..to].iter().zip(&self.weights[from..to]);
        for (&target, &weight) in given {
            let total = &mut totals[target as usize];
            let weight = f64::from(weight);
            match aggregate {
                Aggregate::Sum | Aggregate::Average => *total += weight,
                // Of NaN and a number they are the number.
                Aggregate::Min => *total = total.min(weight),
                Aggregate::Max => *total = total.max(weight),
            }
        }
    }
}
