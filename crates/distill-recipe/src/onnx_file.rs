//! ONNX files as models: settings, reading, and errors as a person meets them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_models::{Model as _, Task};
use distill_onnx::{ChannelOrder, OnnxError, OnnxModel, OnnxOptions, Tap};
use distill_train::{Experiment, ImageLayout, OnnxConfig, Taps, is_onnx};
use toml::{Table, Value};

use crate::class_names;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::loaded_teacher::{LoadedTeacher, TeacherFormat, Unsaid};
use crate::onnx_bytes;
pub use crate::onnx_bytes::read;
use crate::recipe_file::{Override, nearest};

/// Names of values that an error lists.
const SHOWN: usize = 8;

/// ONNX files as teachers.
#[derive(Debug)]
pub(crate) struct Onnx;

impl TeacherFormat for Onnx {
    fn recognises(&self, path: &Path) -> bool {
        is_onnx(path)
    }

    fn open(&self, path: &Path, onnx: &OnnxConfig) -> Result<LoadedTeacher, Diagnostic> {
        let task = if onnx.numbers == Some(true) { Task::Numbers } else { Task::Classes };
        load(path, onnx, &Taps::default(), task)
    }

    /// With the values that the recipe taps, for classes or for numbers as the data has them.
    fn open_for(&self, path: &Path, experiment: &Experiment<'_>) -> Result<LoadedTeacher, Diagnostic> {
        let teacher = &experiment.recipe().teacher;
        load(path, &teacher.onnx.clone().unwrap_or_default(), &teacher.taps, experiment.task())
    }

    fn help_with_classes(&self) -> Option<&'static str> {
        Some("name the classes of the outputs in their order: `teacher.onnx.classes`, or `--onnx classes=names.txt`")
    }

    fn help_with_shape(&self, shape: &[usize]) -> Option<String> {
        Some(format!("set `teacher.onnx.input_shape = {shape:?}`, or `--onnx 'input_shape={shape:?}'`"))
    }

    fn help_with_order(&self, names: Option<&str>) -> String {
        let list = names.map_or(String::new(), |names| format!(" = {names}"));
        format!("name the outputs in their order: `teacher.onnx.classes{list}`")
    }
}

/// Reads an ONNX file that is to be asked, with the weights that it keeps in files beside it. Its outputs are what `task` says, or the
/// file, where distill has exported it.
///
/// # Errors
/// If the file cannot be read, the settings do not fit it, or it has an operator that cannot be computed: in a build
/// without the feature `onnx`, one that our own networks do not have.
fn load(path: &Path, config: &OnnxConfig, taps: &Taps, task: Task) -> Result<LoadedTeacher, Diagnostic> {
    let taps = taps.pairs().into_iter().map(|(name, tensor)| Tap { name: name.to_owned(), tensor: tensor.to_owned() });
    let options = OnnxOptions { taps: taps.collect(), task, ..options(config)? };
    let file = onnx_bytes::read_whole(path)?;
    let model = OnnxModel::from_bytes(&file.bytes, &options);
    let model = model.map_err(|error| diagnostic(&error).at(path.display()))?;
    // Numbers to predict are neither logits nor probabilities.
    let answers = (model.spec().task == Task::Classes).then(|| model.answers().clone());
    let provenance = model.provenance();
    let engine = Some(model.engine().clone());
    let unsaid = Unsaid { classes: !model.names_classes(), shape: !model.names_shape() };
    let teacher = LoadedTeacher::new(&Onnx, Arc::new(model), file.n_bytes, file.sha256);
    Ok(LoadedTeacher { provenance, answers, engine, unsaid, ..teacher })
}

/// The settings of the command line, `KEY=VALUE` as in `teacher.onnx` of a recipe.
///
/// # Errors
/// [`Code::Override`] for a key that does not exist, a value that has no meaning, or where none of the models is an ONNX
/// file.
pub fn settings<'a>(
    arguments: &[String],
    models: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<OnnxConfig, Diagnostic> {
    if !arguments.is_empty() && !models.into_iter().any(is_onnx) {
        return Err(Diagnostic::new(Code::Override, "`--onnx` is set, but no model is an ONNX file")
            .at("command line")
            .help("leave it out, or name a file that ends with .onnx"));
    }
    let mut table = Table::new();
    for argument in arguments {
        let setting = Override::parse(argument)?;
        setting.apply(&mut table)?;
    }
    let config = serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let message = error.inner().message().trim().to_owned();
        Diagnostic::new(Code::Override, format!("`--onnx {}`: {message}", error.path()))
            .at("command line")
            .help("the keys are those of `teacher.onnx` in a recipe, such as `--onnx output=probs --onnx 'input_shape=[1, 28, 28]'`")
    });
    let config: OnnxConfig = config?;
    config.validate().map_err(|problem| {
        Diagnostic::new(Code::Override, format!("`--onnx`: {problem}")).at("command line").help(problem.help)
    })?;
    class_names::of_outputs(config)
}

fn options(config: &OnnxConfig) -> Result<OnnxOptions, Diagnostic> {
    let config = class_names::of_outputs(config.clone())?;
    #[expect(clippy::cast_possible_truncation, reason = "validated to be numbers of f32")]
    let (scale, shift) = (config.scale as f32, config.shift as f32);
    Ok(OnnxOptions {
        task: Task::Classes,
        input: config.input,
        output: config.output,
        probabilities: config.probabilities,
        layout: match config.layout {
            ImageLayout::Nchw => ChannelOrder::Nchw,
            ImageLayout::Nhwc => ChannelOrder::Nhwc,
        },
        input_shape: config.input_shape,
        classes: config.classes.map(|names| names.list().to_vec()),
        scale,
        shift,
        library: config.library.map(PathBuf::from),
        taps: vec![],
    })
}

/// An ONNX file that cannot be used.
pub fn diagnostic(error: &OnnxError) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::ModelFile, error.to_string());
    match error {
        OnnxError::NoEngine { .. } => diagnostic
            .note("tract, which has most operators, is left out unless asked for, as it takes minutes to build")
            .help("build the program with it: `cargo install --path crates/distill-cli --features onnx`"),
        OnnxError::TooLarge { .. } | OnnxError::Damaged { .. } | OnnxError::External { .. } => onnx_bytes::diagnostic(error),
        OnnxError::Unsupported { .. } => diagnostic
            .help(
                "export the model in evaluation mode and with plain operators, such as opset 17 without its pre- and postprocessing; \
                 what tract lacks ONNX Runtime may have: `teacher.onnx.library`",
            ),
        OnnxError::Port { kind: "input", .. } => diagnostic.help("name it: `teacher.onnx.input`, or `--onnx input=NAME`"),
        OnnxError::Port { .. } | OnnxError::OutputShape { .. } => diagnostic
            .note("a model gives one number for each class, or numbers to predict, if `--onnx numbers=true` says so")
            .help("name the output, or a tensor before it: `teacher.onnx.output`, or `--onnx output=NAME`; `distill inspect` lists them"),
        OnnxError::Tap { tensor, found, .. } => {
            let names: Vec<&str> = found.iter().map(String::as_str).collect();
            let meant = nearest(tensor, names.iter().copied()).map(|name| format!("did you mean `{name}`? "));
            let diagnostic = match names.len() {
                0 => diagnostic.note("a value that is tapped has a row of numbers for each example: its first side is the batch"),
                // The last are the nearest to the answers, and what is compared most.
                n => {
                    let shown = names[n.saturating_sub(SHOWN)..].join(", ");
                    diagnostic.note(format!("the file computes {n} values, the last of which are {shown}"))
                }
            };
            diagnostic.help(format!(
                "{}name values of the file in `teacher.taps`; `distill inspect` lists them",
                meant.unwrap_or_default()
            ))
        }
        OnnxError::InputShape { .. } => diagnostic
            .help("set the shape of one example: `teacher.onnx.input_shape`, or `--onnx 'input_shape=[1, 28, 28]'`"),
        OnnxError::Classes { .. } => diagnostic
            .help("name every class once, in the order of the output: `teacher.onnx.classes`, or `--onnx classes=names.txt`"),
        OnnxError::Option { key: "library", .. } => diagnostic
            .note("it is `libonnxruntime.so` of version 1.24 or later, such as pip installs with onnxruntime in `capi`")
            .help("name the file: `teacher.onnx.library`, or `--onnx library=FILE`; or leave it out to use tract"),
        OnnxError::Option { key: "probabilities", .. } => diagnostic
            .note("sigmoids are numbers from 0 to 1 that do not add up to 1; the numbers before the last operator may be the logits")
            .help(
                "set `teacher.onnx.probabilities`, or `--onnx probabilities=true`, to take the logarithms, scaled so that the \
                 probabilities add up to 1, and to `false` if they are logits; or name the tensor that is: `teacher.onnx.output`",
            ),
        OnnxError::Option { .. } => diagnostic.help("change the setting of `teacher.onnx`, or of `--onnx`"),
        _ => diagnostic
            .note("the engine that computes ONNX files is tract, which supports most operators, not all, or ONNX Runtime")
            .help("set `teacher.onnx.library` to ONNX Runtime's, if that can compute it; or export with another opset, such as 17"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(arguments: &[&str]) -> Result<OnnxConfig, String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        settings(&arguments, [&PathBuf::from("teacher.ONNX")]).map_err(|diagnostic| diagnostic.to_string())
    }

    #[test]
    fn settings_of_the_command_line_are_those_of_a_recipe() {
        let config =
            set(&["output=probs", "probabilities=true", "input_shape=[1, 2]", "classes=[\"a\", \"b\"]"]).unwrap();
        assert_eq!((config.output.as_deref(), config.probabilities), (Some("probs"), Some(true)));
        assert_eq!(config.input_shape, Some(vec![1, 2]));
        assert_eq!(set(&[]), Ok(OnnxConfig::default()));
        for (argument, message) in [
            ("outptu=x", "unknown field `outptu`"),
            ("scale=0", "scale must be a finite number other than 0"),
            ("layout=nchwc", "unknown variant `nchwc`"),
            ("classes=/no/such/file", "E0203"),
        ] {
            let error = set(&[argument]).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        let error = settings(&["output=x".to_owned()], [&PathBuf::from("a.safetensors")]).unwrap_err();
        assert!(error.title().contains("no model is an ONNX file"));
    }
}
