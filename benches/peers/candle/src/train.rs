use candle_core::{D, Device, Tensor, Var};
use candle_nn::{Dropout, VarBuilder, VarMap, loss, ops};
use peer_shared::{
    ALPHA, DROPOUT, Data, INPUT_DROPOUT, LEARNING_RATE, Lesson, MAX_NORM, MOMENTUM, Request, Result, TEMPERATURE,
};

use crate::model::{DTYPE, Network, matrix};
use crate::optimizer::Sgd;

pub struct Training {
    data: Data,
    /// All images and the teacher's probabilities; the teacher itself reads shifted images and no targets.
    student: Option<(Tensor, Tensor)>,
    labels: Tensor,
    network: Network,
    optimizer: Sgd,
    /// Weights of the hidden layers.
    hidden: Vec<Var>,
    /// What the loss lacks to be comparable.
    constant: f64,
}

impl peer_shared::Training for Training {
    fn new(request: &Request, data: Data) -> Result<Self> {
        let vars = VarMap::new();
        let is_teacher = request.lesson == Lesson::Teacher;
        let dropout = is_teacher.then(|| [Dropout::new(INPUT_DROPOUT as f32), Dropout::new(DROPOUT as f32)]);
        let variables = VarBuilder::from_varmap(&vars, DTYPE, &Device::Cpu);
        let network = Network::new(&request.layers, request.activation, dropout, variables)?;
        let named = vars.data().lock().map_err(|_| "the variables are locked")?;
        let hidden = (0..request.layers.len() - 2).filter_map(|i| named.get(&format!("{i}.weight")).cloned()).collect();
        drop(named);
        let labels: Vec<u32> = data.labels.iter().map(|&label| u32::from(label)).collect();
        let targets = data.targets()?;
        let constant = if is_teacher { 0.0 } else { Data::negative_entropy(&targets) };
        let student = if is_teacher { None } else { Some((matrix(data.inputs(), 784)?, matrix(targets, 10)?)) };
        Ok(Self {
            student,
            labels: Tensor::from_vec(labels, data.len(), &Device::Cpu)?,
            data,
            network,
            optimizer: Sgd::new(vars.all_vars(), LEARNING_RATE, MOMENTUM)?,
            hidden,
            constant,
        })
    }

    fn step(&mut self, rows: &[u32], wants_loss: bool) -> Result<f64> {
        let indices = Tensor::from_slice(rows, rows.len(), &Device::Cpu)?;
        let labels = self.labels.index_select(&indices, 0)?;
        let loss = match &self.student {
            Some((inputs, targets)) => {
                let logits = self.network.forward(&inputs.index_select(&indices, 0)?)?;
                distillation(&logits, &labels, &targets.index_select(&indices, 0)?)?
            }
            None => loss::cross_entropy(&self.network.forward(&matrix(self.data.shifted(rows), 784)?)?, &labels)?,
        };
        self.optimizer.step(&loss.backward()?)?;
        if self.student.is_none() {
            self.hidden.iter().try_for_each(constrain)?;
        }
        Ok(if wants_loss { f64::from(loss.to_scalar::<f32>()?) + self.constant } else { 0.0 })
    }
}

/// `(1 - α) CE + α T²` times the cross entropy with the teacher's probabilities.
fn distillation(logits: &Tensor, labels: &Tensor, targets: &Tensor) -> candle_core::Result<Tensor> {
    let hard = loss::cross_entropy(logits, labels)?;
    let log_probs = ops::log_softmax(&(logits / TEMPERATURE)?, D::Minus1)?;
    let factor = -ALPHA * TEMPERATURE * TEMPERATURE / logits.dim(0)? as f64;
    (hard * (1.0 - ALPHA))? + ((targets * log_probs)?.sum_all()? * factor)?
}

/// Scales down the incoming weights of a unit where their norm is too large.
fn constrain(weight: &Var) -> candle_core::Result<()> {
    let weights = weight.as_detached_tensor();
    let norms = weights.sqr()?.sum_keepdim(1)?.sqrt()?;
    let factors = (norms.recip()? * MAX_NORM)?.minimum(1.0)?;
    weight.set(&weights.broadcast_mul(&factors)?)
}
