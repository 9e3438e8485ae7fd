use distill_datasets::{DataError, Jitter};
use distill_models::MlpConfig;
use distill_train::{Experiment, Recipe, Role, TrainError};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::progress::thousands;
use crate::recipe_file::RecipeFile;

/// A larger model is a slip of the finger: its weights, gradients and momentum take 12 GB.
const MAX_PARAMETERS: usize = 1_000_000_000;

/// What can be known to fail before the run directory is made and anything large is allocated.
pub(crate) fn preflight(file: &RecipeFile, experiment: &Experiment<'_>) -> Result<(), Diagnostic> {
    let train = experiment.train_set().spec();
    for (role, table, training) in [(Role::Teacher, "teacher", "teacher.train"), (Role::Student, "student", "train")] {
        // A teacher from a file is neither built nor trained.
        if role == Role::Teacher && experiment.recipe().teacher.weights.is_some() {
            continue;
        }
        if let Some(config) = experiment.model_config(role) {
            check_size(config, train.features(), train.classes.len())
                .map_err(|diagnostic| file.locate(diagnostic, &format!("{table}.model.hidden")))?;
        }
        let shift = experiment.train_config(role).augment.shift;
        if shift > 0 {
            Jitter::new(shift, &train.input_shape).map_err(|error| {
                let sides = train.input_shape.iter().skip(1).min().map_or(0, |&side| side.saturating_sub(1));
                let help = match sides {
                    0 => "set `augment = { shift = 0 }`".to_owned(),
                    _ => format!("set `augment = {{ shift = 1 }}`, at most {sides}"),
                };
                let diagnostic = Diagnostic::new(Code::Selection, error.to_string()).help(help);
                file.locate(diagnostic, &format!("{training}.augment.shift"))
            })?;
        }
    }
    Ok(())
}

fn check_size(config: &MlpConfig, features: usize, n_classes: usize) -> Result<(), Diagnostic> {
    let help = "use fewer units, such as `hidden = [800, 800]`";
    let parameters = match config.layout(features, n_classes) {
        Ok(layout) => layout.len(),
        Err(error) => return Err(Diagnostic::new(Code::Value, error.to_string()).help(help)),
    };
    if parameters <= MAX_PARAMETERS {
        return Ok(());
    }
    let what = format!(
        "the model would have {} parameters, at most {} are possible",
        thousands(parameters as u64),
        thousands(MAX_PARAMETERS as u64)
    );
    let note = format!("{} with {features} features and {n_classes} classes", config.architecture(features, n_classes));
    Err(Diagnostic::new(Code::Value, what).note(note).help(help))
}

/// The key of the recipe that an error about the data comes from, where that can be told.
pub(crate) fn key_of(error: &TrainError, recipe: &Recipe) -> Option<&'static str> {
    let error = match error {
        TrainError::Data(error) => error,
        TrainError::Sets { .. } => return Some("data.source"),
        _ => return None,
    };
    let (select, transfer) = (&recipe.data.select, &recipe.data.transfer);
    match error {
        DataError::BadHoldOut { .. } => Some("data.validation"),
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
