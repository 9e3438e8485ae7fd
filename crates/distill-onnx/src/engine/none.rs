use super::Prepared;
use crate::shape::Shape;
use crate::{OnnxError, OnnxOptions};

/// Nobody makes one.
pub(crate) enum Engine {}

impl Engine {
    pub(crate) fn prepare(_: &[u8], _: &OnnxOptions, because: &str) -> Result<Prepared<Self>, OnnxError> {
        Err(OnnxError::NoEngine { because: because.to_owned() })
    }

    pub(crate) fn run(
        &self,
        _: &Shape,
        _: &mut dyn Iterator<Item = &[f32]>,
        _: impl Fn(f32) -> f32,
        _: usize,
    ) -> Result<Vec<Vec<f32>>, OnnxError> {
        match *self {}
    }
}
