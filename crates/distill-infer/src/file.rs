//! Files of students, which are safetensors files: 8 bytes with the length of a header, the header as JSON, the
//! tensors. Entry `distill` of the metadata describes the model, as JSON again.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Zip;
use core::ops::Range;

use crate::activation::Activation;
use crate::json::Json;
use crate::{Error, Task};

/// Longest header that is read, as in the program that writes it.
const MAX_HEADER: usize = 1 << 19;
const VERSION: usize = 1;

/// The header of a file, with the bytes behind it.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) description: Description,
    data: &'a [u8],
}

#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    is_f32: bool,
    shape: Vec<usize>,
    place: Vec<usize>,
}

/// What is known of a model beside its weights.
#[derive(Debug, Default)]
pub(crate) struct Description {
    pub(crate) hidden: Vec<usize>,
    pub(crate) activation: Activation,
    pub(crate) input_shape: Vec<usize>,
    pub(crate) classes: Vec<String>,
    /// The graph of a network other than a perceptron.
    pub(crate) graph: Option<Vec<Node>>,
    pub(crate) task: Task,
    is_mlp: bool,
}

/// An operation of a network, by its place in the list.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) op: Op,
    /// 0 is the input, `i + 1` what node `i` gives.
    pub(crate) inputs: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Linear {
        outputs: usize,
    },
    Conv(Sides),
    BatchNorm,
    Standardize,
    Activation(Activation),
    Dropout,
    MaxPool(Sides),
    AveragePool(Sides),
    GlobalAveragePool,
    GlobalMaxPool,
    LayerNorm,
    /// A table of so many rows of so many numbers.
    Embedding {
        rows: usize,
        outputs: usize,
    },
    Add,
    Concat,
    Flatten,
}

/// The sides of a convolution, or of a pool's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) outputs: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// At the top, left, bottom and right.
    pub(crate) padding: [usize; 4],
    pub(crate) groups: usize,
}

/// Places in a kernel, and of what they meet in the map.
pub(crate) type Window = Zip<Range<usize>, Range<usize>>;

impl Sides {
    /// Height and width of what comes out of a map, if the sides fit it.
    pub(crate) fn output(&self, map: [usize; 2]) -> Option<[usize; 2]> {
        let side = |i: usize| {
            let (kernel, [before, after]) = (self.kernel[i], [self.padding[i], self.padding[i + 2]]);
            let padded = map[i].checked_add(before)?.checked_add(after)?;
            let fits = self.stride[i] > 0 && before.max(after) < kernel && kernel <= padded;
            fits.then(|| (padded - kernel) / self.stride[i] + 1)
        };
        Some([side(0)?, side(1)?])
    }

    /// Rows and columns of a window that are inside of the map.
    pub(crate) fn inside(&self, at: [usize; 2], map: [usize; 2]) -> (Window, Window) {
        let along = |i: usize| {
            let start = at[i] * self.stride[i];
            let first = self.padding[i].saturating_sub(start);
            let end = self.kernel[i].min((map[i] + self.padding[i]).saturating_sub(start));
            (first..end.max(first)).zip(start + first - self.padding[i]..map[i])
        };
        (along(0), along(1))
    }
}

impl<'a> File<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let cut = Error::File { reason: "the file ends", at: bytes.len() };
        let (len, rest) = bytes.split_first_chunk().ok_or(cut.clone())?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok().filter(|&len| len <= MAX_HEADER);
        let len = len.ok_or(Error::File { reason: "the header is longer than any of ours", at: 0 })?;
        let (header, data) = rest.split_at_checked(len).ok_or(cut)?;
        let (mut tensors, mut description) = (Vec::new(), None);
        let mut json = Json::new(header);
        json.object(|name, json| {
            if name == "__metadata__" {
                return json.object(|name, json| {
                    if name != "distill" {
                        return json.skip();
                    }
                    description = Some(json.string()?);
                    Ok(())
                });
            }
            tensors.push(tensor(name, json)?);
            Ok(())
        })?;
        json.end()?;
        let missing = Error::Student { reason: "it has no entry `distill` in its metadata" };
        let description = describe(&description.ok_or(missing)?)?;
        // Two tensors in one place would take more memory than the file holds.
        let mut lengths = tensors.iter().map(|tensor| match tensor.place[..] {
            [start, end] => end.checked_sub(start),
            _ => None,
        });
        let sum = lengths.try_fold(0_usize, |sum, len| sum.checked_add(len?));
        if sum == Some(data.len()) {
            Ok(Self { tensors, description, data })
        } else {
            Err(Error::Student { reason: "its tensors do not fill the file" })
        }
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.iter().any(|tensor| tensor.name == name)
    }

    /// Whether there is one of that shape.
    pub(crate) fn is_of_shape(&self, name: &str, shape: &[usize]) -> bool {
        self.tensors.iter().any(|tensor| tensor.name == name && tensor.shape == shape)
    }

    /// The numbers of a tensor, which has to have this shape and to lie inside of the file.
    pub(crate) fn floats(&self, name: &str, shape: &[usize]) -> Result<&'a [[u8; 4]], Error> {
        let error = |reason| Error::Tensor { name: name.into(), reason };
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name).ok_or_else(|| error("is missing"))?;
        if !tensor.is_f32 || tensor.shape != shape {
            return Err(error("has another shape or type than the description says"));
        }
        let bytes = match tensor.place[..] {
            [start, end] => self.data.get(start..end),
            _ => None,
        };
        let promised = shape.iter().try_fold(4_usize, |product, &side| product.checked_mul(side));
        let bytes = bytes.filter(|bytes| Some(bytes.len()) == promised);
        let floats = bytes.ok_or_else(|| error("is outside of the file"))?.as_chunks().0;
        match floats.iter().all(|bytes| f32::from_le_bytes(*bytes).is_finite()) {
            true => Ok(floats),
            false => Err(error("has a value that is NaN or infinite")),
        }
    }
}

fn tensor(name: String, json: &mut Json<'_>) -> Result<Tensor, Error> {
    let mut tensor = Tensor { name, is_f32: false, shape: Vec::new(), place: Vec::new() };
    json.object(|name, json| {
        match name.as_str() {
            "dtype" => tensor.is_f32 = json.string()? == "F32",
            "shape" => tensor.shape = json.array(Json::usize)?,
            "data_offsets" => tensor.place = json.array(Json::usize)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(tensor)
}

fn describe(text: &str) -> Result<Description, Error> {
    let mut json = Json::new(text.as_bytes());
    let mut found = Description::default();
    let (mut version, mut is_model) = (0, false);
    json.object(|name, json| {
        match name.as_str() {
            "version" => version = json.usize()?,
            "model" => {
                is_model = true;
                model(json, &mut found)?;
            }
            "input_shape" => found.input_shape = json.array(Json::usize)?,
            "classes" => found.classes = json.array(Json::string)?,
            "graph" => found.graph = Some(json.array(node)?),
            // Files of classifiers do not have it.
            "task" => {
                found.task = match json.string()?.as_str() {
                    "classes" => Task::Classes,
                    "numbers" => Task::Numbers,
                    _ => return Err(Error::Student { reason: "its task is unknown" }),
                }
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    json.end()?;
    match (version == VERSION, is_model && !found.input_shape.is_empty() && !found.classes.is_empty()) {
        (false, _) => Err(Error::Student { reason: "its description is of another version" }),
        (_, false) => Err(Error::Student { reason: "its description is not whole" }),
        _ if !found.is_mlp && found.graph.is_none() => {
            Err(Error::Student { reason: "it is no multi-layer perceptron, and its operations are not in the file" })
        }
        _ => Ok(found),
    }
}

fn model(json: &mut Json<'_>, found: &mut Description) -> Result<(), Error> {
    json.object(|name, json| {
        match name.as_str() {
            "kind" => found.is_mlp = json.string()? == "mlp",
            "embedding" => {
                let reason = "its first layer is a table of rows, which this reader does not compute";
                return Err(Error::Student { reason });
            }
            "hidden" => found.hidden = json.array(Json::usize)?,
            "activation" => {
                found.activation = activation(json)?;
            }
            // What matters in training alone.
            _ => json.skip()?,
        }
        Ok(())
    })
}

fn activation(json: &mut Json<'_>) -> Result<Activation, Error> {
    Activation::named(&json.string()?).ok_or(Error::Student { reason: "its activation is unknown" })
}

fn node(json: &mut Json<'_>) -> Result<Node, Error> {
    const MISSING: Error = Error::Student { reason: "an operation is not whole" };
    let (mut node_name, mut operation, mut inputs) = (None, None, Vec::new());
    json.object(|name, json| {
        match name.as_str() {
            "name" => node_name = Some(json.string()?),
            "op" => operation = Some(op(json)?),
            "inputs" => inputs = json.array(Json::usize)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    match (node_name, operation) {
        (Some(name), Some(op)) if !inputs.is_empty() => Ok(Node { name, op, inputs }),
        _ => Err(MISSING),
    }
}

/// A name, or an object with a name and what belongs to it.
fn op(json: &mut Json<'_>) -> Result<Op, Error> {
    const UNKNOWN: Error = Error::Student { reason: "it has an operation that this reader does not compute" };
    if !json.is_object() {
        return match json.string()?.as_str() {
            "batch-norm" => Ok(Op::BatchNorm),
            "global-average-pool" => Ok(Op::GlobalAveragePool),
            "global-max-pool" => Ok(Op::GlobalMaxPool),
            "layer-norm" => Ok(Op::LayerNorm),
            "add" => Ok(Op::Add),
            "concat" => Ok(Op::Concat),
            "flatten" => Ok(Op::Flatten),
            _ => Err(UNKNOWN),
        };
    }
    let mut found = None;
    json.object(|name, json| {
        found = Some(match name.as_str() {
            "activation" => Op::Activation(activation(json)?),
            "embedding" => {
                let (mut rows, mut outputs) = (0, 0);
                json.object(|name, json| {
                    match name.as_str() {
                        "rows" => rows = json.usize()?,
                        "outputs" => outputs = json.usize()?,
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                Op::Embedding { rows, outputs }
            }
            "linear" => Op::Linear { outputs: sides(json)?.outputs },
            "conv" => Op::Conv(sides(json)?),
            "max-pool" => Op::MaxPool(sides(json)?),
            "average-pool" => Op::AveragePool(sides(json)?),
            "standardize" => {
                json.skip()?;
                Op::Standardize
            }
            "dropout" => {
                json.skip()?;
                Op::Dropout
            }
            _ => return Err(UNKNOWN),
        });
        Ok(())
    })?;
    found.ok_or(UNKNOWN)
}

fn sides(json: &mut Json<'_>) -> Result<Sides, Error> {
    let mut sides = Sides { outputs: 0, kernel: [0; 2], stride: [0; 2], padding: [0; 4], groups: 0 };
    json.object(|name, json| {
        match name.as_str() {
            "outputs" => sides.outputs = json.usize()?,
            "groups" => sides.groups = json.usize()?,
            "kernel" => sides.kernel = numbers(json)?,
            "stride" => sides.stride = numbers(json)?,
            "padding" => sides.padding = numbers(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(sides)
}

fn numbers<const N: usize>(json: &mut Json<'_>) -> Result<[usize; N], Error> {
    let numbers = json.array(Json::usize)?;
    numbers.try_into().map_err(|_| Error::Student { reason: "an operation has another number of sides" })
}
