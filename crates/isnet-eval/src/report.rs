//! What an evaluation found, as a document for people.
//!
//! ```text
//! Summary ───────► summary_section, score_section
//! [Figures] ─────► figure_section      curves, reliability, confusion          ┐
//! Clinical ──────► calibration_section, clinical_section                       │
//! [EpochRecord] ─► training_section                                            ├─► Document ─► report.html, report.md
//! Predictions, Model, data ─► gallery_section   image, overlay, signed map     │
//! command, config.toml, Versions ─► repeat_section                             ┘
//! ```
//!
//! [`evaluation_document`] puts all of it together; each section can also be taken alone, for documents with more.
//!
//! Several models, or methods over their trainings, share [`SideBySide`] (tables and plots), [`standing`] (words) and [`test_section`]; for
//! models [`comparison_document`] puts them together.

mod calibration;
mod clinical;
mod comparison;
mod differences;
mod figures;
mod gallery;
mod parts;
mod repeat;
mod scores;
mod side_by_side;
mod standing;
mod summary;
mod training;

use isnet_report::Document;
use isnet_run::{EpochRecord, Versions};

use crate::EvalError;
use crate::evaluation::Evaluation;
use isnet_statistics::{Predictions, Scaling, Settings};

pub use calibration::{agreement_table, calibration_document, calibration_section};
pub use clinical::{clinical_section, clinical_tables};
pub use comparison::{ComparisonReport, comparison_document};
pub use differences::test_section;
pub use figures::figure_section;
pub use gallery::{Choice, Pictures, chosen, color_key, gallery_section, picture_item};
pub use parts::{percent, score_cell};
pub use repeat::repeat_section;
pub use scores::score_section;
pub use side_by_side::{Entry, EntryRow, SideBySide};
pub use standing::{Distance, standing};
pub use summary::summary_section;
pub use training::{epochs, training_section};

/// What a document about an evaluation is made from.
#[derive(Clone, Copy)]
pub struct EvaluationReport<'a> {
    /// What was evaluated, such as the path of the run.
    pub name: &'a str,
    /// What the model said.
    pub predictions: &'a Predictions,
    /// What was found.
    pub found: &'a Evaluation,
    /// What the statistics were asked for.
    pub settings: &'a Settings,
    /// How its probabilities are scaled; `None` as they come, or where only predictions are known.
    pub scaling: Option<&'a Scaling>,
    /// The epochs of its training, see [`epochs`]; none leave the training out.
    pub epochs: &'a [EpochRecord],
    /// The model and the data, to show pictures; `None` leaves the galleries out, as where only predictions are known.
    pub pictures: Option<Pictures<'a>>,
    /// The text of `config.toml`; nothing leaves it out.
    pub config: &'a str,
    /// The command that made the evaluation.
    pub command: &'a str,
    /// What it was made with.
    pub versions: &'a Versions,
}

/// The whole document: summary, scores, curves, training, galleries, and how to repeat it.
///
/// # Errors
/// As [`figures`](isnet_statistics::figures()) and [`gallery_section`].
///
/// # Example
/// ```
/// # use isnet_statistics::{Predictions, Task, Settings};
/// # use isnet_eval::evaluation::Evaluation;
/// # use isnet_eval::report::{EvaluationReport, evaluation_document};
/// let mut predictions = Predictions::new(["healthy", "ill"], Task::Single);
/// predictions.push("a.png", "hospital", "test", &[0], &[0.9, 0.1]);
/// predictions.push("b.png", "hospital", "test", &[1], &[0.6, 0.4]);
/// let settings = Settings::default();
/// let document = evaluation_document(&EvaluationReport {
///     name: "runs/my",
///     predictions: &predictions,
///     found: &Evaluation::of(&mut predictions.clone(), None, &settings)?,
///     settings: &settings,
///     scaling: None,
///     epochs: &[],
///     pictures: None,
///     config: "",
///     command: "isnet evaluate runs/my",
///     versions: &isnet_run::Versions::current("cpu", 1),
/// })?;
/// let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
/// assert_eq!(titles, ["Summary", "Scores", "Curves and confusion", "How to repeat it"]);
/// assert!(document.to_html().contains("0.500 <span class=\"interval\">")); // the accuracy: one of two
/// # Ok::<(), isnet_eval::EvalError>(())
/// ```
pub fn evaluation_document(report: &EvaluationReport) -> Result<Document, EvalError> {
    let EvaluationReport { predictions, found, .. } = report;
    let statistics = &found.statistics;
    let mut document = Document::new(format!("Evaluation of {}", report.name))
        .subtitle("What the model gets right, how sure that is, and what it looks at")
        .fact("evaluated", report.name)
        .fact("classes", predictions.classes.join(", "))
        .fact("samples", predictions.len().to_string())
        .fact("made by", format!("isnet {}", report.versions.isnet));
    if let Some(scaling) = report.scaling {
        document = document.fact("probabilities", format!("scaled on validation data: {scaling}"));
    }
    document.sections.push(summary_section(predictions, statistics, found.flow.as_ref()));
    document.sections.push(score_section(statistics));
    let figures = isnet_statistics::figures(predictions, report.settings)?;
    document.sections.push(figure_section(&figures, statistics));
    document.sections.extend(found.clinical.as_ref().map(calibration_section));
    document.sections.extend(found.clinical.as_ref().map(clinical_section));
    document.sections.extend(training_section(report.epochs));
    if let Some(pictures) = &report.pictures {
        document.sections.push(gallery_section(pictures, predictions)?);
    }
    document.sections.push(repeat_section(report.command, report.config, report.versions));
    Ok(document)
}
