use pulp::{Arch, Simd, WithSimd};

/// The sum of the rows of a matrix with these numbers, in the order of the numbers: rows that are there twice count twice.
///
/// Four rows are added to each other before they are added to the sum. So its bits depend on rows and order alone.
///
/// # Panics
/// If there is no such row.
///
/// # Examples
/// ```
/// let mut sum = [0.0; 2];
/// distill_tensor::sum_rows(&[1., 2., 3., 4., 5., 6.], &[2, 0, 2], &mut sum);
/// assert_eq!(sum, [5. + 1. + 5., 6. + 2. + 6.]);
/// ```
pub fn sum_rows(matrix: &[f32], numbers: &[u32], sum: &mut [f32]) {
    Arch::new().dispatch(SumRows { matrix, numbers, sum });
}

struct SumRows<'a> {
    matrix: &'a [f32],
    numbers: &'a [u32],
    sum: &'a mut [f32],
}

impl WithSimd for SumRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { matrix, numbers, sum } = self;
        let width = sum.len();
        let row = |number: u32| &matrix[number as usize * width..][..width];
        sum.fill(0.0);
        let (fours, rest) = numbers.as_chunks();
        for &[a, b, c, d] in fours {
            let rows = row(a).iter().zip(row(b)).zip(row(c)).zip(row(d));
            sum.iter_mut().zip(rows).for_each(|(sum, (((a, b), c), d))| *sum += (a + b) + (c + d));
        }
        for &number in rest {
            sum.iter_mut().zip(row(number)).for_each(|(sum, value)| *sum += value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_sum_in_order() {
        let width = 37;
        let matrix: Vec<f32> = (0..50 * width).map(|i| (i as f32 * 0.7).sin()).collect();
        for n in 0..15 {
            let numbers: Vec<u32> = (0..n).map(|i| i * i * 7 % 50).collect();
            let mut sum = vec![f32::NAN; width];
            sum_rows(&matrix, &numbers, &mut sum);
            for (column, sum) in sum.iter().enumerate() {
                let values: Vec<f32> = numbers.iter().map(|&i| matrix[i as usize * width + column]).collect();
                let fours = values.as_chunks::<4>();
                let expected = fours.0.iter().fold(0.0, |sum, [a, b, c, d]| sum + ((a + b) + (c + d)));
                assert_eq!(*sum, fours.1.iter().fold(expected, |sum, value| sum + value));
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_row_that_is_not_there_is_not_read() {
        sum_rows(&[0.0; 6], &[3], &mut [0.0; 2]);
    }
}
