//! The two losses an ISNet is trained with: `L = (1 − P)·L_class + P·L_heatmap` (METHOD §1, §4).
//!
//! The loss sees relevance and mask; it does not know which rule made the relevance.
//!
//! # Example
//! ```
//! use burn::tensor::{Device, Tensor};
//! use isnet_loss::{HeatmapLoss, Mask, heatmap_loss};
//!
//! let device = Device::flex();
//! let heatmap = Tensor::<4>::from_floats([[[[3.0], [0.0]]]], &device); // one sample, one map, 1×2 pixels, all relevance on the left
//! let mask = Mask::new(Tensor::from_floats([[[[1.0], [0.0]]]], &device), vec![true]);
//! let terms = heatmap_loss(&heatmap, &mask, 1, &HeatmapLoss::default());
//! assert_eq!(terms.background.into_scalar::<f32>(), 0.0); // nothing on the background
//! assert_eq!(terms.foreground.into_scalar::<f32>(), 0.0); // and 3 lies in the natural range 1..=25
//! ```

pub mod background;
pub mod calibrate;
pub mod classification;
pub mod error;
pub mod foreground;
pub mod heatmap;
pub mod segmentation;

pub use calibrate::calibrated_range;
pub use classification::{ClassificationLoss, Targets};
pub use error::LossError;
pub use foreground::{ForegroundForm, ForegroundRange};
pub use heatmap::{HeatmapLoss, HeatmapTerms, Mask, heatmap_loss, pool_over_nodes};
pub use segmentation::{SegmentationTerms, segmentation_loss};
