//! `[model]`: the architecture and what its weights start from.

use std::path::PathBuf;

use super::{raw::Section, section::section};
use crate::error::Result;

/// The architecture that is built from `stages`.
pub const PLAIN_CNN: &str = "plain_cnn";

section! {
    /// `[model]`.
    ModelConfig(section) {
        /// Name of the architecture, as listed by `isnet models`; `"plain_cnn"` is built from `stages`.
        architecture: String = "resnet18".into();
        /// Whether DenseNet transitions have the papers' extra ReLU (torchvision's have not).
        transition_relu: bool = false;
        /// File to start from, `.pth` or `.safetensors` with torchvision's names; the default starts at random.
        weights: Option<PathBuf> = None;
        /// Probability of zeroing a feature in training, where the architecture has its dropout; the default is
        /// torchvision's: 0.5 for VGG and SqueezeNet, otherwise 0.
        dropout: Option<f64> = None, in 0.0..1.0;
        /// Whether the convolutions of a plain CNN are followed by batch norm.
        batch_norm: bool = true;
    }
    computed {
        /// `[[model.stages]]`, the stages of a plain CNN from image to head. Default: 16, 32 and 64 channels.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stages: Vec<Stage> = Stage::resolve_all(section, &architecture)?;
    }
}

section! {
    /// `[[model.stages]]`: convolutions of one size, then a max-pool.
    Stage(section) {
        /// Output channels of each convolution.
        channels: usize = 16, in 1..=4096;
        /// How many convolutions, each with its ReLU.
        convs: usize = 1, in 1..=16;
        /// Side of the kernel, in pixels; odd, so that the size is kept.
        kernel: usize = 3, in 1..=15;
        /// Side and stride of the max-pool at the end, in pixels; 1 = none.
        pool: usize = 2, in 1..=8;
    }
}

impl Stage {
    fn resolve_all(model: &Section<'_>, architecture: &str) -> Result<Vec<Self>> {
        match model.sections("stages")? {
            Some(stages) => stages.iter().map(Stage::resolve).collect(),
            None if architecture == PLAIN_CNN => {
                Ok([16, 32, 64].map(|channels| Self { channels, convs: 1, kernel: 3, pool: 2 }).into())
            }
            None => Ok(Vec::new()),
        }
    }
}
