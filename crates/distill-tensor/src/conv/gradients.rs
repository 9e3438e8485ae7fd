use pulp::Arch;
use rayon::prelude::*;

use super::depthwise::ChannelWeightSums;
use super::form::{Form, padded_bf16, padded_f32, round_f32};
use super::gather::{Gathers, Write};
use super::layer::Convolution;
use super::packed::{Kernel, NOTHING, Packing};
use super::pair_weights::PairWeightSums;
use super::shape::ConvShape;
use super::weights::WeightSums;
use crate::Precision;
use crate::buffer::with_buffer;

/// The most parts of a batch whose gradients of the weights are summed apart.
const MAX_PARTS: usize = 16;
/// Sums of all parts that are worth a thread.
const MIN_SUMS: usize = 4096;

/// What training wants beside the outputs.
impl Convolution {
    /// Gradients `dx` of the inputs, given those of the outputs: they replace what is there, or are added to it.
    ///
    /// # Panics
    /// If the lengths do not fit each other.
    pub fn backward_inputs(&self, kernel: &Kernel, dy: &[f32], dx: &mut [f32], add: bool) {
        let [len_x, len_y] = self.check_examples(dx, dy);
        self.for_each_example(dx, len_x, |i, dx| self.input_sums(kernel, &dy[i * len_y..][..len_y], dx, add));
    }

    /// Both gradients, of the weights as [`backward_weights`](Self::backward_weights) and of the inputs, if they want one, as
    /// [`backward_inputs`](Self::backward_inputs), to the same bits. `write_dy` writes the gradient of an example's outputs, which is
    /// then read for both while it is near the processor, and never lies in memory for the whole batch.
    ///
    /// # Panics
    /// If the lengths do not fit each other.
    pub fn backward(
        &self,
        kernel: &Kernel,
        x: &[f32],
        write_dy: impl Fn(usize, &mut [f32]) + Sync,
        precision: Precision,
        (sums, grads): (&mut Vec<f32>, &mut [f32]),
        dx: Option<(&mut [f32], bool)>,
    ) {
        let [len_x, len_y] = self.shape.lens();
        let form = Form::of(self.precision_of_weights(precision));
        let (n, each) = self.begin_sums(x.len() / len_x, sums);
        let part = |part: usize, sums: &mut [f32], mut dx: Option<(&mut [f32], bool)>| {
            with_buffer(len_y, |dy| {
                for (i, x) in x.chunks_exact(len_x).enumerate().skip(part * each).take(each) {
                    write_dy(i, dy);
                    self.add_weight_sums(form, x, dy, sums);
                    if let Some((dx, add)) = &mut dx {
                        self.input_sums(kernel, dy, &mut dx[(i - part * each) * len_x..][..len_x], *add);
                    }
                }
            });
        };
        let (of_parts, min_len) = (sums.par_chunks_mut(n).enumerate(), self.min_len().div_ceil(each));
        match dx {
            None => of_parts.with_min_len(min_len).for_each(|(i, sums)| part(i, sums, None)),
            Some((dx, add)) => {
                assert_eq!(dx.len(), x.len(), "gradients of inputs");
                let parts = of_parts.zip(dx.par_chunks_mut(each * len_x)).with_min_len(min_len);
                parts.for_each(|((i, sums), dx)| part(i, sums, Some((dx, add))));
            }
        }
        self.end_sums(form, sums, grads);
    }

    /// Overwrites `grads`, in the order of the weights, with their gradient, in [what it is made
    /// of](Self::precision_of_weights) `precision`. `sums` is memory to use again.
    ///
    /// # Panics
    /// If the lengths do not fit each other.
    pub fn backward_weights(
        &self,
        x: &[f32],
        dy: &[f32],
        precision: Precision,
        sums: &mut Vec<f32>,
        grads: &mut [f32],
    ) {
        self.weights_in(Form::of(self.precision_of_weights(precision)), x, dy, sums, grads);
    }

    pub(super) fn weights_in(&self, form: Form, x: &[f32], dy: &[f32], sums: &mut Vec<f32>, grads: &mut [f32]) {
        let [len_x, len_y] = self.check_examples(x, dy);
        let examples = x.len() / len_x;
        let (n, each) = self.begin_sums(examples, sums);
        sums.par_chunks_mut(n).enumerate().with_min_len(self.min_len().div_ceil(each)).for_each(|(part, sums)| {
            for i in part * each..((part + 1) * each).min(examples) {
                let (x, dy) = (&x[i * len_x..][..len_x], &dy[i * len_y..][..len_y]);
                self.add_weight_sums(form, x, dy, sums);
            }
        });
        self.end_sums(form, sums, grads);
    }

    /// Makes room for the sums of parts of the batch. Returns how many numbers a part has, and how many examples.
    fn begin_sums(&self, examples: usize, sums: &mut Vec<f32>) -> (usize, usize) {
        let (n, each) = (self.len_of_sums(), examples.div_ceil(MAX_PARTS).max(1));
        sums.clear();
        sums.resize(examples.div_ceil(each).max(1) * n, 0.0);
        (n, each)
    }

    /// Adds the parts up, and writes the gradient in the order of the weights.
    fn end_sums(&self, form: Form, sums: &mut [f32], grads: &mut [f32]) {
        self.check_weights(grads);
        let n = self.len_of_sums();
        let (sum, others) = sums.split_at_mut(n);
        sum.par_chunks_mut(MIN_SUMS).enumerate().for_each(|(i, sum)| {
            for other in others.chunks_exact(n) {
                sum.iter_mut().zip(&other[i * MIN_SUMS..]).for_each(|(sum, other)| *sum += other);
            }
        });
        let (Gathers { parts, .. }, Packing { width, order, .. }) = &self.outputs;
        let mut put = |weight: u32, sum: f32| {
            if weight != NOTHING {
                grads[weight as usize] = sum;
            }
        };
        if !self.lie_by_result(form) {
            return order.iter().zip(&*sum).for_each(|(&weight, &sum)| put(weight, sum));
        }
        let terms = parts[0].terms;
        for (order, sum) in order.chunks_exact(terms * width).zip(sum.chunks_exact(terms * width)) {
            for (term, order) in order.chunks_exact(*width).enumerate() {
                order.iter().zip(sum[term..].iter().step_by(terms)).for_each(|(&weight, &sum)| put(weight, sum));
            }
        }
    }

    /// Gradients of the inputs of one example.
    fn input_sums(&self, kernel: &Kernel, dy: &[f32], dx: &mut [f32], add: bool) {
        let write = if add { Write::Add } else { Write::Replace };
        self.sums(&self.inputs, kernel, dy, self.shape.output(), dx, write);
    }

    /// Whether sums for the gradient of the weights lie by result and then by term, as tiles make them.
    fn lie_by_result(&self, form: Form) -> bool {
        form == Form::Tiles && self.outputs.0.parts[0].tiles.of_terms.is_some()
    }

    /// Sums for the gradient of the weights, which lie as a kernel or [by result](Self::lie_by_result).
    fn len_of_sums(&self) -> usize {
        let (Gathers { parts, .. }, packing) = &self.outputs;
        if self.shape.is_depthwise() {
            parts[0].terms
        } else {
            self.shape.groups * packing.len_of_group(&self.shape, &parts[0])
        }
    }

    /// Adds what one example gives.
    fn add_weight_sums(&self, form: Form, x: &[f32], dy: &[f32], sums: &mut [f32]) {
        let (Gathers { parts, padding }, packing) = &self.outputs;
        let (gather, arch) = (&parts[0], Arch::new());
        let (ConvShape { input, outputs, .. }, padding) = (self.shape, *padding);
        let ([results, terms], width) = (packing.direction.sides(&self.shape), packing.width);
        if form.is_of_pairs() {
            return padded_bf16(x, input, padding, |map| {
                let sides = gather.tiles.of_terms.filter(|_| form == Form::Tiles);
                PairWeightSums { shape: &self.shape, gather, map, grads: dy, width, sums }.run(sides);
            });
        }
        padded_f32(form, x, input, padding, |map| {
            if self.shape.is_depthwise() {
                return arch.dispatch(ChannelWeightSums { gather, map, grads: dy, channels: outputs, sums });
            }
            for (group, sums) in sums.chunks_exact_mut(packing.len_of_group(&self.shape, gather)).enumerate() {
                let (channel, first) = (group * terms, group * results);
                with_whole_pixels(form, dy, outputs, first..first + results, width, |grads, pitch, first| {
                    arch.dispatch(WeightSums { gather, map, grads, pitch, first, channel, width, sums });
                });
            }
        });
    }
}

/// Gives `run` gradients of pixels whose channels `range` are whole blocks, how far pixels are apart, and where the channels begin.
fn with_whole_pixels(
    form: Form,
    grads: &[f32],
    channels: usize,
    range: std::ops::Range<usize>,
    width: usize,
    run: impl FnOnce(&[f32], usize, usize),
) {
    if form == Form::Whole && range.len().is_multiple_of(width) {
        return run(grads, channels, range.start);
    }
    let pitch = range.len().next_multiple_of(width);
    with_buffer(grads.len() / channels * pitch, |buffer| {
        for (to, from) in buffer.chunks_exact_mut(pitch).zip(grads.chunks_exact(channels)) {
            let (to, rest) = to.split_at_mut(range.len());
            match form {
                Form::Rounded => round_f32(&from[range.clone()], to),
                Form::Whole | Form::Pairs | Form::Tiles => to.copy_from_slice(&from[range.clone()]),
            }
            rest.fill(0.0);
        }
        run(buffer, pitch, 0);
    });
}
