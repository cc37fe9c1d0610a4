//! What a model said about a set of samples, beside what is true.

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
        }
    }

    /// Adds a sample without a group or a background share.
    pub fn push(&mut self, id: &str, source: &str, split: &str, labels: &[usize], probabilities: &[f64]) {
        self.ids.push(id.to_owned());
        self.sources.push(source.to_owned());
        self.splits.push(split.to_owned());
        self.groups.push(String::new());
        self.labels.push(labels.to_vec());
        self.probabilities.push(probabilities.to_vec());
        self.background_share.push(None);
        self.masks.push(None);
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds the samples of other predictions of the same model.
    pub fn append(&mut self, more: Self) {
        self.ids.extend(more.ids);
        self.sources.extend(more.sources);
        self.splits.extend(more.splits);
        self.groups.extend(more.groups);
        self.labels.extend(more.labels);
        self.probabilities.extend(more.probabilities);
        self.background_share.extend(more.background_share);
        self.masks.extend(more.masks);
    }

    /// Whether any sample belongs to a group.
    pub fn is_grouped(&self) -> bool {
        self.groups.iter().any(|group| !group.is_empty())
    }

    /// The classes predicted for a sample: the most probable one (the first of equals), or all whose probability reaches
    /// their threshold.
    pub fn predicted(&self, sample: usize) -> Vec<usize> {
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
        }
    }

    /// Checks that all columns have the same length, probabilities, thresholds and shares are finite and labels
    /// are classes.
    ///
    /// # Errors
    /// [`StatisticsError::Length`], [`StatisticsError::Setting`] for the thresholds, [`StatisticsError::Probabilities`],
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
        ];
        if let Some(&(column, got)) = columns.iter().find(|(_, got)| *got != self.len()) {
            return Err(StatisticsError::Length { column, expected: self.len(), got });
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
        match self.labels[sample].iter().find(|&&label| label >= n_classes) {
            Some(&label) => Err(StatisticsError::UnknownLabel { id, label, n_classes }),
            None => Ok(()),
        }
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
