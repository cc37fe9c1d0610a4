//! Calibration: of the samples called ill with 80 %, are 80 % ill?
//!
//! Probabilities are put into bins of equal width, `(0, 1/B]` to `((B−1)/B, 1]` with 0 in the first. The expected
//! calibration error is `Σ_b n_b/n · |share that is true in b − mean probability in b|`.
//!
//! Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; bins as `sklearn.calibration.calibration_curve`.

use serde::Serialize;

use crate::clustered::{Units, of_tallies};
use crate::counts::ratio;
use crate::{Interval, ProportionMethod};

/// A reliability diagram and its error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// The bins, from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error, in [0, 1].
    pub expected_calibration_error: f64,
}

/// Samples with probabilities in one range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower bound, which belongs to the bin below (but 0 belongs to the first).
    pub low: f64,
    /// Upper bound, which belongs to this bin.
    pub high: f64,
    /// Number of samples.
    pub n: u64,
    /// Their mean probability; `None` in an empty bin.
    pub mean_probability: Option<f64>,
    /// Share of them that is true; `None` in an empty bin.
    pub share_true: Option<f64>,
    /// Wilson's interval of that share, which knows of groups; `None` in an empty bin, or if all its samples are of one group.
    pub interval: Option<Interval>,
}

/// Compares probabilities of independent samples with what is true; intervals are of 95 %.
///
/// `None` without samples or if a probability is not finite.
///
/// # Panics
/// If the lengths differ or there is no bin.
///
/// # Example
/// ```
/// # use isnet_statistics::reliability;
/// let found = reliability(&[0.25, 0.25, 0.75, 1.0], &[false, true, true, true], 2).unwrap();
/// assert_eq!((found.bins[0].n, found.bins[0].mean_probability, found.bins[0].share_true), (2, Some(0.25), Some(0.5)));
/// assert_eq!(found.expected_calibration_error, 0.5 * 0.25 + 0.5 * 0.125);
/// ```
pub fn reliability(probabilities: &[f64], is_true: &[bool], n_bins: usize) -> Option<Reliability> {
    reliability_of(probabilities, is_true, None, n_bins, 0.95)
}

/// [`reliability`] with intervals of any confidence, of samples that may come in groups.
pub(crate) fn reliability_of(
    probabilities: &[f64],
    is_true: &[bool],
    groups: Option<&[String]>,
    n_bins: usize,
    confidence: f64,
) -> Option<Reliability> {
    assert_eq!(probabilities.len(), is_true.len(), "every probability needs a truth");
    assert!(n_bins > 0, "a reliability diagram needs a bin");
    if probabilities.is_empty() || probabilities.iter().any(|probability| !probability.is_finite()) {
        return None;
    }
    let mut sums = vec![(0_u64, 0.0, 0_u64); n_bins];
    for (&probability, &is_true) in probabilities.iter().zip(is_true) {
        let (n, sum, n_true) = &mut sums[bin_of(probability, n_bins)];
        *n += 1;
        *sum += probability;
        *n_true += u64::from(is_true);
    }
    let in_groups = groups.map(|groups| tallies(probabilities, is_true, groups, n_bins));
    let interval = |bin_idx: usize, n: u64, n_true: u64| match &in_groups {
        _ if n == 0 => None,
        None => Some(ProportionMethod::Wilson.of_share(n_true as f64 / n as f64, n as f64, confidence)),
        Some(tallies) => of_tallies(&tallies[bin_idx], confidence, ProportionMethod::Wilson)?.interval,
    };
    let gap = |&(_, sum, n_true): &(u64, f64, u64)| (n_true as f64 - sum).abs();
    let expected_calibration_error = sums.iter().map(gap).sum::<f64>() / probabilities.len() as f64;
    let bin = |(bin_idx, &(n, sum, n_true)): (usize, &(u64, f64, u64))| ReliabilityBin {
        low: bin_idx as f64 / n_bins as f64,
        high: (bin_idx + 1) as f64 / n_bins as f64,
        n,
        mean_probability: ratio(sum, n as f64),
        share_true: ratio(n_true as f64, n as f64),
        interval: interval(bin_idx, n, n_true),
    };
    Some(Reliability { bins: sums.iter().enumerate().map(bin).collect(), expected_calibration_error })
}

/// How many samples of each group fall into each bin, and how many of them are true: `[bin][group]`, `(true, all)`.
fn tallies(probabilities: &[f64], is_true: &[bool], groups: &[String], n_bins: usize) -> Vec<Vec<(f64, f64)>> {
    let units = Units::new(groups);
    let mut tallies = vec![vec![(0.0, 0.0); units.n]; n_bins];
    for ((&probability, &is_true), &unit) in probabilities.iter().zip(is_true).zip(&units.of_sample) {
        let (right, all) = &mut tallies[bin_of(probability, n_bins)][unit];
        *right += f64::from(u8::from(is_true));
        *all += 1.0;
    }
    tallies
}

/// Truth and probability of the samples, bin by bin, ready for any weights.
pub(crate) struct Residuals {
    /// `sample << 1 | is true`, and the probability.
    bins: Vec<Vec<(u32, f64)>>,
}

impl Residuals {
    /// # Panics
    /// If there is no bin, or 2³¹ samples or more.
    pub fn new(probabilities: impl Iterator<Item = (f64, bool)>, n_bins: usize) -> Self {
        let mut bins = vec![Vec::new(); n_bins];
        for (sample, (probability, is_true)) in probabilities.enumerate() {
            assert!(sample < 1 << 31, "a reliability diagram holds fewer than 2³¹ samples");
            bins[bin_of(probability, n_bins)].push(((sample as u32) << 1 | u32::from(is_true), probability));
        }
        Self { bins }
    }

    /// Expected calibration error when each sample counts as often as its weight says; `n` is the sum of the weights.
    pub fn error(&self, weights: &[u32], n: f64) -> Option<f64> {
        let residual = |&(entry, probability): &(u32, f64)| {
            f64::from(weights[(entry >> 1) as usize]) * (f64::from(entry & 1) - probability)
        };
        ratio(self.bins.iter().map(|bin| bin.iter().map(residual).sum::<f64>().abs()).sum(), n)
    }
}

fn bin_of(probability: f64, n_bins: usize) -> usize {
    let position = (probability * n_bins as f64).ceil() - 1.0;
    (position.max(0.0) as usize).min(n_bins - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clustered_proportion, wilson};

    #[test]
    fn bounds_belong_to_the_bin_below() {
        let bins = [0.0, 0.25, 0.250_001, 0.5, 0.75, 1.0].map(|probability| bin_of(probability, 4));
        assert_eq!(bins, [0, 0, 1, 1, 2, 3]);
        assert_eq!([bin_of(-0.5, 4), bin_of(1.5, 4)], [0, 3]);
    }

    #[test]
    fn weights_count_like_copies() {
        let (probabilities, truth) = ([0.1, 0.2, 0.9, 0.6], [true, false, true, false]);
        let residuals = Residuals::new(probabilities.into_iter().zip(truth), 5);
        let copied =
            reliability(&[0.1, 0.2, 0.2, 0.6, 0.6, 0.6], &[true, false, false, false, false, false], 5).unwrap();
        let weighted = residuals.error(&[1, 2, 0, 3], 6.0).unwrap();
        assert!((weighted - copied.expected_calibration_error).abs() < 1e-12);
    }

    #[test]
    fn bins_of_independent_samples_have_intervals_of_wilson() {
        // 3 of 10 below a half, 4 of 5 above, nothing between two thirds and one.
        let truth: Vec<bool> = (0..15).map(|it| it < 3 || (10..14).contains(&it)).collect();
        let probabilities: Vec<f64> = (0..15).map(|it| if it < 10 { 0.2 } else { 0.6 }).collect();
        for confidence in [0.95, 0.8] {
            let found = reliability_of(&probabilities, &truth, None, 3, confidence).unwrap();
            let intervals: Vec<Option<Interval>> = found.bins.iter().map(|bin| bin.interval).collect();
            assert_eq!(intervals, [wilson(3, 10, confidence), wilson(4, 5, confidence), None]);
        }
        assert_eq!(reliability(&probabilities, &truth, 3), reliability_of(&probabilities, &truth, None, 3, 0.95));
    }

    /// Twelve patients of four images that are all true or all false, in the first bin; one patient alone in the second.
    #[test]
    fn bins_of_groups_have_intervals_of_groups() {
        let truth: Vec<bool> = (0..52).map(|image| image / 4 % 3 == 0).collect();
        let probabilities: Vec<f64> = (0..52).map(|image| if image < 48 { 0.3 } else { 0.8 }).collect();
        let groups: Vec<String> = (0..52).map(|image| format!("patient {}", image / 4)).collect();
        let found = reliability_of(&probabilities, &truth, Some(&groups), 2, 0.95).unwrap();
        let first = clustered_proportion(&truth[..48], &groups[..48], 0.95, ProportionMethod::Wilson).unwrap();
        assert_eq!(found.bins[0].interval, first.interval);
        let alone = reliability(&probabilities, &truth, 2).unwrap();
        assert!(first.interval.unwrap().width() > 1.8 * alone.bins[0].interval.unwrap().width());
        assert_eq!((found.bins[1].n, found.bins[1].interval), (4, None));
    }

    #[test]
    fn nothing_and_nan_have_no_diagram() {
        assert_eq!(reliability(&[], &[], 10), None);
        assert_eq!(reliability(&[f64::NAN], &[true], 10), None);
    }
}
