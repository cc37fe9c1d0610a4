//! What a trained classifier is worth: scores, and where its relevance lies.
//!
//! ```text
//! Model + Dataset ──evaluate──► Predictions ──isnet_statistics──► scores with intervals, tests, figures
//! Predictions, validation ──clinical──► operating points, decision curves, scores per patient and of subgroups
//! Predictions + those ──report::evaluation_document──► a document: report.html, report.md
//!        └─────────────render::report──► a table for the terminal
//! heatmap, mask ──relevance_share::background_share──► share of |R| on the background
//! ```

pub mod checklist;
pub mod clinical;
mod distinct;
mod error;
pub mod evaluate;
pub mod evaluation;
pub mod explained;
pub mod relevance_share;
pub mod render;
pub mod report;
pub mod segmentation;

pub use error::EvalError;
