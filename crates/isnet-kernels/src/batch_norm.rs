//! Batch normalization, channels last.

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// What a batch said about each channel; detached from the graph. Shapes `[C]`.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean over batch and pixels.
    pub mean: Tensor<1>,
    /// Biased variance (divided by the number of values), the one that normalizes.
    pub variance: Tensor<1>,
    /// Number of values per channel, `N·H·W`.
    pub count: usize,
}

/// Normalizes with the statistics of the batch, which take part in the gradient.
///
/// `y = γ·(x − mean) / √(variance + ε) + β`, per channel, and with `relu` the ReLU of it in the same sweep.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`; `gamma`, `beta`: `[C]`
pub fn batch_norm_train(
    input: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> (Tensor<4>, BatchStatistics) {
    if cpu::applies(&input) {
        return cpu::batch_norm::batch_norm_train(input, gamma, beta, epsilon, relu);
    }
    plain::batch_norm_train(input, gamma, beta, epsilon, relu)
}

/// `1/√(variance + ε)`, per channel.
pub fn inverse_deviation(variance: Tensor<1>, epsilon: f64) -> Tensor<1> {
    (variance + epsilon).sqrt().recip()
}

/// Normalizes with constant statistics: `(x − mean)·scale + β`, where `scale = γ/σ`, and with `relu` the ReLU of it in the same sweep.
///
/// Differentiable in `input`, `scale` and `beta`; `mean` is a constant. Evaluated as `x·scale + (β − mean·scale)` with exact products, which is
/// how PyTorch rounds it: relevance reacts to the last bit of a scale that all pixels share.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`; `mean`, `scale`, `beta`: `[C]`
pub fn normalize(input: Tensor<4>, mean: Tensor<1>, scale: Tensor<1>, beta: Tensor<1>, relu: bool) -> Tensor<4> {
    if cpu::applies(&input) {
        return cpu::pointwise::normalize(input, mean, scale, beta, relu);
    }
    plain::normalize(input, mean, scale, beta, relu)
}

/// Carries relevance back through a batch norm with constant statistics: `(G·1/σ)·γ`, in this order of rounding.
///
/// Differentiable in `gradient` and `gamma`; `inverse_deviation` is a constant.
///
/// # Shapes
/// - `gradient`: `[M, H, W, C]`; `inverse_deviation`, `gamma`: `[C]`
pub fn normalize_transpose(gradient: Tensor<4>, inverse_deviation: Tensor<1>, gamma: Tensor<1>) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::pointwise::normalize_transpose(gradient, inverse_deviation, gamma);
    }
    plain::normalize_transpose(gradient, inverse_deviation, gamma)
}
