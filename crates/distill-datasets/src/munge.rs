use std::f64::consts::TAU;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use distill_tensor::{Philox, Stream, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::dataset::check_batch;
use crate::random::unit;
use crate::{Column, DataError, DataSpec, Dataset, spread};

/// Rows among which a neighbour is looked for: of a larger set so many that are spread over it, so that the work grows with the
/// rows and not with their square.
const MAX_CANDIDATES: usize = 50_000;

/// Distances that are computed at a time: of so many rows to so many others.
const ROWS: usize = 512;
const CANDIDATES: usize = 4096;

/// Rows that are read at a time.
const AT_ONCE: usize = 32;

/// How rows are made from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MungeOptions {
    /// Rows that are made of each row.
    pub passes: usize,
    /// The probability that a column changes, greater than 0 and at most 1.
    pub p: f64,
    /// By how much numbers vary: the distance of the two numbers is `s` standard deviations. Greater than 0.
    pub s: f64,
    /// Of the random numbers.
    pub seed: u64,
}

/// Rows of a table that are like those of a set, of which nobody knows what they are: teachers say what they see in them.
///
/// Row `c n + i` of a set of `n` rows is row `i`, of whose columns each changes with probability `p`, drawn anew for each pass
/// `c`: a word becomes that of the nearest other row, a number is drawn from a normal distribution around the number of that
/// row, whose standard deviation is the distance of both numbers over `s`. A number that is missing in one of them is as a word.
/// Nearest is who has the least sum of squared differences: of numbers in standard deviations, and 1 for words that differ. Of
/// more than 50,000 rows, 50,000 that are spread over the set may be the nearest. No row is stored.
///
/// Bucila, Caruana, Niculescu-Mizil, *Model compression*, KDD 2006, algorithm 1. There a row and its neighbour change at once, and
/// rows meet neighbours that have changed; here every row is made from two rows of the set, so that any of them can be made alone.
pub struct Munged {
    base: Arc<dyn Dataset>,
    columns: Vec<Part>,
    options: MungeOptions,
    /// The nearest other row of each row, when a row is first made.
    nearest: OnceLock<Vec<u32>>,
    /// Inputs of neighbours, used again for every batch.
    neighbours: Mutex<Array2<f32>>,
}

/// A column among the numbers of an input.
#[derive(Debug, Clone)]
struct Part {
    range: Range<usize>,
    column: Column,
}

impl Munged {
    /// Rows made from those of a table.
    ///
    /// # Errors
    /// [`DataError::NoColumns`] for a set that is no table of columns.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use distill_datasets::{Dataset, MungeOptions, Munged, Split, TableFolder};
    /// # let dir = std::env::temp_dir().join(format!("munge-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// # let file = dir.join("pets.csv");
    /// # std::fs::write(&file, "weight,fur,label\n4,short,cat\n5,short,cat\n20,long,dog\n22,long,dog\n").unwrap();
    /// // weight,fur,label
    /// // 4,short,cat
    /// // 5,short,cat
    /// // 20,long,dog
    /// // 22,long,dog
    /// let table = TableFolder::find(&file, &Default::default(), &Default::default())?.unwrap();
    /// let rows: Arc<dyn Dataset> = Arc::new(table.load(Split::Train, None, u64::MAX)?);
    /// let n = rows.len();
    /// let munged = Munged::new(rows, MungeOptions { passes: 5, p: 0.5, s: 1.0, seed: 0 })?;
    /// assert_eq!((munged.len(), munged.label(0)), (5 * n, None));
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), distill_datasets::DataError>(())
    /// ```
    pub fn new(base: Arc<dyn Dataset>, options: MungeOptions) -> Result<Self, DataError> {
        let mut start = 0;
        let part = |column: &Column| {
            let range = start..start + column.width();
            start = range.end;
            Part { range, column: column.clone() }
        };
        let columns = base.columns().ok_or(DataError::NoColumns)?.inputs.iter().map(part).collect();
        let (nearest, neighbours) = (OnceLock::new(), Mutex::new(Array2::zeros((0, 0))));
        Ok(Self { base, columns, options, nearest, neighbours })
    }

    /// The nearest other row of each row; itself where there is no other.
    fn nearest(&self) -> Result<&[u32], DataError> {
        if let Some(found) = self.nearest.get() {
            return Ok(found);
        }
        // No lock is held meanwhile: a thread that waits for others may read too.
        let all: Vec<usize> = (0..self.base.len()).collect();
        let mut rows = Array2::zeros((all.len(), self.spec().features()));
        self.base.read(&all, rows.view_mut())?;
        self.scale(&mut rows);
        let found = nearest_rows(&rows, &spread(MAX_CANDIDATES, all.len()));
        Ok(self.nearest.get_or_init(|| found))
    }

    /// Makes the squared distance of two rows that which neighbours are told by.
    fn scale(&self, rows: &mut Array2<f32>) {
        let of_words = std::f32::consts::FRAC_1_SQRT_2;
        for part in &self.columns {
            if part.is_word() {
                // Two words that differ are two numbers that do.
                rows.slice_mut(s![.., part.range.clone()]).mapv_inplace(|x| x * of_words);
            } else {
                part.make_whole(rows);
                standardize(rows.column_mut(part.range.start));
            }
        }
    }

    /// Changes a row towards its neighbour.
    fn change(&self, index: usize, mut row: ArrayViewMut1<'_, f32>, other: ArrayView1<'_, f32>) {
        let n = self.base.len();
        let (pass, example) = (index / n, index % n);
        #[expect(clippy::cast_possible_truncation, reason = "rows and passes are counted in four bytes")]
        let mut rng = Philox::new(self.options.seed, Stream::Munge, pass as u32, example as u32);
        for part in &self.columns {
            // As many numbers for every column, so that none depends on what another became.
            let [chance, radius, angle, _] = rng.next_block().map(unit);
            if chance >= self.options.p {
                continue;
            }
            let range = part.range.clone();
            if part.is_word() || part.is_missing(row.view()) || part.is_missing(other) {
                row.slice_mut(s![range.clone()]).assign(&other.slice(s![range]));
            } else {
                let [own, other] = [row.view(), other].map(|row| f64::from(part.number(row)));
                let normal = (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos();
                #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
                let drawn = (other + normal * (own - other).abs() / self.options.s) as f32;
                part.column.write_number(drawn.clamp(f32::MIN, f32::MAX), row.slice_mut(s![part.numbers()]));
            }
        }
    }
}

impl Part {
    fn is_word(&self) -> bool {
        self.column.values.is_some()
    }

    /// Whether its number is missing in a row; the last feature says so, where any row lacks it.
    fn is_missing(&self, row: ArrayView1<'_, f32>) -> bool {
        self.column.missing.is_some() && row[self.range.end - 1] != 0.0
    }

    /// Where the features of the number are.
    fn numbers(&self) -> Range<usize> {
        self.range.start..self.range.start + self.column.number_width()
    }

    fn number(&self, row: ArrayView1<'_, f32>) -> f32 {
        self.column.read_number(row.slice(s![self.numbers()]))
    }

    /// Puts the number where its first feature was, and 0 where the others were.
    fn make_whole(&self, rows: &mut Array2<f32>) {
        if !self.column.is_in_pieces() {
            return;
        }
        for mut row in rows.outer_iter_mut() {
            let number = self.number(row.view());
            row.slice_mut(s![self.numbers()]).fill(0.0);
            row[self.range.start] = number;
        }
    }
}

/// Gives a column mean 0 and standard deviation 1, or 0 alone where it is constant.
fn standardize(mut column: ArrayViewMut1<'_, f32>) {
    let n = column.len().max(1) as f64;
    let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let deviation = (column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if deviation > 0.0 { deviation.recip() } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
    column.mapv_inplace(|x| ((f64::from(x) - mean) * scale) as f32);
}

/// For each row, who of `candidates`, which ascend, is nearest to it and is another row; of several the first.
fn nearest_rows(rows: &Array2<f32>, candidates: &[usize]) -> Vec<u32> {
    let of_candidates = rows.select(Axis(0), candidates);
    // |a - b|² is least where |b|² / 2 - a b is.
    let halves: Array1<f32> = of_candidates.outer_iter().map(|row| row.dot(&row) / 2.0).collect();
    let mut found: Vec<(f32, usize)> = (0..rows.nrows()).map(|own| (f32::INFINITY, own)).collect();
    let mut products = Array2::zeros((ROWS.min(rows.nrows()), CANDIDATES.min(candidates.len())));
    for (first, (rows, found)) in
        rows.axis_chunks_iter(Axis(0), ROWS).zip(found.chunks_mut(ROWS)).enumerate().map(|(i, part)| (i * ROWS, part))
    {
        for (start, others) in of_candidates.axis_chunks_iter(Axis(0), CANDIDATES).enumerate() {
            let start = start * CANDIDATES;
            let mut products = products.slice_mut(s![..rows.nrows(), ..others.nrows()]);
            matmul(rows, others.t(), products.view_mut());
            let products = products.outer_iter().collect::<Vec<_>>();
            products.into_par_iter().zip(&mut *found).enumerate().for_each(|(at, (products, found))| {
                for (i, (product, half)) in
                    products.iter().zip(&halves.as_slice().unwrap_or_default()[start..]).enumerate()
                {
                    let (distance, other) = (half - product, candidates[start + i]);
                    if distance < found.0 && other != first + at {
                        *found = (distance, other);
                    }
                }
            });
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in four bytes")]
    found.into_iter().map(|(_, other)| other as u32).collect()
}

impl fmt::Debug for Munged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Munged").field("options", &self.options).field("of", &self.base.len()).finish()
    }
}

impl Dataset for Munged {
    fn spec(&self) -> &DataSpec {
        self.base.spec()
    }

    fn len(&self) -> usize {
        self.base.len().saturating_mul(self.options.passes)
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let (nearest, n) = (self.nearest()?, self.base.len());
        // One that reads beside another has rows of its own.
        let (mut kept, mut own) = (self.neighbours.try_lock().ok(), Array2::default((0, 0)));
        let neighbours = kept.as_deref_mut().unwrap_or(&mut own);
        if neighbours.dim() != (AT_ONCE, out.ncols()) {
            *neighbours = Array2::zeros((AT_ONCE, out.ncols()));
        }
        let (mut first, mut second) = ([0; AT_ONCE], [0; AT_ONCE]);
        for (indices, mut out) in indices.chunks(AT_ONCE).zip(out.axis_chunks_iter_mut(Axis(0), AT_ONCE)) {
            for (at, &index) in indices.iter().enumerate() {
                first[at] = index % n;
                second[at] = nearest[index % n] as usize;
            }
            let mut neighbours = neighbours.slice_mut(s![..indices.len(), ..]);
            self.base.read(&first[..indices.len()], out.view_mut())?;
            self.base.read(&second[..indices.len()], neighbours.view_mut())?;
            for ((&index, row), other) in indices.iter().zip(out.outer_iter_mut()).zip(neighbours.outer_iter()) {
                self.change(index, row, other);
            }
        }
        Ok(())
    }

    fn label(&self, _: usize) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests;
