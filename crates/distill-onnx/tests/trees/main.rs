//! Forests and boosted trees: as the libraries answer that trained them, and made by hand.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod file;
mod libraries;
mod modes;
mod refused;
mod regressors;
mod scores;
