//! What a trained classifier is worth: scores, and where its relevance lies.
//!
//! ```text
//! Predictions ──metrics::scores_by_split──► [SplitScores] ──render::report──► a table for people
//!      ├──────statistics::summary──────► scores with intervals; statistics::compare: tests between models
//!      └──────predictions_csv::save─────► predictions.csv
//! all of it ────────report::evaluation_document──► a document: report.html, report.md
//! heatmap, mask ──relevance_share::background_share──► share of |R| on the background
//! ```
//!
//! Scores are pure functions of their arguments, in `f64`, summed in the order of the samples.

mod distinct;
mod error;
pub mod evaluate;
pub mod evaluation;
pub mod explained;
pub mod metrics;
pub mod predictions_csv;
pub mod relevance_share;
pub mod render;
pub mod report;
pub mod segmentation;
pub mod statistics;

pub use error::EvalError;
