//! Splits, sources and scores of a summary, in the words and cells of tables.

use isnet_report::{Cell, Estimate};

use crate::distinct::distinct;
use crate::render::interval_words;
use isnet_statistics::{Score, Summary, SummaryRow};

/// A split, or one source of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PartName {
    pub split: String,
    pub source: Option<String>,
}

impl PartName {
    /// The name in a column of names, where sources stand below their split and are set in from it.
    pub fn shown(&self) -> String {
        self.source.as_ref().map_or(self.split.clone(), |source| format!("\u{2003}{source}"))
    }
}

/// The parts of a summary, in its order.
pub(super) fn parts(summary: &Summary) -> Vec<PartName> {
    let mut parts = Vec::new();
    for row in &summary.rows {
        let part = PartName { split: row.split.clone(), source: row.source.clone() };
        if parts.last() != Some(&part) {
            parts.push(part);
        }
    }
    parts
}

/// The splits of a summary, in its order.
pub(super) fn splits(summary: &Summary) -> Vec<String> {
    parts(summary).into_iter().filter(|part| part.source.is_none()).map(|part| part.split).collect()
}

/// A score as a cell: value, the interval to print, notes; or a dash and the reason.
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Score, Settings, summary};
/// # use isnet_eval::report::score_cell;
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// predictions.push("a.png", "hospital", "test", &[0], &[0.9, 0.1]);
/// let table = summary(&predictions, &Settings::default())?;
/// assert!(score_cell(table.find("test", None, Score::Accuracy, None)).shown().starts_with("1.000 ["));
/// let auc = score_cell(table.find("test", None, Score::Auc, None));
/// assert_eq!(auc.shown(), "–");
/// assert!(!auc.notes.is_empty()); // why there is none
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn score_cell(row: Option<&SummaryRow>) -> Cell {
    let Some(row) = row else { return Cell::missing("") };
    let Some(value) = row.value else { return Cell::missing(row.reason.clone().unwrap_or_default()) };
    let cell = Cell::number(value, 3).notes(&row.notes);
    row.interval().map_or(cell.clone(), |interval| cell.interval(interval.low, interval.high))
}

/// A score as a row of a forest.
pub(super) fn estimate(name: String, row: &SummaryRow) -> Estimate {
    let estimate = Estimate { value: row.value, ..Estimate::missing(name) }.n(row.n);
    row.interval().map_or(estimate.clone(), |interval| estimate.interval(interval.low, interval.high))
}

/// What a score is called; `of_class` leaves out how classes are averaged.
pub(super) fn score_words(score: Score, of_class: bool) -> &'static str {
    match (score, of_class) {
        (Score::Accuracy, _) => "accuracy",
        (Score::LabelAccuracy, _) => "label accuracy",
        (Score::BalancedAccuracy, _) => "balanced accuracy",
        (Score::Precision, true) => "precision",
        (Score::Precision, false) => "macro precision",
        (Score::Recall, true) => "recall",
        (Score::Recall, false) => "macro recall",
        (Score::Specificity, true) => "specificity",
        (Score::Specificity, false) => "macro specificity",
        (Score::F1, true) => "F1",
        (Score::F1, false) => "macro F1",
        (Score::Auc, true) => "AUC",
        (Score::Auc, false) => "macro AUC",
        (Score::PairwiseAuc, _) => "pairwise AUC",
        (Score::AveragePrecision, true) => "average precision",
        (Score::AveragePrecision, false) => "macro average precision",
        (Score::BrierLoss, _) => "Brier loss",
        (Score::CalibrationError, _) => "calibration error",
        (Score::BackgroundShare, _) => "background share",
    }
}

/// What the brackets of a summary are.
pub(super) fn about_intervals(summary: &Summary) -> String {
    about_intervals_of(&[summary])
}

/// What the brackets of several summaries are.
pub(super) fn about_intervals_of(summaries: &[&Summary]) -> String {
    let intervals = summaries.iter().flat_map(|summary| &summary.rows).filter_map(SummaryRow::interval);
    let names = distinct(intervals.map(|interval| interval_words(interval.method)));
    let Some(summary) = summaries.first().filter(|_| !names.is_empty()) else {
        return "No intervals were asked for.".to_owned();
    };
    let by = if summary.grouped { "; samples of one group, such as a patient, are taken together" } else { "" };
    format!("Brackets hold {} % intervals ({}{by}).", percent(summary.confidence), names.join(", "))
}

/// A share in percent, without needless digits: `95`, `99.5`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.2}", 100.0 * share);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
