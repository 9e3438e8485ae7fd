//! A drawing as pixels.

use png::{BitDepth, ColorType, Encoder};
use zeno::{Cap, Command, Fill, Join, Mask, PathBuilder as _, Stroke, Style};

use crate::canvas::{Canvas, Chart, Element, MARGIN, STYLE, Squares};
use crate::letters::{Letters, Line};
use crate::sheet::{Colour, Look, Sheet};

/// Pixels for each unit of length.
const SCALE: f32 = 2.0;
/// More are no chart, and would take much memory.
const N_PIXELS_MAX: f64 = 1e8;

impl Chart {
    /// The drawing as a PNG, light, in twice as many pixels each way. Nothing for a drawing without a size, or one of
    /// more than 100 million pixels.
    ///
    /// Letters are Latin, Greek and Cyrillic, of a font that is part of this crate; others are boxes.
    pub fn png(&self) -> Option<Vec<u8>> {
        self.png_with("")
    }

    /// With more style.
    pub(crate) fn png_with(&self, style: &str) -> Option<Vec<u8>> {
        png(self, &Sheet::parse(&[STYLE, style]))
    }
}

/// The drawing with its margin, light. Nothing for one without a size, or too large a one.
pub(crate) fn png(chart: &Chart, sheet: &Sheet<'_>) -> Option<Vec<u8>> {
    let [width, height] = [chart.width, chart.height].map(|side| (f64::from(SCALE) * (side + 2.0 * MARGIN)).ceil());
    if !(chart.width > 0.0 && chart.height > 0.0 && width * height <= N_PIXELS_MAX) {
        return None;
    }
    let page = sheet.look("rect", "page").fill?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are checked above")]
    let (n_columns, n_rows) = (width as usize, height as usize);
    let mut painter = Painter { n_columns, pixels: page.repeat(n_columns * n_rows), letters: Letters::new()?, sheet };
    painter.canvas(&chart.canvas, MARGIN as f32);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, u32::try_from(n_columns).ok()?, u32::try_from(n_rows).ok()?);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&painter.pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}

struct Painter<'s> {
    n_columns: usize,
    /// Red, green and blue of each, row by row.
    pixels: Vec<u8>,
    letters: Letters,
    sheet: &'s Sheet<'s>,
}

impl Painter<'_> {
    /// All elements, so far to the right, and below the margin.
    fn canvas(&mut self, canvas: &Canvas, right: f32) {
        let place = |(x, y): (f64, f64)| (SCALE * (x as f32 + right), SCALE * (y + MARGIN) as f32);
        for element in &canvas.0 {
            let mut path: Vec<Command> = Vec::new();
            match element {
                Element::Text { class, at, anchor, upward, text } => {
                    let look = self.sheet.look("text", class);
                    let size = SCALE * look.font_size;
                    let line = Line { text, at: place(*at), anchor: *anchor, upward: *upward, size };
                    self.text(&self.letters.outlines(&line), &look);
                }
                Element::Rect { class, at, size: (width, height) } => {
                    path.add_rect(place(*at), SCALE * *width as f32, SCALE * *height as f32);
                    self.shape(&path, &self.sheet.look("rect", class), 1.0);
                }
                Element::Circle { class, at, radius } => {
                    path.add_circle(place(*at), SCALE * *radius as f32);
                    self.shape(&path, &self.sheet.look("circle", class), 1.0);
                }
                Element::Line { class, points } => {
                    for (i, point) in points.iter().enumerate() {
                        if i == 0 {
                            path.move_to(place(*point))
                        } else {
                            path.line_to(place(*point))
                        };
                    }
                    // A polygon that ends where it began has a corner there.
                    if points.len() > 2 && points.first() == points.last() {
                        path.close();
                    }
                    self.shape(&path, &self.sheet.look("path", class), 1.0);
                }
                Element::Squares(Squares { class, at, step, side, opacity, cells }) => {
                    for (column, row) in cells {
                        let corner = place((at.0 + *column as f64 * step, at.1 + *row as f64 * step));
                        let side = SCALE * (side * step) as f32;
                        path.add_rect(corner, side, side);
                    }
                    self.shape(&path, &self.sheet.look("path", class), *opacity as f32);
                }
                Element::Moved { x, canvas } => self.canvas(canvas, right + *x as f32),
            }
        }
    }

    /// Letters have no weight but that of the font, so bold ones get an edge.
    fn text(&mut self, path: &[Command], look: &Look) {
        const BOLD: f32 = 0.045;
        self.shape(path, look, 1.0);
        if let Some(colour) = look.fill.filter(|_| look.is_bold) {
            self.stroke(path, colour, look.opacity, (SCALE * BOLD * look.font_size, &[]), true);
        }
    }

    fn shape(&mut self, path: &[Command], look: &Look, fill_opacity: f32) {
        let dashes: Vec<f32> = look.dashes.iter().map(|length| SCALE * length).collect();
        let line = (SCALE * look.stroke_width, &dashes[..]);
        if let Some(colour) = look.stroke.filter(|_| look.stroke_first) {
            self.stroke(path, colour, look.opacity, line, true);
        }
        if let Some(colour) = look.fill {
            self.blend(path, Style::Fill(Fill::NonZero), colour, look.opacity * fill_opacity);
        }
        if let Some(colour) = look.stroke.filter(|_| !look.stroke_first) {
            self.stroke(path, colour, look.opacity, line, look.is_round);
        }
    }

    fn stroke(
        &mut self,
        path: &[Command],
        colour: Colour,
        opacity: f32,
        (width, dashes): (f32, &[f32]),
        is_round: bool,
    ) {
        let mut stroke = Stroke::new(width);
        stroke.dash(dashes, 0.0);
        if is_round {
            stroke.cap(Cap::Round).join(Join::Round);
        }
        self.blend(path, Style::Stroke(stroke), colour, opacity);
    }

    /// Lays a colour over the pixels that a path covers.
    fn blend(&mut self, path: &[Command], style: Style<'_>, colour: Colour, opacity: f32) {
        if path.is_empty() {
            return;
        }
        let (mask, place) = Mask::new(path).style(style).render();
        let width = place.width as usize;
        for (row, covered) in (i64::from(place.top)..).zip(mask.chunks_exact(width.max(1))) {
            let Ok(row) = usize::try_from(row) else { continue };
            for (column, &covered) in (i64::from(place.left)..).zip(covered).filter(|(_, covered)| **covered > 0) {
                let Some(column) = usize::try_from(column).ok().filter(|column| *column < self.n_columns) else {
                    continue;
                };
                let at = 3 * (row * self.n_columns + column);
                for (pixel, colour) in self.pixels.get_mut(at..at + 3).into_iter().flatten().zip(colour) {
                    let part = opacity * f32::from(covered) / 255.0;
                    let mixed = f32::from(*pixel) + part * (f32::from(colour) - f32::from(*pixel));
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
                    let mixed = mixed.round() as u8;
                    *pixel = mixed;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anchor, STYLE};

    /// The pixels of a drawing, and how many are in a row.
    fn pixels(chart: &Chart) -> (Vec<Colour>, usize) {
        let file = png(chart, &Sheet::parse(&[STYLE])).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(), info.width as usize)
    }

    fn chart(canvas: Canvas) -> Chart {
        Chart { title: String::new(), width: 100.0, height: 50.0, canvas }
    }

    const TEACHER: Colour = [0x09, 0x69, 0xb0];

    #[test]
    fn shapes_are_where_the_svg_has_them() {
        let mut canvas = Canvas::default();
        canvas.rect("bar teacher", (10.0, 20.0), (30.0, 10.0));
        canvas.circle("dot teacher", (80.0, 20.0), 5.0);
        canvas.line("mean teacher", &[(0.0, 45.0), (100.0, 45.0)]);
        let (pixels, n_columns) = pixels(&chart(canvas));
        assert_eq!((n_columns, pixels.len()), (248, 248 * 148));
        let at = |x: f64, y: f64| pixels[((y + MARGIN) * 2.0) as usize * n_columns + ((x + MARGIN) * 2.0) as usize];
        assert_eq!([at(10.2, 20.2), at(39.7, 29.7), at(80.0, 20.0)], [TEACHER; 3]);
        assert_eq!([at(9.4, 20.2), at(40.2, 29.7), at(10.2, 30.2), at(-12.0, -12.0), at(87.0, 20.0)], [[255; 3]; 5]);
        // A line of dots, with room between them.
        let row: Vec<Colour> = (0..100).map(|x| at(f64::from(x), 45.0)).collect();
        assert!(row.contains(&TEACHER) && row.contains(&[255; 3]), "{row:?}");
    }

    #[test]
    fn opacity_and_order_are_kept() {
        let mut canvas = Canvas::default();
        canvas.rect("bar teacher", (0.0, 0.0), (20.0, 20.0));
        canvas.rect("pale baseline", (10.0, 0.0), (20.0, 20.0));
        let squares = Squares {
            class: "right",
            at: (50.0, 0.0),
            step: 10.0,
            side: 0.5,
            opacity: 0.5,
            cells: vec![(1, 0), (0, 1)],
        };
        canvas.squares(squares);
        let (pixels, n_columns) = pixels(&chart(canvas));
        let at = |x: f64, y: f64| pixels[((y + MARGIN) * 2.0) as usize * n_columns + ((x + MARGIN) * 2.0) as usize];
        assert_eq!(at(5.0, 5.0), TEACHER);
        // A quarter of #b34f00 over #0969b0, and over white.
        assert_eq!([at(15.0, 5.0), at(25.0, 5.0)], [[0x34, 0x63, 0x84], [0xec, 0xd3, 0xbf]]);
        let half = [0x84, 0xb4, 0xd8];
        assert_eq!([at(61.0, 1.0), at(51.0, 11.0), at(51.0, 1.0), at(66.0, 1.0)], [half, half, [255; 3], [255; 3]]);
    }

    #[test]
    fn text_is_ink_beside_its_point() {
        let ink = |canvas: Canvas, columns: std::ops::Range<usize>| {
            let (pixels, n_columns) = pixels(&chart(canvas));
            let dark = |(i, pixel): &(usize, &Colour)| columns.contains(&(i % n_columns)) && pixel[0] < 100;
            pixels.iter().enumerate().filter(dark).count()
        };
        let text = |class: &str, anchor| {
            let mut canvas = Canvas::default();
            canvas.text(class, (50.0, 25.0), anchor, "Hello");
            canvas
        };
        // The point is in column 124.
        assert_eq!(ink(text("name", Anchor::Start), 0..124), 0);
        assert_eq!(ink(text("name", Anchor::End), 124..248), 0);
        let plain = ink(text("name", Anchor::Start), 124..248);
        assert!(plain > 100 && ink(text("title", Anchor::Start), 124..248) > plain * 5 / 4, "{plain}");
    }

    #[test]
    fn what_has_no_pixels_or_too_many_has_no_picture() {
        let sized = |width, height| Chart { width, height, ..chart(Canvas::default()) };
        let sheet = Sheet::parse(&[STYLE]);
        for (width, height) in [(0.0, 5.0), (5.0, -1.0), (f64::NAN, 5.0), (f64::INFINITY, 1.0), (1e5, 1e5)] {
            assert_eq!(png(&sized(width, height), &sheet), None, "{width} {height}");
        }
        // What leaves the drawing is cut off.
        let mut canvas = Canvas::default();
        canvas.rect("bar teacher", (-500.0, -500.0), (2000.0, 2000.0));
        assert!(pixels(&chart(canvas)).0.iter().all(|pixel| *pixel == TEACHER));
    }
}
