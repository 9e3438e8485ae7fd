use crate::graph::{Graph, Tensor};
use crate::maps;
use crate::op::{EPSILON, Op};
use crate::plan::{Plan, Step};

/// What a graph makes of one input, in f64: nothing of it is shared with the kernels that a model computes with.
pub(crate) struct Answer {
    /// The outputs in their order.
    pub(crate) outputs: Vec<Vec<f64>>,
    /// The largest magnitude of any number on the way.
    pub(crate) largest: f64,
    /// The same without what the last step gives.
    pub(crate) largest_before: f64,
}

/// Runs the plan of a graph on one input, which has the width of the graph's.
pub(crate) fn evaluate(graph: &Graph, plan: &Plan, input: &[f32]) -> Answer {
    let constant = |at: usize| graph.constants[at].values.as_slice();
    let number = |at: usize| f64::from(constant(at).first().copied().unwrap_or_default());
    let mut values: Vec<Vec<f64>> = vec![input.iter().copied().map(f64::from).collect()];
    for step in &plan.steps {
        let value = match *step {
            Step::Flatten(x) => values[x].clone(),
            Step::Gemm { x, weight, bias } => {
                let rows = constant(weight).chunks_exact(values[x].len());
                rows.zip(constant(bias)).map(|(row, &bias)| dot(row, &values[x]) + f64::from(bias)).collect()
            }
            Step::Map(x, Op::Softmax) => softmax(&values[x]),
            Step::Map(x, op) => values[x].iter().map(|&z| function(op, z)).collect(),
            Step::Clip { x, min, max } => values[x].iter().map(|z| z.max(number(min)).min(number(max))).collect(),
            Step::WithConstant { x, op, constant: at, run } => {
                let runs = values[x].chunks(run).zip(constant(at).iter().cycle());
                runs.flat_map(|(run, &y)| run.iter().map(move |&x| both(op, x, f64::from(y)))).collect()
            }
            Step::Pairs(x, op, y) => values[x].iter().zip(&values[y]).map(|(&x, &y)| both(op, x, y)).collect(),
            Step::Concat(ref xs) => xs.iter().flat_map(|&x| values[x].iter().copied()).collect(),
            Step::Norm { x, constants, run } => {
                let [scale, shift, mean, variance] = constants.map(constant);
                let normed = |(c, run): (usize, &[f64])| {
                    let [scale, shift, mean, variance] = [scale, shift, mean, variance].map(|of| f64::from(of[c]));
                    let deviation = (variance + f64::from(EPSILON)).sqrt();
                    run.iter().map(|x| (x - mean) / deviation * scale + shift).collect::<Vec<_>>()
                };
                values[x].chunks(run).enumerate().flat_map(normed).collect()
            }
            Step::Conv { x, weight, bias, conv, maps: [from, to] } => {
                maps::conv(&values[x], from, constant(weight), bias.map(constant), conv, to)
            }
            Step::Pool { x, is_max, window, maps: [from, to] } => maps::pool(&values[x], from, is_max, window, to),
            Step::Largest { x, run } => {
                let largest = |run: &[f64]| run.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                values[x].chunks(run).map(largest).collect()
            }
            Step::Gather { x, table } => gather(&values[x], &graph.constants[table]),
            Step::Transpose { x, sides, order } => transpose(&values[x], sides, order),
            Step::LayerNorm { x, constants, run } => {
                let [scale, shift] = constants.map(constant);
                values[x].chunks(run).flat_map(|x| layer_norm(x, scale, shift)).collect()
            }
            Step::Means { x, run } => {
                values[x].chunks(run).map(|run| run.iter().sum::<f64>() / run.len() as f64).collect()
            }
        };
        values.push(value);
    }
    let largest =
        |values: &[Vec<f64>]| values.iter().flatten().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let largest_before = largest(&values[..values.len() - 1]);
    let outputs = plan.outputs.iter().map(|&at| values[at].clone()).collect();
    Answer { outputs, largest: largest(&values), largest_before }
}

fn function(op: Op, z: f64) -> f64 {
    match op {
        Op::Relu => z.max(0.0),
        Op::Tanh => z.tanh(),
        Op::Erf => libm::erf(z),
        Op::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Op::HardSwish => z * (z / 6.0 + 0.5).clamp(0.0, 1.0),
        _ => z,
    }
}

fn both(op: Op, x: f64, y: f64) -> f64 {
    match op {
        Op::Mul => x * y,
        Op::Sub => x - y,
        _ => x + y,
    }
}

/// The rows of a constant. A number outside the rows, which a compared model never gets, gives NaN.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn gather(numbers: &[f64], table: &Tensor) -> Vec<f64> {
    let width = table.values.len() / table.dims[0].max(1);
    let row = |&number: &f64| {
        let row = table.values.chunks_exact(width.max(1)).nth(number as usize);
        (0..width).map(move |i| row.map_or(f64::NAN, |row| f64::from(row[i])))
    };
    numbers.iter().flat_map(row).collect()
}

fn transpose(x: &[f64], sides: [usize; 3], order: [usize; 3]) -> Vec<f64> {
    let strides = [sides[1] * sides[2], sides[2], 1];
    let [a, b, c] = order.map(|side| (sides[side], strides[side]));
    let each = |(n, stride): (usize, usize)| (0..n).map(move |i| i * stride);
    each(a).flat_map(|i| each(b).flat_map(move |j| each(c).map(move |k| x[i + j + k]))).collect()
}

fn layer_norm(x: &[f64], scale: &[f32], shift: &[f32]) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + f64::from(EPSILON)).sqrt();
    let of = scale.iter().zip(shift).map(|(&scale, &shift)| [scale, shift].map(f64::from));
    x.iter().zip(of).map(|(x, [scale, shift])| (x - mean) / deviation * scale + shift).collect()
}

/// Eight sums, so that it becomes vector instructions.
fn dot(weights: &[f32], x: &[f64]) -> f64 {
    let (w, w_rest) = weights.as_chunks::<8>();
    let (x, x_rest) = x.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (w, x) in w.iter().zip(x) {
        for i in 0..8 {
            sums[i] += f64::from(w[i]) * x[i];
        }
    }
    let rest = w_rest.iter().zip(x_rest).map(|(&w, &x)| f64::from(w) * x);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exps: Vec<_> = logits.iter().map(|z| (z - max).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_functions_are_right() {
        let weights: Vec<f32> = (1..=19_u8).map(f32::from).collect();
        let x: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
        assert_eq!(dot(&weights, &x), 19.0 * 20.0 * 39.0 / 6.0);
        assert_eq!((function(Op::Relu, -1.0), function(Op::Relu, 2.0)), (0.0, 2.0));
        assert!((function(Op::Erf, 0.5) - 0.520_499_877_813_046_5).abs() < 1e-15);
        assert!((function(Op::Tanh, 0.5) - 0.462_117_157_260_009_8).abs() < 1e-15);
        assert!((function(Op::Sigmoid, 0.5) - 0.622_459_331_201_854_6).abs() < 1e-15);
        for (z, expected) in [(-4.0, 0.0), (-1.0, -1.0 / 3.0), (1.0, 2.0 / 3.0), (4.0, 4.0)] {
            assert!((function(Op::HardSwish, z) - expected).abs() < 1e-15);
        }
        assert_eq!([Op::Mul, Op::Sub, Op::Add].map(|op| both(op, 3.0, 2.0)), [6.0, 1.0, 5.0]);
        let probs = softmax(&[1000.0, 1000.0 + 3_f64.ln()]);
        assert!((probs[0] - 0.25).abs() < 1e-12 && (probs[1] - 0.75).abs() < 1e-12);
    }
}
