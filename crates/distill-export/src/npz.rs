use std::collections::HashMap;

use distill_models::{
    MlpConfig, Model as _, ModelCard, ModelConfig, ModelError, Network, Provenance, Standard, Task, Trainable as _,
};
use distill_tensor::Params;

use crate::{ExportError, npy, zip};

const INPUT_SHAPE: &str = "input_shape";
const CLASSES: &str = "classes";
const ACTIVATION: &str = "activation";
const CONFIG: &str = "config";
const STANDARDIZE: &str = "standardize";
const PROVENANCE: &str = "provenance";
const TASK: &str = "task";
const SUFFIX: &str = ".npy";

/// A model as an archive of arrays that `numpy.load` reads without pickle: weights and biases by their names,
/// `classes` and `input_shape`, and `provenance` as a text of JSON. A perceptron has its `activation` as a text; any other
/// network has `config`, what it is made of as a text of JSON, and `standardize`, a text, if it standardises its inputs by
/// numbers of its own. A network that gives numbers has `task`, the text `numbers`, and `classes` are their names.
///
/// Equal models give equal bytes. What only matters in training of a perceptron, such as dropout, is not in it.
///
/// # Errors
/// [`ExportError::TooLarge`] above 4 GiB.
///
/// # Examples
/// ```
/// use distill_export::{from_npz, to_npz};
/// use distill_models::{CnnConfig, Network, Model, Provenance, Trainable};
/// let config = CnnConfig { channels: vec![3], ..CnnConfig::default() };
/// let model = Network::new(config, vec![1, 6, 6], vec!["yes".into(), "no".into()], 1)?;
/// let (read, _) = from_npz(&to_npz(&model, &Provenance::new())?)?;
/// assert_eq!((read.spec(), read.params()), (model.spec(), model.params()));
/// # Ok::<(), distill_export::ExportError>(())
/// ```
pub fn to_npz(model: &Network, provenance: &Provenance) -> Result<Vec<u8>, ExportError> {
    let spec = model.spec();
    let text =
        |json: serde_json::Value| npy::texts(&[], &[json.as_str().map_or_else(|| json.to_string(), str::to_owned)]);
    let mut members: Vec<_> = model
        .params()
        .iter()
        .map(|(name, shape, values)| (format!("{name}{SUFFIX}"), npy::floats(shape, values)))
        .collect();
    let mut others = vec![
        (INPUT_SHAPE, npy::integers(&spec.input_shape)),
        (CLASSES, npy::texts(&[spec.classes.len()], &spec.classes)),
    ];
    match model.config().as_mlp() {
        Some(MlpConfig { embedding: Some(_), .. }) => {
            return Err(ExportError::Embedding { architecture: spec.architecture.clone() });
        }
        Some(mlp) => others.push((ACTIVATION, text(serde_json::json!(mlp.activation)))),
        None => {
            others.push((CONFIG, text(serde_json::json!(model.config()))));
            if let Some(standard) = model.standardize() {
                others.push((STANDARDIZE, text(serde_json::json!(standard))));
            }
        }
    }
    if spec.task == Task::Numbers {
        others.push((TASK, text(serde_json::json!(spec.task))));
    }
    others.push((PROVENANCE, npy::texts(&[], &[serde_json::json!(provenance).to_string()])));
    members.extend(others.into_iter().map(|(name, bytes)| (format!("{name}{SUFFIX}"), bytes)));
    let n_bytes = zip::size(members.iter().map(|(name, data)| (name.len(), data.len())));
    if n_bytes > zip::MAX_BYTES {
        return Err(ExportError::TooLarge { format: "npz", n_bytes, max: zip::MAX_BYTES });
    }
    Ok(zip::write(&members))
}

/// Reads what [`to_npz`] wrote. Whatever the bytes are, memory is taken only for what they hold.
///
/// # Errors
/// [`ExportError::Npz`] for an archive that is damaged or has other arrays, [`ExportError::Model`] if they make no model.
pub fn from_npz(bytes: &[u8]) -> Result<(Network, Provenance), ExportError> {
    let refused = |reason: String| ExportError::Npz { reason };
    let mut arrays = HashMap::new();
    for (name, data) in zip::read(bytes).map_err(refused)? {
        let array = npy::read(data).map_err(|reason| refused(format!("{name}: {reason}")))?;
        let known = name.strip_suffix(SUFFIX).filter(|name| arrays.insert((*name).to_owned(), array).is_none());
        known.ok_or_else(|| refused(format!("it has the member {name:?}, which does not belong there")))?;
    }
    let find = |name: &str| arrays.get(name).ok_or_else(|| refused(format!("it has no `{name}`")));
    let named = |name: &str| {
        let name = name.to_owned();
        move |reason: String| refused(format!("{name}: {reason}"))
    };
    let input_shape = find(INPUT_SHAPE)?.integers().map_err(named(INPUT_SHAPE))?;
    let classes = find(CLASSES)?.texts().map_err(named(CLASSES))?;
    let one = |name: &str| match <[String; 1]>::try_from(find(name)?.texts().map_err(named(name))?) {
        Ok([text]) => Ok(text),
        Err(texts) => Err(refused(format!("{name}: it has {} texts, not one", texts.len()))),
    };
    let unreadable = |error: serde_json::Error| refused(format!("it cannot be read: {error}"));
    let provenance = serde_json::from_str(&one(PROVENANCE)?).map_err(unreadable)?;
    let (config, standardize, n_others) = if arrays.contains_key(CONFIG) {
        let config: ModelConfig = serde_json::from_str(&one(CONFIG)?).map_err(unreadable)?;
        let standardize: Option<Standard> = match arrays.contains_key(STANDARDIZE) {
            true => Some(serde_json::from_value(one(STANDARDIZE)?.into()).map_err(unreadable)?),
            false => None,
        };
        (config, standardize, 4 + usize::from(standardize.is_some()))
    } else {
        let activation = serde_json::from_value(one(ACTIVATION)?.into()).map_err(unreadable)?;
        let width = |i: usize| arrays.get(&format!("hidden.{i}.bias")).map(|bias| bias.data.len() / 4);
        let config = MlpConfig { hidden: (0..).map_while(width).collect(), activation, ..MlpConfig::default() };
        (config.into(), None, 4)
    };
    let task: Task = match arrays.contains_key(TASK) {
        true => serde_json::from_value(one(TASK)?.into()).map_err(unreadable)?,
        false => Task::Classes,
    };
    let n_others = n_others + usize::from(arrays.contains_key(TASK));
    let features = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    features.ok_or_else(|| refused(format!("the input shape {input_shape:?} overflows")))?;
    let card = ModelCard { config, standardize, input_shape, classes, provenance, task };
    // Every array is looked at before memory is taken for the weights.
    let layout = card.layout()?;
    let mut values = Vec::new();
    for (_, name, shape) in layout.iter() {
        let array = find(name)?;
        if array.shape != shape {
            return Err(refused(format!("{name}: it has shape {:?}, not {shape:?}", array.shape)));
        }
        let floats = array.floats().map_err(named(name))?;
        if let Some((index, &value)) = floats.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(ModelError::NonFinite { name: name.to_owned(), index, value }.into());
        }
        values.extend(floats);
    }
    let n_arrays = layout.iter().count() + n_others;
    if arrays.len() != n_arrays {
        return Err(refused(format!("it has {} arrays, the model needs {n_arrays}", arrays.len())));
    }
    let mut params = Params::zeros(layout);
    params.as_mut_slice().copy_from_slice(&values);
    let ModelCard { config, standardize, input_shape, classes, provenance, .. } = card;
    let network = Network::with_params(config, standardize, input_shape, classes, params)?;
    Ok((network.with_task(task), provenance))
}

#[cfg(test)]
mod tests {
    use distill_models::Activation;

    use super::*;

    #[test]
    fn round_trip_is_exact_and_bytes_repeat() {
        for (hidden, activation) in
            [(vec![], Activation::Relu), (vec![4], Activation::Tanh), (vec![2, 3], Activation::Gelu)]
        {
            let config = MlpConfig { hidden, activation, ..MlpConfig::default() };
            let model = Network::new(config, vec![1, 3], vec!["a".into(), "é𝄞".into()], 1).unwrap();
            let provenance = Provenance::from([("seed".into(), "1".into())]);
            let bytes = to_npz(&model, &provenance).unwrap();
            let (read, provenance_read) = from_npz(&bytes).unwrap();
            assert_eq!((read.spec(), read.config(), read.params()), (model.spec(), model.config(), model.params()));
            assert_eq!(provenance_read, provenance);
            assert_eq!(to_npz(&read, &provenance).unwrap(), bytes);
        }
    }

    #[test]
    fn numbers_have_a_text_that_says_so() {
        for model in [
            Network::new(MlpConfig { hidden: vec![4], ..MlpConfig::default() }, vec![3], vec!["price".into()], 1),
            Network::new(distill_models::CnnConfig::default(), vec![1, 8, 8], vec!["x".into(), "y".into()], 1),
        ] {
            let classes = model.unwrap();
            let numbers = classes.clone().with_task(Task::Numbers);
            let members = |model: &Network| {
                let bytes = to_npz(model, &Provenance::new()).unwrap();
                let names = zip::read(&bytes).unwrap().into_iter().map(|(name, _)| name.to_owned());
                (names.collect::<Vec<_>>(), bytes)
            };
            let ((with, bytes), (mut without, plain)) = (members(&numbers), members(&classes));
            let (read, _) = from_npz(&bytes).unwrap();
            assert_eq!((read.spec(), read.params()), (numbers.spec(), numbers.params()));
            assert_eq!(from_npz(&plain).unwrap().0.spec().task, Task::Classes);
            without.insert(with.len() - 2, "task.npy".to_owned());
            assert_eq!(with, without);
            let members = zip::read(&bytes).unwrap().into_iter().map(|(name, data)| match name.as_str() {
                "task.npy" => (name.to_owned(), npy::texts(&[], &["ranks"])),
                _ => (name.to_owned(), data.to_vec()),
            });
            let error = from_npz(&zip::write(&members.collect::<Vec<_>>())).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("unknown variant `ranks`"), "{error}");
        }
    }

    #[test]
    fn a_table_of_rows_is_refused() {
        let embedding = Some(distill_models::EmbeddingConfig { buckets: 9 });
        let config = MlpConfig { hidden: vec![4], embedding, ..MlpConfig::default() };
        let model = Network::new(config, vec![3], vec!["a".into(), "b".into()], 1).unwrap();
        let none = Provenance::new();
        let graph = crate::OnnxExport::new(&model, &none, crate::OnnxExportOptions::default()).map(|_| ());
        for outcome in [to_npz(&model, &none).map(|_| ()), graph] {
            assert!(matches!(outcome, Err(ExportError::Embedding { .. })), "{outcome:?}");
        }
    }

    #[test]
    fn arrays_that_make_no_model_are_refused() {
        let config = MlpConfig { hidden: vec![4], ..MlpConfig::default() };
        let model = Network::new(config, vec![3], vec!["a".into(), "b".into()], 1).unwrap();
        let good = to_npz(&model, &Provenance::new()).unwrap();
        let with = |name: &str, array: Option<Vec<u8>>| {
            let members = zip::read(&good).unwrap().into_iter().map(|(name, data)| (name, data.to_vec()));
            let mut members: Vec<_> = members.filter(|(other, _)| other != name).collect();
            members.extend(array.map(|array| (name.to_owned(), array)));
            from_npz(&zip::write(&members)).map(|_| ()).unwrap_err().to_string()
        };
        let message = |reason: &str| format!("not an npz file written by distill: {reason}");
        assert_eq!(with("classes.npy", None), message("it has no `classes`"));
        assert_eq!(with("more.npy", Some(npy::integers(&[1]))), message("it has 9 arrays, the model needs 8"));
        assert_eq!(
            with("more", Some(npy::integers(&[1]))),
            message("it has the member \"more\", which does not belong there")
        );
        assert_eq!(
            with("input_shape.npy", Some(npy::integers(&[4]))),
            message("hidden.0.weight: it has shape [4, 3], not [4, 4]")
        );
        assert_eq!(
            with("input_shape.npy", Some(npy::integers(&[1 << 40, 1 << 40]))),
            message("the input shape [1099511627776, 1099511627776] overflows")
        );
        assert_eq!(
            with("activation.npy", Some(npy::texts(&[2], &["relu", "relu"]))),
            message("activation: it has 2 texts, not one")
        );
        assert!(with("activation.npy", Some(npy::texts(&[], &["selu"]))).contains("selu"));
        assert_eq!(
            with("output.bias.npy", Some(npy::integers(&[0, 0]))),
            message("output.bias: it has elements of type \"<i8\", not \"<f4\"")
        );
        assert_eq!(
            with("output.bias.npy", Some(npy::floats(&[2], &[0.0, f32::NAN]))),
            "tensor `output.bias` has the value NaN at element 1"
        );
    }
}
