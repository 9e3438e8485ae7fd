use std::ops::Range;

use distill_losses::{LossValue, Term};
use distill_models::Trainable;
use distill_tensor::Params;

use crate::exchange::cut;

/// The parts in which the rows of a batch are computed, one after the other, and what they have found: losses and gradients that
/// are means over all of the rows.
pub(crate) struct Parts {
    n: usize,
    /// The sum of the gradients, each with its share of the rows; none where all rows are one part.
    sum: Option<Params>,
    loss: LossValue,
    counts: [usize; 2],
}

impl Parts {
    /// For `n` parts, at least one.
    pub(crate) fn new(student: &dyn Trainable, n: usize) -> Self {
        let sum = (n > 1).then(|| Params::zeros(student.params().layout().clone()));
        Self { n: n.max(1), sum, loss: LossValue::default(), counts: [0; 2] }
    }

    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The parts of these rows, as equal as they can be, without those that have none.
    pub(crate) fn of(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n, start, n_rows) = (self.n, rows.start, rows.len());
        let parts = (0..n).map(move |i| cut(i, n, n_rows)).filter(|part| !part.is_empty());
        parts.map(move |part| start + part.start..start + part.end)
    }

    /// How many rows the parts had so far, and how many of them had a label.
    pub(crate) fn counts(&self) -> [usize; 2] {
        self.counts
    }

    /// Forgets the rows before.
    pub(crate) fn clear(&mut self) {
        (self.loss, self.counts) = (LossValue::default(), [0; 2]);
    }

    /// Takes in a part of `n` rows: its loss, how many rows it had and how many of these had a label, and the gradient that was found.
    pub(crate) fn add(&mut self, loss: &LossValue, counts: [usize; 2], n: usize, grads: &Params) {
        let is_first = self.counts[0] == 0;
        self.loss = if is_first { *loss } else { mean((&self.loss, self.counts), (loss, counts)) };
        self.counts = [0, 1].map(|i| self.counts[i] + counts[i]);
        if let Some(sum) = &mut self.sum {
            let share = counts[0] as f32 / n as f32;
            grads.for_each_part([sum.as_mut_slice()], |_, grads, [sum]| {
                let pairs = sum.iter_mut().zip(grads);
                match is_first {
                    true => pairs.for_each(|(sum, grad)| *sum = share * grad),
                    false => pairs.for_each(|(sum, grad)| *sum += share * grad),
                }
            });
        }
    }

    /// The loss of all rows, and in `grads` its gradient, which is there already where all are one part.
    pub(crate) fn finish(&mut self, grads: &mut Params) -> LossValue {
        if let Some(sum) = &mut self.sum {
            std::mem::swap(sum, grads);
        }
        self.loss
    }
}

/// The mean of two losses over the rows of both, or over those with labels. A term that only one has is that of its rows with
/// labels, or left out.
fn mean((first, n): (&LossValue, [usize; 2]), (second, m): (&LossValue, [usize; 2])) -> LossValue {
    let of = |i: usize, first: f64, second: f64| match n[i] + m[i] {
        0 => first,
        all => (n[i] as f64 * first + m[i] as f64 * second) / all as f64,
    };
    let term = |term: &Term| match second.terms.get(term.name()) {
        Some(other) => Some(term.with_value(of(usize::from(term.of_labelled), term.value, other))),
        None => term.of_labelled.then_some(*term),
    };
    let more = second.terms.iter().filter(|term| term.of_labelled && first.terms.find(term.name()).is_none());
    let terms = first.terms.iter().filter_map(term).chain(more.copied());
    LossValue { total: of(0, first.total, second.total), terms: terms.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(total: f64, hard: Option<f64>, soft: Option<f64>) -> LossValue {
        let hard = hard.map(|hard| Term::of_labelled("hard", hard));
        let terms = hard.into_iter().chain(soft.map(|soft| Term::new("soft", soft)));
        LossValue { total, terms: terms.collect() }
    }

    #[test]
    fn a_mean_weighs_each_term_by_the_rows_that_it_is_of() {
        let (first, second) = (loss(1.0, Some(2.0), Some(4.0)), loss(4.0, Some(5.0), Some(1.0)));
        let found = mean((&first, [4, 2]), (&second, [2, 1]));
        assert_eq!(found, loss(2.0, Some(3.0), Some(3.0)));
        let found = mean((&first, [4, 4]), (&second, [4, 0]));
        assert_eq!(found, loss(2.5, Some(2.0), Some(2.5)));
        // What one part does not know is not that of all rows.
        let unlabelled = loss(3.0, None, Some(0.0));
        assert_eq!(mean((&first, [3, 3]), (&unlabelled, [3, 0])), loss(2.0, Some(2.0), Some(2.0)));
        assert_eq!(mean((&unlabelled, [3, 0]), (&first, [3, 3])).hard(), Some(2.0));
        assert_eq!(mean((&first, [1, 1]), (&loss(1.0, Some(2.0), None), [1, 1])).soft(), None);
    }
}
