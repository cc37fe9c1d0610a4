//! A run on disk: its configuration, folder, log, checkpoints and model.
//!
//! This is the only room that serializes runs. The types here are plain: a configuration is numbers and words, a tensor
//! is a name, a shape and values. Rooms above turn them into graphs, optimizers and tensors on a device.
//!
//! | noun | file on disk |
//! |---|---|
//! | [`RunConfig`] | `config.toml` |
//! | [`Study`] | the runs of a comparison, `cell.json` in each that is done, `failure.json` in each that cannot be |
//! | [`RunDir`] | the folder itself, its lock, `versions.json` |
//! | [`RunLog`] | `log.jsonl`, `metrics.csv`, `tensorboard/` |
//! | [`Checkpoint`] | `checkpoints/last.safetensors`, `checkpoints/best.safetensors` |
//! | [`ModelFile`] | `model.safetensors`, `model.json` |
//!
//! Every file that is replaced is replaced by [`atomic`]: a full disk or a kill leaves the old one.

pub mod atomic;
pub mod checkpoint;
pub mod config;
pub mod datasets;
pub mod device;
pub mod error;
pub mod log;
pub mod model;
pub mod model_file;
mod no_model;
pub mod run_dir;
pub mod study;
pub mod tensor;
pub mod tensorboard;
pub mod words;

pub use checkpoint::{Checkpoint, Position};
pub use config::RunConfig;
pub use datasets::Datasets;
pub use error::{Result, RunError};
pub use log::{EpochRecord, Losses, RunLog, StepRecord};
pub use model::Model;
pub use model_file::{ModelFile, Normalisation, Task};
pub use no_model::check_model;
pub use run_dir::{CheckpointKind, Existing, RunDir, Versions};
pub use study::Study;
