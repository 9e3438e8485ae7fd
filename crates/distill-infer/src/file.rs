//! Files of students, which are safetensors files: 8 bytes with the length of a header, the header as JSON, the
//! tensors. Entry `distill` of the metadata describes the model, as JSON again.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;
use crate::json::Json;

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Activation {
    #[default]
    Relu,
    Tanh,
    Gelu,
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
            _ => json.skip()?,
        }
        Ok(())
    })?;
    json.end()?;
    match (version == VERSION, is_model && !found.input_shape.is_empty() && !found.classes.is_empty()) {
        (false, _) => Err(Error::Student { reason: "its description is of another version" }),
        (_, false) => Err(Error::Student { reason: "its description is not whole" }),
        _ => Ok(found),
    }
}

fn model(json: &mut Json<'_>, found: &mut Description) -> Result<(), Error> {
    json.object(|name, json| {
        match name.as_str() {
            "kind" if json.string()? != "mlp" => {
                return Err(Error::Student { reason: "it is no multi-layer perceptron" });
            }
            "kind" => {}
            "embedding" => {
                let reason = "its first layer is a table of rows, which this reader does not compute";
                return Err(Error::Student { reason });
            }
            "hidden" => found.hidden = json.array(Json::usize)?,
            "activation" => {
                found.activation = match json.string()?.as_str() {
                    "relu" => Activation::Relu,
                    "tanh" => Activation::Tanh,
                    "gelu" => Activation::Gelu,
                    _ => return Err(Error::Student { reason: "its activation is unknown" }),
                }
            }
            // What matters in training alone.
            _ => json.skip()?,
        }
        Ok(())
    })
}
