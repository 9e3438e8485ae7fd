use std::fs::File;
use std::io;
use std::path::Path;

use distill_datasets::{DataError, foreign_picture};
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;
use distill_recipe::words::shell;

use crate::array_rows::ArrayRows;
use crate::batch::{Batch, Ids};
use crate::csv_rows::CsvRows;
use crate::idx_rows::IdxRows;
use crate::json_rows::JsonRows;
use crate::lines::Lines;
use crate::pictures::ImageRow;
use crate::reading::Reading;
use crate::sounds::SoundRow;
use crate::table_rows::ParquetRows;
use crate::wrong::{bad_row, takes};

/// The name of standard input among the files.
pub const STDIN: &str = "-";

/// The kinds of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers with commas, or the columns of the table that the model was trained on.
    Csv,
    /// JSON Lines: an array of numbers in each, or an object with `features` and perhaps `id`.
    Jsonl,
    /// Images as MNIST has them, `.gz` or not.
    Idx,
    /// An array of NumPy, with the rows along its first side.
    Npy,
    /// One PNG or JPEG.
    Image,
    /// A table; columns are known by their names.
    Parquet,
    /// One WAV file.
    Wav,
}

/// Rows for a model, one after the other, from a file or from standard input.
pub struct Source(Rows);

/// The rows of each kind of input.
enum Rows {
    Csv(CsvRows),
    Json(JsonRows),
    Idx(IdxRows),
    Array(ArrayRows),
    Image(ImageRow),
    Parquet(ParquetRows),
    Sound(SoundRow),
}

impl Source {
    /// Opens an input. What it is, its first bytes decide where `kind` does not.
    ///
    /// # Errors
    /// If the file cannot be read, does not fit the model, or is a picture of a format that is not read.
    pub fn open(
        path: &Path,
        kind: Option<Kind>,
        spec: &ModelSpec,
        reading: &Reading,
        several: bool,
    ) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let ids = Ids::new(several.then(|| name.clone()));
        if path == Path::new(STDIN) {
            let lines = Lines::new(Box::new(io::stdin().lock()), "stdin".to_owned(), true);
            return Self::new(lines, kind, spec, reading, ids, None);
        }
        let unreadable = |source| Diagnostic::from(DataError::Io { path: path.to_owned(), source });
        let file = File::open(path).map_err(unreadable)?;
        // The first byte of a folder is asked for here, so that the answer is about reading it.
        let metadata = file.metadata().map_err(unreadable)?;
        let lines = Lines::new(Box::new(file), name, !metadata.is_file()).of_size(metadata.len());
        Self::new(lines, kind, spec, reading, ids, Some(path))
    }

    /// `path` is where the same bytes can be read once more.
    pub(crate) fn new(
        mut lines: Lines,
        kind: Option<Kind>,
        spec: &ModelSpec,
        reading: &Reading,
        ids: Ids,
        path: Option<&Path>,
    ) -> Result<Self, Diagnostic> {
        let start = lines.start()?;
        let (first, foreign) = (start.first().copied(), foreign_picture(start));
        let is_wav = start.starts_with(b"RIFF") && start.get(8..).is_some_and(|rest| rest.starts_with(b"WAVE"));
        if let (None, Some(format)) = (kind, foreign) {
            let name = path.unwrap_or(Path::new("picture"));
            let words = ["magick".into(), name.to_string_lossy(), name.with_extension("png").to_string_lossy()]
                .map(String::from);
            return Err(bad_row(name.display(), format!("the picture is in {format}, and PNG and JPEG are read"))
                .help(format!("convert it, such as with ImageMagick: `{}`", shell(words.iter().map(String::as_str)))));
        }
        let kind = match kind {
            Some(kind) => kind,
            None if is_wav => Kind::Wav,
            None => match first {
                // Text starts with none of these.
                Some(0x00 | 0x1f) => Kind::Idx,
                Some(0x93) => Kind::Npy,
                Some(0x89 | 0xff) => Kind::Image,
                _ => match lines.peek()?.map(<[u8]>::trim_ascii_start) {
                    Some([b'[' | b'{', ..]) => Kind::Jsonl,
                    Some([b'P', b'A', b'R', b'1', ..]) => Kind::Parquet,
                    _ => Kind::Csv,
                },
            },
        };
        let takes = takes(spec);
        match (kind, path) {
            (Kind::Csv, _) => Ok(Self(Rows::Csv(CsvRows::new(lines, ids, takes, reading)))),
            (Kind::Jsonl, _) => Ok(Self(Rows::Json(JsonRows::new(lines, ids, takes, reading.text.clone())))),
            (Kind::Idx, Some(path)) => Ok(Self(Rows::Idx(IdxRows::open(path, spec, ids)?))),
            (Kind::Npy, Some(path)) => Ok(Self(Rows::Array(ArrayRows::open(path, spec, reading.layout, ids)?))),
            (Kind::Image, Some(path)) if reading.columns.is_some() => {
                Err(bad_row(path.display(), "this is a picture, and the model was trained on a table")
                    .help("name a table with the same columns; `distill inspect` lists them"))
            }
            (Kind::Image, Some(path)) => Ok(Self(Rows::Image(ImageRow::open(path, spec, &reading.images)?))),
            (Kind::Parquet, Some(path)) => Ok(Self(Rows::Parquet(ParquetRows::open(path, spec, ids, reading)?))),
            (Kind::Wav, Some(path)) => Ok(Self(Rows::Sound(SoundRow::open(path, spec, reading.sound.as_ref())?))),
            (Kind::Idx | Kind::Npy | Kind::Image | Kind::Parquet | Kind::Wav, None) => {
                Err(bad_row("stdin", "images, arrays, Parquet and sound cannot be read from standard input")
                    .note("the length of such a file is compared with its header before it is read")
                    .help("name the file: `distill predict MODEL images.gz`"))
            }
        }
    }

    /// Reads a row into the batch; false at the end of the input.
    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        batch.begin();
        match &mut self.0 {
            Rows::Csv(rows) => rows.next(batch),
            Rows::Json(rows) => rows.next(batch),
            Rows::Idx(rows) => rows.next(batch),
            Rows::Array(rows) => rows.next(batch),
            Rows::Image(row) => Ok(row.next(batch)),
            Rows::Parquet(rows) => rows.next(batch),
            Rows::Sound(row) => Ok(row.next(batch)),
        }
    }

    /// How much of how much is read, in rows or in bytes, where that is known.
    pub(crate) fn part(&self) -> Option<(u64, u64)> {
        match &self.0 {
            Rows::Csv(rows) => rows.part(),
            Rows::Json(rows) => rows.part(),
            Rows::Idx(rows) => Some(rows.part()),
            Rows::Array(rows) => Some(rows.part()),
            Rows::Image(_) | Rows::Sound(_) => Some((1, 1)),
            Rows::Parquet(_) => None,
        }
    }

    /// Whether its rows are pictures, with numbers from 0, which is black, to 1.
    pub fn is_pictures(&self) -> bool {
        match &self.0 {
            Rows::Idx(_) | Rows::Image(_) => true,
            Rows::Array(rows) => rows.is_images(),
            Rows::Csv(_) | Rows::Json(_) | Rows::Parquet(_) | Rows::Sound(_) => false,
        }
    }

    /// What was made of a picture beyond what was made of those to train on, in words; it is given away.
    pub(crate) fn changed(&mut self) -> Option<String> {
        match &mut self.0 {
            Rows::Image(row) => row.changed.take(),
            _ => None,
        }
    }

    /// Whether the next row is there already, so that nobody waits for it.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.0 {
            Rows::Csv(rows) => rows.is_ready(),
            Rows::Json(rows) => rows.is_ready(),
            Rows::Idx(_) | Rows::Array(_) | Rows::Image(_) | Rows::Parquet(_) | Rows::Sound(_) => true,
        }
    }
}
