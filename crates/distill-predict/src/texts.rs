use distill_text::TextEncoder;

use distill_recipe::Diagnostic;

use crate::batch::{Batch, Id, Ids};
use crate::csv_rows::quoted;
use crate::wrong::bad_row;

/// How a model that was trained on texts sees one: the column or key that it is under, and what its numbers are.
#[derive(Debug, Clone)]
pub struct TextColumn {
    /// The name of the column; `text` where texts came from no table.
    pub name: String,
    /// What makes numbers of a text.
    pub encoder: TextEncoder,
    /// Whether spaces around a text are no part of it, as in a table.
    pub is_trimmed: bool,
}

impl TextColumn {
    /// Writes a text into the row that was begun.
    pub(crate) fn push(&self, text: &str, row: &mut Vec<f32>, batch: &mut Batch) {
        row.clear();
        row.resize(self.encoder.width(), 0.0);
        self.encoder.write(if self.is_trimmed { text.trim() } else { text }, row);
        row.iter().for_each(|&value| batch.push(value));
    }

    /// Where the text is among the columns of a table, and where the names of the rows.
    pub(crate) fn find(&self, header: &[String], place: &str) -> Result<(usize, Option<usize>), Diagnostic> {
        let at = header.iter().position(|name| *name == self.name).ok_or_else(|| {
            bad_row(place, format!("there is no column {}", quoted(&self.name)))
                .note("the model was trained on texts, and the first line has the names of the columns")
                .help(format!("call the column with the text {}; others are not read but for `id`", quoted(&self.name)))
        })?;
        let id = header.iter().enumerate().position(|(i, name)| i != at && name.eq_ignore_ascii_case("id"));
        Ok((at, id))
    }
}

/// The text and the name of a row, as a table has them.
pub(crate) fn finish(
    column: &TextColumn,
    (text, id): (&str, Option<String>),
    row: &mut Vec<f32>,
    ids: &mut Ids,
    place: String,
    batch: &mut Batch,
) {
    column.push(text, row, batch);
    batch.finish(ids.next(id.map(Id::Text)), place);
}
