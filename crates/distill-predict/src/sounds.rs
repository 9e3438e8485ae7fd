use std::path::Path;

use distill_audio::{SoundFormat, SoundReader};
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;

use crate::batch::{Batch, Id};
use crate::wrong::{bad_row, takes};

/// One recording, in a file of its own, by whose name it is called.
pub(crate) struct SoundRow {
    name: String,
    values: Option<Vec<f32>>,
}

impl SoundRow {
    /// Reads a recording as those that a model was trained on.
    pub(crate) fn open(path: &Path, spec: &ModelSpec, trained: Option<&SoundFormat>) -> Result<Self, Diagnostic> {
        let Some(format) = trained else {
            let what = format!("this is a recording, and the model takes {}", takes(spec));
            return Err(bad_row(path.display(), what)
                .note("only a model trained on a folder of recordings can read recordings")
                .help("write the numbers that the model takes into a table, one example a line"));
        };
        let damaged =
            |problem: String| bad_row(path.display(), problem).help("train the model again: its file is damaged");
        let mut reader = SoundReader::new(format.clone()).map_err(damaged)?;
        let values: Vec<f32> = reader.read(path)?.into_iter().collect();
        if values.len() != spec.features() {
            return Err(damaged(format!(
                "the recording becomes {} values, the model takes {}",
                values.len(),
                takes(spec)
            )));
        }
        Ok(Self { name: path.display().to_string(), values: Some(values) })
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> bool {
        let Some(values) = self.values.take() else { return false };
        values.into_iter().for_each(|value| batch.push(value));
        batch.finish(Id::Text(self.name.clone()), self.name.clone());
        true
    }
}
