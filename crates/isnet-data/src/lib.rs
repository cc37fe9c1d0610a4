//! Images, masks and labels: from files to batches of plain numbers. No tensors here.
//!
//! ```text
//! manifest.csv or folders ─► Manifest {records} ─► ManifestDataset ─► Loader ─► Batch {image [N,H,W,C], mask [N,H,W], labels [N]}
//!                                │                    │ read_image       │ Augmentation, seeded per sample
//!                                └─► check            │ Preparation      │ epoch_order, balanced
//! ```
//!
//! Images are f32 in [0, 1], channels last. Masks are 1 in the foreground, 0 in the background, and ½ in a [`Margin`] that is neither. Every draw has an
//! address ([`rng::stream`]), so a batch depends on seed, epoch and place alone: not on threads, nor on what came before.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use isnet_data::{Balance, Fit, Intensity, Loader, Manifest, ManifestDataset, ManifestOptions, Preparation, epoch_order};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("manifest.csv");
//! # for name in ["a.png", "b.png"] { image::GrayImage::new(8, 8).save(folder.path().join(name))?; }
//! std::fs::write(&path, "image,label,split\na.png,sick,train\nb.png,healthy,train\n")?;
//!
//! let manifest = Arc::new(Manifest::read(&path, &ManifestOptions::default())?);
//! let size = Preparation { height: 4, width: 4, channels: 1, fit: Fit::Pad, intensity: Intensity::Stored };
//! let dataset = ManifestDataset::new(manifest.clone(), manifest.split("train"), size)?;
//! let order = epoch_order(&dataset, Balance::LabelSource, 42, 0);
//! let dataset = Arc::new(dataset);
//! let loader = Loader { dataset, order, batch_size: 2, augmentation: None, seed: 42, epoch: 0, merge_single: false };
//! for batch in loader.prefetch() {
//!     assert_eq!(batch?.image.len(), 2 * 4 * 4);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augment;
mod batch;
pub mod bias;
mod check;
pub mod compose;
mod csv_lines;
mod dataset;
mod error;
mod exchange;
mod file_problem;
mod folds;
mod generated;
pub mod import;
mod intensity;
mod loader;
mod manifest;
mod margin;
pub mod mark;
mod missing;
mod nearest;
mod patients;
pub mod phantom;
mod prepare;
mod read_image;
mod relative_path;
pub mod rng;
pub mod sample;
mod sampler;
mod seeded_splits;
pub mod shapes;
pub mod survey;
#[cfg(test)]
mod testing;
pub mod weaken;
mod write_image;

pub use augment::Augmentation;
pub use batch::Batch;
pub use check::{
    CheckOptions, CheckReport, Count, Goal, Problem, ProblemKind, Severity, check, check_rows, spot_check,
};
pub use csv_lines::CsvLines;
pub use dataset::{Dataset, ManifestDataset, MemoryDataset};
pub use error::{DataError, Result};
pub use exchange::{Donors, ExchangedBackgrounds, exchange_background};
pub use file_problem::FileProblem;
pub use folds::deal;
pub use intensity::Intensity;
pub use isnet_files::Existing;
pub use loader::{Loader, Prefetch};
pub use manifest::spelling::same_word;
pub use manifest::walk::{Walk, images_below};
pub use manifest::{
    CsvText, Manifest, ManifestOptions, NotCsv, Note, Record, RowProblem, RowProblemKind, Task, is_split_name,
};
pub use margin::{Margin, grown};
pub use missing::Likely;
pub use patients::{GuessedPatients, guess_patients};
pub use prepare::{Fit, Preparation};
pub use read_image::{MAX_PIXELS, MaskKind, read_image, read_mask, read_opaque_image, read_pair};
pub use sample::{Image, Label, Mask, MaskVerdict, Sample};
pub use sampler::{Balance, epoch_order};
pub use write_image::{BitDepth, write_image, write_mask};
