//! The exponential function in arithmetic that the compiler turns into vector instructions, which a call into the C library never is.

/// `exp(x)` to about one unit in the last place; 0 below −87.3, NaN where `x` is.
///
/// `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2`, Taylor's series for `exp(r)` up to `r⁷/7!` (a remainder below 6·10⁻⁹), and `2ⁿ` from its bits.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// `ln 2` in two parts; `n` times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// Adding and subtracting it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let inside = x.clamp(-87.3, 88.0);
    let n = (inside * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (inside - n * LN_2[0]) - n * LN_2[1];
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r * r + r + 1.0;
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x < -87.3 { 0.0 } else { series * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_function() {
        for step in -8700..=8800 {
            let x = step as f32 * 0.01;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 3e-7, "exp({x}) is {expected}, not {found}");
        }
        assert_eq!((exp(0.0), exp(-100.0), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }
}
