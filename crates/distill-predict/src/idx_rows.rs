use std::path::Path;

use distill_datasets::idx::IdxStream;
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;
use distill_recipe::without_ones;
use distill_recipe::words;

use crate::batch::{Batch, Ids};
use crate::wrong::{bad_row, takes};

/// Images of bytes, which become numbers from 0 to 1 as they do in training.
pub(crate) struct IdxRows {
    stream: IdxStream,
    name: String,
    ids: Ids,
    n_read: u64,
    pixels: Vec<u8>,
}

impl IdxRows {
    pub(crate) fn open(path: &Path, spec: &ModelSpec, ids: Ids) -> Result<Self, Diagnostic> {
        let stream = IdxStream::open(path)?;
        let sides = stream.shape().get(1..).unwrap_or_default();
        let n = sides.iter().fold(1_usize, |n, &side| n.saturating_mul(side));
        // Where one of both is a row, the other may have any sides.
        let is_row = [sides.len(), spec.input_shape.len()].contains(&1) && n == spec.features();
        if without_ones(sides) != without_ones(&spec.input_shape) && !is_row {
            let found = if sides.is_empty() { "single numbers".to_owned() } else { words::sides(sides) };
            return Err(bad_row(path.display(), format!("the examples are {found}, the model takes {}", takes(spec)))
                .help("name a file of images of the size that the model was trained on"));
        }
        let pixels = vec![0; spec.features()];
        Ok(Self { stream, name: path.display().to_string(), ids, n_read: 0, pixels })
    }

    pub(crate) fn part(&self) -> (u64, u64) {
        (self.n_read, self.stream.shape().first().map_or(0, |&n| n as u64))
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if self.stream.read(&mut self.pixels)? == 0 {
            return Ok(false);
        }
        for &pixel in &self.pixels {
            batch.push(f32::from(pixel) / 255.0);
        }
        batch.finish(self.ids.next(None), format!("{}, image {}", self.name, self.n_read));
        self.n_read += 1;
        Ok(true)
    }
}
