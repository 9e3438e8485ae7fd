use crate::{ChannelOrder, OnnxError, OnnxOptions, Port};

/// Entries of the metadata with the shape of an example as the data has it.
pub(crate) const INPUT_SHAPE: &str = "input_shape";

/// A batch of a file, and the numbers in an example, may not be larger.
const MAX_BATCH: usize = 1 << 12;
const MAX_FEATURES: usize = 1 << 26;

/// How an example of the data becomes one of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Shape of one example as the data has it.
    pub(crate) data: Vec<usize>,
    /// Shape of a batch as the graph takes it.
    pub(crate) graph: Vec<usize>,
    layout: ChannelOrder,
}

impl Shape {
    /// From the input, what was set, the shape that the metadata names, and the batch where the file leaves it open.
    pub(crate) fn new(
        port: &Port,
        options: &OnnxOptions,
        metadata: Option<&Vec<usize>>,
        open_batch: usize,
    ) -> Result<Self, OnnxError> {
        let refused = |reason: String| OnnxError::InputShape { name: port.name.clone(), dims: port.shape(), reason };
        let Some((batch, sides)) = port.dims.split_first().filter(|(_, sides)| !sides.is_empty()) else {
            return Err(refused("expected a batch, and then the shape of an example".to_owned()));
        };
        let batch = batch.unwrap_or(open_batch);
        if !(1..=MAX_BATCH).contains(&batch) {
            return Err(refused(format!("a batch has from 1 to {MAX_BATCH} examples")));
        }
        let layout = options.layout;
        if layout == ChannelOrder::Nhwc && sides.len() != 3 {
            return Err(refused("the layout `nhwc` is for images, which have four sides with the batch".to_owned()));
        }
        let said = options.input_shape.as_ref().or(metadata);
        let graph =
            match said {
                Some(said) => fill(sides, &turned(said, layout, 1)).ok_or_else(|| {
                    refused(format!("examples of shape {said:?} do not fit; `input_shape` is that of the data"))
                })?,
                None => sides.iter().copied().collect::<Option<Vec<usize>>>().ok_or_else(|| {
                    refused("a side is open; set `input_shape` to the shape of one example".to_owned())
                })?,
            };
        let data = said.cloned().unwrap_or_else(|| turned(&graph, layout, 2));
        match product(&data) {
            Some(1..=MAX_FEATURES) => {}
            _ => return Err(refused(format!("an example has from 1 to {MAX_FEATURES} numbers"))),
        }
        Ok(Self { data, graph: std::iter::once(batch).chain(graph).collect(), layout })
    }

    /// The same for batches of another size.
    pub(crate) fn of_batch(&self, batch: usize) -> Self {
        let mut other = self.clone();
        other.graph.splice(..1, [batch]);
        other
    }

    pub(crate) fn batch(&self) -> usize {
        self.graph.first().copied().unwrap_or(1)
    }

    pub(crate) fn features(&self) -> usize {
        self.data.iter().product()
    }

    /// Writes an example in the order of the graph.
    pub(crate) fn write<T>(&self, row: &[f32], out: &mut [T], convert: impl Fn(f32) -> T) {
        match (self.layout, self.graph.as_slice()) {
            (ChannelOrder::Nhwc, &[_, height, width, channels]) => {
                let area = height * width;
                for (i, out) in out.iter_mut().enumerate() {
                    let at = (i % channels) * area + i / channels;
                    *out = convert(row.get(at).copied().unwrap_or_default());
                }
            }
            _ => out.iter_mut().zip(row).for_each(|(out, &value)| *out = convert(value)),
        }
    }
}

/// Three sides moved to the left where channels are last: by one, `[C, H, W]` is `[H, W, C]`; by two, it is
/// `[C, H, W]` again.
fn turned(sides: &[usize], layout: ChannelOrder, left: usize) -> Vec<usize> {
    let mut sides = sides.to_vec();
    if layout == ChannelOrder::Nhwc && sides.len() == 3 {
        sides.rotate_left(left);
    }
    sides
}

/// The sides of the graph, with those that are open from an example of this shape.
fn fill(sides: &[Option<usize>], said: &[usize]) -> Option<Vec<usize>> {
    let n = product(said)?;
    let filled: Vec<usize> = if sides.len() == said.len() {
        sides.iter().zip(said).map(|(side, &said)| side.unwrap_or(said)).collect()
    } else {
        let known = sides.iter().flatten().try_fold(1_usize, |product, &side| product.checked_mul(side))?;
        let open = sides.iter().filter(|side| side.is_none()).count();
        // One open side has what the others leave, which the check below proves.
        let rest = if open == 1 { n.checked_div(known)? } else { 1 };
        sides.iter().map(|side| side.unwrap_or(rest)).collect()
    };
    let same_order = sides.len() != said.len() || filled == said;
    (product(&filled) == Some(n) && same_order).then_some(filled)
}

fn product(sides: &[usize]) -> Option<usize> {
    sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[Option<usize>], options: &OnnxOptions) -> Result<Shape, OnnxError> {
        let port = Port { name: "x".to_owned(), element: "f32".to_owned(), dims: dims.to_vec() };
        Shape::new(&port, options, None, 16)
    }

    fn said(sides: &[usize], layout: ChannelOrder) -> OnnxOptions {
        OnnxOptions { input_shape: Some(sides.to_vec()), layout, ..OnnxOptions::default() }
    }

    #[test]
    fn the_file_and_the_setting_agree_on_a_shape() {
        let none = OnnxOptions::default();
        let found = shape(&[None, Some(1), Some(4), Some(6)], &none).unwrap();
        assert_eq!((found.data, found.graph), (vec![1, 4, 6], vec![16, 1, 4, 6]));
        let found = shape(&[Some(2), Some(24)], &said(&[1, 4, 6], ChannelOrder::Nchw)).unwrap();
        assert_eq!((found.data, found.graph), (vec![1, 4, 6], vec![2, 24]));
        let found = shape(&[None, Some(3), None, None], &said(&[3, 4, 6], ChannelOrder::Nchw)).unwrap();
        assert_eq!(found.graph, [16, 3, 4, 6]);
        let found = shape(&[None, Some(3), None], &said(&[3, 4, 6], ChannelOrder::Nchw)).unwrap();
        assert_eq!(found.graph, [16, 3, 24]);
        let found = shape(&[None, None, None, Some(3)], &said(&[3, 4, 6], ChannelOrder::Nhwc)).unwrap();
        assert_eq!(found.graph, [16, 4, 6, 3]);
        let nhwc = OnnxOptions { layout: ChannelOrder::Nhwc, ..none };
        assert_eq!(shape(&[None, Some(4), Some(6), Some(3)], &nhwc).unwrap().data, [3, 4, 6]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let none = OnnxOptions::default();
        let error = |dims: &[Option<usize>], options: &OnnxOptions| shape(dims, options).unwrap_err().to_string();
        assert!(error(&[None, None], &none).contains("[?, ?]: a side is open"));
        assert!(error(&[Some(4)], &none).contains("expected a batch"));
        assert!(error(&[Some(0), Some(4)], &none).contains("a batch has from 1"));
        assert!(error(&[None, Some(5)], &said(&[4], ChannelOrder::Nchw)).contains("[4] do not fit"));
        assert!(error(&[None, Some(4), Some(6)], &said(&[6, 4], ChannelOrder::Nchw)).contains("do not fit"));
        assert!(error(&[None, Some(5), None], &said(&[4, 3, 1, 1], ChannelOrder::Nchw)).contains("do not fit"));
        assert!(error(&[None, Some(usize::MAX), Some(2)], &none).contains("an example has from 1"));
        assert!(error(&[None, Some(0)], &none).contains("an example has from 1"));
        let nhwc = OnnxOptions { layout: ChannelOrder::Nhwc, ..none };
        assert!(error(&[None, Some(4)], &nhwc).contains("for images"));
    }

    #[test]
    fn channels_go_last() {
        let nhwc = OnnxOptions { layout: ChannelOrder::Nhwc, ..OnnxOptions::default() };
        let shape = shape(&[Some(1), Some(2), Some(2), Some(3)], &nhwc).unwrap();
        let row: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let mut out = vec![0.0; 12];
        shape.write(&row, &mut out, |value| value);
        assert_eq!(out, [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0]);
    }
}
