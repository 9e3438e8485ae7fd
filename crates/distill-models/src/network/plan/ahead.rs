use super::Planner;
use crate::{Activation, Dropout, ModelError, Op};

/// What follows a node, so that it is computed in the same pass.
impl Planner<'_> {
    /// How many nodes read a value.
    pub(super) fn readers(&self, value: usize) -> usize {
        self.graph.nodes().iter().flat_map(|node| &node.inputs).filter(|&&input| input == value).count()
    }

    /// The next node, if it is the only reader of what node `last` gives.
    pub(super) fn next(&self, last: usize) -> Option<&Op> {
        let next = self.graph.nodes().get(last + 1)?;
        (next.inputs.contains(&(last + 1)) && self.readers(last + 1) == 1).then_some(&next.op)
    }

    /// Whether a batch norm follows a convolution without a bias, whose outputs nothing else reads: they work hand in hand.
    pub(super) fn is_before_norm(&self, node: usize) -> bool {
        let is_conv = matches!(self.graph.nodes()[node].op, Op::Conv(crate::Conv { bias: false, .. }));
        is_conv && matches!(self.next(node), Some(Op::BatchNorm))
    }

    pub(super) fn then_activation(&self, last: &mut usize) -> Option<Activation> {
        let Some(&Op::Activation(activation)) = self.next(*last) else { return None };
        *last += 1;
        Some(activation)
    }

    pub(super) fn then_dropout(&self, last: &mut usize) -> Result<Option<Dropout>, ModelError> {
        let Some(&Op::Dropout { p, stream }) = self.next(*last) else { return Ok(None) };
        *last += 1;
        Dropout::new(p, stream, "dropout")
    }

    /// The other value of a sum that follows.
    pub(super) fn then_add(&self, last: &mut usize) -> Option<usize> {
        let Some(Op::Add) = self.next(*last) else { return None };
        let inputs = &self.graph.nodes()[*last + 1].inputs;
        let other = *inputs.iter().find(|&&input| input != *last + 1)?;
        *last += 1;
        Some(other)
    }
}
