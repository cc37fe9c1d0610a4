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

/// Carries the modified gradient through a ReLU and the batch norm before it: [`relevance_step`], then
/// [`normalize_transpose`](crate::normalize_transpose), in one sweep.
///
/// Differentiable in `gradient`, `output` and `gamma`; `inverse_deviation` is a constant.
///
/// # Shapes
/// - `gradient` (`G_out`): `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `output` (`a ≥ 0`): `[N, H, W, C]`; `inverse_deviation` (`1/σ`), `gamma`: `[C]`
///
/// # Panics
/// If the first axis of `gradient` is not a multiple of `N`.
pub fn relevance_step_normalized(
    gradient: Tensor<4>,
    output: Tensor<4>,
    epsilon: f64,
    inverse_deviation: Tensor<1>,
    gamma: Tensor<1>,
) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::relevance::step_normalized(gradient, output, epsilon, inverse_deviation, gamma);
    }
    plain::relevance_step_normalized(gradient, output, epsilon, inverse_deviation, gamma)
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

/// `first + second`, of one shape.
pub fn add(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&first) { cpu::layout::add(first, second, false) } else { first + second }
}

/// `max(first + second, 0)`, of one shape.
pub fn add_relu(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&first) { cpu::layout::add(first, second, true) } else { plain::add_relu(first, second) }
}

/// Relevance `a ⊙ G` of activations: `gradient · activation`, the maps of a sample sharing its activation.
///
/// Differentiable in both arguments.
///
/// # Shapes
/// - `gradient` (`G`): `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `activation` (`a`): `[N, H, W, C]`
///
/// # Panics
/// If the first axis of `gradient` is not a multiple of `N`.
pub fn times_activation(gradient: Tensor<4>, activation: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&gradient) {
        return cpu::pointwise::times_activation(gradient, activation);
    }
    plain::times_activation(gradient, activation)
}

/// `input · opening`, the opening of one channel for all, or of as many.
///
/// # Shapes
/// - `input`: `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `opening`: `[N, H, W, 1]` or `[N, H, W, C]`
///
/// # Panics
/// If the first axis of `input` is not a multiple of `N`.
pub fn gate(input: Tensor<4>, opening: Tensor<4>) -> Tensor<4> {
    let maps = input.dims()[0] / opening.dims()[0];
    input * expand_maps(opening, maps)
}

/// `relevance / (z + ε·sign(z))` with `z = product + offset` and `sign(0) = +1`: what z^B divides by (METHOD §2).
///
/// Differentiable in the first three arguments.
///
/// # Shapes
/// - `relevance`: `[N·E, H, W, C]`, the `E` maps of a sample next to each other
/// - `product`: `[N, H, W, C]`
/// - `offset`: `[1, H, W, C]`, the same for all samples
///
/// # Panics
/// If the first axis of `relevance` is not a multiple of `N`.
pub fn stabilized_quotient(relevance: Tensor<4>, product: Tensor<4>, offset: Tensor<4>, epsilon: f64) -> Tensor<4> {
    if cpu::applies(&relevance) {
        return cpu::pointwise::stabilized_quotient(relevance, product, offset, epsilon);
    }
    plain::stabilized_quotient(relevance, product, offset, epsilon)
}

/// Joins activations along their channels.
pub fn concat_channels(inputs: Vec<Tensor<4>>) -> Tensor<4> {
    let fast = inputs.iter().all(cpu::applies);
    let join = if fast { cpu::layout::concat } else { |first, second| Tensor::cat(vec![first, second], 3) };
    inputs.into_iter().reduce(join).expect("at least one activation")
}

/// The channels `start..start + channels`.
///
/// # Panics
/// If there are fewer.
pub fn narrow_channels(input: Tensor<4>, start: usize, channels: usize) -> Tensor<4> {
    if cpu::applies(&input) { cpu::layout::narrow(input, start, channels) } else { input.narrow(3, start, channels) }
}

pub(crate) fn to_channels_first(input: Tensor<4>) -> Tensor<4> {
    input.permute([0, 3, 1, 2])
}

pub(crate) fn to_channels_last(input: Tensor<4>) -> Tensor<4> {
    input.permute([0, 2, 3, 1])
}
