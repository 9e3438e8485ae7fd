use crate::canvas::Canvas;

/// Colours of series.css.
pub(crate) const N_COLOURS: usize = 10;

/// The outline of a marker, in offsets from its point.
enum Outline {
    Circle(f64),
    Polygon(&'static [(f64, f64)]),
    Strokes([[(f64, f64); 2]; 2]),
}

const CIRCLE: Outline = Outline::Circle(4.5);
const SQUARE: Outline = Outline::Polygon(&[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0), (-4.0, -4.0)]);
const TRIANGLE: Outline = Outline::Polygon(&[(0.0, -5.5), (5.2, 3.8), (-5.2, 3.8), (0.0, -5.5)]);
const DIAMOND: Outline = Outline::Polygon(&[(0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0), (0.0, -6.0)]);
const CROSS: Outline = Outline::Strokes([[(-4.0, -4.0), (4.0, 4.0)], [(-4.0, 4.0), (4.0, -4.0)]]);
const PLUS: Outline = Outline::Strokes([[(-5.5, 0.0), (5.5, 0.0)], [(0.0, -5.5), (0.0, 5.5)]]);

/// Those that differ most come first.
const MARKERS: [(&str, Outline); 10] = [
    ("full", CIRCLE),
    ("full", SQUARE),
    ("full", TRIANGLE),
    ("full", DIAMOND),
    ("strokes", CROSS),
    ("hollow", CIRCLE),
    ("hollow", SQUARE),
    ("hollow", TRIANGLE),
    ("hollow", DIAMOND),
    ("strokes", PLUS),
];

/// The class with the colour of a series.
pub(crate) fn colour(series: usize) -> String {
    format!("c{}", series % N_COLOURS)
}

/// The marker of a series at a point. The hundredth series is the first that has colour and marker of another.
pub(crate) fn marker(canvas: &mut Canvas, series: usize, (x, y): (f64, f64)) {
    let (kind, outline) = &MARKERS[(series + series / N_COLOURS) % MARKERS.len()];
    let class = format!("{kind} {}", colour(series));
    let moved = |points: &[(f64, f64)]| points.iter().map(|(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>();
    match outline {
        Outline::Circle(radius) => canvas.circle(&class, (x, y), *radius),
        Outline::Polygon(points) => canvas.line(&class, &moved(points)),
        Outline::Strokes(strokes) => strokes.iter().for_each(|stroke| canvas.line(&class, &moved(stroke))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Colour = [f64; 3];

    /// What the three kinds of dichromats see: protanopia, deuteranopia, tritanopia (Machado, Oliveira, Fernandes, 2009,
    /// severity 1), on linear RGB.
    const DICHROMATS: [[Colour; 3]; 3] = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    fn times(matrix: [Colour; 3], colour: Colour) -> Colour {
        matrix.map(|row| row.iter().zip(colour).map(|(a, b)| a * b).sum())
    }

    /// Oklab (Ottosson, 2020), in which equal distances look about equally different.
    fn oklab(linear: Colour) -> Colour {
        let cones = times(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ],
            linear.map(|channel| channel.clamp(0.0, 1.0)),
        );
        times(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ],
            cones.map(f64::cbrt),
        )
    }

    /// The values of `--NAME:#rrggbb` or `#rgb` in a style, as linear RGB: light first, then dark.
    fn values(style: &str, name: &str) -> Vec<Colour> {
        let linear = |hex: &str| {
            let channel = f64::from(u8::from_str_radix(&hex.repeat(3 - hex.len()), 16).unwrap()) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        };
        let property = format!("--{name}:#");
        let starts = style.split(&property).skip(1);
        let hex = starts.map(|rest| rest.split([';', '}']).next().unwrap());
        hex.map(|hex| [0, 1, 2].map(|i| linear(&hex[i * hex.len() / 3..(i + 1) * hex.len() / 3]))).collect()
    }

    #[test]
    fn colours_can_be_told_apart_by_all() {
        let style = include_str!("series.css");
        let page = values(crate::STYLE, "page");
        let colours: Vec<Vec<Colour>> = (0..N_COLOURS).map(|i| values(style, &format!("c{i}"))).collect();
        let luminance = |[r, g, b]: Colour| 0.2126 * r + 0.7152 * g + 0.0722 * b;
        for mode in [0, 1] {
            let colours: Vec<Colour> = colours.iter().map(|both| both[mode]).collect();
            let page = luminance(page[mode]);
            for (i, &colour) in colours.iter().enumerate() {
                let [dark, light] = if mode == 0 { [luminance(colour), page] } else { [page, luminance(colour)] };
                // WCAG 2.2, criterion 1.4.11: graphics have a contrast of 3 to what is beside them.
                assert!((light + 0.05) / (dark + 0.05) >= 3.0, "contrast of {i} in mode {mode}");
                for (j, &other) in colours[..i].iter().enumerate() {
                    let seen = |colour| [colour].into_iter().chain(DICHROMATS.map(|eye| times(eye, colour))).map(oklab);
                    let far =
                        |(a, b): (Colour, Colour)| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    let nearest = seen(colour).zip(seen(other)).map(far).fold(f64::MAX, f64::min);
                    assert!(nearest > 0.09, "{i} and {j} differ by {nearest} in mode {mode}");
                }
            }
        }
    }

    #[test]
    fn a_hundred_series_differ_in_colour_or_marker() {
        let drawn = |series| {
            let mut canvas = Canvas::default();
            marker(&mut canvas, series, (0.0, 0.0));
            format!("{canvas:?}")
        };
        let mut all: Vec<String> = (0..100).map(drawn).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 100);
    }

    #[test]
    fn the_first_ten_markers_differ_without_colour() {
        let mut seen = Vec::new();
        for series in 0..N_COLOURS {
            let mut canvas = Canvas::default();
            marker(&mut canvas, series, (0.0, 0.0));
            let shape = format!("{canvas:?}").replace(&colour(series), "");
            assert!(!seen.contains(&shape), "{series}");
            seen.push(shape);
        }
    }
}
