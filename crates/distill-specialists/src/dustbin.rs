use distill_losses::{Loss, LossError, LossValue, Targets};
use distill_models::ModelSpec;
use distill_tensor::exp;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::SpecialistError;

/// Some classes of a network, and one class for all its others, the dustbin, which is as probable as they are together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dustbin {
    classes: Vec<u32>,
    n_all: usize,
}

impl Dustbin {
    /// `classes` are some of the classes of `spec`, sorted. `specialist` is for errors.
    pub(crate) fn new(specialist: usize, classes: &[u32], spec: &ModelSpec) -> Result<Self, SpecialistError> {
        let n = spec.classes.len();
        let refused = |problem: &str| {
            Err(SpecialistError::Classes { specialist, classes: classes.to_vec(), problem: problem.to_owned() })
        };
        match classes {
            [] => refused("there are none"),
            _ if !classes.windows(2).all(|pair| pair[0] < pair[1]) => {
                refused("they are not sorted, or one occurs twice")
            }
            [.., last] if *last as usize >= n => refused(&format!("the generalist has {n}")),
            _ if classes.len() == n => refused("they are all that there are, nothing is left for the dustbin"),
            _ => Ok(Self { classes: classes.to_vec(), n_all: n }),
        }
    }

    pub(crate) fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// The classes that are in the dustbin.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.n_all).filter(|&class| self.classes.binary_search(&(class as u32)).is_err())
    }

    /// The number of a class among those that are left, the dustbin's being the last.
    pub(crate) fn number(&self, class: u32) -> u32 {
        self.classes.binary_search(&class).unwrap_or(self.classes.len()) as u32
    }

    /// From the logits of all classes those of the classes that are left, that of the dustbin last. `shares` becomes the part
    /// of each class in the dustbin, 0 for those that are not in it.
    pub(crate) fn reduce(&self, all: ArrayView1<'_, f32>, shares: &mut [f64], mut out: ArrayViewMut1<'_, f32>) {
        shares.iter_mut().zip(all).for_each(|(share, &logit)| *share = f64::from(logit));
        for (out, &class) in out.iter_mut().zip(&self.classes) {
            *out = all[class as usize];
            shares[class as usize] = f64::NEG_INFINITY;
        }
        let max = shares.iter().fold(f64::NEG_INFINITY, |max, &logit| max.max(logit));
        shares.iter_mut().for_each(|logit| *logit -= max);
        exp(shares);
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        out[self.classes.len()] = (max + sum.ln()) as f32;
    }

    /// The same for the rows of a matrix: the logits that are left, and the parts.
    fn reduce_all(&self, all: ArrayView2<'_, f32>) -> (Array2<f32>, Array2<f64>) {
        let mut out = Array2::zeros((all.nrows(), self.classes.len() + 1));
        let mut shares = Array2::zeros(all.dim());
        let rows = shares.as_slice_mut().map(|shares| shares.chunks_exact_mut(all.ncols())).into_iter().flatten();
        for ((all, shares), out) in all.outer_iter().zip(rows).zip(out.outer_iter_mut()) {
            self.reduce(all, shares, out);
        }
        (out, shares)
    }
}

/// A loss on some classes and the dustbin, for a network that has all classes.
pub(crate) struct DustbinLoss<'a> {
    pub(crate) dustbin: &'a Dustbin,
    pub(crate) loss: &'a dyn Loss,
    /// Is added to the teacher's logit of the dustbin.
    pub(crate) teacher_lift: f64,
}

impl Loss for DustbinLoss<'_> {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let n_classes = logits.ncols() as u32;
        if let Some((row, &label)) =
            targets.labels.and_then(|labels| labels.iter().enumerate().find(|(_, label)| **label >= n_classes))
        {
            return Err(LossError::LabelOutOfRange { row, label, classes: logits.ncols() });
        }
        let (own, shares) = self.dustbin.reduce_all(logits);
        let labels: Option<Vec<u32>> =
            targets.labels.map(|labels| labels.iter().map(|&label| self.dustbin.number(label)).collect());
        let teacher = targets.teacher_logits.map(|all| {
            let mut own = self.dustbin.reduce_all(all).0;
            own.column_mut(self.dustbin.classes.len()).mapv_inplace(|logit| logit + self.teacher_lift as f32);
            own
        });
        let targets =
            Targets { labels: labels.as_deref(), teacher_logits: teacher.as_ref().map(|teacher| teacher.view()) };
        let mut own_grad = Array2::zeros(own.dim());
        let value = self.loss.value_and_grad(own.view(), &targets, own_grad.view_mut())?;
        for ((mut grad, own), shares) in grad.outer_iter_mut().zip(own_grad.outer_iter()).zip(shares.outer_iter()) {
            let of_dustbin = f64::from(own[self.dustbin.classes.len()]);
            grad.iter_mut().zip(shares).for_each(|(grad, &share)| *grad = (of_dustbin * share) as f32);
            for (&class, &own) in self.dustbin.classes.iter().zip(own) {
                grad[class as usize] = own;
            }
        }
        Ok(value)
    }

    fn needs_teacher(&self) -> bool {
        self.loss.needs_teacher()
    }
}

#[cfg(test)]
mod tests {
    use distill_losses::{CrossEntropy, Distillation, SoftTerm, Temperature};

    use super::*;

    fn dustbin() -> Dustbin {
        Dustbin { classes: vec![1, 4], n_all: 6 }
    }

    fn logits(scale: f32) -> Array2<f32> {
        Array2::from_shape_fn((5, 6), |(i, j)| ((i * 7 + j * 5) % 11) as f32 * scale - 2.0)
    }

    #[test]
    fn the_dustbin_is_as_probable_as_all_that_is_in_it() {
        let (all, mut shares) = (logits(0.4), [0.0; 6]);
        let mut own = Array2::zeros((5, 3));
        for (all, mut own) in all.outer_iter().zip(own.outer_iter_mut()) {
            dustbin().reduce(all, &mut shares, own.view_mut());
            let sum: f32 = all.iter().map(|logit| logit.exp()).sum();
            let others = [0, 2, 3, 5].map(|class| all[class].exp()).iter().sum::<f32>();
            assert_eq!((own[0], own[1]), (all[1], all[4]));
            assert!((own[2].exp() / sum - others / sum).abs() < 1e-6);
            assert!((shares[3] - f64::from(all[3].exp() / others)).abs() < 1e-6 && shares[1] == 0.0);
        }
        // One certain class among those that are left.
        let mut all = ndarray::Array1::from_elem(6, -500.0);
        all[4] = 500.0;
        dustbin().reduce(all.view(), &mut shares, own.row_mut(0));
        assert!((own[[0, 2]] + 500.0 - 4.0_f32.ln()).abs() < 1e-3);
        assert_eq!([0, 2, 5, 4].map(|class| dustbin().number(class)), [2, 2, 2, 1]);
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (student, teacher) = (logits(0.4), logits(0.3));
        let labels = [0, 1, 4, 5, 1];
        let soft = Distillation::new(SoftTerm::Kd(Temperature::new(2.0).unwrap()), 0.7).unwrap();
        for loss in [&CrossEntropy as &dyn Loss, &soft] {
            let loss = DustbinLoss { dustbin: &dustbin(), loss, teacher_lift: -0.8 };
            let targets = Targets { labels: Some(&labels), teacher_logits: Some(teacher.view()) };
            let mut grad = Array2::zeros((5, 6));
            loss.value_and_grad(student.view(), &targets, grad.view_mut()).unwrap();
            let at = |i: usize, j: usize, by: f32| {
                let mut moved = student.clone();
                moved[[i, j]] += by;
                loss.value_and_grad(moved.view(), &targets, Array2::zeros((5, 6)).view_mut()).unwrap().total
            };
            for ((i, j), &found) in grad.indexed_iter() {
                let step = 1.0 / 64.0;
                let derivative = (at(i, j, step) - at(i, j, -step)) / f64::from(2.0 * step);
                assert!((derivative - f64::from(found)).abs() < 2e-5, "{i} {j}: {derivative} {found}");
            }
        }
        let loss = DustbinLoss { dustbin: &dustbin(), loss: &CrossEntropy, teacher_lift: 0.0 };
        let targets = Targets { labels: Some(&[0, 1, 2, 6, 0]), teacher_logits: None };
        assert!(loss.value_and_grad(student.view(), &targets, Array2::zeros((5, 6)).view_mut()).is_err());
    }

    #[test]
    fn classes_that_are_none_are_refused() {
        let spec = distill_models::Network::new(
            distill_models::MlpConfig { hidden: vec![2], ..distill_models::MlpConfig::default() },
            vec![3],
            (0..6).map(|class| format!("c{class}")).collect(),
            4,
        );
        let spec = distill_models::Model::spec(&spec.unwrap()).clone();
        for classes in [vec![], vec![2, 1], vec![1, 1], vec![1, 6], vec![0, 1, 2, 3, 4, 5]] {
            let error = Dustbin::new(3, &classes, &spec).unwrap_err();
            assert!(error.to_string().starts_with("specialist 3 cannot have the classes"), "{error}");
        }
    }
}
