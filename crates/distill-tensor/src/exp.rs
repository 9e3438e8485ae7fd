use pulp::{Arch, Simd, WithSimd};

/// `x ← exp(x)`, within 1 ulp, for every number of a slice with vector instructions.
///
/// ```text
/// exp(x) = 2^n (1 + r + tail(r))          n = round(x / ln 2), r = x - n ln 2
/// ```
///
/// Denormal results, 0, infinities and NaN are those of [`f64::exp`]. A result depends on the number alone, not on its
/// place in the slice; the last bit may differ between processors with and without fused multiplication.
///
/// # Examples
/// ```
/// let mut x = [0.0, 1.0, f64::NEG_INFINITY];
/// distill_tensor::exp(&mut x);
/// assert_eq!((x[0], x[2]), (1.0, 0.0));
/// // Between 2 and 4 an ulp is twice the epsilon.
/// assert!((x[1] - std::f64::consts::E).abs() <= 2.0 * f64::EPSILON);
/// ```
pub fn exp(x: &mut [f64]) {
    Arch::new().dispatch(Map(x, Exp));
}

/// `x ← exp(x) - 1 - x`, within 3 ulp, for numbers in `[-1/2, 1/2]`; it is of no use for others.
///
/// The subtractions would cancel; the polynomial has no term that could.
///
/// # Examples
/// ```
/// let mut x = [0.0, 1e-9];
/// distill_tensor::exp_tail(&mut x);
/// assert_eq!(x[0], 0.0);
/// assert!((x[1] / 5e-19 - 1.0).abs() < 1e-9);
/// ```
pub fn exp_tail(x: &mut [f64]) {
    Arch::new().dispatch(Map(x, Tail));
}

/// `(exp(r) - 1 - r) / r²` on `[-1/2, 1/2]`, interpolated at the 12 nodes of Chebyshev: relative error 2e-17.
const TAIL: [f64; 12] = [
    0.5,
    0.166_666_666_666_666_66,
    0.041_666_666_666_667_06,
    0.008_333_333_333_333_36,
    0.001_388_888_888_870_455,
    0.000_198_412_698_411_469_93,
    2.480_158_761_614_541_4e-5,
    2.755_731_943_362_024e-6,
    2.755_707_663_664_272_5e-7,
    2.505_194_670_972_162e-8,
    2.096_295_581_597_607_6e-9,
    1.611_649_651_437_154_8e-10,
];

/// `ln 2` in two parts: the first has 33 bits, so its products with whole numbers up to 2^20 are exact.
const LN_2: (f64, f64) = (0.693_147_180_485_539_1, 7.440_617_110_012_397e-11);

/// Added to a number below 2^51, it leaves the nearest whole number in the lowest bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// The largest number whose exponential is finite.
const MAX: f64 = 709.782_712_893_384;
/// Below it the exponential rounds to 0.
const MIN: f64 = -746.0;
/// Below it half the exponential may be denormal, and to double it would not bring back its lowest bit.
const LOW: f64 = -700.0;

/// A function of one number, for a vector at a time.
trait Function: Copy {
    fn at<S: Simd>(self, simd: S, x: S::f64s) -> S::f64s;
}

struct Map<'a, T>(&'a mut [f64], T);

impl<T: Function> WithSimd for Map<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(x, function) = self;
        let (vectors, rest) = S::as_mut_simd_f64s(x);
        for x in vectors {
            *x = function.at(simd, *x);
        }
        if !rest.is_empty() {
            let x = function.at(simd, simd.partial_load_f64s(rest));
            simd.partial_store_f64s(rest, x);
        }
    }
}

#[derive(Clone, Copy)]
struct Exp;

impl Function for Exp {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f64s) -> S::f64s {
        let f = |value| simd.splat_f64s(value);
        let clamped = simd.select_f64s(simd.less_than_f64s(x, f(MIN)), f(MIN), x);
        let rounded = simd.mul_add_e_f64s(clamped, f(std::f64::consts::LOG2_E), f(ROUND));
        let n = simd.sub_f64s(rounded, f(ROUND));
        let r = simd.mul_add_e_f64s(n, f(-LN_2.0), clamped);
        let r = simd.mul_add_e_f64s(n, f(-LN_2.1), r);
        let mantissa = simd.add_f64s(f(1.0), simd.add_f64s(r, tail(simd, r)));

        // 2^n is made of the bits of its exponent, in two factors where it would be too small or too large for one.
        let low = simd.less_than_f64s(clamped, f(LOW));
        let (shift, back) = (
            simd.select_f64s(low, f(1023.0 + 128.0), f(1023.0 - 1.0)),
            simd.select_f64s(low, f(2.0_f64.powi(-128)), f(2.0)),
        );
        let exponent = simd.transmute_u64s_f64s(simd.add_f64s(rounded, shift));
        let power = simd.transmute_f64s_u64s(simd.mul_u64s(exponent, simd.splat_u64s(1 << 52)));
        let y = simd.mul_f64s(simd.mul_f64s(mantissa, power), back);

        // An infinity for what is too large, NaN for NaN.
        simd.select_f64s(simd.less_than_or_equal_f64s(x, f(MAX)), y, simd.add_f64s(x, f(f64::INFINITY)))
    }
}

#[derive(Clone, Copy)]
struct Tail;

impl Function for Tail {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f64s) -> S::f64s {
        tail(simd, x)
    }
}

/// `exp(r) - 1 - r` for `|r| <= 1/2`.
#[inline(always)]
fn tail<S: Simd>(simd: S, r: S::f64s) -> S::f64s {
    let square = simd.mul_f64s(r, r);
    let [rest @ .., even, odd] = TAIL;
    // Even and odd powers apart: each of two short chains waits for itself only.
    let (mut even, mut odd) = (simd.splat_f64s(even), simd.splat_f64s(odd));
    for &[a, b] in rest.as_chunks().0.iter().rev() {
        even = simd.mul_add_e_f64s(even, square, simd.splat_f64s(a));
        odd = simd.mul_add_e_f64s(odd, square, simd.splat_f64s(b));
    }
    simd.mul_f64s(square, simd.mul_add_e_f64s(odd, r, even))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exp_of(x: f64) -> f64 {
        let mut x = [x];
        exp(&mut x);
        x[0]
    }

    fn tail_of(x: f64) -> f64 {
        let mut x = [x];
        exp_tail(&mut x);
        x[0]
    }

    /// The distance of two numbers that are not negative, counted in representable numbers.
    fn ulps(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    #[test]
    fn is_within_an_ulp_of_the_library_over_the_whole_range() {
        let n = 2_000_000;
        // Also where results are denormal, and far more small arguments than an even step has.
        let low = (0..n).map(|i| -746.0 + 50.0 * f64::from(i) / f64::from(n));
        let even = (0..n).map(|i| -746.0 + 1456.0 * f64::from(i) / f64::from(n));
        let small = (0..n).map(|i| (0.1 * f64::from(i)).sin() * 2.0_f64.powi(i % 64 - 60));
        let arguments: Vec<f64> = even.chain(low).chain(small).collect();
        let (mut values, mut without_vectors) = (arguments.clone(), arguments.clone());
        exp(&mut values);
        // What a processor without fused multiplication computes.
        pulp::Scalar.vectorize(Map(&mut without_vectors, Exp));
        for ((x, y), z) in arguments.into_iter().zip(values).zip(without_vectors) {
            let library = x.exp();
            let good = ulps(y, library) <= 1 && ulps(z, library) <= 1;
            assert!(good, "exp({x:e}) = {y:e} or {z:e}, the library has {library:e}");
        }
    }

    #[test]
    fn has_the_limits_of_the_library() {
        for x in [0.0, -0.0, 1e-300, -1e-300, f64::MIN_POSITIVE, 5e-324] {
            assert_eq!(exp_of(x), 1.0, "{x:e}");
        }
        for x in [f64::NEG_INFINITY, f64::MIN, -1e5, -746.5, -745.2, 709.79, 710.0, 1e5, f64::MAX, f64::INFINITY] {
            assert_eq!(exp_of(x), x.exp(), "{x:e}");
        }
        for x in [MAX, MAX.next_up(), LOW, LOW.next_down(), -708.4, -720.0, -745.0, -745.133] {
            assert!(ulps(exp_of(x), x.exp()) <= 1, "exp({x:e}) = {:e}, the library has {:e}", exp_of(x), x.exp());
        }
        // Every payload and both signs.
        for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_0000_0401), f64::from_bits(0xfff8_0000_0000_0fff)] {
            assert!(exp_of(nan).is_nan());
        }
    }

    #[test]
    fn the_place_in_the_slice_means_nothing() {
        let whole: Vec<f64> = (0..67).map(|i| f64::from(i) * 0.731 - 30.0).collect();
        for function in [exp, exp_tail] {
            let mut mapped = whole.clone();
            function(&mut mapped);
            for (i, &x) in whole.iter().enumerate() {
                let mut one = [x];
                function(&mut one);
                assert_eq!(one[0].to_bits(), mapped[i].to_bits());
            }
        }
    }

    #[test]
    fn the_tail_is_the_rest_of_the_series() {
        for i in -5000_i32..=5000 {
            let x = f64::from(i) * 1e-4;
            // From the smallest term, so that no sum rounds more than the last.
            let series = (2..=20).rev().fold(0.0, |sum, k| (1.0 + sum) * x / f64::from(k)) * x;
            assert!(ulps(tail_of(x), series) <= 4, "{x}: {:e} {series:e}", tail_of(x));
        }
        assert!(tail_of(f64::NAN).is_nan());
    }
}
