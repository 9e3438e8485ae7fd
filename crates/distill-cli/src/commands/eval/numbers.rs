//! What is said of a model that predicts numbers.

use distill_train::NumberEvaluation;
use serde_json::json;

use super::Found;
use crate::commands::predict::of_classes_alone;
use crate::output::Output;
use distill_lab::folder::{NumberScore, NumberScores};
use distill_lab::summary::{columns, decimals};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

impl Found<'_> {
    pub(super) fn numbers(&self, test: &NumberEvaluation, output: &Output) -> Result<u8, Diagnostic> {
        let Self { args, loaded, agreement, latency } = self;
        if args.min_accuracy.is_some() {
            return Err(Diagnostic::new(Code::Value, "`--min-accuracy` is set, and the model predicts numbers")
                .at(args.model.display())
                .help("set `--min-r2`, the least part of the variance that it must explain"));
        }
        if !args.out_of_scope.is_empty() {
            return Err(of_classes_alone("--out-of-scope", &args.model));
        }
        let scores = NumberScores::of(test, &loaded.model.spec().classes);
        let mut text = self.head(test.examples());
        text += &self.latency_line();
        if let Some(agreement) = agreement {
            text += &format!("agreement {:.2} % with the teacher\n", 100.0 * agreement);
        }
        let header = ["number", "RMSE", "MAE", "bias", "R²"].map(str::to_owned);
        let line = |number: &NumberScore| {
            let places = decimals(number.rmse);
            [
                number.name.clone(),
                format!("{:.places$}", number.rmse),
                format!("{:.places$}", number.mae),
                format!("{:.places$}", number.bias),
                number.r2.map_or("-".to_owned(), |r2| format!("{r2:.4}")),
            ]
        };
        let lines: Vec<_> = std::iter::once(header).chain(scores.numbers.iter().map(line)).collect();
        text += &format!("\n{}\n", columns(&lines, 1));
        text += &format!("R²        {:.4} of the variance explained", scores.r2);
        output.result(&text)?;
        output.event(
            "eval",
            json!({
                "model": args.model.display().to_string(),
                "model_sha256": loaded.sha256,
                "answers": loaded.answers.as_ref().map(ToString::to_string),
                "assumed": loaded.assumed,
                "data": args.data,
                "examples": test.examples(),
                "r2": scores.r2,
                "numbers": scores.numbers,
                "agreement": agreement,
                "latency": latency,
            }),
        )?;
        self.gate("R²", scores.r2, args.min_r2)
    }
}
