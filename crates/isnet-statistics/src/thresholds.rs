//! The threshold of each label, chosen on validation data.

use serde::Serialize;

use crate::StatisticsError;
use crate::counts::ratio;
use crate::curves::precision_recall_curve;
use crate::{Predictions, Task};

/// From which probability on a label is predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelThreshold {
    /// Name of the label.
    pub label: String,
    /// Probabilities from here on count as "is there".
    pub threshold: f64,
    /// F1 of the label at this threshold on the samples that it was chosen on.
    pub f1: Option<f64>,
    /// Why no threshold could be chosen, so that it is ½.
    pub reason: Option<String>,
}

/// Chooses the threshold with the highest F1 for each label, on samples that are not those to be tested.
///
/// Candidates are the probabilities that occur; of equals the lowest is taken, as
/// `argmax` over `sklearn.metrics.precision_recall_curve` does. A label without a positive sample keeps ½.
///
/// # Errors
/// [`StatisticsError::Setting`] for a single-label task, which has no thresholds; [`StatisticsError::Empty`] without samples; and what
/// [`Predictions::check`] finds wrong.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, choose_thresholds};
/// let mut validation = Predictions::new(["smile"], Task::Multi);
/// validation.push("a.png", "web", "val", &[], &[0.1]);
/// validation.push("b.png", "web", "val", &[0], &[0.3]);
/// validation.push("c.png", "web", "val", &[0], &[0.4]);
/// let chosen = choose_thresholds(&validation)?;
/// assert_eq!((chosen[0].threshold, chosen[0].f1), (0.3, Some(1.0)));
/// # Ok::<(), isnet_statistics::StatisticsError>(())
/// ```
pub fn choose_thresholds(validation: &Predictions) -> Result<Vec<LabelThreshold>, StatisticsError> {
    validation.check()?;
    if validation.task != Task::Multi {
        return Err(StatisticsError::Setting {
            setting: "task",
            expected: "multi-label, since of single labels the most probable one is predicted".to_owned(),
            got: "single-label".to_owned(),
        });
    }
    if validation.is_empty() {
        return Err(StatisticsError::Empty);
    }
    Ok((0..validation.classes.len()).map(|class_idx| choose(validation, class_idx)).collect())
}

fn choose(validation: &Predictions, class_idx: usize) -> LabelThreshold {
    let label = validation.classes[class_idx].clone();
    let probabilities: Vec<f64> = validation.probabilities.iter().map(|row| row[class_idx]).collect();
    let truth: Vec<bool> = validation.labels.iter().map(|labels| labels.contains(&class_idx)).collect();
    let curve = precision_recall_curve(&probabilities, &truth).unwrap_or_default();
    let mut best: Option<(f64, f64)> = None;
    for point in &curve {
        let f1 = ratio(2.0 * point.x * point.y, point.x + point.y).unwrap_or(0.0);
        // Rounding must not prefer the later of two equal scores.
        if let Some(threshold) = point.threshold
            && best.is_none_or(|(_, highest)| f1 > highest * (1.0 + 1e-12))
        {
            best = Some((threshold, f1));
        }
    }
    match best {
        Some((threshold, f1)) => LabelThreshold { label, threshold, f1: Some(f1), reason: None },
        None => {
            let reason = format!("no sample has the label `{label}`, so its threshold stays ½");
            LabelThreshold { label, threshold: 0.5, f1: None, reason: Some(reason) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_never_occurs_keeps_one_half_and_says_why() {
        let mut validation = Predictions::new(["smile", "hat"], Task::Multi);
        validation.push("a.png", "web", "val", &[0], &[0.7, 0.9]);
        let chosen = choose_thresholds(&validation).unwrap();
        assert_eq!((chosen[0].threshold, chosen[1].threshold), (0.7, 0.5));
        assert!(chosen[1].reason.as_ref().unwrap().contains("`hat`"));
    }

    /// From 0.3 on two of four calls are right, from 0.9 on one of one but half of the label is missed: F1 = 2/3 twice.
    #[test]
    fn of_equal_thresholds_the_lowest_is_taken() {
        let mut validation = Predictions::new(["smile"], Task::Multi);
        for (probability, labels) in [(0.9, &[0][..]), (0.5, &[]), (0.4, &[]), (0.3, &[0])] {
            validation.push("a.png", "web", "val", labels, &[probability]);
        }
        assert_eq!(choose_thresholds(&validation).unwrap()[0].threshold, 0.3);
    }

    #[test]
    fn single_labels_have_no_thresholds() {
        let message = choose_thresholds(&Predictions::new(["a", "b"], Task::Single)).unwrap_err().to_string();
        assert!(message.contains("multi-label"), "{message}");
    }
}
