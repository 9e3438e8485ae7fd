use std::collections::BTreeMap;
use std::sync::Arc;

use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::Prepared;
use crate::describe::describe;
use crate::guard::{guarded, guarded_deep};
use crate::shape::{INPUT_SHAPE, Shape};
use crate::{OnnxError, OnnxOptions, Port, file};

/// Numbers in one tensor of a graph, and in all of them together.
const MAX_TENSOR: usize = 1 << 28;
const MAX_TENSORS: usize = 1 << 30;

/// Classes of a model.
const MAX_CLASSES: usize = 1 << 20;

/// Examples in a batch where the file leaves it open. A constant: results do not depend on who asks for how many.
const BATCH: usize = 16;

/// The same for a graph with convolutions that tract computes. Of several images it copies all windows before it
/// multiplies them, which takes longer than the products do.
const CONV_BATCH: usize = 1;

/// A graph, made ready for batches of one size.
pub(crate) struct Engine {
    computes: Computes,
    element: DatumType,
}

enum Computes {
    Tract(Arc<TypedRunnableModel>),
    #[cfg(feature = "ort")]
    Ort(super::ort::Runtime),
}

impl Engine {
    pub(crate) fn prepare(
        bytes: &[u8],
        beside: &BTreeMap<String, Vec<u8>>,
        options: &OnnxOptions,
    ) -> Result<Prepared, OnnxError> {
        let known = tract_onnx::onnx().op_register.0;
        let mut file = file::decode(bytes, beside, |name| options.library.is_some() || known.contains_key(name))?;
        let description = describe(bytes)?;
        let input = choose_input(&description.inputs, options)?.clone();
        let element = element(&input)?;
        let said = description.metadata.get(INPUT_SHAPE).and_then(|text| serde_json::from_str(text).ok());
        let convolves = options.library.is_none() && description.operators.contains_key("Conv");
        let shape = Shape::new(&input, options, said.as_ref(), if convolves { CONV_BATCH } else { BATCH })?;
        let output = choose_output(&mut file, &description.outputs, options)?;
        let graph = file.graph.as_ref();
        let producer = graph.and_then(|graph| file::source(graph, &output)).map_or(String::new(), str::to_owned);
        let (computes, dims) = match &options.library {
            None => {
                let (plan, dims) = guarded_deep(|| plan(&file, &input.name, element, &shape.graph, &output))?;
                (Computes::Tract(plan), dims)
            }
            Some(library) => runtime(library, &file, &input.name, element, &shape, &output)?,
        };
        let n_classes = classes(&output, &dims, shape.batch())?;
        Ok(Prepared { engine: Self { computes, element }, shape, n_classes, producer, description })
    }

    /// The outputs of at most one batch of examples, one after the other. What the batch lacks is filled with zeros,
    /// so that the engine does the same work for it, in the same order, whatever its size.
    pub(crate) fn run(
        &self,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
    ) -> Result<Vec<f32>, OnnxError> {
        guarded(|| self.computes.run(self.element, shape, rows, scaled).map(|(_, values)| values))
    }
}

impl Computes {
    /// The shape of the output, and its numbers.
    fn run(
        &self,
        element: DatumType,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
    ) -> Result<(Vec<usize>, Vec<f32>), OnnxError> {
        match element {
            DatumType::F32 => self.run_as::<f32>(shape, rows, scaled),
            DatumType::F64 => self.run_as::<f64>(shape, rows, |value| f64::from(scaled(value))),
            // A number that is not whole or too large becomes the nearest that there is.
            DatumType::U8 => self.run_as(shape, rows, |value| scaled(value).round() as u8),
            DatumType::I8 => self.run_as(shape, rows, |value| scaled(value).round() as i8),
            DatumType::I32 => self.run_as(shape, rows, |value| scaled(value).round() as i32),
            _ => self.run_as(shape, rows, |value| scaled(value).round() as i64),
        }
    }

    fn run_as<T: Number>(
        &self,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        convert: impl Fn(f32) -> T,
    ) -> Result<(Vec<usize>, Vec<f32>), OnnxError> {
        let n = shape.features();
        let mut values = vec![T::default(); shape.batch() * n];
        for (row, values) in rows.zip(values.chunks_exact_mut(n)) {
            shape.write(row, values, &convert);
        }
        match self {
            Self::Tract(plan) => {
                let input = Tensor::from_shape(&shape.graph, &values);
                let computed = input.and_then(|input| plan.run(tvec!(input.into())));
                let output = computed.and_then(|outputs| {
                    let output =
                        outputs.into_iter().next().ok_or_else(|| TractError::msg("the graph has no output"))?;
                    let output = output.cast_to::<f32>()?;
                    let output = output.to_plain_array_view::<f32>()?;
                    Ok((output.shape().to_vec(), output.iter().copied().collect()))
                });
                output.map_err(engine)
            }
            #[cfg(feature = "ort")]
            Self::Ort(runtime) => runtime.run(&shape.graph, values),
        }
    }
}

/// What an input may be made of.
#[cfg(not(feature = "ort"))]
trait Number: Datum + Copy + Default {}
#[cfg(not(feature = "ort"))]
impl<T: Datum + Copy + Default> Number for T {}

/// What an input may be made of.
#[cfg(feature = "ort")]
trait Number: Datum + Copy + Default + ort::value::PrimitiveTensorElementType {}
#[cfg(feature = "ort")]
impl<T: Datum + Copy + Default + ort::value::PrimitiveTensorElementType> Number for T {}

/// The same graph in ONNX Runtime, and the shape of what it answers to zeros.
#[cfg(feature = "ort")]
fn runtime(
    library: &std::path::Path,
    file: &ModelProto,
    input: &str,
    element: DatumType,
    shape: &Shape,
    output: &str,
) -> Result<(Computes, Vec<usize>), OnnxError> {
    use prost::Message as _;

    guarded(|| {
        let computes = Computes::Ort(super::ort::Runtime::new(library, file.encode_to_vec(), input, output)?);
        let (dims, _) = computes.run(element, shape, &mut std::iter::empty(), |value| value)?;
        Ok((computes, dims))
    })
}

#[cfg(not(feature = "ort"))]
fn runtime(
    _: &std::path::Path,
    _: &ModelProto,
    _: &str,
    _: DatumType,
    _: &Shape,
    _: &str,
) -> Result<(Computes, Vec<usize>), OnnxError> {
    let reason = "is set, but this build has no ONNX Runtime: build it with the feature `ort`".to_owned();
    Err(OnnxError::Option { key: "library", reason })
}

fn engine(error: TractError) -> OnnxError {
    OnnxError::Engine { reason: format!("{error:#}") }
}

fn names(ports: &[Port]) -> Vec<String> {
    ports.iter().map(|port| port.name.clone()).collect()
}

fn choose_input<'a>(inputs: &'a [Port], options: &OnnxOptions) -> Result<&'a Port, OnnxError> {
    let refused = |wanted| OnnxError::Port { kind: "input", found: names(inputs), wanted };
    match (inputs, &options.input) {
        ([], _) => Err(refused("one is needed".to_owned())),
        ([one], None) => Ok(one),
        ([one], Some(name)) if one.name == *name => Ok(one),
        (_, Some(name)) if inputs.iter().all(|input| input.name != *name) => Err(refused(format!("not `{name}`"))),
        _ => Err(refused("and only one can be given".to_owned())),
    }
}

/// The name of the output, which may be any tensor of the graph.
fn choose_output(file: &mut ModelProto, outputs: &[Port], options: &OnnxOptions) -> Result<String, OnnxError> {
    let Some(wanted) = &options.output else {
        let usual = outputs.iter().find(|output| output.name == "logits").or(outputs.first());
        return usual.map(|output| output.name.clone()).ok_or_else(|| OnnxError::Port {
            kind: "output",
            found: vec![],
            wanted: "one is needed".to_owned(),
        });
    };
    if outputs.iter().any(|output| output.name == *wanted) {
        return Ok(wanted.clone());
    }
    if let Some(graph) = &mut file.graph
        && file::producer(graph, wanted).is_some()
    {
        graph.output.push(ValueInfoProto { name: wanted.clone(), ..ValueInfoProto::default() });
        return Ok(wanted.clone());
    }
    match wanted.parse::<usize>().ok().and_then(|position| outputs.get(position)) {
        Some(output) => Ok(output.name.clone()),
        None => Err(OnnxError::Port { kind: "output", found: names(outputs), wanted: format!("not `{wanted}`") }),
    }
}

fn element(input: &Port) -> Result<DatumType, OnnxError> {
    match input.element.as_str() {
        "f32" => Ok(DatumType::F32),
        "f64" => Ok(DatumType::F64),
        "u8" => Ok(DatumType::U8),
        "i8" => Ok(DatumType::I8),
        "i32" => Ok(DatumType::I32),
        "i64" => Ok(DatumType::I64),
        other => Err(OnnxError::Unsupported {
            what: format!("the type {other} of input `{}`", input.name),
            why: "inputs are f32, f64, u8, i8, i32 or i64".to_owned(),
        }),
    }
}

/// Prepares the graph for batches of one shape, and says which shape the output has.
fn plan(
    file: &ModelProto,
    input: &str,
    element: DatumType,
    shape: &[usize],
    output: &str,
) -> Result<(Arc<TypedRunnableModel>, Vec<usize>), OnnxError> {
    let outputs = file.graph.as_ref().map_or(&[][..], |graph: &GraphProto| &graph.output);
    let position = outputs.iter().position(|port| port.name == output).unwrap_or_default();
    let prepare = || -> TractResult<TypedModel> {
        // Sizes between input and output are those of the exporter's batch.
        let reader = tract_onnx::onnx().with_ignore_value_info(true);
        let mut model = reader.parse(file, None)?.model;
        let outlet = model.output_outlets()?.get(position).copied();
        let outlet = outlet.ok_or_else(|| TractError::msg(format!("there is no output `{output}`")))?;
        model.select_output_outlets(&[outlet])?;
        let sources = model.input_outlets()?.to_vec();
        let source = sources.iter().position(|source| model.node(source.node).name == input);
        let source = source.ok_or_else(|| TractError::msg(format!("there is no input `{input}`")))?;
        model.set_input_fact(source, InferenceFact::dt_shape(element, shape))?;
        model.into_typed()
    };
    let model = prepare().map_err(engine)?;
    check_sizes(&model)?;
    let optimised = model.into_optimized().map_err(engine)?;
    let fact = optimised.output_fact(0).map_err(engine)?;
    let dims = fact.shape.as_concrete().map(<[usize]>::to_vec);
    let dims =
        dims.ok_or_else(|| OnnxError::Engine { reason: format!("the output has the open shape {:?}", fact.shape) })?;
    Ok((optimised.into_runnable().map_err(engine)?, dims))
}

/// Adds up what the graph would take.
fn check_sizes(model: &TypedModel) -> Result<(), OnnxError> {
    let mut sum = 0_usize;
    for node in model.nodes() {
        for output in &node.outputs {
            let sides = output.fact.shape.as_concrete().unwrap_or(&[]);
            let n = sides.iter().try_fold(1_usize, |n, &side| n.checked_mul(side)).unwrap_or(usize::MAX);
            sum = sum.saturating_add(n);
            if n > MAX_TENSOR || sum > MAX_TENSORS {
                return Err(OnnxError::Unsupported {
                    what: format!("tensors as large as {sides:?} at `{}`", node.name),
                    why: "it would take gigabytes".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Classes of an output `[batch, classes]`, beside which there may be sides of one.
fn classes(name: &str, dims: &[usize], batch: usize) -> Result<usize, OnnxError> {
    let refused = || OnnxError::OutputShape { name: name.to_owned(), dims: dims.to_vec(), batch };
    let (first, sides) = dims.split_first().ok_or_else(refused)?;
    let mut wide = sides.iter().filter(|&&side| side != 1);
    match (wide.next(), wide.next()) {
        (Some(&n), None) if *first == batch && (2..=MAX_CLASSES).contains(&n) => Ok(n),
        _ => Err(refused()),
    }
}
