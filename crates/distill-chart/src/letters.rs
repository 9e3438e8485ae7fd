//! Text as outlines, in a font that is a part of the program: what others have installed makes no difference.

use ttf_parser::{Face, GlyphId, OutlineBuilder};
use zeno::{Command, PathBuilder as _};

use crate::canvas::Anchor;

/// DejaVu Sans: see `data/LICENSE`.
const FONT: &[u8] = include_bytes!("../data/dejavu-sans.ttf");

/// The letters of charts.
pub(crate) struct Letters {
    face: Face<'static>,
}

/// A line of text.
pub(crate) struct Line<'t> {
    pub(crate) text: &'t str,
    /// The point of its anchor on its base line.
    pub(crate) at: (f32, f32),
    pub(crate) anchor: Anchor,
    /// From bottom to top.
    pub(crate) upward: bool,
    /// The height of an em.
    pub(crate) size: f32,
}

impl Letters {
    /// Nothing if the font cannot be read.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { face: Face::parse(FONT, 0).ok()? })
    }

    /// The outlines of a line; of a character that the font lacks, a box.
    pub(crate) fn outlines(&self, line: &Line<'_>) -> Vec<Command> {
        let scale = line.size / f32::from(self.face.units_per_em());
        let mut path = Vec::new();
        let mut pen = match line.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -self.width(line.text) * scale / 2.0,
            Anchor::End => -self.width(line.text) * scale,
        };
        for c in line.text.chars() {
            let glyph = self.glyph(c);
            let mut outline = Outline { path: &mut path, at: line.at, upward: line.upward, pen, scale };
            self.face.outline_glyph(glyph, &mut outline);
            pen += self.advance(glyph) * scale;
        }
        path
    }

    /// In units of the font.
    fn width(&self, text: &str) -> f32 {
        text.chars().map(|c| self.advance(self.glyph(c))).sum()
    }

    fn glyph(&self, c: char) -> GlyphId {
        self.face.glyph_index(c).unwrap_or_default()
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or_default())
    }
}

/// Puts the outline of a letter where it belongs.
struct Outline<'p> {
    path: &'p mut Vec<Command>,
    at: (f32, f32),
    upward: bool,
    pen: f32,
    scale: f32,
}

impl Outline<'_> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        // The font counts upwards, the chart downwards.
        let (along, up) = (self.pen + x * self.scale, y * self.scale);
        if self.upward { (self.at.0 - up, self.at.1 - along) } else { (self.at.0 + along, self.at.1 - up) }
    }
}

impl OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.path.move_to(to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.path.line_to(to);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, to) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(control, to);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (first, second, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.curve_to(first, second, to);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_charts_write() {
        let letters = Letters::new().unwrap();
        let all = "0123456789 AZaz.,:;%±×−…·—–µ²≤≥→“”’éüßøłŠπσΔЖяŸ✓✗";
        for c in all.chars() {
            assert_ne!(letters.glyph(c), GlyphId(0), "{c}");
        }
        // Numbers stand below each other.
        assert!(('0'..='9').all(|digit| letters.width(&digit.to_string()) == letters.width("0")));
        assert_eq!(letters.glyph('\u{6559}'), GlyphId(0));
        assert!(!letters.outlines(&line("\u{6559}", Anchor::Start, false)).is_empty(), "a box");
    }

    fn line(text: &str, anchor: Anchor, upward: bool) -> Line<'_> {
        Line { text, at: (100.0, 50.0), anchor, upward, size: 20.0 }
    }

    /// Left, top, right and bottom of all points.
    fn bounds(path: &[Command]) -> [f32; 4] {
        let mut bounds = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for command in path {
            if let Command::MoveTo(p) | Command::LineTo(p) | Command::QuadTo(_, p) | Command::CurveTo(_, _, p) = command
            {
                bounds = [bounds[0].min(p.x), bounds[1].min(p.y), bounds[2].max(p.x), bounds[3].max(p.y)];
            }
        }
        bounds
    }

    #[test]
    fn texts_stand_at_their_anchors() {
        let letters = Letters::new().unwrap();
        let of = |anchor, upward| bounds(&letters.outlines(&line("HHHH", anchor, upward)));
        let [left, top, right, bottom] = of(Anchor::Start, false);
        assert!(left > 100.0 && left < 104.0 && right > 150.0 && bottom == 50.0 && top > 34.0, "{:?}", (left, right));
        assert!(of(Anchor::End, false)[2] < 100.0);
        let [left, _, right, _] = of(Anchor::Middle, false);
        assert!((left + right - 200.0).abs() < 1.0, "{left} {right}");
        let [left, top, right, bottom] = of(Anchor::Start, true);
        assert!(right == 100.0 && left > 84.0 && bottom < 50.0 && top < 0.0, "{left} {top}");
    }
}
