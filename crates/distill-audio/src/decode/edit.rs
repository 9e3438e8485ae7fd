use std::ops::AddAssign;

/// The changes that make one sequence of another, as few as there can be.
///
/// # Examples
/// ```
/// use distill_audio::decode::Edits;
/// let edits = Edits::between(&["HH", "EH", "L", "OW"], &["HH", "AH", "L", "L", "OW"]);
/// assert_eq!(edits, Edits { substitutions: 1, deletions: 0, insertions: 1, reference: 4 });
/// assert_eq!(edits.rate(), 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edits {
    /// Phones in place of others.
    pub substitutions: usize,
    /// Phones of the reference that are not there.
    pub deletions: usize,
    /// Phones that are too many.
    pub insertions: usize,
    /// Phones of the reference.
    pub reference: usize,
}

impl Edits {
    /// The changes from `reference` to `hypothesis` (Levenshtein, 1966). Where several ways are equally short it is
    /// the one with the fewest substitutions.
    pub fn between<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Self {
        // For the start of the reference so far, the edits to each start of the hypothesis.
        let step = |edits: Self, substitutions, deletions, insertions| Self {
            substitutions: edits.substitutions + substitutions,
            deletions: edits.deletions + deletions,
            insertions: edits.insertions + insertions,
            reference: reference.len(),
        };
        let start = step(Self::default(), 0, 0, 0);
        let mut row: Vec<Self> = (0..=hypothesis.len()).map(|n| step(start, 0, 0, n)).collect();
        for expected in reference {
            let mut diagonal = row[0];
            row[0] = step(row[0], 0, 1, 0);
            for (j, found) in (1..).zip(hypothesis) {
                let ways = [
                    step(diagonal, usize::from(expected != found), 0, 0),
                    step(row[j], 0, 1, 0),
                    step(row[j - 1], 0, 0, 1),
                ];
                diagonal = row[j];
                row[j] = ways.into_iter().min_by_key(|way| (way.total(), way.substitutions)).unwrap_or(diagonal);
            }
        }
        row[hypothesis.len()]
    }

    /// The number of changes.
    pub fn total(&self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }

    /// Changes for each phone of the reference: the phone error rate. It may be above 1.
    pub fn rate(&self) -> f64 {
        self.total() as f64 / self.reference as f64
    }
}

impl AddAssign for Edits {
    fn add_assign(&mut self, other: Self) {
        self.substitutions += other.substitutions;
        self.deletions += other.deletions;
        self.insertions += other.insertions;
        self.reference += other.reference;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, without memory of what was computed.
    fn distance(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) => {
                let substituted = distance(a_rest, b_rest) + usize::from(x != y);
                substituted.min(distance(a_rest, b) + 1).min(distance(a, b_rest) + 1)
            }
        }
    }

    #[test]
    fn counts_each_kind() {
        let edits =
            |substitutions, deletions, insertions, reference| Edits { substitutions, deletions, insertions, reference };
        assert_eq!(Edits::between(b"kitten", b"sitting"), edits(2, 0, 1, 6));
        assert_eq!(Edits::between(b"abc", b""), edits(0, 3, 0, 3));
        assert_eq!(Edits::between(b"", b"abc"), edits(0, 0, 3, 0));
        assert_eq!(Edits::between(b"abcd", b"acd"), edits(0, 1, 0, 4));
        let mut sum = edits(1, 2, 3, 10);
        sum += edits(1, 1, 1, 2);
        assert_eq!((sum, sum.rate()), (edits(2, 3, 4, 12), 0.75));
    }

    proptest! {
        #[test]
        fn is_the_shortest_way(
            a in prop::collection::vec(0_u8..3, 0..7),
            b in prop::collection::vec(0_u8..3, 0..7),
        ) {
            let edits = Edits::between(&a, &b);
            prop_assert_eq!(edits.total(), distance(&a, &b));
            prop_assert_eq!(a.len() + edits.insertions, b.len() + edits.deletions);
            prop_assert_eq!(edits.reference, a.len());
        }
    }
}
