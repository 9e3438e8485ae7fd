use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{MapShape, Model, ModelError, ModelSpec, Scratch, Tape, Zeros};

/// A model whose logits are logarithms of probabilities, of which none is less than a bound.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_models::{Network, MlpConfig, Model, WithoutZeros, Zeros};
/// let config = MlpConfig { hidden: vec![], ..MlpConfig::default() };
/// let model = Arc::new(Network::new(config, vec![2], vec!["no".into(), "yes".into()], 1)?);
/// let zeros = Zeros::of([0.0, 1.0], 2, Some(0.9));
/// let model = WithoutZeros::new(model, zeros);
/// assert!(model.logits(ndarray::array![[3.0, -3.0]].view())?.iter().all(|&logit| logit >= 0.9_f32.ln()));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
pub struct WithoutZeros {
    model: Arc<dyn Model>,
    spec: ModelSpec,
    least: f32,
}

impl WithoutZeros {
    /// Raises what the model gives less than [`Zeros::taken_as`] to it.
    pub fn new(model: Arc<dyn Model>, zeros: Zeros) -> Self {
        let mut spec = model.spec().clone();
        if zeros.n_zeros > 0 {
            spec.architecture = match spec.architecture.strip_suffix(')') {
                Some(remarked) => format!("{remarked}; {zeros})"),
                None => format!("{} ({zeros})", spec.architecture),
            };
        }
        Self { spec, model, least: zeros.taken_as.ln() }
    }
}

impl Model for WithoutZeros {
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
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.model.logits_into(inputs, scratch, out.view_mut())?;
        // A NaN stays one, so that it is found.
        out.mapv_inplace(|logit| if logit < self.least { self.least } else { logit });
        Ok(())
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        self.model.inner_values()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.model.inner_map(name)
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.model.record(inputs, tape)?;
        if let Some(logits) = tape.slots_mut().last_mut() {
            logits.value_mut().mapv_inplace(|logit| if logit < self.least { self.least } else { logit });
        }
        Ok(())
    }
}
