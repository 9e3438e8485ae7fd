use distill_datasets::Jitter;
use distill_models::MlpConfig;
use distill_train::Role;

use super::{Found, Preflight};
use crate::code::Code;
use crate::data_source::DataSource;
use crate::diagnostic::Diagnostic;
use crate::progress::thousands;

/// A larger model is a slip of the finger: its weights, gradients and momentum take 12 GB.
const MAX_PARAMETERS: usize = 1_000_000_000;

impl Preflight<'_> {
    /// Sizes of the models that are to be built, and how their inputs are varied.
    pub(super) fn models(&self, found: &mut Found) {
        let spec = self.experiment.train_set().spec();
        for (role, name, table, training) in [
            (Role::Teacher, "teacher model", "teacher", "teacher.train"),
            (Role::Student, "student model", "student", "train"),
        ] {
            let Some(config) = self.experiment.model_config(role).filter(|_| self.is_trained(role)) else { continue };
            let checked = check_size(config, spec.features(), spec.classes.len())
                .map_err(|diagnostic| self.file.locate(diagnostic, &format!("{table}.model.hidden")))
                .and_then(|parameters| self.check_shift(role, training).map(|()| parameters))
                .and_then(|parameters| self.check_buckets(config, table).map(|()| parameters));
            match checked {
                Err(diagnostic) => found.fail(name, diagnostic),
                Ok(parameters) => {
                    let architecture = config.architecture(spec.features(), spec.classes.len());
                    found.ok(name, format!("{architecture}, {} parameters", thousands(parameters as u64)));
                }
            }
        }
    }

    fn check_shift(&self, role: Role, training: &str) -> Result<(), Diagnostic> {
        let shape = &self.experiment.train_set().spec().input_shape;
        let shift = self.experiment.train_config(role).augment.shift;
        if shift == 0 {
            return Ok(());
        }
        let source = &self.experiment.recipe().data.source;
        if !DataSource::has_sides(source) {
            let diagnostic = Diagnostic::new(Code::Selection, format!("`{source}` has no images to shift"))
                .note("only images and frames of speech can be shifted")
                .help("set `augment = { shift = 0 }`");
            return Err(self.file.locate(diagnostic, &format!("{training}.augment.shift")));
        }
        Jitter::new(shift, shape).map(|_| ()).map_err(|error| {
            let sides = shape.iter().skip(1).min().map_or(0, |&side| side.saturating_sub(1));
            let help = match sides {
                0 => "set `augment = { shift = 0 }`".to_owned(),
                _ => format!("set `augment = {{ shift = 1 }}`, at most {sides}"),
            };
            let diagnostic = Diagnostic::new(Code::Selection, error.to_string()).help(help);
            self.file.locate(diagnostic, &format!("{training}.augment.shift"))
        })
    }

    /// Numbers of buckets are no values that a layer could weigh.
    fn check_buckets(&self, config: &MlpConfig, table: &str) -> Result<(), Diagnostic> {
        let data = &self.experiment.recipe().data;
        let Some(buckets) = DataSource::buckets(data) else { return Ok(()) };
        let what = match &config.embedding {
            Some(embedding) if embedding.buckets >= buckets as usize => return Ok(()),
            Some(embedding) => format!("an embedding of {} buckets for inputs of {buckets}", embedding.buckets),
            None => format!("the inputs of `{}` are numbers of buckets, and the model has no embedding", data.source),
        };
        let diagnostic = Diagnostic::new(Code::Value, what)
            .note("each n-gram of a snippet is the number of a row of a table")
            .help(format!("set `embedding = {{ buckets = {buckets} }}` in the model"));
        let key = if config.embedding.is_some() { "model.embedding.buckets" } else { "model.hidden" };
        Err(self.file.locate(diagnostic, &format!("{table}.{key}")))
    }

    /// Parameters of the model that a role would have, if it is built here.
    pub(super) fn parameters(&self, role: Role) -> Option<usize> {
        let spec = self.experiment.train_set().spec();
        let config = self.experiment.model_config(role)?;
        config.layout(spec.features(), spec.classes.len()).ok().map(|layout| layout.len())
    }
}

fn check_size(config: &MlpConfig, features: usize, n_classes: usize) -> Result<usize, Diagnostic> {
    let help = "use fewer units, such as `hidden = [800, 800]`";
    let parameters = match config.layout(features, n_classes) {
        Ok(layout) => layout.len(),
        Err(error) => return Err(Diagnostic::new(Code::Value, error.to_string()).help(help)),
    };
    if parameters <= MAX_PARAMETERS {
        return Ok(parameters);
    }
    let what = format!(
        "the model would have {} parameters, at most {} are possible",
        thousands(parameters as u64),
        thousands(MAX_PARAMETERS as u64)
    );
    let note = format!("{} with {features} features and {n_classes} classes", config.architecture(features, n_classes));
    Err(Diagnostic::new(Code::Value, what).note(note).help(help))
}
