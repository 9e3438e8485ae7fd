use std::cell::Cell;

use distill_tensor::{PARALLEL_MIN, Real};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::LossError;
use crate::loss::check_shape;

/// Numbers of one matrix in a block: few enough that all buffers stay in the fastest cache.
const BLOCK: usize = 512;

/// Numbers from which a second thread pays: each costs some exponentials, not one operation.
const TWO_THREADS: usize = PARALLEL_MIN / 2;

/// What a loss reads and the gradient that it overwrites.
pub(crate) struct Batch<'a, F> {
    /// Shape `(examples, classes)`, as those of the teacher and the gradient.
    pub(crate) logits: ArrayView2<'a, F>,
    pub(crate) teacher: Option<ArrayView2<'a, F>>,
    pub(crate) labels: Option<&'a [u32]>,
    pub(crate) grad: ArrayViewMut2<'a, F>,
}

/// Some examples of a batch, row after row in `f64`.
pub(crate) struct Block<'a> {
    pub(crate) n_classes: usize,
    pub(crate) logits: &'a [f64],
    /// Empty where the batch has none.
    pub(crate) teacher: &'a [f64],
    /// Each names a class; empty where the batch has none.
    pub(crate) labels: &'a [u32],
    /// A term adds the gradient of the sum of its examples' losses, not of their mean.
    pub(crate) grad: &'a mut [f64],
    pub(crate) scratch: &'a mut Scratch,
}

/// Memory to use again.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The exponentials of each number of a matrix of the block.
    pub(crate) exps: Vec<f64>,
    /// Rows that are computed in one way, and those that are computed in another.
    pub(crate) near: Picked,
    pub(crate) far: Picked,
    /// Numbers of one row.
    pub(crate) tails: Vec<f64>,
}

/// Rows of a block, one after the other so that a function is taken of all their numbers at a time.
#[derive(Default)]
pub(crate) struct Picked {
    /// Where the row is in the block, and a number that belongs to it.
    pub(crate) rows: Vec<(usize, f64)>,
    pub(crate) values: Vec<f64>,
}

impl Picked {
    /// Forgets the rows, and has room for all numbers of a block: which rows are picked must not move memory.
    pub(crate) fn clear(&mut self, n_numbers: usize, n_classes: usize) {
        self.rows.clear();
        self.values.clear();
        self.rows.reserve(n_numbers / n_classes);
        self.values.reserve(n_numbers);
    }
}

impl<F: Real> Batch<'_, F> {
    /// The means over the examples of what `term` returns summed over those of a block; it adds to the block's gradient.
    ///
    /// Blocks and the order of their sums depend on the shape alone, so any number of threads gives the same bits.
    ///
    /// # Errors
    /// If shapes differ, the batch is empty or a label names no class.
    pub(crate) fn means<const N: usize>(
        self,
        term: &(impl Fn(&mut Block<'_>) -> [f64; N] + Sync),
    ) -> Result<[f64; N], LossError> {
        let (examples, classes) = self.check()?;
        let n_rows = (BLOCK / classes).max(1);
        let in_parallel = self.logits.len() >= TWO_THREADS;
        let cut = Cut { n_rows, in_parallel, scale: (examples as f64).recip() };
        Ok(self.sums(&cut, examples.div_ceil(n_rows), term).map(|sum| sum / examples as f64))
    }

    fn check(&self) -> Result<(usize, usize), LossError> {
        let grad = ("gradients", self.grad.dim());
        let teacher = self.teacher.map_or(grad, |teacher| ("teacher's logits", teacher.dim()));
        let (examples, classes) = check_shape(self.logits.dim(), &[teacher, grad])?;
        if let Some(labels) = self.labels {
            if labels.len() != examples {
                return Err(LossError::LabelCount { examples, labels: labels.len() });
            }
            if let Some((row, &label)) = labels.iter().enumerate().find(|&(_, &label)| label as usize >= classes) {
                return Err(LossError::LabelOutOfRange { row, label, classes });
            }
        }
        Ok((examples, classes))
    }

    /// Halves the blocks until one is left, so that idle threads steal halves.
    fn sums<const N: usize>(
        self,
        cut: &Cut,
        n_blocks: usize,
        term: &(impl Fn(&mut Block<'_>) -> [f64; N] + Sync),
    ) -> [f64; N] {
        if n_blocks <= 1 {
            return self.block(cut.scale, term);
        }
        let (n_left, at) = (n_blocks / 2, n_blocks / 2 * cut.n_rows);
        let (logits_left, logits_right) = self.logits.split_at(Axis(0), at);
        let (teacher_left, teacher_right) = self.teacher.map(|teacher| teacher.split_at(Axis(0), at)).unzip();
        let (labels_left, labels_right) = self.labels.map(|labels| labels.split_at(at)).unzip();
        let (grad_left, grad_right) = self.grad.split_at(Axis(0), at);
        let left = Batch { logits: logits_left, teacher: teacher_left, labels: labels_left, grad: grad_left };
        let right = Batch { logits: logits_right, teacher: teacher_right, labels: labels_right, grad: grad_right };
        let (left, right) = (|| left.sums(cut, n_left, term), || right.sums(cut, n_blocks - n_left, term));
        let (left, right) = if cut.in_parallel { rayon::join(left, right) } else { (left(), right()) };
        std::array::from_fn(|i| left[i] + right[i])
    }

    fn block<const N: usize>(mut self, scale: f64, term: &impl Fn(&mut Block<'_>) -> [f64; N]) -> [f64; N] {
        thread_local! {
            static BUFFERS: Cell<Buffers> = Cell::default();
        }
        let mut buffers = BUFFERS.take();
        let Buffers { logits, teacher, grad, scratch } = &mut buffers;
        widen(Some(self.logits), logits);
        widen(self.teacher, teacher);
        grad.clear();
        grad.resize(logits.len(), 0.0);
        let (n_classes, labels) = (self.logits.ncols(), self.labels.unwrap_or_default());
        let sums = term(&mut Block { n_classes, logits, teacher, labels, grad, scratch });
        match self.grad.as_slice_mut() {
            Some(out) => out.iter_mut().zip(&*grad).for_each(|(out, &grad)| *out = F::from_f64(scale * grad)),
            None => self.grad.iter_mut().zip(&*grad).for_each(|(out, &grad)| *out = F::from_f64(scale * grad)),
        }
        BUFFERS.set(buffers);
        sums
    }
}

/// How a batch is cut, and the factor of a mean.
struct Cut {
    n_rows: usize,
    in_parallel: bool,
    scale: f64,
}

#[derive(Default)]
struct Buffers {
    logits: Vec<f64>,
    teacher: Vec<f64>,
    grad: Vec<f64>,
    scratch: Scratch,
}

fn widen<F: Real>(from: Option<ArrayView2<'_, F>>, to: &mut Vec<f64>) {
    to.clear();
    let Some(from) = from else { return };
    match from.as_slice() {
        Some(from) => to.extend(from.iter().map(|x| x.to_f64())),
        None => to.extend(from.iter().map(|x| x.to_f64())),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, s};

    use crate::{Distillation, Loss, LossValue, SoftTerm, Targets, Temperature};

    /// Rows that are near and far, in more blocks than one and with a last one that is not full.
    fn logits(rows: usize, classes: usize, phase: f32) -> Array2<f32> {
        Array2::from_shape_fn((rows, classes), |(i, j)| (i % 7) as f32 * ((i * 31 + j) as f32 + phase).sin())
    }

    fn evaluate(student: &Array2<f32>, teacher: &Array2<f32>, labels: &[u32]) -> (LossValue, Array2<f32>) {
        let loss = Distillation::new(SoftTerm::SoftCrossEntropy(Temperature::new(4.0).unwrap()), 0.7).unwrap();
        let targets = Targets { labels: Some(labels), teacher_logits: Some(teacher.view()) };
        let mut grad = Array2::from_elem(student.dim(), f32::NAN);
        let value = loss.value_and_grad(student.view(), &targets, grad.view_mut()).unwrap();
        (value, grad)
    }

    fn labels(rows: usize) -> Vec<u32> {
        (0..rows as u32).map(|row| row * 7 % 10).collect()
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (rows, classes) = (2003, 10);
        assert!(rows * classes >= super::TWO_THREADS);
        let (student, teacher, labels) = (logits(rows, classes, 0.5), logits(rows, classes, 0.7), labels(rows));
        let on = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| evaluate(&student, &teacher, &labels))
        };
        let one = on(1);
        for n in [2, 3, 8] {
            assert_eq!(on(n), one, "{n} threads");
        }
    }

    #[test]
    fn is_the_mean_of_the_examples_alone() {
        for (rows, classes) in [(103, 10), (3, 700), (1, 513)] {
            let (student, teacher, labels) = (logits(rows, classes, 0.5), logits(rows, classes, 0.7), labels(rows));
            let (value, grad) = evaluate(&student, &teacher, &labels);
            let mut total = 0.0;
            for row in 0..rows {
                let of = |a: &Array2<f32>| a.slice(s![row..=row, ..]).to_owned();
                let (alone, grad_alone) = evaluate(&of(&student), &of(&teacher), &labels[row..=row]);
                total += alone.total / rows as f64;
                for (all, alone) in grad.row(row).iter().zip(&grad_alone) {
                    assert!((all * rows as f32 - alone).abs() <= 1e-6 * alone.abs(), "row {row}: {all} {alone}");
                }
            }
            assert!((value.total - total).abs() < 1e-13 * total, "{} {total}", value.total);
        }
    }

    #[test]
    fn the_order_of_memory_means_nothing() {
        let (student, teacher, labels) = (logits(103, 10, 0.5), logits(103, 10, 0.7), labels(103));
        let by_column = |a: &Array2<f32>| Array2::from_shape_fn(a.dim().f(), |at| a[at]);
        let mut grad = by_column(&student);
        let loss = Distillation::new(SoftTerm::SoftCrossEntropy(Temperature::new(4.0).unwrap()), 0.7).unwrap();
        let teacher_by_column = by_column(&teacher);
        let targets = Targets { labels: Some(&labels), teacher_logits: Some(teacher_by_column.view()) };
        let value = loss.value_and_grad(by_column(&student).view(), &targets, grad.view_mut()).unwrap();
        assert!(!grad.is_standard_layout());
        assert_eq!((value, grad), evaluate(&student, &teacher, &labels));
    }
}
