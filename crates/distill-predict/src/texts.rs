use distill_recipe::Diagnostic;
use distill_recipe::text::TextColumn;

use crate::batch::{Batch, Id, Ids};
use crate::wrong::{bad_row, quoted};

/// Writes a text into the row that was begun.
pub(crate) fn push(column: &TextColumn, text: &str, row: &mut Vec<f32>, batch: &mut Batch) {
    row.clear();
    row.resize(column.width(), 0.0);
    column.write(text, row);
    row.iter().for_each(|&value| batch.push(value));
}

/// Where the text is among the columns of a table, and where the names of the rows.
pub(crate) fn find(column: &TextColumn, header: &[String], place: &str) -> Result<(usize, Option<usize>), Diagnostic> {
    let name = quoted(column.name());
    let at = header.iter().position(|found| found == column.name()).ok_or_else(|| {
        bad_row(place, format!("there is no column {name}"))
            .note("the model was trained on texts, and the first line has the names of the columns")
            .help(format!("call the column with the text {name}; of the others, only `id` is read"))
    })?;
    let id = header.iter().enumerate().position(|(i, name)| i != at && name.eq_ignore_ascii_case("id"));
    Ok((at, id))
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
    push(column, text, row, batch);
    batch.finish(ids.next(id.map(Id::Text)), place);
}
