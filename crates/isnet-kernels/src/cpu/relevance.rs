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
    lanes::for_every_set,
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
    fn factors(&self) -> [&[f32]; 2] {
        [values(&self.inverse_deviation), values(&self.gamma)]
    }

    fn channels(&self) -> usize {
        let [.., channels] = dims::<4>(&self.output);
        let factors = [&self.inverse_deviation, &self.gamma].map(|factors| values(factors).len());
        assert!(factors == [channels; 2], "two factors per channel");
        channels
    }

    fn apply(&self, gradient: Primitive) -> Primitive {
        along_maps(gradient, self.channels(), &self.output, |gradient, output| {
            step_pixels(gradient, output, self.factors(), self.epsilon);
        })
    }

    /// The same for an upstream gradient, which meets the factors in the opposite order.
    fn transpose(&self, upstream: Primitive) -> Primitive {
        along_maps(upstream, self.channels(), &self.output, |upstream, output| {
            transpose_pixels(upstream, output, self.factors(), self.epsilon);
        })
    }

    /// `Σ over pixels of upstream · (incoming · a/(a + ε) · 1/σ)`.
    fn slope_of_gamma(&self, upstream: &Primitive, incoming: &Primitive) -> Primitive {
        let ([rows, height, width, channels], [samples, ..]) = (dims::<4>(upstream), dims::<4>(&self.output));
        let (maps, pixels, epsilon) = (check_maps(rows, samples), height * width, self.epsilon);
        let [u, g, a] = [upstream, incoming, &self.output].map(values);
        let sums = row_sums(rows * pixels, channels, |sums, rows| {
            let mut row = rows.start;
            while row < rows.end {
                // As far as one map reaches.
                let (map, pixel) = (row / pixels, row % pixels);
                let length = (pixels - pixel).min(rows.end - row) * channels;
                let a = &a[(map / maps * pixels + pixel) * channels..][..length];
                let [u, g] = [u, g].map(|tensor| &tensor[row * channels..][..length]);
                add_slopes(sums, [u, g, a], values(&self.inverse_deviation), epsilon);
                row += length / channels;
            }
        });
        primitive(sums, [channels])
    }

    /// `Σ over maps of (upstream · 1/σ · γ) · incoming · ε / (a + ε)²`.
    fn slope_of_output(&self, upstream: &Primitive, incoming: &Primitive) -> Primitive {
        let ([rows, ..], [samples, height, width, channels]) = (dims::<4>(upstream), dims::<4>(&self.output));
        let (maps, length, epsilon) = (check_maps(rows, samples), height * width * channels, self.epsilon);
        let [u, g, a] = [upstream, incoming, &self.output].map(values);
        let slopes = sweep::fill_samples(samples, length, channels, |sample, start, out| {
            for row in sample * maps..(sample + 1) * maps {
                let [u, g] = [u, g].map(|tensor| &tensor[row * length + start..][..out.len()]);
                add_products(out, [u, g], self.factors());
            }
            let a = &a[sample * length + start..];
            out.iter_mut().zip(a).for_each(|(sum, a)| *sum *= epsilon / ((a + epsilon) * (a + epsilon)));
        });
        primitive(slopes, [samples, height, width, channels])
    }
}

for_every_set! {
    /// `g · a/(a + ε) · 1/σ · γ`, pixel by pixel.
    fn step_pixels(gradient: &mut [f32], output: &[f32], factors: [&[f32]; 2], epsilon: f32) {
        let [inverse, gamma] = factors;
        let channels = gamma.len();
        for (g, a) in gradient.chunks_mut(channels).zip(output.chunks(channels)) {
            let pixel = g.iter_mut().zip(a).zip(inverse.iter().zip(gamma));
            pixel.for_each(|((g, a), (inverse, gamma))| *g = *g * ratio(*a, epsilon) * inverse * gamma);
        }
    }
}

for_every_set! {
    /// `u · 1/σ · γ · a/(a + ε)`, pixel by pixel.
    fn transpose_pixels(upstream: &mut [f32], output: &[f32], factors: [&[f32]; 2], epsilon: f32) {
        let [inverse, gamma] = factors;
        let channels = gamma.len();
        for (u, a) in upstream.chunks_mut(channels).zip(output.chunks(channels)) {
            let pixel = u.iter_mut().zip(a).zip(inverse.iter().zip(gamma));
            pixel.for_each(|((u, a), (inverse, gamma))| *u = *u * inverse * gamma * ratio(*a, epsilon));
        }
    }
}

for_every_set! {
    /// Adds `u · (g · a/(a + ε) · 1/σ)` of every pixel to the sums of the channels.
    fn add_slopes(sums: &mut [f32], tensors: [&[f32]; 3], inverse: &[f32], epsilon: f32) {
        let [upstream, incoming, output] = tensors;
        let channels = inverse.len();
        let pixels = upstream.chunks(channels).zip(incoming.chunks(channels)).zip(output.chunks(channels));
        for ((u, g), a) in pixels {
            let terms = u.iter().zip(g).zip(a.iter().zip(inverse));
            let sums = sums.iter_mut().zip(terms);
            sums.for_each(|(sum, ((u, g), (a, inverse)))| *sum += u * (g * ratio(*a, epsilon) * inverse));
        }
    }
}

for_every_set! {
    /// Adds `u · 1/σ · γ · g`, pixel by pixel.
    fn add_products(out: &mut [f32], tensors: [&[f32]; 2], factors: [&[f32]; 2]) {
        let ([upstream, incoming], [inverse, gamma]) = (tensors, factors);
        let channels = gamma.len();
        let pixels = upstream.chunks(channels).zip(incoming.chunks(channels));
        for (out, (u, g)) in out.chunks_mut(channels).zip(pixels) {
            let pixel = out.iter_mut().zip(u.iter().zip(g)).zip(inverse.iter().zip(gamma));
            pixel.for_each(|((out, (u, g)), (inverse, gamma))| *out += u * inverse * gamma * g);
        }
    }
}

/// `a / (a + ε)`, and for `ε = 0` the gradient of a ReLU.
#[inline(always)]
fn ratio(a: f32, epsilon: f32) -> f32 {
    if epsilon == 0.0 { sign(a) } else { a / (a + epsilon) }
}
