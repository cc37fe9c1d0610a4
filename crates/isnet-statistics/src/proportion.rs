//! Intervals of a proportion: `k` of `n` independent samples.
//!
//! | interval | idea | choose it |
//! |---|---|---|
//! | [`wilson`] | the shares `p` with `abs(k/n − p) ≤ z·√(p(1−p)/n)` | by default: close to its confidence for every `n`, never outside [0, 1] |
//! | [`clopper_pearson`] | the shares that an exact test does not reject in either tail | where a journal asks for "exact": never covers less than its confidence, hence wider |
//! | [`jeffreys`] | middle of the posterior `Beta(k + ½, n − k + ½)` | as Wilson, shorter near 0 and 1 |
//!
//! Samples of one patient are not independent: see [`clustered_proportion`](crate::clustered_proportion).
//!
//! Sources: Wilson, Journal of the American Statistical Association 22 (1927); Clopper and Pearson, Biometrika 26 (1934);
//! Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001), sections 3 and 4.

use serde::Serialize;
use statrs::function::beta::beta_reg;

use crate::{Interval, IntervalMethod, normal};

/// Which interval a proportion gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProportionMethod {
    /// [`wilson`], the default.
    #[default]
    Wilson,
    /// [`clopper_pearson`].
    ClopperPearson,
    /// [`jeffreys`].
    Jeffreys,
}

/// Wilson's score interval of `k` of `n`; `None` if `n` is 0.
///
/// With `p = k/n`: `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)`.
///
/// # Panics
/// If `k > n` or the confidence is not between 0 and 1.
///
/// # Example
/// ```
/// # use isnet_statistics::wilson;
/// let interval = wilson(8, 10, 0.95).unwrap();
/// assert!((interval.low - 0.490).abs() < 5e-4 && (interval.high - 0.943).abs() < 5e-4);
/// assert_eq!(wilson(0, 10, 0.95).unwrap().low, 0.0);
/// assert_eq!(wilson(0, 0, 0.95), None);
/// ```
pub fn wilson(k: usize, n: usize, confidence: f64) -> Option<Interval> {
    let (k, n) = checked(k, n, confidence)?;
    Some(ProportionMethod::Wilson.of_share(k / n, n, confidence))
}

/// The exact interval of Clopper and Pearson of `k` of `n`; `None` if `n` is 0.
///
/// From the `(1 − confidence)/2` quantile of `Beta(k, n − k + 1)` to the other end's of `Beta(k + 1, n − k)`; 0 if `k` is 0, and 1 if `k` is `n`.
///
/// # Panics
/// If `k > n` or the confidence is not between 0 and 1.
///
/// # Example
/// ```
/// # use isnet_statistics::clopper_pearson;
/// // "Rule of three", for two sides: no error in n = 100 leaves room for 1 − 0.025^(1/100), that is 3.6 %.
/// let interval = clopper_pearson(0, 100, 0.95).unwrap();
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - (1.0 - 0.025_f64.powf(0.01))).abs() < 1e-12);
/// ```
pub fn clopper_pearson(k: usize, n: usize, confidence: f64) -> Option<Interval> {
    let (k, n) = checked(k, n, confidence)?;
    Some(ProportionMethod::ClopperPearson.of_share(k / n, n, confidence))
}

/// The interval of Jeffreys of `k` of `n`; `None` if `n` is 0.
///
/// The middle of the posterior `Beta(k + ½, n − k + ½)`, of equal tails; its lower bound is 0 if `k` is 0, its upper
/// bound 1 if `k` is `n`, since what was seen speaks against neither (Brown, Cai and DasGupta, section 3.1.3).
///
/// # Panics
/// If `k > n` or the confidence is not between 0 and 1.
///
/// # Example
/// ```
/// # use isnet_statistics::{clopper_pearson, jeffreys};
/// let (short, exact) = (jeffreys(9, 10, 0.95).unwrap(), clopper_pearson(9, 10, 0.95).unwrap());
/// assert!(exact.low < short.low && short.high < exact.high);
/// ```
pub fn jeffreys(k: usize, n: usize, confidence: f64) -> Option<Interval> {
    let (k, n) = checked(k, n, confidence)?;
    Some(ProportionMethod::Jeffreys.of_share(k / n, n, confidence))
}

impl ProportionMethod {
    /// Interval of a share of `n` samples; neither `n` nor `share·n` need be whole.
    pub(crate) fn of_share(self, share: f64, n: f64, confidence: f64) -> Interval {
        let tail = (1.0 - confidence) / 2.0;
        let (k, rest) = (share * n, (1.0 - share) * n);
        let (method, low, high) = match self {
            Self::Wilson => return wilson_reaching(normal::reach(confidence), share, n),
            Self::ClopperPearson => {
                let low = if k > 0.0 { beta_quantile(k, rest + 1.0, tail) } else { 0.0 };
                let high = if rest > 0.0 { 1.0 - beta_quantile(rest, k + 1.0, tail) } else { 1.0 };
                (IntervalMethod::ClopperPearson, low, high)
            }
            Self::Jeffreys => {
                let low = beta_quantile(k + 0.5, rest + 0.5, tail);
                (IntervalMethod::Jeffreys, low, 1.0 - beta_quantile(rest + 0.5, k + 0.5, tail))
            }
        };
        within_the_scale(method, share, low, high)
    }
}

/// Wilson's interval of `share`, with the bounds `reach` of their standard errors away: 1.96 for 95 %.
pub(crate) fn wilson_reaching(reach: f64, share: f64, n: f64) -> Interval {
    let square = reach.powi(2) / n;
    let centre = (share + square / 2.0) / (1.0 + square);
    let half = (square * (share * (1.0 - share) + square / 4.0)).sqrt() / (1.0 + square);
    within_the_scale(IntervalMethod::Wilson, share, centre - half, centre + half)
}

/// In exact numbers Wilson's bounds of a share of 0 or 1 are 0 or 1 too, and those of Jeffreys are set to them.
fn within_the_scale(method: IntervalMethod, share: f64, low: f64, high: f64) -> Interval {
    let low = if share > 0.0 { low.max(0.0) } else { 0.0 };
    let high = if share < 1.0 { high.min(1.0) } else { 1.0 };
    Interval { method, low, high }
}

/// Quantile of `Beta(a, b)` by halving: `statrs`' own inverse starts its Newton steps no closer than 0.0001 to the ends.
fn beta_quantile(a: f64, b: f64, probability: f64) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    loop {
        let middle = f64::midpoint(below, above);
        if middle <= below || middle >= above || above - below < 1e-15 * above {
            return middle;
        }
        *(if beta_reg(a, b, middle) < probability { &mut below } else { &mut above }) = middle;
    }
}

fn checked(k: usize, n: usize, confidence: f64) -> Option<(f64, f64)> {
    assert!(k <= n, "a proportion is of at most all samples, got {k} of {n}");
    assert!(confidence > 0.0 && confidence < 1.0, "a confidence lies between 0 and 1, got {confidence}");
    (n > 0).then_some((k as f64, n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_mirrors_and_holds_its_share() {
        for interval in [wilson, clopper_pearson, jeffreys] {
            for n in [1, 2, 7, 40] {
                for k in 0..=n {
                    let (here, there) = (interval(k, n, 0.9).unwrap(), interval(n - k, n, 0.9).unwrap());
                    assert!((here.low - (1.0 - there.high)).abs() < 1e-12, "{k} of {n}: {here:?} {there:?}");
                    assert!(here.contains(k as f64 / n as f64), "{k} of {n}: {here:?}");
                    assert_eq!((here.low == 0.0, here.high == 1.0), (k == 0, k == n), "{k} of {n}: {here:?}");
                }
            }
            assert_eq!(interval(0, 0, 0.9), None);
        }
    }

    /// By definition: at the bounds of Wilson the share is `z` of *their* standard errors away.
    #[test]
    fn wilson_inverts_the_score_test() {
        let interval = wilson(3, 20, 0.95).unwrap();
        for bound in [interval.low, interval.high] {
            let z = (0.15 - bound).abs() / (bound * (1.0 - bound) / 20.0).sqrt();
            assert!((z - normal::reach(0.95)).abs() < 1e-9, "{z}");
        }
    }

    #[test]
    #[should_panic(expected = "got 3 of 2")]
    fn more_than_all_is_a_bug_of_the_caller() {
        wilson(3, 2, 0.95);
    }
}
