//! The training step and the training loop.
//!
//! [`objective`] says what is minimized, [`methods`] has a file per method, [`setup`] makes model and objective from a configuration, [`Trainer`] runs the epochs,
//! validates, logs and saves, and goes on after an interruption as if there had been none; [`study`] trains many and compares them.

pub mod chooser;
pub mod error;
pub mod methods;
pub mod objective;
pub mod optimizer;
pub mod schedule;
pub mod setup;
mod state;
mod stopwatch;
pub mod study;
pub mod trainer;

pub use error::TrainError;
pub use methods::{HeatmapObjective, Method};
pub use objective::{Batch, Evaluation, Objective, Phase};
pub use trainer::{Ending, Trainer, Unwatched, Watcher};
