//! McNemar's test: are two models right equally often on the same samples?

use serde::Serialize;
use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

/// Samples on which exactly one of two models is right, and how likely so uneven a split is by chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Samples that only the first model has right.
    pub only_first: u64,
    /// Samples that only the second model has right.
    pub only_second: u64,
    /// Exact two-sided p-value: never too small, often too large.
    pub p_exact: f64,
    /// Mid-p value: the exact one with half the probability of what was seen; closer to the level it is held against.
    pub p_mid: f64,
}

/// Compares two models on the same samples, given whether each is right.
///
/// Of `m = only_first + only_second` samples, the smaller count `s` is binomial with chance ½ if the models are equally
/// good: `p_exact = min(1, 2·P(S ≤ s))` and `p_mid = 2·P(S ≤ s) − P(S = s)`. Both are 1 if the models never differ.
///
/// Source: Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data: mid-p and asymptotic are
/// better than exact conditional", BMC Medical Research Methodology 13:91 (2013).
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_statistics::mcnemar;
/// let first = [true, true, true, false];
/// let second = [false, false, false, false];
/// let test = mcnemar(&first, &second);
/// assert_eq!((test.only_first, test.only_second), (3, 0));
/// assert!((test.p_exact - 0.25).abs() < 1e-12); // 2 · ½³
/// assert!((test.p_mid - 0.125).abs() < 1e-12);
/// ```
pub fn mcnemar(right_first: &[bool], right_second: &[bool]) -> McNemar {
    assert_eq!(right_first.len(), right_second.len(), "both models judge the same samples");
    let count =
        |winner: &[bool], loser: &[bool]| winner.iter().zip(loser).filter(|(won, lost)| **won && !**lost).count();
    let (only_first, only_second) = (count(right_first, right_second) as u64, count(right_second, right_first) as u64);
    let (smaller, differing) = (only_first.min(only_second), only_first + only_second);
    let (p_exact, p_mid) = match Binomial::new(0.5, differing) {
        Ok(chance) if differing > 0 && only_first != only_second => {
            let twice = 2.0 * chance.cdf(smaller);
            (twice.min(1.0), (twice - chance.pmf(smaller)).clamp(0.0, 1.0))
        }
        _ => (1.0, 1.0),
    };
    McNemar { only_first, only_second, p_exact, p_mid }
}

#[cfg(test)]
mod tests {
    use super::mcnemar;

    #[test]
    fn models_that_never_differ_or_win_equally_often_are_equal() {
        let same = mcnemar(&[true, false], &[true, false]);
        assert_eq!((same.p_exact, same.p_mid), (1.0, 1.0));
        let even = mcnemar(&[true, false], &[false, true]);
        assert_eq!((even.p_exact, even.p_mid), (1.0, 1.0));
        let nothing = mcnemar(&[], &[]);
        assert_eq!((nothing.p_exact, nothing.p_mid), (1.0, 1.0));
    }

    #[test]
    fn the_order_of_the_models_does_not_matter() {
        let first: Vec<bool> = (0..40).map(|idx| idx % 3 == 0).collect();
        let second: Vec<bool> = (0..40).map(|idx| idx % 5 != 0).collect();
        let (one, other) = (mcnemar(&first, &second), mcnemar(&second, &first));
        assert_eq!((one.p_exact, one.only_first), (other.p_exact, other.only_second));
        assert!(one.p_mid < one.p_exact);
    }
}
