mod format;

use std::path::Path;
use std::sync::Arc;

use distill_datasets::{Columns, DataSpec, Dataset, spread};
use distill_models::{AnswerKind, Described, Model, ModelSpec, Provenance, WithoutZeros, Zeros};
use distill_onnx::OnnxEngine;
use distill_train::{TeacherClasses, align_classes, check_compatible};
use ndarray::Array2;

use crate::diagnostic::Diagnostic;
use crate::whole_columns::WholeColumns;
use crate::words::{sides, thousands};

pub use format::TeacherFormat;

/// A teacher read from a file, with the size and the hash of the file.
pub struct LoadedTeacher {
    /// What kind of file that is.
    pub format: &'static dyn TeacherFormat,
    /// What answers.
    pub model: Arc<dyn Model>,
    /// What its file says of where it comes from; empty for one of another program.
    pub provenance: Provenance,
    /// Bytes of the file, or of all files of a folder.
    pub n_bytes: usize,
    /// In hexadecimal, of the file or of the list of all files.
    pub sha256: String,
    /// How its answers were interpreted, for a model of another program.
    pub answers: Option<AnswerKind>,
    /// What computes it, where it is an ONNX file.
    pub engine: Option<OnnxEngine>,
    /// Whether its outputs have names and were put into the order of the data.
    pub is_reordered: bool,
    /// What its file leaves open.
    pub unsaid: Unsaid,
    /// What it was therefore taken for, in sentences.
    pub assumed: Vec<String>,
}

/// What a file may leave open, so that the data says it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsaid {
    /// The names of the classes.
    pub classes: bool,
    /// The shape of an example as the data has it.
    pub shape: bool,
}

impl LoadedTeacher {
    /// One whose file says all that is asked, and nothing of where it comes from.
    pub(crate) fn new(
        format: &'static dyn TeacherFormat,
        model: Arc<dyn Model>,
        n_bytes: usize,
        sha256: String,
    ) -> Self {
        Self {
            format,
            model,
            provenance: Provenance::new(),
            n_bytes,
            sha256,
            answers: None,
            engine: None,
            is_reordered: false,
            unsaid: Unsaid::default(),
            assumed: vec![],
        }
    }

    /// Whether tract computes it, which takes long where there are convolutions.
    pub fn is_by_tract(&self) -> bool {
        matches!(self.engine, Some(OnnxEngine::Tract { .. }))
    }

    /// The same for the columns of a table, which may be in pieces that it was not trained on.
    #[must_use]
    pub fn for_columns(mut self, columns: Option<&Columns>) -> Self {
        self.model = WholeColumns::wrap(self.model, columns);
        self
    }

    /// The same with the classes of the data, in their order.
    ///
    /// # Errors
    /// If its classes or its inputs are not those of the data: [`Code::ClassCount`](crate::Code::ClassCount) and those after
    /// it.
    pub fn fitted(
        self,
        role: &'static str,
        path: &Path,
        data: &DataSpec,
        allowed: TeacherClasses,
    ) -> Result<Self, Diagnostic> {
        let this = self.described(data)?;
        let found = this.model.spec().clone();
        let model = align_classes(this.model, &data.classes, allowed).map_err(|mismatch| {
            let lacks_none = data.classes.iter().all(|class| found.classes.contains(class));
            let diagnostic = Diagnostic::from(mismatch).at(path.display());
            let diagnostic = diagnostic
                .note(format!("the model has {}", listed(&found.classes)))
                .note(format!("the data has {}", listed(&data.classes)));
            let subset = "to use only the classes of the data, set `teacher.classes = \"subset\"`";
            match if lacks_none { Some(subset) } else { this.format.help_with_classes() } {
                Some(help) => diagnostic.better_help(help),
                None => diagnostic,
            }
        })?;
        check_compatible(role, model.spec(), data).map_err(|error| {
            let diagnostic = Diagnostic::from(error).at(path.display());
            let has_as_many = found.features() == data.features();
            match has_as_many.then(|| this.format.help_with_shape(&data.input_shape)).flatten() {
                Some(help) => diagnostic.better_help(help),
                None => diagnostic,
            }
        })?;
        let is_reordered = found.classes != model.spec().classes;
        Ok(Self { model, is_reordered, ..this })
    }

    /// The same, where it answers with probabilities, with zeros as what its answers to some of the data suggest, or as what
    /// is said. The zeros of a table were seen when it was read.
    ///
    /// # Errors
    /// If the data cannot be read, or the model fails on it.
    pub fn without_zeros(mut self, data: &dyn Dataset, said: Option<f32>) -> Result<Self, Diagnostic> {
        const SAMPLE: usize = 500;
        let Some(answers) = self.answers.as_mut().filter(|answers| answers.probabilities && answers.zeros.is_none())
        else {
            return Ok(self);
        };
        let indices = spread(SAMPLE, data.len());
        let mut inputs = Array2::zeros((indices.len(), data.spec().features()));
        data.read(&indices, inputs.view_mut())?;
        let logits = self.model.logits(inputs.view())?;
        let n_classes = self.model.spec().classes.len();
        let zeros = Zeros::of(logits.iter().map(|logit| logit.exp()), n_classes, said);
        answers.zeros = Some(zeros);
        self.model = Arc::new(WithoutZeros::new(self.model, zeros));
        Ok(self)
    }

    /// The same with what its file leaves open as the data has it, as far as that can be meant.
    fn described(mut self, data: &DataSpec) -> Result<Self, Diagnostic> {
        let spec = self.model.spec();
        let (mut shape, mut classes) = (spec.input_shape.clone(), spec.classes.clone());
        let is_same = without_ones(&shape) == without_ones(&data.input_shape);
        if self.unsaid.shape && shape != data.input_shape && (is_same || shape == [data.features()]) {
            if !is_same {
                let n = shape[0];
                self.assumed.push(format!("its rows of {n} numbers are inputs of {}", sides(&data.input_shape)));
            }
            shape.clone_from(&data.input_shape);
        }
        if self.unsaid.classes && classes.len() == data.classes.len() {
            let names = listed(&data.classes);
            let what = if data.numbers.is_some() { "numbers" } else { "classes" };
            let so = "so its outputs are those of the data in their order";
            self.assumed.push(format!("it names no {what}, {so}: {names}"));
            classes.clone_from(&data.classes);
        }
        if !self.assumed.is_empty() || shape != spec.input_shape {
            self.model = Arc::new(Described::new(self.model, shape, classes)?);
        }
        Ok(self)
    }
}

/// A model in a few words. A table of answers has no parameters.
pub fn in_words(spec: &ModelSpec) -> String {
    match spec.parameters {
        0 => spec.architecture.clone(),
        n => format!("{}, {} parameters", spec.architecture, thousands(n as u64)),
    }
}

/// The sides that matter, without a single channel.
pub fn without_ones(sides: &[usize]) -> Vec<usize> {
    sides.iter().copied().filter(|&side| side != 1).collect()
}

/// The first names of a list.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let rest = names.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
