use std::collections::{BTreeMap, HashMap};

use distill_tensor::Params;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use crate::header_check::{check_safetensors, read_header};
use crate::{GraphConfig, Model, ModelConfig, ModelError, Network, NodeConfig, Standard, Task, Trainable};

/// Where a model comes from: seed, data, recipe and the like, as names and values.
pub type Provenance = BTreeMap<String, String>;

/// The entry of the safetensors metadata that holds the description.
///
/// All of it is one JSON object in one entry: the library keeps entries in a hash map, and more
/// than one would make the bytes of a file depend on chance.
pub(crate) const METADATA_KEY: &str = "distill";
const FORMAT_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    version: u32,
    pub(crate) model: ModelConfig,
    /// What the network standardises its inputs by, where it has numbers for that beside its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standardize: Option<Standard>,
    pub(crate) input_shape: Vec<usize>,
    pub(crate) classes: Vec<String>,
    /// The graph of a network other than a perceptron, so that readers need not know how it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) graph: Option<Vec<NodeConfig>>,
    #[serde(default, skip_serializing_if = "Task::is_classes")]
    pub(crate) task: Task,
    pub(crate) provenance: Provenance,
}

/// The bytes of a safetensors file: weights by name, and in the metadata, entry `distill`, the
/// architecture, the class names and the provenance as JSON.
///
/// Equal models give equal bytes.
///
/// # Errors
/// [`ModelError::NonFinite`] for a weight that is NaN or infinite, [`ModelError::NotSafetensors`] for a description above
/// the limit of 512 KiB.
///
/// # Examples
/// ```
/// use distill_models::{Network, MlpConfig, Model, Provenance, from_safetensors, to_safetensors};
/// let config = MlpConfig { hidden: vec![3], ..MlpConfig::default() };
/// let model = Network::new(config, vec![2], vec!["a".into(), "b".into()], 1)?;
/// let bytes = to_safetensors(&model, &Provenance::from([("seed".into(), "1".into())]))?;
/// let (loaded, provenance) = from_safetensors(&bytes)?;
/// assert_eq!(loaded.spec(), model.spec());
/// assert_eq!(provenance["seed"], "1");
/// # Ok::<(), distill_models::ModelError>(())
/// ```
pub fn to_safetensors(model: &Network, provenance: &Provenance) -> Result<Vec<u8>, ModelError> {
    for (name, _, values) in model.params().iter() {
        if let Some((index, &value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(ModelError::NonFinite { name: name.to_owned(), index, value });
        }
    }
    let description = Description {
        version: FORMAT_VERSION,
        model: model.config().clone(),
        standardize: model.standardize(),
        input_shape: model.spec().input_shape.clone(),
        classes: model.spec().classes.clone(),
        graph: model.config().as_mlp().is_none().then(|| GraphConfig::from(model.graph()).nodes),
        task: model.spec().task,
        provenance: provenance.clone(),
    };
    let description =
        serde_json::to_string(&description).map_err(|error| ModelError::BadMetadata { reason: error.to_string() })?;
    let tensors: Vec<_> = model
        .params()
        .iter()
        .map(|(name, shape, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, shape.to_vec(), bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(refused)?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
    let bytes = serialize(views, Some(metadata)).map_err(refused)?;
    // What would not be read again is not written.
    check_safetensors(&bytes)?;
    Ok(bytes)
}

/// Reads what [`to_safetensors`] wrote.
///
/// Sizes are checked against the bytes that are there before memory is taken for the weights.
///
/// # Errors
/// If the bytes are not a safetensors file of this program, if tensors are missing, too many or of
/// another shape than the description says, or if a weight is not a finite number.
pub fn from_safetensors(bytes: &[u8]) -> Result<(Network, Provenance), ModelError> {
    let header = read_header(bytes)?;
    let description = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
    let description = parse_description(description.ok_or(ModelError::NoMetadata)?)?;
    drop(header);
    let file = SafeTensors::deserialize(bytes).map_err(refused)?;
    let Description { model: config, standardize, input_shape, classes, graph, task, provenance, .. } = description;

    check_shape(&input_shape)?;
    let of_config = config.graph_with(standardize, &input_shape, classes.len())?;
    if graph.is_some_and(|nodes| nodes != GraphConfig::from(&of_config).nodes) {
        let reason = "its `graph` is not that of its `model`".to_owned();
        return Err(ModelError::BadMetadata { reason });
    }
    let (layout, _) = of_config.layout()?;
    let architecture = config.architecture(&input_shape, classes.len());
    let expected = layout.iter().count();
    if file.len() != expected {
        return Err(ModelError::TensorCount { architecture, expected, actual: file.len() });
    }
    // Every tensor is looked at before memory is taken for the first one.
    let mut tensors = Vec::with_capacity(expected);
    for (id, name, shape) in layout.iter() {
        let tensor = file
            .tensor(name)
            .map_err(|_| ModelError::MissingTensor { architecture: architecture.clone(), name: name.to_owned() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let actual = format!("{:?} {:?}", tensor.dtype(), tensor.shape()).to_lowercase();
            return Err(ModelError::TensorShape { name: name.to_owned(), expected: shape.to_vec(), actual });
        }
        tensors.push((id, name.to_owned(), tensor));
    }
    let mut params = Params::zeros(layout.clone());
    for (id, name, tensor) in tensors {
        // The data of a safetensors file need not be aligned, so bytes are read, not cast.
        for (index, (value, bytes)) in params.vector_mut(id).iter_mut().zip(tensor.data().chunks_exact(4)).enumerate() {
            *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            if !value.is_finite() {
                return Err(ModelError::NonFinite { name, index, value: *value });
            }
        }
    }
    let network = Network::with_params(config, standardize, input_shape, classes, params)?.with_task(task);
    Ok((network, provenance))
}

pub(crate) fn parse_description(json: &str) -> Result<Description, ModelError> {
    let description: Description =
        serde_json::from_str(json).map_err(|error| ModelError::BadMetadata { reason: error.to_string() })?;
    if description.version != FORMAT_VERSION {
        let reason = format!("it has version {}, this program reads version {FORMAT_VERSION}", description.version);
        return Err(ModelError::BadMetadata { reason });
    }
    Ok(description)
}

pub(crate) fn check_shape(input_shape: &[usize]) -> Result<(), ModelError> {
    let features = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    features
        .map(drop)
        .ok_or_else(|| ModelError::BadMetadata { reason: format!("input shape {input_shape:?} overflows") })
}

fn refused(error: safetensors::SafeTensorError) -> ModelError {
    ModelError::NotSafetensors { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmbeddingConfig, MlpConfig};

    fn model() -> Network {
        let config = MlpConfig { hidden: vec![5, 4], dropout: 0.5, max_norm: Some(2.0), ..MlpConfig::default() };
        Network::new(config, vec![1, 2, 3], vec!["a".into(), "b".into(), "é".into()], 3).unwrap()
    }

    #[test]
    fn round_trip_is_exact_and_bytes_repeat() {
        let (model, provenance) =
            (model(), Provenance::from([("seed".into(), "3".into()), ("role".into(), "x".into())]));
        let bytes = to_safetensors(&model, &provenance).unwrap();
        assert_eq!(bytes, to_safetensors(&model, &provenance).unwrap());
        let (loaded, loaded_provenance) = from_safetensors(&bytes).unwrap();
        assert_eq!(loaded.params(), model.params());
        assert_eq!(loaded.config(), model.config());
        assert_eq!(loaded.spec(), model.spec());
        assert_eq!(loaded_provenance, provenance);
    }

    #[test]
    fn a_table_has_a_name_of_its_own() {
        let embedding = Some(EmbeddingConfig { buckets: 7 });
        let config = MlpConfig { hidden: vec![5, 4], embedding, ..MlpConfig::default() };
        let model = Network::new(config.clone(), vec![9], vec!["a".into(), "b".into()], 3).unwrap();
        let found: Vec<_> = model.params().iter().map(|(name, shape, _)| (name, shape)).collect();
        assert_eq!(
            found[..3],
            [("embedding.weight", &[7, 5][..]), ("hidden.0.bias", &[5]), ("hidden.1.weight", &[4, 5])]
        );
        assert_eq!(model.spec().architecture, "7-5-4-2");
        let (loaded, _) = from_safetensors(&to_safetensors(&model, &Provenance::new()).unwrap()).unwrap();
        assert_eq!((loaded.params(), loaded.config()), (model.params(), &config.into()));
        // A description without the key is of a model without a table.
        let dense = serde_json::to_string(&ModelConfig::default()).unwrap();
        assert!(!dense.contains("embedding"), "{dense}");
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        let config = MlpConfig { hidden: vec![1], max_norm: Some(1.066_604_140_025_871_5e18), ..MlpConfig::default() };
        let model = Network::new(config.clone(), vec![1], vec!["a".into()], 3).unwrap();
        let (loaded, _) = from_safetensors(&to_safetensors(&model, &Provenance::new()).unwrap()).unwrap();
        assert_eq!(loaded.config(), &config.into());
    }

    #[test]
    fn a_weight_that_is_no_number_is_refused() {
        let mut model = model();
        model.params_mut().as_mut_slice()[7] = 1234.5;
        let mut bytes = to_safetensors(&model, &Provenance::new()).unwrap();
        let at = bytes.windows(4).position(|value| value == 1234.5_f32.to_le_bytes()).unwrap();
        bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        let expected = "tensor `hidden.0.weight` has the value NaN at element 7";
        assert_eq!(from_safetensors(&bytes).unwrap_err().to_string(), expected);
        // Nor is one written.
        model.params_mut().as_mut_slice()[7] = f32::NAN;
        assert_eq!(to_safetensors(&model, &Provenance::new()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        let bytes = serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap();
        assert!(matches!(from_safetensors(&bytes), Err(ModelError::NoMetadata)));
        assert!(matches!(from_safetensors(b"PK\x03\x04"), Err(ModelError::NotSafetensors { .. })));
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let provenance = Provenance::from([("note".into(), "x".repeat(1 << 19))]);
        let error = to_safetensors(&model(), &provenance).unwrap_err().to_string();
        assert!(error.ends_with("at most 524288 are read"), "{error}");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_of_the_header_is_survived() {
        let bytes = to_safetensors(&model(), &Provenance::new()).unwrap();
        for n in 0..bytes.len() {
            assert!(from_safetensors(&bytes[..n]).is_err(), "cut at {n}");
        }
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for bit in 0..header * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // Some flips only change a name or a number that nothing depends on.
            let _ = from_safetensors(&bytes);
        }
    }
}
