use distill_datasets::Dataset;
use distill_models::{ModelConfig, ModelError, ModelKind};
use distill_train::{Keep, Role, TrainError};

use super::data::first_input;
use super::{Found, Preflight};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::DataSource;
use distill_recipe::network_file::NamedNetwork;
use distill_recipe::words::thousands;

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
            let checked = check_size(config, &spec.input_shape, spec.classes.len())
                .map_err(|wrong| self.file.locate(wrong.0, &format!("{table}.model.{}", wrong.1)))
                .and_then(|parameters| self.check_augment(role, training).map(|()| parameters))
                .and_then(|parameters| self.check_keep(role, training).map(|()| parameters))
                .and_then(|parameters| self.check_tokens(config, table).map(|()| parameters));
            match checked {
                Err(diagnostic) => found.fail(name, diagnostic),
                Ok(parameters) => {
                    let architecture = config.architecture(&spec.input_shape, spec.classes.len());
                    let cost = self.cost(config).unwrap_or_default();
                    let file = self.file.networks().iter().find(|network| network.table == table);
                    let read = file.map_or(String::new(), |network| format!(", {}", network.summary));
                    found.ok(name, format!("{architecture}, {} parameters{cost}{read}", thousands(parameters as u64)));
                    if let Some(file) = file {
                        warn_of_file(name, file, &spec.input_shape, found);
                    }
                    self.warn_of_mixup(role, found);
                    self.settings(role, training, found);
                }
            }
        }
    }

    /// A student with a teacher has mixtures of its own, and the other one may be switched off.
    fn warn_of_mixup(&self, role: Role, found: &mut Found) {
        if role == Role::Student
            && self.experiment.train_config(role).augment.mixup > 0.0
            && !self.roles.contains(&Role::Baseline)
        {
            found.warn(
                "student model",
                "`train.augment.mixup` has no effect here",
                "it is for models that learn from labels alone, and the student without a teacher is not trained",
                "set `data.mixtures` for the student with a teacher, or `teacher.train.augment.mixup` for the teacher",
            );
        }
    }

    /// Which weights are the best is seen on validation examples.
    fn check_keep(&self, role: Role, training: &str) -> Result<(), Diagnostic> {
        let keep = self.experiment.train_config(role).keep;
        if keep != Keep::Best || self.experiment.validation_set().is_some() {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(Code::Value, "the best weights cannot be found without validation examples")
            .note("the best are those with the fewest errors on examples that are held out")
            .help("hold some out, such as `data.validation = 5000`, or set `keep = \"last\"`");
        Err(self.file.locate(diagnostic, &format!("{training}.keep")))
    }

    /// A layer cannot weigh the numbers of tokens, and who reads tokens cannot look up anything else.
    fn check_tokens(&self, config: &ModelConfig, table: &str) -> Result<(), Diagnostic> {
        let data = &self.experiment.recipe().data;
        let buckets = DataSource::buckets(data);
        let (what, note, help, key) = match (DataSource::tokens(data), config.tokens()) {
            (Some(tokens), Some(known)) if known >= tokens => return Ok(()),
            (Some(tokens), Some(known)) => (
                format!("a table of {known} tokens for inputs of {tokens}"),
                "each byte of a text is a row number of the table, and row 0 is for the padding after the text",
                format!("set `tokens = {tokens}`, or leave it out"),
                "tokens",
            ),
            (Some(_), None) => (
                format!(
                    "the inputs of `{}` are bytes in their order, but the model does not read sequences",
                    data.source
                ),
                "each byte of a text is the number of a row of a table",
                "set `kind = \"text-cnn\"`, or `features = \"n-grams\"` in `data.text`".to_owned(),
                "kind",
            ),
            (None, Some(_)) if buckets.is_some() => (
                format!("the inputs of `{}` are bucket indices, and the model reads a sequence of tokens", data.source),
                "the numbers of the n-grams of a text are in no order, and there are more of them than of bytes",
                "set `features = \"bytes\"` in `data.text`".to_owned(),
                "kind",
            ),
            (None, Some(known)) => return self.check_numbers(known, 0.0, &format!("{table}.model.tokens")),
            (None, None) => return self.check_buckets(config, table),
        };
        let key = if key == "kind" && config.kind() == ModelKind::Mlp { "hidden" } else { key };
        Err(self.file.locate(Diagnostic::new(Code::Value, what).note(note).help(help), &format!("{table}.model.{key}")))
    }

    /// A layer cannot weigh bucket indices, and an embedding cannot look up values.
    fn check_buckets(&self, config: &ModelConfig, table: &str) -> Result<(), Diagnostic> {
        let data = &self.experiment.recipe().data;
        let Some(buckets) = DataSource::buckets(data) else {
            return config.embedding().map_or(Ok(()), |embedding| {
                self.check_numbers(embedding.buckets, -1.0, &format!("{table}.model.embedding.buckets"))
            });
        };
        let what = match config.embedding() {
            Some(embedding) if embedding.buckets >= buckets as usize => return Ok(()),
            Some(embedding) => format!("an embedding of {} buckets for inputs of {buckets}", embedding.buckets),
            None => format!("the inputs of `{}` are bucket indices, and the model has no embedding", data.source),
        };
        let diagnostic = Diagnostic::new(Code::Value, what)
            .note("each n-gram of a snippet is the number of a row of a table")
            .help(format!("set `embedding = {{ buckets = {buckets} }}` in the model"));
        let key = if config.embedding().is_some() { "model.embedding.buckets" } else { "model.hidden" };
        Err(self.file.locate(diagnostic, &format!("{table}.{key}")))
    }

    /// Whether all inputs are numbers of rows, or what stands for none, where the source does not promise it.
    fn check_numbers(&self, rows: usize, none: f32, key: &str) -> Result<(), Diagnostic> {
        for (name, set) in [("training", self.experiment.train_set()), ("test", self.experiment.test_set())] {
            let Some((example, input, value)) = first_without_row(set, rows, none)? else { continue };
            let place = format!("number {input} of {name} example {example} is {value}, and not that of one of {rows}");
            let (what, note, help) = if none < 0.0 {
                (
                    format!("{place} buckets"),
                    "an embedding takes whole numbers from 0, the indices of the rows of its table, or -1 for none",
                    "leave `embedding` out of the model, or give it as many buckets as the data has",
                )
            } else {
                (
                    format!("{place} tokens"),
                    "a model of sequences takes token numbers, with 0 for padding",
                    "choose another `kind` of model, or give it as many tokens as the data has",
                )
            };
            return Err(self.file.locate(Diagnostic::new(Code::Value, what).note(note).help(help), key));
        }
        Ok(())
    }

    /// What one example costs a network with convolutions, whose parameters do not say it.
    fn cost(&self, config: &ModelConfig) -> Option<String> {
        let spec = self.experiment.train_set().spec();
        config.as_mlp().is_none().then_some(())?;
        let graph = config.graph(&spec.input_shape, spec.classes.len()).ok()?;
        let millions = graph.macs() as f64 / 1e6;
        Some(format!(
            ", {millions:.1} million multiplications and {} activations an input",
            thousands(graph.activations())
        ))
    }

    /// Parameters of the model that a role would have, if it is built here.
    pub(super) fn parameters(&self, role: Role) -> Option<usize> {
        let spec = self.experiment.train_set().spec();
        let config = self.experiment.model_config(role)?;
        config.layout(&spec.input_shape, spec.classes.len()).ok().map(|layout| layout.len())
    }
}

/// What of a model is other than in the file that it was read from.
fn warn_of_file(name: &'static str, file: &NamedNetwork, input_shape: &[usize], found: &mut Found) {
    for note in &file.notes {
        let what = note.trim_end_matches('.');
        found.warn(name, what, "this is how it is trained here", "export it as it is to be trained, if that matters");
    }
    if file.input_shape != input_shape {
        let what = format!("{} takes inputs of {:?}, the data has {input_shape:?}", file.path, file.input_shape);
        found.warn(
            name,
            what,
            "its linear layers get the sizes that the data makes",
            "export it with an input of that shape, or go on",
        );
    }
}

/// Parameters, or what is wrong and with which key.
fn check_size(
    config: &ModelConfig,
    input_shape: &[usize],
    n_classes: usize,
) -> Result<usize, Box<(Diagnostic, &'static str)>> {
    let help = match config.as_mlp() {
        Some(_) => "use fewer units, such as `hidden = [800, 800]`",
        None => "make the model smaller or shallower, or choose `kind = \"mlp\"` for inputs other than images",
    };
    let parameters = match config.layout(input_shape, n_classes) {
        Ok(layout) => layout.n_trained(),
        Err(ModelError::Config { field: field @ "widths", problem }) => {
            let diagnostic = Diagnostic::new(Code::Value, format!("`{field}` {problem}"));
            let help = "leave out the widths that are larger, or set a larger `length` in `data.text`";
            return Err(Box::new((diagnostic.help(help), field)));
        }
        Err(error) => {
            let diagnostic = Diagnostic::new(Code::Value, error.to_string()).help(help);
            return Err(Box::new((diagnostic, config.size_key())));
        }
    };
    if parameters <= MAX_PARAMETERS {
        return Ok(parameters);
    }
    let what = format!(
        "the model would have {} parameters, at most {} are possible",
        thousands(parameters as u64),
        thousands(MAX_PARAMETERS as u64)
    );
    let features: usize = input_shape.iter().product();
    let architecture = config.architecture(input_shape, n_classes);
    let note = format!("{architecture} with {features} features and {n_classes} classes");
    Err(Box::new((Diagnostic::new(Code::Value, what).note(note).help(help), config.size_key())))
}

/// Example, place and value of the first input that is neither the number of a row nor what stands for none.
fn first_without_row(data: &dyn Dataset, rows: usize, none: f32) -> Result<Option<(usize, usize, f32)>, TrainError> {
    let is_row = |value: f32| value == none || (value >= 0.0 && value.fract() == 0.0 && (value as usize) < rows);
    first_input(data, |_, value| !is_row(value))
}
