use std::time::Duration;

use distill_models::ModelSpec;
use distill_tensor::Precision;
use distill_train::{EpochReport, Role, StepReport, TrainConfig};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;
use crate::summary::heading;
use crate::terminal;

/// Shows training: a line for every epoch, and on a terminal a bar for the steps.
pub(crate) struct Progress {
    output: Output,
    role: Role,
    seed: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Announces a model.
    pub(crate) fn start(output: Output, role: Role, seed: u64, spec: &ModelSpec, config: &TrainConfig) -> Self {
        // One that this processor does not have was refused before.
        let precision = config.precision.resolve().unwrap_or_default();
        let precision = if precision == Precision::F32 { String::new() } else { format!(", {}", precision.name()) };
        output.progress(&format!(
            "\n{:<9} {}, {} parameters, {}{precision}, seed {seed}",
            heading(role),
            spec.architecture,
            thousands(spec.parameters as u64),
            epochs(config.epochs),
        ));
        output.progress("  epoch      loss        kl      val errors    examples/s    seconds");
        Self { output, role, seed, bar: steps_bar(&output) }
    }

    /// A line between those of the epochs.
    pub(crate) fn note(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    fn line(&self, line: &str) {
        match &self.bar {
            // The bar must know of lines that are printed above it.
            Some(bar) => {
                self.output.log(line);
                bar.println(terminal::lines(line));
            }
            None => self.output.progress(line),
        }
    }
}

impl Progress {
    pub(crate) fn step(&mut self, report: &StepReport) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(u64::from(report.total_steps)) {
                // What was done before is no measure of the speed.
                bar.set_length(u64::from(report.total_steps));
                bar.set_position(u64::from(report.step));
                bar.reset_eta();
            }
            bar.set_position(u64::from(report.step));
            if report.step.is_multiple_of(16) {
                let left = HumanDuration(Duration::from_secs(bar.eta().as_secs()));
                bar.set_message(format!("epoch {}  loss {:.4}  {left:#} left", report.epoch, report.loss.total));
            }
        }
    }

    pub(crate) fn epoch(&mut self, report: &EpochReport<'_>) {
        let rate = report.examples as f64 / report.seconds;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, shown whole")]
        let rate = thousands(rate.round() as u64);
        let errors = report
            .validation
            .map_or("-".to_owned(), |v| format!("{} of {}", thousands(v.errors as u64), thousands(v.examples as u64)));
        let kl = report.loss.kl.map_or("-".to_owned(), |kl| format!("{kl:.5}"));
        let epoch = format!("{}/{}", report.epoch, report.epochs);
        self.line(&format!(
            "  {epoch:>5}  {:>8.4}  {kl:>8}  {errors:>14}  {rate:>12}  {:>9.2}",
            report.loss.total, report.seconds,
        ));
        let event = serde_json::json!({
            "role": self.role.name(),
            "seed": self.seed,
            "epoch": report.epoch,
            "epochs": report.epochs,
            "step": report.step,
            "train_loss": report.loss.total,
            "ce": report.loss.hard,
            "soft": report.loss.soft,
            "kl": report.loss.kl,
            "lr": report.lr,
            "validation_examples": report.validation.map(|v| v.examples),
            "validation_errors": report.validation.map(|v| v.errors),
            "examples": report.examples,
            "seconds": report.seconds,
        });
        // If standard output is gone, the end of the run will say so.
        let _ = self.output.event("epoch_end", event);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar for the steps of a training, on a terminal.
pub(crate) fn steps_bar(output: &Output) -> Option<ProgressBar> {
    output.animate().then(|| {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let style = ProgressStyle::with_template("  {wide_bar} {pos}/{len}  {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(None, target).with_style(style)
    })
}

/// A number of epochs in words.
pub(crate) fn epochs(n: u32) -> String {
    if n == 1 { "1 epoch".to_owned() } else { format!("{n} epochs") }
}

/// A whole number with commas.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Parameters of a model; a table of answers has none.
pub(crate) fn parameters(n: usize) -> String {
    if n == 0 { "-".to_owned() } else { thousands(n as u64) }
}

/// Sides, such as `1x28x28`.
pub(crate) fn sides(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// A number of bytes for people, in powers of ten as disks are sold.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
    }
}
