//! Answers rows of a file, or of standard input: `cargo run -p distill-predict --example predict -- MODEL.safetensors ROWS.csv`.
#![expect(clippy::print_stdout, reason = "an example shows the answers")]

use std::path::Path;

use distill_models::{MlpConfig, Model, Network};
use distill_predict::{Answers, Format, Predictor, Reading, STDIN, Source, predict_rows};
use distill_recipe::{Diagnostic, model_file};

fn main() -> Result<(), Diagnostic> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = words.first() else {
        // Nobody has trained this one.
        let config = MlpConfig { hidden: vec![4], ..MlpConfig::default() };
        let model = Network::new(config, vec![3], vec!["cat".into(), "dog".into()], 1)?;
        print!("{}", predict_rows(&model, b"0.5,0,1\n0,0.25,0\n".to_vec())?);
        return Ok(());
    };
    let model = model_file::load(Path::new(path))?.model;
    let spec = model.spec();
    let answers = Answers::new(Format::Csv, &spec.classes, Some(3), false, 1.0)?;
    let mut predictor = Predictor::new(&model, answers, |text: &[u8]| {
        print!("{}", String::from_utf8_lossy(text));
        Ok(())
    });
    let rows = words.get(1).map_or(STDIN, String::as_str);
    let mut source = Source::open(Path::new(rows), None, spec, &Reading::default(), false)?;
    predictor.answer(&mut source, |_, _| {})?;
    predictor.flush()
}
