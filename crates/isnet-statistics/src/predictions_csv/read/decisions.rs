//! The decisions of a table: those that its probabilities say anyway, and those that were made in another way.

use super::Row;
use crate::{Predictions, Task};

/// Keeps the decisions, all or none: none where probabilities and thresholds say each of them. The thresholds of a multi-label task are
/// read off the decisions where there are some that explain all.
pub(super) fn keep(predictions: &mut Predictions, rows: &[Row]) {
    let task = predictions.task;
    // Every sample of a single-label task has a class, so that an empty cell is no decision.
    let decision = |row: &Row| row.predicted.clone().filter(|decided| task == Task::Multi || !decided.is_empty());
    let decided: Vec<Option<Vec<usize>>> = rows.iter().map(decision).collect();
    if task == Task::Multi
        && let Some(decided) = decided.iter().map(Option::as_ref).collect::<Option<Vec<_>>>()
        && let Some(found) = thresholds(predictions, &decided)
    {
        predictions.thresholds = found;
    }
    let is_said = |(sample, decided): (usize, &Option<Vec<usize>>)| {
        decided.as_ref().is_none_or(|decided| *decided == predictions.by_probability(sample))
    };
    if !decided.iter().enumerate().all(is_said) {
        predictions.decided = decided;
    }
}

/// For each label the lowest probability that was called positive, above all that were not; ½ where that explains them too.
fn thresholds(predictions: &Predictions, decided: &[&Vec<usize>]) -> Option<Vec<f64>> {
    let threshold = |class_idx: usize| {
        let (mut lowest_called, mut highest_not) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, called) in predictions.probabilities.iter().zip(decided) {
            if called.contains(&class_idx) {
                lowest_called = lowest_called.min(row[class_idx]);
            } else {
                highest_not = highest_not.max(row[class_idx]);
            }
        }
        match highest_not < 0.5 && 0.5 <= lowest_called {
            true => Some(0.5),
            false => (highest_not < lowest_called).then_some(lowest_called),
        }
    };
    (0..predictions.classes.len()).map(threshold).collect()
}
