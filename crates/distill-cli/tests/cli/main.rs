//! The program from outside: what it prints, writes and returns, on data that the tests make.

#![expect(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod about;
mod asking;
mod colors;
mod ensemble;
mod eval;
mod events;
mod explain;
mod export;
mod files;
mod first_hour;
mod folders;
mod further;
mod inspect;
mod kills;
mod lab;
mod memory;
mod mixtures;
mod new;
mod not_finite;
mod onnx;
mod overrides;
mod parquet;
mod precision;
mod predict;
mod recipes;
mod refused;
mod report;
mod reproduce;
mod resume;
mod run_list;
mod runs;
mod schema;
mod selection;
mod streams;
mod sweep;
mod sweep_report;
mod sweep_resume;
mod sweep_teachers;
mod tables;
mod teach;
mod terminal;
mod tour;
