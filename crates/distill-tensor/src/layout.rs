use std::ops::Range;
use std::sync::Arc;

use crate::TensorError;

/// The handle of one named slice of a [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamId(usize);

/// What training does with a slice of a [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SliceKind {
    /// It follows its gradient, and weight decay shrinks it.
    #[default]
    Weight,
    /// It follows its gradient, and weight decay leaves it alone: biases and the scale and shift of a batch norm, in networks
    /// with convolutions.
    NoDecay,
    /// It is not a weight, but what a layer remembers of the batches, such as the running mean and variance of a batch norm. It lies in
    /// the same buffer, so that it is saved, hashed and resumed with the weights.
    ///
    /// In a gradient the slice holds what the layer found in the batch, which is averaged like a gradient where a batch is computed in
    /// parts. No optimizer reads it, and no norm: the model takes it in itself.
    State,
}

impl SliceKind {
    /// Whether it follows its gradient.
    pub fn is_trained(self) -> bool {
        match self {
            Self::Weight | Self::NoDecay => true,
            Self::State => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slice {
    name: String,
    shape: Vec<usize>,
    range: Range<usize>,
    kind: SliceKind,
}

/// The names, shapes and places of a model's parameters in one flat buffer.
///
/// Parameters, gradients and optimizer slots share one layout: an optimizer is one loop,
/// a global norm is one sum, and a file is one walk over the names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    slices: Vec<Slice>,
    /// Neighbours of one kind together, so that a layout of one kind is one stretch.
    stretches: Vec<(SliceKind, Range<usize>)>,
    len: usize,
}

impl Layout {
    /// The number of parameters, and of numbers of a [`SliceKind::State`].
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number of parameters alone: what follows its gradient.
    pub fn n_trained(&self) -> usize {
        self.stretches.iter().filter(|(kind, _)| kind.is_trained()).map(|(_, stretch)| stretch.len()).sum()
    }

    /// Whether there are no parameters at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Handle, name and shape of every slice, in the order of the buffer.
    pub fn iter(&self) -> impl Iterator<Item = (ParamId, &str, &[usize])> {
        self.slices.iter().enumerate().map(|(i, slice)| (ParamId(i), slice.name.as_str(), slice.shape.as_slice()))
    }

    /// What training does with a slice.
    pub fn kind(&self, id: ParamId) -> SliceKind {
        self.slices[id.0].kind
    }

    /// Kind and place of each stretch of the buffer that is of one kind, in its order: the whole buffer where all slices are of
    /// one.
    ///
    /// # Examples
    /// ```
    /// use distill_tensor::{LayoutBuilder, SliceKind};
    /// let mut builder = LayoutBuilder::new();
    /// builder.push("conv.weight", &[4, 9])?;
    /// builder.push("linear.weight", &[2, 4])?;
    /// builder.push_as("norm.mean", &[4], SliceKind::State)?;
    /// let layout = builder.build();
    /// assert!(layout.stretches().eq([(SliceKind::Weight, 0..44), (SliceKind::State, 44..48)]));
    /// # Ok::<(), distill_tensor::TensorError>(())
    /// ```
    pub fn stretches(&self) -> impl Iterator<Item = (SliceKind, Range<usize>)> {
        self.stretches.iter().cloned()
    }

    /// The same of a part of the buffer alone.
    pub(crate) fn stretches_in(&self, part: Range<usize>) -> impl Iterator<Item = (SliceKind, Range<usize>)> {
        let first = self.stretches.partition_point(|(_, stretch)| stretch.end <= part.start);
        let stretches = self.stretches[first..].iter();
        stretches.map_while(move |(kind, stretch)| {
            let inside = stretch.start.max(part.start)..stretch.end.min(part.end);
            (!inside.is_empty()).then_some((*kind, inside))
        })
    }

    pub(crate) fn name(&self, id: ParamId) -> &str {
        &self.slices[id.0].name
    }

    pub(crate) fn shape(&self, id: ParamId) -> &[usize] {
        &self.slices[id.0].shape
    }

    pub(crate) fn range(&self, id: ParamId) -> Range<usize> {
        self.slices[id.0].range.clone()
    }
}

/// Collects slices into a [`Layout`].
#[derive(Debug, Default)]
pub struct LayoutBuilder {
    layout: Layout,
}

impl LayoutBuilder {
    /// Starts an empty layout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a slice of [`SliceKind::Weight`], such as `hidden.0.weight` of shape `[800, 784]`.
    ///
    /// # Errors
    /// As [`push_as`](Self::push_as).
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize]) -> Result<ParamId, TensorError> {
        self.push_as(name, shape, SliceKind::Weight)
    }

    /// Appends a slice of that kind.
    ///
    /// # Errors
    /// [`TensorError::DuplicateName`] for a name that is taken, [`TensorError::TooLarge`]
    /// when the number of parameters overflows.
    pub fn push_as(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        kind: SliceKind,
    ) -> Result<ParamId, TensorError> {
        let name = name.into();
        if self.layout.slices.iter().any(|slice| slice.name == name) {
            return Err(TensorError::DuplicateName { name });
        }
        let start = self.layout.len;
        let end = shape
            .iter()
            .try_fold(1_usize, |product, &side| product.checked_mul(side))
            .and_then(|len| start.checked_add(len))
            // A buffer of f32 may not be larger than isize::MAX bytes.
            .filter(|&end| end <= isize::MAX as usize / size_of::<f32>());
        let Some(end) = end else {
            return Err(TensorError::TooLarge { name, shape: shape.to_vec() });
        };
        let id = ParamId(self.layout.slices.len());
        self.layout.slices.push(Slice { name, shape: shape.to_vec(), range: start..end, kind });
        match self.layout.stretches.last_mut() {
            _ if start == end => {}
            Some((last, stretch)) if *last == kind => stretch.end = end,
            _ => self.layout.stretches.push((kind, start..end)),
        }
        self.layout.len = end;
        Ok(id)
    }

    /// Closes the layout so that buffers can share it.
    pub fn build(self) -> Arc<Layout> {
        Arc::new(self.layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_no_memory_can_hold() {
        let mut builder = LayoutBuilder::new();
        for shape in [vec![usize::MAX, 2], vec![1 << 62], vec![1 << 40, 1 << 40]] {
            assert_eq!(builder.push("w", &shape), Err(TensorError::TooLarge { name: "w".into(), shape }));
        }
        builder.push("w", &[2]).unwrap();
        assert_eq!(builder.push("w", &[2]), Err(TensorError::DuplicateName { name: "w".into() }));
    }

    #[test]
    fn neighbours_of_one_kind_are_one_stretch() {
        use SliceKind::*;
        let mut builder = LayoutBuilder::new();
        let slices = [(2, Weight), (3, Weight), (4, State), (0, Weight), (1, State), (2, NoDecay), (1, Weight)];
        let ids: Vec<_> = (0..).zip(slices).map(|(i, (n, kind))| builder.push_as(i.to_string(), &[n], kind)).collect();
        let layout = builder.build();
        for (id, (_, kind)) in ids.into_iter().zip(slices) {
            assert_eq!(layout.kind(id.unwrap()), kind);
        }
        let all = [(Weight, 0..5), (State, 5..10), (NoDecay, 10..12), (Weight, 12..13)];
        assert!(layout.stretches().eq(all.clone()));
        assert_eq!(layout.n_trained(), 8);
        for (start, end) in (0..=13).flat_map(|start| (start..=13).map(move |end| (start, end))) {
            let cut = |(kind, stretch): &(SliceKind, Range<usize>)| {
                (*kind, stretch.start.clamp(start, end)..stretch.end.clamp(start, end))
            };
            let expected: Vec<_> = all.iter().map(cut).filter(|(_, stretch)| !stretch.is_empty()).collect();
            assert_eq!(layout.stretches_in(start..end).collect::<Vec<_>>(), expected, "{start}..{end}");
        }
        assert_eq!(LayoutBuilder::new().build().stretches().next(), None);
    }
}
