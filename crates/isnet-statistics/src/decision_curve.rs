//! Decision curves: is it worth acting on the model?
//!
//! Who treats from a probability `t` on says that a false alarm costs `t/(1−t)` of what a found patient gains. In units of found patients
//! per sample, acting on the model has the *net benefit*
//!
//! ```text
//! model = TP/n − FP/n · t/(1−t)        treat all = prevalence − (1−prevalence) · t/(1−t)        treat none = 0
//! ```
//!
//! A model is of use at those `t` where its curve lies above both others. Divided by the prevalence, the most there is to gain, it
//! is the *standardized* net benefit, at most 1. The probabilities are taken at their word, so calibrate them before; and the
//! prevalence is that of the samples.
//!
//! The band is the percentile interval of the bootstrap, threshold by threshold, with samples of one group resampled together. It is
//! not a band for the whole curve at once.
//!
//! Sources: Vickers and Elkin, "Decision curve analysis", Medical Decision Making 26 (2006); Kerr et al., "Assessing the clinical
//! impact of risk prediction models with decision curves", Journal of Clinical Oncology 34 (2016), for the standardized one.

use serde::Serialize;

use crate::counts::ratio;
use crate::operating_rule::{class_name, one_vs_rest};
use crate::part::{notes_on_replicates, notes_on_size, usable};
use crate::{Interval, Predictions, Replicates, Resampling, Settings, StatisticsError, percentile_interval};

/// Thresholds are `1/100` to `99/100`.
const N_THRESHOLDS: usize = 99;

/// Net benefit of a class against the rest over thresholds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionCurve {
    /// Name of the class.
    pub class: String,
    /// Number of samples.
    pub n: usize,
    /// Number of groups that were resampled; `None` if samples were.
    pub n_groups: Option<usize>,
    /// Share of the class among the samples.
    pub prevalence: f64,
    /// Share of intervals, at each threshold, that hold the true value.
    pub confidence: f64,
    /// One per threshold, from 0.01 to 0.99.
    pub points: Vec<DecisionPoint>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Net benefits at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DecisionPoint {
    /// Probability from which on one acts.
    pub threshold: f64,
    /// Net benefit of acting on the model.
    pub net_benefit: f64,
    /// Its interval from the bootstrap; `None` without resamples.
    pub interval: Option<Interval>,
    /// Net benefit over prevalence; `None` if no sample is of the class.
    pub standardized: Option<f64>,
    /// Its interval from the bootstrap, the prevalence being resampled too.
    pub standardized_interval: Option<Interval>,
    /// Net benefit of acting on every sample.
    pub treat_all: f64,
    /// Net benefit of acting on none: 0.
    pub treat_none: f64,
}

/// Net benefit of acting on the probability of a class, at thresholds 0.01 to 0.99; of `settings`, `confidence`, `resamples` and `seed` are used.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples; [`StatisticsError::Setting`] if there is no such class or a setting means nothing; and what
/// [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Settings, Task, decision_curve};
/// let mut test = Predictions::new(["ill"], Task::Multi);
/// for (n, probability, labels) in [(18, 0.7, &[0][..]), (2, 0.1, &[0]), (8, 0.7, &[]), (72, 0.1, &[])] {
///     (0..n).for_each(|_| test.push("x.png", "web", "test", labels, &[probability]));
/// }
/// let curve = decision_curve(&test, 0, &Settings::default())?;
/// let at_20 = &curve.points[19];
/// assert_eq!(at_20.threshold, 0.2);
/// // 18 found, and 8 false alarms that cost ¼ each: 16 of 100. Treating all finds 20 for 80 false alarms: 0.
/// assert!((at_20.net_benefit - 0.16).abs() < 1e-12 && at_20.treat_all.abs() < 1e-12);
/// assert!((at_20.standardized.unwrap() - 0.8).abs() < 1e-12);
/// assert!(at_20.interval.unwrap().contains(0.16));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn decision_curve(
    predictions: &Predictions,
    class_idx: usize,
    settings: &Settings,
) -> Result<DecisionCurve, StatisticsError> {
    settings.check(predictions)?;
    let class = class_name(predictions, class_idx)?;
    let n = predictions.len();
    let is_grouped = predictions.is_grouped();
    let resampling = if is_grouped { Resampling::by_group(&predictions.groups) } else { Resampling::by_sample(n) };
    let calls = Calls::new(predictions, class_idx);
    let resamples = if resampling.n_units() > 1 { settings.resamples } else { 0 };
    let replicates = Replicates::draw(&resampling, resamples, settings.seed, |weights| calls.benefits(weights));
    let interval = |score| percentile_interval(&usable(replicates.of_score(score), resamples), settings.confidence);
    let benefits = calls.benefits(&vec![1; n]);
    let prevalence = calls.is_positive.iter().filter(|is_positive| **is_positive).count() as f64 / n as f64;
    let point = |idx: usize| DecisionPoint {
        threshold: threshold(idx),
        net_benefit: benefits[idx].unwrap_or(0.0),
        interval: interval(idx),
        standardized: benefits[N_THRESHOLDS + idx],
        standardized_interval: interval(N_THRESHOLDS + idx),
        treat_all: prevalence - (1.0 - prevalence) * odds(idx),
        treat_none: 0.0,
    };
    let points = (0..N_THRESHOLDS).map(point).collect();
    let mut notes = notes_on_size(n, &resampling);
    if prevalence == 0.0 {
        notes.push(format!("no sample is of class `{class}`, so there is no benefit to standardize"));
    } else {
        notes.extend(notes_on_replicates(&replicates.of_score(N_THRESHOLDS), resamples));
    }
    let n_groups = is_grouped.then(|| resampling.n_units());
    Ok(DecisionCurve { class, n, n_groups, prevalence, confidence: settings.confidence, points, notes })
}

/// From how many thresholds on each sample is called positive.
struct Calls {
    n_reached: Vec<usize>,
    is_positive: Vec<bool>,
}

impl Calls {
    fn new(predictions: &Predictions, class_idx: usize) -> Self {
        let thresholds: Vec<f64> = (0..N_THRESHOLDS).map(threshold).collect();
        let (scores, is_positive) = one_vs_rest(predictions, class_idx);
        let reached = |score: &f64| thresholds.partition_point(|threshold| threshold <= score);
        Self { n_reached: scores.iter().map(reached).collect(), is_positive }
    }

    /// Net benefits at all thresholds, then the standardized ones, when every sample counts as often as its weight says.
    fn benefits(&self, weights: &[u32]) -> Vec<Option<f64>> {
        let mut reaching = [(0_u64, 0_u64); N_THRESHOLDS + 1];
        for ((&n_reached, &is_positive), &weight) in self.n_reached.iter().zip(&self.is_positive).zip(weights) {
            let (positive, negative) = &mut reaching[n_reached];
            *(if is_positive { positive } else { negative }) += u64::from(weight);
        }
        let n: u64 = reaching.iter().map(|(positive, negative)| positive + negative).sum();
        let n_positive: u64 = reaching.iter().map(|(positive, _)| positive).sum();
        let mut benefits = vec![None; 2 * N_THRESHOLDS];
        let (mut right, mut wrong) = (0, 0);
        for idx in (0..N_THRESHOLDS).rev() {
            right += reaching[idx + 1].0;
            wrong += reaching[idx + 1].1;
            let gain = right as f64 - wrong as f64 * odds(idx);
            benefits[idx] = ratio(gain, n as f64);
            benefits[N_THRESHOLDS + idx] = ratio(gain, n_positive as f64);
        }
        benefits
    }
}

fn threshold(idx: usize) -> f64 {
    (idx + 1) as f64 / (N_THRESHOLDS + 1) as f64
}

fn odds(idx: usize) -> f64 {
    (idx + 1) as f64 / (N_THRESHOLDS - idx) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    fn predictions(samples: &[(f64, bool)]) -> Predictions {
        let mut predictions = Predictions::new(["ill"], Task::Multi);
        for (probability, is_ill) in samples {
            predictions.push("x.png", "web", "test", if *is_ill { &[0] } else { &[] }, &[*probability]);
        }
        predictions
    }

    #[test]
    fn calling_everyone_is_treat_all_and_nobody_treat_none() {
        let samples: Vec<(f64, bool)> = (0..40).map(|sample| (0.5, sample % 4 == 0)).collect();
        let curve = decision_curve(&predictions(&samples), 0, &Settings { resamples: 50, ..Settings::default() });
        for point in curve.unwrap().points {
            let expected = if point.threshold <= 0.5 { point.treat_all } else { point.treat_none };
            assert!((point.net_benefit - expected).abs() < 1e-12, "{point:?}");
        }
    }

    #[test]
    fn a_perfect_model_gains_all_there_is_at_every_threshold() {
        let samples: Vec<(f64, bool)> = (0..40).map(|s| if s % 4 == 0 { (1.0, true) } else { (0.0, false) }).collect();
        let curve = decision_curve(&predictions(&samples), 0, &Settings::default()).unwrap();
        assert!(curve.points.iter().all(|point| point.standardized == Some(1.0) && point.net_benefit == 0.25));
    }

    #[test]
    fn one_class_one_sample_and_one_group_have_points_and_say_what_is_missing() {
        let healthy = decision_curve(&predictions(&[(0.5, false), (0.2, false)]), 0, &Settings::default()).unwrap();
        assert!(healthy.points.iter().all(|point| point.standardized.is_none() && point.interval.is_some()));
        assert!(healthy.notes.iter().any(|note| note.contains("no sample is of class")));
        let single = decision_curve(&predictions(&[(0.5, true)]), 0, &Settings::default()).unwrap();
        assert!(single.points.iter().all(|point| point.interval.is_none() && point.standardized.is_some()));
        let empty = decision_curve(&predictions(&[]), 0, &Settings::default());
        assert!(matches!(empty, Err(StatisticsError::Empty)));
    }

    #[test]
    fn groups_widen_the_band() {
        let samples: Vec<(f64, bool)> =
            (0..200).map(|s| (f64::from(s / 10 * 7 % 20) / 20.0, s / 10 * 7 % 20 > 9 + s / 10 % 3)).collect();
        let alone = predictions(&samples);
        let mut together = alone.clone();
        together.groups = (0..200).map(|sample| format!("patient {}", sample / 10)).collect();
        let width = |predictions| {
            let curve = decision_curve(predictions, 0, &Settings::default()).unwrap();
            curve.points[29].interval.unwrap().width()
        };
        assert!(width(&together) > 2.0 * width(&alone));
    }
}
