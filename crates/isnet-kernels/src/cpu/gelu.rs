//! The normal distribution function as a differentiable operation.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

use super::{
    exponential::exp,
    primitive::{Primitive, contiguous, give_gradient, take_gradient, values},
    sweep,
};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait GeluOps: Backend {
    /// [`crate::gelu::normal_cdf`].
    fn isnet_normal_cdf(input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The fast [`crate::gelu::normal_cdf`].
pub(crate) fn normal_cdf(input: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_normal_cdf(input.into_dispatch()))
}

impl GeluOps for Flex {
    fn isnet_normal_cdf(input: Primitive) -> Primitive {
        forward(input)
    }
}

impl<C: CheckpointStrategy> GeluOps for Autodiff<Flex, C> {
    fn isnet_normal_cdf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = contiguous(input.into_primitive());
        let output = forward(input.clone());
        match NormalCdf.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(input, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct NormalCdf;

impl Backward<Flex, 1> for NormalCdf {
    /// The input.
    type State = Primitive;

    fn backward(self, ops: Ops<Primitive, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let input = values(&ops.state);
        give_gradient(gradients, &ops, 0, || {
            sweep::update(gradient, 1, |start, gradient| {
                gradient.iter_mut().zip(&input[start..]).for_each(|(g, x)| *g *= density(*x));
            })
        });
    }
}

fn forward(input: Primitive) -> Primitive {
    sweep::update(input, 1, |_, x| x.iter_mut().for_each(|x| *x = cdf(*x)))
}

/// The normal density, `exp(−x²/2)/√(2π)`.
#[inline(always)]
fn density(x: f32) -> f32 {
    const AT_ZERO: f32 = 0.398_942_3;
    AT_ZERO * exp(-0.5 * x * x)
}

/// Φ(x) from the complementary error function of `|x|/√2`, so that the left tail keeps its digits.
///
/// `erfc(z) = t·exp(−z² + p(t))`, `t = 1/(1 + z/2)`, with the Chebyshev fit of Press et al., "Numerical Recipes" §6.2 (relative error 1.2·10⁻⁷).
#[inline(always)]
fn cdf(x: f32) -> f32 {
    const FIT: [f32; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut fit = FIT[0];
    for coefficient in &FIT[1..] {
        fit = fit * t + coefficient;
    }
    let tail = 0.5 * t * exp(fit - z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_their_digits() {
        // Φ(−1), Φ(−3), Φ(−6) from scipy.stats.norm.cdf.
        for (x, expected) in [(-1.0, 0.158_655_25), (-3.0, 1.349_898e-3), (-6.0, 9.865_876e-10)] {
            assert!((cdf(x) / expected - 1.0).abs() < 5e-6, "{x}: {}", cdf(x));
            assert!((cdf(-x) - (1.0 - expected)).abs() < 2e-7, "{}: {}", -x, cdf(-x));
        }
        assert!((cdf(0.0) - 0.5).abs() < 1e-7 && cdf(40.0) == 1.0 && cdf(-40.0) == 0.0 && cdf(f32::NAN).is_nan());
    }
}
