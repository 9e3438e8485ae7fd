mod data;

use std::fmt;
use std::io;
use std::path::Path;

use distill_audio::AudioError;
use distill_models::ModelError;
use distill_specialists::SpecialistError;
use distill_train::{CheckpointError, ClassMismatch, TrainError};

use crate::code::{Code, exit_code};
use crate::paint::{Paint, Plain};
use crate::visible::{one_line, visible};

/// An error as a person meets it: what, where, why and how to fix it.
///
/// Both `{}` and `{:?}` print all of it, so that a `main` that returns it shows what a person needs.
pub struct Diagnostic {
    code: Code,
    what: String,
    place: Option<String>,
    /// In a box, so that results stay small.
    snippet: Option<Box<Snippet>>,
    notes: Vec<String>,
    help: Option<String>,
    broken_pipe: bool,
}

/// A line of a file and the part of it that is meant, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The whole line.
    pub line: String,
    /// Characters before the part that is meant.
    pub start: usize,
    /// Characters of that part; at least one is marked.
    pub len: usize,
}

impl Diagnostic {
    /// An error of which only kind and message are known. What is added later makes it helpful.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), place: None, snippet: None, notes: vec![], help: None, broken_pipe: false }
    }

    /// Writing, or anything else that the operating system refused.
    pub fn io(what: impl Into<String>, path: Option<&Path>, error: impl std::error::Error) -> Self {
        let diagnostic = Self::new(Code::Io, what).note(error.to_string());
        match path {
            Some(path) => diagnostic.at(path.display()),
            None => diagnostic,
        }
    }

    /// Standard output cannot be written.
    pub fn stdout(error: &io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::io("cannot write to standard output", None, error) }
    }

    /// Adds where it is: a path, `PATH:LINE:COLUMN`, or `command line: ARGUMENT`. The first place that is named stays.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place.get_or_insert_with(|| place.to_string());
        self
    }

    /// Whether a place was named.
    pub fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Shows the line of the file that it is about.
    pub fn snippet(mut self, snippet: Snippet) -> Self {
        self.snippet = Some(Box::new(snippet));
        self
    }

    /// Adds why it is an error, or what more is known. There may be several notes.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do about it. The first advice stays; see [`Diagnostic::better_help`].
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.get_or_insert_with(|| help.into());
        self
    }

    /// Advice that fits better than the usual one.
    pub fn better_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Code and message on one line.
    pub fn title(&self) -> String {
        format!("{}: {}", self.code.name(), self.what)
    }

    /// Whether nobody reads standard output any more, which a program leaves without a word.
    pub fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// The exit code of a program that ends with it.
    pub fn exit_code(&self) -> u8 {
        exit_code(self.code)
    }

    /// The error as one event of JSON Lines, with `code`, `message`, `where`, `note`, `help` and `exit`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "v": 1,
            "event": "error",
            "code": self.code.name(),
            "message": self.what,
            "where": self.place,
            "note": self.notes.join("; "),
            "help": self.help,
            "exit": self.exit_code(),
        })
    }
}

impl Snippet {
    /// The line without what would move the cursor, and of a long line the part around the mark.
    fn render(&self, paint: &dyn Paint) -> String {
        const WIDTH: usize = 100;
        let skipped = if self.start < WIDTH { 0 } else { self.start - WIDTH / 2 };
        let line: String = self.line.chars().skip(skipped).take(WIDTH).map(visible).collect();
        let start = self.start - skipped;
        let len = self.len.clamp(1, WIDTH - start);
        let (bar, mark) = (paint.frame("|"), paint.error(&"^".repeat(len)));
        format!("\n   {bar} {line}\n   {bar} {}{mark}", " ".repeat(start))
    }
}

impl Diagnostic {
    /// The error as it is printed, over several lines.
    pub fn render(&self, paint: &dyn Paint) -> String {
        let code = paint.error(&format!("error[{}]", self.code.name()));
        let mut text = format!("{code}: {}", one_line(&self.what));
        if let Some(place) = &self.place {
            text += &format!("\n  {} {}", paint.frame("-->"), one_line(place));
        }
        if let Some(snippet) = &self.snippet {
            text += &snippet.render(paint);
        }
        for note in &self.notes {
            text += &paint.note_line(&one_line(note));
        }
        if let Some(help) = &self.help {
            text += &paint.help_line(&one_line(help));
        }
        text
    }
}

impl std::error::Error for Diagnostic {}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Plain))
    }
}

impl From<AudioError> for Diagnostic {
    fn from(error: AudioError) -> Self {
        use AudioError as E;
        let (code, help) = match &error {
            E::Io { .. } => (Code::DataRead, "check the path and its permissions"),
            E::MissingRecordings { .. } => {
                (Code::DataRead, "install the package, or name another folder: `data.source = \"asterisk-en:FOLDER\"`")
            }
            E::OtherRecordings { .. } => (Code::DataFile, "install version 1.6.1 of `asterisk-core-sounds-en-wav`"),
            _ => (Code::DataFile, "fetch the file again: it is damaged or something else"),
        };
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let mut diagnostic = Self::new(code, error.to_string()).help(help);
        if let Some(path) = error.path() {
            diagnostic = diagnostic.at(path.display());
        }
        match source {
            Some(source) => diagnostic.note(source),
            None => diagnostic,
        }
    }
}

impl Diagnostic {
    /// A file that holds no model of ours.
    pub fn model_file(error: &ModelError) -> Self {
        use ModelError as E;
        let (note, help) = match error {
            E::NonFinite { .. } => ("a model with such a weight gives no usable answers", "train it again"),
            E::BucketNumber { .. } => {
                return Self::new(Code::Value, error.to_string())
                    .note("an embedding takes whole numbers, the indices of the rows of its table")
                    .help("leave `embedding` out of the model, or use data that is made of bucket indices");
            }
            E::Token { .. } => {
                return Self::new(Code::Value, error.to_string())
                    .note("a model of sequences takes token numbers, with 0 for padding")
                    .help("use data that is made of such numbers, such as the bytes of a text");
            }
            E::Engine { .. } => ("the file could be read, but not computed for these inputs", "use another model file"),
            E::NotSafetensors { .. } => ("the file is cut, damaged or of another kind", OUR_MODELS),
            E::NoMetadata => ("tensors alone do not say how they are connected", OUR_MODELS),
            E::BadMetadata { .. } => ("the file is damaged, or of another version of this program", OUR_MODELS),
            E::MissingTensor { .. } | E::TensorCount { .. } | E::TensorShape { .. } => {
                ("the file was changed after it was written", OUR_MODELS)
            }
            _ => ("the file does not describe a model", OUR_MODELS),
        };
        Self::new(Code::ModelFile, error.to_string()).note(note).help(help)
    }
}

const OUR_MODELS: &str =
    "use a file from the `weights` folder of a run, such as `runs/mnist-001/weights/student-seed1.safetensors`";

impl From<ModelError> for Diagnostic {
    fn from(error: ModelError) -> Self {
        match &error {
            ModelError::Config { .. } | ModelError::Layout(_) => {
                Self::new(Code::Value, error.to_string()).help("change the model in the recipe")
            }
            _ => Self::model_file(&error),
        }
    }
}

impl Diagnostic {
    /// A checkpoint that cannot be written or used.
    fn checkpoint(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Io { what, path, source } => {
                let help = match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, then resume the run",
                    _ => "check the run directory and its permissions, then resume the run",
                };
                Self::io(format!("cannot {what} a checkpoint"), Some(&path), source).help(help)
            }
            CheckpointError::NonFinite { .. } => Self::new(Code::NonFinite, error.to_string())
                .note("it was not saved; older checkpoints are intact")
                .help("lower `train.optimizer.lr` or `teacher.train.optimizer.lr`"),
            other => Self::new(Code::Checkpoint, other.to_string())
                .help("undo the change, or start a new run; this one is not overwritten"),
        }
    }
}

impl From<SpecialistError> for Diagnostic {
    fn from(error: SpecialistError) -> Self {
        match error {
            SpecialistError::Train(error) => error.into(),
            SpecialistError::Model(error) => TrainError::from(error).into(),
            SpecialistError::Data(error) => error.into(),
            SpecialistError::Io { path, source } => {
                Self::io("cannot keep or read a specialist", Some(&path), source).help("check the write permissions")
            }
            SpecialistError::File { path, problem } => Self::new(Code::ModelFile, problem)
                .at(path.display())
                .help("copy the whole folder again; one of a study is trained again when it is removed"),
            SpecialistError::Classes { .. } | SpecialistError::Setting { .. } => {
                Self::new(Code::Value, error.to_string()).help("ask for fewer clusters, or larger ones")
            }
            other => Self::new(Code::Bug, other.to_string()),
        }
    }
}

impl From<ClassMismatch> for Diagnostic {
    fn from(error: ClassMismatch) -> Self {
        let code = match error {
            ClassMismatch::Count { .. } => Code::ClassCount,
            ClassMismatch::Names { .. } => Code::ClassNames,
            _ => Code::ClassOrder,
        };
        let diagnostic = Self::new(code, error.to_string());
        match error {
            ClassMismatch::Count { .. } | ClassMismatch::Names { .. } => diagnostic
                .note("answers can be compared only over the same classes")
                .help("use a model that was trained on this data, or name the data's classes in `data.classes`"),
            ClassMismatch::Order { n_classes, n_different, first: (position, model, data) } => diagnostic
                .note(format!("{n_different} of {n_classes} positions differ; class {position} is `{model}` in the model and `{data}` in the data"))
                .note("training would teach wrong answers without any error of shape")
                .help("use a model whose classes stand in the order of the data"),
            _ => diagnostic,
        }
    }
}

impl From<TrainError> for Diagnostic {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Data(error) => error.into(),
            TrainError::Model(error) => error.into(),
            TrainError::Classes(error) => error.into(),
            TrainError::Config(problem) => {
                let diagnostic = Self::new(Code::Value, problem.to_string());
                let diagnostic = problem.note.iter().fold(diagnostic, |diagnostic, note| diagnostic.note(note));
                diagnostic.help(problem.help)
            }
            TrainError::InputShape { .. } => Self::new(Code::InputShape, error.to_string())
                .help("use a model that was trained on inputs of this shape"),
            TrainError::Sets { .. } => {
                Self::new(Code::Counts, error.to_string()).help("use training and test files that belong together")
            }
            TrainError::Checkpoint(error) => Self::checkpoint(*error),
            TrainError::TargetFile { .. } => Self::target_file(&error),
            TrainError::Answers { .. } => Self::new(Code::ModelFile, error.to_string())
                .help("write one row of finite numbers for each example, in the order of the data"),
            TrainError::Targets { .. } | TrainError::TargetViews { .. } => Self::new(Code::SoftTargets, error.to_string())
                .note("row i would be paired with another example")
                .help("write them again: `distill teach RECIPE`"),
            TrainError::TooManyViews => Self::new(Code::Value, error.to_string()).help("set `kd.targets = \"live\"`"),
            TrainError::Unpaired { .. } => Self::new(Code::Counts, error.to_string())
                .help("compare models that were evaluated on the same test set"),
            TrainError::NonFinite { .. } => Self::new(Code::NonFinite, error.to_string())
                .note("the weights were not changed in that step")
                .help("lower the learning rate, or set `clip_grad_norm = 1.0` beside it"),
            TrainError::Answer { .. } => Self::new(Code::NonFinite, error.to_string())
                .note("its inputs are too large for the model, or the model has diverged")
                .help("`distill check` says which inputs are too large: correct the example or leave it out; else use another model"),
            TrainError::NoBf16 => Self::new(Code::Processor, error.to_string())
                .note("bf16 needs AVX512-BF16: AMD Zen 4 and later, Intel Cooper Lake, Sapphire Rapids and later")
                .help("set `precision = \"f32\"`, `\"bf16-or-f32\"` for bf16 where available, or `\"bf16-emulated\"` to try its accuracy"),
            TrainError::Loss(_) | TrainError::Unlabelled { .. } | TrainError::Empty { .. } => {
                Self::new(Code::Label, error.to_string()).help("use labelled data, or `kd.alpha = 1.0` for students")
            }
            other => Self::new(Code::Bug, other.to_string()),
        }
    }
}
