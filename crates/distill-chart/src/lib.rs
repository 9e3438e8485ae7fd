#![doc = include_str!("../README.md")]

mod axis;
mod canvas;
mod escape;
mod frame;
mod line_chart;
mod marker;
mod reference;
mod scale;
mod text;

pub use axis::Axis;
pub use canvas::{Anchor, Canvas, Chart, STYLE, number, text_width};
pub use escape::{escape, shortened};
pub use line_chart::{LineChart, Point, Series};
pub use reference::{At, Reference};
pub use scale::Scale;
