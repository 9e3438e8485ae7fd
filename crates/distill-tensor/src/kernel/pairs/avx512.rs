use std::arch::x86_64::*;
use std::ops::Range;

use super::super::pieces;
use super::{PixelSums, Segment, TermSums, Walk};

const LANES: usize = 16;

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn round(from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len(), "numbers and what they are rounded to");
    let (two_vectors, rest) = from.as_chunks::<{ 2 * LANES }>();
    let (to_two, to_rest) = to.as_chunks_mut::<{ 2 * LANES }>();
    for (from, to) in two_vectors.iter().zip(to_two) {
        let (first, second) = from.split_at(LANES);
        // SAFETY: there are as many numbers as two vectors have, and as many places.
        unsafe {
            let rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(second.as_ptr()), _mm512_loadu_ps(first.as_ptr()));
            _mm512_storeu_si512(to.as_mut_ptr().cast(), std::mem::transmute::<__m512bh, __m512i>(rounded));
        }
    }
    for (from, to) in rest.chunks(LANES).zip(to_rest.chunks_mut(LANES)) {
        let mut places = [0; LANES];
        // SAFETY: there are as many places as the vector has numbers.
        unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(rounded(from))) };
        to.copy_from_slice(&places[..to.len()]);
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn pair(first: &[u16], second: &[u16], to: &mut [u32]) {
    for ((to, &first), &second) in to.iter_mut().zip(first).zip(second) {
        *to = u32::from(second) << 16 | u32::from(first);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn join(first: &[f32], second: &[f32], to: &mut [u32]) {
    assert_eq!(first.len(), to.len(), "numbers and their pairs");
    // Both are rounded side by side, then numbers `i` and `16 + i` become neighbours.
    let neighbours: [u16; 2 * LANES] = std::array::from_fn(|i| (i / 2 + i % 2 * LANES) as u16);
    // SAFETY: there are as many numbers as the vector has.
    let neighbours = unsafe { _mm512_loadu_si512(neighbours.as_ptr().cast()) };
    for (i, (first, to)) in first.chunks(LANES).zip(to.chunks_mut(LANES)).enumerate() {
        let begin = (i * LANES).min(second.len());
        let second = &second[begin..(begin + to.len()).min(second.len())];
        let rounded = _mm512_cvtne2ps_pbh(load_some(second), load_some(first));
        // SAFETY: a change of the type, and the mask lets as many numbers be written as `to` has, where it has not as many as the vector.
        unsafe {
            let pairs = _mm512_permutexvar_epi16(neighbours, std::mem::transmute::<__m512bh, __m512i>(rounded));
            // A store with a mask takes longer.
            if to.len() == LANES {
                _mm512_storeu_epi32(to.as_mut_ptr().cast(), pairs);
            } else {
                _mm512_mask_storeu_epi32(to.as_mut_ptr().cast(), mask(to.len()), pairs);
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn join_pixels([first, second]: [&[f32]; 2], step: usize, len: usize, to: &mut [u32], to_step: usize) {
    if [step, to_step] == [len; 2] {
        return join(&first[..to.len()], second, to);
    }
    for (i, to) in to.chunks_exact_mut(to_step).enumerate() {
        let second = second.get(i * step..i * step + len).unwrap_or_default();
        let (to, rest) = to.split_at_mut(len);
        join(&first[i * step..][..len], second, to);
        rest.fill(0);
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn transpose(from: &[u32], columns: usize, to: &mut [u32]) {
    let rows = from.len() / columns;
    assert!(columns.is_multiple_of(LANES) && to.len() == from.len(), "rows, and as many columns");
    for row in (0..rows).step_by(LANES) {
        let n = LANES.min(rows - row);
        for column in (0..columns).step_by(LANES) {
            let mut block = [_mm512_setzero_si512(); LANES];
            for (i, place) in block.iter_mut().enumerate().take(n) {
                *place =
                    load_pairs(from[(row + i) * columns + column..].first_chunk().expect("a row has whole vectors"));
            }
            for (i, turned) in transposed(block).into_iter().enumerate() {
                let to = &mut to[(column + i) * rows + row..][..n];
                // SAFETY: the mask lets as many numbers be written as there are places.
                unsafe { _mm512_mask_storeu_epi32(to.as_mut_ptr().cast(), mask(n), turned) };
            }
        }
    }
}

/// A matrix of 16 rows and 16 columns, turned: first by pairs of numbers, then of pairs, then of quarters.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut turned = rows;
    for i in 0..8 {
        let [a, b] = [rows[2 * i], rows[2 * i + 1]];
        [turned[2 * i], turned[2 * i + 1]] = [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
    }
    let pairs = turned;
    for i in (0..LANES).step_by(4) {
        for half in 0..2 {
            let [a, b] = [pairs[i + half], pairs[i + half + 2]];
            [turned[i + 2 * half], turned[i + 2 * half + 1]] =
                [_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)];
        }
    }
    // Quarter `q` of vector `4 i + c` has column `4 q + c` of rows `4 i` to `4 i + 3`.
    let quarters = turned;
    for c in 0..4 {
        let [a, b, e, f] = [0, 4, 8, 12].map(|i| quarters[i + c]);
        let even = [_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(e, f)];
        let odd = [_mm512_shuffle_i32x4::<0xDD>(a, b), _mm512_shuffle_i32x4::<0xDD>(e, f)];
        turned[c] = _mm512_shuffle_i32x4::<0x88>(even[0], even[1]);
        turned[4 + c] = _mm512_shuffle_i32x4::<0x88>(odd[0], odd[1]);
        turned[8 + c] = _mm512_shuffle_i32x4::<0xDD>(even[0], even[1]);
        turned[12 + c] = _mm512_shuffle_i32x4::<0xDD>(odd[0], odd[1]);
    }
    turned
}

/// At most 16 numbers in bf16, each in the lower half of 32 bits, and zeros after them.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn rounded(values: &[f32]) -> __m512i {
    let rounded = _mm512_cvtneps_pbh(load_some(values));
    // SAFETY: a change of the type alone.
    _mm512_cvtepu16_epi32(unsafe { std::mem::transmute::<__m256bh, __m256i>(rounded) })
}

/// At most 16 numbers, and zeros after them.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_some(values: &[f32]) -> __m512 {
    // SAFETY: the mask lets as many numbers be read as there are.
    unsafe { _mm512_maskz_loadu_ps(mask(values.len()), values.as_ptr()) }
}

/// The first `n` lanes.
#[inline]
fn mask(n: usize) -> __mmask16 {
    if n >= LANES { !0 } else { (1 << n) - 1 }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(values: &[f32; LANES]) -> __m512 {
    // SAFETY: there are as many numbers as a vector has.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_pairs(values: &[u32; LANES]) -> __m512i {
    // SAFETY: there are as many pairs as a vector has.
    unsafe { _mm512_loadu_epi32(values.as_ptr().cast()) }
}

/// `sums + a · b`, of both numbers of each pair.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_add(sums: __m512, a: __m512i, b: __m512i) -> __m512 {
    // SAFETY: a change of the type alone.
    let [a, b] = unsafe { [a, b].map(|x| std::mem::transmute::<__m512i, __m512bh>(x)) };
    _mm512_dpbf16_ps(sums, a, b)
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn pixel_sums(all: &mut PixelSums<'_>) {
    let [rows, columns] = all.pixels;
    for row in 0..rows {
        for piece in pieces(columns, 8) {
            match all.bias.len() {
                32 => of_two_vectors(all, row, piece),
                16 => of_one_vector(all, row, piece),
                width => panic!("blocks have 16 or 32 results, not {width}"),
            }
        }
    }
}

/// Where there are few pixels, `C` sums of each result are in registers, as a sum that waits for the one before is slow.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn of_two_vectors(all: &mut PixelSums<'_>, row: usize, piece: Range<usize>) {
    let first = [row, piece.start];
    match piece.len() {
        8 => pixels::<8, 2, 1>(all, first),
        7 => pixels::<7, 2, 1>(all, first),
        6 => pixels::<6, 2, 1>(all, first),
        5 => pixels::<5, 2, 1>(all, first),
        4 => pixels::<4, 2, 1>(all, first),
        3 => pixels::<3, 2, 2>(all, first),
        2 => pixels::<2, 2, 4>(all, first),
        _ => pixels::<1, 2, 4>(all, first),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn of_one_vector(all: &mut PixelSums<'_>, row: usize, piece: Range<usize>) {
    let first = [row, piece.start];
    match piece.len() {
        8 => pixels::<8, 1, 2>(all, first),
        7 => pixels::<7, 1, 2>(all, first),
        6 => pixels::<6, 1, 2>(all, first),
        5 => pixels::<5, 1, 2>(all, first),
        4 => pixels::<4, 1, 2>(all, first),
        3 => pixels::<3, 1, 4>(all, first),
        2 => pixels::<2, 1, 4>(all, first),
        _ => pixels::<1, 1, 4>(all, first),
    }
}

/// Adds a term to the sums of `P` pixels by `V` vectors. A function that the compiler does not inline would have them in memory.
macro_rules! add_term {
    ($sums:expr, $inputs:expr, $term:expr, $weights:expr) => {
        for p in 0..P {
            let input = _mm512_set1_epi32($inputs[p][$term].cast_signed());
            for v in 0..V {
                // The instruction can repeat an input itself, if it comes last.
                $sums[p][v] = multiply_add($sums[p][v], load_pairs(&$weights[v]), input);
            }
        }
    };
}

/// The results of `P` pixels of a row.
#[target_feature(enable = "avx512f,avx512bf16")]
#[expect(clippy::needless_range_loop, reason = "all loops over sums go by numbers that the compiler unrolls")]
fn pixels<const P: usize, const V: usize, const C: usize>(all: &mut PixelSums<'_>, first: [usize; 2]) {
    let mut sums = [[[_mm512_setzero_ps(); V]; P]; C];
    let bias: &[[f32; LANES]; V] = all.bias.as_chunks().0.first_chunk().expect("a bias for each result");
    for p in 0..P {
        for v in 0..V {
            sums[0][p][v] = load(&bias[v]);
        }
    }
    let place = |steps: [usize; 2]| first[0] * steps[0] + first[1] * steps[1];
    let map = &all.map[place(all.steps)..];
    let mut weights: &[[[u32; LANES]; V]] = all.weights.as_chunks().0.as_chunks().0;
    for &Segment { offset, len } in all.segments {
        let pairs = len / 2;
        let (of_segment, rest) = weights.split_at(pairs);
        weights = rest;
        let mut inputs: [&[u32]; P] = [&[]; P];
        for p in 0..P {
            inputs[p] = &map[p * all.steps[1] + offset / 2..][..pairs];
        }
        let (whole, rest) = of_segment.as_chunks::<C>();
        for (i, weights) in whole.iter().enumerate() {
            for c in 0..C {
                add_term!(sums[c], inputs, C * i + c, weights[c]);
            }
        }
        for (i, weights) in rest.iter().enumerate() {
            add_term!(sums[0], inputs, pairs - rest.len() + i, weights);
        }
    }
    let out = &mut all.out[place(all.out_steps)..];
    for p in 0..P {
        let out = &mut out[p * all.out_steps[1]..][..all.results];
        // By places that are known when this is compiled: otherwise the compiler keeps the sums in memory.
        for v in 0..V {
            let begin = (v * LANES).min(out.len());
            let end = (begin + LANES).min(out.len());
            let mut sum = sums[0][p][v];
            for c in 1..C {
                sum = _mm512_add_ps(sum, sums[c][p][v]);
            }
            add_or_replace(&mut out[begin..end], sum, all.add);
        }
    }
}

/// Writes as many of 16 sums as there is place for.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_or_replace(to: &mut [f32], sum: __m512, add: bool) {
    let mask = mask(to.len());
    // SAFETY: the mask lets as many numbers be read and written as there are, where they are not as many as the vector has.
    unsafe {
        let sum = if add { _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to.as_ptr()), sum) } else { sum };
        if to.len() == LANES {
            _mm512_storeu_ps(to.as_mut_ptr(), sum);
        } else {
            _mm512_mask_storeu_ps(to.as_mut_ptr(), mask, sum);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn term_sums(all: &mut TermSums<'_>) {
    let terms = all.sums.len() / all.width;
    let mut term = 0;
    while term < terms {
        term += match (all.width, terms - term) {
            (16, 16..) => of_terms::<16, 1>(all, term),
            (16, 8..) => of_terms::<8, 1>(all, term),
            (16, 4..) => of_terms::<4, 1>(all, term),
            (16, _) => of_terms::<2, 1>(all, term),
            (32, 8..) => of_terms::<8, 2>(all, term),
            (32, 4..) => of_terms::<4, 2>(all, term),
            (32, _) => of_terms::<2, 2>(all, term),
            (width, _) => panic!("blocks have 16 or 32 results, not {width}"),
        };
    }
}

/// The sums of `R` terms, over all pairs of pixels. Returns how many they are.
#[target_feature(enable = "avx512f,avx512bf16")]
fn of_terms<const R: usize, const V: usize>(all: &mut TermSums<'_>, first: usize) -> usize {
    let mut sums = [[_mm512_setzero_ps(); V]; R];
    add_products::<R, V, false>(&mut sums, &all.map[first..], all.grads, all.pairs);
    add_products::<R, V, true>(&mut sums, &all.map[first..], all.grads, all.single);
    let to: &mut [[[f32; LANES]; V]] = all.sums.as_chunks_mut().0.as_chunks_mut().0;
    for (to, sums) in to[first..first + R].iter_mut().zip(sums) {
        for v in 0..V {
            add_or_replace(&mut to[v], sums[v], true);
        }
    }
    R
}

/// Adds what the pixels of a walk give, of `SINGLE` ones the first of each pair alone.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_products<const R: usize, const V: usize, const SINGLE: bool>(
    sums: &mut [[__m512; V]; R],
    map: &[u32],
    grads: &[u32],
    walk: Walk,
) {
    // Where a row has no pixels, its place may lie behind the map.
    for row in 0..if walk.columns == 0 { 0 } else { walk.rows } {
        let map = &map[walk.map[0] + row * walk.map[1]..];
        let grads = &grads[walk.grads[0] + row * walk.grads[1]..];
        for column in 0..walk.columns {
            let inputs: &[u32; R] = map[column * walk.map[2]..].first_chunk().expect("terms lie in the map");
            let grads: &[[u32; LANES]; V] =
                grads[column * walk.grads[2]..].as_chunks().0.first_chunk().expect("whole blocks of gradients");
            for r in 0..R {
                let input = _mm512_set1_epi32(if SINGLE { inputs[r] & 0xFFFF } else { inputs[r] }.cast_signed());
                for v in 0..V {
                    // Where an input is used once, the instruction can repeat it itself, if it comes last.
                    let [a, b] = if V == 1 { [load_pairs(&grads[v]), input] } else { [input, load_pairs(&grads[v])] };
                    sums[r][v] = multiply_add(sums[r][v], a, b);
                }
            }
        }
    }
}
