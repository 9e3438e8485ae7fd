//! ONNX Runtime, from a library that the user names. It is loaded when a file is first computed by it; nothing of it is built in.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{PrimitiveTensorElementType, Tensor};

use crate::OnnxError;
use crate::taps::Answer;

/// One for the whole process, with the library that was named first.
static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();

/// A graph in ONNX Runtime: as many sessions of one thread as ask at the same time. So no answer depends on how ONNX Runtime
/// divides work.
pub(super) struct Runtime {
    environment: Environment,
    graph: Vec<u8>,
    idle: Mutex<Vec<Session>>,
    input: String,
    outputs: Vec<String>,
}

impl Runtime {
    /// Loads the library, and the graph into a first session.
    pub(super) fn new(library: &Path, graph: Vec<u8>, input: &str, outputs: &[String]) -> Result<Self, OnnxError> {
        let made = ENVIRONMENT.get_or_init(|| load(library));
        let environment = made.clone().map_err(|reason| OnnxError::Option { key: "library", reason })?;
        let idle = Mutex::new(vec![]);
        let runtime = Self { environment, graph, idle, input: input.to_owned(), outputs: outputs.to_vec() };
        let first = runtime.session()?;
        runtime.give_back(first);
        Ok(runtime)
    }

    /// Computes one batch: the first `n` outputs, each with its shape and its numbers as f32.
    pub(super) fn run<T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static>(
        &self,
        shape: &[usize],
        values: Vec<T>,
        n: usize,
    ) -> Result<Vec<Answer>, OnnxError> {
        let free = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = free.map_or_else(|| self.session(), Ok)?;
        let input = Tensor::from_array((shape.to_vec(), values)).map_err(failed)?;
        let answers: Result<Vec<Answer>, OnnxError> = {
            let found = session.run(vec![(self.input.as_str(), SessionInputValue::from(input))]).map_err(failed)?;
            let answer = |name: &String| -> Result<Answer, OnnxError> {
                let output = found.get(name.as_str()).ok_or_else(|| failed(format!("there is no output `{name}`")))?;
                let sides = |shape: &[i64]| shape.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
                if let Ok((shape, values)) = output.try_extract_tensor::<f32>() {
                    return Ok((sides(shape), values.to_vec()));
                }
                let (shape, values) = output
                    .try_extract_tensor::<f64>()
                    .map_err(|error| failed(format!("`{name}` is not made of f32 or f64: {error}")))?;
                #[expect(clippy::cast_possible_truncation, reason = "values are f32")]
                let values = values.iter().map(|&value| value as f32).collect();
                Ok((sides(shape), values))
            };
            self.outputs.iter().take(n).map(answer).collect()
        };
        self.give_back(session);
        answers
    }

    fn session(&self) -> Result<Session, OnnxError> {
        let builder = Session::builder(&self.environment).map_err(failed)?;
        let builder = builder.with_intra_threads(1).map_err(failed)?;
        let mut builder = builder.with_log_level(LogLevel::Fatal).map_err(failed)?;
        builder.commit_from_memory(&self.graph).map_err(failed)
    }

    fn give_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

fn load(library: &Path) -> Result<Environment, String> {
    // A relative path would be looked for beside the program.
    let path = std::path::absolute(library).map_err(|error| error.to_string())?;
    if !path.is_file() {
        return Err(format!("is `{}`, which does not exist", path.display()));
    }
    let builder = ort::init_from(&path).map_err(|error| format!("cannot be loaded: {error}"))?;
    builder.with_name("distill").build().map_err(|error| format!("cannot be used: {error}"))
}

fn failed(error: impl std::fmt::Display) -> OnnxError {
    OnnxError::Engine { reason: error.to_string() }
}
