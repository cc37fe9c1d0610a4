//! From predictions per image to predictions per patient.
//!
//! A clinician decides on a patient, so a journal wants scores per patient beside those per image; and of one sample per
//! patient, samples are independent again.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Predictions, StatisticsError};

/// How the probabilities of a group become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Their mean, class by class: the default. Probabilities that sum to 1 still do.
    #[default]
    Mean,
    /// Their maximum, class by class: "ill if any image shows it". They sum to more than 1, so they rank and decide, but calibration and
    /// Brier score mean little.
    Maximum,
}

/// Predictions of one sample per group, and what became of the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct PerGroup {
    /// A sample per group, in the order in which groups first occur.
    ///
    /// Its name is that of the group, and it belongs to no group any more. Its source is that of its samples, or all of them joined by
    /// `+`; the background share is the mean of those that were measured; the mask is judged where all samples have one verdict.
    pub predictions: Predictions,
    /// How many went in and came out.
    pub counts: PerGroupCounts,
}

/// What became of the samples of [`per_group`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PerGroupCounts {
    /// Samples that went in.
    pub n_samples: usize,
    /// Groups among them, each split for itself; a sample without a group is one.
    pub n_groups: usize,
    /// Of those, samples without a group, which stand for themselves.
    pub n_ungrouped: usize,
    /// Names of the groups that are left out since the labels of their samples disagree.
    pub disagreeing: Vec<String>,
    /// Samples of those groups.
    pub n_samples_left_out: usize,
    /// Names of groups that have samples in several splits: they came out once for each, and those splits are not independent.
    pub in_several_splits: Vec<String>,
}

/// Pools the samples of each group within a split into one.
///
/// Thresholds of a multi-label task are kept as they are: they were chosen for images, so choose them again on pooled validation samples.
///
/// # Errors
/// [`StatisticsError::Empty`] without samples, and what [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{Pooling, Predictions, Task, per_group};
/// let mut images = Predictions::new(["healthy", "ill"], Task::Single);
/// images.push("a1.png", "web", "test", &[1], &[0.25, 0.75]);
/// images.push("a2.png", "web", "test", &[1], &[0.75, 0.25]);
/// images.push("b1.png", "web", "test", &[0], &[0.5, 0.5]);
/// images.push("b2.png", "web", "test", &[1], &[0.5, 0.5]);
/// images.groups = ["ada", "ada", "bob", "bob"].map(String::from).to_vec();
/// let patients = per_group(&images, Pooling::Mean)?;
/// assert_eq!(patients.predictions.ids, ["ada"]);
/// assert_eq!(patients.predictions.probabilities, [[0.5, 0.5]]);
/// assert_eq!(patients.counts.disagreeing, ["bob"]); // is bob ill? nobody counts him
/// assert_eq!((patients.counts.n_groups, patients.counts.n_samples_left_out), (2, 2));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn per_group(predictions: &Predictions, pooling: Pooling) -> Result<PerGroup, StatisticsError> {
    predictions.check()?;
    if predictions.is_empty() {
        return Err(StatisticsError::Empty);
    }
    let mut counts = PerGroupCounts { n_samples: predictions.len(), ..PerGroupCounts::default() };
    counts.n_ungrouped = predictions.groups.iter().filter(|group| group.is_empty()).count();
    counts.in_several_splits = in_several_splits(predictions);
    let mut pooled = Predictions::new(predictions.classes.clone(), predictions.task);
    pooled.thresholds.clone_from(&predictions.thresholds);
    for samples in members(predictions) {
        counts.n_groups += 1;
        let labels = label_set(predictions, samples[0]);
        if samples.iter().any(|&sample| label_set(predictions, sample) != labels) {
            counts.disagreeing.push(predictions.groups[samples[0]].clone());
            counts.n_samples_left_out += samples.len();
        } else {
            push(&mut pooled, predictions, &samples, pooling);
        }
    }
    Ok(PerGroup { predictions: pooled, counts })
}

/// The samples of each group of each split, in the order of the first of them.
fn members(predictions: &Predictions) -> Vec<Vec<usize>> {
    let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (sample, (group, split)) in predictions.groups.iter().zip(&predictions.splits).enumerate() {
        let next = members.len();
        let unit = if group.is_empty() { next } else { *known.entry((group, split)).or_insert(next) };
        if unit == next {
            members.push(Vec::new());
        }
        members[unit].push(sample);
    }
    members
}

fn in_several_splits(predictions: &Predictions) -> Vec<String> {
    let mut splits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, split) in predictions.groups.iter().zip(&predictions.splits).filter(|pair| !pair.0.is_empty()) {
        let known = splits.entry(group).or_default();
        if !known.contains(&split.as_str()) {
            known.push(split);
        }
    }
    splits.into_iter().filter(|(_, splits)| splits.len() > 1).map(|(group, _)| group.to_owned()).collect()
}

fn label_set(predictions: &Predictions, sample: usize) -> Vec<usize> {
    let mut labels = predictions.labels[sample].clone();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn push(pooled: &mut Predictions, from: &Predictions, samples: &[usize], pooling: Pooling) {
    let first = samples[0];
    let name = if from.groups[first].is_empty() { &from.ids[first] } else { &from.groups[first] };
    let mut sources: Vec<&str> = samples.iter().map(|&sample| from.sources[sample].as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let of_class = |class_idx: usize| {
        let values = samples.iter().map(|&sample| from.probabilities[sample][class_idx]);
        match pooling {
            Pooling::Mean => values.sum::<f64>() / samples.len() as f64,
            Pooling::Maximum => values.fold(f64::NEG_INFINITY, f64::max),
        }
    };
    let probabilities: Vec<f64> = (0..from.classes.len()).map(of_class).collect();
    pooled.push(name, &sources.join("+"), &from.splits[first], &label_set(from, first), &probabilities);
    let last = pooled.len() - 1;
    pooled.background_share[last] =
        crate::counts::mean(samples.iter().filter_map(|&sample| from.background_share[sample]));
    if samples.iter().all(|&sample| from.masks[sample] == from.masks[first]) {
        pooled.masks[last] = from.masks[first];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use isnet_data::MaskVerdict;

    fn images() -> Predictions {
        let mut images = Predictions::new(["smile", "hat"], Task::Multi);
        for (id, source, labels, probabilities) in [
            ("a1", "north", &[0, 1][..], [0.2, 0.9]),
            ("lone", "south", &[], [0.1, 0.3]),
            ("a2", "east", &[1, 0], [0.6, 0.5]),
        ] {
            images.push(id, source, "test", labels, &probabilities);
        }
        images.groups = ["ada", "", "ada"].map(String::from).to_vec();
        images.background_share = vec![Some(0.25), None, None];
        images.masks = vec![Some(MaskVerdict::Usable), None, Some(MaskVerdict::Empty)];
        images
    }

    #[test]
    fn a_group_becomes_one_sample_and_a_lone_one_stays() {
        let found = per_group(&images(), Pooling::Maximum).unwrap();
        let PerGroup { predictions, counts } = found;
        assert_eq!(
            (predictions.ids, predictions.sources),
            (vec!["ada".to_owned(), "lone".to_owned()], vec!["east+north".to_owned(), "south".to_owned()])
        );
        assert_eq!(predictions.probabilities, [[0.6, 0.9], [0.1, 0.3]]);
        assert_eq!(predictions.labels, [vec![0, 1], vec![]]); // the order of labels is no disagreement
        assert_eq!((predictions.background_share, predictions.masks), (vec![Some(0.25), None], vec![None, None]));
        assert_eq!((counts.n_samples, counts.n_groups, counts.n_ungrouped), (3, 2, 1));
        assert!(predictions.groups.iter().all(String::is_empty) && counts.disagreeing.is_empty());
    }

    #[test]
    fn splits_are_pooled_apart_and_a_leak_is_named() {
        let mut images = images();
        images.splits[2] = "train".to_owned();
        let found = per_group(&images, Pooling::Mean).unwrap();
        assert_eq!(
            (found.predictions.splits, found.counts.in_several_splits),
            (vec!["test".to_owned(), "test".to_owned(), "train".to_owned()], vec!["ada".to_owned()])
        );
    }

    #[test]
    fn nothing_cannot_be_pooled() {
        assert!(matches!(per_group(&Predictions::new(["a"], Task::Multi), Pooling::Mean), Err(StatisticsError::Empty)));
    }
}
