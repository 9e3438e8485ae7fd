use distill_datasets::Dataset;
use distill_models::Model;
use distill_tensor::LogPartition;
use distill_train::{SoftTargets, TrainError};
use ndarray::{Array2, ArrayView1};

use super::data::{Gallery, GalleryExample, ImageShape};

/// Examples of each part of the gallery.
const MAX_EXAMPLES: usize = 12;

/// A teacher that is so sure at `T = 1` shows nothing there of what it knows of the other classes.
const SURE: f64 = 0.95;

/// The models of one seed.
pub(crate) struct Models<'a> {
    pub(crate) teacher: &'a dyn Model,
    pub(crate) student: &'a dyn Model,
    pub(crate) baseline: Option<&'a dyn Model>,
}

/// Picks examples of the test set that show what the teacher knows and where the student differs.
///
/// # Errors
/// If a model does not fit the data.
pub(crate) fn choose(data: &dyn Dataset, models: &Models<'_>, temperature: f64) -> Result<Gallery, TrainError> {
    let logits = |model: &dyn Model| SoftTargets::compute(model, data);
    let (teacher, student) = (logits(models.teacher)?, logits(models.student)?);
    let baseline = models.baseline.map(logits).transpose()?;
    let example = |index: usize| -> Result<GalleryExample, TrainError> {
        Ok(GalleryExample {
            index,
            label: data.label(index).unwrap_or_default(),
            pixels: pixels(data, index)?,
            teacher: probs(teacher.logits().row(index), 1.0),
            teacher_soft: probs(teacher.logits().row(index), temperature),
            student: probs(student.logits().row(index), 1.0),
            baseline: baseline.as_ref().map(|logits| probs(logits.logits().row(index), 1.0)),
        })
    };
    let all = |indices: Vec<usize>| indices.into_iter().map(example).collect::<Result<Vec<_>, _>>();
    Ok(Gallery {
        image: image_shape(&data.spec().input_shape),
        temperature,
        disagreements: all(disagreements(&teacher, &student))?,
        dark_knowledge: all(revealed_by_temperature(data, &teacher, temperature))?,
    })
}

/// Where the answers differ, those first that the student is surest of.
fn disagreements(teacher: &SoftTargets, student: &SoftTargets) -> Vec<usize> {
    let rows = teacher.logits().nrows();
    let mut found: Vec<(f64, usize)> = (0..rows)
        .filter_map(|index| {
            let (of_teacher, of_student) = (best(teacher.logits().row(index)), best(student.logits().row(index)));
            let sure = probs(student.logits().row(index), 1.0)[of_student];
            (of_teacher != of_student).then_some((sure, index))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(MAX_EXAMPLES).map(|(_, index)| index).collect()
}

/// For each class, the example on which the teacher is right and sure and yet says most about the
/// other classes once its logits are softened.
fn revealed_by_temperature(data: &dyn Dataset, teacher: &SoftTargets, temperature: f64) -> Vec<usize> {
    let n_classes = data.spec().classes.len();
    let mut chosen: Vec<Option<(bool, f64, usize)>> = vec![None; n_classes];
    for index in 0..data.len() {
        let logits = teacher.logits();
        let row = logits.row(index);
        let answer = best(row);
        if data.label(index).map(|label| label as usize) != Some(answer) {
            continue;
        }
        let sure = probs(row, 1.0)[answer] >= SURE;
        let entropy = entropy(&probs(row, temperature));
        let better = |&(old_sure, old, _): &(bool, f64, usize)| (sure, entropy) > (old_sure, old);
        if chosen[answer].as_ref().is_none_or(better) {
            chosen[answer] = Some((sure, entropy, index));
        }
    }
    let mut found: Vec<(f64, usize, usize)> = chosen
        .into_iter()
        .enumerate()
        .filter_map(|(class, best)| best.map(|(_, e, index)| (e, class, index)))
        .collect();
    // Of many classes those with the most to tell, in the order of the classes.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(MAX_EXAMPLES);
    found.sort_by_key(|&(_, class, _)| class);
    found.into_iter().map(|(_, _, index)| index).collect()
}

/// The class of the largest logit, the first one where several are equal.
fn best(z: ArrayView1<'_, f32>) -> usize {
    (0..z.len()).max_by(|&a, &b| z[a].total_cmp(&z[b]).then(b.cmp(&a))).unwrap_or_default()
}

fn probs(z: ArrayView1<'_, f32>, temperature: f64) -> Vec<f64> {
    let partition = LogPartition::new(z.iter().copied(), temperature);
    z.iter().map(|&z| partition.prob(z)).collect()
}

fn entropy(probs: &[f64]) -> f64 {
    -probs.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// Images have one or three channels; other shapes have no picture.
fn image_shape(shape: &[usize]) -> Option<ImageShape> {
    match *shape {
        [channels @ (1 | 3), height, width] if height > 1 && width > 1 => {
            Some(ImageShape { width: u32::try_from(width).ok()?, height: u32::try_from(height).ok()?, channels })
        }
        _ => None,
    }
}

/// The input of an example as bytes, from 0 for the smallest value to 255 for 1.
fn pixels(data: &dyn Dataset, index: usize) -> Result<Vec<u8>, TrainError> {
    if image_shape(&data.spec().input_shape).is_none() {
        return Ok(vec![]);
    }
    let mut row = Array2::zeros((1, data.spec().features()));
    data.read(&[index], row.view_mut())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    let byte = |&value: &f32| (255.0 * value.clamp(0.0, 1.0)).round() as u8;
    Ok(row.iter().map(byte).collect())
}
