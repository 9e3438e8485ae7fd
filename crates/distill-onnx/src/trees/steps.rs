//! What pipelines do beside trees: one matrix of an example in each row from another.

use super::ensemble::Ensemble;

/// How an operation finds the values of an operand.
#[derive(Debug)]
pub(super) enum Operand {
    /// Those of a matrix, by its number.
    Value(usize),
    /// The same row for every example, or one number for all.
    Constant(Vec<f32>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

/// What the numbers of an example are divided by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Norm {
    Max,
    L1,
    L2,
}

/// An operation, with the numbers of the matrices that it reads.
#[derive(Debug)]
pub(super) enum Step {
    /// `(x - offset) * scale` of each column.
    Scale {
        of: usize,
        offset: Vec<f32>,
        scale: Vec<f32>,
    },
    /// What is `missing` becomes the value of its column.
    Impute {
        of: usize,
        missing: f32,
        values: Vec<f32>,
    },
    Columns {
        of: usize,
        columns: Vec<usize>,
    },
    Concat {
        of: Vec<usize>,
    },
    Arithmetic {
        with: Arithmetic,
        left: Operand,
        right: Operand,
    },
    Normalize {
        of: usize,
        norm: Norm,
    },
    Sum {
        of: Vec<usize>,
    },
    Exp {
        of: usize,
    },
    /// For each output the sum of products with its coefficients, which come one after the other, and its intercept.
    Linear {
        of: usize,
        coefficients: Vec<f32>,
        intercepts: Vec<f32>,
    },
    Trees {
        of: usize,
        ensemble: Box<Ensemble>,
    },
}

/// The matrices that are computed so far, for a block of examples: `widths` numbers of each.
pub(super) struct Block<'a> {
    pub(super) inputs: &'a [f32],
    pub(super) computed: Vec<Vec<f32>>,
    pub(super) widths: &'a [usize],
}

impl Block<'_> {
    fn value(&self, number: usize) -> &[f32] {
        number.checked_sub(1).map_or(self.inputs, |computed| &self.computed[computed])
    }

    fn rows(&self, number: usize) -> impl Iterator<Item = &[f32]> {
        self.value(number).chunks_exact(self.widths[number])
    }
}

impl Step {
    /// Computes `out`, a matrix of `width` columns.
    pub(super) fn compute(&self, block: &Block<'_>, out: &mut [f32], width: usize) {
        match self {
            Self::Trees { of, ensemble } => ensemble.answer(block.value(*of), out),
            Self::Scale { of, offset, scale } => {
                for (out, row) in out.chunks_exact_mut(width).zip(block.rows(*of)) {
                    for ((out, x), (offset, scale)) in out.iter_mut().zip(row).zip(offset.iter().zip(scale)) {
                        *out = (x - offset) * scale;
                    }
                }
            }
            Self::Impute { of, missing, values } => {
                for (out, row) in out.chunks_exact_mut(width).zip(block.rows(*of)) {
                    for ((out, &x), value) in out.iter_mut().zip(row).zip(values) {
                        let is_missing = x == *missing || (x.is_nan() && missing.is_nan());
                        *out = if is_missing { *value } else { x };
                    }
                }
            }
            Self::Columns { of, columns } => {
                for (out, row) in out.chunks_exact_mut(width).zip(block.rows(*of)) {
                    out.iter_mut().zip(columns).for_each(|(out, &column)| *out = row[column]);
                }
            }
            Self::Concat { of } => {
                let mut from = 0;
                for &number in of {
                    let to = from + block.widths[number];
                    for (out, row) in out.chunks_exact_mut(width).zip(block.rows(number)) {
                        out[from..to].copy_from_slice(row);
                    }
                    from = to;
                }
            }
            Self::Sum { of } => {
                for (i, out) in out.iter_mut().enumerate() {
                    let sum: f64 = of.iter().map(|&number| f64::from(block.value(number)[i])).sum();
                    *out = single(sum);
                }
            }
            Self::Exp { of } => {
                out.iter_mut().zip(block.value(*of)).for_each(|(out, &x)| *out = single(f64::from(x).exp()));
            }
            Self::Linear { of, coefficients, intercepts } => {
                for (out, row) in out.chunks_exact_mut(width).zip(block.rows(*of)) {
                    let outputs = out.iter_mut().zip(coefficients.chunks_exact(row.len())).zip(intercepts);
                    for ((out, coefficients), &intercept) in outputs {
                        let products = row.iter().zip(coefficients).map(|(&x, &by)| f64::from(x) * f64::from(by));
                        *out = single(products.sum::<f64>() + f64::from(intercept));
                    }
                }
            }
            Self::Arithmetic { with, left, right } => {
                for (i, out) in out.chunks_exact_mut(width).enumerate() {
                    let (left, right) = (left.row(block, i), right.row(block, i));
                    for (column, out) in out.iter_mut().enumerate() {
                        // One number is there for all columns.
                        let [a, b] = [left, right].map(|row| row[column % row.len()]);
                        *out = match with {
                            Arithmetic::Add => a + b,
                            Arithmetic::Sub => a - b,
                            Arithmetic::Mul => a * b,
                            Arithmetic::Div => a / b,
                        };
                    }
                }
            }
            Self::Normalize { of, norm } => {
                for (out, row) in out.chunks_exact_mut(width).zip(block.rows(*of)) {
                    let by = match norm {
                        Norm::Max => row.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                        Norm::L1 => row.iter().map(|x| x.abs()).sum(),
                        Norm::L2 => row.iter().map(|x| x * x).sum::<f32>().sqrt(),
                    };
                    let by = if by == 0.0 { 1.0 } else { by };
                    out.iter_mut().zip(row).for_each(|(out, x)| *out = x / by);
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "examples are f32")]
fn single(value: f64) -> f32 {
    value as f32
}

impl Operand {
    /// How many columns it has, and whether it may stand for any other number of them.
    pub(super) fn width(&self, widths: &[usize]) -> usize {
        match self {
            Self::Value(number) => widths[*number],
            Self::Constant(values) => values.len(),
        }
    }

    fn row<'a>(&'a self, block: &'a Block<'_>, i: usize) -> &'a [f32] {
        match self {
            Self::Value(number) => {
                let width = block.widths[*number];
                &block.value(*number)[i * width..][..width]
            }
            Self::Constant(values) => values,
        }
    }
}
