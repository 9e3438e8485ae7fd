use std::collections::BTreeMap;

use distill_models::{Model as _, Network, Provenance, Task};

use crate::build::{build, output_name};
use crate::evaluate::{Answer, evaluate};
use crate::graph::Graph;
use crate::plan::{Plan, Step};
use crate::wire::{Fields, Message};
use crate::{ExportError, OnnxExportOptions};

/// The version of ONNX's operators that files are written for.
pub const OPSET: i64 = 17;
/// The version of the file format that came with it.
const IR_VERSION: i64 = 8;
/// Names the program in the files that this crate writes.
pub const PRODUCER: &str = "distill";
/// A parser of Protocol Buffers reads no more.
const MAX_BYTES: u64 = i32::MAX as u64;

/// Most entries of the metadata, and most bytes of one: names of classes are in a safetensors header of that limit.
const MAX_METADATA: usize = 16;
const MAX_METADATA_BYTES: usize = 1 << 19;

const CLASSES: &str = "classes";
const INPUT_SHAPE: &str = "input_shape";
const PROVENANCE: &str = "provenance";
/// The entry of the metadata with the task, where it is not the usual one: files of classifiers are what they were before there was
/// another.
pub const TASK: &str = "task";
/// What that entry is in the file of a model that gives numbers.
pub const NUMBERS: &str = "numbers";

const DOC_OF_NUMBERS: &str = "A regression. `input` is what the model was trained on: the numbers of a table, or images as pixels \
                              from 0 to 1, which is their bytes divided by 255. `predictions` has the numbers that it predicts, \
                              in the units of the data. Their names, in that order, are a JSON array in the metadata, entry \
                              `classes`, and entry `task` is `numbers`.";

const DOC: &str = "A classifier. `input` is what the model was trained on: images as pixels from 0 to 1, which is \
                   their bytes divided by 255. `logits` has one number for each class. The names of the classes, in \
                   the order of the logits, are a JSON array in the metadata, entry `classes`.";

/// A model as an ONNX graph, which can be run without the model it was made of.
///
/// # Examples
/// ```
/// use distill_export::{OnnxExport, OnnxExportOptions, compare};
/// use distill_models::{Network, MlpConfig, Provenance};
/// let config = MlpConfig { hidden: vec![3], ..MlpConfig::default() };
/// let model = Network::new(config, vec![1, 2, 2], vec!["yes".into(), "no".into()], 1)?;
/// let bytes = OnnxExport::new(&model, &Provenance::new(), OnnxExportOptions::default())?.to_bytes()?;
/// let exported = OnnxExport::from_bytes(&bytes)?;
/// assert_eq!((exported.classes(), exported.input_shape()), (&["yes".to_owned(), "no".into()][..], &[1, 2, 2][..]));
/// assert!(compare(&model, &exported)?.largest_difference < 1e-5);
/// # Ok::<(), distill_export::ExportError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxExport {
    graph: Graph,
    plan: Plan,
    producer_version: String,
    classes: Vec<String>,
    input_shape: Vec<usize>,
    task: Task,
    provenance: Provenance,
}

impl OnnxExport {
    /// The graph of a model.
    ///
    /// # Errors
    /// [`ExportError::Embedding`], [`ExportError::Flat`] and [`ExportError::Probabilities`] for what is not written;
    /// [`ExportError::Onnx`] if the graph does not make sense, which is a bug.
    pub fn new(model: &Network, provenance: &Provenance, options: OnnxExportOptions) -> Result<Self, ExportError> {
        let graph = build(model, options)?;
        let plan = Plan::new(&graph).map_err(refused)?;
        Ok(Self {
            graph,
            plan,
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            classes: model.spec().classes.clone(),
            input_shape: model.spec().input_shape.clone(),
            task: model.spec().task,
            provenance: provenance.clone(),
        })
    }

    /// The bytes of an ONNX file. Equal models give equal bytes.
    ///
    /// # Errors
    /// [`ExportError::TooLarge`] above 2 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ExportError> {
        let mut opset = Message::default();
        opset.text(1, "").int(2, OPSET);
        let mut model = Message::default();
        let doc = if self.task == Task::Numbers { DOC_OF_NUMBERS } else { DOC };
        model.int(1, IR_VERSION).text(2, PRODUCER).text(3, &self.producer_version).text(6, doc);
        model.message(7, &self.graph.encode()).message(8, &opset);
        let metadata = [
            (CLASSES, serde_json::json!(self.classes)),
            (INPUT_SHAPE, serde_json::json!(self.input_shape)),
            (PROVENANCE, serde_json::json!(self.provenance)),
        ];
        let metadata = metadata.map(|(key, value)| (key, value.to_string()));
        let task = (self.task == Task::Numbers).then(|| (TASK, NUMBERS.to_owned()));
        for (key, value) in metadata.into_iter().chain(task) {
            let mut entry = Message::default();
            entry.text(1, key).text(2, &value);
            model.message(14, &entry);
        }
        let bytes = model.into_bytes();
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ExportError::TooLarge { format: "ONNX", n_bytes: bytes.len() as u64, max: MAX_BYTES });
        }
        Ok(bytes)
    }

    /// Reads what [`OnnxExport::to_bytes`] wrote. Whatever the bytes are, memory is taken only for what they hold.
    ///
    /// # Errors
    /// [`ExportError::Onnx`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ExportError> {
        Self::decode(bytes).map_err(refused)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (mut ir_version, mut operators, mut producer_version) = (0, None, String::new());
        let (mut graph, mut metadata) = (None, BTreeMap::new());
        for field in Fields::new(bytes) {
            let (number, value) = field?;
            match number {
                1 => ir_version = value.int()?,
                3 => producer_version = value.text()?,
                7 if graph.is_some() => return Err("it has two graphs".to_owned()),
                7 => graph = Some(Graph::decode(value.fields()?)?),
                8 if operators.is_some() => return Err("it has operators of two kinds".to_owned()),
                8 => operators = Some(opset(value.fields()?)?),
                14 => {
                    let (key, value) = entry(value.fields()?)?;
                    if metadata.len() == MAX_METADATA || value.len() > MAX_METADATA_BYTES {
                        return Err("it has more metadata than is written".to_owned());
                    }
                    metadata.insert(key, value);
                }
                _ => {}
            }
        }
        if ir_version != IR_VERSION || operators != Some((String::new(), OPSET)) {
            return Err(format!("it has format {ir_version}, operators {operators:?}, not {IR_VERSION} and {OPSET}"));
        }
        let graph = graph.ok_or("it has no graph")?;
        let plan = Plan::new(&graph)?;
        let json = |key: &str| metadata.get(key).ok_or(format!("its metadata has no `{key}`"));
        let unreadable = |error: serde_json::Error| format!("its metadata cannot be read: {error}");
        let classes: Vec<String> = serde_json::from_str(json(CLASSES)?).map_err(unreadable)?;
        let input_shape: Vec<usize> = serde_json::from_str(json(INPUT_SHAPE)?).map_err(unreadable)?;
        let provenance = serde_json::from_str(json(PROVENANCE)?).map_err(unreadable)?;
        let task = match metadata.get(TASK).map(String::as_str) {
            None => Task::Classes,
            Some(NUMBERS) => Task::Numbers,
            Some(other) => return Err(format!("it has the task {other:?}; {NUMBERS:?} is possible")),
        };
        let answers = output_name(task);
        if graph.outputs.first().is_none_or(|first| first.dims != [classes.len()]) {
            return Err(format!("it has {} names, and another number of {answers}", classes.len()));
        }
        if task == Task::Numbers && (graph.outputs.len() > 1 || graph.outputs[0].name != answers) {
            return Err(format!("it gives numbers, and its outputs are not `{answers}` alone"));
        }
        let features = |sides: &[usize]| sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        if features(&input_shape) != features(&graph.inputs[0].dims) {
            return Err(format!("its input should have shape {input_shape:?} but has {:?}", graph.inputs[0].dims));
        }
        Ok(Self { graph, plan, producer_version, classes, input_shape, task, provenance })
    }

    /// What its first output is: `logits` of classes, or numbers, which are called `predictions`.
    pub fn task(&self) -> Task {
        self.task
    }

    /// Names of the classes in the order of the logits, or of the numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Shape of one input of the model, also where the graph takes it flat.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Where the model comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Names and shapes of the inputs, then of the outputs, without the batch.
    pub fn ports(&self) -> [Vec<(&str, &[usize])>; 2] {
        [&self.graph.inputs, &self.graph.outputs]
            .map(|ports| ports.iter().map(|port| (port.name.as_str(), port.dims.as_slice())).collect())
    }

    /// The rows of the table that its input has the numbers of, if it is one.
    pub(crate) fn tokens(&self) -> Option<usize> {
        self.plan.steps.iter().find_map(|step| match step {
            Step::Gather { table, .. } => self.graph.constants[*table].dims.first().copied(),
            _ => None,
        })
    }

    /// Numbers of all values, and products of two numbers, for one input.
    pub(crate) fn work(&self) -> [usize; 2] {
        [self.plan.numbers, self.plan.products]
    }

    /// The largest weight and the bias of each number of the output, if the last step is a layer that gives it.
    pub(crate) fn last_layer(&self) -> Option<Vec<[f64; 2]>> {
        let Some(&Step::Gemm { weight, bias, .. }) = self.plan.steps.last() else { return None };
        let [weight, bias] = [weight, bias].map(|at| self.graph.constants[at].values.as_slice());
        let rows = weight.chunks_exact(weight.len() / bias.len());
        let largest = |row: &[f32]| row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        Some(rows.zip(bias).map(|(row, bias)| [largest(row), bias.abs()].map(f64::from)).collect())
    }

    pub(crate) fn answer(&self, input: &[f32]) -> Answer {
        evaluate(&self.graph, &self.plan, input)
    }
}

fn refused(reason: String) -> ExportError {
    ExportError::Onnx { reason }
}

fn opset(fields: Fields<'_>) -> Result<(String, i64), String> {
    let (mut domain, mut version) = (String::new(), 0);
    for field in fields {
        match field? {
            (1, value) => domain = value.text()?,
            (2, value) => version = value.int()?,
            _ => {}
        }
    }
    Ok((domain, version))
}

fn entry(fields: Fields<'_>) -> Result<(String, String), String> {
    let mut entry = (String::new(), String::new());
    for field in fields {
        match field? {
            (1, value) => entry.0 = value.text()?,
            (2, value) => entry.1 = value.text()?,
            _ => {}
        }
    }
    Ok(entry)
}
