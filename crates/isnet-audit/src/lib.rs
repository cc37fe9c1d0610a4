//! Where does a classifier's decision come from?
//!
//! ```text
//! Model + Dataset + Settings ──audit──► Audit {verdicts, an answer per question} ──render──► a table, audit.json
//!                                                                     └──page──► report.html, report.md
//! ```
//!
//! | question | asks | figure of the verdict | module |
//! |---|---|---|---|
//! | 1 | where does the relevance lie? | share of \|relevance\| on the background | [`relevance`] |
//! | 2 | does another background change the decision? | BG-Gap | [`counterfactual`] |
//! | 3 | does a mark in the background change the decision? | share of decisions that flip | [`marks`] |
//! | 4 | do the backgrounds of the *data* give source or label away? | AUC of a small classifier; warns | [`readability`] |
//! | 5 | do the heatmaps show what the model uses? | area between flipping curves; correlation with a randomised model | [`faithfulness`] |
//!
//! Every figure has an interval, every draw an address, and what the data cannot answer is said with what is missing
//! ([`Missing`]). Nothing depends on the number of threads. Pictures are made on all cores while others are predicted.
//!
//! Audit images that are like those of the training: a model that reads a mark looks innocent where there is none.
//!
//! Works on any [`Model`](isnet_run::Model). See [`audit()`] for an example; question 4 needs no model, see
//! [`readability::readability`].

mod audit;
pub mod counterfactual;
mod error;
mod estimate;
pub mod faithfulness;
mod maps;
pub mod marks;
mod masks;
pub mod page;
pub mod readability;
pub mod relevance;
pub mod render;
mod settings;
mod subject;
mod verdict;
mod work;

pub use audit::{Audit, Progress, audit, audit_subject};
pub use error::{AuditError, Result};
pub use estimate::Estimate;
pub use settings::{Question, Settings, Thresholds};
pub use subject::Subject;
pub use verdict::{Answer, Missing, Outcome, Side, Threshold, Verdict};
