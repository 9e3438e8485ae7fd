use std::borrow::Cow;
use std::collections::BTreeMap;

use distill_models::{
    AnswerKind, MIN_PROBABILITY, MapShape, Model, ModelError, ModelSpec, Provenance, Scratch, Tape, Task,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::engine::{Engine, OnnxEngine, Own, Prepared};
use crate::shape::{INPUT_SHAPE, Shape};
use crate::{Description, OnnxError, OnnxOptions, describe, names, trees, with_weights_inside};

/// Inputs that are made up to see what a graph answers with.
const PROBES: usize = 8;

/// Operators that give each class a number from 0 to 1 of its own.
const SIGMOIDS: [&str; 2] = ["Sigmoid", "HardSigmoid"];

/// A classifier, or a model that gives numbers, from an ONNX file.
///
/// Where tract or ONNX Runtime computes it, each batch of the graph has the same size, and the last one is filled with zeros. So
/// an answer depends neither on who asks for how many nor on the number of threads.
pub struct OnnxModel {
    engine: Engine,
    computes: OnnxEngine,
    shape: Shape,
    answers: AnswerKind,
    scale: f32,
    shift: f32,
    spec: ModelSpec,
    names_classes: bool,
    names_shape: bool,
    description: Description,
    taps: Vec<Tapped>,
}

/// An inner value that is shown.
struct Tapped {
    name: String,
    /// Numbers of one example.
    width: usize,
    /// Operators on images have channels first, so that what has four sides is taken for a map of that order.
    map: Option<MapShape>,
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxModel").field("spec", &self.spec).field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl OnnxModel {
    /// Prepares a file to be asked. Whatever the bytes are, sizes that they claim are compared with what is there.
    ///
    /// # Errors
    /// [`OnnxError::NoEngine`] without the feature `tract`, if the file has what no [`Network`](distill_models::Network) has; any
    /// other if the file or an option cannot be used.
    pub fn from_bytes(bytes: &[u8], options: &OnnxOptions) -> Result<Self, OnnxError> {
        Self::with_files(bytes, &BTreeMap::new(), options)
    }

    /// The same for a file that keeps weights in others beside it. Their names are those of
    /// [`external_files`](crate::external_files), and `beside` has what is in them.
    ///
    /// # Errors
    /// The same, and those of [`with_weights_inside`](crate::with_weights_inside).
    pub fn with_files(
        bytes: &[u8],
        beside: &BTreeMap<String, Vec<u8>>,
        options: &OnnxOptions,
    ) -> Result<Self, OnnxError> {
        for (key, value) in [("scale", options.scale), ("shift", options.shift)] {
            if !value.is_finite() || (key == "scale" && value == 0.0) {
                return Err(OnnxError::Option { key, reason: format!("cannot be {value}") });
            }
        }
        let whole = with_weights_inside(bytes, beside)?;
        // A file that has all its weights inside names no others.
        let files = if matches!(whole, Cow::Borrowed(_)) { vec![] } else { describe::describe(bytes)?.files };
        let (prepared, computes) = Engine::prepare(&whole, options)?;
        let Prepared { engine, shape, n_classes, task, taps, producer, description } = prepared;
        let description = Description { files, ..description };
        let labels = if task == Task::Classes { trees::labels(bytes, n_classes) } else { None };
        let classes = names::choose(options.classes.as_deref(), &description.metadata, labels, n_classes, task)?;
        let names_classes = classes.is_some();
        let names_shape = options.input_shape.is_some() || description.metadata.contains_key(INPUT_SHAPE);
        let spec = ModelSpec {
            architecture: architecture(&description, engine.own().and_then(Own::n_trees)),
            input_shape: shape.data.clone(),
            classes: classes.unwrap_or_else(|| (0..n_classes).map(|class| class.to_string()).collect()),
            parameters: description.parameters,
            task,
        };
        let (scale, shift) = (options.scale, options.shift);
        let answers = AnswerKind { probabilities: false, why: String::new(), zeros: None };
        let taps = options.taps.iter().zip(taps).map(|(tap, sides)| Tapped::new(&tap.name, &sides)).collect();
        let mut model = Self {
            engine,
            computes,
            shape,
            answers,
            scale,
            shift,
            spec,
            names_classes,
            names_shape,
            description,
            taps,
        };
        let tried = model.try_out()?;
        model.answers = match task {
            Task::Classes => kind(tried.view(), &producer, options.probabilities)?,
            Task::Numbers => of_numbers(options.probabilities)?,
        };
        if model.answers.probabilities {
            model.spec.architecture += &format!(" ({})", AnswerKind::PROBABILITIES);
        }
        Ok(model)
    }

    /// What a file says of itself, without preparing it and without an engine.
    ///
    /// # Errors
    /// [`OnnxError::Damaged`] or [`OnnxError::TooLarge`].
    pub fn describe(bytes: &[u8]) -> Result<Description, OnnxError> {
        describe::describe(bytes)
    }

    /// Whether the names of its classes, or of its numbers, come from the file or an option; else they are `0`, `1`, ….
    pub fn names_classes(&self) -> bool {
        self.names_classes
    }

    /// Whether the metadata or an option say which shape the data has; else it is that of the input.
    pub fn names_shape(&self) -> bool {
        self.names_shape
    }

    /// What its file says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What computes it, and why no operations of our own do.
    pub fn engine(&self) -> &OnnxEngine {
        &self.computes
    }

    /// What its answers were taken for. Numbers to predict are taken as they are, which logits are too.
    pub fn answers(&self) -> &AnswerKind {
        &self.answers
    }

    /// Where the model comes from: what this program wrote into the file, or else who made it.
    pub fn provenance(&self) -> Provenance {
        let written = self.description.metadata.get("provenance");
        written.and_then(|text| serde_json::from_str::<Provenance>(text).ok()).unwrap_or_else(|| {
            let pairs = [("producer", &self.description.producer), ("graph", &self.description.name)];
            let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            pairs.map(|(key, value)| (key.to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        })
    }

    /// Computes what it answers to some inputs that are made up, of which the first is zeros: what cannot be computed is
    /// found before anybody waits for it. Others may be no inputs of this graph, and are then left out.
    fn try_out(&self) -> Result<Array2<f32>, OnnxError> {
        let (features, n_classes) = (self.spec.features(), self.spec.classes.len());
        let probes = probes(features);
        let mut found = vec![];
        for (number, rows) in probes.chunks(features * self.shape.batch()).enumerate() {
            let answer = match self.answer(&mut rows.chunks(features)) {
                Err(_) if number == 0 => (1, self.answer(&mut std::iter::once(&rows[..features]))?),
                Err(_) => continue,
                Ok(answer) => (rows.len() / features, answer),
            };
            let (n, answer) = answer;
            let answer = answer
                .get(..n * n_classes)
                .ok_or_else(|| OnnxError::Engine { reason: "the output is shorter than its shape".to_owned() })?;
            // What is not finite is found where it matters.
            found.extend(answer.chunks(n_classes).filter(|row| row.iter().all(|z| z.is_finite())).flatten().copied());
        }
        let shape = (found.len() / n_classes, n_classes);
        Array2::from_shape_vec(shape, found).map_err(|error| OnnxError::Engine { reason: error.to_string() })
    }

    fn answer(&self, rows: &mut dyn Iterator<Item = &[f32]>) -> Result<Vec<f32>, OnnxError> {
        Ok(self.answers_of(rows, 1)?.swap_remove(0))
    }

    /// The output, and the first values that are shown; `n` in all.
    fn answers_of(&self, rows: &mut dyn Iterator<Item = &[f32]>, n: usize) -> Result<Vec<Vec<f32>>, OnnxError> {
        self.engine.run(&self.shape, rows, |value| self.scale * value + self.shift, n)
    }

    fn block(&self, inputs: ArrayView2<'_, f32>, n: usize) -> Result<Vec<Vec<f32>>, OnnxError> {
        let inputs = inputs.as_standard_layout();
        let rows = inputs.as_slice().unwrap_or_default();
        self.answers_of(&mut rows.chunks_exact(self.spec.features()), n)
    }

    fn write_logits(&self, answer: &[f32], mut out: ArrayViewMut2<'_, f32>) {
        for (mut out, answer) in out.rows_mut().into_iter().zip(answer.chunks_exact(self.spec.classes.len())) {
            out.iter_mut().zip(answer).for_each(|(out, &value)| *out = self.logit(value));
        }
    }

    fn logit(&self, answer: f32) -> f32 {
        match self.answers.probabilities {
            // A NaN stays one, so that it is found.
            true if answer < MIN_PROBABILITY => MIN_PROBABILITY.ln(),
            true => answer.ln(),
            false => answer,
        }
    }

    /// The logits of any number of rows by operations of our own, which share them among the threads themselves.
    fn by_own(
        &self,
        own: &Own,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        if (self.scale, self.shift) == (1.0, 0.0) {
            own.answers_into(inputs, scratch, out.view_mut())?;
        } else {
            let inputs = inputs.mapv(|value| self.scale * value + self.shift);
            own.answers_into(inputs.view(), scratch, out.view_mut())?;
        }
        if self.answers.probabilities {
            out.mapv_inplace(|answer| self.logit(answer));
        }
        Ok(())
    }

    fn check_width(&self, inputs: ArrayView2<'_, f32>) -> Result<(), ModelError> {
        match (self.spec.features(), inputs.ncols()) {
            (expected, actual) if expected != actual => Err(ModelError::Features { expected, actual }),
            _ => Ok(()),
        }
    }
}

impl Tapped {
    fn new(name: &str, sides: &[usize]) -> Self {
        let map = match *sides {
            [_, channels, rows, columns] => Some(MapShape { channels, rows, columns, channels_last: false }),
            _ => None,
        };
        Self { name: name.to_owned(), width: sides.iter().skip(1).product(), map }
    }
}

/// The first error in the order of the rows, with any number of threads.
fn all<T>(outcomes: Vec<Result<T, OnnxError>>) -> Result<Vec<T>, ModelError> {
    let outcome: Result<Vec<T>, OnnxError> = outcomes.into_iter().collect();
    outcome.map_err(|error| ModelError::Engine { reason: error.to_string() })
}

impl Model for OnnxModel {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rows_at_a_time(&self) -> usize {
        self.engine.own().map_or(self.shape.batch(), Own::rows_at_a_time)
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.check_width(inputs)?;
        if let Some(own) = self.engine.own() {
            return self.by_own(own, inputs, scratch, out);
        }
        let batch = self.shape.batch();
        let inputs = inputs.axis_chunks_iter(Axis(0), batch).into_par_iter();
        let blocks = inputs.zip(out.axis_chunks_iter_mut(Axis(0), batch));
        let write = |(inputs, out)| -> Result<(), OnnxError> {
            self.write_logits(&self.block(inputs, 1)?[0], out);
            Ok(())
        };
        all(blocks.map(write).collect()).map(drop)
    }

    /// Those that the options have named.
    fn inner_values(&self) -> Vec<(String, usize)> {
        let taps = self.taps.iter().map(|tap| (tap.name.clone(), tap.width));
        taps.chain([("logits".to_owned(), self.spec.classes.len())]).collect()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.taps.iter().find(|tap| tap.name == name)?.map
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.check_width(inputs)?;
        tape.begin(inputs.nrows());
        if let (Some(own), Some(logits)) = (self.engine.own(), tape.slots_mut().last_mut()) {
            return self.by_own(own, inputs, &mut Scratch::default(), logits.value_mut());
        }
        let (batch, n) = (self.shape.batch(), 1 + self.taps.len());
        let blocks = inputs.axis_chunks_iter(Axis(0), batch).into_par_iter();
        let answers = all(blocks.map(|inputs| self.block(inputs, n)).collect())?;
        let Some((logits, taps)) = tape.slots_mut().split_last_mut() else { return Ok(()) };
        for (i, answer) in answers.iter().enumerate() {
            let rows = s![i * batch..((i + 1) * batch).min(inputs.nrows()), ..];
            self.write_logits(&answer[0], logits.value_mut().slice_mut(rows));
            for ((tap, answer), slot) in self.taps.iter().zip(&answer[1..]).zip(&mut *taps) {
                let mut value = slot.value_mut();
                let numbers = answer.chunks_exact(tap.width);
                value.slice_mut(rows).rows_mut().into_iter().zip(numbers).for_each(|(mut row, numbers)| {
                    row.iter_mut().zip(numbers).for_each(|(value, &number)| *value = number);
                });
            }
        }
        Ok(())
    }
}

/// Inputs from 0 to 1, one after the other: zeros, ones, halves, and others without a pattern.
fn probes(features: usize) -> Vec<f32> {
    let number = |probe: usize, i: usize| match probe {
        0..3 => [0.0, 1.0, 0.5][probe],
        _ => ((i * 7919 + probe * 104_729 + i * i % 1009 * 31) % 1000) as f32 / 999.0,
    };
    (0..PROBES * features).map(|at| number(at / features, at % features)).collect()
}

/// What the answers to the probes are, which `producer` computes.
fn kind(answers: ArrayView2<'_, f32>, producer: &str, said: Option<bool>) -> Result<AnswerKind, OnnxError> {
    let refused = |reason| OnnxError::Option { key: "probabilities", reason };
    if said.is_none() && SIGMOIDS.contains(&producer) {
        let reason =
            "must be set, as a sigmoid gives each class a number of its own, which is neither logit nor probability";
        return Err(refused(reason.to_owned()));
    }
    let n = answers.nrows();
    let mut kind = AnswerKind::of(answers, said, true).map_err(|error| {
        let what = if said.is_some() { "cannot be true" } else { "must be set" };
        refused(format!("{what}: for {n} made-up inputs {error}"))
    })?;
    if kind.probabilities && said.is_none() {
        kind.why = match producer {
            "Softmax" => "a softmax computes them".to_owned(),
            _ => format!("for {n} made-up inputs they are from 0 to 1 and add up to 1"),
        };
    }
    Ok(kind)
}

/// What numbers to predict are, whatever they are: nothing is asked of them.
fn of_numbers(said: Option<bool>) -> Result<AnswerKind, OnnxError> {
    if said == Some(true) {
        let reason = "cannot be true, as the outputs are numbers to predict, which are taken as they are; leave it out";
        return Err(OnnxError::Option { key: "probabilities", reason: reason.to_owned() });
    }
    Ok(AnswerKind { probabilities: false, why: "numbers to predict, taken as they are".to_owned(), zeros: None })
}

/// What our own files name their graph, else its size, or the number of its trees.
fn architecture(description: &Description, n_trees: Option<usize>) -> String {
    let n: usize = description.operators.values().sum();
    match n_trees {
        _ if description.is_ours() && !description.name.is_empty() => description.name.clone(),
        Some(0) => "linear model".to_owned(),
        Some(1) => "1 decision tree".to_owned(),
        Some(n) => format!("{n} decision trees"),
        None => format!("ONNX graph of {n} operators"),
    }
}
