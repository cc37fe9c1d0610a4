//! The standard normal distribution, from `statrs`.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::erf::{erfc, erfc_inv};
use std::f64::consts::SQRT_2;

/// `Φ(z)`; 0 and 1 at −∞ and +∞.
pub(crate) fn cdf(z: f64) -> f64 {
    erfc(-z / SQRT_2) / 2.0
}

/// `Φ⁻¹(probability)`; −∞ and +∞ at 0 and 1.
pub(crate) fn quantile(probability: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * probability)
}

/// Chance of a value at least as far from 0 as `z`.
pub(crate) fn two_sided_p(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

/// How many standard errors a two-sided interval reaches to each side: 1.96 for 0.95.
pub(crate) fn reach(confidence: f64) -> f64 {
    quantile(0.5 + confidence / 2.0)
}

/// The same where the standard error is estimated from `freedom` degrees of freedom: 12.7 for 0.95 and 1, 2.78 for 4.
pub(crate) fn student_reach(confidence: f64, freedom: f64) -> f64 {
    student(freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(0.5 + confidence / 2.0))
}

/// Chance of a Student's t with `freedom` degrees of freedom at least as far from 0 as `t`.
pub(crate) fn student_two_sided_p(t: f64, freedom: f64) -> f64 {
    student(freedom).map_or(1.0, |student| 2.0 * student.sf(t.abs()))
}

/// Share of values within `reach` standard errors: the inverse of [`reach`].
pub(crate) fn confidence(reach: f64) -> f64 {
    1.0 - two_sided_p(reach)
}

/// `None` without a degree of freedom; of very many, the normal distribution is closer than its own numerics.
fn student(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom.min(1e6)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of `scipy.stats.norm` 1.17.1.
    #[test]
    fn agrees_with_scipy() {
        let close = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-9, "{got} {expected}");
        close(reach(0.95), 1.959_963_984_540_054);
        close(quantile(1e-6), -4.753_424_308_822_899);
        close(cdf(-3.0), 1.349_898_031_630_094_5e-3);
        close(two_sided_p(-8.0), 1.244_192_114_854_356_8e-15);
        close(student_reach(0.95, 1.0), 12.706_204_736_432_095);
        close(student_reach(0.95, 24.0), 2.063_898_561_628_020_5);
        close(student_reach(0.99, 1.5), 17.820_310_514_462_804);
        close(student_two_sided_p(2.5, 4.0), 0.066_766_544_811_988_14);
        close(confidence(reach(0.9)), 0.9);
        assert_eq!((cdf(f64::NEG_INFINITY), cdf(f64::INFINITY)), (0.0, 1.0));
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
