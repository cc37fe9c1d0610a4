//! Scores of subgroups, such as the sexes, ages or scanners, and whether they differ.
//!
//! Each level of an attribute has its sensitivity, specificity and accuracy at one threshold, and its AUC against the rest, with the
//! intervals of [`operating_point`](crate::operating_point()) and of DeLong (Newcombe's where DeLong has none). The test is that of
//! [`proportion_heterogeneity`] or [`cochran_q`]; see the file of those for which and why. Four scores are four questions: adjust their
//! p-values with [`holm`](crate::holm()), over all attributes that were looked at.
//!
//! AUCs are tested if in every level 5 samples of the smaller side can be expected to be out of order: with the weights of fewer, the
//! test rejects in 7 to 12 % of data sets without a difference.
//!
//! The AUC of samples in groups has the variance `G/(G−1)·Σ_g u_g²`, where `u_g` sums `(V − AUC)/m` over the positives of the group and
//! `(V − AUC)/n` over its negatives (V as in [`DeLong`]), and G is the smaller of the numbers of groups of both sides.
//!
//! Source: Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53 (1997), for the AUC in groups.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clustered::{Units, of_tallies};
use crate::logistic::expit;
use crate::operating_point::{Share, Table};
use crate::operating_rule::{class_name, one_vs_rest};
use crate::ranking::Ranking;
use crate::ratios::Cells;
use crate::{
    DeLong, Estimate, Heterogeneity, Interval, IntervalMethod, OperatingSettings, Predictions, ProportionMethod,
    StatisticsError, cochran_q, newcombe, normal, proportion_heterogeneity,
};

/// What is asked of [`subgroups`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubgroupSettings {
    /// The class that is scored against the rest.
    pub class_idx: usize,
    /// Probabilities of the class from here on are called positive.
    pub threshold: f64,
    /// Share of intervals that hold the true value, in (0, 1). Default 0.95.
    pub confidence: f64,
    /// Interval of proportions. Default Wilson's.
    pub method: ProportionMethod,
    /// A level with fewer samples that a score counts is left out of that score (of an AUC: on either side). Default 10, at least 1.
    pub least_samples: usize,
}

/// A score of subgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubgroupScore {
    /// Share of the samples of the class that are called so.
    Sensitivity,
    /// Share of the other samples that are not.
    Specificity,
    /// Share of samples called right.
    Accuracy,
    /// Area under the ROC curve of the class against the rest.
    Auc,
}

/// All scores of the levels of one attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subgroups {
    /// Name of the attribute.
    pub attribute: String,
    /// Name of the class.
    pub class: String,
    /// Probabilities of the class from here on are called positive.
    pub threshold: f64,
    /// Share of intervals that hold the true value.
    pub confidence: f64,
    /// Samples without a value, which belong to no level.
    pub n_without_value: usize,
    /// Sensitivity, specificity, accuracy and AUC.
    pub scores: Vec<SubgroupTable>,
}

/// One score of the levels of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubgroupTable {
    /// Which score.
    pub score: SubgroupScore,
    /// The levels, in their alphabet.
    pub levels: Vec<SubgroupLevel>,
    /// Levels with too few samples for this score.
    pub left_out: Vec<LevelLeftOut>,
    /// The test of "all levels are alike"; `None` if there is none, then a note says why.
    pub heterogeneity: Option<Heterogeneity>,
    /// What a reader should know of the test.
    pub notes: Vec<String>,
}

/// The score of one level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubgroupLevel {
    /// Value of the attribute.
    pub level: String,
    /// Number of samples that the score counts.
    pub n: usize,
    /// The score.
    pub estimate: Estimate,
}

/// A level that was not scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelLeftOut {
    /// Value of the attribute.
    pub level: String,
    /// Number of samples that the score would count; of an AUC, on the smaller side.
    pub n: usize,
}

impl SubgroupSettings {
    /// The defaults for a class and a threshold.
    pub fn new(class_idx: usize, threshold: f64) -> Self {
        Self { class_idx, threshold, confidence: 0.95, method: ProportionMethod::Wilson, least_samples: 10 }
    }
}

/// Scores each level of an attribute, given as its name and its value for each sample, an empty one where it is not known.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples; [`StatisticsError::Length`] if the number of values is another; [`StatisticsError::Setting`] if there
/// is no such class, or a setting means nothing; and what [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, SubgroupSettings, Task, subgroups};
/// let mut test = Predictions::new(["ill"], Task::Multi);
/// let mut sexes = Vec::new();
/// for (n, sex, probability) in [(90, "f", 0.8), (10, "f", 0.2), (70, "m", 0.8), (30, "m", 0.2), (4, "x", 0.8)] {
///     (0..n).for_each(|_| test.push("x.png", "web", "test", &[0], &[probability]));
///     sexes.extend((0..n).map(|_| sex.to_owned()));
/// }
/// let found = subgroups(&test, ("sex", &sexes), &SubgroupSettings::new(0, 0.5))?;
/// let sensitivity = &found.scores[0];
/// assert_eq!(sensitivity.levels[1].estimate.value, Some(0.7));
/// assert_eq!(sensitivity.left_out[0].level, "x"); // 4 of them tell nothing
/// assert!(sensitivity.heterogeneity.unwrap().p_value < 0.001);
/// assert!(found.scores[1].heterogeneity.is_none()); // nobody is healthy here
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn subgroups(
    predictions: &Predictions,
    (attribute, values): (&str, &[String]),
    settings: &SubgroupSettings,
) -> Result<Subgroups, StatisticsError> {
    predictions.check()?;
    predictions.check_labels()?;
    let class = class_name(predictions, settings.class_idx)?;
    if predictions.is_empty() {
        return Err(StatisticsError::Empty);
    }
    if values.len() != predictions.len() {
        return Err(StatisticsError::Length { column: "subgroups", expected: predictions.len(), got: values.len() });
    }
    let of_shares =
        OperatingSettings { confidence: settings.confidence, method: settings.method, prevalences: Vec::new() };
    of_shares.check(settings.threshold)?;
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (sample, value) in values.iter().enumerate() {
        members.entry(value).or_default().push(sample);
    }
    let n_without_value = members.remove("").map_or(0, |samples| samples.len());
    let is_grouped = predictions.is_grouped();
    let level = |(name, samples): (&&str, &Vec<usize>)| {
        let samples = predictions.select(samples);
        let table = Table::new(&samples, settings.class_idx, settings.threshold, is_grouped);
        Level { name: (*name).to_owned(), samples, table }
    };
    let levels: Vec<Level> = members.iter().map(level).collect();
    let n_split = n_split_groups(predictions, values);
    let shares = [
        (SubgroupScore::Sensitivity, Share::Sensitivity),
        (SubgroupScore::Specificity, Share::Specificity),
        (SubgroupScore::Accuracy, Share::Accuracy),
    ];
    let score = |(score, share)| table(score, &levels, settings, |level| level.share(share, &of_shares), n_split);
    let mut scores: Vec<SubgroupTable> = shares.into_iter().map(score).collect();
    scores.push(table(SubgroupScore::Auc, &levels, settings, |level| level.auc(settings), n_split));
    let (threshold, confidence) = (settings.threshold, settings.confidence);
    Ok(Subgroups { attribute: attribute.to_owned(), class, threshold, confidence, n_without_value, scores })
}

/// AUCs are tested if so many samples, or groups, of the smaller side of each level can be expected to be out of order.
const LEAST_OUT_OF_ORDER: f64 = 5.0;

struct Level {
    name: String,
    samples: Predictions,
    table: Table,
}

/// A score of a level with all that a test may need.
struct Scored {
    estimate: Estimate,
    /// Samples that it counts, and those on the smaller side.
    n: usize,
    n_smaller: usize,
    /// `(right, all)` of independent samples.
    tally: Option<(usize, usize)>,
    /// Logit and its variance; `None` if there is none.
    logit: Option<(f64, f64)>,
    /// Of an AUC: samples, or groups, on its smaller side.
    n_ranked: Option<usize>,
}

/// Whether the AUCs of levels can be tested: the weights are one over variances, which few samples out of order leave to chance. All levels
/// together say how many to expect, so that the test does not choose levels by their own AUC.
fn are_testable(kept: &[(&Level, Scored)]) -> bool {
    let known = || kept.iter().filter_map(|(_, scored)| Some((scored.n_ranked? as f64, scored.estimate.value?)));
    let n: f64 = known().map(|(n, _)| n).sum();
    let mean = known().map(|(n, auc)| n * auc).sum::<f64>() / n;
    known().all(|(n, _)| n * (1.0 - mean) >= LEAST_OUT_OF_ORDER)
}

fn table(
    score: SubgroupScore,
    levels: &[Level],
    settings: &SubgroupSettings,
    of_level: impl Fn(&Level) -> Scored,
    n_split: usize,
) -> SubgroupTable {
    let scored: Vec<(&Level, Scored)> = levels.iter().map(|level| (level, of_level(level))).collect();
    let (kept, few): (Vec<_>, Vec<_>) =
        scored.into_iter().partition(|(_, scored)| scored.n_smaller >= settings.least_samples.max(1));
    let left_out =
        few.into_iter().map(|(level, scored)| LevelLeftOut { level: level.name.clone(), n: scored.n_smaller });
    let left_out = left_out.collect();
    let mut notes = Vec::new();
    let tallies: Option<Vec<(usize, usize)>> = kept.iter().map(|(_, scored)| scored.tally).collect();
    let heterogeneity = if kept.len() < 2 {
        notes.push("fewer than two levels have enough samples, so there is nothing to compare".to_owned());
        None
    } else if let Some(tallies) = tallies {
        let found = proportion_heterogeneity(&tallies);
        if found.is_none() {
            notes.push("all samples are right, or all are wrong, so there is no difference to test".to_owned());
        }
        found
    } else if are_testable(&kept) {
        of_logits(&kept, n_split, &mut notes)
    } else {
        notes.push("no test: too few samples of some level are out of order".to_owned());
        None
    };
    let level = |(level, scored): (&Level, Scored)| SubgroupLevel {
        level: level.name.clone(),
        n: scored.n,
        estimate: scored.estimate,
    };
    SubgroupTable { score, levels: kept.into_iter().map(level).collect(), left_out, heterogeneity, notes }
}

fn of_logits(kept: &[(&Level, Scored)], n_split: usize, notes: &mut Vec<String>) -> Option<Heterogeneity> {
    for (level, _) in kept.iter().filter(|(_, scored)| scored.logit.is_none()) {
        notes.push(format!("level `{}` has no variance on the logit scale and is not part of the test", level.name));
    }
    if n_split > 0 {
        let what = if n_split == 1 { "1 group has" } else { &format!("{n_split} groups have") };
        notes.push(format!("{what} samples in several levels, which the test takes as independent"));
    }
    let logits: Vec<(f64, f64)> = kept.iter().filter_map(|(_, scored)| scored.logit).collect();
    let found = cochran_q(&logits);
    if found.is_none() {
        notes.push("fewer than two levels are left, so there is nothing to compare".to_owned());
    }
    found
}

impl Level {
    fn share(&self, share: Share, settings: &OperatingSettings) -> Scored {
        let (right, all) = share.tally(&Cells::total(&self.table.units));
        let n = all as usize;
        let mut scored = Scored {
            estimate: self.table.share(share, settings),
            n,
            n_smaller: n,
            tally: None,
            logit: None,
            n_ranked: None,
        };
        if self.table.is_grouped {
            let tallies: Vec<(f64, f64)> = self.table.units.iter().map(|cells| share.tally(cells)).collect();
            scored.logit = logit_in_groups(&tallies, settings);
        } else {
            scored.tally = Some((right as usize, n));
        }
        scored
    }

    fn auc(&self, settings: &SubgroupSettings) -> Scored {
        let (scores, is_positive) = one_vs_rest(&self.samples, settings.class_idx);
        let n_positive = is_positive.iter().filter(|is_positive| **is_positive).count();
        let n_negative = is_positive.len() - n_positive;
        let mut scored = Scored {
            estimate: Estimate::undefined("an AUC needs samples of the class and others"),
            n: is_positive.len(),
            n_smaller: n_positive.min(n_negative),
            tally: None,
            logit: None,
            n_ranked: None,
        };
        if scored.n_smaller == 0 {
            return scored;
        }
        let units = self.table.is_grouped.then(|| Units::new(&self.samples.groups));
        let area = Area::new(&scores, &is_positive, units.as_ref(), settings.confidence);
        let spread = area.auc * (1.0 - area.auc);
        let logit = area
            .variance
            .filter(|variance| *variance > 1e-24 && spread > 0.0)
            .map(|variance| ((area.auc / (1.0 - area.auc)).ln(), variance / (spread * spread)));
        scored.logit = logit;
        scored.n_ranked = Some(area.n_groups.map_or(scored.n_smaller, |(m, n)| m.min(n)));
        let interval = match (logit, &units) {
            (Some((centre, variance)), _) => {
                let reach = area.reach * variance.sqrt();
                let (low, high) = (expit(centre - reach), expit(centre + reach));
                Some(Interval { method: IntervalMethod::DelongLogit, low, high })
            }
            // Newcombe's formula counts samples; of groups, those of the smaller side are counted as one each.
            (None, Some(_)) => area.n_groups.map(|(m, n)| newcombe(area.auc, m, n, settings.confidence)),
            (None, None) => Some(newcombe(area.auc, n_positive, n_negative, settings.confidence)),
        };
        scored.estimate = Estimate { interval, ..Estimate::of(area.auc) };
        scored
    }
}

/// Logit of a proportion and its variance between groups; with half a right and half a wrong sample more where all are one.
fn logit_in_groups(tallies: &[(f64, f64)], settings: &OperatingSettings) -> Option<(f64, f64)> {
    let found = of_tallies(tallies, settings.confidence, settings.method)?;
    found.interval?;
    let all = found.n as f64;
    let right = found.value * all;
    let wrong = all - right;
    let added = if right == 0.0 || wrong == 0.0 { 0.5 } else { 0.0 };
    let (right, wrong) = (right + added, wrong + added);
    Some(((right / wrong).ln(), found.design_effect * (1.0 / right + 1.0 / wrong)))
}

/// How many groups have samples in several levels.
fn n_split_groups(predictions: &Predictions, values: &[String]) -> usize {
    let mut known: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
    for (group, value) in predictions.groups.iter().zip(values).filter(|pair| !pair.0.is_empty() && !pair.1.is_empty())
    {
        let (first, is_split) = known.entry(group).or_insert((value, false));
        *is_split |= *first != value.as_str();
    }
    known.values().filter(|(_, is_split)| *is_split).count()
}

/// An AUC with its variance.
struct Area {
    auc: f64,
    /// `None` if there are too few samples, or groups, to tell.
    variance: Option<f64>,
    /// Standard errors to each side of an interval.
    reach: f64,
    /// Groups with positives and groups with negatives.
    n_groups: Option<(usize, usize)>,
}

impl Area {
    fn new(scores: &[f64], is_positive: &[bool], units: Option<&Units>, confidence: f64) -> Self {
        let ranking = Ranking::new(scores, is_positive).expect("the probabilities were checked to be finite");
        let auc = ranking.areas(&vec![1; scores.len()]).auc.expect("both sides have samples");
        let Some(units) = units else {
            let variance = DeLong::new(scores, is_positive).map(|area| area.variance());
            return Self { auc, variance, reach: crate::normal::reach(confidence), n_groups: None };
        };
        let n_units = |side: bool| {
            let mut has = vec![false; units.n];
            units
                .of_sample
                .iter()
                .zip(is_positive)
                .filter(|pair| *pair.1 == side)
                .for_each(|(&unit, _)| has[unit] = true);
            has.into_iter().filter(|has| *has).count()
        };
        let n_groups = (n_units(true), n_units(false));
        let groups = n_groups.0.min(n_groups.1) as f64;
        if groups < 2.0 {
            return Self { auc, variance: None, reach: 0.0, n_groups: Some(n_groups) };
        }
        let squares: f64 = influences(&ranking, auc, units).iter().map(|influence| influence * influence).sum();
        let variance = Some(groups / (groups - 1.0) * squares);
        Self { auc, variance, reach: normal::student_reach(confidence, groups - 1.0), n_groups: Some(n_groups) }
    }
}

/// How far each group moves the AUC.
fn influences(ranking: &Ranking, auc: f64, units: &Units) -> Vec<f64> {
    let (negatives, positives) = ranking.sides();
    let (negatives, positives) = (negatives as f64, positives as f64);
    let mut influences = vec![0.0; units.n];
    let (mut positives_above, mut negatives_above) = (0.0, 0.0);
    for tied in ranking.tied() {
        let (tied_negative, tied_positive) = tied.sides();
        let (tied_negative, tied_positive) = (tied_negative as f64, tied_positive as f64);
        let beaten = (negatives - negatives_above - tied_negative / 2.0) / negatives;
        let beating = (positives_above + tied_positive / 2.0) / positives;
        for (sample, is_positive) in tied.samples() {
            let moved = if is_positive { (beaten - auc) / positives } else { (beating - auc) / negatives };
            influences[units.of_sample[sample]] += moved;
        }
        positives_above += tied_positive;
        negatives_above += tied_negative;
    }
    influences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    /// 30 ill and 30 healthy samples of each of two levels; in "new" the model is worse.
    fn predictions() -> (Predictions, Vec<String>) {
        let mut predictions = Predictions::new(["ill"], Task::Multi);
        let mut scanners = Vec::new();
        for sample in 0..120 {
            let (is_ill, is_new) = (sample % 2 == 0, sample >= 60);
            let noise = f64::from(sample * 37 % 60) / 60.0;
            let probability = if is_new { noise } else { noise / 2.0 + if is_ill { 0.4 } else { 0.1 } };
            predictions.push(&sample.to_string(), "web", "test", if is_ill { &[0] } else { &[] }, &[probability]);
            scanners.push(if is_new { "new" } else { "old" }.to_owned());
        }
        (predictions, scanners)
    }

    fn found(predictions: &Predictions, scanners: &[String]) -> Subgroups {
        subgroups(predictions, ("scanner", scanners), &SubgroupSettings::new(0, 0.5)).unwrap()
    }

    #[test]
    fn a_level_is_scored_as_it_would_be_alone() {
        let (predictions, scanners) = predictions();
        let new = predictions.select(&(60..120).collect::<Vec<_>>());
        let alone = crate::operating_point(&new, 0, 0.5, &OperatingSettings::default()).unwrap();
        let found = found(&predictions, &scanners);
        assert_eq!(found.scores[0].levels[0].estimate, alone.sensitivity);
        assert_eq!(found.scores[1].levels[0].estimate, alone.specificity);
        assert_eq!(found.scores[2].levels[0].estimate, alone.accuracy);
        let (scores, truth) = one_vs_rest(&new, 0);
        let area = DeLong::new(&scores, &truth).unwrap();
        let auc = &found.scores[3].levels[0].estimate;
        assert_eq!(auc.value, Some(area.auc));
        let (got, expected) = (auc.interval.unwrap(), area.logit_interval(0.95).unwrap());
        assert!((got.low - expected.low).abs() < 1e-12 && (got.high - expected.high).abs() < 1e-12);
        assert!(found.scores[3].heterogeneity.unwrap().p_value < 0.01);
    }

    /// Every image three times: the intervals and tests stay (nearly) those of one each, as they should.
    #[test]
    fn copies_of_images_prove_nothing() {
        let (once, scanners) = predictions();
        let mut lone = once.clone();
        lone.groups = lone.ids.clone();
        let mut thrice = lone.clone();
        thrice.append(lone.clone());
        thrice.append(lone.clone());
        let (one, three) = (found(&lone, &scanners), found(&thrice, &[&scanners[..]; 3].concat()));
        for (one, three) in one.scores.iter().zip(&three.scores) {
            let (test, of_copies) = (one.heterogeneity.unwrap(), three.heterogeneity.unwrap());
            assert!((test.p_value - of_copies.p_value).abs() < 1e-9, "{:?}", one.score);
            let (one, three) = (one.levels[0].estimate.interval.unwrap(), three.levels[0].estimate.interval.unwrap());
            assert!((one.low - three.low).abs() < 1e-9 && (one.high - three.high).abs() < 1e-9);
        }
    }

    #[test]
    fn unknown_values_small_levels_and_split_groups_are_said() {
        let (mut predictions, mut scanners) = predictions();
        scanners[0] = String::new();
        scanners[1] = "rare".to_owned();
        predictions.groups[5] = "ada".to_owned();
        predictions.groups[115] = "ada".to_owned();
        let found = found(&predictions, &scanners);
        assert_eq!(found.n_without_value, 1);
        assert_eq!(found.scores[2].left_out, [LevelLeftOut { level: "rare".to_owned(), n: 1 }]);
        assert_eq!(found.scores[2].levels.len(), 2);
        assert!(found.scores[2].notes[0].starts_with("1 group has samples in several levels"));
    }

    #[test]
    fn separated_classes_have_an_interval_but_no_test() {
        let (mut predictions, scanners) = predictions();
        for sample in 0..120 {
            predictions.probabilities[sample] = vec![if sample % 2 == 0 { 0.9 } else { 0.1 }];
        }
        let auc = &found(&predictions, &scanners).scores[3];
        assert!(auc.levels.iter().all(|level| level.estimate.interval.unwrap().low < 1.0));
        assert!(auc.heterogeneity.is_none() && auc.notes[0].starts_with("no test: too few samples"));
        predictions.groups = predictions.ids.clone();
        assert!(found(&predictions, &scanners).scores[3].levels[0].estimate.interval.unwrap().low < 0.98);
    }

    #[test]
    fn a_value_is_needed_for_every_sample() {
        let (predictions, scanners) = predictions();
        let wrong = subgroups(&predictions, ("scanner", &scanners[1..]), &SubgroupSettings::new(0, 0.5));
        assert!(matches!(wrong, Err(StatisticsError::Length { column: "subgroups", .. })));
    }
}
