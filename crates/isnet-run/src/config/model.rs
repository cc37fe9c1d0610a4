//! `[model]`: the architecture and what its weights start from.

use std::path::PathBuf;

use isnet_models::{Architecture, zoo::has_stages};

use super::{
    method::MethodName,
    raw::Section,
    section::{choice, section},
};
use crate::error::Result;

/// The architecture that is built from `stages`.
pub const PLAIN_CNN: &str = "plain_cnn";
/// The segmenter, which is built from `stages` too.
pub const UNET: &str = "unet";
/// The network with attention gates, which is built from `stages` too.
pub const AG_SONONET: &str = "ag_sononet";
/// The vision transformer whose sizes are `[model.transformer]`.
pub const PLAIN_VIT: &str = "plain_vit";

section! {
    /// `[model]`.
    ModelConfig(section, method: MethodName) {
        /// Name of the architecture, as listed by `isnet models`; `"plain_cnn"`, `"unet"` and `"ag_sononet"` are built from `stages`,
        /// `"plain_vit"` from `transformer`. By default `"unet"` for the methods `"segment"` and `"multitask"`, `"ag_sononet"` for `"attention_gated"`, otherwise `"resnet18"`.
        architecture: String = method.architecture().into();
        /// Whether DenseNet transitions have the papers' extra ReLU (torchvision's have not).
        transition_relu: bool = false;
        /// File to start from, `.pth` or `.safetensors` with torchvision's names; the default starts at random.
        weights: Option<PathBuf> = None;
        /// What to do if that file has tensors that the architecture has no place for: `"refuse"`, or `"allow"` to leave them out and list them.
        unused_weights: UnusedWeights = UnusedWeights::Refuse;
        /// Probability of zeroing a feature in training, where the architecture has its dropout; the default is
        /// torchvision's: 0.5 for VGG and SqueezeNet, otherwise 0.
        dropout: Option<f64> = None, in 0.0..1.0;
        /// Whether the convolutions of a plain CNN, U-Net or AG-Sononet are followed by batch norm.
        batch_norm: bool = true;
    }
    computed {
        /// `[[model.stages]]`, the stages of a plain CNN from image to head (default: 16, 32 and 64 channels), or of a U-Net down to its bottleneck,
        /// whose pool does nothing (default: two convolutions each of 64, 128, 256, 512 and 1024 channels).
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stages: Vec<Stage> = Stage::resolve_all(section, &architecture)?;
        /// `[model.transformer]`, the sizes of a plain vision transformer.
        #[serde(skip_serializing_if = "Option::is_none")]
        transformer: Option<Transformer> = Transformer::resolve_any(section, &architecture)?;
    }
}

choice! {
    /// What becomes of tensors of a weight file that the architecture has no place for.
    UnusedWeights {
        /// The run does not start: the network that they come from is another one.
        Refuse = "refuse",
        /// They are left out, and listed.
        Allow = "allow",
    }
}

impl From<UnusedWeights> for isnet_models::UnusedWeights {
    fn from(unused: UnusedWeights) -> Self {
        match unused {
            UnusedWeights::Refuse => Self::Refuse,
            UnusedWeights::Allow => Self::Allow,
        }
    }
}

section! {
    /// `[model.transformer]`: the sizes of a `"plain_vit"`.
    Transformer(section) {
        /// Side of a patch, in pixels; height and width of the images are multiples of it.
        patch: usize = 8, in 1..=256;
        /// Features of a token; a multiple of `heads`.
        width: usize = 64, in 1..=4096;
        /// How many blocks of attention and MLP.
        layers: usize = 4, in 1..=64;
        /// Heads of the attention.
        heads: usize = 4, in 1..=64;
        /// Features inside the MLP of a block.
        mlp: usize = 2 * width, in 1..=16384;
    }
}

impl Transformer {
    fn resolve_any(model: &Section<'_>, architecture: &str) -> Result<Option<Self>> {
        let wanted = architecture == PLAIN_VIT || model.has("transformer");
        wanted.then(|| Self::resolve(&model.section("transformer")?)).transpose()
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
    pub(super) fn resolve_all(section: &Section<'_>, architecture: &str) -> Result<Vec<Self>> {
        match section.sections("stages")? {
            Some(stages) => stages.iter().map(Stage::resolve).collect(),
            None if has_stages(architecture) => {
                // The zoo says what its architectures are by default.
                let stages = Architecture::new(architecture, 1, 1).stages;
                Ok(stages
                    .iter()
                    .map(|it| Self { channels: it.channels, convs: it.convs, kernel: it.kernel, pool: it.pool })
                    .collect())
            }
            None => Ok(Vec::new()),
        }
    }
}
