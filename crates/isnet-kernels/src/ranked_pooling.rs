//! Global weighted ranked pooling (METHOD §4, step 4; arXiv 1809.08264).

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// Averages every row with weights that fall with the rank: `Σ_i d^(i−1)·b_i / Σ_i d^(i−1)`, `b_1 ≥ b_2 ≥ …`.
///
/// `decay = 1` is the mean, `decay = 0` the maximum. The order is held constant in the gradient;
/// on the CPU, equal values rank by their index.
///
/// # Shapes
/// - `values` (`b`): `[R, P]`
/// - returns `[R]`
///
/// # Panics
/// If `decay` is outside `[0, 1]`: a bug in the caller.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isnet_kernels::ranked_pooling;
/// let values = Tensor::<2>::from_floats([[1.0, 4.0, 2.0]], &Device::flex());
/// let pooled = ranked_pooling(values, 0.5); // (4 + 2/2 + 1/4) / (1 + 1/2 + 1/4)
/// assert_eq!(pooled.into_scalar::<f32>(), 3.0);
/// ```
pub fn ranked_pooling(values: Tensor<2>, decay: f64) -> Tensor<1> {
    assert!((0.0..=1.0).contains(&decay), "decay must lie in [0, 1], got {decay}");
    if decay < 1.0 && cpu::applies(&values) {
        let weights = rank_weights(decay, values.dims()[1]);
        return cpu::ranked::ranked_sum(values, weights);
    }
    plain::ranked_pooling(values, decay)
}

/// Normalized weights, cut where the rest cannot change an `f32` sum.
pub(crate) fn rank_weights(decay: f64, length: usize) -> Vec<f64> {
    let mut weights = vec![1.0];
    let mut total = 1.0;
    let mut weight = decay;
    while weights.len() < length && weight > total * 1e-12 {
        weights.push(weight);
        total += weight;
        weight *= decay;
    }
    weights.iter().map(|weight| weight / total).collect()
}
