//! Writes the report of a run, of a new one where none is named: `cargo run -p distill-report --example report -- runs/mnist-001`.
#![expect(clippy::print_stdout, reason = "an example says where the page is")]

use std::path::PathBuf;

use distill_lab::Lab;
use distill_recipe::{Diagnostic, RecipeFile};

const RECIPE: &str = "\
data = { source = 'mnist', select = { fraction = 0.05 }, validation = 200 }
teacher = { model = { hidden = [64] }, train = { epochs = 4 } }
student.model.hidden = [8]
train.epochs = 3
";

fn main() -> Result<(), Diagnostic> {
    let run = match std::env::args_os().nth(1) {
        Some(run) => PathBuf::from(run),
        None => {
            let recipe = RecipeFile::from_text("digits.toml", RECIPE, &[])?;
            Lab::at(std::env::temp_dir().join("distill-report-example")).run(&recipe)?.dir
        }
    };
    println!("{}", distill_report::write_run(&run, &run)?.display());
    Ok(())
}
