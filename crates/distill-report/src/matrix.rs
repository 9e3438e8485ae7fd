use distill_chart::{Anchor, Canvas, Chart, Squares, shortened, text_width};

use super::group::Group;

/// Up to here, classes have names on the axes and cells have numbers.
const N_NAMED: usize = 30;
/// Shades of a colour; few, so that all cells of one shade are one path.
const N_SHADES: usize = 8;

/// One confusion matrix for each role that has one, all in the same shades.
pub(super) fn confusion(groups: &[Group<'_>], classes: &[String]) -> Vec<Chart> {
    let sums = groups.iter().map(|group| (group.label(), group.confusion()));
    let matrices: Vec<(&str, Vec<Vec<u64>>)> =
        sums.filter(|(_, counts)| counts.iter().flatten().any(|&n| n > 0)).collect();
    let shares = matrices.iter().flat_map(|(_, counts)| cells(counts).filter(|cell| cell.row != cell.column));
    let largest = shares.map(|cell| cell.share).fold(0.0, f64::max);
    matrices.iter().map(|(label, counts)| chart(label, counts, classes, largest)).collect()
}

/// A cell that is not empty.
struct Cell {
    row: usize,
    column: usize,
    count: u64,
    /// Of the examples with this label.
    share: f64,
}

impl Cell {
    /// From 1 to [`N_SHADES`]. Errors are rare, so their shades go by the root of the share of the worst.
    fn shade(&self, largest_error: f64) -> usize {
        let part = if self.row == self.column { self.share } else { (self.share / largest_error).sqrt() };
        (1..N_SHADES).find(|&shade| part <= shade as f64 / N_SHADES as f64).unwrap_or(N_SHADES)
    }
}

fn cells(counts: &[Vec<u64>]) -> impl Iterator<Item = Cell> {
    counts.iter().enumerate().flat_map(|(row, counts)| {
        let total: u64 = counts.iter().sum();
        let cell =
            move |(column, &count): (usize, &u64)| Cell { row, column, count, share: count as f64 / total as f64 };
        counts.iter().enumerate().filter(|(_, count)| **count > 0).map(cell)
    })
}

fn chart(label: &str, counts: &[Vec<u64>], classes: &[String], largest_error: f64) -> Chart {
    const TOP: f64 = 30.0;
    let n = counts.len();
    let named = n <= N_NAMED;
    let side = match n {
        0..=12 => 31.0,
        13..=N_NAMED => 24.0,
        _ => 372.0 / n as f64,
    };
    let names: Vec<String> = if named { (0..n).map(|class| name(classes, class)).collect() } else { Vec::new() };
    let longest = names.iter().map(|name| text_width(name, 12.0)).fold(0.0, f64::max);
    let upward = longest > side - 4.0;
    let left = 24.0 + longest + if named { 6.0 } else { 0.0 };
    let plot = side * n as f64;
    let below = if !named {
        4.0
    } else if upward {
        longest + 10.0
    } else {
        18.0
    };
    let (bottom, middle) = (TOP + plot, left + plot / 2.0);

    let mut canvas = Canvas::default();
    canvas.text("title", (left, 16.0), Anchor::Start, label);
    canvas.upward_text("name", (13.0, TOP + plot / 2.0), Anchor::Middle, "label");
    canvas.text("name", (middle, bottom + below + 14.0), Anchor::Middle, "answer");
    for (class, name) in names.iter().enumerate() {
        let at = (class as f64 + 0.5) * side;
        canvas.text("tick", (left - 6.0, TOP + at + 4.0), Anchor::End, name);
        if upward {
            canvas.upward_text("tick", (left + at + 4.0, bottom + 7.0), Anchor::End, name);
        } else {
            canvas.text("tick", (left + at, bottom + 16.0), Anchor::Middle, name);
        }
    }
    canvas.line("grid", &[(left, TOP), (left + plot, TOP), (left + plot, bottom), (left, bottom), (left, TOP)]);
    paint(&mut canvas, counts, largest_error, (left, TOP), side);
    if named {
        for cell in cells(counts) {
            let middle = |at: usize| (at as f64 + 0.5) * side;
            // Which colour can be read on a shade depends on light and dark, so the style decides.
            let class = match cell.shade(largest_error) {
                7.. => "cell strong",
                5.. => "cell mid",
                _ => "cell",
            };
            canvas.text(class, (left + middle(cell.column), TOP + middle(cell.row) + 3.5), Anchor::Middle, cell.count);
        }
    }
    let title = format!("Confusion of the {label}");
    Chart { title, width: left + plot + 4.0, height: bottom + below + 20.0, canvas }
}

/// The cells: those of one shade of right or of wrong together.
fn paint(canvas: &mut Canvas, counts: &[Vec<u64>], largest_error: f64, at: (f64, f64), step: f64) {
    /// In pixels: a smaller mark would not be seen.
    const SMALLEST: f64 = 2.5;
    let side = (SMALLEST / step).max(1.0);
    let mut shades = vec![Vec::new(); 2 * N_SHADES];
    for cell in cells(counts) {
        let right = usize::from(cell.row == cell.column);
        shades[right * N_SHADES + cell.shade(largest_error) - 1].push((cell.column, cell.row));
    }
    for (i, cells) in shades.into_iter().enumerate() {
        let opacity = (i % N_SHADES + 1) as f64 / N_SHADES as f64;
        let class = if i < N_SHADES { "wrong" } else { "right" };
        canvas.squares(Squares { class, at, step, side, opacity, cells });
    }
}

fn name(classes: &[String], class: usize) -> String {
    classes.get(class).map_or_else(|| class.to_string(), |name| shortened(name, 12))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::full;
    use super::super::group::groups;
    use super::*;

    #[test]
    fn the_worst_error_of_all_is_the_deepest() {
        let cell = |column, share| Cell { row: 0, column, count: 1, share };
        assert_eq!([0.5, 0.125, 0.0001].map(|share| cell(1, share).shade(0.5)), [N_SHADES, N_SHADES / 2, 1]);
        assert_eq!([1.0, 0.51, 0.5, 0.01].map(|share| cell(0, share).shade(0.5)), [N_SHADES, 5, 4, 1]);
    }

    #[test]
    fn shades_are_the_same_for_all_models() {
        let mut report = full();
        report.models.retain(|model| model.seed == 1 && model.role != "student");
        report.models[0].confusion = vec![vec![90, 10], vec![0, 100]];
        report.models[1].confusion = vec![vec![60, 40], vec![0, 100]];
        let charts = confusion(&groups(&report), &report.data.classes);
        let [teacher, alone] = [&charts[0], &charts[1]].map(Chart::inline);
        assert!(
            teacher.contains("class=\"wrong\" transform=\"translate(36.7 30)scale(31.0000)\" fill-opacity=\"0.5\"")
        );
        assert!(alone.contains("scale(31.0000)\" fill-opacity=\"1\" d=\"M1 0h1v1h-1z\""));
    }

    #[test]
    fn long_names_are_turned_and_cut() {
        let report = full();
        let names: Vec<String> = (0..10).map(|class| format!("a long name of class {class}")).collect();
        let [short, long] =
            [&report.data.classes, &names].map(|classes| confusion(&groups(&report), classes).swap_remove(0));
        assert!(long.width > short.width + 50.0 && long.height > short.height + 50.0);
        assert_eq!(short.inline().matches("rotate(-90").count(), 1);
        assert_eq!(long.inline().matches("rotate(-90").count(), 11);
        assert_eq!(long.inline().matches(">a long name…<").count(), 20);
    }
}
