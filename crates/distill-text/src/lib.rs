#![doc = include_str!("../README.md")]

mod encoder;
mod error;
mod features;
mod paragraphs;
mod snippets;
mod text_rows;
mod text_snippets;
mod udhr;

pub use distill_datasets::records::{Part, TableFault};
pub use encoder::{Features, MAX_BYTES, TextEncoder};
pub use error::TextError;
pub use features::{MAX_BUCKETS, MAX_LEN, NGrams, PADDING};
pub use paragraphs::{Paragraph, Paragraphs};
pub use snippets::{Snippet, Snippets};
pub use text_rows::TextRows;
pub use text_snippets::TextSnippets;
pub use udhr::{language_name, udhr};
