//! The relevance step and the batch norm before it as one differentiable operation.

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
    pointwise::{along_maps, check_maps, sign},
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sums::row_sums,
    sweep,
};

/// The operation of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait RelevanceOps: Backend {
    /// [`crate::relevance_step_normalized`].
    fn isnet_step_normalized(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

/// The fast [`crate::relevance_step_normalized`].
pub(crate) fn step_normalized(
    gradient: Tensor<4>,
    output: Tensor<4>,
    epsilon: f64,
    inverse_deviation: Tensor<1>,
    gamma: Tensor<1>,
) -> Tensor<4> {
    let [gradient, output] = [gradient, output].map(Tensor::into_dispatch);
    let [inverse_deviation, gamma] = [inverse_deviation, gamma].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::isnet_step_normalized(gradient, output, inverse_deviation, gamma, epsilon as f32))
}

impl RelevanceOps for Flex {
    fn isnet_step_normalized(
        gradient: Primitive,
        output: Primitive,
        inverse_deviation: Primitive,
        gamma: Primitive,
        epsilon: f32,
    ) -> Primitive {
        let [output, inverse_deviation, gamma] = [output, inverse_deviation, gamma].map(contiguous);
        Step { output, inverse_deviation, gamma, epsilon }.apply(gradient)
    }
}

impl<C: CheckpointStrategy> RelevanceOps for Autodiff<Flex, C> {
    fn isnet_step_normalized(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        inverse_deviation: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let nodes = [gradient.node(), output.node(), gamma.node()];
        let slopes = output.is_tracked() || gamma.is_tracked();
        let tensors = [gradient, output, inverse_deviation, gamma];
        let [gradient, output, inverse_deviation, gamma] = tensors.map(|tensor| contiguous(tensor.into_primitive()));
        let incoming = slopes.then(|| gradient.clone());
        let step = Step { output, inverse_deviation, gamma, epsilon };
        let passed = step.apply(gradient);
        match StepNormalized.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((incoming, step), passed),
            OpsKind::UnTracked(prep) => prep.finish(passed),
        }
    }
}

#[derive(Debug)]
struct StepNormalized;

impl Backward<Flex, 3> for StepNormalized {
    /// The incoming gradient if the output or γ is tracked, and the constants of the step.
    type State = (Option<Primitive>, Step);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let (incoming, step) = &ops.state;
        if let Some(incoming) = incoming {
            give_gradient(gradients, &ops, 2, || step.slope_of_gamma(&upstream, incoming));
            if step.epsilon != 0.0 {
                give_gradient(gradients, &ops, 1, || step.slope_of_output(&upstream, incoming));
            }
        }
        give_gradient(gradients, &ops, 0, || step.transpose(upstream));
    }
}

/// `G ↦ ((G · a/(a + ε)) · 1/σ) · γ`, in this order of rounding.
#[derive(Clone, Debug)]
struct Step {
    output: Primitive,
    inverse_deviation: Primitive,
    gamma: Primitive,
    epsilon: f32,
}

impl Step {
    /// 1/σ and γ of every channel.
    fn factors(&self) -> impl Iterator<Item = (&f32, &f32)> {
        values(&self.inverse_deviation).iter().zip(values(&self.gamma))
    }

    fn channels(&self) -> usize {
        let [.., channels] = dims::<4>(&self.output);
        let factors = [&self.inverse_deviation, &self.gamma].map(|factors| values(factors).len());
        assert!(factors == [channels; 2], "two factors per channel");
        channels
    }

    fn apply(&self, gradient: Primitive) -> Primitive {
        let (channels, epsilon) = (self.channels(), self.epsilon);
        along_maps(gradient, channels, &self.output, |gradient, output| {
            for (g, a) in gradient.chunks_mut(channels).zip(output.chunks(channels)) {
                let pixel = g.iter_mut().zip(a).zip(self.factors());
                pixel.for_each(|((g, a), (inverse, gamma))| *g = *g * ratio(*a, epsilon) * inverse * gamma);
            }
        })
    }

    /// The same for an upstream gradient, which meets the factors in the opposite order.
    fn transpose(&self, upstream: Primitive) -> Primitive {
        let (channels, epsilon) = (self.channels(), self.epsilon);
        along_maps(upstream, channels, &self.output, |upstream, output| {
            for (u, a) in upstream.chunks_mut(channels).zip(output.chunks(channels)) {
                let pixel = u.iter_mut().zip(a).zip(self.factors());
                pixel.for_each(|((u, a), (inverse, gamma))| *u = *u * inverse * gamma * ratio(*a, epsilon));
            }
        })
    }

    /// `Σ over pixels of upstream · (incoming · a/(a + ε) · 1/σ)`.
    fn slope_of_gamma(&self, upstream: &Primitive, incoming: &Primitive) -> Primitive {
        let ([rows, height, width, channels], [samples, ..]) = (dims::<4>(upstream), dims::<4>(&self.output));
        let (maps, pixels, epsilon) = (check_maps(rows, samples), height * width, self.epsilon);
        let [u, g, a] = [upstream, incoming, &self.output].map(values);
        let sums = row_sums(rows * pixels, channels, |sums, row| {
            let (map, pixel) = (row / pixels, row % pixels);
            let a = a[(map / maps * pixels + pixel) * channels..].iter();
            let terms =
                u[row * channels..].iter().zip(&g[row * channels..]).zip(a).zip(values(&self.inverse_deviation));
            sums.iter_mut().zip(terms).for_each(|(sum, (((u, g), a), inverse))| {
                *sum += u * (g * ratio(*a, epsilon) * inverse);
            });
        });
        primitive(sums, [channels])
    }

    /// `Σ over maps of (upstream · 1/σ · γ) · incoming · ε / (a + ε)²`.
    fn slope_of_output(&self, upstream: &Primitive, incoming: &Primitive) -> Primitive {
        let ([rows, ..], [samples, height, width, channels]) = (dims::<4>(upstream), dims::<4>(&self.output));
        let (maps, length, epsilon) = (check_maps(rows, samples), height * width * channels, self.epsilon);
        let [u, g, a] = [upstream, incoming, &self.output].map(values);
        let slopes = sweep::fill_samples(samples, length, channels, |sample, start, out| {
            out.fill(0.0);
            for row in sample * maps..(sample + 1) * maps {
                let [u, g] = [u, g].map(|tensor| tensor[row * length + start..][..out.len()].chunks(channels));
                for ((out, u), g) in out.chunks_mut(channels).zip(u).zip(g) {
                    let pixel = out.iter_mut().zip(u.iter().zip(g)).zip(self.factors());
                    pixel.for_each(|((out, (u, g)), (inverse, gamma))| *out += u * inverse * gamma * g);
                }
            }
            let a = &a[sample * length + start..];
            out.iter_mut().zip(a).for_each(|(sum, a)| *sum *= epsilon / ((a + epsilon) * (a + epsilon)));
        });
        primitive(slopes, [samples, height, width, channels])
    }
}

/// `a / (a + ε)`, and for `ε = 0` the gradient of a ReLU.
#[inline(always)]
fn ratio(a: f32, epsilon: f32) -> f32 {
    if epsilon == 0.0 { sign(a) } else { a / (a + epsilon) }
}
