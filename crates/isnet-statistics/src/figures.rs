//! What plots need: curves, reliability diagrams and confusion matrices.

use serde::Serialize;

use crate::StatisticsError;
use crate::calibration::{Reliability, reliability_of};
use crate::counts::{Counts, OneVsRest};
use crate::curves::{CurvePoint, precision_recall_curve, roc_curve, thinned};
use crate::part::{Part, parts};
use crate::score_set::ScoreSet;
use crate::settings::Settings;
use crate::{Predictions, Task};

/// Points of a curve that a plot can show.
const MOST_POINTS: usize = 400;

/// What plots of a split, or of one of its sources, need.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Name of the split.
    pub split: String,
    /// One source of the split; `None` for all of it.
    pub source: Option<String>,
    /// Number of samples.
    pub n: usize,
    /// Counts `[true class][predicted class]`; `None` for multi-label tasks, see [`ClassFigures::confusion`].
    pub confusion: Option<Vec<Vec<u64>>>,
    /// Calibration of the probability of the predicted class; `None` for multi-label tasks.
    pub reliability: Option<Reliability>,
    /// One entry per class.
    pub classes: Vec<ClassFigures>,
}

/// What plots of a class against the rest need.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Name of the class.
    pub class: String,
    /// Counts `[[true negative, false positive], [false negative, true positive]]`.
    pub confusion: [[u64; 2]; 2],
    /// ROC curve, at most 400 points; `None` unless there are samples of the class and others.
    pub roc: Option<Vec<CurvePoint>>,
    /// Precision–recall curve, at most 400 points; `None` without samples of the class.
    pub precision_recall: Option<Vec<CurvePoint>>,
    /// Calibration of its probability.
    pub reliability: Option<Reliability>,
}

/// Curves, reliability diagrams and confusion matrices of every split and, where it has several, each of its sources.
///
/// # Errors
/// As [`summary`](crate::summary()).
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Settings, figures};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// predictions.push("a.png", "hospital", "test", &[0], &[0.9, 0.1]);
/// predictions.push("b.png", "hospital", "test", &[1], &[0.6, 0.4]);
/// let figures = figures(&predictions, &Settings::default())?;
/// assert_eq!(figures[0].confusion, Some(vec![vec![1, 0], vec![1, 0]]));
/// assert_eq!(figures[0].classes[1].roc.as_ref().unwrap().len(), 3); // up, then right: `ill` ranks first
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn figures(predictions: &Predictions, settings: &Settings) -> Result<Vec<Figures>, StatisticsError> {
    settings.check(predictions)?;
    Ok(parts(predictions, settings).iter().map(|part| of_part(predictions, part, settings)).collect())
}

fn of_part(predictions: &Predictions, part: &Part, settings: &Settings) -> Figures {
    let chosen = predictions.select(&part.samples);
    // Counts alone: nothing is ranked for a set without scores.
    let no_scores = Settings { scores: Some(Vec::new()), ..settings.clone() };
    let counts = ScoreSet::new(&chosen, &no_scores).counts(&vec![1; chosen.len()]);
    let one_vs_rest = counts.classes();
    let confusion = match &counts {
        Counts::Single { rows } => {
            Some(rows.iter().map(|row| row.iter().map(|count| *count as u64).collect()).collect())
        }
        Counts::Multi { .. } => None,
    };
    let class = |class_idx: usize| {
        let truth: Vec<bool> = chosen.labels.iter().map(|labels| labels.contains(&class_idx)).collect();
        let scores: Vec<f64> = chosen.probabilities.iter().map(|row| row[class_idx]).collect();
        let OneVsRest { true_negative, false_positive, false_negative, true_positive } = one_vs_rest[class_idx];
        ClassFigures {
            class: chosen.classes[class_idx].clone(),
            confusion: [[true_negative, false_positive], [false_negative, true_positive]]
                .map(|row| row.map(|count| count as u64)),
            roc: roc_curve(&scores, &truth).map(|curve| thinned(&curve, MOST_POINTS)),
            precision_recall: precision_recall_curve(&scores, &truth).map(|curve| thinned(&curve, MOST_POINTS)),
            reliability: diagram(&chosen, &scores, &truth, settings),
        }
    };
    Figures {
        split: part.split.clone(),
        source: part.source.clone(),
        n: chosen.len(),
        confusion,
        reliability: of_predicted(&chosen, settings),
        classes: (0..chosen.classes.len()).map(class).collect(),
    }
}

/// Calibration of the probability of the predicted class.
fn of_predicted(predictions: &Predictions, settings: &Settings) -> Option<Reliability> {
    if predictions.task == Task::Multi {
        return None;
    }
    let predicted: Vec<usize> = (0..predictions.len()).map(|sample| predictions.predicted(sample)[0]).collect();
    let rows = predicted.iter().zip(&predictions.probabilities);
    let confidence: Vec<f64> = rows.map(|(&class_idx, row)| row[class_idx]).collect();
    let right: Vec<bool> =
        predicted.iter().zip(&predictions.labels).map(|(predicted, labels)| labels[0] == *predicted).collect();
    diagram(predictions, &confidence, &right, settings)
}

fn diagram(predictions: &Predictions, scores: &[f64], truth: &[bool], settings: &Settings) -> Option<Reliability> {
    let groups = predictions.is_grouped().then_some(predictions.groups.as_slice());
    reliability_of(scores, truth, groups, settings.calibration_bins, settings.confidence)
}
