//! Does a score differ between subgroups more than chance explains?
//!
//! | samples | score | test |
//! |---|---|---|
//! | independent | a proportion | Pearson's χ² of the table right/wrong × level; Fisher–Freeman–Halton if an expected count is below 5 |
//! | in groups | a proportion | Cochran's Q of the logits, with the variance between groups |
//! | either | AUC | Cochran's Q of the logits, with DeLong's variance or that between groups |
//!
//! χ² is the score test of one common proportion: its variance comes from the pooled samples, so it holds its level where a level has no
//! error at all, and there the logit and its variance do not exist. Where samples are not independent, χ² rejects far too often; then the
//! logits are weighted by variances that know of the groups, `Q = Σ w·(logit − mean)²`, `w = 1/variance`, `mean = Σ w·logit / Σ w`, held
//! against χ² with one degree of freedom less than there are levels.
//!
//! The exact test sums the chances of all tables with the same margins that are no likelier than the one seen.
//!
//! Sources: Cochran, "Some methods for strengthening the common χ² tests", Biometrics 10 (1954), for the rule of 5 and for Q;
//! Freeman and Halton, Biometrika 38 (1951).

use serde::Serialize;
use statrs::function::gamma::gamma_ur;

/// How a difference between subgroups was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeterogeneityMethod {
    /// Pearson's χ² without correction.
    PearsonChiSquared,
    /// Exact test of Fisher, Freeman and Halton.
    FisherFreemanHalton,
    /// Cochran's Q of logits.
    CochranQ,
}

/// A test of "the score is the same in all subgroups".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Heterogeneity {
    /// Which test.
    pub method: HeterogeneityMethod,
    /// χ² or Q; `None` for the exact test.
    pub statistic: Option<f64>,
    /// Number of subgroups less one.
    pub degrees_of_freedom: usize,
    /// Chance of so large a difference if there is none.
    pub p_value: f64,
}

/// Rule of Cochran: smaller expected counts need the exact test.
const LEAST_EXPECTED: f64 = 5.0;
/// Most tables that the exact test looks at, about a second; with more the smallest expected count is hardly small.
const MOST_TABLES: f64 = 1e7;

/// Tests whether `(right, all)` of independent samples have one proportion in all levels.
///
/// `None` with fewer than two levels with samples, or if all samples are right or all are wrong: there is no difference to test.
///
/// # Panics
/// If more are right than there are.
///
/// # Example
/// ```
/// # use isnet_statistics::{HeterogeneityMethod, proportion_heterogeneity};
/// let large = proportion_heterogeneity(&[(90, 100), (70, 100)]).unwrap();
/// assert_eq!(large.method, HeterogeneityMethod::PearsonChiSquared);
/// assert!((large.statistic.unwrap() - 12.5).abs() < 1e-9); // 10² off in each cell: 2·(100/80 + 100/20)
/// // Of the tables with 3 right of 6, 20 alike ones, 2 are as far apart as this.
/// let small = proportion_heterogeneity(&[(3, 3), (0, 3)]).unwrap();
/// assert_eq!(small.method, HeterogeneityMethod::FisherFreemanHalton);
/// assert!((small.p_value - 0.1).abs() < 1e-12);
/// ```
pub fn proportion_heterogeneity(levels: &[(usize, usize)]) -> Option<Heterogeneity> {
    assert!(levels.iter().all(|(right, all)| right <= all), "at most all are right, got {levels:?}");
    let levels: Vec<(usize, usize)> = levels.iter().copied().filter(|level| level.1 > 0).collect();
    let right: usize = levels.iter().map(|level| level.0).sum();
    let all: usize = levels.iter().map(|level| level.1).sum();
    if levels.len() < 2 || right == 0 || right == all {
        return None;
    }
    let degrees_of_freedom = levels.len() - 1;
    let share = right as f64 / all as f64;
    let least = levels.iter().map(|level| level.1 as f64 * share.min(1.0 - share)).fold(f64::INFINITY, f64::min);
    let rarer = right.min(all - right);
    let is_exact = least < LEAST_EXPECTED && n_tables(rarer, degrees_of_freedom) <= MOST_TABLES;
    if is_exact {
        let (method, p_value) = (HeterogeneityMethod::FisherFreemanHalton, freeman_halton(&levels, right, all));
        return Some(Heterogeneity { method, statistic: None, degrees_of_freedom, p_value });
    }
    let statistic = levels
        .iter()
        .map(|&(right, all)| {
            let (right, all) = (right as f64, all as f64);
            (right - all * share).powi(2) / (all * share * (1.0 - share))
        })
        .sum();
    let p_value = chi_squared_p(statistic, degrees_of_freedom);
    let method = HeterogeneityMethod::PearsonChiSquared;
    Some(Heterogeneity { method, statistic: Some(statistic), degrees_of_freedom, p_value })
}

/// Cochran's Q of `(estimate, variance)` of levels that are independent of each other; `None` with fewer than two.
///
/// # Panics
/// If a variance is not positive.
///
/// # Example
/// ```
/// # use isnet_statistics::cochran_q;
/// // Two estimates 4 apart, with variance 2 each: (4 / √4)² = 4, and two sides of the normal distribution beyond 2.
/// let found = cochran_q(&[(1.0, 2.0), (5.0, 2.0)]).unwrap();
/// assert_eq!((found.statistic, found.degrees_of_freedom), (Some(4.0), 1));
/// assert!((found.p_value - 0.0455).abs() < 1e-4);
/// ```
pub fn cochran_q(levels: &[(f64, f64)]) -> Option<Heterogeneity> {
    assert!(levels.iter().all(|level| level.1 > 0.0), "a weight needs a positive variance, got {levels:?}");
    if levels.len() < 2 {
        return None;
    }
    let weights: f64 = levels.iter().map(|(_, variance)| 1.0 / variance).sum();
    let mean = levels.iter().map(|(estimate, variance)| estimate / variance).sum::<f64>() / weights;
    let statistic = levels.iter().map(|(estimate, variance)| (estimate - mean).powi(2) / variance).sum();
    let degrees_of_freedom = levels.len() - 1;
    let p_value = chi_squared_p(statistic, degrees_of_freedom);
    Some(Heterogeneity {
        method: HeterogeneityMethod::CochranQ,
        statistic: Some(statistic),
        degrees_of_freedom,
        p_value,
    })
}

/// Upper tail of χ².
fn chi_squared_p(statistic: f64, degrees_of_freedom: usize) -> f64 {
    if statistic > 0.0 { gamma_ur(degrees_of_freedom as f64 / 2.0, statistic / 2.0) } else { 1.0 }
}

/// At most so many ways to spread `rarer` samples over levels.
fn n_tables(rarer: usize, degrees_of_freedom: usize) -> f64 {
    (1..=degrees_of_freedom).map(|idx| (rarer + idx) as f64 / idx as f64).product()
}

/// The p-value of the exact test.
fn freeman_halton(levels: &[(usize, usize)], right: usize, all: usize) -> f64 {
    let mut log_factorials = vec![0.0; all + 1];
    for n in 1..=all {
        log_factorials[n] = log_factorials[n - 1] + (n as f64).ln();
    }
    let choose = |n: usize, k: usize| log_factorials[n] - log_factorials[k] - log_factorials[n - k];
    // The rarer outcome is spread over the levels.
    let of_rarer = |&(right_here, all_here): &(usize, usize)| {
        if 2 * right <= all { (right_here, all_here) } else { (all_here - right_here, all_here) }
    };
    let levels: Vec<(usize, usize)> = levels.iter().map(of_rarer).collect();
    let rarer = right.min(all - right);
    let seen: f64 = levels.iter().map(|&(k, n)| choose(n, k)).sum::<f64>() - choose(all, rarer);
    let sizes: Vec<usize> = levels.iter().map(|level| level.1).collect();
    let mut p_value = 0.0;
    let mut spread = Spread { sizes: &sizes, choose: &choose, most: seen + 1e-7, p_value: &mut p_value };
    spread.over(0, rarer, all, -choose(all, rarer));
    p_value.min(1.0)
}

/// All ways to spread samples over levels, and the chances of those that are no likelier than what was seen.
struct Spread<'a> {
    sizes: &'a [usize],
    choose: &'a dyn Fn(usize, usize) -> f64,
    /// Logarithm of the chance of what was seen, and a bit for rounding, as R's `fisher.test` has it.
    most: f64,
    p_value: &'a mut f64,
}

impl Spread<'_> {
    /// Spreads `left` samples over the levels from `level` on, which have `room`.
    fn over(&mut self, level: usize, left: usize, room: usize, log_chance: f64) {
        let size = self.sizes[level];
        if level + 1 == self.sizes.len() {
            let log_chance = log_chance + (self.choose)(size, left);
            if log_chance <= self.most {
                *self.p_value += log_chance.exp();
            }
            return;
        }
        let room = room - size;
        for here in left.saturating_sub(room)..=left.min(size) {
            self.over(level + 1, left - here, room, log_chance + (self.choose)(size, here));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_do_not_differ_and_constants_cannot_be_tested() {
        assert_eq!(proportion_heterogeneity(&[(50, 100), (20, 40)]).map(|found| found.p_value), Some(1.0));
        let small = proportion_heterogeneity(&[(1, 2), (1, 2), (2, 4)]).unwrap();
        assert!((small.p_value - 1.0).abs() < 1e-9, "{small:?}");
        assert_eq!(proportion_heterogeneity(&[(0, 10), (0, 20)]), None);
        assert_eq!(proportion_heterogeneity(&[(10, 10), (20, 20)]), None);
        assert_eq!(proportion_heterogeneity(&[(3, 10), (0, 0)]), None);
        assert_eq!((cochran_q(&[(1.0, 1.0)]), cochran_q(&[])), (None, None));
    }

    #[test]
    fn right_and_wrong_can_change_places() {
        let right = proportion_heterogeneity(&[(9, 10), (12, 12), (3, 7)]).unwrap();
        let wrong = proportion_heterogeneity(&[(1, 10), (0, 12), (4, 7)]).unwrap();
        assert!((right.p_value - wrong.p_value).abs() < 1e-12);
    }

    /// Too many tables for the exact test: Pearson's, at once.
    #[test]
    fn many_levels_take_pearson() {
        let levels: Vec<(usize, usize)> = (0..40).map(|level| (1 + level % 3, 4 + level % 7)).collect();
        assert_eq!(proportion_heterogeneity(&levels).unwrap().method, HeterogeneityMethod::PearsonChiSquared);
    }
}
