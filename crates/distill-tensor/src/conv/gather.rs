use super::pad::Padding;
use super::shape::ConvShape;
use crate::kernel::Segment;

/// A place in the kernel whose weights a sum takes, in the order of the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) y: usize,
    pub(super) x: usize,
}

/// Where a walk over pixels begins and how far its steps are, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) start: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// What becomes of the place of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// It is overwritten.
    Replace,
    /// The result is added.
    Add,
}

/// Pixels that are sums over the same segments, from their places in a padded map.
#[derive(Debug, Clone)]
pub(super) struct Gather {
    pub(super) taps: Vec<Tap>,
    /// Where each tap begins, from the place of the pixel on.
    pub(super) places: Vec<usize>,
    pub(super) segments: Vec<Segment>,
    /// Numbers that a sum multiplies: of all segments.
    pub(super) terms: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) from: Walk,
    pub(super) to: Walk,
    pub(super) tiles: TileSides,
}

/// Sides of tiles, see [`Tiles`](crate::kernel::Tiles), where they fit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TileSides {
    /// Pixels of a row, pairs of a sum, results.
    pub(super) of_pixels: Option<[usize; 3]>,
    /// Results, pairs of pixels in two rows, terms.
    pub(super) of_terms: Option<[usize; 3]>,
}

/// All pixels of a result, and the padding of the map that they are gathered from.
#[derive(Debug, Clone)]
pub(super) struct Gathers {
    pub(super) parts: Vec<Gather>,
    pub(super) padding: Padding,
}

impl Gathers {
    /// Outputs from inputs.
    pub(super) fn of_outputs(shape: &ConvShape) -> Self {
        let [_, width, channels] = shape.input;
        let [rows, columns, outputs] = shape.output();
        let pitch = (width + shape.padding[1] + shape.padding[3]) * channels;
        let taps = taps(shape, |_, _| true);
        let places = taps.iter().map(|tap| tap.y * pitch + tap.x * channels).collect();
        let from = Walk { start: 0, row: shape.stride[0] * pitch, column: shape.stride[1] * channels };
        let to = Walk { start: 0, row: columns * outputs, column: outputs };
        let gather = Gather::new(taps, places, run(shape, channels), [rows, columns], from, to);
        Self { parts: vec![gather], padding: shape.padding }
    }

    /// Gradients of inputs from those of outputs: where the step is larger than 1, pixels next to each other see other places of
    /// the kernel, and those that see the same are a part. Places where no output looks have no taps and get zeros.
    pub(super) fn of_inputs(shape: &ConvShape) -> Self {
        let [height, width, channels] = shape.input;
        let [rows, columns, outputs] = shape.output();
        // Input i = stride a + r is seen by output a + (r + padding - k) / stride, for those k for which this is whole.
        let reach = |axis: usize| {
            let [size, of_outputs] = [shape.input[axis], [rows, columns][axis]];
            let (stride, before) = (shape.stride[axis], shape.padding[axis]);
            let first = (shape.kernel[axis] - 1 - before).div_ceil(stride);
            let last = (size - 1 + before) / stride;
            (first, (last + 1).saturating_sub(of_outputs))
        };
        let ((top, bottom), (left, right)) = (reach(0), reach(1));
        let pitch = (left + columns + right) * outputs;
        let mut parts = vec![];
        for (ry, rx) in
            (0..shape.stride[0].min(height)).flat_map(|y| (0..shape.stride[1].min(width)).map(move |x| (y, x)))
        {
            let seen = |r: usize, axis: usize, k: usize| {
                (r + shape.padding[axis] + shape.stride[axis] * shape.kernel[axis] - k)
                    .is_multiple_of(shape.stride[axis])
            };
            let place = |r: usize, axis: usize, k: usize, before: usize| {
                (before * shape.stride[axis] + r + shape.padding[axis] - k) / shape.stride[axis]
            };
            let mut taps = taps(shape, |y, x| seen(ry, 0, y) && seen(rx, 1, x));
            // Larger places of the kernel look further back.
            taps.reverse();
            let places =
                taps.iter().map(|tap| place(ry, 0, tap.y, top) * pitch + place(rx, 1, tap.x, left) * outputs).collect();
            let size = [(height - ry).div_ceil(shape.stride[0]), (width - rx).div_ceil(shape.stride[1])];
            let from = Walk { start: 0, row: pitch, column: outputs };
            let to = Walk {
                start: (ry * width + rx) * channels,
                row: shape.stride[0] * width * channels,
                column: shape.stride[1] * channels,
            };
            parts.push(Gather::new(taps, places, run(shape, outputs), size, from, to));
        }
        Self { parts, padding: [top, left, bottom, right] }
    }
}

impl Gather {
    /// Neighbours that follow each other are one segment.
    fn new(
        taps: Vec<Tap>,
        places: Vec<usize>,
        len: usize,
        [mut rows, mut columns]: [usize; 2],
        from: Walk,
        to: Walk,
    ) -> Self {
        // Rows that follow each other without a gap are one, whose pixels fill more registers.
        if [from, to].iter().all(|walk| walk.row == columns * walk.column) {
            [rows, columns] = [1, rows * columns];
        }
        let mut segments: Vec<Segment> = vec![];
        for &offset in &places {
            match segments.last_mut() {
                Some(last) if last.offset + last.len == offset => last.len += len,
                _ => segments.push(Segment { offset, len }),
            }
        }
        let tiles = TileSides::new(&segments, [rows, columns]);
        Self { terms: taps.len() * len, taps, places, segments, rows, columns, from, to, tiles }
    }

    /// Writes so many results of pixels that nothing adds to.
    pub(super) fn nothing(&self, out: &mut [f32], channel: usize, results: usize, write: Write) {
        let Self { rows, columns, to, .. } = *self;
        if write == Write::Add {
            return;
        }
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            out[to.start + row * to.row + column * to.column + channel..][..results].fill(0.0);
        }
    }
}

impl TileSides {
    /// Numbers of results in a tile.
    const RESULTS: usize = 16;

    /// Tiles have no rest: their sides divide what there is.
    fn new(segments: &[Segment], [rows, columns]: [usize; 2]) -> Self {
        let part = |n: usize| (4..=Self::RESULTS).rev().find(|&size| n > 0 && n.is_multiple_of(size));
        let run = segments.iter().fold(0, |run, segment| gcd(run, segment.len));
        let Some(columns) = part(columns) else { return Self::default() };
        let pairs = if run.is_multiple_of(2) { part(run / 2) } else { None };
        Self {
            of_pixels: pairs.map(|pairs| [columns, pairs, Self::RESULTS]),
            of_terms: part(run).filter(|_| rows.is_multiple_of(2)).map(|terms| [Self::RESULTS, columns, terms]),
        }
    }
}

/// The greatest common divisor.
fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Channels that a sum reads at each place of the kernel. Where each channel is by itself, all are read side by side.
fn run(shape: &ConvShape, channels: usize) -> usize {
    if shape.is_depthwise() { channels } else { channels / shape.groups }
}

fn taps(shape: &ConvShape, keep: impl Fn(usize, usize) -> bool) -> Vec<Tap> {
    let [height, width] = shape.kernel;
    let all = (0..height).flat_map(|y| (0..width).map(move |x| Tap { y, x }));
    all.filter(|tap| keep(tap.y, tap.x)).collect()
}
