//! Convolution and its transpose as differentiable operations.

use std::sync::Arc;

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
    convolve::{self, ConvShape, Weight},
    pack::Packs,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    weight_gradient::weight_gradient,
};
use crate::conv::{ConvGeometry, ConvWeight};

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait ConvOps: Backend {
    /// [`crate::conv2d`]; `bias` has `C_out` values or none.
    fn isnet_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self>;

    /// [`crate::conv2d_transpose`].
    fn isnet_conv2d_transpose(
        output: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
        input_size: [usize; 2],
    ) -> FloatTensor<Self>;
}

/// The fast [`crate::ConvWeight::conv2d`].
pub(crate) fn conv2d(
    input: Tensor<4>,
    weight: &ConvWeight,
    bias: Option<Tensor<1>>,
    geometry: &ConvGeometry,
) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::empty([0], &input.device()));
    let (input, kernel, bias) = (input.into_dispatch(), weight.tensor().into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_conv2d(input, kernel, bias, weight.packs(), *geometry))
}

/// The fast [`crate::ConvWeight::conv2d_transpose`].
pub(crate) fn conv2d_transpose(
    output: Tensor<4>,
    weight: &ConvWeight,
    geometry: &ConvGeometry,
    input_size: [usize; 2],
) -> Tensor<4> {
    let (output, kernel) = (output.into_dispatch(), weight.tensor().into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_conv2d_transpose(output, kernel, weight.packs(), *geometry, input_size))
}

impl ConvOps for Flex {
    fn isnet_conv2d(
        input: Primitive,
        weight: Primitive,
        bias: Primitive,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
    ) -> Primitive {
        let shape = shape_of(&input, &weight, geometry);
        let weight = Kernel { values: contiguous(weight), packs };
        forward(shape, &contiguous(input), &weight, Some(&contiguous(bias)), false)
    }

    fn isnet_conv2d_transpose(
        output: Primitive,
        weight: Primitive,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
        input_size: [usize; 2],
    ) -> Primitive {
        let shape = transpose_shape_of(&output, &weight, geometry, input_size);
        backward(shape, &contiguous(output), &Kernel { values: contiguous(weight), packs })
    }
}

impl<C: CheckpointStrategy> ConvOps for Autodiff<Flex, C> {
    fn isnet_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let tracked = [input.is_tracked(), weight.is_tracked()];
        let shape = shape_of(input.primitive(), weight.primitive(), geometry);
        let [input, values, bias] = [input, weight, bias].map(|tensor| contiguous(tensor.into_primitive()));
        let weight = Kernel { values, packs };
        let output = forward(shape, &input, &weight, Some(&bias), false);
        match (Conv2d { shape }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Factors::kept(input, weight, tracked), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_conv2d_transpose(
        output: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        packs: Arc<Packs>,
        geometry: ConvGeometry,
        input_size: [usize; 2],
    ) -> FloatTensor<Self> {
        let nodes = [output.node(), weight.node()];
        let tracked = [output.is_tracked(), weight.is_tracked()];
        let shape = transpose_shape_of(output.primitive(), weight.primitive(), geometry, input_size);
        let [output, values] = [output, weight].map(|tensor| contiguous(tensor.into_primitive()));
        let weight = Kernel { values, packs };
        let input = backward(shape, &output, &weight);
        match (Conv2dTranspose { shape }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Factors::kept(output, weight, tracked), input),
            OpsKind::UnTracked(prep) => prep.finish(input),
        }
    }
}

/// A weight, contiguous, with its packed forms.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub values: Primitive,
    pub packs: Arc<Packs>,
}

impl Kernel {
    fn view(&self) -> Weight<'_> {
        Weight { values: values(&self.values), packs: &self.packs }
    }
}

/// What the gradients need: the data if the weight is tracked, the weight if the data are.
#[derive(Clone, Debug)]
struct Factors {
    data: Option<Primitive>,
    weight: Option<Kernel>,
}

impl Factors {
    fn kept(data: Primitive, weight: Kernel, [data_tracked, weight_tracked]: [bool; 2]) -> Self {
        Self { data: weight_tracked.then_some(data), weight: data_tracked.then_some(weight) }
    }
}

#[derive(Debug)]
struct Conv2d {
    shape: ConvShape,
}

impl Backward<Flex, 3> for Conv2d {
    type State = Factors;

    fn backward(self, ops: Ops<Factors, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        if let Some(weight) = &ops.state.weight {
            give_gradient(gradients, &ops, 0, || backward(self.shape, &gradient, weight));
        }
        if let Some(input) = &ops.state.data {
            give_gradient(gradients, &ops, 1, || outer(self.shape, input, &gradient));
        }
        let channels = self.shape.out_channels();
        let sums = || super::sums::column_sums(values(&gradient), channels);
        give_gradient(gradients, &ops, 2, || primitive(sums(), [channels]));
    }
}

#[derive(Debug)]
struct Conv2dTranspose {
    shape: ConvShape,
}

impl Backward<Flex, 2> for Conv2dTranspose {
    type State = Factors;

    fn backward(self, ops: Ops<Factors, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        if let Some(weight) = &ops.state.weight {
            give_gradient(gradients, &ops, 0, || forward(self.shape, &gradient, weight, None, false));
        }
        if let Some(output) = &ops.state.data {
            give_gradient(gradients, &ops, 1, || outer(self.shape, &gradient, output));
        }
    }
}

pub(super) fn shape_of(input: &Primitive, weight: &Primitive, geometry: ConvGeometry) -> ConvShape {
    let ([samples, height, width, channels], weight) = (dims(input), dims(weight));
    let input = [height, width];
    let output = geometry.output_size(input, [weight[2], weight[3]]);
    let output = output.unwrap_or_else(|| panic!("a kernel of {weight:?} does not fit into {input:?} ({geometry:?})"));
    let shape = ConvShape { samples, input, output, weight, geometry };
    assert_eq!(channels, shape.in_channels(), "input channels against a weight of {weight:?} ({geometry:?})");
    shape
}

fn transpose_shape_of(output: &Primitive, weight: &Primitive, geometry: ConvGeometry, input: [usize; 2]) -> ConvShape {
    let ([samples, height, width, channels], weight) = (dims(output), dims(weight));
    assert_eq!(channels, weight[0], "output channels against a weight of {weight:?}");
    ConvShape { samples, input, output: [height, width], weight, geometry }
}

pub(super) fn forward(
    shape: ConvShape,
    input: &Primitive,
    weight: &Kernel,
    bias: Option<&Primitive>,
    relu: bool,
) -> Primitive {
    let bias = bias.map(values).filter(|bias| !bias.is_empty());
    let output = convolve::convolution(shape, values(input), weight.view(), bias, relu);
    primitive(output, [shape.samples, shape.output[0], shape.output[1], shape.out_channels()])
}

fn backward(shape: ConvShape, output: &Primitive, weight: &Kernel) -> Primitive {
    let input = convolve::transpose(shape, values(output), weight.view());
    primitive(input, [shape.samples, shape.input[0], shape.input[1], shape.in_channels()])
}

fn outer(shape: ConvShape, input: &Primitive, gradient: &Primitive) -> Primitive {
    primitive(weight_gradient(shape, values(input), values(gradient)), shape.weight)
}
