//! Tests that need more than one crate: golden values, contracts that every loss and every model
//! keeps, and whether the same seed gives the same bits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod augment;
mod average;
mod centred;
mod determinism;
mod disk;
mod embedding;
mod export;
mod faults;
mod feature_losses;
mod from_onnx;
mod golden;
mod inner_values;
mod loss_contract;
mod mixup;
mod model_contract;
mod networks;
mod non_finite;
mod parts;
mod precision;
mod ranks;
mod resume;
mod state;
mod text;
mod training;
