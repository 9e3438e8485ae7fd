use std::time::{Duration, Instant};

use distill_models::ModelSpec;
use distill_tensor::Precision;
use distill_train::{EpochReport, Role, StepReport, TrainConfig};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;
use crate::run::Leg;
use crate::summary::heading;
use crate::terminal;

/// Less time than this is not announced.
const WORTH_TELLING: Duration = Duration::from_secs(10);

/// Shows training: a line for every epoch, and on a terminal a bar for the steps.
pub(crate) struct Progress {
    output: Output,
    role: Role,
    seed: u64,
    bar: Option<ProgressBar>,
    /// What the rest of the run takes.
    leg: Option<Leg>,
    /// The step before the first one that this process made, and when it was.
    from: Option<(u32, Instant)>,
}

impl Progress {
    /// Announces a model.
    pub(crate) fn start(
        output: Output,
        (role, seed): (Role, u64),
        leg: Option<Leg>,
        spec: &ModelSpec,
        config: &TrainConfig,
    ) -> Self {
        // One that this processor does not have was refused before.
        let precision = config.precision.resolve().unwrap_or_default();
        let precision = if precision == Precision::F32 { String::new() } else { format!(", {}", precision.name()) };
        let place = leg.filter(|leg| leg.place.1 > 1).map_or(String::new(), |leg| {
            let left = leg
                .left_before()
                .filter(|time| *time >= WORTH_TELLING)
                .map_or(String::new(), |time| format!(", about {} left", left(time)));
            format!(", model {} of {}{left}", leg.place.0, leg.place.1)
        });
        output.progress(&format!(
            "\n{:<9} {}, {} parameters, {}{precision}, seed {seed}{place}",
            heading(role),
            spec.architecture,
            thousands(spec.parameters as u64),
            epochs(config.epochs),
        ));
        output.progress("  epoch      loss        kl      val errors    examples/s    seconds");
        let event = serde_json::json!({
            "role": role.name(),
            "seed": seed,
            "architecture": spec.architecture,
            "parameters": spec.parameters,
            "epochs": config.epochs,
            "model": leg.map(|leg| leg.place.0),
            "models": leg.map(|leg| leg.place.1),
            "seconds_left": leg.and_then(|leg| leg.left_before()).map(|left| left.as_secs_f64()),
        });
        // If standard output is gone, the end of the run will say so.
        let _ = output.event("model_start", event);
        Self { output, role, seed, bar: steps_bar(&output), leg, from: None }
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
    /// How long the model will still take, and how long all of it takes, by the steps so far.
    fn times(&self, report: &StepReport) -> Option<(Duration, Duration)> {
        let (first, since) = self.from?;
        let of_step = since.elapsed().checked_div(report.step.checked_sub(first).filter(|&n| n > 0)?)?;
        Some((of_step.checked_mul(report.total_steps - report.step)?, of_step.checked_mul(report.total_steps)?))
    }

    /// How much of this model and of the run is left, in words.
    fn left(&self, report: &StepReport) -> String {
        let Some((own, total)) = self.times(report) else { return String::new() };
        match self.leg.filter(|leg| leg.place.0 < leg.place.1) {
            Some(leg) => format!("{} left, {} in all", left(own), left(leg.left(own, total))),
            None => format!("{} left", left(own)),
        }
    }

    /// One of the steps that are written down, for programs.
    pub(crate) fn logged_step(&self, report: &StepReport) {
        let left = self.times(report).map(|(own, total)| match self.leg {
            Some(leg) => leg.left(own, total).as_secs_f64(),
            None => own.as_secs_f64(),
        });
        let event = serde_json::json!({
            "role": self.role.name(),
            "seed": self.seed,
            "epoch": report.epoch,
            "step": report.step,
            "steps": report.total_steps,
            "train_loss": report.loss.total,
            "ce": report.loss.hard(),
            "soft": report.loss.soft(),
            "kl": report.loss.kl(),
            "lr": report.lr,
            "seconds_left": left,
        });
        // If standard output is gone, the end of the run will say so.
        let _ = self.output.event("step", event);
    }

    pub(crate) fn step(&mut self, report: &StepReport) {
        // The first step is over by now; those after it tell the speed.
        self.from.get_or_insert_with(|| (report.step, Instant::now()));
        if let Some(bar) = &self.bar {
            if bar.length() != Some(u64::from(report.total_steps)) {
                bar.set_length(u64::from(report.total_steps));
            }
            bar.set_position(u64::from(report.step));
            if report.step.is_multiple_of(16) {
                let place = self.leg.filter(|leg| leg.place.1 > 1);
                let place = place.map_or(String::new(), |leg| format!("model {} of {}  ", leg.place.0, leg.place.1));
                let (epoch, loss, left) = (report.epoch, report.loss.total, self.left(report));
                bar.set_message(format!("{place}epoch {epoch}  loss {loss:.4}  {left}"));
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
        let kl = report.loss.kl().map_or("-".to_owned(), |kl| format!("{kl:.5}"));
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
            "ce": report.loss.hard(),
            "soft": report.loss.soft(),
            "kl": report.loss.kl(),
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

/// A bar for so many answers of a model, on a terminal.
pub(crate) fn answers_bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {wide_bar} {human_pos}/{human_len}  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10)).with_style(style)
}

/// A time in words, such as `5m` or `2h`, in whole seconds.
pub(crate) fn left(time: Duration) -> String {
    format!("{:#}", HumanDuration(Duration::from_secs(time.as_secs())))
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
