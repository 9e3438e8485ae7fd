//! The files that ours and the peers read: MNIST, snippets of text, soft targets and a trained student, as plain numbers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::{Dataset, Images, Split, Table, mnist};
use distill_losses::CrossEntropy;
use distill_models::{MlpConfig, ModelConfig, Network, Trainable};
use distill_tensor::softmax;
use distill_text::{NGrams, Part, Snippets, TextSnippets, udhr};
use distill_train::{
    Hooks, NullObserver, OptimizerConfig, SoftTargets, Teacher, TrainConfig, Training, evaluate, train,
};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::Result;
use crate::net::Net;
use crate::request::Inputs;

/// The temperature of the loss.
pub(crate) const TEMPERATURE: f64 = 4.0;
/// Hidden layers of the student that answers; its weights are in the file `student.f32`.
pub(crate) const STUDENT: [usize; 2] = [800, 800];

/// Classes of images and of maps.
pub(crate) const N_CLASSES: usize = 10;
/// Maps of noise, for networks whose speed does not depend on what they see, and the most numbers of one.
const N_MAPS: usize = 4096;
const MAP_LEN: usize = 3 * 32 * 32;

/// Snippets of text and their characters.
const N_SNIPPETS: usize = 20_000;
const N_CHARS: usize = 24;

/// What the files hold. Another text makes them anew.
const STAMP: &str = "Maps of noise; MNIST, with and without noise; a teacher 784-200-10 of 3 epochs; a student 784-800-800-10 of 2 epochs; 20,000 snippets\n";

/// The folder with the files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Files that were made before.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Makes the files where they are missing; `note` is told what takes time.
    pub(crate) fn make(folder: &Path, note: &mut dyn FnMut(&str)) -> Result<Self> {
        let files = Self::at(folder);
        if fs::read_to_string(files.path("stamp")).is_ok_and(|text| text == STAMP) {
            return Ok(files);
        }
        note("training the networks that soft targets and answers come from");
        fs::create_dir_all(folder)?;
        let (data, test) = (mnist(Split::Train)?, mnist(Split::Test)?);
        for (images, prefix) in [(&data, "train"), (&test, "test")] {
            let pixels: Vec<u8> =
                (0..images.len()).filter_map(|index| images.pixels(index)).flatten().copied().collect();
            fs::write(files.path(&format!("{prefix}-dense.u8")), with_noise(&pixels))?;
            fs::write(files.path(&format!("{prefix}-images.u8")), pixels)?;
            fs::write(
                files.path(&format!("{prefix}-labels.u8")),
                images.labels().iter().map(|&label| label as u8).collect::<Vec<u8>>(),
            )?;
        }
        fs::write(files.path("maps.u8"), with_noise(&vec![0; N_MAPS * MAP_LEN]))?;
        let text = snippets()?;
        let buckets = inputs(&text)?.map(|&bucket| bucket as i16);
        fs::write(files.path("text-buckets.i16"), buckets.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>())?;
        let labels = (0..text.len()).filter_map(|index| text.label(index));
        fs::write(files.path("text-labels.u32"), labels.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
        let teacher = trained(&data, &[200], 3)?;
        let targets = SoftTargets::compute(&teacher, &data)?;
        let mut probs = Array2::zeros(targets.logits().dim());
        softmax(targets.logits(), TEMPERATURE, probs.view_mut());
        write_floats(&files.path("logits.f32"), targets.logits().iter())?;
        write_floats(&files.path("targets.f32"), probs.iter())?;
        let student = trained(&data, &STUDENT, 2)?;
        write_floats(&files.path("student.f32"), student.params().as_slice().iter())?;
        note(&format!(
            "teacher of the soft targets: {} test errors; student that answers: {}",
            evaluate(&teacher, &test)?.errors,
            evaluate(&student, &test)?.errors
        ));
        fs::write(files.path("stamp"), STAMP)?;
        Ok(files)
    }

    /// The folder, for a peer.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The images of a split of MNIST, as they are or with noise.
    pub(crate) fn images(&self, split: Split, inputs: Inputs) -> Result<Images> {
        let images = mnist(split)?;
        if inputs == Inputs::Images {
            return Ok(images);
        }
        let prefix = if split == Split::Train { "train" } else { "test" };
        let path = self.path(&format!("{prefix}-dense.u8"));
        let pixels = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let spec = images.spec();
        Ok(Images::new(spec.input_shape.clone(), pixels, images.labels().to_vec(), spec.classes.clone())?)
    }

    /// What a network is measured with: images, or maps of noise.
    pub(crate) fn inputs_of(&self, network: Net, split: Split, inputs: Inputs) -> Result<Images> {
        if matches!(network, Net::Perceptron | Net::Cnn) {
            return self.images(split, inputs);
        }
        let path = self.path("maps.u8");
        let mut pixels = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let shape = network.input_shape();
        pixels.truncate(N_MAPS * shape.iter().product::<usize>());
        let labels = (0..N_MAPS).map(|map| (map % N_CLASSES) as u32).collect();
        let classes = (0..N_CLASSES).map(|class| class.to_string()).collect();
        Ok(Images::new(shape.to_vec(), pixels, labels, classes)?)
    }

    /// The teacher's logits for the images to train on.
    pub(crate) fn soft_targets(&self) -> Result<SoftTargets> {
        let logits = read_floats(&self.path("logits.f32"))?;
        Ok(SoftTargets::new(Array2::from_shape_vec((logits.len() / 10, 10), logits)?))
    }

    /// The trained student.
    pub(crate) fn student(&self, data: &Images) -> Result<Network> {
        let mut model = untrained(data, plain(&STUDENT))?;
        let weights = read_floats(&self.path("student.f32"))?;
        let params = model.params_mut().as_mut_slice();
        if params.len() != weights.len() {
            return Err(format!("student.f32 has {} weights, not {}", weights.len(), params.len()).into());
        }
        params.copy_from_slice(&weights);
        Ok(model)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Pixels with noise from 1 to 32 of 255, always the same.
fn with_noise(pixels: &[u8]) -> Vec<u8> {
    let mut state = 1_u32;
    let noisy = |&pixel: &u8| {
        // The constants are those of Numerical Recipes; the upper bits are the random ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = state.to_be_bytes()[0] / 8 + 1;
        pixel.saturating_add(noise)
    };
    pixels.iter().map(noisy).collect()
}

/// A multi-layer perceptron without regularisation.
pub(crate) fn plain(hidden: &[usize]) -> MlpConfig {
    MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() }
}

/// A model for the data with random weights.
pub(crate) fn untrained(data: &dyn Dataset, config: impl Into<ModelConfig>) -> Result<Network> {
    Ok(Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 1)?)
}

/// Plain SGD with momentum, as every peer has it.
pub(crate) fn sgd() -> OptimizerConfig {
    OptimizerConfig { lr: 0.05, momentum: 0.9, nesterov: false, ..OptimizerConfig::default() }
}

fn trained(data: &Images, hidden: &[usize], epochs: u32) -> Result<Network> {
    let mut model = untrained(data, plain(hidden))?;
    let config = TrainConfig { epochs, optimizer: sgd(), ..TrainConfig::default() };
    let training = Training {
        data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    train(&mut model, &training, &mut NullObserver)?;
    Ok(model)
}

/// Snippets of text as the numbers of the buckets of their n-grams, in memory.
pub(crate) fn text() -> Result<Table> {
    let text = snippets()?;
    let labels = (0..text.len()).filter_map(|index| text.label(index)).collect();
    let (spec, buckets) = (text.spec(), inputs(&text)?);
    Ok(Table::new(spec.input_shape.clone(), buckets.into_iter().collect(), labels, spec.classes.clone())?)
}

fn snippets() -> Result<TextSnippets> {
    let snippets = Snippets::new(Arc::new(udhr()?), Part::Train, N_CHARS, 1)?;
    Ok(TextSnippets::new(snippets, NGrams::default(), N_SNIPPETS)?)
}

/// All inputs of a set, shape `(examples, features)`.
pub(crate) fn inputs(data: &dyn Dataset) -> Result<Array2<f32>> {
    let mut inputs = Array2::zeros((data.len(), data.spec().features()));
    data.read(&(0..data.len()).collect::<Vec<_>>(), inputs.view_mut())?;
    Ok(inputs)
}

/// Rows whose largest logit is not that of the label.
pub(crate) fn wrong(logits: ArrayView2<'_, f32>, labels: &[u32]) -> usize {
    let wrong = |(z, &label): (ArrayView1<'_, f32>, &u32)| z.iter().any(|&other| other > z[label as usize]);
    logits.rows().into_iter().zip(labels).filter(|&(z, label)| wrong((z, label))).count()
}

fn write_floats<'a>(path: &Path, values: impl Iterator<Item = &'a f32>) -> io::Result<()> {
    fs::write(path, values.flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn read_floats(path: &Path) -> Result<Vec<f32>> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_leaves_no_pixel_of_zero_and_no_two_the_same_for_long() {
        let noisy = with_noise(&[0; 10_000]);
        assert_eq!((noisy.iter().min(), noisy.iter().max()), (Some(&1), Some(&32)));
        let mean = noisy.iter().map(|&n| f64::from(n)).sum::<f64>() / 10_000.0;
        assert!((mean - 16.5).abs() < 0.5, "{mean}");
        assert_eq!(with_noise(&[255; 9]), [255; 9]);
    }

    #[test]
    fn numbers_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.f32");
        let values = [0.1_f32, -0.0, f32::MAX, 1e-40];
        write_floats(&path, values.iter()).unwrap();
        let read = read_floats(&path).unwrap();
        assert_eq!(read.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), values.map(f32::to_bits));
        let error = read_floats(&dir.path().join("y.f32")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read"), "{error}");
    }
}
