#![doc = include_str!("../README.md")]

mod axis;
mod canvas;
mod draw;
mod escape;
mod frame;
#[cfg(feature = "png")]
mod letters;
mod line_chart;
mod marker;
#[cfg(feature = "png")]
mod paint;
mod reference;
#[cfg(feature = "png")]
mod reread;
mod scale;
#[cfg(feature = "png")]
mod sheet;
mod svg;
mod text;
mod ticks;

pub use axis::Axis;
pub use canvas::{Anchor, Canvas, Chart, STYLE, Squares, text_width};
pub use escape::{escape, shortened};
pub use line_chart::{At, LineChart, Point, Reference, Series};
#[cfg(feature = "png")]
pub use reread::png_of_svg;
pub use scale::Scale;
pub use svg::number;
pub use text::room;
