use super::Padding;

/// Moves a plane in place to the right by `dx` and down by `dy`: `out[y][x] = in[y - dy][x - dx]`.
///
/// All of it moves as one piece, in which what leaves a row comes into the next one; then the edges are written.
pub(super) fn shift(plane: &mut [f32], width: usize, (dx, dy): (isize, isize), padding: Padding) {
    let (len, height) = (plane.len(), plane.len() / width);
    let by = dy * width.cast_signed() + dx;
    match by.unsigned_abs() {
        n if by > 0 => plane.copy_within(..len - n, n),
        n => plane.copy_within(n.., 0),
    }
    let (right, left) = (dx.max(0).unsigned_abs(), dx.min(0).unsigned_abs());
    let (down, up) = (dy.max(0).unsigned_abs(), dy.min(0).unsigned_abs());
    let moved = plane.chunks_exact_mut(width).take(height - up).skip(down);
    match padding {
        Padding::Zero => {
            for row in moved {
                row.iter_mut().take(right).for_each(|pixel| *pixel = 0.0);
                row.iter_mut().rev().take(left).for_each(|pixel| *pixel = 0.0);
            }
            plane[..down * width].fill(0.0);
            plane[(height - up) * width..].fill(0.0);
        }
        Padding::Reflect => {
            for row in moved {
                (1..=right).for_each(|k| row[right - k] = row[right + k]);
                (1..=left).for_each(|k| row[width - 1 - left + k] = row[width - 1 - left - k]);
            }
            let mut mirror = |from: usize, to: usize| plane.copy_within(from * width..(from + 1) * width, to * width);
            (1..=down).for_each(|k| mirror(down + k, down - k));
            (1..=up).for_each(|k| mirror(height - 1 - up - k, height - 1 - up + k));
        }
    }
}
