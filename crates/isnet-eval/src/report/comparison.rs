//! What a comparison of models found, as a document for people.

use isnet_report::{Document, Section};
use isnet_run::Versions;

use super::parts::about_intervals_of;
use super::{Distance, Entry, SideBySide, repeat_section, standing, test_section};
use crate::statistics::{Comparison, Score, Summary};

/// The scores of tables and plots.
const SHOWN: [Score; 4] = [Score::Accuracy, Score::F1, Score::Auc, Score::BackgroundShare];

/// What a document about a comparison is made from.
#[derive(Clone, Copy)]
pub struct ComparisonReport<'a> {
    /// The models by name; the others are held against the first.
    pub models: &'a [(&'a str, &'a Summary)],
    /// The tests; `None` if the models were not evaluated on the same samples.
    pub comparison: Option<&'a Comparison>,
    /// The command that made the comparison.
    pub command: &'a str,
    /// What it was made with.
    pub versions: &'a Versions,
}

/// The whole document: who stands where, scores, tests, and how to repeat it.
///
/// # Example
/// ```
/// # use isnet_eval::{metrics::{Predictions, Task}, statistics::{Settings, compare, summary}};
/// # use isnet_eval::report::{ComparisonReport, comparison_document};
/// let model = |ill: f32| {
///     let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
///     (0..40).for_each(|idx| predictions.push(&idx.to_string(), "", "test", &[1], &[1.0 - ill, ill]));
///     predictions
/// };
/// let (wrong, right) = (model(0.1), model(0.9));
/// let settings = Settings { by_class: false, ..Settings::default() };
/// let summaries = [summary(&wrong, &settings)?, summary(&right, &settings)?];
/// let document = comparison_document(&ComparisonReport {
///     models: &[("wrong", &summaries[0]), ("right", &summaries[1])],
///     comparison: Some(&compare(&[("wrong", &wrong), ("right", &right)], &settings)?),
///     command: "isnet compare wrong.csv right.csv --output compared",
///     versions: &isnet_run::Versions::current("cpu", 1),
/// });
/// let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
/// assert_eq!(titles, ["Summary", "Scores", "Tests against wrong", "How to repeat it"]);
/// assert!(document.to_markdown("").text.contains("better: right (+1.00)"));
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn comparison_document(report: &ComparisonReport) -> Document {
    let entries: Vec<Entry> = report.models.iter().map(|(name, summary)| Entry::model(name, summary)).collect();
    let side_by_side = SideBySide { what: "model", counted: "samples", scores: SHOWN.to_vec(), entries };
    let distances = report.comparison.map_or_else(Vec::new, Distance::of_models);
    let mut summary = Section::new("Summary");
    standing(&side_by_side, &distances, "over samples").into_iter().for_each(|block| summary.push(block));
    if report.comparison.is_none() && report.models.len() > 1 {
        summary.push("**No tests**: the models were not evaluated on the same samples.");
    }
    let names: Vec<&str> = report.models.iter().map(|(name, _)| *name).collect();
    let summaries: Vec<&Summary> = report.models.iter().map(|(_, summary)| *summary).collect();
    let mut document = Document::new(match names.as_slice() {
        [one] => format!("Scores of {one}"),
        _ => format!("Comparison of {} models", names.len()),
    })
    .subtitle("Who is better on which data, and how sure that is")
    .fact("models", names.join(", "))
    .fact("made by", format!("isnet {}", report.versions.isnet));
    if !summary.blocks.is_empty() {
        document.sections.push(summary);
    }
    document.sections.push(side_by_side.section(about_intervals_of(&summaries)));
    let about = "Tests take the models as they are: what another training would give they do not know.";
    document.sections.extend(report.comparison.map(|comparison| test_section(comparison, "model", about)));
    document.sections.push(repeat_section(report.command, "", report.versions));
    document
}
