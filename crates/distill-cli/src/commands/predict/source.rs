use std::fs::File;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use distill_datasets::DataError;
use distill_models::ModelSpec;

use crate::diagnostic::Diagnostic;

use super::batch::{Batch, Ids};
use super::csv_rows::CsvRows;
use super::idx_rows::IdxRows;
use super::json_rows::JsonRows;
use super::lines::Lines;
use super::{bad_row, takes};

/// The name of standard input among the files.
pub(super) const STDIN: &str = "-";

/// The kinds of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Csv,
    Jsonl,
    Idx,
}

/// Rows for a model, one after the other.
pub(super) enum Source {
    Csv(CsvRows),
    Json(JsonRows),
    Idx(IdxRows),
}

impl Source {
    /// Opens an input. What it is, its first bytes decide where `kind` does not.
    pub(super) fn open(path: &Path, kind: Option<Kind>, spec: &ModelSpec, several: bool) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let ids = Ids::new(several.then(|| name.clone()));
        if path == Path::new(STDIN) {
            let lines = Lines::new(Box::new(io::stdin().lock()), "stdin".to_owned(), true);
            return Self::new(lines, kind, spec, ids, None);
        }
        let unreadable = |source| Diagnostic::from(DataError::Io { path: path.to_owned(), source });
        let file = File::open(path).map_err(unreadable)?;
        // The first byte of a folder is asked for here, so that the answer is about reading it.
        let live = !file.metadata().map_err(unreadable)?.is_file();
        Self::new(Lines::new(Box::new(file), name, live), kind, spec, ids, Some(path))
    }

    /// `path` is where the same bytes can be read once more.
    pub(super) fn new(
        mut lines: Lines,
        kind: Option<Kind>,
        spec: &ModelSpec,
        ids: Ids,
        path: Option<&Path>,
    ) -> Result<Self, Diagnostic> {
        let kind = match kind {
            Some(kind) => kind,
            // Text starts with neither; gzip and IDX do.
            None if matches!(lines.first_byte()?, Some(0x00 | 0x1f)) => Kind::Idx,
            None => match lines.peek()?.map(<[u8]>::trim_ascii_start) {
                Some([b'[' | b'{', ..]) => Kind::Jsonl,
                _ => Kind::Csv,
            },
        };
        let takes = takes(spec);
        match (kind, path) {
            (Kind::Csv, _) => Ok(Self::Csv(CsvRows::new(lines, ids, takes))),
            (Kind::Jsonl, _) => Ok(Self::Json(JsonRows::new(lines, ids, takes))),
            (Kind::Idx, Some(path)) => Ok(Self::Idx(IdxRows::open(path, spec, ids)?)),
            (Kind::Idx, None) => Err(bad_row("stdin", "images cannot be read from standard input")
                .note("the length of an IDX file is compared with its header before it is read")
                .help("name the file: `distill predict MODEL images.gz`")),
        }
    }

    /// Reads a row into the batch; false at the end of the input.
    pub(super) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        batch.begin();
        match self {
            Self::Csv(rows) => rows.next(batch),
            Self::Json(rows) => rows.next(batch),
            Self::Idx(rows) => rows.next(batch),
        }
    }

    /// Whether the next row is there already, so that nobody waits for it.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Csv(rows) => rows.is_ready(),
            Self::Json(rows) => rows.is_ready(),
            Self::Idx(_) => true,
        }
    }
}
