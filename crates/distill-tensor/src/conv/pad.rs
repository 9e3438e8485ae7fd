use pulp::bytemuck::{Pod, cast_slice_mut};

use crate::buffer::with_buffer;

/// Zeros around a map: top, left, bottom, right.
pub(super) type Padding = [usize; 4];

/// Gives `run` a map with zeros around it: a copy in memory of the thread, or the map itself where nothing is padded.
pub(super) fn padded<T>(map: &[f32], sides: [usize; 3], padding: Padding, run: impl FnOnce(&[f32]) -> T) -> T {
    if padding == [0; 4] {
        return run(map);
    }
    padded_with(map, sides, padding, |from, to| to.copy_from_slice(from), run)
}

/// The same where `copy` makes other numbers of those of the map, at most as large.
pub(super) fn padded_with<N: Pod, T>(
    map: &[f32],
    [height, width, channels]: [usize; 3],
    [top, left, bottom, right]: Padding,
    copy: impl Fn(&[f32], &mut [N]),
    run: impl FnOnce(&[N]) -> T,
) -> T {
    let row = (left + width + right) * channels;
    let n = (top + height + bottom) * row;
    with_buffer((n * size_of::<N>()).div_ceil(size_of::<f32>()), |buffer| {
        let buffer = &mut cast_slice_mut(buffer)[..n];
        let (above, rest) = buffer.split_at_mut(top * row);
        let (middle, below) = rest.split_at_mut(height * row);
        above.fill(N::zeroed());
        below.fill(N::zeroed());
        for (to, from) in middle.chunks_exact_mut(row).zip(map.chunks_exact(width * channels)) {
            let (before, rest) = to.split_at_mut(left * channels);
            let (inside, after) = rest.split_at_mut(from.len());
            before.fill(N::zeroed());
            copy(from, inside);
            after.fill(N::zeroed());
        }
        run(buffer)
    })
}
