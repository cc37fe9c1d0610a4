//! Architectures as graphs, and the weight files that fill them.
//!
//! Every family is one file that writes its graph down with torchvision's parameter names; [`zoo`] finds it by name.
//! [`weights`] reads torchvision's `.pth` and `.safetensors`, fills [`Params`](isnet_graph::Params), and writes them back.
//!
//! # Example
//! ```
//! use burn::tensor::Device;
//! use isnet_graph::Params;
//! use isnet_models::{UnusedWeights, build, export, load_into, plain_cnn::reference};
//!
//! let ten_classes = build(&reference(10, 3))?;
//! let two_classes = build(&reference(2, 3))?;
//! let weights = export(&ten_classes, &Params::initialize(&ten_classes, 1, &Device::flex()));
//!
//! let mut params = Params::initialize(&two_classes, 2, &Device::flex());
//! let report = load_into(&two_classes, &mut params, &weights.into(), UnusedWeights::Refuse)?;
//! assert_eq!(report.loaded.len(), 6); // the three convolutions
//! assert_eq!(report.head_replaced[0].to_string(), "`10.weight`: [10, 24] in the file, [2, 24] here");
//! # Ok::<(), isnet_models::ModelError>(())
//! ```

pub mod ag_sononet;
pub mod densenet;
pub mod error;
pub mod hierarchical_attention;
pub mod pipeline;
pub mod plain_cnn;
pub mod resnet;
pub mod squeezenet;
pub mod unet;
pub mod vgg;
pub mod vision_transformer;
pub mod weights;
pub mod zoo;

pub use error::{ModelError, Problem};
pub use plain_cnn::Stage;
pub use vision_transformer::VisionTransformer;
pub use weights::{
    LeftOver, LoadReport, NamedTensor, TensorValues, UnusedWeights, WeightFile, Weights, export, head, load_exactly,
    load_into, to_safetensors,
};
pub use zoo::{Architecture, build, default_dropout, is_transformer, minimum_size, names};
