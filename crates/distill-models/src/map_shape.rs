use ndarray::{ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4};

/// How the numbers of an inner value form a map: channels, each of rows and columns of pixels.
///
/// # Examples
/// ```
/// use distill_models::MapShape;
/// use ndarray::array;
/// // Two pixels with three channels each.
/// let map = MapShape { channels: 3, rows: 1, columns: 2, channels_last: true };
/// let values = array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]];
/// let view = map.view(values.view()).unwrap();
/// assert_eq!((view.dim(), view[[0, 2, 0, 1]], view[[0, 0, 0, 1]]), ((1, 3, 1, 2), 6.0, 4.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapShape {
    /// Channels.
    pub channels: usize,
    /// Rows of pixels.
    pub rows: usize,
    /// Columns of pixels.
    pub columns: usize,
    /// Whether the channels of a pixel lie side by side, and not one whole channel after the other.
    pub channels_last: bool,
}

impl MapShape {
    /// Numbers of one example.
    pub fn width(&self) -> usize {
        self.channels.saturating_mul(self.rows).saturating_mul(self.columns)
    }

    /// The sides as the memory has them.
    fn sides(&self, examples: usize) -> [usize; 4] {
        match self.channels_last {
            true => [examples, self.rows, self.columns, self.channels],
            false => [examples, self.channels, self.rows, self.columns],
        }
    }

    /// The axes `(examples, channels, rows, columns)` by their place in memory.
    fn axes(&self) -> [usize; 4] {
        if self.channels_last { [0, 3, 1, 2] } else { [0, 1, 2, 3] }
    }

    /// A value `(examples, width)` as `(examples, channels, rows, columns)`. `None` if it has another width, or gaps between its
    /// rows.
    pub fn view<'a>(&self, value: ArrayView2<'a, f32>) -> Option<ArrayView4<'a, f32>> {
        let (sides, numbers) = (self.sides(value.nrows()), value.to_slice()?);
        Some(ArrayView4::from_shape(sides, numbers).ok()?.permuted_axes(self.axes()))
    }

    /// The same to change.
    pub fn view_mut<'a>(&self, value: ArrayViewMut2<'a, f32>) -> Option<ArrayViewMut4<'a, f32>> {
        let (sides, numbers) = (self.sides(value.nrows()), value.into_slice()?);
        Some(ArrayViewMut4::from_shape(sides, numbers).ok()?.permuted_axes(self.axes()))
    }
}
