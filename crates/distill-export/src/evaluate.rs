use crate::graph::{Graph, Op};
use crate::plan::{Plan, Step};

/// What a graph makes of one input, in f64: nothing of it is shared with the kernels that a model computes with.
pub(crate) struct Answer {
    /// The outputs in their order.
    pub(crate) outputs: Vec<Vec<f64>>,
    /// The largest magnitude of any number on the way.
    pub(crate) largest: f64,
}

/// Runs the plan of a graph on one input, which has the width of the graph's.
pub(crate) fn evaluate(graph: &Graph, plan: &Plan, input: &[f32]) -> Answer {
    let mut values: Vec<Vec<f64>> = vec![input.iter().copied().map(f64::from).collect()];
    for step in &plan.steps {
        let value = match *step {
            Step::Flatten(x) => values[x].clone(),
            Step::Gemm { x, weight, bias } => {
                let rows = graph.constants[weight].values.chunks_exact(values[x].len());
                let bias = &graph.constants[bias].values;
                rows.zip(bias).map(|(row, &bias)| dot(row, &values[x]) + f64::from(bias)).collect()
            }
            Step::Map(x, Op::Softmax) => softmax(&values[x]),
            Step::Map(x, op) => values[x].iter().map(|&z| function(op, z)).collect(),
            Step::WithConstant(x, op, y) => {
                let y = graph.constants[y].values.iter().copied().map(f64::from).next().unwrap_or_default();
                values[x].iter().map(|&x| both(op, x, y)).collect()
            }
            Step::Pairs(x, op, y) => values[x].iter().zip(&values[y]).map(|(&x, &y)| both(op, x, y)).collect(),
        };
        values.push(value);
    }
    let largest = values.iter().flatten().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    Answer { outputs: plan.outputs.iter().map(|&at| values[at].clone()).collect(), largest }
}

fn function(op: Op, z: f64) -> f64 {
    match op {
        Op::Relu => z.max(0.0),
        Op::Tanh => z.tanh(),
        Op::Erf => libm::erf(z),
        _ => z,
    }
}

fn both(op: Op, x: f64, y: f64) -> f64 {
    if op == Op::Mul { x * y } else { x + y }
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
        let probs = softmax(&[1000.0, 1000.0 + 3_f64.ln()]);
        assert!((probs[0] - 0.25).abs() < 1e-12 && (probs[1] - 0.75).abs() < 1e-12);
    }
}
