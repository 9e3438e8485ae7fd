use distill_datasets::Dataset;
use ndarray::{Array2, ArrayView1, s};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

use crate::TrainError;
use crate::soft_targets::EVAL_BATCH;

/// What a dataset holds, in a form that can be compared: a hash of every input, one of all of
/// it, and the mean and the spread of the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    rows: Vec<u128>,
    sha256: [u8; 32],
    /// Mean over all numbers of all inputs.
    pub mean: f64,
    /// Standard deviation of them.
    pub sd: f64,
    /// Example and place of the number that is farthest from 0, the first of several, and its value.
    pub farthest: Option<(usize, usize, f32)>,
}

/// The number of a row that is farthest from 0, if it is farther than another.
fn farther<'a>(
    than: Option<(usize, usize, f32)>,
    example: usize,
    row: impl Iterator<Item = &'a f32>,
) -> Option<(usize, usize, f32)> {
    row.enumerate().fold(than, |farthest, (place, &value)| match farthest {
        Some((.., far)) if value.abs() <= far.abs() => farthest,
        _ => Some((example, place, value)),
    })
}

/// What is found in a part of the examples.
#[derive(Default)]
struct Block {
    rows: Vec<u128>,
    sum: f64,
    squares: f64,
    farthest: Option<(usize, usize, f32)>,
}

impl Fingerprint {
    /// Reads the whole dataset once. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// If the data cannot be read: what is wrong with the first bad part of it, with any number of threads.
    pub fn of(data: &dyn Dataset) -> Result<Self, TrainError> {
        let features = data.spec().features();
        let indices: Vec<usize> = (0..data.len()).collect();
        let mut blocks: Vec<Block> = indices.chunks(EVAL_BATCH).map(|_| Block::default()).collect();
        let error = (blocks.par_iter_mut().zip(indices.par_chunks(EVAL_BATCH)))
            .map_init(
                || Array2::zeros((EVAL_BATCH.min(data.len()), features)),
                |inputs, (block, indices)| {
                    let mut inputs = inputs.slice_mut(s![..indices.len(), ..]);
                    data.read(indices, inputs.view_mut())?;
                    let (mut sum, mut squares, mut farthest) = (0.0, 0.0, None);
                    let mut bytes = Vec::with_capacity(4 * features);
                    let rows = inputs.rows().into_iter().zip(indices).map(|(row, &example)| {
                        farthest = farther(farthest, example, row.iter());
                        for &value in row {
                            sum += f64::from(value);
                            squares += f64::from(value).powi(2);
                        }
                        hash_of_row(row, &mut bytes)
                    });
                    let rows = rows.collect();
                    *block = Block { rows, sum, squares, farthest };
                    Ok(())
                },
            )
            .find_map_first(|outcome: Result<(), TrainError>| outcome.err());
        if let Some(error) = error {
            return Err(error);
        }
        let (mut sum, mut squares, mut farthest) = (0.0, 0.0, None);
        let mut rows = Vec::with_capacity(data.len());
        for block in blocks {
            rows.extend(block.rows);
            sum += block.sum;
            squares += block.squares;
            if let Some((example, place, value)) = block.farthest {
                let is_farther = farthest.is_none_or(|(.., far): (usize, usize, f32)| value.abs() > far.abs());
                farthest = if is_farther { Some((example, place, value)) } else { farthest };
            }
        }
        let n = (data.len() * features).max(1) as f64;
        let mean = sum / n;
        let sd = (squares / n - mean * mean).max(0.0).sqrt();

        let mut hasher = Sha256::new();
        for side in &data.spec().input_shape {
            hasher.update((*side as u64).to_le_bytes());
        }
        for class in &data.spec().classes {
            hasher.update((class.len() as u64).to_le_bytes());
            hasher.update(class);
        }
        for (index, row) in rows.iter().enumerate() {
            hasher.update(row.to_le_bytes());
            let label = data.label(index);
            match (&data.spec().numbers, label) {
                // Rows of numbers are known by what they are, not by where they lie.
                (Some(numbers), Some(label)) => numbers.row(label).iter().for_each(|y| hasher.update(y.to_le_bytes())),
                _ => hasher.update(label.map_or(u64::MAX, u64::from).to_le_bytes()),
            }
        }
        Ok(Self { rows, sha256: hasher.finalize().into(), mean, sd, farthest })
    }

    /// A hash of every input.
    pub(crate) fn rows(&self) -> &[u128] {
        &self.rows
    }

    /// SHA-256 of inputs, labels, their order, input shape and class names, in hexadecimal.
    pub fn sha256(&self) -> String {
        hex(&self.sha256)
    }

    /// Positions of the inputs that the other dataset has too, to the last bit.
    pub fn shared_with(&self, other: &Self) -> Vec<usize> {
        // The other set may be the one that is larger than memory, so no table is made of it.
        let here: HashSet<u128> = self.rows.iter().copied().collect();
        let shared: HashSet<u128> = other.rows.iter().copied().filter(|row| here.contains(row)).collect();
        (0..self.rows.len()).filter(|&index| shared.contains(&self.rows[index])).collect()
    }
}

/// What an input is known by: half of the SHA-256 of its numbers. `bytes` is a buffer.
pub(crate) fn hash_of_row(row: ArrayView1<'_, f32>, bytes: &mut Vec<u8>) -> u128 {
    bytes.clear();
    bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    let hash: [u8; 32] = Sha256::digest(&bytes).into();
    u128::from_le_bytes(hash[..16].try_into().expect("16 of 32 bytes"))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use distill_datasets::{DataError, Images};
    use ndarray::ArrayViewMut2;

    use super::*;

    fn images(pixels: &[u8], labels: &[u32]) -> Images {
        let classes = vec!["a".to_owned(), "b".to_owned()];
        Images::new(vec![1, 1, 2], pixels.to_vec(), labels.to_vec(), classes).unwrap()
    }

    #[test]
    fn finds_shared_inputs_and_tells_datasets_apart() {
        let of = |pixels: &[u8], labels: &[u32]| Fingerprint::of(&images(pixels, labels)).unwrap();
        let a = of(&[0, 255, 10, 20, 0, 0], &[0, 1, 0]);
        assert_eq!(a, of(&[0, 255, 10, 20, 0, 0], &[0, 1, 0]));
        assert_eq!(a.shared_with(&of(&[10, 20, 9, 9], &[0, 0])), [1]);
        assert_ne!(a.sha256(), of(&[0, 255, 10, 20, 0, 0], &[0, 0, 0]).sha256());
        assert_ne!(a.sha256(), of(&[10, 20, 0, 255, 0, 0], &[1, 0, 0]).sha256());
        let half = of(&[0, 255], &[0]);
        assert!((half.mean - 0.5).abs() < 1e-9 && (half.sd - 0.5).abs() < 1e-9);
    }

    #[test]
    fn finds_the_number_that_is_farthest_from_0() {
        let values: Vec<f32> =
            (0..4000).map(|i| if [2401, 2403].contains(&i) { -9.0 } else { (i % 8) as f32 }).collect();
        let classes = vec!["a".to_owned()];
        let data = distill_datasets::Table::new(vec![4], values, vec![0; 1000], classes).unwrap();
        assert_eq!(Fingerprint::of(&data).unwrap().farthest, Some((600, 1, -9.0)));
        assert_eq!(Fingerprint::of(&images(&[0, 255, 255, 0], &[0, 1])).unwrap().farthest, Some((0, 1, 1.0)));
    }

    /// Three blocks take long to read, and all others are damaged.
    struct Damaged(distill_datasets::DataSpec);

    impl Dataset for Damaged {
        fn spec(&self) -> &distill_datasets::DataSpec {
            &self.0
        }

        fn len(&self) -> usize {
            64 * EVAL_BATCH
        }

        fn read(&self, indices: &[usize], _: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
            if indices[0] < 3 * EVAL_BATCH {
                std::thread::sleep(std::time::Duration::from_millis(20));
                return Ok(());
            }
            Err(DataError::Content { path: format!("row {}", indices[0]).into(), problem: "is damaged".to_owned() })
        }

        fn label(&self, _: usize) -> Option<u32> {
            None
        }
    }

    #[test]
    fn the_first_damaged_part_is_reported_however_many_threads_there_are() {
        let data = Damaged(distill_datasets::DataSpec::new(vec![1], vec!["a".to_owned()]));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let error = pool.install(|| Fingerprint::of(&data).unwrap_err());
        assert!(error.to_string().contains(&format!("row {} is damaged", 3 * EVAL_BATCH)), "{error}");
    }

    #[test]
    fn does_not_depend_on_threads() {
        let pixels: Vec<u8> = (0..4000_u32).map(|i| (i * 7919 % 251) as u8).collect();
        let data = images(&pixels, &vec![1; 2000]);
        let with = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| Fingerprint::of(&data).unwrap())
        };
        assert_eq!(with(1), with(3));
    }
}
