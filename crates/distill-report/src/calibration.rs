use distill_chart::{Anchor, Canvas, Chart};

use super::group::Group;
use super::numbers::percent;
use distill_lab::view::data::CalibrationBin;

const SIDE: f64 = 230.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 48.0;
/// The strip that shows how many examples each bin has.
const STRIP: f64 = 46.0;
const STRIP_BOTTOM: f64 = TOP + SIDE + 12.0 + STRIP;

/// One reliability diagram for each role that has bins.
pub(super) fn calibration(groups: &[Group<'_>]) -> Vec<Chart> {
    groups.iter().filter_map(chart).collect()
}

fn chart(group: &Group<'_>) -> Option<Chart> {
    let bins = group.calibration();
    let most = bins.iter().map(|bin| bin.examples).max().filter(|&most| most > 0)?;
    let ece = percent(&group.values(|model| Some(model.test_ece)));
    let mut canvas = Canvas::default();
    canvas.text("title", (LEFT, 16.0), Anchor::Start, group.label());
    canvas.text("tick", (LEFT, 33.0), Anchor::Start, format!("calibration error (ece) {ece}"));
    let place = |x: f64, y: f64| (LEFT + x * SIDE, TOP + (1.0 - y) * SIDE);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        canvas.line("grid", &[place(0.0, tick), place(1.0, tick)]);
        let (x, y) = place(0.0, tick);
        canvas.text("tick", (x - 6.0, y + 4.0), Anchor::End, format!("{:.0} %", 100.0 * tick));
        let (x, _) = place(tick, 0.0);
        canvas.text("tick", (x, STRIP_BOTTOM + 16.0), Anchor::Middle, format!("{:.0} %", 100.0 * tick));
    }
    canvas.line("even", &[place(0.0, 0.0), place(1.0, 1.0)]);
    let role = group.role.name();
    draw(&mut canvas, role, &bins, most);
    canvas.line("axis", &[(LEFT, STRIP_BOTTOM), (LEFT + SIDE, STRIP_BOTTOM)]);
    canvas.text("name", (LEFT + SIDE / 2.0, STRIP_BOTTOM + 34.0), Anchor::Middle, "confidence");
    canvas.upward_text("name", (9.0, STRIP_BOTTOM), Anchor::Start, "examples");
    canvas.upward_text("name", (9.0, TOP + SIDE / 2.0), Anchor::Middle, "right answers");
    let title = format!("Calibration of the {}", group.label());
    Some(Chart { title, width: LEFT + SIDE + 20.0, height: STRIP_BOTTOM + 42.0, canvas })
}

fn draw(canvas: &mut Canvas, role: &str, bins: &[CalibrationBin], most: usize) {
    let width = SIDE / bins.len() as f64;
    // Most answers are sure, so bins differ by powers of ten.
    let height = |n: usize| STRIP * ((n + 1) as f64).ln() / ((most + 1) as f64).ln();
    let full = || bins.iter().enumerate().filter(|(_, bin)| bin.examples > 0);
    for (i, bin) in full() {
        let x = LEFT + i as f64 * width;
        let accuracy = SIDE * bin.accuracy.clamp(0.0, 1.0);
        canvas.rect(&format!("pale {role}"), (x + 1.0, TOP + SIDE - accuracy), (width - 2.0, accuracy));
        let count = height(bin.examples);
        canvas.rect(&format!("bar {role}"), (x + 1.0, STRIP_BOTTOM - count), (width - 2.0, count));
    }
    let at = |bin: &CalibrationBin| {
        (LEFT + SIDE * bin.confidence.clamp(0.0, 1.0), TOP + SIDE * (1.0 - bin.accuracy.clamp(0.0, 1.0)))
    };
    let dots: Vec<(f64, f64)> = full().map(|(_, bin)| at(bin)).collect();
    canvas.line(&format!("mean {role}"), &dots);
    for dot in dots {
        canvas.circle(&format!("dot {role}"), dot, 4.0);
    }
}
