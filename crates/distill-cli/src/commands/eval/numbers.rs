//! What is said of a model that predicts numbers.

use distill_models::Task;
use distill_train::NumberEvaluation;
use serde_json::json;

use super::Found;
use crate::args::EvalArgs;
use crate::commands::predict::of_classes_alone;
use crate::output::Output;
use distill_lab::folder::{NumberScore, NumberScores};
use distill_lab::summary::{columns, decimals};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// Refuses what was asked of models of another kind.
///
/// # Errors
/// The flag, and what to set in its place.
pub(super) fn check_flags(args: &EvalArgs, task: Task) -> Result<(), Diagnostic> {
    let wrong = |what: &str, help: &str| Err(Diagnostic::new(Code::Value, what).at(args.model.display()).help(help));
    match task {
        Task::Classes if args.min_r2.is_some() => {
            wrong("`--min-r2` is set, and the model gives classes", "set `--min-accuracy`")
        }
        Task::Numbers if args.min_accuracy.is_some() => wrong(
            "`--min-accuracy` is set, and the model predicts numbers",
            "set `--min-r2`, the least part of the variance that it must explain",
        ),
        Task::Numbers if !args.out_of_scope.is_empty() => Err(of_classes_alone("--out-of-scope", &args.model)),
        Task::Classes | Task::Numbers => Ok(()),
    }
}

impl Found<'_> {
    pub(super) fn numbers(&self, test: &NumberEvaluation, output: &Output) -> Result<u8, Diagnostic> {
        let Self { args, loaded, agreement, .. } = self;
        let scores = NumberScores::of(test, &loaded.model.spec().classes);
        let mut text = self.head(test.examples());
        text += &self.latency_line();
        if let Some(agreement) = agreement {
            text += &format!("agreement {agreement:.4} with the teacher, 1 is the same numbers\n");
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
        let mut event = self.event(test.examples());
        event["r2"] = json!(scores.r2);
        event["numbers"] = json!(scores.numbers);
        output.event("eval", event)?;
        self.gate("R²", scores.r2, args.min_r2)
    }
}
