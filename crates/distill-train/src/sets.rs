use std::sync::Arc;

use distill_datasets::Dataset;

use crate::TrainError;

/// The data of an experiment.
#[derive(Clone)]
pub struct Sets {
    /// Examples to learn from.
    pub train: Arc<dyn Dataset>,
    /// What to watch training on, where the data brings it along. Else a recipe may hold some of
    /// the training examples out.
    pub validation: Option<Arc<dyn Dataset>>,
    /// Examples without labels, which only students with a teacher learn from.
    pub unlabelled: Option<Arc<dyn Dataset>>,
    /// What the models are compared on.
    pub test: Arc<dyn Dataset>,
}

impl Sets {
    /// Checks that all sets have the inputs and the classes of the training set.
    ///
    /// # Errors
    /// [`TrainError::Sets`].
    pub fn check(&self) -> Result<(), TrainError> {
        let a = self.train.spec();
        let others = self.validation.iter().chain(&self.unlabelled).chain([&self.test]);
        match others.map(|set| set.spec()).find(|b| a != *b) {
            None => Ok(()),
            Some(b) => Err(TrainError::Sets {
                train_shape: a.input_shape.clone(),
                train_classes: a.classes.len(),
                test_shape: b.input_shape.clone(),
                test_classes: b.classes.len(),
            }),
        }
    }
}
