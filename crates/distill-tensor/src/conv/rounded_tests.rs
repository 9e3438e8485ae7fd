//! Convolutions of operands rounded to bf16, by instructions for it and emulated.

use super::form::{self, Form};
use super::tests::{Results, numbers, ours_as, plain, shapes};
use super::*;
use crate::Precision;

/// A precision, and what becomes of the form of its operands.
type Way = (Precision, fn(Form) -> Form);

/// Ways to compute in bf16: with all that the processor has, without tiles, and emulated.
const WAYS: [Way; 3] =
    [(Precision::Bf16, |form| form), (Precision::Bf16, without_tiles), (Precision::Bf16Emulated, |form| form)];

fn without_tiles(form: Form) -> Form {
    if form == Form::Tiles { Form::Pairs } else { form }
}

/// Those of all tests, and some with even numbers of channels in every place of the kernels: more and fewer pixels than a tile
/// has, one block of results and several, maps with rows or columns that are odd.
fn all_shapes() -> Vec<ConvShape> {
    let same = ConvShape::same;
    let mut shapes = shapes();
    shapes.extend([
        same([11, 13, 6], 10, 3),
        same([4, 15, 2], 2, 5),
        same([6, 7, 34], 66, 3),
        same([7, 6, 12], 34, 3),
        same([5, 3, 10], 18, 3),
        same([3, 5, 10], 6, 5),
        same([1, 1, 34], 34, 1),
        same([1, 1, 8], 4, 3),
        same([5, 7, 40], 48, 1),
        same([4, 32, 16], 16, 3),
        same([6, 20, 24], 40, 3),
        same([2, 8, 32], 64, 3),
        ConvShape { kernel: [1, 3], padding: [0, 1, 0, 1], ..same([1, 31, 12], 48, 1) },
        ConvShape { kernel: [3, 1], padding: [1, 0, 1, 0], ..same([25, 1, 14], 32, 1) },
        ConvShape { stride: [2, 2], ..same([8, 8, 16], 32, 3) },
        ConvShape { stride: [2, 2], padding: [0; 4], ..same([8, 9, 32], 34, 1) },
        ConvShape { stride: [3, 2], padding: [0, 1, 2, 1], ..same([10, 12, 8], 18, 3) },
        ConvShape { stride: [2, 3], padding: [0, 0, 1, 1], ..same([10, 21, 10], 16, 3) },
        ConvShape { kernel: [2, 4], stride: [1, 2], padding: [0; 4], ..same([4, 10, 8], 8, 1) },
        ConvShape { groups: 3, ..same([7, 6, 24], 24, 3) },
        ConvShape { groups: 2, stride: [2, 1], ..same([5, 9, 20], 36, 3) },
        ConvShape { groups: 2, stride: [1, 2], ..same([9, 6, 36], 20, 3) },
    ]);
    shapes
}

fn rounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&value| gemmkit::bf16::from_f32(value).to_f32()).collect()
}

struct Case {
    shape: ConvShape,
    w: Vec<f32>,
    bias: Vec<f32>,
    x: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new(shape: ConvShape, n: usize) -> Self {
        let [len_x, len_y] = shape.lens();
        let (x, dy) = (numbers(n * len_x, 1), numbers(n * len_y, 2));
        Self { shape, w: numbers(shape.weights().iter().product(), 3), bias: numbers(shape.outputs, 4), x, dy }
    }

    fn run(&self, precision: Precision, threads: usize) -> Results {
        self.run_as((precision, |form| form), threads)
    }

    fn run_as(&self, (precision, change): Way, threads: usize) -> Results {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| ours_as(change, &self.shape, precision, &self.w, &self.bias, &self.x, &self.dy))
    }

    /// Whether the layer, and the gradient of its weights, are in bf16 by the rule.
    fn is_rounded(&self) -> [bool; 2] {
        let layer = Convolution::new(self.shape).unwrap();
        [layer.precision(Precision::Bf16), layer.precision_of_weights(Precision::Bf16)].map(|p| p == Precision::Bf16)
    }
}

/// The products of rounded numbers are exact in f64. A sum of `k` terms in f32, in any order, has an error of at most
/// `k u Σ|a b|` and terms of the order `u²`, with `u = 2⁻²⁴`, once for each rounding of a term: one for its sum, one where the
/// product is rounded by itself. The bound is twice that.
#[test]
fn every_shape_equals_the_definition_on_rounded_operands() {
    let mut n_rounded = [0, 0];
    for shape in all_shapes() {
        let case = Case::new(shape, 5);
        let [of_layer, of_weights] = case.is_rounded();
        n_rounded = [n_rounded[0] + usize::from(of_layer), n_rounded[1] + usize::from(of_weights)];
        let exact = case.run(Precision::F32, 1);
        let [w, x, dy] = [&case.w, &case.x, &case.dy].map(|values| rounded(values));
        let expected = plain(&shape, &w, &case.bias, &x, &dy);
        let abs = |values: &[f32]| values.iter().map(|value| value.abs()).collect::<Vec<_>>();
        let sizes = plain(&shape, &abs(&w), &abs(&case.bias), &abs(&x), &abs(&dy));
        let [outputs, inputs, height, width] = shape.weights();
        let [rows, columns, _] = shape.output();
        let terms = [
            inputs * height * width + 1,
            outputs / shape.groups * height * width,
            x.len() / shape.lens()[0] * rows * columns,
        ];
        for way in WAYS {
            let (Results { y, dx, dw }, precision) = (case.run_as(way, 1), way.0);
            assert!(of_layer != (y == exact.y && dx == exact.dx) && of_weights != (dw == exact.dw), "{shape:?}");
            let found = [(y, "output", of_layer), (dx, "input", of_layer), (dw, "weight", of_weights)];
            for (i, (found, what, _)) in found.into_iter().enumerate().filter(|(_, (.., is_rounded))| *is_rounded) {
                for (at, found) in found.into_iter().enumerate() {
                    let bound = 4.0 * 2.0_f64.powi(-24) * terms[i] as f64 * sizes[i][at];
                    let error = (f64::from(found) - expected[i][at]).abs();
                    assert!(error <= bound, "{what} {at} of {shape:?} in {precision:?}: {error}, at most {bound}");
                }
            }
        }
    }
    assert_eq!(n_rounded, [49, 33]);
}

/// What the test above compares, by tiles on a processor that has them.
#[test]
fn tiles_fit_some_of_the_shapes_in_each_direction() {
    let layers = all_shapes().into_iter().filter(form::is_rounded).map(|shape| Convolution::new(shape).unwrap());
    let layers: Vec<_> = layers.collect();
    let [outputs, inputs, weights] = [
        layers.iter().filter(|layer| layer.outputs.0.parts[0].tiles.of_pixels.is_some()).count(),
        layers.iter().filter(|layer| layer.inputs.0.parts.iter().any(|part| part.tiles.of_pixels.is_some())).count(),
        layers.iter().filter(|layer| layer.outputs.0.parts[0].tiles.of_terms.is_some()).count(),
    ];
    assert!([outputs, inputs, weights].iter().all(|&n| n >= 8), "{outputs} {inputs} {weights}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for shape in all_shapes() {
        let case = Case::new(shape, 19);
        for way in WAYS {
            let one = case.run_as(way, 1);
            assert!([2, 3].into_iter().all(|threads| case.run_as(way, threads) == one), "{shape:?} {:?}", way.0);
        }
    }
}

/// What is no number shows at the same places as in f32, and nowhere else: of the outputs, of the gradients of the inputs and of those
/// of the weights.
#[test]
fn what_is_no_number_is_where_f32_has_it() {
    for shape in all_shapes() {
        let [len_x, len_y] = shape.lens();
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..12 {
                let mut case = Case::new(shape, 2);
                let (at_x, at_y) = (place * (len_x - 1) / 11, place * (len_y - 1) / 11);
                match place % 3 {
                    0 => case.x[at_x] = value,
                    1 => case.dy[len_y + at_y] = value,
                    _ => case.x[len_x + at_x] = value,
                }
                let kinds = |results: &Results| {
                    let all = results.y.iter().chain(&results.dx).chain(&results.dw);
                    all.map(|x| (x.is_nan(), x.is_infinite(), x.is_infinite() && *x > 0.0)).collect::<Vec<_>>()
                };
                let exact = kinds(&case.run(Precision::F32, 1));
                for way in WAYS {
                    assert!(kinds(&case.run_as(way, 1)) == exact, "{value} at {place} of {shape:?} in {:?}", way.0);
                }
            }
        }
    }
}

/// A kernel that was packed for one precision serves the other once it is packed anew.
#[test]
fn a_kernel_is_of_the_precision_that_it_was_last_packed_for() {
    let case = Case::new(ConvShape::same([6, 5, 4], 6, 3), 2);
    let layer = Convolution::new(case.shape).unwrap();
    let mut kernel = Kernel::default();
    let mut outputs = |precision| {
        let mut y = vec![f32::NAN; case.dy.len()];
        layer.pack(&case.w, Some(&case.bias), precision, &mut kernel);
        layer.forward(&kernel, &case.x, &mut y);
        y
    };
    let exact = outputs(Precision::F32);
    for precision in [Precision::Bf16, Precision::Bf16Emulated] {
        assert_eq!(outputs(precision), case.run(precision, 1).y);
        assert_ne!(outputs(precision), exact);
        assert_eq!(outputs(Precision::F32), exact);
    }
}
