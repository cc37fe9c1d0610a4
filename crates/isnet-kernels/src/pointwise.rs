//! Operations that look at one pixel at a time, and the layout helpers.

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// `max(input, 0)`.
pub fn relu(input: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&input) { cpu::pointwise::relu(input) } else { plain::relu(input) }
}

/// Carries the modified gradient through a ReLU: `G_in = G_out · a / (a + ε)`, 0 where `a = 0` (METHOD §2).
///
/// With `epsilon = 0` this is the ordinary gradient of the ReLU. Differentiable in both arguments.
///
/// # Shapes
/// - `gradient` (`G_out`): `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `output` (`a ≥ 0`): `[N, H, W, C]`
///
/// # Panics
/// If the first axis of `gradient` is not a multiple of `N`.
pub fn relevance_step(gradient: Tensor<4>, output: Tensor<4>, epsilon: f64) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::pointwise::relevance_step(gradient, output, epsilon);
    }
    plain::relevance_step(gradient, output, epsilon)
}

/// Repeats every sample `maps` times: `[N, H, W, C]` to `[N·E, H, W, C]`, the copies of a sample next to each other.
pub fn expand_maps(input: Tensor<4>, maps: usize) -> Tensor<4> {
    if maps == 1 {
        return input;
    }
    let [samples, height, width, channels] = input.dims();
    let wide: Tensor<5> = input.unsqueeze_dim(1);
    wide.expand([samples, maps, height, width, channels]).reshape([samples * maps, height, width, channels])
}

/// Joins activations along their channels.
pub fn concat_channels(inputs: Vec<Tensor<4>>) -> Tensor<4> {
    Tensor::cat(inputs, 3)
}

pub(crate) fn to_channels_first(input: Tensor<4>) -> Tensor<4> {
    input.permute([0, 3, 1, 2])
}

pub(crate) fn to_channels_last(input: Tensor<4>) -> Tensor<4> {
    input.permute([0, 2, 3, 1])
}
