//! Softmax over the channels of every pixel, and its transpose.

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// `s_c = exp(x_c) / Σ_k exp(x_k)` over the channels of every pixel.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`
pub fn softmax(input: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&input) { cpu::softmax::softmax(input) } else { plain::softmax(input) }
}

/// The gradient of [`softmax`] by its input: `s ⊙ (G − Σ_c s_c·G_c)`. Differentiable in both arguments.
///
/// # Shapes
/// - `gradient` (`G`): `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `output` (`s`): `[N, H, W, C]`
///
/// # Panics
/// If the first axis of `gradient` is not a multiple of `N`.
pub fn softmax_transpose(gradient: Tensor<4>, output: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::softmax::softmax_transpose(gradient, output);
    }
    plain::softmax_transpose(gradient, output)
}
