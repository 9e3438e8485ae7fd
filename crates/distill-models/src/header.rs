use std::collections::BTreeMap;
use std::sync::Arc;

use distill_tensor::Layout;
use safetensors::tensor::Metadata;

use crate::file::{Description, METADATA_KEY, check_shape, parse_description};
use crate::{ModelConfig, ModelError, Provenance, Standard, Task};

/// What the header of a safetensors file says, without any weight.
///
/// ```text
/// 8 bytes          length n of the header, little-endian u64
/// n bytes          JSON: names, types, shapes, places; entry `__metadata__`
/// ...              the weights
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The tensors in the order in which their bytes lie.
    pub tensors: Vec<TensorEntry>,
    /// The entry `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// One tensor of a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// Type of the elements, such as `f32`.
    pub dtype: String,
    /// Its sides.
    pub shape: Vec<usize>,
    /// The bytes it takes.
    pub n_bytes: usize,
}

/// How a file of this crate describes its model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    /// What the model is made of.
    pub config: ModelConfig,
    /// What it standardises its inputs by, where it has numbers for that beside its weights.
    pub standardize: Option<Standard>,
    /// Shape of one input.
    pub input_shape: Vec<usize>,
    /// Names of the classes in the order of the logits.
    pub classes: Vec<String>,
    /// Where the model comes from.
    pub provenance: Provenance,
    /// What its outputs are.
    pub task: Task,
}

impl ModelCard {
    /// Names and shapes of the tensors that such a model has.
    ///
    /// # Errors
    /// If no model can be built like this.
    pub fn layout(&self) -> Result<Arc<Layout>, ModelError> {
        check_shape(&self.input_shape)?;
        Ok(self.config.graph_with(self.standardize, &self.input_shape, self.classes.len())?.layout()?.0)
    }
}

impl Header {
    /// Parses the JSON of a header, without its length. Tensors must follow each other without
    /// gap, each as long as its type and shape say.
    ///
    /// # Errors
    /// [`ModelError::NotSafetensors`].
    ///
    /// # Examples
    /// ```
    /// let json = br#"{"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}"#;
    /// let header = distill_models::Header::parse(json)?;
    /// assert_eq!((header.tensors[0].dtype.as_str(), header.n_bytes()), ("f32", 24));
    /// # Ok::<(), distill_models::ModelError>(())
    /// ```
    pub fn parse(json: &[u8]) -> Result<Self, ModelError> {
        let parsed: Metadata = serde_json::from_slice(json)
            .map_err(|error| ModelError::NotSafetensors { reason: format!("invalid header: {error}") })?;
        let entry = |name: String| {
            let info = parsed.info(&name)?;
            let n_bytes = info.data_offsets.1 - info.data_offsets.0;
            let dtype = info.dtype.to_string().to_lowercase();
            Some(TensorEntry { name, dtype, shape: info.shape.clone(), n_bytes })
        };
        let tensors = parsed.offset_keys().into_iter().filter_map(entry).collect();
        let metadata = parsed.metadata().iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { tensors, metadata })
    }

    /// The bytes of all tensors.
    pub fn n_bytes(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.n_bytes as u64).sum()
    }

    /// The description of the model, nothing in a file of somebody else.
    ///
    /// # Errors
    /// [`ModelError::BadMetadata`] if it cannot be read.
    pub fn card(&self) -> Result<Option<ModelCard>, ModelError> {
        let Some(json) = self.metadata.get(METADATA_KEY) else { return Ok(None) };
        let Description { model: config, standardize, input_shape, classes, task, provenance, .. } =
            parse_description(json)?;
        Ok(Some(ModelCard { config, standardize, input_shape, classes, provenance, task }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmbeddingConfig, MlpConfig, Model as _, Network, Trainable as _, to_safetensors};

    #[test]
    fn says_what_the_whole_file_says() {
        check_header_of(MlpConfig { hidden: vec![5], ..MlpConfig::default() });
        let embedding = Some(EmbeddingConfig { buckets: 9 });
        check_header_of(MlpConfig { hidden: vec![5], embedding, ..MlpConfig::default() });
    }

    fn check_header_of(config: MlpConfig) {
        let model = Network::new(config, vec![1, 2, 3], vec!["a".into(), "é".into()], 3).unwrap();
        let provenance = Provenance::from([("seed".into(), "3".into())]);
        let bytes = to_safetensors(&model, &provenance).unwrap();
        let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = Header::parse(&bytes[8..8 + n]).unwrap();
        let mut found: Vec<_> = header.tensors.iter().map(|t| (t.name.as_str(), t.shape.as_slice())).collect();
        let mut expected: Vec<_> = model.params().iter().map(|(name, shape, _)| (name, shape)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(8 + n as u64 + header.n_bytes(), bytes.len() as u64);
        let card = header.card().unwrap().unwrap();
        assert_eq!((&card.config, &card.input_shape), (model.config(), &model.spec().input_shape));
        assert_eq!((&card.classes, &card.provenance), (&model.spec().classes, &provenance));
    }

    #[test]
    fn refuses_what_the_whole_file_would_be_refused_for() {
        for json in [
            "",
            "[]",
            "{\"w\": 3}",
            "{\"w\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}}",
            "{\"w\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 4]}}",
            "{\"w\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}}",
            "{\"w\": {\"dtype\": \"F33\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
            "{\"w\": {\"dtype\": \"F32\", \"shape\": [9223372036854775807, 4], \"data_offsets\": [0, 8]}}",
        ] {
            assert!(matches!(Header::parse(json.as_bytes()), Err(ModelError::NotSafetensors { .. })), "{json}");
        }
        assert_eq!(Header::parse(b"{}").unwrap().card().unwrap(), None);
        let header = Header::parse(br#"{"__metadata__": {"distill": "{}"}}"#).unwrap();
        assert!(matches!(header.card(), Err(ModelError::BadMetadata { .. })));
    }
}
