//! Reads a recipe, puts settings over it, and prints what is trained, or the error with its place:
//! `cargo run -p distill-recipe --example settings -- recipes/mnist.toml kd.temperature=8 train.epochs=3`.
#![expect(clippy::print_stdout, reason = "an example shows what it reads")]

use distill_recipe::{Diagnostic, RecipeFile, recipe_text};

fn main() -> Result<(), Diagnostic> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (path, settings) = words.split_first().unwrap_or((&"recipes/mnist.toml", &[]));
    let (file, recipe) = RecipeFile::read(path, settings)?;
    for key in file.set_keys() {
        println!("# set: {key}");
    }
    print!("{}", recipe_text(&recipe)?);
    Ok(())
}
