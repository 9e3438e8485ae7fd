use pulp::Arch;
use pulp::bytemuck::cast_slice;
use rayon::prelude::*;

use super::buffer::with_buffer;
use super::depthwise::{ChannelProduct, ChannelWeightSums};
use super::form::{
    Form, PairProduct, is_rounded, is_rounded_for_weights, padded_bf16, padded_f32, round_f32, with_tiles,
};
use super::gather::{Gathers, Write};
use super::packed::{Direction, Kernel, NOTHING, Packing};
use super::pair_weights::PairWeightSums;
use super::product::Product;
use super::shape::ConvShape;
use super::weights::WeightSums;
use crate::{Precision, TensorError};

/// Multiplications that are worth a thread.
const MIN_TASK: u64 = 400_000;
/// The most parts of a batch whose gradients of the weights are summed apart.
const MAX_PARTS: usize = 16;
/// Sums of all parts that are worth a thread.
const MIN_SUMS: usize = 4096;

/// A convolution of two dimensions: outputs, and the gradients of inputs and weights.
///
/// Maps are `(examples, height, width, channels)`, row-major and flat; weights are PyTorch's, `(outputs, inputs of a group, height,
/// width)`. A convolution has no weights of its own: the caller [packs](Self::pack) them when they have changed.
///
/// Each example is computed by itself, and sums over examples are added in an order that depends on their number alone, so
/// results have the same bits for any number of threads. They may differ between processors with other vector units.
///
/// Weights are packed for a [`Precision`], and sums over them are computed in it: in bf16 each operand is rounded once, to nearest
/// and ties to even, products and sums are f32, and a bias is not rounded. [`Precision::Bf16`] takes `tdpbf16ps` where
/// [`bf16_by_tiles`](crate::bf16_by_tiles), else `vdpbf16ps` where [`bf16_is_native`](crate::bf16_is_native); both take numbers
/// below 2⁻¹²⁶ for zero.
///
/// # Examples
/// ```
/// use distill_tensor::{ConvShape, Convolution, Kernel, Precision};
/// let convolution = Convolution::new(ConvShape::same([2, 2, 1], 1, 3))?;
/// let mut kernel = Kernel::default();
/// convolution.pack(&[0., 0., 0., 0., 1., 2., 0., 0., 0.], Some(&[10.0]), Precision::F32, &mut kernel);
/// let mut y = [0.0; 4];
/// convolution.forward(&kernel, &[1., 2., 3., 4.], &mut y);
/// assert_eq!(y, [15., 12., 21., 14.]);
/// # Ok::<(), distill_tensor::TensorError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Convolution {
    shape: ConvShape,
    pub(super) outputs: (Gathers, Packing),
    pub(super) inputs: (Gathers, Packing),
}

impl Convolution {
    /// A convolution of these sides.
    ///
    /// # Errors
    /// As [`ConvShape::check`].
    pub fn new(shape: ConvShape) -> Result<Self, TensorError> {
        shape.check()?;
        let packed = |gathers: Gathers, direction| {
            let packing = Packing::new(&shape, direction, &gathers);
            (gathers, packing)
        };
        let outputs = packed(Gathers::of_outputs(&shape), Direction::Outputs);
        let inputs = packed(Gathers::of_inputs(&shape), Direction::Inputs);
        Ok(Self { shape, outputs, inputs })
    }

    /// Its sides.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Lays weights out for [`forward`](Self::forward), with a bias for each output channel or none, in [what the layer makes
    /// of](Self::precision) `precision`.
    ///
    /// # Panics
    /// If they are not as many as the shape says.
    pub fn pack(&self, weights: &[f32], bias: Option<&[f32]>, precision: Precision, kernel: &mut Kernel) {
        self.check_weights(weights);
        assert!(bias.is_none_or(|bias| bias.len() == self.shape.outputs), "a bias for each output channel");
        let form = Form::of(self.precision(precision));
        self.outputs.1.pack(&self.shape, weights, bias, form, kernel);
    }

    /// Lays weights out for [`backward_inputs`](Self::backward_inputs), in [what the layer makes of](Self::precision) `precision`.
    ///
    /// # Panics
    /// If they are not as many as the shape says.
    pub fn pack_backward(&self, weights: &[f32], precision: Precision, kernel: &mut Kernel) {
        self.check_weights(weights);
        let form = Form::of(self.precision(precision));
        self.inputs.1.pack(&self.shape, weights, None, form, kernel);
    }

    /// Outputs `y` of the inputs `x`.
    ///
    /// # Panics
    /// If the lengths do not fit each other.
    pub fn forward(&self, kernel: &Kernel, x: &[f32], y: &mut [f32]) {
        let [len_x, len_y] = self.check_examples(x, y);
        self.for_each_example(y, len_y, |i, y| {
            self.sums(&self.outputs, kernel, &x[i * len_x..][..len_x], self.shape.input, y, Write::Replace);
        });
    }

    /// The same, and writes with `note` what the outputs of each example say, while they are near the processor: as many numbers for
    /// each, one after the other.
    ///
    /// # Panics
    /// If the lengths do not fit each other, or there are no notes.
    pub fn forward_and_note(
        &self,
        kernel: &Kernel,
        x: &[f32],
        y: &mut [f32],
        notes: &mut [f32],
        note: impl Fn(&[f32], &mut [f32]) + Sync,
    ) {
        let [len_x, len_y] = self.check_examples(x, y);
        let of_example = notes.len() / (y.len() / len_y).max(1);
        let examples = y.par_chunks_exact_mut(len_y).zip(notes.par_chunks_exact_mut(of_example));
        examples.enumerate().with_min_len(self.min_len()).for_each(|(i, (y, notes))| {
            self.sums(&self.outputs, kernel, &x[i * len_x..][..len_x], self.shape.input, y, Write::Replace);
            note(y, notes);
        });
    }

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
        sums: &mut Vec<f32>,
        grads: &mut [f32],
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

    /// What outputs and gradients of inputs are computed in where `asked` is, by the shape alone.
    ///
    /// They are f32 where bf16 would be no faster: where each channel is by itself (depthwise), a group has an odd number of input or
    /// output channels, or a kernel of 1x1 has less than 1024 weights in a group.
    pub fn precision(&self, asked: Precision) -> Precision {
        if is_rounded(&self.shape) { asked } else { Precision::F32 }
    }

    /// The same for the gradient of the weights, which is in f32 also for kernels of 1x1, less than 8 input channels in a group, or
    /// less than 4 pixels of the outputs.
    pub fn precision_of_weights(&self, asked: Precision) -> Precision {
        if is_rounded_for_weights(&self.shape) { asked } else { Precision::F32 }
    }

    /// Gradients of the inputs of one example.
    fn input_sums(&self, kernel: &Kernel, dy: &[f32], dx: &mut [f32], add: bool) {
        let write = if add { Write::Add } else { Write::Replace };
        self.sums(&self.inputs, kernel, dy, self.shape.output(), dx, write);
    }

    /// Numbers of an example in the inputs and the outputs, of which there must be as many.
    fn check_examples(&self, x: &[f32], y: &[f32]) -> [usize; 2] {
        let [len_x, len_y] = self.shape.lens();
        assert_eq!(x.len() / len_x, y.len() / len_y, "examples of inputs and outputs");
        [len_x, len_y]
    }

    fn check_weights(&self, weights: &[f32]) {
        assert_eq!(weights.len(), self.shape.weights().iter().product::<usize>(), "weights of a convolution");
    }

    /// Runs `f(example, its part of a result)` for every example, on several threads where it pays.
    fn for_each_example(&self, out: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
        out.par_chunks_exact_mut(len).enumerate().with_min_len(self.min_len()).for_each(|(i, out)| f(i, out));
    }

    /// Examples that are worth a thread.
    fn min_len(&self) -> usize {
        usize::try_from(MIN_TASK.div_ceil(self.shape.macs().max(1))).unwrap_or(usize::MAX)
    }

    /// All sums of one example in one direction, over a map of these sides.
    fn sums(
        &self,
        (gathers, packing): &(Gathers, Packing),
        kernel: &Kernel,
        map: &[f32],
        sides: [usize; 3],
        out: &mut [f32],
        write: Write,
    ) {
        let (width, padding) = (packing.width, gathers.padding);
        let ([results, terms], arch) = (packing.direction.sides(&self.shape), Arch::new());
        let groups = || kernel.bias.chunks_exact(packing.len_of_results(&self.shape)).enumerate();
        let channels = |group| [group * terms, group * results];
        if kernel.form.is_of_pairs() {
            return padded_bf16(map, sides, padding, |map| {
                // The channels are even, so pairs of them are whole.
                let map: &[u32] = cast_slice(map);
                let mut pairs = kernel.pairs.as_slice();
                for gather in &gathers.parts {
                    with_tiles(gather.tiles.of_pixels.filter(|_| kernel.form == Form::Tiles), |tiles| {
                        for (group, bias) in groups() {
                            let kernel = take(&mut pairs, packing.len_of_group(&self.shape, gather) / 2);
                            let channels = channels(group);
                            PairProduct { gather, map, kernel, width, bias, out, channels, results, write, tiles }
                                .run();
                        }
                    });
                }
            });
        }
        padded_f32(kernel.form, map, sides, padding, |map| {
            let mut values = kernel.values.as_slice();
            for gather in &gathers.parts {
                if self.shape.is_depthwise() {
                    let channels = self.shape.outputs;
                    let (kernel, bias) = (take(&mut values, gather.terms), &kernel.bias);
                    arch.dispatch(ChannelProduct { gather, map, kernel, bias, out, channels, write });
                    continue;
                }
                for (group, bias) in groups() {
                    let kernel = take(&mut values, packing.len_of_group(&self.shape, gather));
                    let channels = channels(group);
                    arch.dispatch(Product { gather, map, kernel, width, bias, out, channels, results, write });
                }
            }
        });
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

/// The first `n` values, which are then gone.
fn take<'a, T>(values: &mut &'a [T], n: usize) -> &'a [T] {
    let (first, rest) = values.split_at(n);
    *values = rest;
    first
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
