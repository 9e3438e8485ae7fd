#![doc = include_str!("../README.md")]

pub mod answer_file;
pub mod atomic;
pub mod class_names;
mod code;
pub mod data_folder;
pub mod data_source;
mod diagnostic;
pub mod foreign_model;
mod loaded_teacher;
mod locate;
pub mod memory;
pub mod model_file;
pub mod onnx_file;
mod paint;
mod paths;
pub mod recipe_file;
mod schema;
pub mod target_file;
pub mod teacher_file;
pub mod visible;
pub mod words;

pub use code::{Code, Entry, REGISTRY, exit_code, find as find_code};
pub use diagnostic::{Diagnostic, Snippet};
pub use loaded_teacher::{LoadedTeacher, Unsaid, in_words, without_ones};
pub use locate::locate;
pub use paint::{Paint, Plain};
pub use paths::with_absolute_paths;
pub use recipe_file::{Override, RecipeFile, recipe_text};
pub use schema::recipe_schema;
