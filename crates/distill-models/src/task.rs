use serde::{Deserialize, Serialize};

/// What the outputs of a model are.
///
/// # Examples
/// ```
/// use distill_models::{Model, MlpConfig, Network, Task};
/// let model = Network::new(MlpConfig::default(), vec![4], vec!["price".to_owned()], 1)?.with_task(Task::Numbers);
/// assert_eq!(model.spec().task, Task::Numbers);
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The logits of classes, of which an example has one.
    #[default]
    Classes,
    /// Numbers, as they are: a regression.
    Numbers,
}

impl Task {
    /// Whether it is the usual one, which files do not mention.
    pub(crate) fn is_classes(&self) -> bool {
        *self == Self::Classes
    }
}
