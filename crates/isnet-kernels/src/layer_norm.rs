//! Layer normalization over the channels of every pixel, and its transpose with the deviation held constant.

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// `y = γ·(x − mean)/σ + β`, `σ = √(variance + ε)`; mean and (biased) variance are those of the pixel's channels.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`; `gamma`, `beta`: `[C]`
pub fn layer_norm(input: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<4> {
    if cpu::applies(&input) {
        return cpu::layer_norm::layer_norm(input, gamma, beta, epsilon);
    }
    plain::layer_norm(input, gamma, beta, epsilon)
}

/// The gradient of [`layer_norm`] by its input if σ were a constant: `(γ·G − mean(γ·G))/σ`, the mean over the channels.
///
/// This is how relevance passes a layer norm (Achtibat et al. 2024, Proposition 3.4). Differentiable in the first three arguments: σ is constant
/// in the walk, not in what the walk computes.
///
/// # Shapes
/// - `gradient` (`G`): `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `input`: `[N, H, W, C]`, of the forward pass; `gamma`: `[C]`
///
/// # Panics
/// If the first axis of `gradient` is not a multiple of `N`.
pub fn layer_norm_transpose(gradient: Tensor<4>, input: Tensor<4>, gamma: Tensor<1>, epsilon: f64) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::layer_norm::layer_norm_transpose(gradient, input, gamma, epsilon);
    }
    plain::layer_norm_transpose(gradient, input, gamma, epsilon)
}
