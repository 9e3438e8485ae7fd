use std::path::Path;

use distill_datasets::{ImageOptions, Picture};
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;
use distill_recipe::words::{sides, thousands};

use crate::batch::{Batch, Id};
use crate::wrong::{bad_row, takes};

/// How much nearer the mean of training must be to that of the pictures with black and white swapped, and how far it must be
/// from that of the pictures, before somebody is asked whether they are.
const MIN_DISTANCE: f64 = 0.25;
const TIMES_NEARER: f64 = 3.0;

/// Proportions that differ by less are the same to the eye.
const SAME_PROPORTIONS: f64 = 0.02;

/// One image, in a file of its own, by whose name it is called.
pub(crate) struct ImageRow {
    name: String,
    pixels: Option<Vec<u8>>,
    /// What was made of it beyond what was made of those to train on.
    pub(crate) changed: Option<String>,
}

impl ImageRow {
    /// Reads an image and brings it to the channels and the size that a model takes.
    pub(crate) fn open(path: &Path, spec: &ModelSpec, trained: &ImageOptions) -> Result<Self, Diagnostic> {
        let picture = Picture::open(path)?;
        let found = picture.shape();
        let wanted = wanted(spec, found).ok_or_else(|| {
            let what = format!("the image is {}, the model takes {}", sides(&found), takes(spec));
            bad_row(path.display(), what)
                .note("images are resized or converted to grey only for models with one or three channels")
                .help("write the numbers that the model takes into a table, one example a line")
        })?;
        let [channels, height, width] = wanted;
        #[expect(clippy::cast_possible_truncation, reason = "sides of a model that is in memory")]
        let size = [height as u32, width as u32];
        let options = ImageOptions { size: Some(size), crop: trained.crop, grey: channels == 1 };
        let (_, pixels) = picture.made(&options);
        let changed = changes(found, wanted, trained)
            .map(|how| format!("{} is {}, the model takes {}: {how}", path.display(), sides(&found), sides(&wanted)));
        Ok(Self { name: path.display().to_string(), pixels: Some(pixels), changed })
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> bool {
        let Some(pixels) = self.pixels.take() else { return false };
        pixels.iter().for_each(|&pixel| batch.push(f32::from(pixel) / 255.0));
        batch.finish(Id::Text(self.name.clone()), self.name.clone());
        true
    }
}

/// Channels, height and width that a model takes, if it may take images. A model that takes rows of as many numbers as the image
/// has takes it as it is, and else a square.
fn wanted(spec: &ModelSpec, found: [usize; 3]) -> Option<[usize; 3]> {
    match spec.input_shape[..] {
        [channels @ (1 | 3), height, width] => Some([channels, height, width]),
        [height, width] => Some([1, height, width]),
        [n] => {
            let [_, height, width] = found;
            let square = |channels: usize| {
                let side = (n / channels).isqrt();
                (side > 1 && channels * side * side == n).then_some([channels, side, side])
            };
            let as_it_is = [1, 3].map(|channels| [channels, height, width]);
            as_it_is.into_iter().find(|sides| sides.iter().product::<usize>() == n).or(square(1)).or(square(3))
        }
        _ => None,
    }
}

/// What is made of an image that was not made of all those to train on, in words.
fn changes(found: [usize; 3], wanted: [usize; 3], trained: &ImageOptions) -> Option<String> {
    let mut words = vec![];
    match (found[0], wanted[0]) {
        (3, 1) if !trained.grey => words.push("made grey".to_owned()),
        (1, 3) => words.push("grey, as red, green and blue alike".to_owned()),
        _ => {}
    }
    let ([_, height, width], [_, new_height, new_width]) = (found, wanted);
    if trained.size.is_none() && [height, width] != [new_height, new_width] {
        words.push(format!("brought to {new_height}x{new_width}"));
        let proportions = (height * new_width) as f64 / (width * new_height).max(1) as f64;
        if !trained.crop && (proportions - 1.0).abs() > SAME_PROPORTIONS {
            words.push("its proportions are lost".to_owned());
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// What is to be said of all pictures together.
#[derive(Debug, Default)]
pub struct Seen {
    /// Mean of each picture, added up.
    sum: f64,
    n: usize,
    /// What was made of the first that had to be changed, and how many there were.
    changed: Option<String>,
    n_changed: usize,
}

impl Seen {
    /// Notes what was made of a picture.
    pub(crate) fn note(&mut self, changed: Option<String>) {
        if let Some(changed) = changed {
            self.n_changed += 1;
            self.changed.get_or_insert(changed);
        }
    }

    /// Takes the numbers of a picture into account.
    pub(crate) fn add(&mut self, values: &[f32]) {
        self.n += 1;
        self.sum += values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64;
    }

    /// What was made of the pictures to bring them to what the model takes, in a sentence.
    pub fn changes(&self) -> Option<String> {
        let more = match self.n_changed.saturating_sub(1) {
            0 => String::new(),
            1 => "; so is one more".to_owned(),
            n => format!("; so are {} more", thousands(n as u64)),
        };
        self.changed.as_ref().map(|changed| format!("{changed}{more}"))
    }

    /// The mean of the pictures, where they look like negatives of those to train on, whose mean is `trained`.
    pub fn swapped_mean(&self, trained: f64) -> Option<f64> {
        let mean = self.sum / self.n.max(1) as f64;
        (self.n > 0 && look_swapped(mean, trained)).then_some(mean)
    }
}

/// Whether pictures of a mean are negatives of those of another mean.
fn look_swapped(mean: f64, trained: f64) -> bool {
    let (distance, swapped) = ((mean - trained).abs(), (1.0 - mean - trained).abs());
    distance > MIN_DISTANCE && swapped * TIMES_NEARER < distance
}

#[cfg(test)]
mod tests {
    use distill_models::Task;

    use super::*;

    fn spec(input_shape: &[usize]) -> ModelSpec {
        let classes = vec!["a".to_owned(), "b".to_owned()];
        ModelSpec {
            architecture: String::new(),
            input_shape: input_shape.to_vec(),
            classes,
            parameters: 0,
            task: Task::Classes,
        }
    }

    #[test]
    fn a_model_takes_images_or_it_does_not() {
        let wanted = |shape: &[usize], found| wanted(&spec(shape), found);
        assert_eq!(wanted(&[1, 28, 28], [3, 100, 80]), Some([1, 28, 28]));
        assert_eq!(wanted(&[3, 32, 32], [1, 32, 32]), Some([3, 32, 32]));
        assert_eq!(wanted(&[8, 6], [3, 1, 1]), Some([1, 8, 6]));
        assert_eq!(wanted(&[48], [3, 8, 6]), Some([1, 8, 6]), "rows of a grey image that is no square");
        assert_eq!(wanted(&[144], [3, 8, 6]), Some([3, 8, 6]));
        assert_eq!(wanted(&[784], [3, 100, 80]), Some([1, 28, 28]));
        assert_eq!(wanted(&[3072], [1, 100, 80]), Some([3, 32, 32]));
        for shape in [&[7][..], &[1], &[2, 8, 8], &[1, 1, 8, 8]] {
            assert_eq!(wanted(shape, [3, 100, 80]), None, "{shape:?}");
        }
    }

    #[test]
    fn what_training_did_too_is_not_said() {
        let none = ImageOptions::default();
        let said = |found, wanted, trained| changes(found, wanted, &trained).unwrap_or_default();
        assert_eq!(said([3, 28, 28], [3, 28, 28], none), "");
        assert_eq!(said([3, 56, 56], [1, 28, 28], none), "made grey, brought to 28x28");
        assert_eq!(said([1, 28, 40], [1, 28, 28], none), "brought to 28x28, its proportions are lost");
        assert_eq!(said([1, 32, 32], [3, 32, 32], none), "grey, as red, green and blue alike");
        let trained = ImageOptions { size: Some([28, 28]), crop: true, grey: true };
        assert_eq!(said([3, 28, 40], [1, 28, 28], trained), "");
    }

    #[test]
    fn negatives_are_told_by_their_mean() {
        // Digits in white on black, and photographs of ink on paper.
        assert!(look_swapped(0.87, 0.13) && look_swapped(0.13, 0.87) && look_swapped(0.75, 0.13));
        // Photographs have a mean near a half, and a light coat is not the negative of a dark one.
        assert!(!look_swapped(0.47, 0.47) && !look_swapped(0.7, 0.4) && !look_swapped(0.3, 0.13));
        assert!(!look_swapped(0.4, 0.13) && !look_swapped(0.6, 0.286));
    }
}
