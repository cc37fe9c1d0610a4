//! Scores of a classifier, with scikit-learn's conventions.
//!
//! - A sample's prediction is the class of highest probability (the first of equals), or, when several labels may hold
//!   at once, every label of probability ≥ ½.
//! - `precision`, `recall`, `specificity` and `f1` are 0 where their denominator is 0 (`zero_division=0`).
//! - Macro F1 is the mean over the classes that occur in the truth *or* among the predictions, balanced accuracy over
//!   those that occur in the truth, macro AUC over those with samples both of the class and of another.
//! - A class without a true sample is listed in [`Scores::absent_classes`].
//!
//! Source: `sklearn.metrics` (`f1_score`, `balanced_accuracy_score`, `roc_auc_score`); the tests
//! hold its numbers.

mod auc;

use std::collections::BTreeMap;

use isnet_data::MaskVerdict;
use serde::Serialize;

pub use crate::predictions::{Predictions, Task};
pub use auc::auc;

use crate::StatisticsError;

/// What [`scores`] finds. All scores lie in `[0, 1]`, and higher is better.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Number of samples.
    pub n: usize,
    /// Share of samples predicted right; of several labels, all must be (exact match).
    pub accuracy: f64,
    /// Multi-label only: share of right decisions among all pairs of sample and label (1 − Hamming
    /// loss).
    pub label_accuracy: Option<f64>,
    /// Mean recall of the classes that occur; of several labels, the mean balanced accuracy of each
    /// label.
    pub balanced_accuracy: f64,
    /// Mean F1 of the classes that occur in the truth or among the predictions.
    pub macro_f1: f64,
    /// Mean one-vs-rest AUC of the classes that have one; `None` if none has.
    pub macro_auc: Option<f64>,
    /// One entry per class, in the order of the classes.
    pub per_class: Vec<ClassScores>,
    /// Counts `[true class][predicted class]`; empty for multi-label tasks, see
    /// [`ClassScores::confusion`].
    pub confusion: Vec<Vec<u64>>,
    /// Classes without a true sample.
    pub absent_classes: Vec<String>,
    /// Mean share of relevance on the background over the samples that have one.
    pub background_share: Option<f64>,
    /// Number of samples in that mean.
    pub background_share_n: usize,
    /// Masks that say nothing, whose samples are left out of that mean; known where a model was run.
    #[serde(skip_serializing_if = "MasksLeftOut::is_none")]
    pub masks_left_out: MasksLeftOut,
}

/// How many masks say nothing, see [`MaskVerdict`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MasksLeftOut {
    /// Masks without foreground.
    pub empty: usize,
    /// Masks without background.
    pub full: usize,
}

impl MasksLeftOut {
    /// Counts them.
    pub fn of(masks: &[Option<MaskVerdict>]) -> Self {
        let count = |verdict| masks.iter().filter(|mask| **mask == Some(verdict)).count();
        Self { empty: count(MaskVerdict::Empty), full: count(MaskVerdict::Full) }
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// In words, if there is any: `3 masks without foreground and 1 without background`.
    pub fn words(&self) -> Option<String> {
        let masks = |n: usize| if n == 1 { "1 mask".to_owned() } else { format!("{n} masks") };
        match (self.empty, self.full) {
            (0, 0) => None,
            (empty, 0) => Some(format!("{} without foreground", masks(empty))),
            (0, full) => Some(format!("{} without background", masks(full))),
            (empty, full) => Some(format!("{} without foreground and {full} without background", masks(empty))),
        }
    }
}

/// One class against all others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScores {
    /// Name of the class.
    pub class: String,
    /// Number of true samples of the class.
    pub support: u64,
    /// Share of the samples predicted as the class that are of the class.
    pub precision: f64,
    /// Share of the samples of the class that are predicted as such (sensitivity).
    pub recall: f64,
    /// Share of the other samples that are not predicted as the class.
    pub specificity: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Area under the ROC curve; `None` unless there are samples of the class and others.
    pub auc: Option<f64>,
    /// Counts `[[true negative, false positive], [false negative, true positive]]`,
    /// `[true][predicted]`.
    pub confusion: [[u64; 2]; 2],
}

/// The scores of one split, as a whole and for each source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitScores {
    /// Name of the split.
    pub split: String,
    /// Scores of all its samples.
    pub scores: Scores,
    /// Scores of its samples from each source.
    pub by_source: BTreeMap<String, Scores>,
}

/// Scores all samples together.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples, and everything that [`Predictions::check`] and a missing
/// label can raise.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, metrics::scores};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// predictions.push("a.png", "hospital", "test", &[0], &[0.9, 0.1]);
/// predictions.push("b.png", "hospital", "test", &[1], &[0.6, 0.4]);
/// let scores = scores(&predictions)?;
/// assert_eq!(scores.accuracy, 0.5);
/// assert_eq!(scores.macro_auc, Some(1.0)); // the ill one has the higher probability of `ill`
/// assert_eq!(scores.confusion, [[1, 0], [1, 0]]);
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn scores(predictions: &Predictions) -> Result<Scores, StatisticsError> {
    predictions.check()?;
    predictions.check_labels()?;
    let n = predictions.len();
    if n == 0 {
        return Err(StatisticsError::Empty);
    }
    let predicted: Vec<Vec<usize>> = (0..n).map(|sample| predictions.predicted(sample)).collect();
    let per_class: Vec<ClassScores> =
        (0..predictions.classes.len()).map(|class_idx| class_scores(predictions, &predicted, class_idx)).collect();
    let n_right = (0..n).filter(|&sample| same_set(&predictions.labels[sample], &predicted[sample])).count();
    let shares: Vec<f64> = predictions.background_share.iter().flatten().copied().collect();
    let occurs = |class: &&ClassScores| class.confusion != [[n as u64, 0], [0, 0]];
    let multi = predictions.task == Task::Multi;
    Ok(Scores {
        n,
        accuracy: n_right as f64 / n as f64,
        label_accuracy: if multi { mean(per_class.iter().map(right_share)) } else { None },
        balanced_accuracy: if multi {
            mean(per_class.iter().map(label_balanced_accuracy)).unwrap_or(0.0)
        } else {
            mean(per_class.iter().filter(|class| class.support > 0).map(|class| class.recall)).unwrap_or(0.0)
        },
        macro_f1: mean(per_class.iter().filter(occurs).map(|class| class.f1)).unwrap_or(0.0),
        macro_auc: mean(per_class.iter().filter_map(|class| class.auc)),
        confusion: if multi { Vec::new() } else { confusion(predictions, &predicted) },
        absent_classes: per_class.iter().filter(|class| class.support == 0).map(|class| class.class.clone()).collect(),
        per_class,
        background_share: mean(shares.iter().copied()),
        background_share_n: shares.len(),
        masks_left_out: MasksLeftOut::of(&predictions.masks),
    })
}

/// The classification loss of predictions, as training has it.
///
/// Of one class among others the cross-entropy, `Σ w_y·(−ln P_y) / Σ w_y` over the samples; of labels by themselves the mean over samples
/// *and* labels of `−w_k·y·ln P − (1 − y)·ln(1 − P)`. Weights are 1 unless they are given. No logarithm is below `ln 10⁻¹²`; 0 without samples.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, metrics::log_loss};
/// let mut predictions = Predictions::new(["hat", "glasses"], Task::Multi);
/// predictions.push("a.png", "web", "val", &[0], &[0.5, 0.5]);
/// assert_eq!(log_loss(&predictions, None), 2_f64.ln()); // of each label, however many there are
/// ```
pub fn log_loss(predictions: &Predictions, class_weights: Option<&[f32]>) -> f64 {
    let weight = |class: usize| class_weights.map_or(1.0, |weights| f64::from(weights[class]));
    let minus_log = |probability: f64| -libm::log(probability.max(1e-12));
    let (mut sum, mut total) = (0.0, 0.0);
    for (labels, row) in predictions.labels.iter().zip(&predictions.probabilities) {
        for (class, probability) in row.iter().enumerate() {
            let (probability, holds) = ((*probability), labels.contains(&class));
            match (predictions.task, holds) {
                (Task::Single, false) => continue,
                (Task::Single, true) => total += weight(class),
                (Task::Multi, _) => total += 1.0,
            }
            sum += if holds { weight(class) * minus_log(probability) } else { minus_log(1.0 - probability) };
        }
    }
    if total == 0.0 { 0.0 } else { sum / total }
}

/// Scores the samples of each source, in the alphabet of the sources.
///
/// # Errors
/// As [`scores`], but no samples make no sources.
pub fn scores_by_source(predictions: &Predictions) -> Result<BTreeMap<String, Scores>, StatisticsError> {
    predictions.check()?;
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (sample, source) in predictions.sources.iter().enumerate() {
        groups.entry(source).or_default().push(sample);
    }
    groups
        .into_iter()
        .map(|(source, samples)| Ok((source.to_owned(), scores(&predictions.select(&samples))?)))
        .collect()
}

/// Scores each split, as a whole and per source; splits come in the order in which they first
/// occur.
///
/// # Errors
/// As [`scores_by_source`].
pub fn scores_by_split(predictions: &Predictions) -> Result<Vec<SplitScores>, StatisticsError> {
    predictions.check()?;
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    for (sample, split) in predictions.splits.iter().enumerate() {
        match groups.iter_mut().find(|(name, _)| name == split) {
            Some((_, samples)) => samples.push(sample),
            None => groups.push((split, vec![sample])),
        }
    }
    groups
        .into_iter()
        .map(|(split, samples)| {
            let part = predictions.select(&samples);
            Ok(SplitScores { split: split.to_owned(), scores: scores(&part)?, by_source: scores_by_source(&part)? })
        })
        .collect()
}

fn class_scores(predictions: &Predictions, predicted: &[Vec<usize>], class_idx: usize) -> ClassScores {
    let truth: Vec<bool> = predictions.labels.iter().map(|labels| labels.contains(&class_idx)).collect();
    let mut confusion = [[0; 2]; 2];
    for (&is_class, predicted) in truth.iter().zip(predicted) {
        confusion[usize::from(is_class)][usize::from(predicted.contains(&class_idx))] += 1;
    }
    let [[true_negative, false_positive], [false_negative, true_positive]] = confusion;
    let probabilities: Vec<f64> = predictions.probabilities.iter().map(|row| row[class_idx]).collect();
    ClassScores {
        class: predictions.classes[class_idx].clone(),
        support: false_negative + true_positive,
        precision: ratio(true_positive, true_positive + false_positive),
        recall: ratio(true_positive, true_positive + false_negative),
        specificity: ratio(true_negative, true_negative + false_positive),
        f1: ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative),
        auc: auc(&probabilities, &truth),
        confusion,
    }
}

/// Counts `[true][predicted]` of a single-label task, whose labels and predictions hold one class
/// each.
fn confusion(predictions: &Predictions, predicted: &[Vec<usize>]) -> Vec<Vec<u64>> {
    let n_classes = predictions.classes.len();
    let mut counts = vec![vec![0; n_classes]; n_classes];
    for (labels, predicted) in predictions.labels.iter().zip(predicted) {
        counts[labels[0]][predicted[0]] += 1;
    }
    counts
}

fn right_share(class: &ClassScores) -> f64 {
    let [[true_negative, false_positive], [false_negative, true_positive]] = class.confusion;
    ratio(true_negative + true_positive, true_negative + false_positive + false_negative + true_positive)
}

/// Mean of recall and specificity; only one of the two where all samples are on one side.
fn label_balanced_accuracy(class: &ClassScores) -> f64 {
    let n_negative = class.confusion[0][0] + class.confusion[0][1];
    match (class.support, n_negative) {
        (0, _) => class.specificity,
        (_, 0) => class.recall,
        _ => (class.recall + class.specificity) / 2.0,
    }
}

fn same_set(left: &[usize], right: &[usize]) -> bool {
    left.iter().all(|item| right.contains(item)) && right.iter().all(|item| left.contains(item))
}

/// `part / whole`, and 0 where there is no whole.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}
