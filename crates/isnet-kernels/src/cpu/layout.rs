//! Sums of activations, and channels put beside each other and taken apart, as differentiable operations.

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
    pointwise::{rectified, through_relu},
    primitive::{Primitive, add_gradient, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sweep,
};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait LayoutOps: Backend {
    /// [`crate::add`], or [`crate::add_relu`].
    fn isnet_add(first: FloatTensor<Self>, second: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;

    /// [`crate::concat_channels`] of two.
    fn isnet_concat(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`crate::narrow_channels`].
    fn isnet_narrow(input: FloatTensor<Self>, start: usize, channels: usize) -> FloatTensor<Self>;
}

/// The fast [`crate::add`], or [`crate::add_relu`].
pub(crate) fn add(first: Tensor<4>, second: Tensor<4>, relu: bool) -> Tensor<4> {
    assert_eq!(first.dims(), second.dims(), "activations to add");
    Tensor::from_dispatch(Dispatch::isnet_add(first.into_dispatch(), second.into_dispatch(), relu))
}

/// The fast [`crate::concat_channels`] of two.
pub(crate) fn concat(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    assert_eq!(first.dims()[..3], second.dims()[..3], "activations to put beside each other");
    Tensor::from_dispatch(Dispatch::isnet_concat(first.into_dispatch(), second.into_dispatch()))
}

/// The fast [`crate::narrow_channels`].
pub(crate) fn narrow(input: Tensor<4>, start: usize, channels: usize) -> Tensor<4> {
    assert!(start + channels <= input.dims()[3], "channels {start}..{} of {:?}", start + channels, input.dims());
    Tensor::from_dispatch(Dispatch::isnet_narrow(input.into_dispatch(), start, channels))
}

impl LayoutOps for Flex {
    fn isnet_add(first: Primitive, second: Primitive, relu: bool) -> Primitive {
        if relu { rectified_sum(first, &contiguous(second)) } else { sum(first, &contiguous(second)) }
    }

    fn isnet_concat(first: Primitive, second: Primitive) -> Primitive {
        beside(&contiguous(first), &contiguous(second))
    }

    fn isnet_narrow(input: Primitive, start: usize, channels: usize) -> Primitive {
        part(&contiguous(input), start, channels)
    }
}

impl<C: CheckpointStrategy> LayoutOps for Autodiff<Flex, C> {
    fn isnet_add(first: FloatTensor<Self>, second: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let nodes = [first.node(), second.node()];
        let output = Flex::isnet_add(first.into_primitive(), second.into_primitive(), relu);
        match Add.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(relu.then(|| output.clone()), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_concat(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [first.node(), second.node()];
        let [first, second] = [first, second].map(|tensor| contiguous(tensor.into_primitive()));
        let output = beside(&first, &second);
        match Concat.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(dims::<4>(&first)[3], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_narrow(input: FloatTensor<Self>, start: usize, channels: usize) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = contiguous(input.into_primitive());
        let output = part(&input, start, channels);
        match Narrow.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((start, dims::<4>(&input)[3]), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct Add;

impl Backward<Flex, 2> for Add {
    /// The output, if a ReLU made it.
    type State = Option<Primitive>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = take_gradient(gradients, &ops);
        if let Some(output) = &ops.state {
            gradient = through_relu(gradient, output);
        }
        give_gradient(gradients, &ops, 0, || gradient.clone());
        give_gradient(gradients, &ops, 1, || gradient);
    }
}

#[derive(Debug)]
struct Concat;

impl Backward<Flex, 2> for Concat {
    /// Channels of the first.
    type State = usize;

    fn backward(self, ops: Ops<usize, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let [.., all] = dims::<4>(&gradient);
        give_gradient(gradients, &ops, 0, || part(&gradient, 0, ops.state));
        give_gradient(gradients, &ops, 1, || part(&gradient, ops.state, all - ops.state));
    }
}

#[derive(Debug)]
struct Narrow;

impl Backward<Flex, 1> for Narrow {
    /// The first channel, and the channels there were.
    type State = (usize, usize);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let (start, all) = ops.state;
        add_gradient(gradients, &ops, 0, |others| match others {
            Some(others) => add_to_part(others, &gradient, start),
            None => among_zeros(&gradient, start, all),
        });
    }
}

pub(super) fn sum(first: Primitive, second: &Primitive) -> Primitive {
    let second = values(second);
    sweep::update(first, 1, |start, first| first.iter_mut().zip(&second[start..]).for_each(|(a, b)| *a += b))
}

fn rectified_sum(first: Primitive, second: &Primitive) -> Primitive {
    let second = values(second);
    sweep::update(first, 1, |start, first| {
        first.iter_mut().zip(&second[start..]).for_each(|(a, b)| *a = rectified(*a + b));
    })
}

/// `[…, A]` and `[…, B]` to `[…, A + B]`.
fn beside(first: &Primitive, second: &Primitive) -> Primitive {
    let ([samples, height, width, a], [.., b]) = (dims::<4>(first), dims::<4>(second));
    let (left, right) = (values(first), values(second));
    let out = sweep::create(samples * height * width * (a + b), a + b, |start, out| {
        let pixel = start / (a + b).max(1);
        let pairs = left[pixel * a..].chunks(a.max(1)).zip(right[pixel * b..].chunks(b.max(1)));
        for (out, (left, right)) in out.chunks_mut(a + b).zip(pairs) {
            out[..a].copy_from_slice(left);
            out[a..].copy_from_slice(right);
        }
    });
    primitive(out, [samples, height, width, a + b])
}

/// The channels from `start` on.
fn part(input: &Primitive, start: usize, channels: usize) -> Primitive {
    let [samples, height, width, all] = dims::<4>(input);
    let x = values(input);
    let out = sweep::create(samples * height * width * channels, channels, |first, out| {
        let pixels = x[first / channels.max(1) * all..].chunks(all);
        out.chunks_mut(channels).zip(pixels).for_each(|(out, x)| out.copy_from_slice(&x[start..start + channels]));
    });
    primitive(out, [samples, height, width, channels])
}

/// Adds `input` to the channels from `start` on.
fn add_to_part(sum: Primitive, input: &Primitive, start: usize) -> Primitive {
    let ([.., channels], [.., all]) = (dims::<4>(input), dims::<4>(&sum));
    let x = values(input);
    sweep::update(sum, all, |first, sum| {
        for (sum, x) in sum.chunks_mut(all).zip(x[first / all * channels..].chunks(channels)) {
            sum[start..start + channels].iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
    })
}

/// The reverse of [`part`].
fn among_zeros(input: &Primitive, start: usize, all: usize) -> Primitive {
    let [samples, height, width, channels] = dims::<4>(input);
    let x = values(input);
    let out = sweep::create(samples * height * width * all, all, |first, out| {
        for (out, x) in out.chunks_mut(all).zip(x[first / all * channels..].chunks(channels)) {
            out[start..start + channels].copy_from_slice(x);
        }
    });
    primitive(out, [samples, height, width, all])
}
