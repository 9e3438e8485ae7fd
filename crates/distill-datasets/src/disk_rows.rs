use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};

use crate::dataset::{check_batch, check_indices};
use crate::idx::IdxStream;
use crate::images::check_labels;
use crate::read_ahead::{N_WINDOWS, ReadAhead};
use crate::rows::Rows;
use crate::{DataError, DataSpec, Dataset, Windows, classes};

/// Chunks of a window, at least: what is shuffled together comes from so many places of the file.
const MIN_CHUNKS: usize = 64;

/// Bytes of a chunk, at most: more would make reading no faster.
const MAX_CHUNK: usize = 1 << 20;

/// The part of the memory that is kept for a copy of the validation examples: one of so many.
const COPY_SHARE: u64 = 8;

/// Bytes read at a time where nobody has announced what will be read; they lie on the stack.
const N_AT_ONCE: usize = 16 << 10;

/// Inputs in a plain IDX file or in one of `numpy.save`, which stays on the disk, for sets that are larger than memory.
///
/// Inputs are as those of [`Images`](crate::Images) and [`Table`](crate::Table), bit for bit. Any examples can be read at
/// any time; those that [`Dataset::read_ahead`] has announced are read by a thread of its own before they are asked for.
///
/// All that it holds at any time is within the bound that it was opened with, but for a few hundred bytes and the stack of
/// the thread: four bytes for each label, four for each example that was announced, an eighth of the rest for the examples
/// that [`Dataset::in_memory`] copies, and two windows of inputs with their places and one chunk.
#[derive(Debug)]
pub struct DiskRows {
    spec: DataSpec,
    labels: Vec<u32>,
    rows: Arc<Rows>,
    room: Room,
    ahead: Mutex<Option<ReadAhead>>,
    copy: Mutex<Option<Arc<CopiedRows>>>,
}

impl DiskRows {
    /// Images of a file that is not compressed, shape `[n, height, width]`, with their labels.
    ///
    /// # Errors
    /// [`DataError::Compressed`], [`DataError::MemoryBound`] if `bound` bytes are too few, [`DataError::WrongRank`], and those
    /// of [`Images::new`](crate::Images::new).
    pub fn idx(images: IdxStream, labels: Vec<u32>, classes: Vec<String>, bound: u64) -> Result<Self, DataError> {
        let [n, height, width] = images.sides()?;
        let input_shape = vec![1, height, width];
        Self::new(images.into_rows(bound)?, n, DataSpec::new(input_shape, classes), labels, bound)
    }

    /// `n` inputs with a label for each.
    pub(crate) fn new(rows: Rows, n: usize, spec: DataSpec, labels: Vec<u32>, bound: u64) -> Result<Self, DataError> {
        let path = || Some(rows.path().to_owned());
        let DataSpec { input_shape, classes, .. } = &spec;
        if n == 0 {
            return Err(DataError::NoExamples { path: path() });
        }
        if spec.features() == 0 {
            return Err(DataError::BadInputShape { path: path(), input_shape: spec.input_shape });
        }
        if n != labels.len() {
            let pixels = n * spec.features();
            return Err(DataError::PixelCount { pixels, input_shape: input_shape.clone(), labels: labels.len() });
        }
        classes::check(classes).map_err(|fault| DataError::BadClassList { path: None, fault })?;
        check_labels(&labels, classes.len())?;
        let needed = |needed| DataError::MemoryBound { path: path(), needed, bound };
        let room = Room::within(bound, n, rows.n_bytes()).map_err(needed)?;
        Ok(Self { spec, labels, rows: Arc::new(rows), room, ahead: Mutex::default(), copy: Mutex::default() })
    }

    fn read_row(&self, index: usize, mut row: ArrayViewMut1<'_, f32>) -> Result<(), DataError> {
        let mut buffer = [0; N_AT_ONCE];
        let form = self.rows.form();
        let n = N_AT_ONCE / form.size();
        for (part, out) in row.axis_chunks_iter_mut(Axis(0), n).enumerate() {
            let bytes = &mut buffer[..out.len() * form.size()];
            self.rows.read(index, part * n * form.size(), bytes)?;
            form.write(out, bytes);
        }
        Ok(())
    }

    /// What was read ahead, as far as it is what is asked for now; the number of rows.
    fn read_announced(&self, indices: &[usize], out: ArrayViewMut2<'_, f32>) -> Result<usize, DataError> {
        let mut ahead = lock(&self.ahead);
        let Some(reader) = &mut *ahead else { return Ok(0) };
        let served = reader.serve(indices, out);
        if served.is_err() || reader.is_finished() {
            *ahead = None;
        }
        served
    }

    fn in_file(&self, error: DataError) -> DataError {
        error.in_file(self.rows.path())
    }
}

impl Dataset for DiskRows {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let n = self.read_announced(indices, out.view_mut())?;
        for (&index, row) in indices.iter().zip(out.outer_iter_mut()).skip(n) {
            self.read_row(index, row)?;
        }
        if n < indices.len() {
            self.rows.check_unchanged()?;
        }
        self.rows.form().check(indices, &out).map_err(|error| self.in_file(error))
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied()
    }

    fn windows(&self) -> Option<Windows> {
        Some(self.room.windows)
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        let mut ahead = lock(&self.ahead);
        // Its memory is given back before more is taken.
        *ahead = None;
        let mut rows = Vec::with_capacity(self.len());
        rows.extend(order.take(self.len()).map_while(|index| u32::try_from(index).ok()));
        if rows.iter().all(|&row| (row as usize) < self.len()) {
            *ahead = ReadAhead::start(self.rows.clone(), rows, n_done, self.room.windows);
        }
    }

    fn in_memory(&self, indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        check_indices(self, indices)?;
        let mut copy = lock(&self.copy);
        if let Some(copied) = &*copy {
            return Ok((copied.indices == indices).then(|| copied.clone() as _));
        }
        if indices.is_empty() || indices.len() > self.room.n_copied {
            return Ok(None);
        }
        let n_bytes = self.rows.n_bytes();
        let mut bytes = vec![0; indices.len() * n_bytes];
        for (&index, row) in indices.iter().zip(bytes.chunks_exact_mut(n_bytes)) {
            self.rows.read(index, 0, row)?;
        }
        self.rows.check_unchanged()?;
        let labels = indices.iter().map(|&index| self.labels[index]).collect();
        let (spec, rows) = (self.spec.clone(), self.rows.clone());
        let copied = Arc::new(CopiedRows { spec, rows, indices: indices.to_vec(), labels, bytes });
        *copy = Some(copied.clone());
        Ok(Some(copied))
    }
}

/// Examples that were asked for in memory, as their bytes.
#[derive(Debug)]
struct CopiedRows {
    spec: DataSpec,
    /// Where they come from.
    rows: Arc<Rows>,
    indices: Vec<usize>,
    labels: Vec<u32>,
    bytes: Vec<u8>,
}

impl Dataset for CopiedRows {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let (form, n_bytes) = (self.rows.form(), self.rows.n_bytes());
        form.write_rows(out.view_mut(), |row| &self.bytes[indices[row] * n_bytes..][..n_bytes]);
        let place = |error| match error {
            DataError::NonFinite { path, example, feature, value } => {
                DataError::NonFinite { path, example: self.indices[example], feature, value }
            }
            other => other,
        };
        form.check(indices, &out).map_err(|error| place(error).in_file(self.rows.path()))
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied()
    }
}

/// A panic of another thread leaves nothing half done that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the bytes of a bound are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    windows: Windows,
    /// Examples that may be copied.
    n_copied: usize,
}

impl Room {
    /// The largest windows for `n` examples of `n_bytes` within the bound, or the smallest bound that is enough.
    fn within(bound: u64, n: usize, n_bytes: usize) -> Result<Self, u64> {
        let n_bytes = n_bytes as u64;
        // Labels and the order, four bytes each.
        let lists = 8 * n as u64;
        // A place in all windows, its part of a chunk, and four bytes to sort the places by.
        let place = N_WINDOWS as u64 * n_bytes + n_bytes.div_ceil(MIN_CHUNKS as u64) + 4;
        let needed = lists + (MIN_CHUNKS as u64 * place * COPY_SHARE).div_ceil(COPY_SHARE - 1) + COPY_SHARE;
        if bound < needed {
            return Err(needed);
        }
        let copy = (bound - lists) / COPY_SHARE;
        let window = usize::try_from((bound - lists - copy) / place).unwrap_or(usize::MAX);
        let max_chunk = usize::try_from(MAX_CHUNK as u64 / n_bytes).unwrap_or(usize::MAX);
        let chunk = (window / MIN_CHUNKS).min(max_chunk).max(1);
        // A copied example has its bytes, its label and its index.
        let n_copied = usize::try_from(copy / (n_bytes + 4 + size_of::<usize>() as u64)).unwrap_or(usize::MAX);
        Ok(Self { windows: Windows { chunk, window: window - window % chunk }, n_copied })
    }
}

#[cfg(test)]
mod tests;
