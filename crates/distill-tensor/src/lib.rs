#![doc = include_str!("../README.md")]

mod bf16;
mod buffer;
mod bytes;
mod conv;
mod error;
mod exp;
mod init;
mod kernel;
mod layout;
mod matmul;
mod params;
mod parts;
mod precision;
mod real;
mod rng;
mod row_parts;
mod skip_zeros;
mod softmax;
mod sum_rows;
mod vectors;

pub use bf16::{bf16_by_tiles, bf16_is_native, matmul_bf16};
pub use bytes::unit_from_bytes;
pub use conv::{ConvShape, Convolution, Kernel};
pub use error::TensorError;
pub use exp::{exp, exp_tail};
pub use init::Init;
pub use layout::{Layout, LayoutBuilder, ParamId, SliceKind};
pub use matmul::matmul;
pub use params::{Params, TouchedRows};
pub use precision::Precision;
pub use real::Real;
pub use rng::{Philox, Stream};
pub use skip_zeros::{Weights, matmul_skip_zeros};
pub use softmax::{LogPartition, log_softmax, softmax};
pub use sum_rows::sum_rows;
pub use vectors::with_vectors;

/// Element counts from which an element-wise pass is worth a second thread.
///
/// Below it waking a thread costs more than the pass itself.
pub const PARALLEL_MIN: usize = 32 * 1024;
