use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::dataset::{check_batch, check_indices};
use crate::form::Form;
use crate::{DataError, DataSpec, Dataset, ImageOptions, Images, read_image};

/// Images in files of their own that stay on the disk and are decoded whenever they are read, on all threads.
///
/// Inputs are as those of [`Images`], bit for bit, and an epoch has the same order.
pub struct ImageFiles {
    spec: DataSpec,
    sides: [usize; 3],
    options: ImageOptions,
    files: Vec<(PathBuf, u32)>,
    /// Bytes that a copy of some examples may take.
    room: u64,
    copy: Mutex<Option<(Vec<usize>, Arc<Images>)>>,
}

impl ImageFiles {
    /// Files with their labels; all images are as the first one. Every one of them is looked at when it is read.
    ///
    /// # Errors
    /// [`DataError::NoExamples`], and those of [`read_image`] for the first.
    pub(crate) fn new(
        files: Vec<(PathBuf, u32)>,
        classes: Vec<String>,
        options: ImageOptions,
    ) -> Result<Self, DataError> {
        let Some((first, _)) = files.first() else { return Err(DataError::NoExamples { path: None }) };
        let (sides, _) = read_image(first, &options)?;
        let spec = DataSpec::new(sides.to_vec(), classes);
        Ok(Self { spec, sides, options, files, room: 0, copy: Mutex::default() })
    }

    /// The same files, which hold and copy no more than `bound` bytes, or the bytes that are needed.
    pub(crate) fn within(self, bound: u64) -> Result<Self, u64> {
        let held = |(path, _): &(PathBuf, u32)| (path.as_os_str().len() + size_of::<(PathBuf, u32)>()) as u64;
        let needed = self.files.iter().map(held).sum();
        match bound.checked_sub(needed) {
            Some(room) => Ok(Self { room, ..self }),
            None => Err(needed),
        }
    }

    /// Bytes that so many images take in memory.
    pub(crate) fn in_memory_bytes(&self, n: usize) -> u64 {
        (n as u64).saturating_mul((self.spec.features() + size_of::<u32>()) as u64)
    }

    /// The images of some files, in memory.
    pub(crate) fn load(&self, indices: impl IndexedParallelIterator<Item = usize>) -> Result<Images, DataError> {
        let features = self.spec.features();
        let mut pixels = vec![0; features * indices.len()];
        let mut labels = vec![0; indices.len()];
        let places = pixels.par_chunks_mut(features).zip(&mut labels).zip(indices);
        first_error(places, |((out, label), index)| {
            out.copy_from_slice(&self.pixels(index)?);
            *label = self.files[index].1;
            Ok(())
        })?;
        Images::new(self.spec.input_shape.clone(), pixels, labels, self.spec.classes.clone())
    }

    fn pixels(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let path = &self.files[index].0;
        let (found, pixels) = read_image(path, &self.options)?;
        if found == self.sides {
            return Ok(pixels);
        }
        let ([_, height, width], first) = (self.sides, self.files[0].0.display());
        let [_, found_height, found_width] = found;
        let problem = format!(
            "is {found_height}x{found_width}, {first} is {height}x{width}: bring them to one size with `data.images.size`"
        );
        Err(DataError::Content { path: path.clone(), problem })
    }
}

/// Does `work` for all items on all threads, and returns the error of the first in their order that has one.
///
/// Rayon's `try_for_each` returns the error that a thread meets first, which is another one from time to time.
fn first_error<I: IndexedParallelIterator>(
    items: I,
    work: impl Fn(I::Item) -> Result<(), DataError> + Sync + Send,
) -> Result<(), DataError> {
    items.find_map_first(|item| work(item).err()).map_or(Ok(()), Err)
}

impl fmt::Debug for ImageFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFiles").field("len", &self.files.len()).field("sides", &self.sides).finish()
    }
}

impl Dataset for ImageFiles {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        first_error(out.axis_iter_mut(Axis(0)).into_par_iter().zip(indices), |(row, &index)| {
            Form::Pixels.write(row, &self.pixels(index)?);
            Ok(())
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.files.get(index).map(|&(_, label)| label)
    }

    fn in_memory(&self, indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        check_indices(self, indices)?;
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((copied, images)) = &*copy {
            return Ok((copied == indices).then(|| images.clone() as _));
        }
        let needed = self.in_memory_bytes(indices.len()) + size_of_val(indices) as u64;
        if indices.is_empty() || needed > self.room {
            return Ok(None);
        }
        let images = Arc::new(self.load(indices.par_iter().copied())?);
        *copy = Some((indices.to_vec(), images.clone()));
        Ok(Some(images))
    }
}
