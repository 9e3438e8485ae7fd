use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{MapShape, Model, ModelError, ModelSpec, Scratch, Tape};

/// A model under another description: the same answers to the same numbers, which form inputs of another shape, or mean
/// classes of other names.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_models::{Described, Network, MlpConfig, Model};
/// let model = Arc::new(Network::new(MlpConfig::default(), vec![4], vec!["0".into(), "1".into()], 1)?);
/// let named = Described::new(model, vec![1, 2, 2], vec!["cat".into(), "dog".into()])?;
/// assert_eq!((named.spec().input_shape.as_slice(), named.spec().classes[1].as_str()), (&[1, 2, 2][..], "dog"));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Clone)]
pub struct Described {
    model: Arc<dyn Model>,
    spec: ModelSpec,
}

impl Described {
    /// The same model with this shape of an input and these names of its classes.
    ///
    /// # Errors
    /// [`ModelError::Config`] if there are not as many numbers or names as the model has.
    pub fn new(model: Arc<dyn Model>, input_shape: Vec<usize>, classes: Vec<String>) -> Result<Self, ModelError> {
        let spec = ModelSpec { input_shape, classes, ..model.spec().clone() };
        let (found, wanted) = (spec.features(), model.spec().features());
        if found != wanted {
            let problem = format!("has {}, the model takes {wanted}", counted(found, "number", "numbers"));
            return Err(ModelError::Config { field: "input_shape", problem });
        }
        let (found, wanted) = (spec.classes.len(), model.spec().classes.len());
        if found != wanted {
            let (names, classes) = (counted(found, "name", "names"), counted(wanted, "class", "classes"));
            let problem = format!("has {names}, the model has {classes}");
            return Err(ModelError::Config { field: "classes", problem });
        }
        Ok(Self { model, spec })
    }
}

fn counted(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}

impl Model for Described {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rows_at_a_time(&self) -> usize {
        self.model.rows_at_a_time()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.model.logits_into(inputs, scratch, out)
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        self.model.inner_values()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.model.inner_map(name)
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.model.record(inputs, tape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MlpConfig, Network};

    #[test]
    fn answers_stay_and_counts_must_fit() {
        let names = |list: &str| list.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let config = MlpConfig { hidden: vec![3], ..MlpConfig::default() };
        let model = Arc::new(Network::new(config, vec![6], names("0 1 2"), 1).unwrap());
        let named = Described::new(model.clone(), vec![1, 2, 3], names("a b c")).unwrap();
        let inputs = ndarray::Array2::from_shape_fn((5, 6), |(i, j)| (i * 6 + j) as f32 / 7.0);
        assert_eq!(named.logits(inputs.view()).unwrap(), model.logits(inputs.view()).unwrap());
        assert_eq!(
            (named.spec().classes.join(" "), named.spec().parameters),
            ("a b c".into(), model.spec().parameters)
        );
        let refused = |shape, classes| Described::new(model.clone(), shape, names(classes)).map(|_| ()).unwrap_err();
        assert!(refused(vec![1, 7], "a b c").to_string().contains("has 7 numbers, the model takes 6"));
        assert!(refused(vec![1], "a b c").to_string().contains("has 1 number, the model takes 6"));
        assert!(refused(vec![6], "a").to_string().contains("has 1 name, the model has 3 classes"));
        assert!(refused(vec![6], "a b").to_string().contains("has 2 names, the model has 3 classes"));
    }
}
