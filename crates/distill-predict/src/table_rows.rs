use std::path::Path;

use distill_datasets::{Cell, ColumnEncoder, TableRows};
use distill_models::ModelSpec;

use distill_recipe::Diagnostic;
use distill_recipe::text::TextColumn;
use distill_recipe::words::counted;

use crate::batch::{Batch, Id, Ids};
use crate::reading::Reading;
use crate::texts;
use crate::wrong::{VALUES, bad_row, takes};

/// The rows of a Parquet file: the columns that a model was trained on, or else all in their order as its inputs.
pub(crate) struct ParquetRows {
    rows: TableRows,
    name: String,
    ids: Ids,
    /// The column with names of the rows.
    id: Option<usize>,
    encoder: Option<ColumnEncoder>,
    /// The column with a text, and where it is.
    text: Option<(TextColumn, usize)>,
    row: Vec<f32>,
}

impl ParquetRows {
    pub(crate) fn open(path: &Path, spec: &ModelSpec, ids: Ids, reading: &Reading) -> Result<Self, Diagnostic> {
        let mut rows = TableRows::open(path)?;
        if let Some(column) = &reading.text {
            let name = path.display().to_string();
            let (at, id) = texts::find(column, rows.header(), &name)?;
            rows.select([at].into_iter().chain(id));
            return Ok(Self { rows, name, ids, id, encoder: None, text: Some((column.clone(), at)), row: vec![] });
        }
        let is_input = |name: &str| {
            reading.columns.as_ref().is_some_and(|columns| columns.inputs.iter().any(|column| column.name == name))
        };
        let id = rows.header().iter().position(|name| name.eq_ignore_ascii_case("id") && !is_input(name));
        let encoder = match &reading.columns {
            Some(columns) => Some(columns.encoder(rows.header()).map_err(|problem| {
                bad_row(path.display(), format!("the table {problem}"))
                    .note("the model was trained on a table, whose columns are found by their names")
                    .help("write the same columns, in any order; `distill inspect` lists them")
            })?),
            None => {
                let n = rows.header().len() - usize::from(id.is_some());
                if n != spec.features() {
                    let what =
                        format!("the table has {} of inputs, the model takes {}", counted(n, "column"), takes(spec));
                    return Err(bad_row(path.display(), what)
                        .help("write one column for each number, and if the rows have names, a column called `id`"));
                }
                None
            }
        };
        if let Some(encoder) = &encoder {
            rows.select(encoder.positions().iter().copied().chain(id));
        }
        Ok(Self { rows, name: path.display().to_string(), ids, id, encoder, text: None, row: vec![] })
    }

    pub(crate) fn next(&mut self, batch: &mut Batch) -> Result<bool, Diagnostic> {
        if !self.rows.next()? {
            return Ok(false);
        }
        let place = format!("{}, {}", self.name, self.rows.place());
        if let Some((column, at)) = &self.text {
            let text = self.rows.cell(*at).map(Cell::text).unwrap_or_default();
            let id = self.id.and_then(|at| self.rows.cell(at)).map(|cell| cell.text().into_owned());
            texts::finish(column, (&text, id), &mut self.row, &mut self.ids, place, batch);
            return Ok(true);
        }
        self.row.clear();
        let outcome = match &self.encoder {
            Some(encoder) => encoder.encode(|at| self.rows.cell(at), &mut self.row),
            None => self.numbers(),
        };
        outcome.map_err(|problem| bad_row(&place, problem).help(VALUES))?;
        self.row.iter().for_each(|&value| batch.push(value));
        let given = self.id.and_then(|at| self.rows.cell(at)).map(|cell| Id::Text(cell.text().into_owned()));
        batch.finish(self.ids.next(given), place);
        Ok(true)
    }

    /// All columns as they are.
    fn numbers(&mut self) -> Result<(), String> {
        for (at, name) in self.rows.header().iter().enumerate() {
            if Some(at) != self.id {
                let cell = self.rows.cell(at).unwrap_or(Cell::Text(""));
                let number = cell.number();
                self.row
                    .push(number.ok_or_else(|| format!("column `{name}` is `{}`, not a finite number", cell.text()))?);
            }
        }
        Ok(())
    }
}
