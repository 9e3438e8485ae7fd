use std::fmt;
use std::path::Path;

use distill_train::{Experiment, OnnxConfig};

use super::LoadedTeacher;
use crate::diagnostic::Diagnostic;

/// A kind of file, or of folder, that a teacher comes from: how it is told from others and read, and what helps where it
/// does not fit the data.
pub trait TeacherFormat: fmt::Debug + Sync {
    /// Whether a path is of this kind, by its name or by what lies in it.
    fn recognises(&self, path: &Path) -> bool;

    /// Reads a model that answers to any input. The settings are those of ONNX files.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or can answer only the inputs that it was made from.
    fn open(&self, path: &Path, onnx: &OnnxConfig) -> Result<LoadedTeacher, Diagnostic>;

    /// Reads the teacher of an experiment.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or cannot teach in this experiment.
    fn open_for(&self, path: &Path, experiment: &Experiment<'_>) -> Result<LoadedTeacher, Diagnostic> {
        self.open(path, &experiment.recipe().teacher.onnx.clone().unwrap_or_default())
    }

    /// Whether it holds answers, of which `teacher.probabilities` says what they are.
    fn is_table(&self) -> bool {
        false
    }

    /// How its outputs get other names than those that the data lacks.
    fn help_with_classes(&self) -> Option<&'static str> {
        None
    }

    /// How its inputs, of which there are as many as in the data, get the shape that the data has.
    fn help_with_shape(&self, _shape: &[usize]) -> Option<String> {
        None
    }

    /// What to do where its outputs seem to stand for other classes: `names` are these in their order, if they are few.
    fn help_with_order(&self, _names: Option<&str>) -> String {
        "use a teacher that was trained on these labels".to_owned()
    }
}
