//! A run that is stopped in the middle of its student and goes on to the same bits: `cargo run -p distill-lab --example resume`.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use distill_lab::Lab;
use distill_lab::event::Event;
use distill_lab::run::Signals;
use distill_recipe::{Diagnostic, RecipeFile};

fn main() -> Result<(), Diagnostic> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digits.toml");
    let recipe = RecipeFile::read(path, &["kd.temperature=2", "train.epochs=3"])?;
    let runs = std::env::temp_dir().join("distill-lab-example");
    let signals = Signals::default();
    let hear = |event: &Event<'_>| {
        if let Some(text) = event.text() {
            println!("{text}");
        }
        // Any thread may ask for an end; `Lab::catching_signals` does where Ctrl-C is pressed.
        if matches!(event, Event::Step(step) if step.model.role == "student" && step.report.step == 50) {
            signals.stop();
        }
    };
    let stopped = Lab::at(&runs).telling(&hear).until(signals.clone()).run(&recipe)?;
    println!("{}", stopped.verdict());

    let run = Lab::at(&runs).telling(&hear).resume(&stopped.dir)?;
    println!("\n{}", run.verdict());
    Ok(())
}
