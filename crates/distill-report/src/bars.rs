use distill_chart::{Anchor, Canvas, Chart};
use distill_train::Role;

use super::group::Group;
use super::numbers::{mean, micros};
use distill_lab::summary::label;
use distill_lab::view::data::ModelFacts;
use distill_recipe::words::{size, thousands};

/// What the models cost: parameters, size and latency, where they are known.
pub(super) fn costs(groups: &[Group<'_>]) -> Vec<Chart> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of whole numbers")]
    let whole = |value: f64| value.round() as u64;
    let bytes = |value: f64| size(whole(value));
    [
        chart("Parameters", groups, |m| Some(m.parameters as f64), |value| thousands(whole(value))),
        chart("Size of the weights", groups, |m| Some(m.weights_bytes as f64), bytes),
        chart("Latency of one example, median", groups, |m| m.latency.as_ref().map(|l| l.p50_us), micros),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Horizontal bars of the means, each with its value; nothing without values.
fn chart(
    title: &str,
    groups: &[Group<'_>],
    value: impl Fn(&ModelFacts) -> Option<f64>,
    text: impl Fn(f64) -> String,
) -> Option<Chart> {
    const LEFT: f64 = 108.0;
    const LONGEST: f64 = 140.0;
    const ROW: f64 = 26.0;
    let rows: Vec<(Role, f64)> =
        groups.iter().filter_map(|group| Some((group.role, mean(&group.values(&value))?))).collect();
    let largest = rows.iter().map(|(_, value)| *value).reduce(f64::max)?;
    let mut canvas = Canvas::default();
    canvas.text("title", (0.0, 16.0), Anchor::Start, title);
    for (i, &(role, value)) in rows.iter().enumerate() {
        let top = 30.0 + ROW * i as f64;
        let length = if largest > 0.0 { LONGEST * value / largest } else { 0.0 };
        canvas.text("name", (LEFT - 8.0, top + 13.0), Anchor::End, label(role));
        canvas.rect(&format!("bar {}", role.name()), (LEFT, top), (length.max(1.0), ROW - 8.0));
        canvas.text("name", (LEFT + length + 6.0, top + 13.0), Anchor::Start, text(value));
    }
    Some(Chart { title: title.to_owned(), width: 320.0, height: 30.0 + ROW * rows.len() as f64, canvas })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::full;
    use super::super::group::groups;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let mut report = full();
        for model in &mut report.models {
            model.parameters = if model.role == "teacher" { 4000 } else { 1000 };
            model.latency = None;
        }
        let charts = costs(&groups(&report));
        assert_eq!(charts.len(), 2, "there is no latency");
        let bars = charts[0].inline();
        for part in ["width=\"140\"", "width=\"35\"", ">4,000<", ">1,000<"] {
            assert!(bars.contains(part), "no {part} in {bars}");
        }
    }
}
