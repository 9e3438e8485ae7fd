use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};

/// SGD with momentum, which candle's own has not. Both updates are done in place.
pub struct Sgd {
    vars: Vec<(Var, Tensor)>,
    lr: f32,
    momentum: f32,
}

impl Sgd {
    pub fn new(vars: Vec<Var>, lr: f64, momentum: f64) -> Result<Self> {
        let with_velocity = |var: Var| Ok((var.clone(), var.zeros_like()?));
        let vars = vars.into_iter().map(with_velocity).collect::<Result<_>>()?;
        Ok(Self { vars, lr: lr as f32, momentum: momentum as f32 })
    }

    pub fn step(&self, grads: &GradStore) -> Result<()> {
        for (var, velocity) in &self.vars {
            let Some(grad) = grads.get(var) else { continue };
            let grad = grad.contiguous()?;
            velocity.inplace_op2(&grad, &ScaleAdd { scale: self.momentum, factor: 1.0 })?;
            var.inplace_op2(velocity, &ScaleAdd { scale: 1.0, factor: -self.lr })?;
        }
        Ok(())
    }
}

/// `a = scale * a + factor * b`
struct ScaleAdd {
    scale: f32,
    factor: f32,
}

impl InplaceOp2 for ScaleAdd {
    fn name(&self) -> &'static str {
        "scale-add"
    }

    fn cpu_fwd(&self, a: &mut CpuStorage, a_layout: &Layout, b: &CpuStorage, b_layout: &Layout) -> Result<()> {
        let ranges = (a_layout.contiguous_offsets(), b_layout.contiguous_offsets());
        let (CpuStorage::F32(a), CpuStorage::F32(b), (Some(a_range), Some(b_range))) = (a, b, ranges) else {
            bail!("two contiguous tensors of f32 are needed");
        };
        let (a, b) = (&mut a[a_range.0..a_range.1], &b[b_range.0..b_range.1]);
        for (a, b) in a.iter_mut().zip(b) {
            *a = self.scale * *a + self.factor * b;
        }
        Ok(())
    }
}
