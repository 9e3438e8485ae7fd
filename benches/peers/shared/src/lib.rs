//! What the peers in Rust share: requests, the images, order and clock.
//!
//! A peer brings a [`Training`] and an [`Answering`]; [`serve`] does the rest.

mod clock;
mod data;
mod lock;
mod protocol;

pub use clock::{Answering, Training, serve};
pub use data::{Data, Weights};
pub use lock::version_in_lock;
pub use protocol::{Activation, Inputs, Lesson, Request, Work};

/// What a function returns.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The temperature of the loss.
pub const TEMPERATURE: f64 = 4.0;
/// The weight of the teacher in the loss.
pub const ALPHA: f64 = 0.9;
/// The optimizer is SGD with these.
pub const LEARNING_RATE: f64 = 0.05;
pub const MOMENTUM: f64 = 0.9;
/// Of the teacher: dropout of the inputs and of the hidden units, largest norm of the weights of a unit, and the
/// pixels that images are shifted by.
pub const INPUT_DROPOUT: f64 = 0.2;
pub const DROPOUT: f64 = 0.5;
pub const MAX_NORM: f64 = 3.0;
pub const SHIFT: usize = 2;
