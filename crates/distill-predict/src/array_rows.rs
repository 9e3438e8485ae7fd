use std::io::Read;
use std::path::Path;

use distill_datasets::npy::Array;
use distill_datasets::{ArrayLayout, DataError};
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;

use crate::batch::{Batch, Ids};
use crate::wrong::{VALUES, bad_row, takes};

/// The rows of an array of NumPy, read as they are in training: those of bytes that are images go from 0 to 1, and colours stand
/// where the model takes them.
pub(crate) struct ArrayRows {
    array: Array<Box<dyn Read + Send>>,
    name: String,
    ids: Ids,
    scale: f32,
    layout: ArrayLayout,
    n_rows: usize,
    n_read: usize,
    row: Vec<f32>,
}

impl ArrayRows {
    pub(crate) fn open(
        path: &Path,
        spec: &ModelSpec,
        layout: Option<ArrayLayout>,
        ids: Ids,
    ) -> Result<Self, Diagnostic> {
        let array = Array::open(path)?;
        let (n_rows, sides) = array.shape.split_first().map_or((0, &[][..]), |(&n, sides)| (n, sides));
        let features = sides.iter().fold(1_usize, |product, &side| product.saturating_mul(side));
        if sides.is_empty() || features != spec.features() {
            let what = format!("the array has the shape {:?}, the model takes {}", array.shape, takes(spec));
            return Err(bad_row(path.display(), what).help("write one example after the other along the first side"));
        }
        let is_image = array.is_images();
        let layout = ArrayLayout::of(sides, layout, Some(&spec.input_shape));
        let layout = layout.map_err(|problem| bad_row(path.display(), problem))?;
        Ok(Self {
            name: path.display().to_string(),
            ids,
            scale: if is_image { 255.0 } else { 1.0 },
            layout,
            n_rows,
            n_read: 0,
            row: Vec::with_capacity(features),
            array,
        })
    }

    pub(crate) fn part(&self) -> (u64, u64) {
        (self.n_read as u64, self.n_rows as u64)
    }

    /// Whether its rows are images, whose numbers go from 0 to 1.
    pub(crate) fn is_images(&self) -> bool {
        self.scale > 1.0
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if self.n_read == self.n_rows {
            return Ok(false);
        }
        self.row.clear();
        let place = format!("{}, row {}", self.name, self.n_read);
        self.array
            .read_f32(batch.n_features(), &mut self.row)
            .map_err(|source| DataError::Io { path: self.name.as_str().into(), source })?;
        if let Some(at) = self.row.iter().position(|value| !value.is_finite()) {
            return Err(bad_row(place, format!("number {at} is {}, not a finite number", self.row[at])).help(VALUES));
        }
        self.layout.reorder(&mut self.row, &self.array.shape[1..]);
        self.row.iter().for_each(|&value| batch.push(value / self.scale));
        batch.finish(self.ids.next(None), place);
        self.n_read += 1;
        Ok(true)
    }
}
