#![doc = include_str!("../README.md")]

mod answer_file;
/// Files that hold either all of what is written or what was there before.
pub mod atomic;
mod class_names;
mod code;
/// Folders of data, in the forms that are known by the names of their files.
pub mod data_folder;
/// Where data comes from: a known name, speech, text, or a folder.
pub mod data_source;
mod diagnostic;
pub mod foreign_model;
mod loaded_teacher;
mod locate;
pub mod memory;
/// Models in safetensors files.
pub mod model_file;
/// Networks to be trained, in ONNX files.
pub mod network_file;
mod onnx_bytes;
pub mod onnx_file;
mod paint;
mod paths;
/// Recipes as TOML with settings over them, and the place of every key for errors.
pub mod recipe_file;
/// Keys of recipes that had another name once.
pub mod renamed;
mod schema;
/// Soft targets in files, as `distill teach` writes them.
pub mod target_file;
/// Teachers of any kind: safetensors, ONNX, tables of answers, specialists.
pub mod teacher_file;
pub mod text;
pub mod visible;
mod whole_columns;
pub mod words;

pub use code::{Code, Entry, REGISTRY, exit_code, find as find_code};
pub use diagnostic::{Diagnostic, Snippet};
pub use loaded_teacher::{LoadedTeacher, TeacherFormat, Unsaid, in_words, without_ones};
pub use locate::locate;
pub use paint::{Paint, Plain};
pub use paths::with_absolute_paths;
pub use recipe_file::{Override, RecipeFile, hashed_text, recipe_text};
pub use schema::recipe_schema;
