use distill_tensor::Precision;
use distill_train::{PrecisionConfig, Role};

use super::{Found, Preflight};

impl Preflight<'_> {
    /// Whether this processor can compute in the precision that is asked for. f32, which all can, is not worth
    /// a line.
    pub(super) fn precision(&self, found: &mut Found) {
        for (role, name, table) in
            [(Role::Teacher, "teacher precision", "teacher.train"), (Role::Student, "student precision", "train")]
        {
            if !self.is_trained(role) {
                continue;
            }
            let key = format!("{table}.precision");
            let config = self.experiment.train_config(role).precision;
            match config.resolve() {
                Err(error) => found.fail(name, self.file.locate(error.into(), &key)),
                Ok(Precision::F32) if config == PrecisionConfig::Bf16OrF32 => found.warn(
                    name,
                    format!("{key} is `bf16-or-f32`, and this processor has no bf16 instructions"),
                    "training is in f32, as `result.json` will say",
                    "set `precision = \"f32\"` if that is what you want; bf16 needs AVX512-BF16",
                ),
                Ok(Precision::F32) => {}
                Ok(precision) => found.ok(name, precision.name()),
            }
        }
    }
}
