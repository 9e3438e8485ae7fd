use distill_datasets::DataError;
use distill_models::Model;
use distill_train::evaluate;
use serde_json::json;

use crate::args::EvalArgs;
use crate::data_source::DataSource;
use crate::diagnostic::Diagnostic;
use crate::model_file;
use crate::output::Output;
use crate::progress::thousands;

/// `distill eval MODEL --data DATA`
pub(crate) fn eval(args: &EvalArgs, output: &Output) -> Result<(), Diagnostic> {
    let loaded = model_file::load(&args.model)?;
    let spec = loaded.model.spec();
    let data = DataSource::open(&args.data)?.load_test(&spec.classes).map_err(|error| match error {
        // Data that names no classes is read with those of the model.
        DataError::LabelOutOfRange { .. } => {
            Diagnostic::from(error).better_help("use a model that was trained on this data")
        }
        other => other.into(),
    })?;
    let evaluation =
        evaluate(&loaded.model, &data).map_err(|error| Diagnostic::from(error).at(args.model.display()))?;

    let mut text = format!("model     {}\n", args.model.display());
    text += &format!("          {}, {} parameters", spec.architecture, thousands(spec.parameters as u64));
    for (name, value) in &loaded.provenance {
        if ["role", "seed"].contains(&name.as_str()) {
            text += &format!(", {name} {value}");
        }
    }
    text += &format!("\ndata      {}, {} test examples\n", args.data, thousands(evaluation.examples as u64));
    text += &format!("nll       {:.4}\n", evaluation.nll);
    text += &format!("ece       {:.4}\n", evaluation.ece);
    text += &format!("accuracy  {:.2} %, {} errors", 100.0 * evaluation.accuracy(), evaluation.errors);
    output.result(&text)?;
    output.event(
        "eval",
        json!({
            "model": args.model.display().to_string(),
            "model_sha256": loaded.sha256,
            "data": args.data,
            "examples": evaluation.examples,
            "errors": evaluation.errors,
            "accuracy": evaluation.accuracy(),
            "nll": evaluation.nll,
            "ece": evaluation.ece,
        }),
    )
}
