use std::fmt;
use std::str::FromStr;

use distill_tensor::LogPartition;
use half::f16;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};

/// How the logits of a teacher are kept in a file.
///
/// Only differences of logits matter to softmax, so the smaller forms keep what each lies below the largest of its row,
/// which is where f16 is most exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetStorage {
    /// As they are: 4 bytes for each class.
    #[default]
    F32,
    /// 2 bytes for each class, 11 bits of precision.
    F16,
    /// The `k` largest with the numbers of their classes, 4 bytes for each, and the mass of the others together, which
    /// is shared among them alike.
    TopK(usize),
}

impl fmt::Display for TargetStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::TopK(k) => write!(f, "top-{k}"),
        }
    }
}

impl FromStr for TargetStorage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("top-").and_then(|k| k.parse().ok())) {
            ("f32", _) => Ok(Self::F32),
            ("f16", _) => Ok(Self::F16),
            (_, Some(k)) if k > 0 => Ok(Self::TopK(k)),
            _ => Err(format!("expected f32, f16 or top-K such as top-10, got `{text}`")),
        }
    }
}

/// What [`TargetStorage::TopK`] keeps of a matrix of logits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Largest {
    /// Shape `(rows, k)`, from the largest on; of equal ones the first class.
    pub(crate) classes: Array2<u16>,
    /// Shape `(rows, k + 1)`: those of the classes, and the logarithm of the mass of all others.
    pub(crate) logits: Array2<f16>,
}

impl TargetStorage {
    /// The most classes whose numbers fit into two bytes.
    pub(crate) const MAX_CLASSES: usize = 1 << 16;

    /// Whether rows of so many classes can be kept in this way, and if not, why.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn check(self, n_classes: usize) -> Result<(), String> {
        match self {
            Self::TopK(k) if k >= n_classes => {
                Err(format!("the {k} largest of {n_classes} logits are all of them, `f16` takes less"))
            }
            Self::TopK(_) if n_classes > Self::MAX_CLASSES => {
                Err(format!("numbers of {n_classes} classes do not fit into two bytes"))
            }
            _ => Ok(()),
        }
    }

    /// The first logit that no file can hold, with its row and class: NaN and +∞ in any of them, as they leave a softmax no
    /// meaning; -∞ in f32, or throughout a row. The smaller forms keep it as the least that f16 can say.
    pub(crate) fn unfit(self, logits: ArrayView2<'_, f32>) -> Option<((usize, usize), f32)> {
        let fits = |value: f32| value.is_finite() || (value == f32::NEG_INFINITY && self != Self::F32);
        logits.outer_iter().enumerate().find_map(|(row, values)| {
            let unfit = values.iter().position(|&value| !fits(value));
            let class = unfit.or_else(|| (largest(values) == f32::NEG_INFINITY).then_some(0))?;
            Some(((row, class), *values.get(class)?))
        })
    }

    /// Logits as they come back from a file, shape `(rows, classes)`. A row with NaN or +∞ has NaN.
    pub fn round(self, logits: ArrayView2<'_, f32>) -> Array2<f32> {
        match self {
            Self::F32 => logits.to_owned(),
            Self::F16 => to_f16(logits).mapv(f16::to_f32),
            Self::TopK(k) => Largest::of(logits, k).spread(logits.ncols()),
        }
    }

    /// How far a value may lie from one that another machine computed.
    pub(crate) fn tolerance(self) -> f32 {
        match self {
            Self::F32 => 1e-5,
            Self::F16 | Self::TopK(_) => 2e-3,
        }
    }
}

/// What lies below the largest of each row. Nothing is as improbable as what f16 cannot say.
pub(crate) fn to_f16(logits: ArrayView2<'_, f32>) -> Array2<f16> {
    let mut below = Array2::from_elem(logits.dim(), f16::ZERO);
    for (row, mut out) in logits.outer_iter().zip(below.outer_iter_mut()) {
        let max = largest(row);
        Zip::from(&mut out).and(row).for_each(|out, &value| *out = bounded(f64::from(value - max)));
    }
    below
}

impl Largest {
    pub(crate) fn of(logits: ArrayView2<'_, f32>, k: usize) -> Self {
        let n_rows = logits.nrows();
        let mut kept =
            Self { classes: Array2::zeros((n_rows, k)), logits: Array2::from_elem((n_rows, k + 1), f16::ZERO) };
        let mut order: Vec<u16> = vec![];
        for (at, row) in logits.outer_iter().enumerate() {
            let max = largest(row);
            order.clear();
            order.extend((0..row.len()).filter_map(|class| u16::try_from(class).ok()));
            order.sort_by(|&a, &b| row[usize::from(b)].total_cmp(&row[usize::from(a)]));
            for (j, &class) in order.iter().take(k).enumerate() {
                kept.classes[(at, j)] = class;
                kept.logits[(at, j)] = bounded(f64::from(row[usize::from(class)] - max));
            }
            let rest = order.iter().skip(k).map(|&class| f64::from(row[usize::from(class)] - max).exp()).sum::<f64>();
            kept.logits[(at, k)] = bounded(rest.ln());
        }
        kept
    }

    /// Logits of all classes: the others have the same, and together their mass.
    pub(crate) fn spread(&self, n_classes: usize) -> Array2<f32> {
        let k = self.classes.ncols();
        let n_others = n_classes.saturating_sub(k).max(1) as f64;
        let mut logits = Array2::zeros((self.classes.nrows(), n_classes));
        for ((mut out, classes), kept) in
            logits.axis_iter_mut(Axis(0)).zip(self.classes.outer_iter()).zip(self.logits.outer_iter())
        {
            out.fill((f64::from(kept[k]) - n_others.ln()) as f32);
            for (&class, &value) in classes.iter().zip(kept) {
                out[usize::from(class)] = value.to_f32();
            }
        }
        logits
    }
}

fn largest(row: ArrayView1<'_, f32>) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// At least what f16 can say. NaN stays, which `f64::max` would drop.
fn bounded(value: f64) -> f16 {
    let least = f64::from(f16::MIN);
    f16::from_f64(if value < least { least } else { value })
}

/// Mean and largest `KL(p || q)` over the rows, in nats, of what softmax makes of two matrices of logits at a
/// temperature: what it costs to have stored `q` in place of `p`. NaN where a row has no divergence.
pub fn kl_between(p: ArrayView2<'_, f32>, q: ArrayView2<'_, f32>, temperature: f64) -> (f64, f64) {
    let (mut sum, mut most) = (0.0, 0.0_f64);
    for (p, q) in p.outer_iter().zip(q.outer_iter()) {
        let partition = |row: ArrayView1<'_, f32>| LogPartition::new(row.iter().copied(), temperature);
        let (of_p, of_q) = (partition(p), partition(q));
        // What `p` rules out adds nothing, even where its logit is an infinity.
        let term =
            |prob: f64, p: f32, q: f32| if prob == 0.0 { 0.0 } else { prob * (of_p.log_prob(p) - of_q.log_prob(q)) };
        let kl = p.iter().zip(q).map(|(&p, &q)| term(of_p.prob(p), p, q)).sum::<f64>();
        // Rounding can leave a sum of zero a hair below it. `f64::max` would make 0 of NaN.
        let kl = if kl < 0.0 { 0.0 } else { kl };
        sum += kl;
        most = if kl > most || kl.is_nan() { kl } else { most };
    }
    (sum / p.nrows().max(1) as f64, most)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for storage in [TargetStorage::F32, TargetStorage::F16, TargetStorage::TopK(7)] {
            assert_eq!(storage.to_string().parse(), Ok(storage));
        }
        for bad in ["f64", "top-0", "top-", "top--1", "TOP-3", ""] {
            assert!(bad.parse::<TargetStorage>().is_err(), "{bad}");
        }
        assert!(TargetStorage::TopK(9).check(10).is_ok() && TargetStorage::TopK(10).check(10).is_err());
        assert!(TargetStorage::TopK(3).check(65_537).is_err());
    }

    #[test]
    fn the_largest_keep_their_place_and_the_others_their_mass() {
        let logits = array![[5.0_f32, 1.0, 7.0, 1.5, -2.0]];
        let kept = Largest::of(logits.view(), 2);
        assert_eq!(kept.classes, array![[2, 0]]);
        let back = kept.spread(5);
        assert_eq!((back[(0, 2)], back[(0, 0)]), (0.0, -2.0));
        assert_eq!((back[(0, 1)], back[(0, 3)]), (back[(0, 4)], back[(0, 4)]));
        let mass = |row: ArrayView1<'_, f32>| [1, 3, 4].map(|class| f64::from(row[class]).exp()).iter().sum::<f64>();
        let expected = mass((&logits - 7.0).row(0));
        assert!((mass(back.row(0)) / expected - 1.0).abs() < 2e-3, "{} {expected}", mass(back.row(0)));
    }

    #[test]
    fn the_error_is_that_of_the_storage() {
        let logits = Array2::from_shape_fn((50, 12), |(i, j)| ((i * 31 + j * 17) % 23) as f32 * 0.7 - (j as f32) * 0.3);
        let error = |storage: TargetStorage, t| kl_between(logits.view(), storage.round(logits.view()).view(), t);
        assert_eq!(error(TargetStorage::F32, 1.0), (0.0, 0.0));
        let (mean, most) = error(TargetStorage::F16, 1.0);
        assert!(mean <= most && most < 1e-6, "{mean} {most}");
        let of = |k| error(TargetStorage::TopK(k), 1.0).0;
        assert!(of(1) > of(4) && of(4) > of(10) && of(10) > 0.0, "{} {} {}", of(1), of(4), of(10));
        // By hand: p = (2/3, 1/3), q = (1/2, 1/2).
        let (kl, _) = kl_between(array![[2.0_f32.ln(), 0.0]].view(), array![[3.0_f32, 3.0]].view(), 1.0);
        let by_hand = 2.0 / 3.0 * (4.0_f64 / 3.0).ln() + 1.0 / 3.0 * (2.0_f64 / 3.0).ln();
        assert!((kl - by_hand).abs() < 1e-7, "{kl} {by_hand}");
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let other = array![[1.0_f32, 2.0, 0.5]];
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY] {
            for at in 0..3 {
                let mut logits = array![[0.5_f32, -1.0, 2.0]];
                logits[(0, at)] = bad;
                for storage in [TargetStorage::F32, TargetStorage::F16, TargetStorage::TopK(1), TargetStorage::TopK(2)]
                {
                    let found = storage.unfit(logits.view()).map(|(place, _)| place);
                    assert_eq!(found, Some((0, at)), "{storage} {bad}");
                    let rounded = storage.round(logits.view());
                    assert!(rounded.iter().any(|value| !value.is_finite()), "{storage} {bad}: {rounded}");
                }
                for (p, q) in [(&logits, &other), (&other, &logits)] {
                    let both = |a: &Array2<f32>| ndarray::concatenate![Axis(0), a.view(), other.view()];
                    let (mean, most) = kl_between(both(p).view(), both(q).view(), 2.0);
                    assert!(!mean.is_finite() && !most.is_finite(), "{bad} at {at}: {mean} {most}");
                }
            }
        }
        // Nothing is as improbable as an event that cannot be, where there is another one.
        let (ruled_out, none) = (array![[f32::NEG_INFINITY, 1.0, 2.0]], array![[f32::NEG_INFINITY; 3]]);
        assert_eq!(TargetStorage::F32.unfit(ruled_out.view()), Some(((0, 0), f32::NEG_INFINITY)));
        for storage in [TargetStorage::F16, TargetStorage::TopK(1)] {
            assert_eq!(storage.unfit(ruled_out.view()), None);
            assert!(storage.unfit(none.view()).is_some());
        }
        let (kl, _) = kl_between(ruled_out.view(), TargetStorage::F16.round(ruled_out.view()).view(), 1.0);
        assert!(kl < 1e-6, "{kl}");
    }

    #[test]
    fn what_f16_cannot_say_stays_finite() {
        let logits = array![[1e30_f32, -1e30, 0.0, 3.0]];
        for storage in [TargetStorage::F16, TargetStorage::TopK(1), TargetStorage::TopK(3)] {
            assert!(storage.round(logits.view()).iter().all(|value| value.is_finite()), "{storage}");
        }
    }
}
