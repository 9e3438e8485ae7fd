use std::io::Cursor;

use distill_models::{Model, Scratch, Task};
use distill_recipe::Diagnostic;

use crate::answers::{Answers, Format};
use crate::batch::{Batch, Ids};
use crate::lines::Lines;
use crate::pictures::Seen;
use crate::reading::Reading;
use crate::source::Source;

/// Asks a model about rows, some at a time, in memory that does not grow with their number.
pub struct Predictor<'a, W> {
    model: &'a dyn Model,
    answers: Answers<'a>,
    write: W,
    pub(crate) batch: Batch,
    /// Whether black and white of pictures change places.
    pub invert: bool,
    seen: Seen,
    scratch: Scratch,
    pub(crate) logits: Vec<f32>,
    n_answered: u64,
}

impl<'a, W: FnMut(&[u8]) -> Result<(), Diagnostic>> Predictor<'a, W> {
    /// A predictor that gives what it writes to `write`, piece by piece.
    pub fn new(model: &'a dyn Model, answers: Answers<'a>, write: W) -> Self {
        let spec = model.spec();
        let batch = Batch::new(spec.features(), spec.classes.len());
        let (seen, scratch) = (Seen::default(), Scratch::default());
        Self { model, answers, write, batch, invert: false, seen, scratch, logits: vec![], n_answered: 0 }
    }

    /// What was seen of pictures so far.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Answers every row, and those before a bad one in any case. `show` is told how many rows are answered, and how much of
    /// the source that is.
    ///
    /// # Errors
    /// For the first row that cannot be read, that does not fit the model, or of which the answer is not a finite number: with
    /// its line, [`Code::PredictInput`](distill_recipe::Code::PredictInput). And what `write` returns.
    pub fn answer(
        &mut self,
        source: &mut Source,
        mut show: impl FnMut(u64, Option<(u64, u64)>),
    ) -> Result<(), Diagnostic> {
        self.seen.note(source.changed());
        loop {
            let more = source.next(&mut self.batch);
            if matches!(more, Ok(true)) && source.is_pictures() {
                let picture = self.batch.last();
                if self.invert {
                    picture.iter_mut().for_each(|value| *value = 1.0 - *value);
                }
                self.seen.add(picture);
            }
            // Whoever waits for an answer before he writes the next row gets it.
            if !matches!(more, Ok(true)) || self.batch.is_full() || !source.is_ready() {
                self.flush()?;
                show(self.n_answered, source.part());
            }
            if !more? {
                return Ok(());
            }
        }
    }

    /// Answers the rows that wait.
    ///
    /// # Errors
    /// As [`Predictor::answer`].
    pub fn flush(&mut self) -> Result<(), Diagnostic> {
        let n_rows = self.batch.len();
        let (answers, scratch) = (&mut self.answers, &mut self.scratch);
        let outcome = self.batch.ask(self.model, scratch, &mut self.logits, |id, logits| answers.push(id, logits));
        if !self.answers.text().is_empty() {
            (self.write)(self.answers.text())?;
        }
        self.answers.clear();
        self.n_answered += n_rows as u64;
        self.batch.clear();
        outcome
    }
}

/// The answers to rows as they would come on standard input.
///
/// # Errors
/// As [`Predictor::answer`]; the answers before the row are lost.
pub fn predict_rows(model: &dyn Model, rows: Vec<u8>) -> Result<String, Diagnostic> {
    let (spec, mut text) = (model.spec(), Vec::new());
    let answers = match spec.task {
        Task::Classes => Answers::new(Format::Csv, &spec.classes, None, false, 1.0)?,
        Task::Numbers => Answers::numbers(Format::Csv, &spec.classes)?,
    };
    let mut predictor = Predictor::new(model, answers, |part| {
        text.extend_from_slice(part);
        Ok(())
    });
    let lines = Lines::new(Box::new(Cursor::new(rows)), "stdin".to_owned(), false);
    let mut source = Source::new(lines, None, spec, &Reading::default(), Ids::new(None), None)?;
    predictor.answer(&mut source, |_, _| {})?;
    predictor.flush()?;
    drop(predictor);
    Ok(String::from_utf8_lossy(&text).into_owned())
}
