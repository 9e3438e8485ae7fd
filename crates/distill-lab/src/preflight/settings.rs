use distill_train::{OptimizerKind, Role};

use super::{Found, Preflight};
use distill_recipe::words::{size, thousands};

/// Each step of AdamW changes a weight by about the rate, and weights are mostly below 0.1.
const HIGH_ADAMW: f64 = 0.1;

/// No network of ours has been seen to learn at a higher rate.
const HIGH_SGD: f64 = 20.0;

impl Preflight<'_> {
    /// Settings of training that have a meaning, but hardly that which was meant.
    pub(super) fn settings(&self, role: Role, table: &str, found: &mut Found) {
        let config = self.experiment.train_config(role);
        let n = self.experiment.set_of(role).len();
        if config.batch > n {
            found.warn(
                "training",
                format!("`{table}.batch` is {}, and there are {} examples", config.batch, thousands(n as u64)),
                "an epoch is then a single step",
                format!("set `{table}.batch = {}`", (n / 16).next_power_of_two().clamp(1, 128)),
            );
        }
        if config.accumulate > 1 {
            self.parts(role, table, found);
        }
        let (optimizer, bound, usual) = match config.optimizer.kind {
            OptimizerKind::AdamW => ("adamw", HIGH_ADAMW, "0.001"),
            OptimizerKind::Sgd => ("sgd", HIGH_SGD, "0.05"),
        };
        if config.optimizer.lr > bound {
            found.warn(
                "training",
                format!("`{table}.optimizer.lr` is {}, which is high for {optimizer}", config.optimizer.lr),
                "the loss may go up instead of down",
                format!("set `{table}.optimizer.lr = {usual}`, or watch the loss of the first epochs"),
            );
        }
    }

    /// What memory is saved where batches are computed in parts.
    fn parts(&self, role: Role, table: &str, found: &mut Found) {
        let config = self.experiment.train_config(role);
        let batch = config.batch.min(self.experiment.set_of(role).len());
        let (n, rows) = (config.accumulate, batch.div_ceil(config.accumulate));
        let [saved, more] = self.saved_in_parts(role, batch, rows);
        let what = format!("`{table}.accumulate` computes a batch of {batch} in {n} parts of {rows}");
        if saved > more {
            return found.ok("training", format!("{what}: about {} less memory", size(saved - more)));
        }
        found.warn(
            "training",
            format!("{what}, which saves no memory"),
            format!("rows take {} less, and the sum of the gradients {} more", size(saved), size(more)),
            format!("leave `{table}.accumulate` out, or use larger batches"),
        );
    }
}
