//! The interval of a proportion of samples that come in groups, such as the images of a patient.
//!
//! Images of one patient resemble each other, so `n` images tell less than `n` patients would. The proportion is a ratio of
//! two sums over groups, `p = Σ k_g / Σ n_g`, and over `G` groups its variance is
//!
//! ```text
//! variance = G/(G−1) · Σ_g (k_g − p·n_g)² / n²          design effect = variance / (p·(1−p)/n)
//! ```
//!
//! The interval is that of `n / design effect` independent samples, with Student's t of `G − 1` degrees of freedom
//! for the normal quantile z, because the variance itself is found from `G` groups: the *effective* number is
//! `n / design effect · (z/t)²`. (In Wilson's formula, where z stands beside n as z²/n only, both are the same.)
//!
//! Two rules keep it honest where groups are few. A design effect below 1 counts as 1: to be better than independent samples is
//! chance. And where all samples are right (or all wrong) nothing tells how alike those of a group are, so they count as
//! copies of each other: the design effect is `Σ n_g² / n`, which is the size of the groups.
//!
//! Sources: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
//! from survey data", Survey Methodology 24 (1998), for the effective number; Cochran, "Sampling Techniques" (1977),
//! section 3.12, for the variance; Kish, "Survey Sampling" (1965), for the design effect.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Interval, ProportionMethod, normal};

/// A proportion of samples in groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClusteredProportion {
    /// Share of the samples.
    pub value: f64,
    /// Number of samples.
    pub n: usize,
    /// Number of groups.
    pub n_groups: usize,
    /// How many times the variance of independent samples its variance is, at least 1.
    pub design_effect: f64,
    /// How many independent samples would have this interval.
    pub effective_n: f64,
    /// `None` if all samples are of one group, whose variance nobody can tell.
    pub interval: Option<Interval>,
}

/// A proportion of samples in groups: which samples are right, and the name of the group of each, an empty one for a sample
/// that stands for itself.
///
/// `None` without samples.
///
/// # Panics
/// If the lengths differ.
///
/// # Example
/// ```
/// # use isnet_statistics::{ProportionMethod, clustered_proportion, wilson};
/// // 12 patients of 4 images each; all images of a patient are right, or all are wrong.
/// let groups: Vec<String> = (0..48).map(|image| format!("patient {}", image / 4)).collect();
/// let is_right: Vec<bool> = (0..48).map(|image| image < 36).collect();
/// let found = clustered_proportion(&is_right, &groups, 0.95, ProportionMethod::Wilson).unwrap();
/// assert_eq!((found.value, found.n_groups), (0.75, 12));
/// assert!((found.design_effect - 4.0 * 12.0 / 11.0).abs() < 1e-12); // four images tell as much as one
/// assert!(found.interval.unwrap().width() > 2.0 * wilson(36, 48, 0.95).unwrap().width());
/// ```
pub fn clustered_proportion(
    is_success: &[bool],
    groups: &[String],
    confidence: f64,
    method: ProportionMethod,
) -> Option<ClusteredProportion> {
    assert_eq!(is_success.len(), groups.len(), "every sample needs a group, which may be empty");
    let units = Units::new(groups);
    let mut tallies = vec![(0.0, 0.0); units.n];
    for (&unit, &is_success) in units.of_sample.iter().zip(is_success) {
        tallies[unit].0 += f64::from(u8::from(is_success));
        tallies[unit].1 += 1.0;
    }
    of_tallies(&tallies, confidence, method)
}

/// The unit of each sample: its group, or the sample itself.
#[derive(Clone, Debug)]
pub(crate) struct Units {
    pub of_sample: Vec<usize>,
    pub n: usize,
}

impl Units {
    /// Samples of equal name are one unit; one with an empty name is its own.
    pub fn new(groups: &[String]) -> Self {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut n = 0;
        let mut of_sample = Vec::with_capacity(groups.len());
        for group in groups {
            let unit = if group.is_empty() { n } else { *known.entry(group).or_insert(n) };
            n = n.max(unit + 1);
            of_sample.push(unit);
        }
        Self { of_sample, n }
    }
}

/// A proportion from `(right, all)` of each unit; units without samples do not count.
pub(crate) fn of_tallies(
    tallies: &[(f64, f64)],
    confidence: f64,
    method: ProportionMethod,
) -> Option<ClusteredProportion> {
    let n: f64 = tallies.iter().map(|tally| tally.1).sum();
    if n == 0.0 {
        return None;
    }
    let value = tallies.iter().map(|tally| tally.0).sum::<f64>() / n;
    let n_groups = n_filled(tallies.iter().map(|tally| tally.1));
    let groups = n_groups as f64;
    let design_effect = if value == 0.0 || value == 1.0 {
        as_copies(tallies.iter().map(|tally| tally.1))
    } else {
        let squares: f64 = tallies.iter().map(|(right, all)| (right - value * all).powi(2)).sum();
        let variance = groups / (groups - 1.0) * squares / (n * n);
        variance / (value * (1.0 - value) / n)
    }
    .max(1.0);
    let found = |effective_n: f64, interval| ClusteredProportion {
        value,
        n: n as usize,
        n_groups,
        design_effect,
        effective_n,
        interval,
    };
    if n_groups < 2 {
        return Some(ClusteredProportion { design_effect: n, ..found(1.0, None) });
    }
    let shrink = normal::reach(confidence) / normal::student_reach(confidence, groups - 1.0);
    let effective_n = n / design_effect * shrink * shrink;
    Some(found(effective_n, Some(method.of_share(value, effective_n, confidence))))
}

/// The design effect of groups of these sizes whose samples are copies of each other.
pub(crate) fn as_copies(sizes: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = sizes.fold((0.0, 0.0), |(sum, squares), size| (sum + size, squares + size * size));
    squares / sum
}

/// How many of the units have a sample.
pub(crate) fn n_filled(sizes: impl Iterator<Item = f64>) -> usize {
    sizes.filter(|size| *size > 0.0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WILSON: ProportionMethod = ProportionMethod::Wilson;

    fn names(groups: &[&str]) -> Vec<String> {
        groups.iter().map(|group| (*group).to_owned()).collect()
    }

    #[test]
    fn one_group_has_a_value_but_no_interval_and_nothing_has_neither() {
        let found = clustered_proportion(&[true, false], &names(&["ada", "ada"]), 0.95, WILSON).unwrap();
        assert_eq!((found.value, found.n_groups, found.interval), (0.5, 1, None));
        assert_eq!(clustered_proportion(&[], &[], 0.95, WILSON), None);
    }

    #[test]
    fn a_perfect_score_of_few_patients_counts_patients() {
        let groups: Vec<String> = (0..200).map(|image| format!("patient {}", image / 20)).collect();
        let found = clustered_proportion(&[true; 200], &groups, 0.95, WILSON).unwrap();
        assert_eq!(found.design_effect, 20.0);
        let of_patients =
            WILSON.of_share(1.0, 10.0 * (normal::reach(0.95) / normal::student_reach(0.95, 9.0)).powi(2), 0.95);
        assert_eq!(found.interval, Some(of_patients));
    }

    #[test]
    fn samples_without_a_group_are_nearly_independent_ones() {
        let is_right: Vec<bool> = (0..400).map(|sample| sample % 10 != 0).collect();
        let found = clustered_proportion(&is_right, &vec![String::new(); 400], 0.95, WILSON).unwrap();
        let plain = crate::wilson(360, 400, 0.95).unwrap();
        assert!((found.interval.unwrap().low - plain.low).abs() < 5e-4);
        assert_eq!(found.n_groups, 400);
        assert!((found.design_effect - 400.0 / 399.0).abs() < 1e-12);
    }

    /// Every patient has one right and one wrong image: the ratio does not vary at all, which is no promise for others.
    #[test]
    fn balanced_groups_are_no_better_than_independent_samples() {
        let groups: Vec<String> = (0..20).map(|image| format!("patient {}", image / 2)).collect();
        let is_right: Vec<bool> = (0..20).map(|image| image % 2 == 0).collect();
        assert_eq!(clustered_proportion(&is_right, &groups, 0.95, WILSON).unwrap().design_effect, 1.0);
    }
}
