//! What a class against the rest is worth at one threshold: the table of a diagnostic study.
//!
//! | figure | of independent samples | of samples in groups |
//! |---|---|---|
//! | sensitivity, specificity, PPV, NPV, accuracy | Wilson (below 5 decisions on a side Clopper–Pearson), Clopper–Pearson or Jeffreys | the same of the effective number of samples, see [`clustered_proportion`](crate::clustered_proportion) |
//! | likelihood ratios, diagnostic odds ratio | ± z standard errors of the logarithm | the variance between groups, and Student's t |
//! | PPV and NPV at a stated prevalence | ± z standard errors of the logit | the same |
//!
//! PPV and NPV of the samples are those of *their* prevalence, which in a collection of images says little about a clinic: state
//! prevalences to get those.
//!
//! # Formulas
//! With `LR+ = sensitivity / (1 − specificity)` and `LR− = (1 − sensitivity) / specificity` from the cells TP, FN, FP, TN:
//!
//! ```text
//! variance of ln LR+ = 1/TP − 1/(TP+FN) + 1/FP − 1/(FP+TN)          odds ratio = LR+ / LR−
//! variance of ln LR− = 1/FN − 1/(TP+FN) + 1/TN − 1/(FP+TN)          variance of its ln = 1/TP + 1/FN + 1/FP + 1/TN
//! logit PPV = ln LR+ + logit prevalence,   logit NPV = −ln LR− − logit prevalence,   with the same variances
//! ```
//!
//! In groups, group `g` moves `ln LR+` by `u_g = (tp_g − sensitivity·p_g)/TP − (fp_g − (1−specificity)·n_g)/FP`, and the variance
//! is `G/(G−1)·Σ u_g²` with the smaller of the numbers of groups of both sides for G: images of both
//! sides of one patient are taken together.
//!
//! # Zero cells
//! If any of the four cells is 0, ½ is added to each before ratios are formed (Haldane 1956; Gart and Zweifel 1967; the rule of the Cochrane Handbook for
//! odds ratios), and `z²/2` to each for PPV and NPV at a prevalence (the *adjusted logit* interval of Mercaldo, Lau and Zhou, after Agresti and Coull; R's `bdpv` does so too);
//! a note says so. In groups the variance of such a table is multiplied, side by side, as if the samples of a group were copies.
//!
//! Sources: Simel, Samsa and Matchar, "Likelihood ratios with confidence", Journal of Clinical Epidemiology 44 (1991); Glas et al.,
//! "The diagnostic odds ratio", same journal 56 (2003); Mercaldo, Lau and Zhou, "Confidence intervals for predictive values with an
//! emphasis to case–control studies", Statistics in Medicine 26 (2007).

use serde::Serialize;

use crate::clustered::{Units, of_tallies};
use crate::error::check_confidence;
use crate::operating_rule::{class_name, one_vs_rest};
use crate::part::FEW_GROUPS;
use crate::ratios::{Cells, Ratios, Shape};
use crate::shares::{EXACT, FEW_DECISIONS};
use crate::{Estimate, Predictions, ProportionMethod, StatisticsError};

/// What is asked of [`operating_point`].
#[derive(Clone, Debug, PartialEq)]
pub struct OperatingSettings {
    /// Share of intervals that hold the true value, in (0, 1). Default 0.95.
    pub confidence: f64,
    /// Interval of proportions. Default Wilson's.
    pub method: ProportionMethod,
    /// Prevalences at which PPV and NPV are wanted, each in (0, 1). Default none.
    pub prevalences: Vec<f64>,
}

/// How many samples are called what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Of the class, and called so.
    pub true_positive: usize,
    /// Of the class, but not called so.
    pub false_negative: usize,
    /// Of another class, but called of this one.
    pub false_positive: usize,
    /// Of another class, and not called of this one.
    pub true_negative: usize,
}

/// A class against the rest at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// Name of the class.
    pub class: String,
    /// Probabilities of the class from here on are called positive.
    pub threshold: f64,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Number of groups that the samples come in; `None` if they are independent.
    pub n_groups: Option<usize>,
    /// The counts that all else is made of.
    pub confusion: Confusion,
    /// Share of the samples of the class that are called so.
    pub sensitivity: Estimate,
    /// Share of the other samples that are not.
    pub specificity: Estimate,
    /// Share of the samples called positive that are of the class, at the prevalence of these samples.
    pub ppv: Estimate,
    /// Share of the samples called negative that are not of the class, at the prevalence of these samples.
    pub npv: Estimate,
    /// Share of samples called right.
    pub accuracy: Estimate,
    /// How many times likelier a positive call is in the class than outside.
    pub positive_likelihood_ratio: Estimate,
    /// How many times likelier a negative call is in the class than outside; small is good.
    pub negative_likelihood_ratio: Estimate,
    /// Odds of a positive call in the class over those outside.
    pub diagnostic_odds_ratio: Estimate,
    /// PPV and NPV at each stated prevalence.
    pub at_prevalence: Vec<AtPrevalence>,
}

/// Predictive values where the class is as frequent as stated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtPrevalence {
    /// Share of the class among those who are tested.
    pub prevalence: f64,
    /// Chance of the class after a positive call.
    pub ppv: Estimate,
    /// Chance of another class after a negative call.
    pub npv: Estimate,
}

impl Default for OperatingSettings {
    fn default() -> Self {
        Self { confidence: 0.95, method: ProportionMethod::Wilson, prevalences: Vec::new() }
    }
}

/// Scores a class against the rest at a threshold that was fixed on other samples, see
/// [`choose_operating_threshold`](crate::choose_operating_threshold).
///
/// If any sample has a group, all intervals are those of groups; a sample without a name is a group of its own.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples; [`StatisticsError::Setting`] if there is no such class, the threshold is NaN, or the
/// confidence or a prevalence is not between 0 and 1; and what [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{OperatingSettings, Predictions, Task, operating_point};
/// let mut test = Predictions::new(["ill"], Task::Multi);
/// for (n, probability, labels) in [(90, 0.8, &[0][..]), (10, 0.2, &[0]), (20, 0.8, &[]), (180, 0.2, &[])] {
///     (0..n).for_each(|_| test.push("x.png", "web", "test", labels, &[probability]));
/// }
/// let settings = OperatingSettings { prevalences: vec![0.01], ..OperatingSettings::default() };
/// let point = operating_point(&test, 0, 0.5, &settings)?;
/// assert_eq!((point.sensitivity.value, point.specificity.value), (Some(0.9), Some(0.9)));
/// assert!((point.positive_likelihood_ratio.value.unwrap() - 9.0).abs() < 1e-9);
/// // Of those called ill 82 % are so among these samples, but 8 % where one in a hundred is ill.
/// assert!((point.ppv.value.unwrap() - 90.0 / 110.0).abs() < 1e-9);
/// assert!((point.at_prevalence[0].ppv.value.unwrap() - 1.0 / 12.0).abs() < 1e-9);
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn operating_point(
    test: &Predictions,
    class_idx: usize,
    threshold: f64,
    settings: &OperatingSettings,
) -> Result<OperatingPoint, StatisticsError> {
    test.check()?;
    test.check_labels()?;
    let class = class_name(test, class_idx)?;
    if test.is_empty() {
        return Err(StatisticsError::Empty);
    }
    settings.check(threshold)?;
    let table = Table::new(test, class_idx, threshold, test.is_grouped());
    let share = |of: Share| table.share(of, settings);
    let ratios = |shape, prior| table.ratio(shape, prior, settings.confidence);
    let at = |&prevalence: &f64| {
        let prior = Some((prevalence / (1.0 - prevalence)).ln());
        AtPrevalence { prevalence, ppv: ratios(Shape::Plus, prior), npv: ratios(Shape::Minus, prior) }
    };
    Ok(OperatingPoint {
        class,
        threshold,
        confidence: settings.confidence,
        n_groups: table.is_grouped.then_some(table.units.len()),
        confusion: table.confusion(),
        sensitivity: share(Share::Sensitivity),
        specificity: share(Share::Specificity),
        ppv: share(Share::Ppv),
        npv: share(Share::Npv),
        accuracy: share(Share::Accuracy),
        positive_likelihood_ratio: ratios(Shape::Plus, None),
        negative_likelihood_ratio: ratios(Shape::Minus, None),
        diagnostic_odds_ratio: ratios(Shape::Odds, None),
        at_prevalence: settings.prevalences.iter().map(at).collect(),
    })
}

impl OperatingSettings {
    pub(crate) fn check(&self, threshold: f64) -> Result<(), StatisticsError> {
        let wrong = |setting, expected: &str, got: f64| Err(StatisticsError::setting(setting, expected, got));
        check_confidence(self.confidence)?;
        if threshold.is_nan() {
            return wrong("threshold", "a number, such as one chosen on validation samples", threshold);
        }
        match self.prevalences.iter().find(|&&prevalence| !(prevalence > 0.0 && prevalence < 1.0)) {
            Some(&prevalence) => wrong("prevalences", "shares between 0 and 1, such as 0.02", prevalence),
            None => Ok(()),
        }
    }
}

/// A share of some of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Sensitivity,
    Specificity,
    Ppv,
    Npv,
    Accuracy,
}

impl Share {
    /// `(right, all)` of a table.
    pub fn tally(self, cells: &Cells) -> (f64, f64) {
        let Cells { true_positive, false_negative, false_positive, true_negative } = *cells;
        match self {
            Self::Sensitivity => (true_positive, true_positive + false_negative),
            Self::Specificity => (true_negative, true_negative + false_positive),
            Self::Ppv => (true_positive, true_positive + false_positive),
            Self::Npv => (true_negative, true_negative + false_negative),
            Self::Accuracy => (true_positive + true_negative, cells.sum()),
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Sensitivity => "no sample is of the class",
            Self::Specificity => "all samples are of the class",
            Self::Ppv => "no sample is called positive",
            Self::Npv => "no sample is called negative",
            Self::Accuracy => "there is no sample",
        }
    }
}

/// The cells of each unit.
pub(crate) struct Table {
    pub units: Vec<Cells>,
    pub is_grouped: bool,
}

impl Table {
    /// Of samples that are independent unless any sample of the predictions, or of those that they are part of, has a group.
    pub fn new(predictions: &Predictions, class_idx: usize, threshold: f64, is_grouped: bool) -> Self {
        let (scores, is_positive) = one_vs_rest(predictions, class_idx);
        let of_sample = Units::new(&predictions.groups);
        let mut units = vec![Cells::default(); of_sample.n];
        for (sample, &unit) in of_sample.of_sample.iter().enumerate() {
            *units[unit].cell(is_positive[sample], scores[sample] >= threshold) += 1.0;
        }
        Self { units, is_grouped }
    }

    fn confusion(&self) -> Confusion {
        let cells = Cells::total(&self.units);
        Confusion {
            true_positive: cells.true_positive as usize,
            false_negative: cells.false_negative as usize,
            false_positive: cells.false_positive as usize,
            true_negative: cells.true_negative as usize,
        }
    }

    /// A share with its interval.
    pub fn share(&self, of: Share, settings: &OperatingSettings) -> Estimate {
        let (right, all) = of.tally(&Cells::total(&self.units));
        if all == 0.0 {
            return Estimate::undefined(of.missing());
        }
        let value = right / all;
        // Few decisions on a side are counted exactly, as in a summary.
        let method = |n: f64| {
            let is_few = value.min(1.0 - value) * n < FEW_DECISIONS;
            if is_few && settings.method == ProportionMethod::Wilson {
                ProportionMethod::ClopperPearson
            } else {
                settings.method
            }
        };
        let note_of = |method| (method != settings.method).then(|| EXACT.to_owned());
        if !self.is_grouped {
            let method = method(all);
            let interval = Some(method.of_share(value, all, settings.confidence));
            return Estimate { interval, note: note_of(method), ..Estimate::of(value) };
        }
        let tallies: Vec<(f64, f64)> = self.units.iter().map(|cells| of.tally(cells)).collect();
        let effective =
            of_tallies(&tallies, settings.confidence, settings.method).map_or(all, |found| found.effective_n);
        let method = method(effective);
        match of_tallies(&tallies, settings.confidence, method) {
            Some(found) if found.interval.is_some() => {
                let few_groups = (found.n_groups < FEW_GROUPS)
                    .then(|| format!("only {} groups: the interval covers about 90 %", found.n_groups));
                let note = few_groups.or_else(|| note_of(method));
                let design_effect = Some(found.design_effect);
                Estimate { interval: found.interval, design_effect, note, ..Estimate::of(value) }
            }
            _ => {
                let note = "all samples are of one group, so nothing tells how groups differ".to_owned();
                Estimate { note: Some(note), ..Estimate::of(value) }
            }
        }
    }

    /// A ratio, or with the logit of a prevalence the predictive value there.
    fn ratio(&self, shape: Shape, prior: Option<f64>, confidence: f64) -> Estimate {
        Ratios { units: &self.units, is_grouped: self.is_grouped, confidence }.estimate(shape, prior)
    }
}
