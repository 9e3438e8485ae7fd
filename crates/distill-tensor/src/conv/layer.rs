use pulp::Arch;
use pulp::bytemuck::cast_slice;
use rayon::prelude::*;

use super::depthwise::ChannelProduct;
use super::form::{Form, PairProduct, is_rounded, is_rounded_for_weights, padded_bf16, padded_f32, with_tiles};
use super::gather::{Gathers, Write};
use super::packed::{Direction, Kernel, Packing};
use super::product::Product;
use super::shape::ConvShape;
use crate::{Precision, TensorError};

/// Multiplications that are worth a thread.
const MIN_TASK: u64 = 400_000;

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
    pub(super) shape: ConvShape,
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

    /// Numbers of an example in the inputs and the outputs, of which there must be as many.
    pub(super) fn check_examples(&self, x: &[f32], y: &[f32]) -> [usize; 2] {
        let [len_x, len_y] = self.shape.lens();
        assert_eq!(x.len() / len_x, y.len() / len_y, "examples of inputs and outputs");
        [len_x, len_y]
    }

    pub(super) fn check_weights(&self, weights: &[f32]) {
        assert_eq!(weights.len(), self.shape.weights().iter().product::<usize>(), "weights of a convolution");
    }

    /// Runs `f(example, its part of a result)` for every example, on several threads where it pays.
    pub(super) fn for_each_example(&self, out: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
        out.par_chunks_exact_mut(len).enumerate().with_min_len(self.min_len()).for_each(|(i, out)| f(i, out));
    }

    /// Examples that are worth a thread.
    pub(super) fn min_len(&self) -> usize {
        usize::try_from(MIN_TASK.div_ceil(self.shape.macs().max(1))).unwrap_or(usize::MAX)
    }

    /// All sums of one example in one direction, over a map of these sides.
    pub(super) fn sums(
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
}

/// The first `n` values, which are then gone.
fn take<'a, T>(values: &mut &'a [T], n: usize) -> &'a [T] {
    let (first, rest) = values.split_at(n);
    *values = rest;
    first
}
