use std::path::Path;

use distill_losses::LossValue;
use distill_train::{EpochReport, Measured};
use serde_json::{Map, Value, json};

use super::{Event, ModelId, Step};
use crate::trials;

impl Event<'_> {
    /// The name and the fields of the event for programs, as `events.schema.json` has them; `None` where they need not know.
    pub fn to_json(&self) -> Option<(&'static str, Value)> {
        let path = |path: &Path| path.display().to_string();
        Some(match self {
            Self::RunStart(start) => (
                "run_start",
                json!({
                    "run": path(start.run),
                    "recipe": start.recipe,
                    "recipe_sha256": start.recipe_sha256,
                    "data_sha256": start.data_sha256,
                    "seeds": start.seeds,
                    "threads": rayon::current_num_threads(),
                    "data": start.data,
                }),
            ),
            Self::ModelStart(start) => (
                "model_start",
                json!({
                    "role": start.role.name(),
                    "seed": start.seed,
                    "architecture": start.architecture,
                    "parameters": start.parameters,
                    "epochs": start.epochs,
                    "model": start.leg.map(|leg| leg.place.0),
                    "models": start.leg.map(|leg| leg.place.1),
                    "seconds_left": start.leg.and_then(|leg| leg.left_before()).map(|left| left.as_secs_f64()),
                }),
            ),
            Self::Step(step) if step.is_logged => ("step", step.to_json()),
            Self::Epoch { model, report } => ("epoch_end", epoch_to_json(*model, report)),
            Self::Checkpoint { model, step, path: file } => {
                ("checkpoint", json!({ "role": model.role, "seed": model.seed, "step": step, "path": path(file) }))
            }
            Self::Asking(asking) if asking.is_due[0] => (
                "asking",
                json!({
                    "model": asking.model, "done": asking.done, "total": asking.total,
                    "seconds": asking.spent.as_secs_f64(), "seconds_left": asking.left.as_secs_f64(),
                }),
            ),
            Self::ModelEnd(model) => ("model_end", serde_json::to_value(model).unwrap_or_default()),
            Self::JobEnd { facts, .. } => {
                // Test errors are shown when the row is done: who sees them earlier chooses by them.
                let mut fields = serde_json::to_value(facts).unwrap_or_default();
                if let Some(fields) = fields.as_object_mut() {
                    fields.retain(|field, _| !field.starts_with("test_"));
                }
                ("model_end", fields)
            }
            Self::SweepStart(start) => (
                "sweep_start",
                json!({
                    "sweep": path(start.sweep),
                    "recipe": start.definition.recipe,
                    "keys": start.plan.keys(),
                    "trials": start.plan.trials.len(),
                    "budgets": start.plan.budgets,
                    "seeds": start.definition.seeds,
                    "metric": start.definition.metric,
                    "finished": start.n_finished,
                }),
            ),
            Self::TrialEnd { record, plan } => {
                let mut fields = trials::event(record);
                fields["trials"] = json!(plan.trials.len());
                fields["rungs"] = json!(plan.budgets.len());
                ("trial_end", fields)
            }
            Self::Warning { message, note, help } => {
                ("warning", json!({ "message": message, "note": note, "help": help }))
            }
            _ => return None,
        })
    }
}

impl Step<'_> {
    fn to_json(&self) -> Value {
        let report = self.report;
        let left = self.times.map(|(own, total)| match self.leg {
            Some(leg) => leg.left(own, total).as_secs_f64(),
            None => own.as_secs_f64(),
        });
        let mut fields = json!({
            "role": self.model.role,
            "seed": self.model.seed,
            "epoch": report.epoch,
            "step": report.step,
            "steps": report.total_steps,
            "lr": report.lr,
            "seconds_left": left,
        });
        add_loss(&mut fields, &report.loss);
        fields
    }
}

fn add_loss(fields: &mut Value, loss: &LossValue) {
    fields["train_loss"] = json!(loss.total);
    fields["ce"] = json!(loss.hard());
    fields["soft"] = json!(loss.soft());
    fields["kl"] = json!(loss.kl());
    let others: Map<String, Value> =
        loss.other_terms().map(|term| (term.name().to_owned(), json!(term.value))).collect();
    if !others.is_empty() {
        fields["terms"] = json!(others);
    }
}

fn epoch_to_json(model: ModelId<'_>, report: &EpochReport<'_>) -> Value {
    let mut fields = json!({
        "role": model.role,
        "seed": model.seed,
        "epoch": report.epoch,
        "epochs": report.epochs,
        "step": report.step,
        "lr": report.lr,
        "validation_examples": report.validation.map(Measured::examples),
        "validation_errors": report.validation.and_then(Measured::classes).map(|v| v.errors),
        "examples": report.examples,
        "seconds": report.seconds,
    });
    if let Some(found) = report.validation.and_then(Measured::numbers) {
        fields["validation_r2"] = json!(found.r2());
    }
    add_loss(&mut fields, &report.loss);
    fields
}
