use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::output::Output;
use crate::screen::answers_bar;
use distill_recipe::words::{left, thousands};

/// How long it may take before it is shown how far it is.
const SILENT: Duration = Duration::from_millis(500);

/// The bar has this length, whatever the files have.
const WHOLE: u64 = 10_000;

/// Shows how many rows are answered and how much time is left, on a terminal, while the answers go elsewhere.
pub(super) struct Meter {
    since: Instant,
    is_on: bool,
    bar: Option<ProgressBar>,
    n_files: usize,
}

impl Meter {
    pub(super) fn new(output: &Output, n_files: usize) -> Self {
        // Answers on a terminal show how far it is themselves.
        let is_on = output.animate() && !io::stdout().is_terminal();
        Self { since: Instant::now(), is_on, bar: None, n_files }
    }

    /// `file` files are answered whole, and of the next one so much of so much, where that is known.
    pub(super) fn show(&mut self, n_answered: u64, file: usize, part: Option<(u64, u64)>) {
        let spent = self.since.elapsed();
        if !self.is_on || spent < SILENT {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| answers_bar(WHOLE));
        let answered = format!("{} answered", thousands(n_answered));
        match whole_part(self.n_files, file, part) {
            Some(whole) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a whole")]
                bar.set_position((whole * WHOLE as f64) as u64);
                bar.set_message(format!("{answered}  {} left", left(spent.mul_f64((1.0 - whole) / whole))));
            }
            None => bar.set_message(answered),
        }
    }
}

/// The part of all files that is done, if it is known and more than nothing. A file that does not say how long it is counts when
/// it is over.
fn whole_part(n_files: usize, file: usize, part: Option<(u64, u64)>) -> Option<f64> {
    let part = part.filter(|&(_, total)| total > 0).map(|(done, total)| (done as f64 / total as f64).min(1.0));
    if part.is_none() && n_files == 1 {
        return None;
    }
    Some((file as f64 + part.unwrap_or(0.0)) / n_files.max(1) as f64).filter(|&whole| whole > 0.0)
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_alike_and_those_of_no_known_length_when_they_are_over() {
        assert_eq!(whole_part(1, 0, Some((25, 100))), Some(0.25));
        assert_eq!(whole_part(4, 1, Some((1, 2))), Some(0.375));
        assert_eq!(whole_part(4, 1, None), Some(0.25));
        // A file may grow while it is read.
        assert_eq!(whole_part(1, 0, Some((101, 100))), Some(1.0));
        for nothing in [whole_part(1, 0, None), whole_part(1, 0, Some((0, 100))), whole_part(2, 0, Some((0, 0)))] {
            assert_eq!(nothing, None);
        }
    }
}
