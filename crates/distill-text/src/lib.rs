#![doc = include_str!("../README.md")]

mod error;
mod features;
mod paragraphs;
mod part;
mod snippets;
mod text_snippets;
mod udhr;

pub use error::{TableFault, TextError};
pub use features::{MAX_BUCKETS, MAX_LEN, NGrams, PADDING};
pub use paragraphs::{Paragraph, Paragraphs};
pub use part::Part;
pub use snippets::{Snippet, Snippets};
pub use text_snippets::TextSnippets;
pub use udhr::{language_name, udhr};
