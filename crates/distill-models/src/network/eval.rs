use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Network;
use super::plan::Planned;
use super::step::{Eval, Prepared, Sources, Values};
use crate::bags::Bags;
use crate::buffer::matrix;

/// Evaluation, which keeps no value longer than it is read.
impl Network {
    /// What every step has made of the weights.
    pub(super) fn prepared(&self) -> &[Prepared] {
        let make = || self.plan.steps.iter().map(|planned| planned.step.prepare(&self.params)).collect();
        self.prepared.get_or_init(make)
    }

    /// Evaluates all rows. Each thread has buffers of its own, and takes whole parts: which they are does not depend on the threads.
    pub(super) fn eval(
        &self,
        inputs: ArrayView2<'_, f32>,
        bags: &Bags,
        buffers: &mut Vec<Vec<f32>>,
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        let n_parts = inputs.nrows().div_ceil(self.plan.rows).max(1);
        let n_tasks = rayon::current_num_threads().min(n_parts);
        let n_buffers = self.plan.n_buffers;
        buffers.resize_with((n_tasks * n_buffers).max(buffers.len()), Vec::new);
        if n_tasks == 1 {
            self.eval_parts(inputs, bags, buffers, out);
        } else {
            let rows = n_parts.div_ceil(n_tasks) * self.plan.rows;
            let tasks = inputs.axis_chunks_iter(Axis(0), rows).into_par_iter();
            let tasks = tasks.zip(out.axis_chunks_iter_mut(Axis(0), rows)).zip(buffers.par_chunks_mut(n_buffers));
            tasks.for_each(|((inputs, out), buffers)| self.eval_parts(inputs, bags, buffers, out));
        }
    }

    /// Evaluates rows, as many at a time as fit the buffers.
    fn eval_parts(
        &self,
        inputs: ArrayView2<'_, f32>,
        bags: &Bags,
        buffers: &mut [Vec<f32>],
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        let at_once = self.plan.rows.min(inputs.nrows()).max(1);
        for (inputs, out) in inputs.axis_chunks_iter(Axis(0), at_once).zip(out.axis_chunks_iter_mut(Axis(0), at_once)) {
            self.eval_rows(inputs, bags, buffers, out);
        }
    }

    /// Evaluates as many rows as fit the buffers.
    fn eval_rows(
        &self,
        input: ArrayView2<'_, f32>,
        bags: &Bags,
        buffers: &mut [Vec<f32>],
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        let (plan, rows, n_steps) = (&*self.plan, input.nrows(), self.plan.steps.len());
        for (i, (Planned { step, inputs, output, .. }, prepared)) in plan.steps.iter().zip(self.prepared()).enumerate()
        {
            let (buffer, width) = plan.places[*output];
            let mut y = std::mem::take(&mut buffers[buffer]);
            let values = Values::Buffers { input, buffers, places: &plan.places };
            let (at, xs) = (Eval { params: &self.params, prepared, bags }, Sources { values, inputs });
            if i + 1 < n_steps {
                step.eval(at, xs, matrix(&mut y, rows, width));
            } else if out.is_standard_layout() {
                step.eval(at, xs, out.view_mut());
            } else {
                step.eval(at, xs, matrix(&mut y, rows, width));
                out.assign(&matrix(&mut y, rows, width));
            }
            buffers[buffer] = y;
        }
    }
}
