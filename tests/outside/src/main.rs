//! Runs a recipe with two of its keys changed, or goes on with the run that is named.

use distill_lab::{Lab, event::Event};
use distill_recipe::{Diagnostic, RecipeFile};

fn main() -> Result<(), Diagnostic> {
    let hear = |event: &Event<'_>| {
        if let Some(text) = event.text() {
            println!("{text}");
        }
    };
    let lab = Lab::at("target/outside/runs").telling(&hear).catching_signals();
    let recipe = RecipeFile::read("crates/distill-lab/examples/digits.toml", &["kd.temperature=2", "train.epochs=3"])?;
    let run = match std::env::args().nth(1) {
        Some(name) => lab.resume(name)?,
        None => lab.run(&recipe)?,
    };
    println!("\n{}", run.verdict());
    if run.signal.is_none() {
        println!("{}", distill_report::write_run(&run.dir, &run.dir)?.display());
    }
    Ok(())
}
