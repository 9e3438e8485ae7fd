use distill_chart::{Anchor, Axis, Canvas, Chart};

use super::group::Group;
use distill_lab::summary::spread;

const SIDE: f64 = 230.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 48.0;
/// The strip below, with the distances from the line.
const STRIP: f64 = 90.0;
const STRIP_TOP: f64 = TOP + SIDE + 14.0;
const STRIP_BOTTOM: f64 = STRIP_TOP + STRIP;

/// What each role says of some test examples, over what is right, and below how far it is from that: of the first seed, for the
/// number at this place. All roles have one scale.
pub(super) fn residuals(groups: &[Group<'_>], names: &[String], number: usize) -> Vec<Chart> {
    let of = |group: &Group<'_>| {
        group.models.iter().find_map(|model| model.pairs.get(number)).filter(|pairs| !pairs.is_empty()).cloned()
    };
    let all: Vec<_> = groups.iter().filter_map(|group| Some((group, of(group)?))).collect();
    let values = || all.iter().flat_map(|(_, pairs)| pairs.iter().flatten()).map(|&value| f64::from(value));
    let apart = |&[y, s]: &[f32; 2]| f64::from(s) - f64::from(y);
    let farthest = all.iter().flat_map(|(_, pairs)| pairs).map(|pair| apart(pair).abs()).fold(0.0, f64::max);
    if all.is_empty() {
        return vec![];
    }
    let (axis, distance) = (Axis::around(values()), Axis::around([-farthest, farthest]));
    let name = names.get(number).map_or("", String::as_str);
    all.iter().map(|(group, pairs)| chart(group, pairs, (&axis, &distance), (name, number))).collect()
}

fn chart(
    group: &Group<'_>,
    pairs: &[[f32; 2]],
    (axis, distance): (&Axis, &Axis),
    (name, number): (&str, usize),
) -> Chart {
    let r2 = group.values(|model| model.test_numbers.as_ref()?.numbers.get(number)?.r2);
    let mut canvas = Canvas::default();
    canvas.text("title", (LEFT, 16.0), Anchor::Start, group.label());
    canvas.text("tick", (LEFT, 33.0), Anchor::Start, format!("R² {}", spread(&r2, 4)));
    let across = |value: f64| LEFT + axis.at(value).clamp(0.0, 1.0) * SIDE;
    let up = |value: f64| TOP + (1.0 - axis.at(value).clamp(0.0, 1.0)) * SIDE;
    let off = |value: f64| STRIP_BOTTOM - distance.at(value).clamp(0.0, 1.0) * STRIP;
    for (&tick, label) in axis.ticks.iter().zip(axis.short_labels()) {
        canvas.line("grid", &[(LEFT, up(tick)), (LEFT + SIDE, up(tick))]);
        canvas.text("tick", (LEFT - 6.0, up(tick) + 4.0), Anchor::End, &label);
        canvas.text("tick", (across(tick), STRIP_BOTTOM + 16.0), Anchor::Middle, label);
    }
    let ends = |axis: &Axis| [axis.ticks.first(), axis.ticks.last()].map(|tick| tick.copied().unwrap_or_default());
    let [low, high] = ends(axis);
    canvas.line("even", &[(across(low), up(low)), (across(high), up(high))]);
    canvas.line("even", &[(LEFT, off(0.0)), (LEFT + SIDE, off(0.0))]);
    let labels = distance.short_labels();
    for (tick, label) in ends(distance).into_iter().zip([labels.first(), labels.last()]) {
        canvas.text("tick", (LEFT - 6.0, off(tick) + 4.0), Anchor::End, label.map_or("", String::as_str));
    }
    let role = group.role.name();
    for &[y, s] in pairs {
        let (y, s) = (f64::from(y), f64::from(s));
        canvas.circle(&format!("point {role}"), (across(y), up(s)), 1.6);
        canvas.circle(&format!("point {role}"), (across(y), off(s - y)), 1.6);
    }
    canvas.line("axis", &[(LEFT, STRIP_BOTTOM), (LEFT + SIDE, STRIP_BOTTOM)]);
    canvas.text("name", (LEFT + SIDE / 2.0, STRIP_BOTTOM + 34.0), Anchor::Middle, format!("{name}, as it is"));
    canvas.upward_text("name", (9.0, TOP + SIDE / 2.0), Anchor::Middle, "predicted");
    canvas.upward_text("name", (9.0, STRIP_TOP + STRIP / 2.0), Anchor::Middle, "residual");
    let title = format!("Predictions of the {}", group.label());
    Chart { title, width: LEFT + SIDE + 20.0, height: STRIP_BOTTOM + 42.0, canvas }
}
