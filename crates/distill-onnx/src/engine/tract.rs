use std::sync::Arc;

use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::Prepared;
use super::ports::{BATCH, MAX_TENSORS, check_classes, choose_input, choose_output, choose_task};
use crate::describe::describe;
use crate::guard::{guarded, guarded_deep};
use crate::shape::{INPUT_SHAPE, Shape};
use crate::taps::Answer;
use crate::{OnnxError, OnnxOptions, Port, file, taps};

/// Numbers in one tensor of a graph.
const MAX_TENSOR: usize = 1 << 28;

/// Examples in a batch of a graph with convolutions that tract computes. Of several images it copies all windows before it
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
    pub(crate) fn prepare(bytes: &[u8], options: &OnnxOptions, _: &str) -> Result<Prepared<Self>, OnnxError> {
        let known = tract_onnx::onnx().op_register.0;
        let description = describe(bytes)?;
        let input = choose_input(&description.inputs, options)?.clone();
        let task = choose_task(&description, options)?;
        let element = element(&input)?;
        let said = description.metadata.get(INPUT_SHAPE).and_then(|text| serde_json::from_str(text).ok());
        let convolves = options.library.is_none() && description.operators.contains_key("Conv");
        let shape = Shape::new(&input, options, said.as_ref(), if convolves { CONV_BATCH } else { BATCH })?;
        let taps = options.taps.iter().map(|tap| tap.tensor.clone());
        let mut wanted: Vec<String> =
            std::iter::once(choose_output(&description, options, task)?).chain(taps).collect();
        let mut file = file::decode(bytes, &mut wanted, |name| options.library.is_some() || known.contains_key(name))?;
        let output = wanted.swap_remove(0);
        show(&mut file, &output);
        let mut names = vec![output.clone()];
        names.extend(taps::add(&mut file, &options.taps, &output, &description)?);
        let graph = file.graph.as_ref();
        let producer = graph.and_then(|graph| file::source(graph, &output)).map_or(String::new(), str::to_owned);
        // A batch of another size tells which sides are the batch.
        let is_open = input.dims.first() == Some(&None) && !options.taps.is_empty();
        let twice = is_open.then(|| shape.of_batch(2 * shape.batch()));
        let (computes, dims, of_twice) = match &options.library {
            None => {
                let prepare = |shape: &Shape| prepare(&file, &input.name, element, &shape.graph, &names);
                let of_twice = twice.map(|twice| guarded_deep(|| sides(&prepare(&twice)?, names.len())));
                let (plan, dims) = guarded_deep(|| plan(prepare(&shape)?, names.len()))?;
                (Computes::Tract(plan), dims, of_twice)
            }
            Some(library) => {
                let (computes, dims) = runtime(library, &file, &input.name, element, &shape, &names)?;
                let answers = |twice: Shape| {
                    guarded(|| computes.run(element, &twice, &mut std::iter::empty(), |x| x, names.len()))
                };
                let of_twice = twice.map(|twice| answers(twice).map(taps::shapes));
                (computes, dims, of_twice)
            }
        };
        let dims_of_output = dims.first().map_or(&[][..], Vec::as_slice);
        let n_classes = check_classes(&output, dims_of_output, shape.batch(), task)?;
        let tapped = dims.get(1..).unwrap_or_default().to_vec();
        // A graph that cannot be computed for that batch does not reveal its sides.
        let of_twice = of_twice.and_then(Result::ok);
        taps::check(&options.taps, &tapped, of_twice.as_deref().and_then(|shapes| shapes.get(1..)), shape.batch())?;
        let engine = Self { computes, element };
        Ok(Prepared { engine, shape, n_classes, task, taps: tapped, producer, description })
    }

    /// The first `n` outputs for at most one batch of examples, each one example after the other. What the batch lacks is filled
    /// with zeros, so that the engine does the same work for it, in the same order, whatever its size.
    pub(crate) fn run(
        &self,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
        n: usize,
    ) -> Result<Vec<Vec<f32>>, OnnxError> {
        let answers = guarded(|| self.computes.run(self.element, shape, rows, scaled, n))?;
        Ok(answers.into_iter().map(|(_, values)| values).collect())
    }
}

impl Computes {
    /// The first `n` outputs.
    fn run(
        &self,
        element: DatumType,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
        n: usize,
    ) -> Result<Vec<Answer>, OnnxError> {
        match element {
            DatumType::F32 => self.run_as::<f32>(shape, rows, scaled, n),
            DatumType::F64 => self.run_as::<f64>(shape, rows, |value| f64::from(scaled(value)), n),
            // A number that is not whole or too large becomes the nearest that there is.
            DatumType::U8 => self.run_as(shape, rows, |value| scaled(value).round() as u8, n),
            DatumType::I8 => self.run_as(shape, rows, |value| scaled(value).round() as i8, n),
            DatumType::I32 => self.run_as(shape, rows, |value| scaled(value).round() as i32, n),
            _ => self.run_as(shape, rows, |value| scaled(value).round() as i64, n),
        }
    }

    fn run_as<T: Number>(
        &self,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        convert: impl Fn(f32) -> T,
        n: usize,
    ) -> Result<Vec<Answer>, OnnxError> {
        let features = shape.features();
        let mut values = vec![T::default(); shape.batch() * features];
        for (row, values) in rows.zip(values.chunks_exact_mut(features)) {
            shape.write(row, values, &convert);
        }
        match self {
            Self::Tract(plan) => {
                let input = Tensor::from_shape(&shape.graph, &values);
                let computed = input.and_then(|input| plan.run(tvec!(input.into())));
                let answers = computed.and_then(|outputs| {
                    let answer = |output: TValue| -> TractResult<Answer> {
                        let output = output.cast_to::<f32>()?;
                        let output = output.to_plain_array_view::<f32>()?;
                        Ok((output.shape().to_vec(), output.iter().copied().collect()))
                    };
                    outputs.into_iter().take(n).map(answer).collect::<TractResult<Vec<Answer>>>()
                });
                match answers.map_err(engine)? {
                    answers if answers.len() == n => Ok(answers),
                    _ => Err(OnnxError::Engine { reason: "the graph has fewer outputs than before".to_owned() }),
                }
            }
            #[cfg(feature = "ort")]
            Self::Ort(runtime) => runtime.run(&shape.graph, values, n),
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

/// The same graph in ONNX Runtime, and the shapes of what it answers to zeros.
#[cfg(feature = "ort")]
fn runtime(
    library: &std::path::Path,
    file: &ModelProto,
    input: &str,
    element: DatumType,
    shape: &Shape,
    outputs: &[String],
) -> Result<(Computes, Vec<Vec<usize>>), OnnxError> {
    use prost::Message as _;

    guarded(|| {
        let computes = Computes::Ort(super::ort::Runtime::new(library, file.encode_to_vec(), input, outputs)?);
        let answers = computes.run(element, shape, &mut std::iter::empty(), |value| value, outputs.len())?;
        Ok((computes, taps::shapes(answers)))
    })
}

#[cfg(not(feature = "ort"))]
fn runtime(
    _: &std::path::Path,
    _: &ModelProto,
    _: &str,
    _: DatumType,
    _: &Shape,
    _: &[String],
) -> Result<(Computes, Vec<Vec<usize>>), OnnxError> {
    let reason = "is set, but this build has no ONNX Runtime: build it with the feature `ort`".to_owned();
    Err(OnnxError::Option { key: "library", reason })
}

fn engine(error: TractError) -> OnnxError {
    OnnxError::Engine { reason: format!("{error:#}") }
}

/// Makes a tensor an output, if it is none.
fn show(file: &mut ModelProto, tensor: &str) {
    if let Some(graph) = file.graph.as_mut()
        && graph.output.iter().all(|output| output.name != tensor)
    {
        graph.output.push(ValueInfoProto { name: tensor.to_owned(), ..ValueInfoProto::default() });
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

/// The graph for batches of one shape, with these outputs, before it is optimised.
fn prepare(
    file: &ModelProto,
    input: &str,
    element: DatumType,
    shape: &[usize],
    outputs: &[String],
) -> Result<TypedModel, OnnxError> {
    let ports = file.graph.as_ref().map_or(&[][..], |graph: &GraphProto| &graph.output);
    let prepare = || -> TractResult<TypedModel> {
        // Sizes between input and output are those of the exporter's batch.
        let reader = tract_onnx::onnx().with_ignore_value_info(true);
        let mut model = reader.parse(file, None)?.model;
        let all = model.output_outlets()?.to_vec();
        let outlet = |output: &String| {
            let position = ports.iter().position(|port| port.name == *output);
            let outlet = position.and_then(|position| all.get(position)).copied();
            outlet.ok_or_else(|| TractError::msg(format!("there is no output `{output}`")))
        };
        model.select_output_outlets(&outputs.iter().map(outlet).collect::<TractResult<Vec<_>>>()?)?;
        let sources = model.input_outlets()?.to_vec();
        let source = sources.iter().position(|source| model.node(source.node).name == input);
        let source = source.ok_or_else(|| TractError::msg(format!("there is no input `{input}`")))?;
        model.set_input_fact(source, InferenceFact::dt_shape(element, shape))?;
        model.into_typed()
    };
    let model = prepare().map_err(engine)?;
    check_sizes(&model)?;
    Ok(model)
}

/// Makes it ready, and says which shapes its outputs have.
fn plan(model: TypedModel, n_outputs: usize) -> Result<(Arc<TypedRunnableModel>, Vec<Vec<usize>>), OnnxError> {
    let optimised = model.into_optimized().map_err(engine)?;
    let dims = sides(&optimised, n_outputs)?;
    Ok((optimised.into_runnable().map_err(engine)?, dims))
}

/// The shapes of the first outputs.
fn sides(model: &TypedModel, n_outputs: usize) -> Result<Vec<Vec<usize>>, OnnxError> {
    let sides = |output| {
        let fact = model.output_fact(output).map_err(engine)?;
        let dims = fact.shape.as_concrete().map(<[usize]>::to_vec);
        dims.ok_or_else(|| OnnxError::Engine { reason: format!("an output has the open shape {:?}", fact.shape) })
    };
    (0..n_outputs).map(sides).collect()
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
