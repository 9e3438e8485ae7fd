use burn::tensor::{Device, Tensor};
use peer_shared::{Data, Result};

use crate::model::{Network, matrix};

pub struct Answering {
    network: Network,
    inputs: Tensor<2>,
    batches: Vec<Tensor<2>>,
}

impl peer_shared::Answering for Answering {
    fn new(layers: &[usize], data: &Data) -> Result<Self> {
        // Without autodiff, so that nothing is recorded.
        let device = Device::flex();
        let network = Network::trained(data.student(layers)?, &device);
        Ok(Self { network, inputs: matrix(data.inputs(), 784, &device), batches: vec![] })
    }

    fn cut(&mut self, batch: usize) -> Result<usize> {
        let n_batches = self.inputs.dims()[0] / batch;
        self.batches = (0..n_batches).map(|i| self.inputs.clone().narrow(0, i * batch, batch)).collect();
        Ok(n_batches)
    }

    fn answer(&mut self, batch: usize) -> Result<()> {
        self.network.forward(self.batches[batch].clone());
        Ok(())
    }

    fn predictions(&mut self) -> Result<Vec<u32>> {
        let classes = self.network.forward(self.inputs.clone()).argmax(1).into_data();
        Ok(classes.iter::<u32>().collect())
    }
}
