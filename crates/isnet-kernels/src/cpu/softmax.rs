//! Softmax over channels and its transpose as differentiable operations.

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
    pointwise::check_maps,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sweep,
};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait SoftmaxOps: Backend {
    /// [`crate::softmax()`].
    fn isnet_softmax(input: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`crate::softmax_transpose`].
    fn isnet_softmax_transpose(gradient: FloatTensor<Self>, output: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The fast [`crate::softmax()`].
pub(crate) fn softmax(input: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_softmax(input.into_dispatch()))
}

/// The fast [`crate::softmax_transpose`].
pub(crate) fn softmax_transpose(gradient: Tensor<4>, output: Tensor<4>) -> Tensor<4> {
    assert_eq!(gradient.dims()[1..], output.dims()[1..], "a gradient for every probability");
    Tensor::from_dispatch(Dispatch::isnet_softmax_transpose(gradient.into_dispatch(), output.into_dispatch()))
}

impl SoftmaxOps for Flex {
    fn isnet_softmax(input: Primitive) -> Primitive {
        forward(input)
    }

    fn isnet_softmax_transpose(gradient: Primitive, output: Primitive) -> Primitive {
        transpose(gradient, &contiguous(output))
    }
}

impl<C: CheckpointStrategy> SoftmaxOps for Autodiff<Flex, C> {
    fn isnet_softmax(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = forward(input.into_primitive());
        match Softmax.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(output.clone(), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_softmax_transpose(gradient: FloatTensor<Self>, output: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [gradient.node(), output.node()];
        let output_tracked = output.is_tracked();
        let [gradient, output] = [gradient, output].map(|tensor| contiguous(tensor.into_primitive()));
        let kept = output_tracked.then(|| gradient.clone());
        let result = transpose(gradient, &output);
        match SoftmaxTranspose.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((kept, output), result),
            OpsKind::UnTracked(prep) => prep.finish(result),
        }
    }
}

#[derive(Debug)]
struct Softmax;

impl Backward<Flex, 1> for Softmax {
    /// The output.
    type State = Primitive;

    fn backward(self, ops: Ops<Primitive, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        give_gradient(gradients, &ops, 0, || transpose(gradient, &ops.state));
    }
}

#[derive(Debug)]
struct SoftmaxTranspose;

impl Backward<Flex, 2> for SoftmaxTranspose {
    /// The incoming gradient if the output is tracked, and the output.
    type State = (Option<Primitive>, Primitive);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = take_gradient(gradients, &ops);
        let (incoming, output) = &ops.state;
        if let Some(incoming) = incoming {
            give_gradient(gradients, &ops, 1, || output_slope(&upstream, incoming, output));
        }
        give_gradient(gradients, &ops, 0, || transpose(upstream, output));
    }
}

fn forward(input: Primitive) -> Primitive {
    let channels = dims::<4>(&input)[3];
    sweep::update(input, channels, |_, x| {
        for pixel in x.chunks_mut(channels) {
            // NaN is lost in `max` but not in the exponentials below.
            let largest = pixel.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x));
            pixel.iter_mut().for_each(|x| *x = exp(*x - largest));
            let share = 1.0 / sum(pixel.iter().copied());
            pixel.iter_mut().for_each(|x| *x *= share);
        }
    })
}

/// `s ⊙ (G − Σ s·G)`, the maps of a sample sharing its `s`.
fn transpose(gradient: Primitive, output: &Primitive) -> Primitive {
    let ([rows, height, width, channels], [samples, ..]) = (dims::<4>(&gradient), dims::<4>(output));
    let (maps, pixels, s) = (check_maps(rows, samples), height * width, values(output));
    sweep::update(gradient, channels, |start, gradient| {
        for (pixel, g) in (start / channels..).zip(gradient.chunks_mut(channels)) {
            let s = &s[(pixel / pixels / maps * pixels + pixel % pixels) * channels..][..channels];
            let mean = sum(s.iter().zip(&*g).map(|(s, g)| s * g));
            g.iter_mut().zip(s).for_each(|(g, s)| *g = s * (*g - mean));
        }
    })
}

/// The gradient of [`transpose`] by `s`: `Σ over maps of U ⊙ (G − Σ s·G) − G·Σ U·s`.
fn output_slope(upstream: &Primitive, incoming: &Primitive, output: &Primitive) -> Primitive {
    let ([rows, height, width, channels], [samples, ..]) = (dims::<4>(upstream), dims::<4>(output));
    let (maps, pixels) = (check_maps(rows, samples), height * width);
    let (upstream, incoming, s) = (values(upstream), values(incoming), values(output));
    let slope = sweep::create(samples * pixels * channels, channels, |start, out| {
        for (pixel, out) in (start / channels..).zip(out.chunks_mut(channels)) {
            let s = &s[pixel * channels..][..channels];
            for map in 0..maps {
                let place = ((pixel / pixels * maps + map) * pixels + pixel % pixels) * channels;
                let (u, g) = (&upstream[place..][..channels], &incoming[place..][..channels]);
                let mean = sum(s.iter().zip(g).map(|(s, g)| s * g));
                let weight = sum(s.iter().zip(u).map(|(s, u)| s * u));
                out.iter_mut().zip(u.iter().zip(g)).for_each(|(out, (u, g))| *out += u * (g - mean) - g * weight);
            }
        }
    });
    primitive(slope, [samples, height, width, channels])
}

/// A sum over channels in a fixed order.
#[inline(always)]
fn sum(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0_f64, |sum, value| sum + f64::from(value)) as f32
}
