//! Our own side of a measurement: a process that is asked as the peers are.

mod answer;
mod onnx;
mod product;
mod train;

use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;

use distill_datasets::{Dataset, Split};
use rayon::ThreadPoolBuilder;

use crate::Result;
use crate::files::{self, Files};
use crate::machine;
use crate::request::{Answer, Hello, Lesson, Precision, Reply, Request, Work};
use answer::Answering;
use onnx::Engine;
use train::Training;

/// Answers requests until there are no more.
///
/// With the library of ONNX Runtime it is that which answers, called from here as anybody would call it from Rust.
pub(crate) fn run(folder: &Path, threads: usize, onnxruntime: Option<&Path>) -> Result<()> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let onnxruntime = onnxruntime.map(|library| Engine::load(library, threads)).transpose()?;
    pool.install(|| serve(folder, threads, onnxruntime))
}

fn serve(folder: &Path, threads: usize, onnxruntime: Option<Engine>) -> Result<()> {
    let hello = match &onnxruntime {
        Some(engine) => engine.hello(),
        None => Hello {
            name: "distill".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            threads,
            features: machine::simd().into_iter().map(str::to_owned).collect(),
        },
    };
    say(&serde_json::to_string(&hello)?)?;
    let mut worker = Worker { files: Files::at(folder), onnxruntime, session: None };
    for line in stdin().lock().lines() {
        let reply = match worker.answer(&serde_json::from_str(&line?)?) {
            Ok(answer) => Reply::Done(answer),
            Err(error) => Reply::Refused { error: error.to_string() },
        };
        say(&serde_json::to_string(&reply)?)?;
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

struct Worker {
    files: Files,
    onnxruntime: Option<Engine>,
    /// The request that the state belongs to, with its seconds set to zero.
    session: Option<(Request, Session)>,
}

enum Session {
    Training(Box<Training>),
    Answering(Box<Answering>),
    Product,
}

impl Worker {
    fn answer(&mut self, request: &Request) -> Result<Answer> {
        let key = Request { seconds: 0.0, ..request.clone() };
        let (_, session) = match self.session.take() {
            Some(same) if same.0 == key => self.session.insert(same),
            _ => self.session.insert((key, Session::new(request, &self.files, self.onnxruntime.as_ref())?)),
        };
        match session {
            Session::Training(training) => training.measure(request.seconds),
            Session::Answering(answering) => answering.measure(request),
            Session::Product => product::measure(request.layers.first().copied().unwrap_or(1), request.seconds),
        }
    }
}

impl Session {
    fn new(request: &Request, files: &Files, onnxruntime: Option<&Engine>) -> Result<Self> {
        if onnxruntime.is_some() && !matches!(request.work, Work::Throughput | Work::Latency) {
            return Err("ONNX Runtime answers, and does nothing else".into());
        }
        if request.precision == Precision::Bf16 && request.work != Work::Train {
            return Err("bf16 is for training".into());
        }
        Ok(match request.work {
            Work::Train => {
                let data: Box<dyn Dataset> = match request.lesson {
                    Lesson::Text => Box::new(files::text()?),
                    _ => Box::new(files.inputs_of(request.network, Split::Train, request.inputs)?),
                };
                Self::Training(Box::new(Training::new(request, data, files)?))
            }
            Work::Throughput | Work::Latency => {
                let data = files.inputs_of(request.network, Split::Test, request.inputs)?;
                Self::Answering(Box::new(Answering::new(request.network, &data, files, onnxruntime)?))
            }
            Work::Product => Self::Product,
        })
    }
}
