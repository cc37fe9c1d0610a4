//! DeLong's variance of the area under the ROC curve, and of the difference of two areas on the same samples.
//!
//! For `m` positives and `n` negatives a positive `i` has the component `V10_i`, the share of negatives that it beats (a
//! tie counts one half), and a negative `j` has `V01_j`, the share of positives that beat it. Both have the AUC as mean, and
//!
//! ```text
//! variance = Σ_i (V10_i − AUC)² / (m·(m−1)) + Σ_j (V01_j − AUC)² / (n·(n−1))
//! ```
//!
//! So each sample adds the square of its *contribution* `(V − AUC) / √(m·(m−1))`, or with `n` if it is negative. The
//! covariance of two areas on the same samples is the sum of the products of contributions, hence the variance of a
//! difference or of a mean of areas is the sum of squares of the differences or means of contributions. The mean over
//! classes, each against the rest, uses this too.
//!
//! Ranks come from one sort, as in Sun and Xu's algorithm: O(n log n).
//!
//! Sources: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Sun and Xu, "Fast Implementation of DeLong's
//! Algorithm", IEEE Signal Processing Letters 21 (2014); logit interval: Qin and Hotilovac, Statistical Methods in Medical
//! Research 17 (2008); Newcombe, Statistics in Medicine 25 (2006).

use crate::ranking::Ranking;
use crate::{Interval, IntervalMethod, Resampling, normal};

/// Rounding leaves this of a variance that is 0 in exact numbers.
const NO_VARIANCE: f64 = 1e-24;

/// An area under the ROC curve with what each sample contributes to its variance.
#[derive(Clone, Debug, PartialEq)]
pub struct DeLong {
    /// Area under the ROC curve.
    pub auc: f64,
    contributions: Vec<f64>,
}

/// The difference of two areas on the same samples, second minus first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeLongDifference {
    /// Second area minus first area.
    pub difference: f64,
    /// Variance of the difference.
    pub variance: f64,
    /// Degrees of freedom of the variance: infinite, or the number of groups less 1.
    pub freedom: f64,
    /// Two-sided p-value of "both areas are equal"; `None` if the areas differ but the variance is 0, as when one model
    /// separates the classes and the other has all wrong.
    pub p_value: Option<f64>,
}

impl DeLong {
    /// The area and its contributions.
    ///
    /// `None` with fewer than two samples on one of the sides, whose variance nobody can tell, or if a score is NaN.
    ///
    /// # Panics
    /// If the lengths differ.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::DeLong;
    /// let area = DeLong::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
    /// assert_eq!(area.auc, 0.75);
    /// // Positives beat ½ and 1 of the negatives, negatives are beaten by 1 and ½: 2 · (2 · ¼²) / (2 · 1).
    /// assert!((area.variance() - 0.125).abs() < 1e-12);
    /// assert!(DeLong::new(&[0.1, 0.4], &[false, true]).is_none());
    /// ```
    pub fn new(scores: &[f64], is_positive: &[bool]) -> Option<Self> {
        Self::of_ranking(&Ranking::new(scores, is_positive)?, scores.len())
    }

    /// Of some of `n_samples` samples; the others contribute nothing.
    pub(crate) fn of_ranking(ranking: &Ranking, n_samples: usize) -> Option<Self> {
        let (n_negative, n_positive) = ranking.sides();
        if n_negative < 2 || n_positive < 2 {
            return None;
        }
        let (negatives, positives) = (n_negative as f64, n_positive as f64);
        let mut contributions = vec![0.0; n_samples];
        let (mut positives_above, mut negatives_above, mut wins) = (0.0, 0.0, 0.0);
        for tied in ranking.tied() {
            let (tied_negative, tied_positive) = tied.sides();
            let (tied_negative, tied_positive) = (tied_negative as f64, tied_positive as f64);
            let beaten = (negatives - negatives_above - tied_negative / 2.0) / negatives;
            let beating = (positives_above + tied_positive / 2.0) / positives;
            for (sample, is_positive) in tied.samples() {
                contributions[sample] = if is_positive { beaten } else { beating };
            }
            wins += tied_negative * (2.0 * positives_above + tied_positive);
            positives_above += tied_positive;
            negatives_above += tied_negative;
        }
        let auc = wins / (2.0 * positives * negatives);
        let positive_scale = (positives * (positives - 1.0)).sqrt();
        let negative_scale = (negatives * (negatives - 1.0)).sqrt();
        for (sample, is_positive) in ranking.tied().flat_map(|tied| tied.samples().collect::<Vec<_>>()) {
            let scale = if is_positive { positive_scale } else { negative_scale };
            contributions[sample] = (contributions[sample] - auc) / scale;
        }
        Some(Self { auc, contributions })
    }

    /// The mean of several areas on the same samples, such as those of each class against the rest.
    ///
    /// `None` without areas.
    ///
    /// # Panics
    /// If the areas have different numbers of samples.
    pub fn mean(areas: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut areas = areas.into_iter();
        let mut sum = areas.next()?;
        let mut n_areas = 1.0;
        for other in areas {
            assert_eq!(sum.contributions.len(), other.contributions.len(), "areas must be of the same samples");
            n_areas += 1.0;
            sum.auc += other.auc;
            sum.contributions.iter_mut().zip(&other.contributions).for_each(|(sum, other)| *sum += other);
        }
        sum.auc /= n_areas;
        sum.contributions.iter_mut().for_each(|contribution| *contribution /= n_areas);
        Some(sum)
    }

    /// Variance of the area.
    pub fn variance(&self) -> f64 {
        self.contributions.iter().map(|contribution| contribution * contribution).sum()
    }

    /// Whether any pair tells how much the area may vary.
    pub(crate) fn has_variance(&self) -> bool {
        self.variance() > NO_VARIANCE
    }

    /// Covariance with another area on the same samples.
    ///
    /// # Panics
    /// If the numbers of samples differ.
    pub fn covariance(&self, other: &Self) -> f64 {
        assert_eq!(self.contributions.len(), other.contributions.len(), "areas must be of the same samples");
        self.contributions.iter().zip(&other.contributions).map(|(one, other)| one * other).sum()
    }

    /// The same area of samples that come in groups, such as the images of a patient: what the samples of a group contribute is
    /// added up before it is squared, and the variance is that of `G` groups, times `G / (G − 1)`.
    ///
    /// `None` with fewer than two groups. An interval of few groups should use Student's t.
    ///
    /// Source: Obuchowski, "Nonparametric Analysis of Clustered ROC Curve Data", Biometrics 53 (1997), of whose estimate this is
    /// the form for many small groups.
    ///
    /// # Panics
    /// If the numbers of samples differ.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{DeLong, Resampling};
    /// let (scores, truth) = ([0.1, 0.6, 0.4, 0.3, 0.5, 0.9], [false, false, false, true, true, true]);
    /// let alone = DeLong::new(&scores, &truth).unwrap();
    /// // Every sample twice, as two equal images of a patient: twice the samples, and no more knowledge than before.
    /// let twice = DeLong::new(&[scores, scores].concat(), &[truth, truth].concat()).unwrap();
    /// let patients = [["a", "b", "c", "d", "e", "f"]; 2].concat().into_iter().map(String::from).collect::<Vec<_>>();
    /// let grouped = twice.by_group(&Resampling::by_group(&patients)).unwrap();
    /// assert_eq!(grouped.auc, alone.auc);
    /// assert!(twice.variance() < 0.5 * alone.variance() && (grouped.variance() / alone.variance() - 0.96).abs() < 1e-12);
    /// ```
    pub fn by_group(&self, resampling: &Resampling) -> Option<Self> {
        let n_units = resampling.n_units();
        let mut contributions = vec![0.0; n_units];
        for (sample, contribution) in self.contributions.iter().enumerate() {
            contributions[resampling.unit(sample)] += contribution;
        }
        let scale = (n_units as f64 / (n_units as f64 - 1.0)).sqrt();
        contributions.iter_mut().for_each(|contribution| *contribution *= scale);
        (n_units > 1).then_some(Self { auc: self.auc, contributions })
    }

    /// `AUC ± z·√variance`, cut to [0, 1]; `None` if the variance is 0.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        self.interval_within(normal::reach(confidence))
    }

    /// `logit(AUC) ± z·√variance / (AUC·(1 − AUC))` and back; `None` if the variance is 0.
    pub fn logit_interval(&self, confidence: f64) -> Option<Interval> {
        self.logit_interval_within(normal::reach(confidence))
    }

    /// [`interval`](Self::interval) of so many standard errors.
    pub(crate) fn interval_within(&self, reach: f64) -> Option<Interval> {
        let variance = self.variance();
        let reach = reach * variance.sqrt();
        let (low, high) = ((self.auc - reach).max(0.0), (self.auc + reach).min(1.0));
        (variance > NO_VARIANCE).then_some(Interval { method: IntervalMethod::Delong, low, high })
    }

    /// [`logit_interval`](Self::logit_interval) of so many standard errors.
    pub(crate) fn logit_interval_within(&self, reach: f64) -> Option<Interval> {
        let variance = self.variance();
        let spread = self.auc * (1.0 - self.auc);
        if variance <= NO_VARIANCE || spread <= 0.0 {
            return None;
        }
        let centre = (self.auc / (1.0 - self.auc)).ln();
        let reach = reach * variance.sqrt() / spread;
        let back = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        Some(Interval { method: IntervalMethod::DelongLogit, low: back(centre - reach), high: back(centre + reach) })
    }

    /// How much larger the area of another model is on the same samples.
    ///
    /// # Panics
    /// If the numbers of samples differ.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::DeLong;
    /// let truth = [false, false, false, true, true, true];
    /// let weak = DeLong::new(&[0.2, 0.6, 0.5, 0.3, 0.7, 0.4], &truth).unwrap();
    /// let strong = DeLong::new(&[0.2, 0.6, 0.3, 0.5, 0.7, 0.8], &truth).unwrap();
    /// let difference = weak.difference(&strong);
    /// assert!((difference.difference - 3.0 / 9.0).abs() < 1e-12); // 8 of 9 pairs instead of 5
    /// assert!(difference.p_value.unwrap() > 0.05); // six samples prove nothing
    /// ```
    pub fn difference(&self, other: &Self) -> DeLongDifference {
        assert_eq!(self.contributions.len(), other.contributions.len(), "areas must be of the same samples");
        let pairs = self.contributions.iter().zip(&other.contributions);
        let variance: f64 = pairs.map(|(one, other)| (other - one).powi(2)).sum();
        let difference = other.auc - self.auc;
        let p_value = if variance > NO_VARIANCE {
            Some(normal::two_sided_p(difference / variance.sqrt()))
        } else {
            (difference.abs() < NO_VARIANCE.sqrt()).then_some(1.0)
        };
        DeLongDifference { difference, variance, freedom: f64::INFINITY, p_value }
    }
}

impl DeLongDifference {
    /// The same with a variance that is known from so many groups less 1.
    pub(crate) fn with_freedom(self, freedom: f64) -> Self {
        let of_t = || normal::student_two_sided_p(self.difference / self.variance.sqrt(), freedom);
        let p_value = if self.variance > NO_VARIANCE { Some(of_t()) } else { self.p_value };
        Self { freedom, p_value, ..self }
    }

    /// `difference ± z·√variance`, cut to [−1, 1]; `None` if the variance is 0 although the areas differ.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        self.p_value?;
        let reach = if self.freedom.is_finite() {
            normal::student_reach(confidence, self.freedom)
        } else {
            normal::reach(confidence)
        };
        let reach = reach * self.variance.sqrt();
        let (low, high) = ((self.difference - reach).max(-1.0), (self.difference + reach).min(1.0));
        Some(Interval { method: IntervalMethod::Delong, low, high })
    }
}

/// Newcombe's interval of an AUC from the number of samples on each side alone (his method 5).
///
/// Its bounds are the areas `A` with `|auc − A| = z·√(A(1−A)·(1 + N(1−A)/(2−A) + N·A/(1+A)) / (positives·negatives))`,
/// `N = (positives + negatives)/2 − 1`. It has a width where DeLong's variance is 0 or unknown: for one sample on a side,
/// or when all pairs are in order.
///
/// # Panics
/// If a side is empty or the area lies outside [0, 1].
///
/// # Example
/// ```
/// # use isnet_statistics::newcombe;
/// let few = newcombe(1.0, 3, 3, 0.95);
/// let many = newcombe(1.0, 300, 300, 0.95);
/// assert_eq!(few.high, 1.0);
/// assert!(few.low < 0.6 && many.low > 0.97);
/// ```
pub fn newcombe(auc: f64, n_positive: usize, n_negative: usize, confidence: f64) -> Interval {
    assert!(n_positive > 0 && n_negative > 0, "an AUC needs samples on both sides, got {n_positive} and {n_negative}");
    newcombe_within(auc, n_positive as f64, n_negative as f64, normal::reach(confidence))
}

/// [`newcombe`] of numbers that need not be whole, `reach` standard errors to each side.
pub(crate) fn newcombe_within(auc: f64, positives: f64, negatives: f64, reach: f64) -> Interval {
    assert!((0.0..=1.0).contains(&auc), "an AUC lies between 0 and 1, got {auc}");
    let half = f64::midpoint(positives, negatives) - 1.0;
    let beyond = |area: f64| {
        let shape = 1.0 + half * (1.0 - area) / (2.0 - area) + half * area / (1.0 + area);
        (auc - area).abs() - reach * (area * (1.0 - area) * shape / (positives * negatives)).sqrt()
    };
    // `beyond` is positive at the outer end (0 or 1) and falls below 0 on the way to the AUC itself.
    let bound = |outer: f64| {
        let (mut outside, mut inside) = (outer, auc);
        for _ in 0..200 {
            let middle = f64::midpoint(outside, inside);
            *(if beyond(middle) > 0.0 { &mut outside } else { &mut inside }) = middle;
        }
        inside
    };
    let low = if auc > 0.0 { bound(0.0) } else { 0.0 };
    let high = if auc < 1.0 { bound(1.0) } else { 1.0 };
    Interval { method: IntervalMethod::Newcombe, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [bool; 6] = [false, true, true, false, false, true];

    #[test]
    fn a_class_against_the_rest_and_its_mirror_have_one_mean_variance() {
        let scores = [0.2, 0.6, 0.4, 0.3, 0.5, 0.7];
        let mirrored = scores.map(|score| 1.0 - score);
        let ill = DeLong::new(&scores, &TRUTH).unwrap();
        let healthy = DeLong::new(&mirrored, &TRUTH.map(|is_ill| !is_ill)).unwrap();
        let mean = DeLong::mean([ill.clone(), healthy]).unwrap();
        assert!((mean.variance() - ill.variance()).abs() < 1e-15);
        assert!((mean.auc - ill.auc).abs() < 1e-15);
    }

    #[test]
    fn separated_classes_have_no_delong_interval_and_no_false_certainty() {
        let perfect = DeLong::new(&[0.1, 0.9, 0.8, 0.2, 0.3, 0.7], &TRUTH).unwrap();
        assert_eq!((perfect.auc, perfect.variance()), (1.0, 0.0));
        assert_eq!((perfect.interval(0.95), perfect.logit_interval(0.95)), (None, None));
        let worst = DeLong::new(&[0.9, 0.1, 0.2, 0.8, 0.7, 0.3], &TRUTH).unwrap();
        assert_eq!(perfect.difference(&worst).p_value, None);
        assert_eq!(perfect.difference(&worst).interval(0.95), None);
        assert_eq!(perfect.difference(&perfect).p_value, Some(1.0));
    }

    #[test]
    fn scores_that_are_all_tied_have_an_area_of_one_half_without_variance() {
        let tied = DeLong::new(&[0.5; 6], &TRUTH).unwrap();
        assert_eq!((tied.auc, tied.variance(), tied.interval(0.95)), (0.5, 0.0, None));
    }

    #[test]
    fn the_variance_of_a_difference_is_that_of_both_less_twice_the_covariance() {
        let one = DeLong::new(&[0.2, 0.6, 0.4, 0.3, 0.5, 0.7], &TRUTH).unwrap();
        let other = DeLong::new(&[0.6, 0.5, 0.4, 0.3, 0.1, 0.7], &TRUTH).unwrap();
        let expected = one.variance() + other.variance() - 2.0 * one.covariance(&other);
        assert!((one.difference(&other).variance - expected).abs() < 1e-15);
    }

    #[test]
    fn newcombe_mirrors_and_narrows() {
        let (right, wrong) = (newcombe(0.8, 7, 11, 0.95), newcombe(0.2, 7, 11, 0.95));
        assert!((right.low - (1.0 - wrong.high)).abs() < 1e-12);
        assert!(right.contains(0.8) && newcombe(0.8, 70, 110, 0.95).width() < right.width());
        assert!(newcombe(1.0, 1, 1, 0.95).low < 0.3);
    }
}
