//! The loss of a segmentation: binary cross-entropy and Dice (METHOD §5, `multitask` and the U-Net of `segment_classify`).

use burn::tensor::{DType, Tensor};
use isnet_kernels::{log_sigmoid, sigmoid};

use crate::heatmap::Mask;

/// The parts of a segmentation loss, each a scalar `[1]`, averaged over the samples with a mask.
#[derive(Clone, Debug)]
pub struct SegmentationTerms {
    /// Binary cross-entropy, the mean over pixels.
    pub cross_entropy: Tensor<1>,
    /// `1 − (2·Σ p·m + 1) / (Σ p + Σ m + 1)`, with `p` the probabilities.
    pub dice: Tensor<1>,
    /// Their sum.
    pub total: Tensor<1>,
}

/// Binary cross-entropy plus Dice loss, in `f32` or better whatever the precision of the network.
///
/// # Shapes
/// - `logits`: `[N, H, W, 1]`
/// - `mask`: of `N` samples, at this size
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isnet_loss::{Mask, segmentation_loss};
/// let device = Device::flex();
/// let logits = Tensor::<4>::zeros([1, 1, 2, 1], &device); // p = ½ at both pixels
/// let mask = Mask::new(Tensor::from_floats([[[[1.0], [0.0]]]], &device), vec![true]);
/// let loss = segmentation_loss(&logits, &mask);
/// assert!((loss.dice.into_scalar::<f32>() - 1.0 / 3.0).abs() < 1e-6); // 1 − (2·½ + 1)/(1 + 1 + 1)
/// assert!((loss.cross_entropy.into_scalar::<f32>() - 2_f32.ln()).abs() < 1e-6);
/// ```
pub fn segmentation_loss(logits: &Tensor<4>, mask: &Mask) -> SegmentationTerms {
    let dtype = if logits.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let (logits, truth) = (logits.clone().cast(dtype), mask.foreground(dtype));
    let rows = logits.dims()[0];
    let per_sample = |values: Tensor<4>| values.sum_dims(&[1, 2, 3]).reshape([rows]);
    let pixels = (logits.dims()[1] * logits.dims()[2]) as f64;
    let inside = log_sigmoid(logits.clone()) * truth.clone();
    let outside = log_sigmoid(logits.clone().neg()) * (truth.clone().neg() + 1.0);
    let cross_entropy = mask.mean(per_sample(inside + outside).neg() / pixels);
    let probability = sigmoid(logits);
    let common = per_sample(probability.clone() * truth.clone()) * 2.0 + 1.0;
    let both = per_sample(probability) + per_sample(truth) + 1.0;
    let dice = mask.mean((common / both).neg() + 1.0);
    let total = cross_entropy.clone() + dice.clone();
    SegmentationTerms { cross_entropy, dice, total }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn terms(logits: Vec<f32>, mask: Vec<f32>, known: Vec<bool>) -> [f32; 3] {
        let (device, rows) = (Device::flex(), known.len());
        let shape = [rows, 1, mask.len() / rows, 1];
        let tensor = |values: Vec<f32>| Tensor::<4>::from_data(TensorData::new(values, shape), &device);
        let found = segmentation_loss(&tensor(logits), &Mask::new(tensor(mask), known));
        [found.cross_entropy, found.dice, found.total].map(|term| term.into_scalar::<f32>())
    }

    #[test]
    fn a_sure_and_right_map_costs_nothing_and_a_sure_and_wrong_one_stays_finite() {
        assert_eq!(terms(vec![200.0, -200.0], vec![1.0, 0.0], vec![true]), [0.0; 3]);
        // Each pixel 200; nothing in common: 1 − 1/(1 + 1 + 1).
        let [cross_entropy, dice, total] = terms(vec![-200.0, 200.0], vec![1.0, 0.0], vec![true]);
        assert!((cross_entropy - 200.0).abs() < 1e-3 && (dice - 2.0 / 3.0).abs() < 1e-6, "{cross_entropy} {dice}");
        assert!((total - cross_entropy - dice).abs() < 1e-3);
    }

    #[test]
    fn samples_without_a_mask_do_not_count() {
        let one = terms(vec![1.0, 2.0], vec![1.0, 0.0], vec![true]);
        assert_eq!(terms(vec![1.0, 2.0, 9.0, 9.0], vec![1.0, 0.0, 0.0, 1.0], vec![true, false]), one);
        assert_eq!(terms(vec![1.0, 2.0], vec![1.0, 0.0], vec![false]), [0.0; 3]);
    }
}
