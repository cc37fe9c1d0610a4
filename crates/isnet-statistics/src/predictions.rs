//! What a model said about a set of samples, beside what is true.
//!
//! A model says probabilities, and decisions follow from them ([`Predictions::predicted`]). A table of another program may hold its own
//! decisions ([`Predictions::decided`]), made at a threshold of 0.3, say; these are kept, and the scores that count right and wrong
//! ([`Score`](crate::Score) says which) are those of the decisions that were made.

use std::collections::BTreeMap;

use isnet_data::MaskVerdict;

use crate::StatisticsError;

/// How many labels a sample has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Exactly one class: softmax outputs.
    Single,
    /// Any number of classes, also none: sigmoid outputs.
    Multi,
}

impl From<isnet_data::Task> for Task {
    fn from(task: isnet_data::Task) -> Self {
        match task {
            isnet_data::Task::SingleLabel => Self::Single,
            isnet_data::Task::MultiLabel => Self::Multi,
        }
    }
}

/// Predictions for `N` samples and `K` classes; the columns below `thresholds` have one entry per sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Names of the classes, `[K]`.
    pub classes: Vec<String>,
    /// One label per sample, or any number.
    pub task: Task,
    /// [`Task::Multi`]: from which probability on each label is predicted, `[K]`; ½ for all until they are chosen, see
    /// [`choose_thresholds`](crate::choose_thresholds). Of a single label the most probable one is predicted.
    pub thresholds: Vec<f64>,
    /// What the sample is called, usually the path of its image.
    pub ids: Vec<String>,
    /// Where it comes from, such as a hospital.
    pub sources: Vec<String>,
    /// The part of the data set that it belongs to.
    pub splits: Vec<String>,
    /// What it shares with samples that are not independent of it, such as its patient: samples of one group are
    /// resampled together, and a sample whose group is empty stands for itself.
    pub groups: Vec<String>,
    /// Indices of its true classes. Scores need one if the task is [`Task::Single`]; a file may go
    /// without.
    pub labels: Vec<Vec<usize>>,
    /// Softmax or sigmoid outputs, `[N][K]`; those of a model through [`decimal`].
    pub probabilities: Vec<Vec<f64>>,
    /// Share of the relevance on the background, `None` where it was not measured or is not
    /// defined.
    pub background_share: Vec<Option<f64>>,
    /// Whether its mask says anything, `None` where there is no mask or a file does not tell.
    pub masks: Vec<Option<MaskVerdict>>,
    /// The classes that were decided on elsewhere, sorted; `None` where the decision is what the probabilities say, as it is for our own
    /// models. Of a single-label task one class, which need not be the most probable one.
    pub decided: Vec<Option<Vec<usize>>>,
    /// What else is known of the samples, such as sex, age band or device: a value per sample for each name, empty where unknown.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Predictions {
    /// No samples yet.
    pub fn new<S: Into<String>>(classes: impl IntoIterator<Item = S>, task: Task) -> Self {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        Self {
            thresholds: vec![0.5; classes.len()],
            classes,
            task,
            ids: Vec::new(),
            sources: Vec::new(),
            splits: Vec::new(),
            groups: Vec::new(),
            labels: Vec::new(),
            probabilities: Vec::new(),
            background_share: Vec::new(),
            masks: Vec::new(),
            decided: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }

    /// Adds a sample without a group, a background share, a decision of its own or attributes.
    pub fn push(&mut self, id: &str, source: &str, split: &str, labels: &[usize], probabilities: &[f64]) {
        self.ids.push(id.to_owned());
        self.sources.push(source.to_owned());
        self.splits.push(split.to_owned());
        self.groups.push(String::new());
        self.labels.push(labels.to_vec());
        self.probabilities.push(probabilities.to_vec());
        self.background_share.push(None);
        self.masks.push(None);
        self.decided.push(None);
        self.attributes.values_mut().for_each(|values| values.push(String::new()));
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds the samples of other predictions of the same model. An attribute that only one of them has is empty for the other's samples.
    pub fn append(&mut self, more: Self) {
        let (before, after) = (self.len(), self.len() + more.len());
        for (name, values) in more.attributes {
            self.attributes.entry(name).or_insert_with(|| vec![String::new(); before]).extend(values);
        }
        self.attributes.values_mut().for_each(|values| values.resize(after, String::new()));
        self.ids.extend(more.ids);
        self.sources.extend(more.sources);
        self.splits.extend(more.splits);
        self.groups.extend(more.groups);
        self.labels.extend(more.labels);
        self.probabilities.extend(more.probabilities);
        self.background_share.extend(more.background_share);
        self.masks.extend(more.masks);
        self.decided.extend(more.decided);
    }

    /// Whether any sample belongs to a group.
    pub fn is_grouped(&self) -> bool {
        self.groups.iter().any(|group| !group.is_empty())
    }

    /// The classes predicted for a sample: those that were [`decided`](Self::decided) on. Without such a decision the most probable one
    /// (the first of equals), or all whose probability reaches their threshold.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{Predictions, Task, metrics::scores};
    /// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
    /// predictions.push("a.png", "hospital", "test", &[1], &[0.65, 0.35]);
    /// assert_eq!(predictions.predicted(0), [0]);
    /// predictions.decided[0] = Some(vec![1]); // another program says `ill` from 0.3 on
    /// assert_eq!(predictions.predicted(0), [1]);
    /// assert_eq!(scores(&predictions)?.accuracy, 1.0);
    /// # Ok::<(), isnet_statistics::StatisticsError>(())
    /// ```
    pub fn predicted(&self, sample: usize) -> Vec<usize> {
        self.decided[sample].clone().unwrap_or_else(|| self.by_probability(sample))
    }

    /// What the probabilities say by themselves.
    pub(crate) fn by_probability(&self, sample: usize) -> Vec<usize> {
        let row = &self.probabilities[sample];
        let all = 0..row.len();
        match self.task {
            Task::Multi => all.filter(|&class_idx| row[class_idx] >= self.thresholds[class_idx]).collect(),
            Task::Single => all
                .reduce(|best, class_idx| if row[class_idx] > row[best] { class_idx } else { best })
                .into_iter()
                .collect(),
        }
    }

    /// The chosen samples, in the chosen order.
    pub fn select(&self, samples: &[usize]) -> Self {
        Self {
            classes: self.classes.clone(),
            task: self.task,
            thresholds: self.thresholds.clone(),
            ids: pick(&self.ids, samples),
            sources: pick(&self.sources, samples),
            splits: pick(&self.splits, samples),
            groups: pick(&self.groups, samples),
            labels: pick(&self.labels, samples),
            probabilities: pick(&self.probabilities, samples),
            background_share: pick(&self.background_share, samples),
            masks: pick(&self.masks, samples),
            decided: pick(&self.decided, samples),
            attributes: self.attributes.iter().map(|(name, values)| (name.clone(), pick(values, samples))).collect(),
        }
    }

    /// The samples of the splits that are kept, in their order.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::{Predictions, Task};
    /// let mut predictions = Predictions::new(["ill"], Task::Multi);
    /// predictions.push("a.png", "web", "val", &[0], &[0.8]);
    /// predictions.push("b.png", "web", "test", &[], &[0.1]);
    /// assert_eq!(predictions.of_splits(|split| split == "test").ids, ["b.png"]);
    /// ```
    pub fn of_splits(&self, keep: impl Fn(&str) -> bool) -> Self {
        let chosen: Vec<usize> = (0..self.len()).filter(|&sample| keep(&self.splits[sample])).collect();
        self.select(&chosen)
    }

    /// Checks that all columns have the same length, probabilities, thresholds and shares are finite and labels and decisions
    /// are classes.
    ///
    /// # Errors
    /// [`StatisticsError::Length`], [`StatisticsError::Setting`] for thresholds, decisions and attributes, [`StatisticsError::Probabilities`],
    /// [`StatisticsError::NonFinite`] or [`StatisticsError::UnknownLabel`], for the first sample that is wrong.
    pub fn check(&self) -> Result<(), StatisticsError> {
        let columns = [
            ("sources", self.sources.len()),
            ("splits", self.splits.len()),
            ("groups", self.groups.len()),
            ("labels", self.labels.len()),
            ("probabilities", self.probabilities.len()),
            ("background_share", self.background_share.len()),
            ("masks", self.masks.len()),
            ("decided", self.decided.len()),
        ];
        if let Some(&(column, got)) = columns.iter().find(|(_, got)| *got != self.len()) {
            return Err(StatisticsError::Length { column, expected: self.len(), got });
        }
        if let Some((name, values)) = self.attributes.iter().find(|(_, values)| values.len() != self.len()) {
            return Err(StatisticsError::Setting {
                setting: "attributes",
                expected: format!("{} values of `{name}`, one for each sample", self.len()),
                got: values.len().to_string(),
            });
        }
        let n_classes = self.classes.len();
        if self.thresholds.len() != n_classes || self.thresholds.iter().any(|threshold| threshold.is_nan()) {
            return Err(StatisticsError::Setting {
                setting: "thresholds",
                expected: format!("one number for each of the {n_classes} classes"),
                got: format!("{:?}", self.thresholds),
            });
        }
        (0..self.len()).try_for_each(|sample| self.check_sample(sample))
    }

    fn check_sample(&self, sample: usize) -> Result<(), StatisticsError> {
        let (id, n_classes) = (self.ids[sample].clone(), self.classes.len());
        let row = &self.probabilities[sample];
        if row.len() != n_classes {
            return Err(StatisticsError::Probabilities { id, expected: n_classes, got: row.len() });
        }
        if let Some(class_idx) = row.iter().position(|probability| !probability.is_finite()) {
            return Err(StatisticsError::NonFinite {
                what: format!("the probability of `{}`", self.classes[class_idx]),
                id,
            });
        }
        if self.background_share[sample].is_some_and(|share| !share.is_finite()) {
            return Err(StatisticsError::NonFinite { what: "the background share".to_owned(), id });
        }
        if let Some(&label) = self.labels[sample].iter().find(|&&label| label >= n_classes) {
            return Err(StatisticsError::UnknownLabel { id, label, n_classes });
        }
        match &self.decided[sample] {
            Some(decided) if !self.is_decision(decided) => Err(StatisticsError::Setting {
                setting: "decided",
                expected: match self.task {
                    Task::Single => format!("one of the {n_classes} classes, numbered from 0"),
                    Task::Multi => format!("any of the {n_classes} classes, numbered from 0, each once and in order"),
                },
                got: format!("{decided:?} for sample `{id}`"),
            }),
            _ => Ok(()),
        }
    }

    fn is_decision(&self, decided: &[usize]) -> bool {
        let is_one = self.task == Task::Multi || decided.len() == 1;
        let in_order = decided.windows(2).all(|pair| pair[0] < pair[1]);
        is_one && in_order && decided.iter().all(|class_idx| *class_idx < self.classes.len())
    }

    /// Checks that each sample of a single-label task has its one label.
    pub(crate) fn check_labels(&self) -> Result<(), StatisticsError> {
        if self.task == Task::Multi {
            return Ok(());
        }
        match (0..self.len()).find(|&sample| self.labels[sample].len() != 1) {
            Some(sample) => {
                Err(StatisticsError::LabelCount { id: self.ids[sample].clone(), got: self.labels[sample].len() })
            }
            None => Ok(()),
        }
    }
}

/// The number that the shortest digits of a single-precision output stand for: `0.1_f32` is 0.1, and not 0.100000001.
///
/// So what a model gives is, to the last bit, what its table holds and what every other program reads from there; order and ties stay.
///
/// # Example
/// ```
/// # use isnet_statistics::decimal;
/// assert_eq!(decimal(0.1), 0.1);
/// assert_eq!(decimal(1.0 / 3.0), 0.333_333_34);
/// assert!(decimal(f32::NAN).is_nan());
/// ```
pub fn decimal(output: f32) -> f64 {
    output.to_string().parse().unwrap_or(f64::NAN)
}

fn pick<T: Clone>(column: &[T], samples: &[usize]) -> Vec<T> {
    samples.iter().map(|&sample| column[sample].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str) -> Predictions {
        let mut predictions = Predictions::new(["a", "b"], Task::Single);
        predictions.push(id, "", "test", &[0], &[0.7, 0.3]);
        predictions
    }

    #[test]
    fn decisions_and_attributes_stay_with_their_samples() {
        let mut all = one("x");
        all.attributes.insert("sex".to_owned(), vec!["f".to_owned()]);
        let mut more = one("y");
        more.decided[0] = Some(vec![1]);
        more.attributes.insert("device".to_owned(), vec!["CR".to_owned()]);
        all.append(more);
        all.push("z", "", "test", &[1], &[0.2, 0.8]);
        all.check().unwrap();
        let chosen = all.select(&[2, 1]);
        assert_eq!(chosen.decided, [None, Some(vec![1])]);
        assert_eq!(all.attributes["sex"], ["f", "", ""]);
        assert_eq!(chosen.attributes["device"], ["", "CR"]);
        assert_eq!([chosen.predicted(0), chosen.predicted(1)], [[1], [1]]);
    }

    #[test]
    fn decisions_and_attributes_that_mean_nothing_are_named() {
        let message = |spoil: fn(&mut Predictions)| {
            let mut predictions = one("x");
            spoil(&mut predictions);
            predictions.check().unwrap_err().to_string()
        };
        let none = message(|it| it.decided[0] = Some(Vec::new()));
        assert_eq!(none, "`decided` is [] for sample `x`; it must be one of the 2 classes, numbered from 0");
        assert!(message(|it| it.decided[0] = Some(vec![2])).contains("[2] for sample `x`"));
        assert!(message(|it| it.decided.clear()).contains("`decided` has 0 entries for 1 samples"));
        let short = message(|it| drop(it.attributes.insert("sex".to_owned(), Vec::new())));
        assert_eq!(short, "`attributes` is 0; it must be 1 values of `sex`, one for each sample");
    }
}
