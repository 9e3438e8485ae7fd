//! Columns that number the rows, or name them.

use std::collections::HashSet;

use super::Cell;

/// Fewer rows may look like anything.
const MIN_ROWS: u64 = 10;

/// So many different whole numbers within four times as many are no accident: one in exp(-100 / 8) tables of random numbers.
const MIN_DENSE: u64 = 100;

/// Different numbers that are remembered: so many are as good as all.
const MAX_SEEN: usize = 1 << 18;

/// Whether a name is one that pandas gives to the index.
pub(super) fn is_index_name(name: &str) -> bool {
    name.is_empty() || name == "Unnamed: 0" || (name.starts_with("__index_level_") && name.ends_with("__"))
}

/// `1st`, `2nd` and so on.
pub(super) fn ordinal(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (1, _) if n % 100 != 11 => "st",
        (2, _) if n % 100 != 12 => "nd",
        (3, _) if n % 100 != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// What has been seen of the numbers of a column.
#[derive(Debug)]
pub(super) struct Counter {
    n: u64,
    /// The last number, the least and the largest, while all are whole.
    range: Option<[i64; 3]>,
    is_whole: bool,
    /// Whether each is one more than that before it.
    in_steps: bool,
    /// The numbers, while no two are the same.
    different: Option<HashSet<i64>>,
}

impl Default for Counter {
    fn default() -> Self {
        Self { n: 0, range: None, is_whole: true, in_steps: true, different: Some(HashSet::new()) }
    }
}

impl Counter {
    pub(super) fn push(&mut self, cell: Cell<'_>) {
        self.n += 1;
        if !self.is_whole {
            return;
        }
        let Some(value) = whole(cell) else {
            (self.is_whole, self.different) = (false, None);
            return;
        };
        self.range = Some(match self.range {
            None => [value; 3],
            Some([last, least, largest]) => {
                self.in_steps &= last.checked_add(1) == Some(value);
                [value, least.min(value), largest.max(value)]
            }
        });
        if let Some(different) = &mut self.different
            && different.len() < MAX_SEEN
            && !different.insert(value)
        {
            self.different = None;
        }
    }

    /// Whether a column of numbers counts the rows: one after the other, or in another order, or all different where the name
    /// says that they are names.
    pub(super) fn counts(&self, name: &str) -> bool {
        let Some([_, least, largest]) = self.range.filter(|_| self.is_whole && self.n >= MIN_ROWS) else {
            return false;
        };
        let all_differ = self.different.is_some();
        let is_dense = self.n >= MIN_DENSE && largest.abs_diff(least) < self.n.saturating_mul(4);
        self.in_steps || all_differ && (is_dense || is_id(name))
    }

    /// Whether a column of so many different words names the rows.
    pub(super) fn names(&self, n_words: usize) -> bool {
        self.n >= MIN_ROWS && n_words as u64 == self.n
    }
}

/// Whether a column is called as if it told the rows apart.
fn is_id(name: &str) -> bool {
    let name = name.to_lowercase();
    let last = name.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    ["id", "index", "idx", "uuid", "row", "key"].contains(&last)
}

/// A whole number, also where it is written or stored as a real one.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and within the numbers that f64 counts")]
fn whole(cell: Cell<'_>) -> Option<i64> {
    const LARGEST: f64 = (1_i64 << 53) as f64;
    let real = |value: f64| (value.fract() == 0.0 && value.abs() <= LARGEST).then_some(value as i64);
    match cell {
        Cell::Whole(value) => Some(value),
        Cell::Real(value) => real(value),
        Cell::Text(text) => text.trim().parse().ok().or_else(|| real(text.trim().parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str, values: impl Iterator<Item = f64>) -> bool {
        let mut counter = Counter::default();
        values.for_each(|value| counter.push(Cell::Real(value)));
        counter.counts(name)
    }

    #[test]
    fn numbers_of_rows_are_found_and_measurements_are_not() {
        let upwards = || (0..200).map(f64::from);
        assert!(counts("n", upwards()) && counts("n", upwards().map(|value| value + 1e6)));
        // Mixed, and with the gaps that a part for testing leaves.
        assert!(counts("n", (0..200).map(|i| f64::from(i * 77 % 200))));
        assert!(counts("n", (0..200).map(|i| f64::from(i * 77 % 250))));
        // A name says what numbers far apart are.
        let far = || (0..200_u32).map(|i| f64::from(i * 7919 % 100_003));
        assert!(
            counts("customer_id", far()) && counts("ID", far()) && !counts("price", far()) && !counts("grid", far())
        );
        // Measurements differ from each other, and counts do not.
        assert!(!counts("x", upwards().map(|value| value + 0.5)) && !counts("id", upwards().map(f64::sqrt)));
        assert!(!counts("id", upwards().map(|value| (value / 2.0).floor())));
        assert!(!counts("n", upwards().take(9)), "too few to tell");
        // Steps of another size, as of time, are a measurement.
        assert!(!counts("t", upwards().map(|value| 10.0 * value)));
    }

    #[test]
    fn ordinals() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 112th"
        );
    }
}
