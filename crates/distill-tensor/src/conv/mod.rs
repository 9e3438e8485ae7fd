//! Convolutions of maps whose channels lie side by side (height, width, channels), without im2col.
//!
//! In a padded map the inputs of one output are a few runs of neighbours: a row of the kernel each. So a convolution is a sum over
//! runs, for the outputs as for the gradient of the inputs, and registers hold the sums of some pixels by some channels.

mod depthwise;
mod form;
mod gather;
mod gradients;
mod layer;
mod packed;
mod pad;
mod pair_weights;
mod product;
mod registers;
#[cfg(test)]
mod rounded_tests;
mod shape;
#[cfg(test)]
mod tests;
mod weights;

pub use self::layer::Convolution;
pub use self::packed::Kernel;
pub use self::shape::ConvShape;
