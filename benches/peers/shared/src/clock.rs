use std::env;
use std::io::{Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rand::seq::SliceRandom as _;

use crate::protocol::{Hello, Reply};
use crate::{Data, Request, Result, Work};

/// Calls before any is timed.
const WARM_UP: usize = 20;

/// A network in training.
pub trait Training: Sized {
    fn new(request: &Request, data: Data) -> Result<Self>;

    /// One step on these examples; the loss if it is asked for, which must not be paid for otherwise.
    fn step(&mut self, rows: &[u32], wants_loss: bool) -> Result<f64>;
}

/// A trained network that answers.
pub trait Answering: Sized {
    fn new(layers: &[usize], data: &Data) -> Result<Self>;

    /// Cuts the images into whole batches and returns their number.
    fn cut(&mut self, batch: usize) -> Result<usize>;

    /// Computes the logits of a batch.
    fn answer(&mut self, batch: usize) -> Result<()>;

    /// The most probable class of every image.
    fn predictions(&mut self) -> Result<Vec<u32>>;
}

/// Answers requests on standard input until there are no more.
pub fn serve<T: Training, A: Answering>(name: &str, version: &str, features: &[&str]) -> Result<()> {
    let (folder, threads) = arguments()?;
    say(&Hello { name, version, threads, features })?;
    let mut session: Option<(Request, Session<T, A>)> = None;
    for line in stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let key = Request { seconds: 0.0, ..request.clone() };
        let kept = session.take().filter(|(same, _)| *same == key);
        let reply =
            kept.map_or_else(|| Session::new(&request, &folder), |(_, session)| Ok(session)).and_then(|mut same| {
                let (value, check) = same.measure(&request)?;
                session = Some((key, same));
                Ok(Reply::Done { value, check })
            });
        say(&reply.unwrap_or_else(|error| Reply::Refused { error: error.to_string() }))?;
    }
    Ok(())
}

/// `--data FOLDER --threads N`; the threads are those of RAYON_NUM_THREADS and only said here.
fn arguments() -> Result<(PathBuf, usize)> {
    let args: Vec<String> = env::args().collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name).ok_or_else(|| format!("{name} is missing"))?;
        args.get(at + 1).cloned().ok_or_else(|| format!("{name} needs a value"))
    };
    Ok((value("--data")?.into(), value("--threads")?.parse()?))
}

fn say(what: &impl serde::Serialize) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", serde_json::to_string(what)?)?;
    Ok(out.flush()?)
}

enum Session<T, A> {
    Training(Trainer<T>),
    Answering { answering: A, errors: f64 },
}

impl<T: Training, A: Answering> Session<T, A> {
    fn new(request: &Request, folder: &Path) -> Result<Self> {
        if request.precision != "f32" {
            return Err(format!("there is no program for {}", request.precision).into());
        }
        match request.work {
            Work::Train => Ok(Self::Training(Trainer::new(request, Data::read(folder, "train", request.inputs)?)?)),
            Work::Throughput | Work::Latency => {
                let data = Data::read(folder, "test", request.inputs)?;
                let mut answering = A::new(&request.layers, &data)?;
                let wrong =
                    answering.predictions()?.into_iter().zip(&data.labels).filter(|(p, l)| *p != u32::from(**l));
                let errors = wrong.count() as f64;
                Ok(Self::Answering { answering, errors })
            }
            Work::Product => Err("there is no program for a product".into()),
        }
    }

    fn measure(&mut self, request: &Request) -> Result<(f64, f64)> {
        match self {
            Self::Training(trainer) => Ok((trainer.measure(request.seconds)?, trainer.warm_loss)),
            Self::Answering { answering, errors } => {
                let (micros, rate) = answers(answering, request)?;
                Ok((if request.work == Work::Latency { micros } else { rate }, *errors))
            }
        }
    }
}

/// Median microseconds of a call, and examples a second.
fn answers(answering: &mut impl Answering, request: &Request) -> Result<(f64, f64)> {
    let n_batches = answering.cut(request.batch)?;
    for call in 0..WARM_UP {
        answering.answer(call % n_batches)?;
    }
    let mut micros = Vec::new();
    let start = Instant::now();
    while micros.is_empty() || start.elapsed().as_secs_f64() < request.seconds {
        let before = Instant::now();
        answering.answer(micros.len() % n_batches)?;
        micros.push(before.elapsed().as_secs_f64() * 1e6);
    }
    let rate = (micros.len() * request.batch) as f64 / start.elapsed().as_secs_f64();
    micros.sort_by(f64::total_cmp);
    Ok((micros[micros.len() / 2], rate))
}

/// Epoch after epoch in a new order.
struct Trainer<T> {
    training: T,
    batch: usize,
    order: Vec<u32>,
    next: usize,
    warm_loss: f64,
}

impl<T: Training> Trainer<T> {
    fn new(request: &Request, data: Data) -> Result<Self> {
        let order: Vec<u32> = (0..u32::try_from(data.len())?).collect();
        let next = order.len();
        let training = T::new(request, data)?;
        let mut trainer = Self { training, batch: request.batch, order, next, warm_loss: 0.0 };
        let mut sum = 0.0;
        for _ in 0..request.warm_steps {
            sum += trainer.step(true)?.1;
        }
        trainer.warm_loss = sum / request.warm_steps as f64;
        Ok(trainer)
    }

    /// Examples and loss of a step.
    fn step(&mut self, wants_loss: bool) -> Result<(usize, f64)> {
        if self.next == self.order.len() {
            self.order.shuffle(&mut rand::rng());
            self.next = 0;
        }
        let end = (self.next + self.batch).min(self.order.len());
        let rows = &self.order[self.next..end];
        self.next = end;
        Ok((rows.len(), self.training.step(rows, wants_loss)?))
    }

    /// Examples a second.
    fn measure(&mut self, seconds: f64) -> Result<f64> {
        self.step(false)?;
        let (start, mut examples) = (Instant::now(), 0);
        loop {
            examples += self.step(false)?.0;
            let elapsed = start.elapsed().as_secs_f64();
            if elapsed >= seconds {
                return Ok(examples as f64 / elapsed);
            }
        }
    }
}
