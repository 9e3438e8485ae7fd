use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use peer_shared::{ALPHA, Data, LEARNING_RATE, Lesson, MOMENTUM, Request, Result, TEMPERATURE};

use crate::model::{Network, matrix};

pub struct Training {
    data: Data,
    device: Device,
    /// All images and the teacher's probabilities; the teacher itself reads shifted images and no targets.
    student: Option<(Tensor<2>, Tensor<2>)>,
    labels: Tensor<1, Int>,
    /// Taken for the time of a step, as the optimizer returns another one.
    network: Option<Network>,
    optimizer: ModuleOptimizer,
    cross_entropy: CrossEntropyLoss,
    /// What the loss lacks to be comparable.
    constant: f64,
}

impl peer_shared::Training for Training {
    fn new(request: &Request, data: Data) -> Result<Self> {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let is_teacher = request.lesson == Lesson::Teacher;
        let momentum = MomentumConfig::new().with_momentum(MOMENTUM).with_dampening(0.0);
        let labels: Vec<i32> = data.labels.iter().map(|&label| i32::from(label)).collect();
        let targets = data.targets()?;
        let constant = if is_teacher { 0.0 } else { Data::negative_entropy(&targets) };
        let inputs = || matrix(data.inputs(), 784, &device);
        let student = if is_teacher { None } else { Some((inputs(), matrix(targets, 10, &device))) };
        Ok(Self {
            student,
            labels: Tensor::from_data(TensorData::new(labels, [data.len()]), &device),
            data,
            network: Some(Network::new(&request.layers, request.activation, is_teacher, &device)),
            optimizer: SgdConfig::new().with_momentum(Some(momentum)).init(),
            cross_entropy: CrossEntropyLossConfig::new().init(&device),
            device,
            constant,
        })
    }

    fn step(&mut self, rows: &[u32], wants_loss: bool) -> Result<f64> {
        let network = self.network.take().ok_or("the last step failed")?;
        let indices: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [rows.len()]), &self.device);
        let labels = self.labels.clone().select(0, indices.clone());
        let loss = match &self.student {
            Some((inputs, targets)) => {
                let logits = network.forward(inputs.clone().select(0, indices.clone()));
                let soft = soft_cross_entropy(logits.clone(), targets.clone().select(0, indices));
                self.cross_entropy.forward(logits, labels) * (1.0 - ALPHA) + soft * (ALPHA * TEMPERATURE * TEMPERATURE)
            }
            None => {
                let inputs = matrix(self.data.shifted(rows), 784, &self.device);
                self.cross_entropy.forward(network.forward(inputs), labels)
            }
        };
        let grads = GradientsParams::from_grads(loss.backward(), &network);
        let network = self.optimizer.step(LEARNING_RATE, network, grads);
        self.network = Some(if self.student.is_none() { network.constrained() } else { network });
        Ok(if wants_loss { f64::from(loss.into_scalar::<f32>()) + self.constant } else { 0.0 })
    }
}

/// The cross entropy with the teacher's probabilities, the mean over the examples.
fn soft_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let n_examples = logits.dims()[0] as f64;
    let log_probs = log_softmax(logits / TEMPERATURE, 1);
    (targets * log_probs).sum() / -n_examples
}
