use ndarray::ArrayViewMut2;

/// The first `rows` rows of a buffer that grows when it must.
pub(crate) fn matrix(buffer: &mut Vec<f32>, rows: usize, width: usize) -> ArrayViewMut2<'_, f32> {
    let n = rows * width;
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    ArrayViewMut2::from_shape((rows, width), &mut buffer[..n]).expect("length of its shape")
}
