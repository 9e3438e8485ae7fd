use std::collections::HashSet;
use std::sync::Arc;

use distill_datasets::DataSpec;
use distill_models::{Model, ModelSpec, SelectedLogits, Task};

use serde::{Deserialize, Serialize};

use crate::{ClassMismatch, TrainError};

/// What classes a teacher from a file may have, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TeacherClasses {
    /// Those of the data.
    #[default]
    Same,
    /// Those of the data and others, of which the student learns nothing.
    Subset,
}

/// Compares the classes of a model with those of the data: number, names and order.
///
/// # Errors
/// The first way in which they differ.
///
/// # Examples
/// ```
/// use distill_train::{ClassMismatch, check_classes};
/// let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
/// let error = check_classes(&names(&["cat", "dog"]), &names(&["dog", "cat"])).unwrap_err();
/// assert!(matches!(error, ClassMismatch::Order { n_different: 2, .. }));
/// ```
pub fn check_classes(model: &[String], data: &[String]) -> Result<(), ClassMismatch> {
    if model == data {
        return Ok(());
    }
    if model.len() != data.len() {
        return Err(ClassMismatch::Count { model: model.len(), data: data.len() });
    }
    let lacking = |from: &[String], of: &[String]| {
        let of: HashSet<&String> = of.iter().collect();
        from.iter().filter(|name| !of.contains(name)).cloned().collect()
    };
    let only_model: Vec<String> = lacking(model, data);
    let only_data: Vec<String> = lacking(data, model);
    if !only_model.is_empty() || !only_data.is_empty() {
        return Err(ClassMismatch::Names { only_model, only_data });
    }
    let different = || model.iter().zip(data).enumerate().filter(|(_, (m, d))| m != d);
    match different().next() {
        None => Ok(()),
        Some((position, (m, d))) => Err(ClassMismatch::Order {
            n_classes: model.len(),
            n_different: different().count(),
            first: (position, m.clone(), d.clone()),
        }),
    }
}

/// Checks that a model takes the data's inputs and names its classes.
///
/// `role` names the model in the error, such as `teacher`.
///
/// # Errors
/// [`TrainError::InputShape`], [`TrainError::Task`] or [`TrainError::Classes`].
pub fn check_compatible(role: &'static str, model: &ModelSpec, data: &DataSpec) -> Result<(), TrainError> {
    if model.input_shape != data.input_shape {
        return Err(TrainError::InputShape {
            model: role,
            expected: model.input_shape.clone(),
            actual: data.input_shape.clone(),
        });
    }
    let problem = match (model.task, task_of(data)) {
        (Task::Classes, Task::Numbers) => {
            format!("the {role} gives the logits of classes, and the data has numbers to predict")
        }
        (Task::Numbers, Task::Classes) => format!("the {role} gives numbers, and the data has classes"),
        _ => return Ok(check_classes(&model.classes, &data.classes)?),
    };
    Err(TrainError::Task { problem })
}

/// What models have to say of the examples of a set.
pub(crate) fn task_of(data: &DataSpec) -> Task {
    if data.numbers.is_some() { Task::Numbers } else { Task::Classes }
}

/// A model that has the data's classes in their order: itself, or with its logits in another order, or, with
/// [`TeacherClasses::Subset`], without those of the classes that the data lacks. The probabilities of the others
/// are then those that they have if none of the missing classes is possible.
///
/// # Errors
/// How the classes differ, other than in their order.
pub fn align_classes(
    model: Arc<dyn Model>,
    data: &[String],
    allowed: TeacherClasses,
) -> Result<Arc<dyn Model>, ClassMismatch> {
    let mismatch = match check_classes(&model.spec().classes, data) {
        Ok(()) => return Ok(model),
        Err(mismatch) => mismatch,
    };
    let same = matches!(mismatch, ClassMismatch::Order { .. });
    if !same && allowed == TeacherClasses::Same {
        return Err(mismatch);
    }
    // Fails where the data has a class that the model lacks.
    match SelectedLogits::new(model, data) {
        Ok(columns) => Ok(Arc::new(columns)),
        Err(_) => Err(mismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_fitted_to_the_data() {
        use distill_models::{MlpConfig, Network};
        let names = |list: &str| list.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let config = MlpConfig { hidden: vec![3], ..MlpConfig::default() };
        let model: Arc<dyn Model> = Arc::new(Network::new(config, vec![2], names("a b c"), 1).unwrap());
        let fitted = |data: &str, allowed| {
            align_classes(model.clone(), &names(data), allowed).map(|model| model.spec().classes.join(" "))
        };
        let (same, subset) = (TeacherClasses::Same, TeacherClasses::Subset);
        assert_eq!(fitted("a b c", same), Ok("a b c".to_owned()));
        assert_eq!(fitted("c a b", same), Ok("c a b".to_owned()));
        assert_eq!(fitted("c a", same), Err(ClassMismatch::Count { model: 3, data: 2 }));
        assert_eq!(fitted("c a", subset), Ok("c a".to_owned()));
        assert_eq!(fitted("c d", subset), Err(ClassMismatch::Count { model: 3, data: 2 }));
        assert!(matches!(fitted("a b d", subset), Err(ClassMismatch::Names { .. })));
    }

    #[test]
    fn says_how_lists_differ() {
        let names = |list: &str| list.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(check_classes(&names("a b c"), &names("a b c")), Ok(()));
        assert_eq!(check_classes(&names("a b c"), &names("a b")), Err(ClassMismatch::Count { model: 3, data: 2 }));
        assert_eq!(
            check_classes(&names("a b c"), &names("a d c")),
            Err(ClassMismatch::Names { only_model: vec!["b".into()], only_data: vec!["d".into()] })
        );
        assert_eq!(
            check_classes(&names("a b c"), &names("a c b")),
            Err(ClassMismatch::Order { n_classes: 3, n_different: 2, first: (1, "b".into(), "c".into()) })
        );
    }
}
