use distill_chart::{LineChart, Scale, Series};
use distill_datasets::Subset;
use distill_losses::{Distillation, Loss as _, SoftTerm, Targets, Temperature};
use distill_models::Model as _;
use distill_train::TrainError;
use ndarray::{Array2, ArrayView2, Axis};

use crate::numbers::{differences, errors, interval, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Setup;
use distill_lab::jobs::Stop;

/// For the table of gradients.
const TEMPERATURES: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
/// For the students.
const TRAINED_AT: [f64; 3] = [20.0, 100.0, 1000.0];
/// Images that the gradients are taken on.
const N_IMAGES: usize = 2000;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("logit-matching")?;
    let seeds = base.recipe.seeds.clone();
    let matching = base.with(&["kd.method=logit-matching".to_owned()])?;
    let mut jobs = for_each_seed(&base, |setup, seed| setup.alone(seed));
    jobs.extend(for_each_seed(&matching, Setup::distilled));
    for t in TRAINED_AT {
        jobs.extend(for_each_seed(&base.with(&[format!("kd.temperature={t:?}")])?, Setup::distilled));
    }
    let found = study.lab.train(&jobs)?;
    let groups: Vec<_> = found.chunks(seeds.len()).collect();

    // The gradients of a student on labels alone, whose logits are not those of the teacher.
    let teachers = study.lab.train(&[base.teacher(seeds[0])])?;
    let teacher = study.lab.model(&teachers[0])?;
    let alone = study.lab.model(&groups[0][0])?;
    let data = study.lab.data.clone();
    let n_images = N_IMAGES.min(data.sets.train.len());
    let images = Subset::new(data.sets.train.clone(), (0..n_images).collect()).map_err(TrainError::from)?;
    let v = study.lab.answers(&teacher, &images)?;
    let z = study.lab.answers(&alone, &images)?;
    let distances = TEMPERATURES.map(|t| distance_to_matching(z.logits(), v.logits(), t));

    let mut section = Section::new("logit-matching", "High temperatures match logits", &seeds);
    let at = |t: f64| TEMPERATURES.iter().position(|&other| other == t).map_or(f64::NAN, |at| distances[at]);
    section.compare(
        "gradient of T² KL, and that of logit matching: relative distance at T = 1, 20, 1000",
        "0 in the limit",
        format!("{:.3}, {:.3}, {:.5}", at(1.0), at(20.0), at(1000.0)),
        None,
    );
    section.add(&format!(
        "Distance of the gradient of `T² KL` from that of logit matching, relative to the latter, over {n_images} training \
         images, for a student on labels alone and its teacher."
    ));
    let mut header = vec!["T".to_owned()];
    header.extend(TEMPERATURES.map(|t| t.to_string()));
    let mut line = vec!["distance".to_owned()];
    line.extend(distances.map(|distance| format!("{distance:.5}")));
    section.add(&table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &[line]));

    let matched = errors(groups[1]);
    let mut lines = vec![vec!["logit matching".to_owned(), spread(&matched, 1), String::new(), String::new()]];
    for (t, group) in TRAINED_AT.iter().zip(&groups[2..]) {
        let mut apart = vec![];
        for (facts, limit) in group.iter().zip(groups[1]) {
            let models = [study.lab.model(facts)?, study.lab.model(limit)?];
            let [a, b] = models.map(|model| study.lab.answers(&model, &*data.sets.test));
            apart.push(centred_distance(a?.logits(), b?.logits()));
        }
        lines.push(vec![
            format!("T = {t}"),
            spread(&errors(group), 1),
            interval(&differences(&errors(group), &matched), 1),
            spread(&apart, 3),
        ]);
    }
    section.add(&format!(
        "Students {}, seed by seed from the same weights and batches: test errors, their difference from the student \
         that matches logits (95 % interval), and the distance of their centred logits on the test set from its, relative to these.",
        alone.spec().architecture,
    ));
    section.add(&table(&["student", "test errors", "difference", "distance of logits"], &lines));
    section.chart("logit-matching.svg", &chart(&distances));
    Ok(section)
}

/// `|g_T - g| / |g|`, where `g` is the gradient of logit matching.
fn distance_to_matching(z: ArrayView2<'_, f32>, v: ArrayView2<'_, f32>, temperature: f64) -> f64 {
    let gradient = |term: SoftTerm| {
        let mut out = Array2::zeros(z.dim());
        let targets = Targets { labels: None, teacher_logits: Some(v) };
        let loss = Distillation::new(term, 1.0).and_then(|loss| loss.value_and_grad(z, &targets, out.view_mut()));
        loss.map(|_| out).unwrap_or_else(|_| Array2::from_elem(z.dim(), f32::NAN))
    };
    let limit = gradient(SoftTerm::LogitMatching);
    let Ok(temperature) = Temperature::new(temperature) else { return f64::NAN };
    let at = gradient(SoftTerm::Kd(temperature));
    norm(&(&at - &limit)) / norm(&limit)
}

/// `|a - b| / |b|` of logits whose mean over the classes is taken away: softmax does not see it.
fn centred_distance(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> f64 {
    let centred = |logits: ArrayView2<'_, f32>| -> Array2<f32> {
        let means = logits.mean_axis(Axis(1)).unwrap_or_default().insert_axis(Axis(1));
        &logits - &means
    };
    let (a, b) = (centred(a), centred(b));
    norm(&(&a - &b)) / norm(&b)
}

fn norm(matrix: &Array2<f32>) -> f64 {
    matrix.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

fn chart(distances: &[f64]) -> LineChart {
    let points = TEMPERATURES.iter().zip(distances).map(|(&t, &distance)| (t, distance).into()).collect();
    LineChart {
        title: "How far the gradient is from that of logit matching".to_owned(),
        x_label: "temperature".to_owned(),
        y_label: "relative distance".to_owned(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        series: vec![Series { name: String::new(), points }],
        references: vec![],
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_distance_falls_with_the_temperature() {
        let z = array![[1.0_f32, -2.0, 0.5], [0.0, 3.0, -1.0]];
        let v = array![[4.0_f32, -3.0, -1.0], [-2.0, 5.0, 0.5]];
        let at = |t| distance_to_matching(z.view(), v.view(), t);
        assert!(at(1.0) > 0.3 && at(1000.0) < 0.005, "{} {}", at(1.0), at(1000.0));
        // The first term that the limit leaves out falls with 1 / T.
        assert!((at(100.0) / at(1000.0) - 10.0).abs() < 0.5);
    }

    #[test]
    fn a_shift_of_all_logits_is_no_distance() {
        let a = array![[1.0_f32, 2.0, 3.0]];
        assert!(centred_distance((&a + 5.0).view(), a.view()) < 1e-6);
        assert!((centred_distance((&a * 2.0).view(), a.view()) - 1.0).abs() < 1e-6);
    }
}
