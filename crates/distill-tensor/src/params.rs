use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::row_parts::for_each_row;
use crate::{Layout, ParamId, SliceKind, TensorError};

/// One flat `f32` buffer with the names and shapes of its [`Layout`].
///
/// # Examples
/// ```
/// use distill_tensor::{LayoutBuilder, Params};
/// let mut builder = LayoutBuilder::new();
/// let weight = builder.push("output.weight", &[2, 3])?;
/// let bias = builder.push("output.bias", &[2])?;
/// let mut params = Params::zeros(builder.build());
/// params.vector_mut(bias).fill(1.0);
/// assert_eq!(params.as_slice(), [0., 0., 0., 0., 0., 0., 1., 1.]);
/// assert_eq!(params.matrix(weight).dim(), (2, 3));
/// # Ok::<(), distill_tensor::TensorError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    layout: Arc<Layout>,
    data: Vec<f32>,
    touched: Option<(ParamId, Vec<u32>)>,
}

/// The rows of one slice that may be other than zero: in a gradient those that a step is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedRows<'a> {
    /// What training does with the slice.
    pub kind: SliceKind,
    /// Where the slice lies in the buffer.
    pub range: Range<usize>,
    /// Elements of a row.
    pub width: usize,
    /// The numbers of the rows, ascending.
    pub rows: &'a [u32],
}

impl Params {
    /// All parameters zero.
    pub fn zeros(layout: Arc<Layout>) -> Self {
        let data = vec![0.0; layout.len()];
        Self { layout, data, touched: None }
    }

    /// Takes a flat buffer in the layout's order.
    ///
    /// # Errors
    /// [`TensorError::WrongLength`] when the buffer does not fit.
    pub fn from_vec(layout: Arc<Layout>, data: Vec<f32>) -> Result<Self, TensorError> {
        if data.len() == layout.len() {
            Ok(Self { layout, data, touched: None })
        } else {
            Err(TensorError::WrongLength { expected: layout.len(), actual: data.len() })
        }
    }

    /// The shared layout.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// All parameters in the layout's order.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All parameters in the layout's order. From then on any of them may be other than zero.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.touched = None;
        &mut self.data
    }

    /// Name, shape and values of every slice.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.layout.iter().map(|(id, name, shape)| (name, shape, self.vector(id)))
    }

    /// The values of a slice, whatever its shape.
    pub fn vector(&self, id: ParamId) -> &[f32] {
        &self.data[self.layout.range(id)]
    }

    /// The values of a slice, whatever its shape. From then on all its rows count as touched.
    pub fn vector_mut(&mut self, id: ParamId) -> &mut [f32] {
        self.touched.take_if(|(touched, _)| *touched == id);
        &mut self.data[self.layout.range(id)]
    }

    /// A slice of rank 2 as a matrix.
    ///
    /// # Panics
    /// If the slice was not declared with two sides.
    pub fn matrix(&self, id: ParamId) -> ArrayView2<'_, f32> {
        let shape = matrix_shape(&self.layout, id);
        ArrayView2::from_shape(shape, self.vector(id)).expect("a slice has the length of its shape")
    }

    /// Which rows of a slice alone may be other than zero, if [`overwrite_rows`](Self::overwrite_rows) was the last to change
    /// that slice.
    pub fn touched(&self) -> Option<TouchedRows<'_>> {
        let (id, rows) = self.touched.as_ref()?;
        let (_, width) = matrix_shape(&self.layout, *id);
        Some(TouchedRows { kind: self.layout.kind(*id), range: self.layout.range(*id), width, rows })
    }

    /// Makes all rows of a matrix zero but those of these numbers, which ascend: `f(i, row)` overwrites row `rows[i]`.
    ///
    /// It is remembered which rows these are. The next time only they are cleared, so this takes time for the rows that are
    /// touched and not for the matrix. A gradient has one such matrix; another one's rows are forgotten.
    ///
    /// # Panics
    /// If the slice was not declared with two sides, or the numbers do not ascend or are not those of rows.
    pub fn overwrite_rows(&mut self, id: ParamId, rows: &[u32], f: impl Fn(usize, &mut [f32]) + Sync) {
        let (n_rows, width) = matrix_shape(&self.layout, id);
        assert!(rows.is_sorted_by(|a, b| a < b), "numbers of rows do not ascend");
        assert!(rows.last().is_none_or(|&last| (last as usize) < n_rows), "there are {n_rows} rows");
        let values = &mut self.data[self.layout.range(id)];
        let mut before = match self.touched.take() {
            Some((touched, before)) if touched == id => {
                clear_rows(&before, rows, width, values);
                before
            }
            _ => {
                values.fill(0.0);
                Vec::new()
            }
        };
        before.clear();
        // Room for as many as there will ever be, so that a later step takes no memory.
        before.reserve(n_rows);
        before.extend_from_slice(rows);
        self.touched = Some((id, before));
        for_each_row(rows, width, [values], |i, [row]| f(i, row));
    }

    /// A slice of rank 2 as a matrix. From then on all its rows count as touched.
    ///
    /// # Panics
    /// If the slice was not declared with two sides.
    pub fn matrix_mut(&mut self, id: ParamId) -> ArrayViewMut2<'_, f32> {
        let shape = matrix_shape(&self.layout, id);
        ArrayViewMut2::from_shape(shape, self.vector_mut(id)).expect("a slice has the length of its shape")
    }
}

/// Clears the rows of `before` that are not among `now`; both ascend.
fn clear_rows(before: &[u32], now: &[u32], width: usize, values: &mut [f32]) {
    let mut now = now.iter().copied().peekable();
    for &row in before {
        while now.next_if(|&other| other < row).is_some() {}
        if now.peek() != Some(&row) {
            values[row as usize * width..][..width].fill(0.0);
        }
    }
}

fn matrix_shape(layout: &Layout, id: ParamId) -> (usize, usize) {
    match *layout.shape(id) {
        [rows, cols] => (rows, cols),
        ref other => panic!("`{}` of shape {other:?} is not a matrix", layout.name(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayoutBuilder;

    #[test]
    fn slices_do_not_overlap_and_cover_the_buffer() {
        let mut builder = LayoutBuilder::new();
        let ids: Vec<_> = [vec![2, 3], vec![2], vec![1, 4]]
            .iter()
            .enumerate()
            .map(|(i, s)| builder.push(i.to_string(), s).unwrap())
            .collect();
        let mut params = Params::zeros(builder.build());
        for (value, &id) in ids.iter().enumerate() {
            params.vector_mut(id).fill(value as f32 + 1.0);
        }
        assert_eq!(params.as_slice(), [1., 1., 1., 1., 1., 1., 2., 2., 3., 3., 3., 3.]);
        assert!(Params::from_vec(params.layout().clone(), vec![0.0; 11]).is_err());
    }

    #[test]
    fn rows_that_are_not_overwritten_are_zero() {
        let mut builder = LayoutBuilder::new();
        let bias = builder.push("bias", &[2]).unwrap();
        let table = builder.push("table", &[5, 2]).unwrap();
        let mut params = Params::zeros(builder.build());
        params.as_mut_slice().fill(7.0);
        for rows in [&[0, 3, 4][..], &[1, 3], &[], &[2], &[0, 1, 2, 3, 4]] {
            params.overwrite_rows(table, rows, |i, row| row.copy_from_slice(&[rows[i] as f32, 9.0]));
            // Another slice changes nothing.
            params.vector_mut(bias).fill(7.0);
            let touched = TouchedRows { kind: SliceKind::Weight, range: 2..12, width: 2, rows };
            assert_eq!(params.touched(), Some(touched));
            let expected = (0..5).flat_map(|row| if rows.contains(&row) { [row as f32, 9.0] } else { [0.0; 2] });
            assert_eq!(params.vector(table), expected.collect::<Vec<_>>());
        }
        for forget in [
            |params: &mut Params, id| params.vector_mut(id)[0] = 3.0,
            |params: &mut Params, _| {
                params.as_mut_slice()[2] = 3.0;
            },
        ] {
            forget(&mut params, table);
            assert_eq!(params.touched(), None);
            params.overwrite_rows(table, &[1], |_, row| row.fill(1.0));
            assert_eq!(params.vector(table), [0., 0., 1., 1., 0., 0., 0., 0., 0., 0.]);
        }
    }

    #[test]
    #[should_panic(expected = "do not ascend")]
    fn rows_have_to_ascend() {
        let mut builder = LayoutBuilder::new();
        let table = builder.push("table", &[5, 2]).unwrap();
        Params::zeros(builder.build()).overwrite_rows(table, &[1, 1], |_, _| {});
    }
}
