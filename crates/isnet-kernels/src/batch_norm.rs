//! Batch normalization, channels last.

use burn::tensor::Tensor;

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
/// `y = γ·(x − mean) / √(variance + ε) + β`, per channel.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`; `gamma`, `beta`: `[C]`
pub fn batch_norm_train(
    input: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<4>, BatchStatistics) {
    let dims = input.dims();
    let count = dims[0] * dims[1] * dims[2];
    let flat: Tensor<2> = input.reshape([count, dims[3]]);
    let mean = flat.clone().mean_dim(0);
    let centred = flat - mean.clone();
    let variance = centred.clone().square().mean_dim(0);
    let scale = gamma.unsqueeze::<2>() / (variance.clone() + epsilon).sqrt();
    let output = centred * scale + beta.unsqueeze::<2>();
    let statistics = BatchStatistics {
        mean: mean.detach().reshape([dims[3]]),
        variance: variance.detach().reshape([dims[3]]),
        count,
    };
    (output.reshape(dims), statistics)
}

/// Multiplies and shifts every channel: batch normalization with constant statistics.
///
/// # Shapes
/// - `input`: `[M, H, W, C]`; `scale`, `shift`: `[C]`
pub fn scale_shift(input: Tensor<4>, scale: Tensor<1>, shift: Option<Tensor<1>>) -> Tensor<4> {
    let scaled = input * scale.unsqueeze::<4>();
    match shift {
        Some(shift) => scaled + shift.unsqueeze::<4>(),
        None => scaled,
    }
}
