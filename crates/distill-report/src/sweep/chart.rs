use distill_chart::{Anchor, Axis, Canvas, Chart, room, shortened, text_width};

use super::SweepReport;
use distill_lab::sweep::Record;

/// Trials that are shown, from the best on.
const N_SHOWN: usize = 25;
/// Of the settings of a trial.
const N_LETTERS: usize = 28;
const WIDTH: f64 = 460.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 54.0;
const ROW: f64 = 20.0;

/// How far each trial is from the best, with its interval; nothing where none was compared.
pub(super) fn differences(report: &SweepReport) -> Option<Chart> {
    let best = report.best()?;
    let compared: Vec<_> = report
        .ranking
        .iter()
        .filter_map(|record| Some((record, report.difference(record.trial)?)))
        .take(N_SHOWN - 1)
        .collect();
    if compared.is_empty() {
        return None;
    }
    let names: Vec<String> = [best].into_iter().chain(compared.iter().map(|(record, _)| *record)).map(name).collect();
    let left = names.iter().map(|name| room(name, 12.0)).fold(0.0, f64::max) + 12.0;
    let ends = compared.iter().flat_map(|(_, difference)| difference.comparison.interval);
    let axis = Axis::around(ends.chain([0.0]));
    let across = |value: f64| left + axis.at(value) * (WIDTH - RIGHT - left);
    let bottom = TOP + ROW * names.len() as f64;

    let mut canvas = Canvas::default();
    let title = "Validation errors compared with the best";
    canvas.text("title", (0.0, 16.0), Anchor::Start, title);
    legend(&mut canvas);
    for &tick in &axis.ticks {
        canvas.line("grid", &[(across(tick), TOP), (across(tick), bottom)]);
        canvas.text("tick", (across(tick), bottom + 16.0), Anchor::Middle, axis.label(tick));
    }
    canvas.line("axis", &[(across(0.0), TOP), (across(0.0), bottom)]);
    for (i, name) in names.iter().enumerate() {
        let middle = TOP + ROW * (i as f64 + 0.5);
        canvas.text("name", (left - 10.0, middle + 4.0), Anchor::End, name);
        let Some((_, difference)) = i.checked_sub(1).and_then(|i| compared.get(i)) else {
            canvas.circle("dot student", (across(0.0), middle), 4.5);
            continue;
        };
        let (mark, of) = if difference.is_noise() { ("ring", "same") } else { ("dot", "other") };
        let ends = difference.comparison.interval.map(|end| (across(end), middle));
        canvas.line(&format!("whisker {of}"), &ends);
        canvas.circle(&format!("{mark} {of}"), (across(difference.comparison.difference), middle), 4.0);
    }
    Some(Chart { title: title.to_owned(), width: WIDTH, height: bottom + 22.0, canvas })
}

fn legend(canvas: &mut Canvas) {
    let mut x = 5.0;
    for (mark, text) in [("dot student", "best"), ("ring same", "noise"), ("dot other", "another number of errors")] {
        canvas.circle(mark, (x, 34.0), 4.0);
        canvas.text("name", (x + 9.0, 38.0), Anchor::Start, text);
        x += 9.0 + text_width(text, 12.0) + 22.0;
    }
}

/// The settings of a trial, without the tables of their keys, or the values alone where that is too long.
fn name(record: &Record) -> String {
    let parts = || record.settings.iter().map(|setting| setting.split_once('=').unwrap_or((setting, "")));
    let short = |(key, value): (&str, &str)| format!("{}={value}", key.rsplit('.').next().unwrap_or(key));
    let name = parts().map(short).collect::<Vec<_>>().join(" ");
    if name.chars().count() <= N_LETTERS {
        return name;
    }
    shortened(&parts().map(|(_, value)| value).collect::<Vec<_>>().join(", "), N_LETTERS)
}
