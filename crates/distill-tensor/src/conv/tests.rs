use ndarray_rand::rand::Rng;

use super::form::Form;
use super::*;
use crate::{Philox, Precision, Stream};

/// The definition, in f64 and index by index: outputs, gradients of inputs and of weights.
pub(super) fn plain(s: &ConvShape, w: &[f32], bias: &[f32], x: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let [h, wd, c] = s.input;
    let [oh, ow, k] = s.output();
    let (ci, ko) = (c / s.groups, k / s.groups);
    let n = x.len() / (h * wd * c);
    let (mut y, mut dx, mut dw) = (vec![0.0; n * oh * ow * k], vec![0.0; x.len()], vec![0.0; w.len()]);
    for e in 0..n {
        for (oy, ox, o) in (0..oh).flat_map(|a| (0..ow).flat_map(move |b| (0..k).map(move |o| (a, b, o)))) {
            let at = ((e * oh + oy) * ow + ox) * k + o;
            y[at] += f64::from(bias[o]);
            for (ky, kx, i) in
                (0..s.kernel[0]).flat_map(|a| (0..s.kernel[1]).flat_map(move |b| (0..ci).map(move |i| (a, b, i))))
            {
                let (iy, ix) = (oy * s.stride[0] + ky, ox * s.stride[1] + kx);
                let (Some(iy), Some(ix)) = (iy.checked_sub(s.padding[0]), ix.checked_sub(s.padding[1])) else {
                    continue;
                };
                if iy >= h || ix >= wd {
                    continue;
                }
                let from = ((e * h + iy) * wd + ix) * c + o / ko * ci + i;
                let weight = ((o * ci + i) * s.kernel[0] + ky) * s.kernel[1] + kx;
                y[at] += f64::from(x[from]) * f64::from(w[weight]);
                dx[from] += f64::from(dy[at]) * f64::from(w[weight]);
                dw[weight] += f64::from(dy[at]) * f64::from(x[from]);
            }
        }
    }
    [y, dx, dw]
}

pub(super) fn shapes() -> Vec<ConvShape> {
    let same = ConvShape::same;
    let mut shapes = vec![
        same([5, 7, 3], 4, 3),
        same([8, 8, 16], 16, 3),
        same([6, 9, 16], 40, 3),
        same([4, 4, 70], 33, 1),
        same([1, 30, 5], 6, 1),
        ConvShape { kernel: [1, 5], padding: [0, 2, 0, 2], ..same([1, 30, 5], 6, 1) },
        ConvShape::depthwise([7, 6, 20], 3),
        ConvShape { stride: [2, 2], ..ConvShape::depthwise([9, 8, 16], 5) },
        ConvShape { stride: [2, 2], padding: [0, 0, 1, 1], ..same([8, 8, 4], 8, 3) },
        ConvShape { kernel: [10, 4], stride: [2, 2], padding: [4, 1, 5, 1], ..same([49, 10, 1], 64, 1) },
        ConvShape { groups: 4, ..same([5, 5, 8], 12, 3) },
        ConvShape { groups: 2, outputs: 8, ..same([6, 5, 2], 8, 3) },
        ConvShape { padding: [0; 4], ..same([3, 3, 2], 5, 3) },
        ConvShape { stride: [3, 2], padding: [0; 4], ..same([7, 7, 3], 2, 1) },
    ];
    shapes.extend([1, 2, 3].map(|s| ConvShape { stride: [s, s], ..same([9, 11, 5], 18, 3) }));
    shapes.extend([2, 3].map(|s| ConvShape { stride: [s, 1], padding: [1, 0, 0, 1], ..same([10, 6, 17], 3, 3) }));
    // Each number of pixels has code of its own, for one vector of results and for two.
    shapes.extend((1..=16).map(|width| same([2, width, 8], 6, 3)));
    shapes.extend((1..=8).map(|width| same([2, width, 4], 34, 3)));
    shapes
}

pub(super) fn numbers(n: usize, index: u32) -> Vec<f32> {
    let mut rng = Philox::new(1, Stream::Probe, 0, index);
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

#[derive(PartialEq)]
pub(super) struct Results {
    pub(super) y: Vec<f32>,
    pub(super) dx: Vec<f32>,
    pub(super) dw: Vec<f32>,
}

pub(super) fn ours(s: &ConvShape, precision: Precision, w: &[f32], bias: &[f32], x: &[f32], dy: &[f32]) -> Results {
    ours_as(|form| form, s, precision, w, bias, x, dy)
}

/// The same where the operands are made ready in another way.
pub(super) fn ours_as(
    change: fn(Form) -> Form,
    s: &ConvShape,
    precision: Precision,
    w: &[f32],
    bias: &[f32],
    x: &[f32],
    dy: &[f32],
) -> Results {
    let layer = Convolution::new(*s).unwrap();
    let (mut kernel, mut sums) = (Kernel::default(), vec![]);
    let (mut y, mut dx, mut dw) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
    layer.pack(w, Some(bias), precision, &mut kernel);
    kernel.form = change(kernel.form);
    layer.forward(&kernel, x, &mut y);
    layer.pack_backward(w, precision, &mut kernel);
    kernel.form = change(kernel.form);
    layer.backward_inputs(&kernel, dy, &mut dx, false);
    let mut twice = dx.clone();
    layer.backward_inputs(&kernel, dy, &mut twice, true);
    let is_double = |(twice, once): (&f32, &f32)| *twice == 2.0 * once || once.is_nan() && twice.is_nan();
    assert!(twice.iter().zip(&dx).all(is_double), "{s:?}");
    let form = Form::of(layer.precision_of_weights(precision));
    layer.weights_in(change(form), x, dy, &mut sums, &mut dw);
    Results { y, dx, dw }
}

fn close(s: &ConvShape, what: &str, found: &[f32], expected: &[f64]) {
    let largest = expected.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() <= 1e-5 * largest, "{what} {i} of {s:?}: {found} {expected}");
    }
}

#[test]
fn every_shape_equals_the_definition_for_any_number_of_threads() {
    for s in shapes() {
        let [len_x, len_y] = s.lens();
        let n = 19;
        let (x, dy) = (numbers(n * len_x, 1), numbers(n * len_y, 2));
        let (w, bias) = (numbers(s.weights().iter().product(), 3), numbers(s.outputs, 4));
        let [y, dx, dw] = plain(&s, &w, &bias, &x, &dy);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ours(&s, Precision::F32, &w, &bias, &x, &dy))
        };
        let one = run(1);
        close(&s, "output", &one.y, &y);
        close(&s, "gradient of input", &one.dx, &dx);
        close(&s, "gradient of weight", &one.dw, &dw);
        let three = run(3);
        assert!(one == three, "{s:?}");
    }
}

#[test]
fn what_is_computed_together_has_the_bits_of_what_is_computed_apart() {
    for s in shapes() {
        let ([len_x, len_y], n) = (s.lens(), 19);
        let (x, dy) = (numbers(n * len_x, 1), numbers(n * len_y, 2));
        let (w, bias) = (numbers(s.weights().iter().product(), 3), numbers(s.outputs, 4));
        for precision in [Precision::F32, Precision::Bf16Emulated] {
            let apart = ours(&s, precision, &w, &bias, &x, &dy);
            let (layer, mut kernel, mut sums) = (Convolution::new(s).unwrap(), Kernel::default(), vec![]);
            let (mut y, mut dx, mut dw) = (dy.clone(), vec![1.0; x.len()], w.clone());
            let mut notes = vec![f32::NAN; 2 * n];
            layer.pack(&w, Some(&bias), precision, &mut kernel);
            layer.forward_and_note(&kernel, &x, &mut y, &mut notes, |y, note| {
                note.copy_from_slice(&[y[0], y[len_y - 1]]);
            });
            let expected: Vec<f32> = apart.y.chunks(len_y).flat_map(|y| [y[0], y[len_y - 1]]).collect();
            assert!(notes == expected, "notes of {s:?}");
            layer.pack_backward(&w, precision, &mut kernel);
            let write = |i: usize, to: &mut [f32]| to.copy_from_slice(&dy[i * len_y..][..len_y]);
            layer.backward(&kernel, &x, write, precision, (&mut sums, &mut dw), Some((&mut dx, true)));
            let added: Vec<f32> = apart.dx.iter().map(|dx| 1.0 + dx).collect();
            assert!(dx == added && dw == apart.dw, "gradients of {s:?}");
            dw.fill(f32::NAN);
            layer.backward(&kernel, &x, write, precision, (&mut sums, &mut dw), Some((&mut dx, false)));
            assert!(Results { y, dx, dw } == apart, "{s:?}");
            let mut alone = w.clone();
            layer.backward(&kernel, &x, write, precision, (&mut sums, &mut alone), None);
            assert!(alone == apart.dw, "gradient of weights of {s:?}");
        }
    }
}

#[test]
fn sides_that_do_not_fit_are_refused() {
    let good = ConvShape::same([8, 8, 6], 4, 3);
    let refused = |shape: ConvShape| Convolution::new(shape).unwrap_err().to_string();
    assert!(refused(ConvShape { groups: 4, ..good }).contains("4 groups do not divide 6 input and 4 output channels"));
    assert!(
        refused(ConvShape { kernel: [11, 3], ..good })
            .contains("a kernel of 11x3 is larger than a padded map of 10x10")
    );
    assert!(refused(ConvShape { stride: [0, 1], ..good }).contains("the stride has a side of 0"));
    assert!(refused(ConvShape { outputs: 0, ..good }).contains("the number of output channels has a side of 0"));
    assert!(refused(ConvShape { padding: [3, 1, 1, 1], ..good }).contains("see zeros alone"));
    assert!(refused(ConvShape { input: [1 << 20, 1 << 20, 1 << 20], ..good }).contains("larger than memory can hold"));
}
