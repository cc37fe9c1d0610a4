//! What cannot be made a loss of.

use thiserror::Error;

/// Settings or targets that make no loss.
#[non_exhaustive]
#[derive(Debug, Error, PartialEq)]
pub enum LossError {
    /// Class weights for another number of classes.
    #[error("{got} class weights for {expected} classes")]
    ClassWeights {
        /// Classes.
        expected: usize,
        /// Weights given.
        got: usize,
    },
    /// A label that is no class.
    #[error("label {label} of sample {sample} is outside the {n_classes} classes")]
    Label {
        /// Position in the batch.
        sample: usize,
        /// The label.
        label: usize,
        /// Classes.
        n_classes: usize,
    },
    /// Calibration saw nothing to calibrate with.
    #[error(
        "cannot calibrate the foreground range from {samples} samples with mean total relevance {mean}; give `loss.foreground_range` by hand"
    )]
    Calibration {
        /// Samples measured.
        samples: usize,
        /// Their mean Σ|R|.
        mean: f64,
    },
}
