use ndarray::ArrayView2;

/// Rows and columns of the squares that are transposed at a time.
const SIDE: usize = 8;
type Square = [[f32; SIDE]; SIDE];

/// Writes the rows of `b` one after the other, each with zeros up to `pitch`.
#[inline(always)]
pub(super) fn pack(b: ArrayView2<'_, f32>, packed: &mut [f32], pitch: usize) {
    let n = b.ncols();
    if n < pitch {
        packed.chunks_exact_mut(pitch).take(b.nrows()).for_each(|row| row[n..].fill(0.0));
    }
    if b.strides()[1] == 1 {
        for (row, to) in b.rows().into_iter().zip(packed.chunks_exact_mut(pitch)) {
            to[..n].copy_from_slice(row.to_slice().expect("rows are contiguous"));
        }
        return;
    }
    let column = |j| b.column(j).to_slice().expect("columns are contiguous");
    let whole = n - n % SIDE;
    for first in (0..whole).step_by(SIDE) {
        transpose_columns(&std::array::from_fn(|j| column(first + j)), packed, pitch, first);
    }
    for j in whole..n {
        packed.chunks_exact_mut(pitch).zip(column(j)).for_each(|(to, &x)| to[j] = x);
    }
}

/// Writes element `k` of each column side by side into row `k`, from column `at` on.
#[inline(always)]
fn transpose_columns(columns: &[&[f32]; SIDE], to: &mut [f32], pitch: usize, at: usize) {
    let columns = columns.map(|column| column.as_chunks::<SIDE>());
    let mut rows = to.chunks_exact_mut(pitch);
    for i in 0..columns[0].0.len() {
        let square = transpose(std::array::from_fn(|j| columns[j].0[i]));
        for (&eight, row) in square.iter().zip(rows.by_ref()) {
            if let Some(to) = row[at..].first_chunk_mut() {
                *to = eight;
            }
        }
    }
    for (k, row) in (0..columns[0].1.len()).zip(rows) {
        for (to, column) in row[at..].iter_mut().zip(&columns) {
            *to = column.1[k];
        }
    }
}

#[inline(always)]
fn transpose(a: Square) -> Square {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return transpose_avx(v3, a);
    }
    std::array::from_fn(|i| std::array::from_fn(|j| a[j][i]))
}

/// As a compiler does not find it: pairs of rows, then pairs of pairs, then halves.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transpose_avx(v3: pulp::x86::V3, a: Square) -> Square {
    use std::arch::x86_64::__m256;
    let avx = v3.avx;
    let a: [__m256; SIDE] = pulp::bytemuck::cast(a);
    let low = |i: usize| avx._mm256_unpacklo_ps(a[i], a[i + 1]);
    let high = |i: usize| avx._mm256_unpackhi_ps(a[i], a[i + 1]);
    let quarters = |[x, y]: [__m256; 2]| [avx._mm256_shuffle_ps::<0x44>(x, y), avx._mm256_shuffle_ps::<0xEE>(x, y)];
    let top = [[low(0), low(2)], [high(0), high(2)]].map(quarters);
    let bottom = [[low(4), low(6)], [high(4), high(6)]].map(quarters);
    let rows: [__m256; SIDE] = std::array::from_fn(|i| {
        let (t, b) = (top[i % 4 / 2][i % 2], bottom[i % 4 / 2][i % 2]);
        if i < 4 { avx._mm256_permute2f128_ps::<0x20>(t, b) } else { avx._mm256_permute2f128_ps::<0x31>(t, b) }
    });
    pulp::bytemuck::cast(rows)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn rows_come_one_after_the_other_whatever_the_layout() {
        for (rows, columns) in [(1, 1), (8, 8), (64, 24), (17, 13), (5, 30), (64, 112)] {
            let b = Array2::from_shape_fn((rows, columns), |(i, j)| (i * 1000 + j) as f32);
            let pitch = columns.next_multiple_of(SIDE);
            let expected: Vec<f32> =
                (0..rows * pitch).map(|i| if i % pitch < columns { b[[i / pitch, i % pitch]] } else { 0.0 }).collect();
            let by_columns = b.t().as_standard_layout().into_owned();
            for view in [b.view(), by_columns.t()] {
                let mut packed = vec![f32::NAN; rows * pitch];
                pack(view, &mut packed, pitch);
                assert!(packed == expected, "{rows} x {columns}");
            }
        }
    }
}
