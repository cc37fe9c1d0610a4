//! One step of an optimizer on one parameter.

use burn::tensor::Tensor;

use crate::cpu;

/// Stochastic gradient descent with momentum, as in PyTorch (no dampening).
///
/// `g = clip · gradient + decay · θ`, `v = momentum · v + g`, `θ −= rate · v`, or `rate · (g + momentum · v)` with Nesterov's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub rate: f64,
    /// Momentum, 0 for none.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// Weight decay.
    pub decay: f64,
    /// Factor of the gradient, from clipping.
    pub clip: f64,
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as in PyTorch.
///
/// `m = β₁·m + (1 − β₁)·g`, `v = β₂·v + (1 − β₂)·g²`, `θ −= rate·decay·θ + rate · m̂ / (√v̂ + ε)` with `g = clip · gradient` and the bias
/// corrections `m̂ = m / (1 − β₁ᵗ)`, `v̂ = v / (1 − β₂ᵗ)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWStep {
    /// Learning rate.
    pub rate: f64,
    /// β₁ and β₂.
    pub betas: [f64; 2],
    /// ε.
    pub epsilon: f64,
    /// Weight decay.
    pub decay: f64,
    /// Factor of the gradient, from clipping.
    pub clip: f64,
    /// t, from 1.
    pub count: i32,
}

/// Moves a parameter; returns it with its velocity, which is `gradient`-like at the first step.
pub fn sgd(
    value: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Option<Tensor<1>>,
    step: &SgdStep,
) -> (Tensor<1>, Tensor<1>) {
    let velocity = velocity.unwrap_or_else(|| value.zeros_like());
    if cpu::applies(&value) {
        return cpu::update::sgd(value, gradient, velocity, step);
    }
    let gradient = gradient * step.clip + value.clone() * step.decay;
    let velocity = velocity * step.momentum + gradient.clone();
    let direction = if step.nesterov { gradient + velocity.clone() * step.momentum } else { velocity.clone() };
    (value - direction * step.rate, velocity)
}

/// Moves a parameter; returns it with its two moments.
pub fn adamw(
    value: Tensor<1>,
    gradient: Tensor<1>,
    moments: Option<[Tensor<1>; 2]>,
    step: &AdamWStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [first, second] = moments.unwrap_or_else(|| [value.zeros_like(), value.zeros_like()]);
    if cpu::applies(&value) {
        return cpu::update::adamw(value, gradient, [first, second], step);
    }
    let gradient = gradient * step.clip;
    let [b1, b2] = step.betas;
    let first = first * b1 + gradient.clone() * (1.0 - b1);
    let second = second * b2 + gradient.square() * (1.0 - b2);
    let [c1, c2] = step.betas.map(|beta| 1.0 - beta.powi(step.count));
    let direction = (first.clone() / c1) / ((second.clone() / c2).sqrt() + step.epsilon);
    let value = value.clone() - value * (step.rate * step.decay) - direction * step.rate;
    (value, [first, second])
}

/// The sum of all squares, added up in a fixed order.
pub fn squared_norm(input: Tensor<1>) -> f64 {
    if cpu::applies(&input) {
        return cpu::update::squared_norm(input);
    }
    input.square().sum().into_scalar::<f64>()
}
