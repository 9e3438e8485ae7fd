//! Prints snippets of the Declaration of Human Rights with their languages:
//! `cargo run -p distill-text --example snippets -- [HOW_MANY [CHARACTERS]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it reads")]

use std::error::Error;
use std::sync::Arc;

use distill_text::{Part, Snippets, language_name, udhr};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let n = args.next().map_or(Ok(10), |arg| arg.parse())?;
    let n_chars = args.next().map_or(Ok(24), |arg| arg.parse())?;

    let paragraphs = Arc::new(udhr()?);
    println!("{} paragraphs in {} languages, such as", paragraphs.len(), paragraphs.languages().len());
    let snippets = Snippets::new(Arc::clone(&paragraphs), Part::Test, n_chars, 1)?;
    for index in 0..n {
        let snippet = snippets.get(index);
        let code = &paragraphs.languages()[snippet.language as usize];
        println!("{}  {code}, {}", snippet.text, language_name(code).unwrap_or("without a name"));
    }
    Ok(())
}
