//! Lists the rows of the studies, or does some of the first one, smaller than the paper's:
//! `cargo run -p distill-studies --example rows -- teacher`.
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use distill_lab::Lab;
use distill_recipe::Diagnostic;
use distill_studies::{PLANS, Section};

const SETTINGS: [&str; 5] = [
    "data.select={ fraction = 0.05 }",
    "seeds=[1, 2]",
    "teacher.model.hidden=[32]",
    "teacher.train.epochs=2",
    "train.epochs=2",
];

fn main() -> Result<(), Diagnostic> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        for plan in PLANS {
            println!("{}: {}", plan.name, plan.summary);
            for row in plan.rows {
                println!("  {:<12} {}", row.name, row.about);
            }
        }
        return Ok(());
    }
    let rows = PLANS[0].rows_named(&names)?;
    let lab = Lab::at(std::env::temp_dir().join("distill-studies-example"));
    let show = |section: &Section| -> Result<(), Diagnostic> {
        println!("{}\n{}", section.title, section.in_words(&PLANS[0].beside));
        Ok(())
    };
    let end = PLANS[0].reproduce(&lab, &rows, &SETTINGS.map(str::to_owned), None, &show)?;
    println!("{}", end.dir.join(PLANS[0].page).with_extension("md").display());
    Ok(())
}
