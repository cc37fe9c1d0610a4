//! How many samples a study needs for an interval as short as wished.
//!
//! Of a sensitivity only the samples of the class count, of a specificity only the others; with a share `prevalence` of the class that makes
//! `n_positive / prevalence`, or `n_negative / (1 − prevalence)`, samples in all (Buderer). The number on the side is the smallest whose
//! Wilson (or exact) interval is not wider than twice the wished half, at the expected share; Buderer's own formula takes
//! `z²·p·(1−p)/w²`, which asks for nothing at p = 1. For an AUC, `z·√variance ≤ w` with the variance of Hanley and McNeil,
//!
//! ```text
//! variance = (A(1−A) + (m−1)·(A/(2−A) − A²) + (n−1)·(2A²/(1+A) − A²)) / (m·n)      m positives, n negatives
//! ```
//!
//! The interval of *the study* will be wider or narrower by chance. Images of one patient are not independent: see [`inflated_size`].
//!
//! Sources: Buderer, "Statistical methodology: I. Incorporating the prevalence of disease into the sample size calculation for
//! sensitivity and specificity", Academic Emergency Medicine 3 (1996); Hanley and McNeil, "The meaning and use of the area under a
//! receiver operating characteristic (ROC) curve", Radiology 143 (1982).

use serde::Serialize;

use crate::{ProportionMethod, StatisticsError, normal};

/// Beyond this number of samples a wish is refused.
const MOST: f64 = 1e9;

/// What is to be measured, and its expected value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeTarget {
    /// Sensitivity, in [0, 1].
    Sensitivity(f64),
    /// Specificity, in [0, 1].
    Specificity(f64),
    /// Area under the ROC curve, in [½, 1).
    Auc(f64),
}

/// A number of independent samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SampleSize {
    /// Samples of the class.
    pub n_positive: usize,
    /// Other samples.
    pub n_negative: usize,
    /// All samples.
    pub n: usize,
}

/// The smallest study whose interval reaches `half_width` to each side, on average of both.
///
/// `method` is that of sensitivity and specificity.
///
/// # Errors
/// [`StatisticsError::Setting`] if the half width is not between 0 and ½, prevalence or confidence are not between 0 and 1, the expected value is out of its
/// range, or more than 10⁹ samples would be needed.
///
/// # Example
/// ```
/// # use isnet_statistics::{ProportionMethod, SizeTarget, inflated_size, sample_size};
/// // Buderer's formula: 1.96²·0.9·0.1/0.05² = 138.3 ill ones, so 1383 in all where one in ten is ill. Wilson's asks for more.
/// let size = sample_size(SizeTarget::Sensitivity(0.9), 0.05, 0.1, 0.95, ProportionMethod::Wilson)?;
/// assert_eq!((size.n_positive, size.n), (141, 1410));
/// assert_eq!(inflated_size(size.n, 4.0, 0.5), 3525); // as images, 4 of each patient, half alike
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn sample_size(
    target: SizeTarget,
    half_width: f64,
    prevalence: f64,
    confidence: f64,
    method: ProportionMethod,
) -> Result<SampleSize, StatisticsError> {
    let open = |setting, got: f64, high: f64| {
        let expected = format!("above 0 and below {high}");
        let is_good = got > 0.0 && got < high;
        if is_good { Ok(()) } else { Err(StatisticsError::Setting { setting, expected, got: got.to_string() }) }
    };
    open("half_width", half_width, 0.5)?;
    open("prevalence", prevalence, 1.0)?;
    open("confidence", confidence, 1.0)?;
    let (setting, value, is_good, expected) = match target {
        SizeTarget::Sensitivity(value) => ("sensitivity", value, (0.0..=1.0).contains(&value), "from 0 to 1"),
        SizeTarget::Specificity(value) => ("specificity", value, (0.0..=1.0).contains(&value), "from 0 to 1"),
        SizeTarget::Auc(value) => ("auc", value, (0.5..1.0).contains(&value), "from 0.5 to below 1"),
    };
    if !is_good {
        return Err(StatisticsError::Setting { setting, expected: expected.to_owned(), got: value.to_string() });
    }
    let of_share = |n: f64| method.of_share(value, n, confidence).width() <= 2.0 * half_width;
    let of_auc = |n: f64| {
        let (positives, negatives) = ((n * prevalence).max(1.0), (n * (1.0 - prevalence)).max(1.0));
        normal::reach(confidence) * hanley_mcneil(value, positives, negatives).sqrt() <= half_width
    };
    let size = match target {
        SizeTarget::Sensitivity(_) => smallest(of_share).map(|n| (n, whole(n / prevalence) - n)),
        SizeTarget::Specificity(_) => smallest(of_share).map(|n| (whole(n / (1.0 - prevalence)) - n, n)),
        SizeTarget::Auc(_) => smallest(of_auc).map(|n| (whole(n * prevalence), whole(n * (1.0 - prevalence)))),
    };
    let (positives, negatives) = size.ok_or_else(|| StatisticsError::Setting {
        setting: "half_width",
        expected: "wide enough for a study of 10⁹ samples".to_owned(),
        got: half_width.to_string(),
    })?;
    let (n_positive, n_negative) = (positives as usize, negatives as usize);
    Ok(SampleSize { n_positive, n_negative, n: n_positive + n_negative })
}

/// How many images say as much as `n` independent ones, if there are `per_group` of each patient and two of one patient correlate by `icc`.
///
/// `n · (1 + (per_group − 1) · icc)`, rounded up: Kish's design effect.
///
/// # Panics
/// If `per_group` is below 1 or `icc` is not in [0, 1].
pub fn inflated_size(n: usize, per_group: f64, icc: f64) -> usize {
    assert!(per_group >= 1.0, "a group has at least one sample, got {per_group}");
    assert!((0.0..=1.0).contains(&icc), "a correlation within groups lies between 0 and 1, got {icc}");
    whole(n as f64 * (1.0 + (per_group - 1.0) * icc)) as usize
}

/// Variance of an AUC of samples whose scores are exponentially distributed.
pub(crate) fn hanley_mcneil(auc: f64, positives: f64, negatives: f64) -> f64 {
    let square = auc * auc;
    let of_positives = (positives - 1.0) * (auc / (2.0 - auc) - square);
    let of_negatives = (negatives - 1.0) * (2.0 * square / (1.0 + auc) - square);
    (auc * (1.0 - auc) + of_positives + of_negatives) / (positives * negatives)
}

/// The smallest whole number from which on something holds.
fn smallest(holds: impl Fn(f64) -> bool) -> Option<f64> {
    let mut above = 1.0;
    while !holds(above) {
        above *= 2.0;
        if above > MOST {
            return None;
        }
    }
    let mut below = (above / 2.0_f64).floor();
    while above - below > 1.0 {
        let middle = f64::midpoint(below, above).floor();
        *(if holds(middle) { &mut above } else { &mut below }) = middle;
    }
    Some(above)
}

/// Rounds up, but for what rounding of `f64` adds to a whole number.
fn whole(n: f64) -> f64 {
    (n * (1.0 - 1e-12)).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clopper_pearson, wilson};

    #[test]
    fn one_sample_less_is_too_few() {
        for (share, half_width) in [(1.0, 0.05), (0.5, 0.1), (0.9, 0.03), (0.0, 0.02)] {
            let size = |method| sample_size(SizeTarget::Sensitivity(share), half_width, 0.5, 0.95, method).unwrap();
            let n = size(ProportionMethod::Wilson).n_positive;
            let half = |n: usize| ProportionMethod::Wilson.of_share(share, n as f64, 0.95).width() / 2.0;
            assert!(half(n) <= half_width && half(n - 1) > half_width, "{share} {half_width} {n}");
            let exact = size(ProportionMethod::ClopperPearson).n_positive;
            assert!(exact > n || share == 0.0 || share == 1.0, "{share} {half_width} {n} {exact}");
        }
        assert!(wilson(36, 36, 0.95).unwrap().width() <= 0.1 && wilson(34, 34, 0.95).unwrap().width() > 0.1);
        assert!(clopper_pearson(36, 36, 0.95).unwrap().width() <= 0.1);
    }

    #[test]
    fn the_rarer_side_decides() {
        let size = |target| sample_size(target, 0.05, 0.1, 0.95, ProportionMethod::Wilson).unwrap();
        let (ill, healthy) = (size(SizeTarget::Sensitivity(0.9)), size(SizeTarget::Specificity(0.9)));
        assert_eq!((ill.n_positive, ill.n_negative), (141, 1269));
        assert_eq!((healthy.n_negative, healthy.n), (141, 157));
    }

    /// Radiology 143, table: an AUC of 0.8 of 50 and 50 samples has a standard error of 0.045.
    #[test]
    fn an_auc_takes_the_variance_of_hanley_and_mcneil() {
        assert!((hanley_mcneil(0.8, 50.0, 50.0).sqrt() - 0.0446).abs() < 5e-4);
        let size =
            |half_width| sample_size(SizeTarget::Auc(0.8), half_width, 0.5, 0.95, ProportionMethod::Wilson).unwrap();
        let n = size(normal::reach(0.95) * hanley_mcneil(0.8, 50.0, 50.0).sqrt() + 1e-9);
        assert_eq!((n.n_positive, n.n_negative, n.n), (50, 50, 100));
    }

    #[test]
    fn wishes_without_meaning_are_refused() {
        let size = |target, half, prevalence, confidence| {
            sample_size(target, half, prevalence, confidence, ProportionMethod::Wilson).unwrap_err().to_string()
        };
        let target = SizeTarget::Sensitivity(0.9);
        assert!(size(target, 0.0, 0.5, 0.95).contains("`half_width` is 0"));
        assert!(size(target, 0.1, 1.0, 0.95).contains("`prevalence`"));
        assert!(size(target, 0.1, 0.5, 95.0).contains("`confidence`"));
        assert!(size(SizeTarget::Auc(1.0), 0.1, 0.5, 0.95).contains("`auc`"));
        assert!(size(target, 1e-6, 0.5, 0.95).contains("10⁹"));
    }
}
