use super::buffer::with_buffer;

/// Zeros around a map: top, left, bottom, right.
pub(super) type Padding = [usize; 4];

/// Gives `run` a map with zeros around it: a copy in memory of the thread, or the map itself where nothing is padded.
pub(super) fn padded<T>(
    map: &[f32],
    [height, width, channels]: [usize; 3],
    [top, left, bottom, right]: Padding,
    run: impl FnOnce(&[f32]) -> T,
) -> T {
    if [top, left, bottom, right] == [0; 4] {
        return run(map);
    }
    let row = (left + width + right) * channels;
    with_buffer((top + height + bottom) * row, |buffer| {
        let (above, rest) = buffer.split_at_mut(top * row);
        let (middle, below) = rest.split_at_mut(height * row);
        above.fill(0.0);
        below.fill(0.0);
        for (to, from) in middle.chunks_exact_mut(row).zip(map.chunks_exact(width * channels)) {
            let (before, rest) = to.split_at_mut(left * channels);
            let (inside, after) = rest.split_at_mut(from.len());
            before.fill(0.0);
            inside.copy_from_slice(from);
            after.fill(0.0);
        }
        run(buffer)
    })
}
