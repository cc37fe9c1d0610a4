//! `metrics.json`: all that is known about a set of predictions.

use serde::Serialize;

use crate::EvalError;
use crate::clinical::Clinical;
use isnet_statistics::{Flow, LabelThreshold, Settings, Summary, choose_thresholds, summary};
use isnet_statistics::{Predictions, Task, metrics::SplitScores, metrics::scores_by_split};

/// Scores per split and source, and the same with intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// Whether any number of labels may hold at once.
    pub multi_label: bool,
    /// Multi-label: from which probability on each label is predicted, if it was chosen on validation data. Empty: ½.
    pub thresholds: Vec<LabelThreshold>,
    /// The scores of each split as a tree, with confusion matrices.
    pub splits: Vec<SplitScores>,
    /// Every score of every split, source and class as a row, with intervals and notes.
    pub statistics: Summary,
    /// What a clinic asks beside scores; not found by [`Evaluation::of`], see [`Clinical::of`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clinical: Option<Clinical>,
    /// Which samples were scored, and where the others went; not found by [`Evaluation::of`], see [`flow`](crate::clinical::flow()).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<Flow>,
}

impl Evaluation {
    /// Scores predictions; `validation` are predictions of the same model on other samples, on which the thresholds of a
    /// multi-label task are chosen, and set in `predictions`.
    ///
    /// # Errors
    /// As [`summary`].
    ///
    /// # Example
    /// ```
    /// # use isnet_eval::evaluation::Evaluation;
    /// # use isnet_statistics::{Predictions, Score, Settings, Task};
    /// let (mut validation, mut test) = (Predictions::new(["smile"], Task::Multi), Predictions::new(["smile"], Task::Multi));
    /// validation.push("a.png", "web", "val", &[], &[0.1]);
    /// validation.push("b.png", "web", "val", &[0], &[0.3]);
    /// test.push("c.png", "web", "test", &[0], &[0.4]);
    /// let found = Evaluation::of(&mut test, Some(&validation), &Settings::default())?;
    /// assert_eq!((found.thresholds[0].threshold, test.predicted(0)), (0.3, vec![0]));
    /// assert_eq!(found.statistics.find("test", None, Score::Accuracy, None).unwrap().value, Some(1.0));
    /// # Ok::<(), isnet_eval::EvalError>(())
    /// ```
    pub fn of(
        predictions: &mut Predictions,
        validation: Option<&Predictions>,
        settings: &Settings,
    ) -> Result<Self, EvalError> {
        let thresholds = match validation {
            // Decisions that a table brings along were made elsewhere, by what rule nobody said.
            Some(validation) if predictions.task == Task::Multi && predictions.decided.iter().all(Option::is_none) => {
                choose_thresholds(validation)?
            }
            _ => Vec::new(),
        };
        if !thresholds.is_empty() {
            predictions.thresholds = thresholds.iter().map(|label| label.threshold).collect();
        }
        Ok(Self {
            classes: predictions.classes.clone(),
            multi_label: predictions.task == Task::Multi,
            thresholds,
            splits: scores_by_split(predictions)?,
            statistics: summary(predictions, settings)?,
            clinical: None,
            flow: None,
        })
    }
}
