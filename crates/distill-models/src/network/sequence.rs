use distill_tensor::{PARALLEL_MIN, ParamId, sum_rows};
use ndarray::ArrayViewMut2;
use rayon::prelude::*;

use super::step::{Backward, Eval, Inputs, Sources, Step, for_each_example};
use crate::Slot;

/// The rows of a table whose numbers the inputs are, one after the other. 0 is padding, which gives zeros.
///
/// Table `(rows, outputs)`; what comes out is a map one row high, with the channels of a token side by side.
#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) table: ParamId,
    pub(super) outputs: usize,
}

impl Step for Sequence {
    /// The network has read the inputs before, so they are numbers of rows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they are whole and not below 0")]
    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (table, x, width) = (at.params.vector(self.table), xs.get(0), y.ncols());
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, width, |example, y| {
            for (y, &number) in y.chunks_exact_mut(self.outputs).zip(x.row(example)) {
                match number as usize {
                    0 => y.fill(0.0),
                    row => y.copy_from_slice(&table[row * self.outputs..][..self.outputs]),
                }
            }
        });
    }

    /// A row has the sum of the gradients of all places where its number stands, added up in their order by one thread.
    fn backward(&self, at: &mut Backward<'_>, _xs: &mut Inputs<'_>, y: &mut Slot) {
        at.bags.invert();
        let (bags, dy) = (&*at.bags, y.grad_slice());
        let write = |(number, row): (usize, &mut [f32])| match bags.touched().binary_search(&(number as u32)) {
            Ok(i) => sum_rows(dy, bags.examples_of(i), row),
            Err(_) => row.fill(0.0),
        };
        let rows = at.grads.vector_mut(self.table);
        if dy.len() < PARALLEL_MIN {
            return rows.chunks_exact_mut(self.outputs).enumerate().for_each(write);
        }
        rows.par_chunks_exact_mut(self.outputs).enumerate().for_each(write);
    }
}
