//! The names of the scores and what they are of.

use serde::Serialize;

use crate::Task;

/// A score; its value as a whole is a mean over classes (macro average) unless it says otherwise.
///
/// Conventions are scikit-learn's. A score of a class whose denominator is 0 is not defined; in a macro average of
/// precision, recall or F1 it counts as 0 (`zero_division=0`), and those averages run over the classes that occur in the
/// truth or among the predictions. All other averages run over the classes that have the score.
///
/// | made of | scores |
/// |---|---|
/// | decisions ([`Predictions::predicted`](crate::Predictions::predicted)) | accuracy, label accuracy, balanced accuracy, precision, recall, specificity, F1 |
/// | probabilities | AUC, pairwise AUC, average precision, Brier loss, calibration error |
/// | probabilities of the decisions | calibration error of a single-label task as a whole |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// Share of samples predicted right; of several labels, all must be (exact match). Per label: share of its right
    /// decisions; not given per class of a single-label task.
    Accuracy,
    /// Multi-label only: share of right decisions among all pairs of sample and label (1 − Hamming loss).
    LabelAccuracy,
    /// Mean recall of the classes that occur. Per class, and in the mean over labels: mean of recall and specificity.
    BalancedAccuracy,
    /// Share of the samples predicted as the class that are of the class.
    Precision,
    /// Share of the samples of the class that are predicted as such (sensitivity).
    Recall,
    /// Share of the other samples that are not predicted as the class.
    Specificity,
    /// Harmonic mean of precision and recall.
    F1,
    /// Area under the ROC curve of each class against the rest.
    Auc,
    /// Area under the ROC curve of two classes, the mean of ranking their samples by the one and by the other probability
    /// (one-vs-one, Hand and Till). For single-label tasks of 3 to 20 classes.
    PairwiseAuc,
    /// Area under the precision–recall curve, as a sum of steps.
    AveragePrecision,
    /// Mean squared difference between probability and truth. As a whole: of two classes, that of either; of more
    /// classes, the sum over the classes, in [0, 2]; of several labels, their mean.
    BrierLoss,
    /// Expected calibration error: mean distance of predicted and true share over bins of equal width. As a whole: of
    /// the probability of the predicted class, or the mean over labels; per class: of its own probability.
    CalibrationError,
    /// Mean share of relevance on the background, over the samples that have one.
    BackgroundShare,
}

impl Score {
    /// All scores, in the order of tables.
    pub const ALL: [Self; 13] = [
        Self::Accuracy,
        Self::LabelAccuracy,
        Self::BalancedAccuracy,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::F1,
        Self::Auc,
        Self::PairwiseAuc,
        Self::AveragePrecision,
        Self::BrierLoss,
        Self::CalibrationError,
        Self::BackgroundShare,
    ];

    /// The name in files: `balanced_accuracy`.
    ///
    /// # Example
    /// ```
    /// # use isnet_statistics::Score;
    /// assert_eq!(Score::F1.name(), "f1");
    /// assert_eq!(serde_json::to_value(Score::F1)?, "f1");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::LabelAccuracy => "label_accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            Self::F1 => "f1",
            Self::Auc => "auc",
            Self::PairwiseAuc => "pairwise_auc",
            Self::AveragePrecision => "average_precision",
            Self::BrierLoss => "brier_loss",
            Self::CalibrationError => "calibration_error",
            Self::BackgroundShare => "background_share",
        }
    }

    /// Whether a better model has a higher value.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::BrierLoss | Self::CalibrationError | Self::BackgroundShare)
    }

    /// The largest value that it can have.
    pub(crate) fn most(self, task: Task) -> f64 {
        if self == Self::BrierLoss && task == Task::Single { 2.0 } else { 1.0 }
    }

    /// Whether the score is made of counts of right and wrong predictions, so that the posterior of the confusion matrix
    /// is one of the score too.
    pub fn is_counted(self) -> bool {
        use Score::{Accuracy, BalancedAccuracy, F1, LabelAccuracy, Precision, Recall, Specificity};
        matches!(self, Accuracy | LabelAccuracy | BalancedAccuracy | Precision | Recall | Specificity | F1)
    }
}

/// What a score is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// The model as a whole.
    All,
    /// One class against the rest, by its index.
    Class(usize),
    /// Two classes against each other.
    Pair(usize, usize),
}

#[cfg(test)]
mod tests {
    use super::Score;

    #[test]
    fn every_score_is_listed_in_order_and_has_one_name() {
        assert!(Score::ALL.is_sorted());
        for score in Score::ALL {
            assert_eq!(serde_json::to_value(score).unwrap(), score.name());
        }
    }
}
