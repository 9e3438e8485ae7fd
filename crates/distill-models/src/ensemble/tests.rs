use ndarray::{Axis, array};

use super::*;
use crate::{MlpConfig, Network};

#[test]
fn a_member_counts_by_how_sure_it_is_of_an_example() {
    // Of two classes alike, one, and of both nearly one.
    let ln3 = 3.0_f32.ln();
    let members = || vec![says(&[0.0, 0.0]), says(&[ln3, 0.0])];
    let perplexity = |p: f64| libm::exp(-(p * p.ln() + (1.0 - p) * (1.0 - p).ln()));
    let [a, b] = [1.0 / perplexity(0.5), 1.0 / perplexity(0.75)];
    assert!((a - 0.5).abs() < 1e-12);
    let expected = (a * 0.5 + b * 0.75) / (a + b);
    let sure = Ensemble::new(members(), Average::Arithmetic, 1.0).unwrap().trusting(Trust::Entropy).unwrap();
    assert!((probs(&sure, 1.0)[0] - expected).abs() < 1e-7);
    // The weights are those at temperature 1, whatever the average is taken at.
    let at2 = |z: f64| 1.0 / (1.0 + libm::exp(-z / 2.0));
    let expected = (a * 0.5 + b * at2(f64::from(ln3))) / (a + b);
    assert!((probs(&sure.at(2.0).unwrap(), 2.0)[0] - expected).abs() < 1e-7);
    let geometric = Ensemble::new(members(), Average::Geometric, 1.0).unwrap().trusting(Trust::Entropy).unwrap();
    let expected = at2(2.0 * b / (a + b) * f64::from(ln3));
    assert!((probs(&geometric, 1.0)[0] - expected).abs() < 1e-7);
    // Fixed weights count beside.
    let weighted = Ensemble::weighted(members(), &[3.0, 1.0], Average::Arithmetic, 1.0).unwrap();
    let expected = (3.0 * a * 0.5 + b * 0.75) / (3.0 * a + b);
    assert!((probs(&weighted.trusting(Trust::Entropy).unwrap(), 1.0)[0] - expected).abs() < 1e-7);
    // One that is as sure as can be, in f32.
    let sure = vec![says(&[0.0, 0.0]), says(&[f32::NEG_INFINITY, 0.0])];
    let sure = Ensemble::new(sure, Average::Arithmetic, 1.0).unwrap().trusting(Trust::Entropy).unwrap();
    assert!((probs(&sure, 1.0)[0] - 0.5 * 0.5 / 1.5).abs() < 1e-7);
}

#[test]
fn a_member_counts_by_how_often_it_is_right_of_the_class_that_it_names() {
    let members = || vec![says(&[2.0, 0.0]), says(&[0.0, 1.0])];
    let found = array![[0.9, 0.1], [0.2, 0.6]];
    let ensemble = Ensemble::new(members(), Average::Geometric, 1.0).unwrap();
    let logits = ensemble.trusting(Trust::Accuracy(found)).unwrap().logits(array![[0.0]].view()).unwrap();
    let expected = [0.9 * 2.0 / 1.5, 0.6 / 1.5];
    assert!(logits.iter().zip(expected).all(|(z, expected)| (f64::from(*z) - expected).abs() < 1e-6), "{logits}");
    let refused =
        |found| Ensemble::new(members(), Average::Arithmetic, 1.0).unwrap().trusting(Trust::Accuracy(found)).is_err();
    assert!(refused(array![[0.9, 0.1]]) && refused(array![[0.9, 0.0], [0.2, 0.6]]));
}

/// Says the same for every input.
struct Says(ModelSpec, Vec<f32>);

impl Model for Says {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }

    fn logits_into(
        &self,
        _: ArrayView2<'_, f32>,
        _: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        out.axis_iter_mut(Axis(0)).for_each(|mut row| row.assign(&ndarray::aview1(&self.1)));
        Ok(())
    }
}

fn says(logits: &[f32]) -> Arc<dyn Model> {
    let classes = (0..logits.len()).map(|class| class.to_string()).collect();
    let spec =
        ModelSpec { architecture: "says".into(), input_shape: vec![1], classes, parameters: 2, task: Task::Classes };
    Arc::new(Says(spec, logits.to_vec()))
}

fn probs(ensemble: &Ensemble, temperature: f64) -> Vec<f64> {
    let logits = ensemble.logits(array![[0.0], [1.0]].view()).unwrap();
    assert_eq!(logits.row(0), logits.row(1));
    let partition = LogPartition::new(logits.row(0).to_vec(), temperature);
    logits.row(0).iter().map(|&z| partition.prob(z)).collect()
}

fn close(a: &[f64], b: &[f64]) {
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a:?} {b:?}");
}

#[test]
fn averages_by_hand() {
    let ln = |p: f64| p.ln() as f32;
    // Probabilities (1/2, 1/4, 1/4) and (1/10, 8/10, 1/10).
    let members = vec![says(&[ln(0.5), ln(0.25), ln(0.25)]), says(&[ln(0.1), ln(0.8), ln(0.1)])];
    let of = |weights: &[f64], average, t| Ensemble::weighted(members.clone(), weights, average, t).unwrap();
    close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 1.0), 1.0), &[0.3, 0.525, 0.175]);
    close(&probs(&of(&[3.0, 1.0], Average::Arithmetic, 1.0), 1.0), &[0.4, 0.3875, 0.2125]);
    let roots: Vec<f64> = [0.05, 0.2, 0.025].map(f64::sqrt).into();
    let sum: f64 = roots.iter().sum();
    close(
        &probs(&of(&[1.0, 1.0], Average::Geometric, 1.0), 1.0),
        &roots.iter().map(|root| root / sum).collect::<Vec<_>>(),
    );
    // At T = 2 the members say the roots of their probabilities.
    let softened = |p: [f64; 3]| {
        let sum: f64 = p.iter().map(|p| p.sqrt()).sum();
        p.map(|p| p.sqrt() / sum)
    };
    let (a, b) = (softened([0.5, 0.25, 0.25]), softened([0.1, 0.8, 0.1]));
    let expected: Vec<f64> = a.iter().zip(b).map(|(a, b)| (a + b) / 2.0).collect();
    close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 2.0), 2.0), &expected);
    close(&probs(&of(&[1.0, 1.0], Average::Arithmetic, 1.0).at(2.0).unwrap(), 2.0), &expected);
}

/// Against the same formula in f64, without logarithms that are large beside their differences.
#[test]
fn high_temperatures_lose_nothing() {
    let (a, b) = ([9.0_f32, -3.5, 0.25, 4.0], [2.0_f32, 6.5, -1.75, 0.5]);
    for t in [1e3, 1e6] {
        let ensemble = Ensemble::new(vec![says(&a), says(&b)], Average::Arithmetic, t).unwrap();
        let found = ensemble.logits(array![[0.0]].view()).unwrap();
        // Logarithms of partition sums, less that of the number of classes.
        let excess = |z: &[f32; 4]| {
            let sum: f64 = z.iter().map(|&z| libm::expm1(f64::from(z) / t)).sum();
            libm::log1p(sum / 4.0)
        };
        let (ea, eb) = (excess(&a), excess(&b));
        let expected: Vec<f64> = (a.iter().zip(&b))
            .map(|(&a, &b)| {
                let terms = [f64::from(a) / t - ea, f64::from(b) / t - eb];
                t * libm::log1p((libm::expm1(terms[0]) + libm::expm1(terms[1])) / 2.0)
            })
            .collect();
        let most = expected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (&found, expected) in found.iter().zip(&expected) {
            // What f64 leaves of a logarithm near 1, times T, and half a unit in the last place of f32.
            let bound = 4e-16 * t + 1e-6;
            let apart = (f64::from(found) - (expected - most)).abs();
            assert!(apart < bound, "T = {t}: {found} {expected} {apart}");
        }
    }
}

#[test]
fn extreme_logits_stay_what_they_are() {
    let far = Ensemble::new(vec![says(&[1e4, 0.0]), says(&[0.0, 1e4])], Average::Arithmetic, 0.5).unwrap();
    close(&probs(&far, 0.5), &[0.5, 0.5]);
    let sure = Ensemble::new(vec![says(&[1e4, 0.0]), says(&[1e4, 0.0])], Average::Arithmetic, 1.0).unwrap();
    let logits = sure.logits(array![[0.0]].view()).unwrap();
    assert!(logits[[0, 0]].abs() < 1e-6 && (logits[[0, 1]] + 1e4).abs() < 1e-2, "{logits}");
    let never = f32::NEG_INFINITY;
    let excluded = Ensemble::new(vec![says(&[0.0, never]), says(&[0.0, never])], Average::Arithmetic, 1.0).unwrap();
    assert_eq!(excluded.logits(array![[0.0]].view()).unwrap()[[0, 1]], never);
    let broken = Ensemble::new(vec![says(&[0.0, 1.0]), says(&[f32::NAN, 1.0])], Average::Arithmetic, 1.0).unwrap();
    assert!(broken.logits(array![[0.0]].view()).unwrap().iter().all(|z| z.is_nan()));
}

#[test]
fn one_member_is_that_member_and_ensembles_nest() {
    let mlp = |seed| -> Arc<dyn Model> {
        let config = MlpConfig { hidden: vec![5, 6], ..MlpConfig::default() };
        Arc::new(Network::new(config, vec![2, 2], vec!["a".into(), "b".into(), "c".into()], seed).unwrap())
    };
    let x = Array2::from_shape_fn((9, 4), |(i, j)| (i * 4 + j) as f32 / 9.0 - 1.5);
    let alone = mlp(1).logits(x.view()).unwrap();
    let one = Ensemble::new(vec![mlp(1)], Average::Geometric, 3.0).unwrap();
    assert_eq!(one.logits(x.view()).unwrap(), alone);
    let inner: Arc<dyn Model> = Arc::new(Ensemble::new(vec![mlp(1), mlp(2)], Average::Geometric, 1.0).unwrap());
    let nested = Ensemble::weighted(vec![inner, mlp(3)], &[2.0, 1.0], Average::Geometric, 1.0).unwrap();
    let flat = Ensemble::new(vec![mlp(1), mlp(2), mlp(3)], Average::Geometric, 1.0).unwrap();
    let (nested, flat) = (nested.logits(x.view()).unwrap(), flat.logits(x.view()).unwrap());
    assert!(nested.iter().zip(&flat).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn it_says_what_it_is() {
    let mlp = |width| -> Arc<dyn Model> {
        let config = MlpConfig { hidden: vec![width], ..MlpConfig::default() };
        Arc::new(Network::new(config, vec![2], vec!["a".into()], 1).unwrap())
    };
    let members = vec![mlp(3), mlp(3), mlp(5)];
    let parameters = members.iter().map(|member| member.spec().parameters).sum();
    let ensemble = Ensemble::new(members, Average::Arithmetic, 1.0).unwrap();
    assert_eq!((ensemble.spec().architecture.as_str(), ensemble.spec().parameters), ("2 x 2-3-1 + 2-5-1", parameters));
}

#[test]
fn what_makes_no_ensemble_is_refused() {
    let refused = |members: Vec<Arc<dyn Model>>, weights: &[f64], t: f64| {
        Ensemble::weighted(members, weights, Average::Arithmetic, t).map(|_| ()).unwrap_err().to_string()
    };
    let two = || vec![says(&[0.0, 1.0]), says(&[1.0, 0.0])];
    for (error, part) in [
        (refused(vec![], &[], 1.0), "it has no members"),
        (refused(vec![says(&[0.0]), says(&[0.0, 1.0])], &[1.0; 2], 1.0), "member 0 and member 1 name different"),
        (refused(two(), &[1.0], 1.0), "2 members and 1 weights"),
        (refused(two(), &[1.0, 0.0], 1.0), "greater than 0, got [1.0, 0.0]"),
        (refused(two(), &[1.0, f64::NAN], 1.0), "greater than 0"),
        (refused(two(), &[f64::MAX, f64::MAX], 1.0), "greater than 0"),
        (refused(two(), &[1.0, 1.0], 0.0), "temperature must be a finite number greater than 0, got 0"),
    ] {
        assert!(error.contains(part), "{error}");
    }
}
