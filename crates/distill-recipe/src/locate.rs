use distill_datasets::DataError;
use distill_train::{Recipe, TrainError};

use crate::diagnostic::Diagnostic;
use crate::recipe_file::RecipeFile;

/// An error as a person meets it, with the place in the recipe that it comes from.
pub fn locate(file: &RecipeFile, recipe: &Recipe, error: TrainError) -> Diagnostic {
    let key = key_of(&error, recipe);
    match (error, key) {
        (TrainError::Config(problem), _) => file.problem(&problem),
        (other, Some(key)) => file.locate(other.into(), key),
        (other, None) => other.into(),
    }
}

/// The key of the recipe that an error about the data comes from, where that can be told.
fn key_of(error: &TrainError, recipe: &Recipe) -> Option<&'static str> {
    let error = match error {
        TrainError::Data(error) => error,
        TrainError::Sets { .. } => return Some("data.source"),
        _ => return None,
    };
    let (select, transfer) = (&recipe.data.select, &recipe.data.transfer);
    match error {
        DataError::BadHoldOut { .. } => Some("data.validation"),
        DataError::MemoryBound { path: None, .. } => Some("data.memory"),
        DataError::BadClassList { path: None, .. } | DataError::LabelOutOfRange { path: None, .. } => {
            Some("data.classes")
        }
        DataError::UnknownClass { name, .. } => [
            ("data.select.only", &select.only),
            ("data.select.without", &select.without),
            ("data.transfer.only", &transfer.only),
            ("data.transfer.without", &transfer.without),
        ]
        .into_iter()
        .find(|(_, names)| names.contains(name))
        .map(|(key, _)| key),
        DataError::UnknownColumn { name, .. } if recipe.data.group.as_ref() == Some(name) => Some("data.group"),
        DataError::UnknownColumn { name, .. } => {
            let columns = recipe.data.columns.as_ref()?;
            [
                ("data.columns.ignore", columns.ignore.contains(name)),
                ("data.columns.categorical", columns.categorical.contains(name)),
                ("data.columns.label", columns.label.as_ref() == Some(name)),
                ("data.columns.targets", columns.targets.contains(name)),
                ("data.columns.fold", columns.fold.as_ref() == Some(name)),
                ("data.columns.split", columns.split.as_ref() == Some(name)),
            ]
            .into_iter()
            .find(|(_, is_named)| *is_named)
            .map(|(key, _)| key)
        }
        DataError::EmptySelection { .. } => {
            match (*select == Default::default(), *transfer == Default::default()) {
                (false, true) => Some("data.select"),
                (true, false) => Some("data.transfer"),
                // Either may have emptied it.
                _ => Some("data"),
            }
        }
        _ => None,
    }
}
