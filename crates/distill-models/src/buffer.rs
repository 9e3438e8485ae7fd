use ndarray::ArrayViewMut2;

/// The first `rows` rows of a buffer that grows when it must.
pub(crate) fn matrix(buffer: &mut Vec<f32>, rows: usize, width: usize) -> ArrayViewMut2<'_, f32> {
    let n = rows * width;
    grow(buffer, n);
    ArrayViewMut2::from_shape((rows, width), &mut buffer[..n]).expect("length of its shape")
}

/// Makes room for `n` numbers.
pub(crate) fn grow(buffer: &mut Vec<f32>, n: usize) {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
}
