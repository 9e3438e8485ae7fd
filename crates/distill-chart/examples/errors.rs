//! Writes a chart as SVG: `cargo run -p distill-chart --example errors > errors.svg`.
#![expect(clippy::print_stdout, reason = "an example shows what it draws")]

use distill_chart::{At, LineChart, Point, Reference, Scale, Series};

fn main() {
    let alone = [(10.0, 705.0), (30.0, 402.0), (100.0, 260.0), (300.0, 185.0)];
    let distilled = [(10.0, 640.0, 22.0), (30.0, 331.0, 17.0), (100.0, 214.0, 14.0), (300.0, 141.0, 11.0)];
    let interval = |(x, y, half)| Point { x, y, low: Some(y - half), high: Some(y + half) };
    let chart = LineChart {
        title: "Errors by width of the student (made-up numbers)".into(),
        x_label: "hidden units".into(),
        y_label: "test errors of 10,000".into(),
        x_scale: Scale::Log,
        series: vec![
            Series { name: "alone".into(), points: alone.map(Point::from).to_vec() },
            Series { name: "distilled".into(), points: distilled.map(interval).to_vec() },
        ],
        references: vec![Reference { at: At::Y(103.0), label: "teacher".into() }],
        ..LineChart::default()
    };
    print!("{}", chart.svg());
}
