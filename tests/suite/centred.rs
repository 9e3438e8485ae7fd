//! A model with state, written with public items alone: a linear layer on inputs less their mean, the batch's in training and a
//! running one in evaluation.

use distill_datasets::Dataset;
use distill_models::{Model, ModelError, ModelSpec, Scratch, StepKey, Tape, Task, Trainable};
use distill_tensor::{Init, LayoutBuilder, ParamId, Params, SliceKind};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis};

#[derive(Clone)]
pub(crate) struct Centred {
    spec: ModelSpec,
    params: Params,
    weight: ParamId,
    mean: ParamId,
    bias: ParamId,
    /// What is found instead of a mean, if anything.
    pub(crate) bad_mean: Option<f32>,
}

impl Centred {
    pub(crate) fn new(data: &dyn Dataset, seed: u64) -> Self {
        let (input_shape, classes) = (data.spec().input_shape.clone(), data.spec().classes.clone());
        let features: usize = input_shape.iter().product();
        let mut layout = LayoutBuilder::new();
        let weight = layout.push("weight", &[classes.len(), features]).unwrap();
        let mean = layout.push_as("mean", &[features], SliceKind::State).unwrap();
        let bias = layout.push_as("bias", &[classes.len()], SliceKind::NoDecay).unwrap();
        let mut params = Params::zeros(layout.build());
        Init::HeNormal.fill(params.vector_mut(weight), features, classes.len(), seed, 0);
        let parameters = (features + 1) * classes.len();
        let spec = ModelSpec {
            architecture: format!("{features}-{}", classes.len()),
            input_shape,
            classes,
            parameters,
            task: Task::Classes,
        };
        Self { spec, params, weight, mean, bias, bad_mean: None }
    }

    /// The running mean of these parameters.
    pub(crate) fn mean<'a>(&self, params: &'a Params) -> &'a [f32] {
        params.vector(self.mean)
    }

    fn write(&self, centred: ArrayView2<'_, f32>, mut logits: ArrayViewMut2<'_, f32>) {
        logits.assign(&centred.dot(&self.params.matrix(self.weight).t()));
        logits += &ArrayView1::from(self.params.vector(self.bias));
    }
}

impl Model for Centred {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        _: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.write((&inputs - &ArrayView1::from(self.mean(&self.params))).view(), out);
        Ok(())
    }
}

impl Trainable for Centred {
    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    fn tape(&self) -> Tape {
        let (features, classes) = (self.spec.features(), self.spec.classes.len());
        Tape::new(
            [("input", features), ("centred", features), ("logits", classes)].map(|(name, n)| (name.to_owned(), n)),
        )
    }

    fn forward(&self, inputs: ArrayView2<'_, f32>, _: StepKey, tape: &mut Tape) -> Result<(), ModelError> {
        tape.begin(inputs.nrows());
        let [input, centred, logits] = tape.slots_mut() else { unreachable!() };
        input.value_mut().assign(&inputs);
        centred.value_mut().assign(&(&inputs - &inputs.mean_axis(Axis(0)).unwrap()));
        self.write(centred.value(), logits.value_mut());
        Ok(())
    }

    fn backward(&self, dz: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        let [input, centred, _] = tape.slots_mut() else { unreachable!() };
        grads.matrix_mut(self.weight).assign(&dz.t().dot(&centred.value()));
        grads.vector_mut(self.bias).copy_from_slice(dz.sum_axis(Axis(0)).as_slice().unwrap());
        let found = grads.vector_mut(self.mean);
        found.copy_from_slice(input.value().mean_axis(Axis(0)).unwrap().as_slice().unwrap());
        found[0] = self.bad_mean.unwrap_or(found[0]);
    }

    fn absorb(&mut self, grads: &Params) {
        let found = grads.vector(self.mean);
        self.params
            .vector_mut(self.mean)
            .iter_mut()
            .zip(found)
            .for_each(|(mean, found)| *mean += 0.1 * (found - *mean));
    }
}
