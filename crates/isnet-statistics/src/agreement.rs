//! Do the probabilities mean what they say? A test, intercept and slope, a debiased error, and a smooth curve.
//!
//! | figure | what it says | calibrated |
//! |---|---|---|
//! | intercept | with the slope fixed at 1: above 0, the truth is more frequent than predicted on the whole | 0 |
//! | slope | of the logit of the truth over that of the probability: below 1, the probabilities are too extreme | 1 |
//! | Spiegelhalter's test | chance of so large a Brier score if every probability were true | p uniform |
//! | debiased error | root mean square distance of bins, less what chance adds to it | about 0 |
//! | curve | the truth over the probability: a logistic regression on a spline of the logit | the diagonal |
//!
//! The expected calibration error is not among them: it is too large by chance, the more the fewer samples there are, so that a
//! bootstrap interval of a calibrated model hardly ever holds its 0.
//!
//! # Formulas
//! With truth `y` in {0, 1} and probability `p`, over samples `i`:
//!
//! ```text
//! intercept   logit P(y) = logit p + a                    slope   logit P(y) = b·logit p + a′
//! test        z = Σ (y − p)(1 − 2p) / √Σ (1 − 2p)²·p·(1 − p)
//! error       √Σ_b n_b/n · ((mean of y − p in b)² − its variance)     bins b of about equally many samples
//! curve       logit P(y) = β₀ + β₁·s₁(logit p) + β₂·s₂(logit p)       s: restricted cubic spline, knots at the 10th, 50th and 90th percentile
//! ```
//!
//! Samples of equal probability share a bin of the error, so that it does not depend on their order. The variance of the error's bins is that
//! of the mean, between groups where samples come in groups. Intervals of intercept, slope and curve are Wald's; in groups the covariance is
//! the sandwich of the groups with Student's t of `G − 1` degrees of freedom, and the denominator of `z²` is the sum of squares of the
//! groups' numerators (`G/(G−1)` times).
//!
//! Sources: Van Calster et al., "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17 (2019); Cox, Biometrika 45
//! (1958); Spiegelhalter, Statistics in Medicine 5 (1986); Kumar, Liang and Ma, "Verified Uncertainty Calibration", NeurIPS 2019; Austin
//! and Steyerberg, "The Integrated Calibration Index (ICI)", Statistics in Medicine 38 (2019); Harrell, "Regression Modeling Strategies" (2015), section 2.4.5.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::bootstrap::quantile;
use crate::clustered::Units;
use crate::error::check_confidence;
use crate::logistic::{Fit, Regression, dot, expit};
use crate::operating_rule::class_name;
use crate::scaling::{LEAST, logit};
use crate::{Estimate, Interval, IntervalMethod, Predictions, StatisticsError, Task, normal};

/// Samples in a bin of the debiased error, and most bins.
const IN_BIN: usize = 20;
const MOST_BINS: usize = 15;
/// Fewer samples on a side: no curve, and of independent samples a note on the intervals.
const FEW_ON_A_SIDE: usize = 10;
/// Fewer groups with samples on a side: a note. Of a calibrated model and patients whose images are all true or all false, the test rejects
/// 8 to 26 % with 2 to 8 patients on the rarer side, and 6 to 7 % from about 20 on (`tests/calibration.rs`).
const FEW_GROUPS_ON_A_SIDE: usize = 20;
/// Fewer groups: a note.
const FEW_GROUPS: usize = 30;
/// Why one group has no interval.
const ONE_GROUP: &str = "all samples are of one group, so that nothing tells how far chance reaches";
/// Points of the curve.
const POINTS: usize = 51;

/// Whose probabilities are held against the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Those of a class, against whether the sample is of it.
    Class(usize),
    /// Of a single-label task: those of the predicted class, against whether the prediction is right.
    Predicted,
}

/// How well probabilities agree with the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Name of the class; `None` for the predicted class of each sample.
    pub class: Option<String>,
    /// Number of samples.
    pub n: usize,
    /// Number of groups that they come in; `None` if they are independent.
    pub n_groups: Option<usize>,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Mean probability.
    pub mean_probability: f64,
    /// Share of samples for which it came true.
    pub share_true: f64,
    /// Calibration in the large: 0 if the truth is as frequent as predicted.
    pub intercept: Estimate,
    /// Calibration slope: below 1, the probabilities are too extreme.
    pub slope: Estimate,
    /// Spiegelhalter's test; `None` if all probabilities are 0, ½ or 1, or all samples are of one group.
    pub test: Option<AgreementTest>,
    /// Debiased root mean square calibration error; `None` with fewer than 40 samples.
    pub debiased_error: Option<f64>,
    /// The smooth curve, from the 1st to the 99th percentile of the probabilities; empty if it has no fit.
    pub curve: Vec<AgreementPoint>,
    /// Integrated calibration index: mean distance of the curve from the probabilities of the samples.
    pub mean_distance: Option<f64>,
    /// 90th percentile of that distance.
    pub distance_of_90: Option<f64>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Spiegelhalter's test of "every probability is true".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AgreementTest {
    /// Below 0: the Brier score is smaller than the probabilities say, so that they are not extreme enough.
    pub z: f64,
    /// Chance of such a score, or one as far on the other side.
    pub p_value: f64,
}

/// A point of the smooth curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AgreementPoint {
    /// What was predicted.
    pub probability: f64,
    /// How often it came true.
    pub share: f64,
    /// Its interval, point by point.
    pub low: f64,
    /// Its interval, point by point.
    pub high: f64,
}

/// Holds probabilities against the truth.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples; [`StatisticsError::Setting`] if there is no such class, for the predicted class of labels, or a
/// confidence that is not between 0 and 1; and what [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Said, Task, agreement};
/// let mut test = Predictions::new(["ill"], Task::Multi);
/// for sample in 0..800 {
///     let (says, share) = if sample < 400 { (0.1, 1) } else { (0.9, 3) }; // true of a quarter, and of three quarters
///     let labels: &[usize] = if sample % 4 < share { &[0] } else { &[] };
///     test.push("x.png", "web", "test", labels, &[says]);
/// }
/// let found = agreement(&test, Said::Class(0), 0.95)?;
/// assert!(found.intercept.value.unwrap().abs() < 1e-9); // half is predicted, and half comes true
/// assert!((found.slope.value.unwrap() - 0.5).abs() < 1e-6); // logit 0.9 = 2·logit 0.75: twice too extreme
/// assert!(found.test.unwrap().p_value < 1e-6);
/// assert!((found.debiased_error.unwrap() - 0.15).abs() < 0.02);
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn agreement(predictions: &Predictions, of: Said, confidence: f64) -> Result<Agreement, StatisticsError> {
    predictions.check()?;
    predictions.check_labels()?;
    if predictions.is_empty() {
        return Err(StatisticsError::Empty);
    }
    check_confidence(confidence)?;
    let class = match of {
        Said::Class(class_idx) => Some(class_name(predictions, class_idx)?),
        Said::Predicted if predictions.task == Task::Multi => {
            let expected = "that of a class, since any number of labels is predicted";
            return Err(StatisticsError::setting("said", expected, "`Predicted`"));
        }
        Said::Predicted => None,
    };
    let samples = Samples::new(predictions, of, confidence);
    let (mut notes, n) = (samples.notes(), samples.probability.len() as f64);
    let curve = samples.curve().unwrap_or_else(|why_not| {
        notes.push(format!("no smooth curve: {why_not}"));
        Curve::default()
    });
    Ok(Agreement {
        class,
        n: samples.probability.len(),
        n_groups: samples.units.as_ref().map(|units| units.n),
        confidence,
        mean_probability: samples.probability.iter().sum::<f64>() / n,
        share_true: samples.truth.iter().sum::<f64>() / n,
        intercept: samples.intercept(),
        slope: samples.slope(),
        test: samples.spiegelhalter(),
        debiased_error: samples.debiased_error(),
        curve: curve.points,
        mean_distance: curve.mean_distance,
        distance_of_90: curve.distance_of_90,
        notes,
    })
}

/// Probabilities and truths.
struct Samples {
    probability: Vec<f64>,
    logit: Vec<f64>,
    truth: Vec<f64>,
    units: Option<Units>,
    confidence: f64,
}

impl Samples {
    fn new(predictions: &Predictions, of: Said, confidence: f64) -> Self {
        let said = |sample: usize| match of {
            Said::Class(class_idx) => class_idx,
            Said::Predicted => predictions.predicted(sample)[0],
        };
        let all = 0..predictions.len();
        let probability: Vec<f64> = all.clone().map(|sample| predictions.probabilities[sample][said(sample)]).collect();
        Self {
            logit: probability.iter().map(|p| logit(*p)).collect(),
            probability,
            truth: all.map(|sample| f64::from(u8::from(predictions.labels[sample].contains(&said(sample))))).collect(),
            units: predictions.is_grouped().then(|| Units::new(&predictions.groups)),
            confidence,
        }
    }

    /// Samples that came true, and others.
    fn sides(&self) -> (usize, usize) {
        let n_true = self.truth.iter().filter(|truth| **truth > 0.5).count();
        (n_true, self.truth.len() - n_true)
    }

    fn is_one_group(&self) -> bool {
        self.units.as_ref().is_some_and(|units| units.n == 1)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(match &self.units {
            None => self.few_samples(),
            Some(units) if units.n > 1 => self.few_groups(units),
            Some(_) => None,
        });
        if let Some(units) = self.units.as_ref().filter(|units| units.n < FEW_GROUPS) {
            notes.push(match units.n {
                1 => format!("no intervals and no test: {ONE_GROUP}"),
                n => format!("only {n} groups: intervals and test are a rough guide"),
            });
        }
        let n_clipped = self.probability.iter().filter(|p| **p < LEAST || **p > 1.0 - LEAST).count();
        if n_clipped > 0 {
            notes.push(format!("probabilities closer than {LEAST} to 0 or 1 count as that far away: {n_clipped}"));
        }
        notes
    }

    fn few_samples(&self) -> Option<String> {
        let (n_true, n_false) = self.sides();
        (n_true.min(n_false) < FEW_ON_A_SIDE).then(|| {
            format!("{n_true} came true and {n_false} did not: with fewer than 10 of either, intervals and test are a rough guide")
        })
    }

    /// Images of one patient that all came true say little more than one of them.
    fn few_groups(&self, units: &Units) -> Option<String> {
        let with = |is_true: bool| {
            let of_side = units.of_sample.iter().zip(&self.truth).filter(|(_, truth)| (**truth > 0.5) == is_true);
            of_side.map(|(unit, _)| unit).collect::<BTreeSet<_>>().len()
        };
        let (n_true, n_false) = (with(true), with(false));
        (n_true.min(n_false) < FEW_GROUPS_ON_A_SIDE).then(|| {
            format!("what came true is of {n_true} groups and what did not of {n_false}: with fewer than 20 of either, intervals and test are a rough guide")
        })
    }

    fn fit(&self, x: &[Vec<f64>], offset: &[f64]) -> Option<Fit> {
        let units = self.units.as_ref().map(|units| units.of_sample.as_slice());
        Regression { x, offset, target: &self.truth }.fit(units)
    }

    /// How many standard errors an interval reaches.
    fn reach(&self) -> f64 {
        let freedom = self.units.as_ref().map(|units| units.n as f64 - 1.0);
        freedom.map_or(normal::reach(self.confidence), |freedom| normal::student_reach(self.confidence, freedom))
    }

    fn estimate(&self, fit: Option<Fit>, why_not: &str) -> Estimate {
        let Some(fit) = fit else { return Estimate::undefined(why_not) };
        let (value, half) = (fit.coefficients[0], self.reach() * fit.covariance[0][0].sqrt());
        let interval = Interval { method: IntervalMethod::Wald, low: value - half, high: value + half };
        let note = self.is_one_group().then(|| ONE_GROUP.to_owned());
        Estimate { interval: half.is_finite().then_some(interval), note, ..Estimate::of(value) }
    }

    fn intercept(&self) -> Estimate {
        let x = vec![vec![1.0]; self.truth.len()];
        self.estimate(self.fit(&x, &self.logit), "everything, or nothing, came true, so that no finite intercept fits")
    }

    fn slope(&self) -> Estimate {
        let x: Vec<Vec<f64>> = self.logit.iter().map(|logit| vec![*logit, 1.0]).collect();
        let offset = vec![0.0; x.len()];
        self.estimate(
            self.fit(&x, &offset),
            "the probabilities separate what came true from what did not, or all are equal, so that no finite slope fits",
        )
    }

    fn spiegelhalter(&self) -> Option<AgreementTest> {
        let pairs = || self.probability.iter().zip(&self.truth);
        let of = |(p, y): (&f64, &f64)| (y - p) * (1.0 - 2.0 * p);
        let numerator: f64 = pairs().map(of).sum();
        let (variance, freedom) = match &self.units {
            None => (pairs().map(|(p, _)| (1.0 - 2.0 * p).powi(2) * p * (1.0 - p)).sum::<f64>(), None),
            Some(units) => {
                let mut sums = vec![0.0; units.n];
                pairs().zip(&units.of_sample).for_each(|(pair, unit)| sums[*unit] += of(pair));
                let groups = units.n as f64;
                (groups / (groups - 1.0) * sums.iter().map(|sum| sum * sum).sum::<f64>(), Some(groups - 1.0))
            }
        };
        if !(variance > 0.0 && variance.is_finite()) {
            return None;
        }
        let z = numerator / variance.sqrt();
        let p_value = freedom.map_or_else(|| normal::two_sided_p(z), |freedom| normal::student_two_sided_p(z, freedom));
        Some(AgreementTest { z, p_value })
    }

    /// Samples by rising probability, in bins of about equally many; those of equal probability share one.
    fn equal_bins(&self, n_bins: usize) -> Vec<Vec<usize>> {
        let n = self.truth.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| self.probability[*a].total_cmp(&self.probability[*b]));
        let (mut bins, mut start) = (Vec::new(), 0);
        for bin in 1..=n_bins {
            let mut end = (bin * n / n_bins).max(start);
            while end > 0 && end < n && self.probability[order[end]] == self.probability[order[end - 1]] {
                end += 1;
            }
            if end > start {
                bins.push(order[start..end].to_vec());
            }
            start = end;
        }
        bins
    }

    fn debiased_error(&self) -> Option<f64> {
        let n = self.truth.len();
        let n_bins = (n / IN_BIN).min(MOST_BINS);
        if n_bins < 2 {
            return None;
        }
        let squares = self.equal_bins(n_bins).into_iter().map(|samples| {
            let n_bin = samples.len() as f64;
            let residual = |sample: usize| self.truth[sample] - self.probability[sample];
            let mean = samples.iter().map(|&sample| residual(sample)).sum::<f64>() / n_bin;
            let mut sums = BTreeMap::new();
            for sample in samples {
                let unit = self.units.as_ref().map_or(sample, |units| units.of_sample[sample]);
                *sums.entry(unit).or_insert(0.0) += residual(sample) - mean;
            }
            let groups = sums.len() as f64;
            let variance =
                groups / (groups - 1.0) * sums.values().map(|sum: &f64| sum * sum).sum::<f64>() / (n_bin * n_bin);
            n_bin / n as f64 * (mean * mean - if groups > 1.0 { variance } else { mean * mean })
        });
        Some(squares.sum::<f64>().max(0.0).sqrt())
    }

    /// The curve, or why there is none.
    fn curve(&self) -> Result<Curve, &'static str> {
        let (n_true, n_false) = self.sides();
        if n_true.min(n_false) < FEW_ON_A_SIDE {
            return Err("it needs 10 samples that came true, and 10 others");
        }
        if self.is_one_group() {
            return Err(ONE_GROUP);
        }
        let mut sorted = self.logit.clone();
        sorted.sort_by(f64::total_cmp);
        let spline = Spline::new(&sorted);
        let x: Vec<Vec<f64>> = self.logit.iter().map(|logit| spline.basis(*logit)).collect();
        let fit = self.fit(&x, &vec![0.0; x.len()]);
        let fit = fit.ok_or("the probabilities separate what came true from what did not, or all are equal")?;
        let (low, high) = (expit(quantile(&sorted, 0.01)), expit(quantile(&sorted, 0.99)));
        let point = |idx: usize| {
            let probability = low + (high - low) * idx as f64 / (POINTS - 1) as f64;
            let basis = spline.basis(logit(probability));
            let (eta, half) = (dot(&basis, &fit.coefficients), self.reach() * fit.variance(&basis).sqrt());
            AgreementPoint { probability, share: expit(eta), low: expit(eta - half), high: expit(eta + half) }
        };
        let mut distances: Vec<f64> =
            x.iter().zip(&self.probability).map(|(x, p)| (expit(dot(x, &fit.coefficients)) - p).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        Ok(Curve {
            points: (0..POINTS).map(point).collect(),
            mean_distance: Some(mean),
            distance_of_90: Some(quantile(&distances, 0.9)),
        })
    }
}

/// The smooth curve, and the mean and the 90th percentile of its distance from the probabilities.
#[derive(Default)]
struct Curve {
    points: Vec<AgreementPoint>,
    mean_distance: Option<f64>,
    distance_of_90: Option<f64>,
}

/// A restricted cubic spline with three knots, straight beyond them; a straight line where they coincide.
struct Spline {
    knots: Option<[f64; 3]>,
}

impl Spline {
    fn new(sorted: &[f64]) -> Self {
        let knots = [0.1, 0.5, 0.9].map(|share| quantile(sorted, share));
        let apart = 1e-3 * (knots[2] - knots[0]);
        let is_apart = knots[2] > knots[0] && knots[1] - knots[0] > apart && knots[2] - knots[1] > apart;
        Self { knots: is_apart.then_some(knots) }
    }

    fn basis(&self, x: f64) -> Vec<f64> {
        let Some([low, middle, high]) = self.knots else { return vec![x, 1.0] };
        let cube = |knot: f64| (x - knot).max(0.0).powi(3);
        let bent =
            cube(low) - cube(middle) * (high - low) / (high - middle) + cube(high) * (middle - low) / (high - middle);
        vec![x, bent / (high - low).powi(2), 1.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(samples: impl IntoIterator<Item = (f64, bool)>) -> Predictions {
        let mut predictions = Predictions::new(["ill"], Task::Multi);
        for (probability, is_ill) in samples {
            predictions.push("x.png", "web", "test", if is_ill { &[0] } else { &[] }, &[probability]);
        }
        predictions
    }

    #[test]
    fn copies_of_samples_in_groups_say_no_more_than_once() {
        let one: Vec<(f64, bool)> = (0..200).map(|it| ((f64::from(it) + 0.5) / 200.0, (it * 37) % 200 < it)).collect();
        let once = agreement(&predictions(one.clone()), Said::Class(0), 0.95).unwrap();
        let mut four = predictions(one.iter().flat_map(|it| [*it; 4]));
        let naive = agreement(&four, Said::Class(0), 0.95).unwrap();
        four.groups = (0..800).map(|it| format!("p{}", it / 4)).collect();
        let found = agreement(&four, Said::Class(0), 0.95).unwrap();
        let width = |it: &Agreement| it.slope.interval.unwrap().width();
        assert!((width(&found) / width(&once) - 1.0).abs() < 0.1, "{} {}", width(&found), width(&once));
        assert!((width(&naive) / width(&once) - 0.5).abs() < 0.01);
        let (grouped, alone) = (found.test.unwrap().p_value, once.test.unwrap().p_value);
        assert!((grouped - alone).abs() < 0.1, "{grouped} {alone}");
        assert_eq!(found.n_groups, Some(200));
    }

    /// As tables sorted by class have them: without the tie rule, bins of one class each would be off by a half.
    #[test]
    fn the_error_of_equal_probabilities_does_not_depend_on_their_order() {
        let of = |samples: Vec<(f64, bool)>| {
            agreement(&predictions(samples), Said::Class(0), 0.95).unwrap().debiased_error.unwrap()
        };
        assert!(of((0..400).map(|it| (0.5, it < 200)).collect()) < 1e-9);
        let some: Vec<(f64, bool)> = (0..400).map(|it| (f64::from(it * 7 % 11) / 11.0, it % 3 == 0)).collect();
        let by_class: Vec<(f64, bool)> = [false, true]
            .into_iter()
            .flat_map(|side| some.iter().copied().filter(move |(_, truth)| *truth == side))
            .collect();
        let [mixed, sorted] = [some, by_class].map(of);
        assert!(mixed > 0.1 && (mixed - sorted).abs() < 1e-9, "{mixed} {sorted}");
    }

    #[test]
    fn few_groups_on_a_side_are_noted_however_many_samples_they_have() {
        // 50 patients of 4 images, 10 of them ill on every image: 40 samples of it, and yet few.
        let noted = |n_ill: i32| {
            let mut of = predictions((0..200).map(|it| (0.2 + f64::from(it / 4 % 10) / 20.0, it / 4 < n_ill)));
            of.groups = (0..200).map(|it| format!("p{}", it / 4)).collect();
            agreement(&of, Said::Class(0), 0.95).unwrap().notes
        };
        let few = noted(10);
        assert!(
            few.len() == 1 && few[0].starts_with("what came true is of 10 groups and what did not of 40"),
            "{few:?}"
        );
        assert_eq!(noted(20), Vec::<String>::new());
    }

    #[test]
    fn one_group_has_values_and_says_why_it_has_no_intervals() {
        let mut one = predictions((0..200).map(|it| ((f64::from(it) + 0.5) / 200.0, (it * 37) % 200 < it)));
        let alone = agreement(&one, Said::Class(0), 0.95).unwrap();
        one.groups = vec!["ada".to_owned(); 200];
        let found = agreement(&one, Said::Class(0), 0.95).unwrap();
        for (found, alone) in [(&found.intercept, &alone.intercept), (&found.slope, &alone.slope)] {
            assert_eq!((found.value, found.interval), (alone.value, None));
            assert_eq!(found.note.as_deref(), Some(ONE_GROUP));
        }
        assert_eq!((found.test, found.curve.len()), (None, 0));
        let of_one = |note: &String| note.ends_with(ONE_GROUP);
        assert!(found.notes.len() == 2 && found.notes.iter().all(of_one), "{:?}", found.notes);
    }

    #[test]
    fn what_has_no_fit_says_why() {
        let separated =
            agreement(&predictions((0..40).map(|it| (f64::from(it) / 40.0, it >= 20))), Said::Class(0), 0.95);
        let separated = separated.unwrap();
        assert!(separated.slope.note.unwrap().contains("separate") && separated.intercept.value.is_some());
        assert!(separated.curve.is_empty());
        assert!(separated.notes.iter().any(|it| it.contains("no smooth curve: the probabilities separate")));
        let all =
            agreement(&predictions((0..40).map(|it| (f64::from(it) / 40.0, true))), Said::Class(0), 0.95).unwrap();
        assert!(all.intercept.note.unwrap().contains("everything, or nothing"));
        assert!(all.notes.iter().any(|it| it.contains("40 came true and 0 did not")), "{:?}", all.notes);
        let half = agreement(&predictions([(0.5, true), (0.5, false)]), Said::Class(0), 0.95).unwrap();
        assert_eq!((half.test, half.debiased_error), (None, None));
        assert!(agreement(&predictions([(0.5, true)]), Said::Predicted, 0.95).is_err());
        assert!(agreement(&predictions([]), Said::Class(0), 0.95).is_err());
    }

    #[test]
    fn the_curve_of_a_bent_model_bends_with_it() {
        // Says p, true with p²: below the diagonal in the middle, at it at the ends.
        let samples = (0..4000).map(|it| {
            let p = (f64::from(it % 100) + 0.5) / 100.0;
            (p, f64::from(it / 100) / 40.0 + 0.0125 < p * p)
        });
        let found = agreement(&predictions(samples), Said::Class(0), 0.95).unwrap();
        let middle = found.curve.iter().find(|point| point.probability > 0.5).unwrap();
        assert!(
            (middle.share - 0.25).abs() < 0.05 && middle.low < middle.share && middle.share < middle.high,
            "{middle:?}"
        );
        // ∫ p − p² = 1/6.
        assert!((found.mean_distance.unwrap() - 1.0 / 6.0).abs() < 0.02, "{:?}", found.mean_distance);
        assert!(found.distance_of_90.unwrap() < 0.27);
    }
}
