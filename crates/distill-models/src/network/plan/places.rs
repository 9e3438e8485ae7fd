use super::super::step::Way;
use super::Plan;

/// Numbers that evaluation has in its buffers at once, so that they stay near the processor.
pub(super) const AT_ONCE: usize = 256 * 1024;

impl Plan {
    /// Backward steps run in reverse: the last reader of a value is the first to write its gradient.
    pub(super) fn say_who_writes_gradients(&mut self, needs_grad: &[bool]) {
        let mut written = vec![false; self.slots.len()];
        for planned in self.steps.iter_mut().rev() {
            for input in &mut planned.inputs {
                input.grad = match (needs_grad[input.slot], std::mem::replace(&mut written[input.slot], true)) {
                    (false, _) => Way::Skip,
                    (true, false) => Way::Replace,
                    (true, true) => Way::Add,
                };
            }
        }
    }

    /// Gives each slot a buffer that no value uses which is still read.
    pub(super) fn place_buffers(&mut self) {
        let mut last_read = vec![0; self.slots.len()];
        for (i, planned) in self.steps.iter().enumerate() {
            planned.inputs.iter().for_each(|input| last_read[input.slot] = i);
        }
        self.places = self.slots.iter().map(|(_, width)| (0, *width)).collect();
        let (mut widths, mut free) = (vec![], vec![]);
        for (i, planned) in self.steps.iter().enumerate() {
            let buffer = free.pop().unwrap_or_else(|| {
                widths.push(0);
                widths.len() - 1
            });
            self.places[planned.output].0 = buffer;
            widths[buffer] = widths[buffer].max(self.slots[planned.output].1);
            let mut slots: Vec<_> = planned.inputs.iter().map(|input| input.slot).filter(|&slot| slot > 0).collect();
            slots.sort_unstable();
            slots.dedup();
            free.extend(slots.into_iter().filter(|&slot| last_read[slot] == i).map(|slot| self.places[slot].0));
        }
        self.n_buffers = widths.len();
        if self.rows != usize::MAX {
            self.rows = (AT_ONCE / widths.iter().sum::<usize>().max(1)).clamp(4, 256);
        }
    }
}
