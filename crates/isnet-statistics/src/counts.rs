//! Counts of right and wrong predictions, and the scores made of them.
//!
//! Counts are `f64`: those of a sample, of a weighted resample, and those drawn from the posterior go one way.

use crate::score::{Of, Score};

/// One class against all others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OneVsRest {
    pub true_negative: f64,
    pub false_positive: f64,
    pub false_negative: f64,
    pub true_positive: f64,
}

/// A confusion matrix, or one for each label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Counts {
    /// `[true class][predicted class]`.
    Single { rows: Vec<Vec<f64>> },
    /// A matrix per label, and how many samples are right in all labels.
    Multi { labels: Vec<OneVsRest>, right: f64, wrong: f64 },
}

impl OneVsRest {
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_negative)
    }

    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negative, self.true_negative + self.false_positive)
    }

    pub fn f1(&self) -> Option<f64> {
        ratio(2.0 * self.true_positive, 2.0 * self.true_positive + self.false_positive + self.false_negative)
    }

    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positive + self.true_negative;
        ratio(right, right + self.false_positive + self.false_negative)
    }

    /// Mean of recall and specificity, or the one that is defined.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        mean([self.recall(), self.specificity()].into_iter().flatten())
    }

    /// Whether the class is among the truth or the predictions.
    pub fn occurs(&self) -> bool {
        self.true_positive + self.false_positive + self.false_negative > 0.0
    }
}

impl Counts {
    /// Every class against the rest.
    pub fn classes(&self) -> Vec<OneVsRest> {
        match self {
            Self::Multi { labels, .. } => labels.clone(),
            Self::Single { rows } => {
                let truths: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
                let predictions: Vec<f64> =
                    (0..rows.len()).map(|class_idx| rows.iter().map(|row| row[class_idx]).sum()).collect();
                let total: f64 = truths.iter().sum();
                let class = |class_idx: usize| {
                    let true_positive = rows[class_idx][class_idx];
                    let false_negative = truths[class_idx] - true_positive;
                    let false_positive = predictions[class_idx] - true_positive;
                    let true_negative = total - truths[class_idx] - false_positive;
                    OneVsRest { true_negative, false_positive, false_negative, true_positive }
                };
                (0..rows.len()).map(class).collect()
            }
        }
    }

    /// Which classes are among the truth or the predictions.
    pub fn occurs(&self) -> Vec<bool> {
        self.classes().iter().map(OneVsRest::occurs).collect()
    }

    /// Emits every score made of counts, always in the same order. Macro precision, recall and F1 are means over the
    /// classes that `occurs` names, and macro specificity over those of them that have one.
    pub fn visit(&self, occurs: &[bool], emit: &mut dyn FnMut(Score, Of, Option<f64>)) {
        let classes = self.classes();
        let occurring = || classes.iter().zip(occurs).filter(|pair| *pair.1).map(|pair| pair.0);
        let or_zero = |score: fn(&OneVsRest) -> Option<f64>| mean(occurring().map(|class| score(class).unwrap_or(0.0)));
        match self {
            Self::Single { rows } => {
                let right: f64 = (0..rows.len()).map(|class_idx| rows[class_idx][class_idx]).sum();
                let total: f64 = rows.iter().flatten().sum();
                emit(Score::Accuracy, Of::All, ratio(right, total));
                emit(Score::BalancedAccuracy, Of::All, mean(classes.iter().filter_map(OneVsRest::recall)));
            }
            Self::Multi { right, wrong, .. } => {
                emit(Score::Accuracy, Of::All, ratio(*right, right + wrong));
                emit(Score::LabelAccuracy, Of::All, mean(classes.iter().filter_map(OneVsRest::accuracy)));
                emit(Score::BalancedAccuracy, Of::All, mean(classes.iter().filter_map(OneVsRest::balanced_accuracy)));
            }
        }
        emit(Score::Precision, Of::All, or_zero(OneVsRest::precision));
        emit(Score::Recall, Of::All, or_zero(OneVsRest::recall));
        emit(Score::Specificity, Of::All, mean(occurring().filter_map(OneVsRest::specificity)));
        emit(Score::F1, Of::All, or_zero(OneVsRest::f1));
        for (class_idx, class) in classes.iter().enumerate() {
            if matches!(self, Self::Multi { .. }) {
                emit(Score::Accuracy, Of::Class(class_idx), class.accuracy());
            }
            // Half of a balanced accuracy would pass for a whole one, so a class that lacks one side has none.
            let both = class.recall().and(class.specificity()).and(class.balanced_accuracy());
            emit(Score::BalancedAccuracy, Of::Class(class_idx), both);
            emit(Score::Precision, Of::Class(class_idx), class.precision());
            emit(Score::Recall, Of::Class(class_idx), class.recall());
            emit(Score::Specificity, Of::Class(class_idx), class.specificity());
            emit(Score::F1, Of::Class(class_idx), class.f1());
        }
    }
}

/// `part / whole`, `None` where there is no whole.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}
