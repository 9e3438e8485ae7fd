use std::path::Path;

use distill_datasets::npy::Array;
use distill_datasets::npz::Npz;
use distill_datasets::{DataError, ImageOptions, Split, TableRows, is_table, read_image};
use serde_json::json;

use distill_recipe::Diagnostic;
use distill_recipe::data_folder::{Folder, FolderOptions};
use distill_recipe::words::{sides, thousands};

use super::facts::Facts;

/// A folder with data that is not a set of IDX files; `None` if it holds no known data. Reads all of it.
pub(super) fn folder_facts(dir: &Path) -> Result<Option<Facts>, Diagnostic> {
    let folder = match Folder::open(dir, FolderOptions::default()) {
        Err(DataError::MissingFile { .. }) => return Ok(None),
        folder => folder?,
    };
    let mut facts = Facts::new("dataset", format_args!("a dataset of {}", folder.form()));
    let train = folder.load(Split::Train, None, None)?;
    let test = folder.load(Split::Test, Some(&train.spec().classes), None)?;
    let validation =
        folder.has_validation()?.then(|| folder.load(Split::Validation, Some(&train.spec().classes), None));
    let validation = validation.transpose()?;
    let sets = [("train", Some(&train)), ("valid", validation.as_ref()), ("test", Some(&test))];
    for (name, set) in sets.into_iter().filter_map(|(name, set)| Some((name, set?))) {
        let shape = sides(&set.spec().input_shape);
        facts.line(name, format_args!("{} examples of {shape}", thousands(set.len() as u64)));
        facts.field(name, json!({ "examples": set.len(), "input_shape": set.spec().input_shape }));
    }
    facts.list("classes", train.spec().classes.iter().cloned());
    facts.field("classes", &train.spec().classes);
    Ok(Some(facts))
}

/// A file of data by its name; `None` if the name is not that of a data file.
pub(super) fn file_facts(path: &Path) -> Result<Option<Facts>, Diagnostic> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase()).unwrap_or_default();
    Ok(Some(match extension.to_str() {
        Some("npy") => array(path)?,
        Some("npz") => arrays(path)?,
        _ if is_table(path) => table(path)?,
        Some("png" | "jpg" | "jpeg") => image(path)?,
        _ => return Ok(None),
    }))
}

fn array(path: &Path) -> Result<Facts, DataError> {
    let Array { kind, shape, .. } = Array::open(path)?;
    let mut facts = Facts::new("npy", "an array of NumPy");
    let dtype = format!("{kind:?}").to_lowercase();
    facts.line("shape", format_args!("{} of {dtype}", sides(&shape)));
    facts.field("dtype", dtype);
    facts.field("shape", shape);
    Ok(facts)
}

fn arrays(path: &Path) -> Result<Facts, DataError> {
    let mut archive = Npz::open(path)?;
    let mut facts = Facts::new("npz", "arrays of NumPy");
    let (mut rows, mut fields) = (vec![], vec![]);
    for name in archive.names() {
        let Some(Array { kind, shape, .. }) = archive.array(&name)? else { continue };
        let dtype = format!("{kind:?}").to_lowercase();
        fields.push(json!({ "name": name, "shape": shape, "dtype": dtype }));
        rows.push([name, sides(&shape), dtype]);
    }
    facts.table(1, ["array", "shape", "type"], &rows);
    facts.field("arrays", fields);
    Ok(facts)
}

fn table(path: &Path) -> Result<Facts, DataError> {
    let mut table = TableRows::open(path)?;
    // The columns are named; what stands in them is not asked.
    table.select([]);
    let mut n_rows = 0_u64;
    while table.next()? {
        n_rows += 1;
    }
    let mut facts = Facts::new("table", "a table");
    facts.line("rows", thousands(n_rows));
    facts.list("columns", table.header().iter().cloned());
    facts.field("rows", n_rows);
    facts.field("columns", table.header());
    Ok(facts)
}

fn image(path: &Path) -> Result<Facts, DataError> {
    let (shape, _) = read_image(path, &ImageOptions::default())?;
    let mut facts = Facts::new("image", "an image");
    facts.line("shape", format_args!("{}, as models see it in colour", sides(&shape)));
    facts.field("shape", shape);
    Ok(facts)
}
