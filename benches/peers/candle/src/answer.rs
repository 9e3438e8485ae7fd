use candle_core::{D, Device, Tensor};
use candle_nn::Linear;
use peer_shared::{Data, Result};

use crate::model::{Network, matrix};

pub struct Answering {
    network: Network,
    inputs: Tensor,
    batches: Vec<Tensor>,
}

impl peer_shared::Answering for Answering {
    fn new(layers: &[usize], data: &Data) -> Result<Self> {
        let mut linears = Vec::new();
        for layer in data.student(layers)? {
            let bias = Tensor::from_vec(layer.bias, layer.shape[0], &Device::Cpu)?;
            linears.push(Linear::new(matrix(layer.weight, layer.shape[1])?, Some(bias)));
        }
        Ok(Self { network: Network::of(linears), inputs: matrix(data.inputs(), 784)?, batches: vec![] })
    }

    fn cut(&mut self, batch: usize) -> Result<usize> {
        let n_batches = self.inputs.dim(0)? / batch;
        let cut = |i: usize| self.inputs.narrow(0, i * batch, batch);
        self.batches = (0..n_batches).map(cut).collect::<candle_core::Result<_>>()?;
        Ok(n_batches)
    }

    fn answer(&mut self, batch: usize) -> Result<()> {
        self.network.forward(&self.batches[batch])?;
        Ok(())
    }

    fn predictions(&mut self) -> Result<Vec<u32>> {
        Ok(self.network.forward(&self.inputs)?.argmax(D::Minus1)?.to_vec1()?)
    }
}
