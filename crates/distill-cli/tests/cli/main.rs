//! The program from outside: what it prints, writes and returns, on data that the tests make.

#![expect(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod about;
mod colors;
mod ensemble;
mod eval;
mod explain;
mod export;
mod files;
mod folders;
mod inspect;
mod lab;
mod memory;
mod mixtures;
mod new;
mod not_finite;
mod onnx;
mod onnx_files;
mod overrides;
mod parquet;
mod pictures;
mod precision;
mod predict;
mod recipes;
mod refused;
mod report;
mod reproduce;
mod resume;
mod runs;
mod schema;
mod selection;
mod slips;
mod streams;
mod sweep;
mod sweep_resume;
mod sweep_teachers;
mod tables;
mod teach;
mod terminal;
mod tour;
