//! The weights of an affine part as one convolution, batch norms folded in and their statistics constant.

use burn::tensor::Tensor;
use isnet_graph::{ConvGeometry, Graph, NodeId, Op, Params, Trace};
use isnet_kernels as kernels;

use crate::canonize::AffinePart;
use crate::relevance::{norm_statistics, unflatten};

/// A conv or dense layer as a convolution with the batch norms around it folded in.
///
/// The relevance pass holds biases constant (b and β, not γ): gradients reach them through the activations only.
pub(crate) struct FoldedLayer {
    /// `[C', C/groups, h, w]`, or `[C, C'/groups, h, w]` of a transposed convolution.
    pub weight: Tensor<4>,
    /// `[1, 1, 1, C']`, or `[1, H', W', C']` where the padding makes it depend on the place.
    pub bias: Tensor<4>,
    geometry: ConvGeometry,
    /// Size of the output of a transposed convolution.
    transposed: Option<[usize; 2]>,
    /// Size of the layer's input.
    input_size: [usize; 2],
    /// Size and channels of the source, if it is flattened before the layer.
    flattened: Option<([usize; 2], usize)>,
}

impl FoldedLayer {
    /// Without `include_bias`, nothing is added to the product: neither a bias nor what a batch norm shifts by.
    pub fn new((graph, params, trace): (&Graph, &Params, &Trace), part: &AffinePart, include_bias: bool) -> Self {
        let [_, height, width, channels] = trace.activation(part.source).dims();
        let input = trace.activation(graph.node(part.layer).inputs[0]);
        let (weight, bias, geometry) = layer_weight((graph, params, trace), part.layer);
        let flattened =
            part.before.iter().any(|id| graph.node(*id).op == Op::Flatten).then_some(([height, width], channels));
        let size = input.dims();
        let [_, height_out, width_out, _] = trace.activation(part.layer).dims();
        let mut layer = Self {
            weight,
            bias: bias.unsqueeze::<4>(),
            geometry,
            transposed: matches!(graph.node(part.layer).op, Op::ConvTranspose(_)).then_some([height_out, width_out]),
            input_size: [size[1], size[2]],
            flattened,
        };
        layer.fold_before((graph, params, trace), part, [height, width, channels]);
        layer.fold_after((graph, params, trace), part);
        if !include_bias {
            layer.bias = Tensor::zeros_like(&layer.bias);
        }
        layer
    }

    /// Batch norms before the layer: an affine map of the source, `x ↦ scale·x + shift`.
    fn fold_before(
        &mut self,
        (graph, params, trace): (&Graph, &Params, &Trace),
        part: &AffinePart,
        source: [usize; 3],
    ) {
        if !part.before.iter().any(|id| matches!(graph.node(*id).op, Op::BatchNorm(_))) {
            return;
        }
        let like = self.weight.clone();
        let flat = (&like.device().inner(), like.dtype());
        let [height, width, channels] = source;
        let (mut scale, mut shift) =
            (Tensor::ones([1, height, width, channels], flat), Tensor::zeros([1, height, width, channels], flat));
        for id in &part.before {
            match &graph.node(*id).op {
                Op::Flatten => {
                    let rows = height * width * channels;
                    scale = scale.permute([0, 3, 1, 2]).reshape([1, 1, 1, rows]);
                    shift = shift.permute([0, 3, 1, 2]).reshape([1, 1, 1, rows]);
                }
                Op::BatchNorm(_) => {
                    let (factor, offset) = norm_affine((graph, params, trace), *id);
                    scale = scale * factor.clone().unsqueeze::<4>();
                    shift = shift * factor.unsqueeze::<4>() + offset.unsqueeze::<4>();
                }
                _ => {}
            }
        }
        self.bias = self.forward(shift, &self.weight) + self.bias.clone();
        // A batch norm scales per channel, so every pixel has the same scale.
        let inputs = scale.dims()[3];
        let scale = scale.narrow(1, 0, 1).narrow(2, 0, 1).reshape([inputs]);
        let per_group = self.weight.dims()[1];
        let [outputs, _, kernel_h, kernel_w] = self.weight.dims();
        let groups = self.geometry.groups;
        let grouped: Tensor<5> = self.weight.clone().reshape([groups, outputs / groups, per_group, kernel_h, kernel_w]);
        let scale: Tensor<5> = scale.reshape([groups, 1, per_group, 1, 1]);
        self.weight = (grouped * scale).reshape([outputs, per_group, kernel_h, kernel_w]);
    }

    fn fold_after(&mut self, model: (&Graph, &Params, &Trace), part: &AffinePart) {
        let Some(norm) = part.norm else { return };
        let (scale, shift) = norm_affine(model, norm);
        let outputs = scale.dims()[0];
        self.weight = self.weight.clone() * scale.clone().reshape([outputs, 1, 1, 1]);
        self.bias = self.bias.clone() * scale.unsqueeze::<4>() + shift.unsqueeze::<4>();
    }

    /// The source as the layer sees it.
    pub fn view(&self, source: Tensor<4>) -> Tensor<4> {
        match self.flattened {
            None => source,
            Some((size, channels)) => {
                let rows = source.dims()[0];
                source.permute([0, 3, 1, 2]).reshape([rows, 1, 1, size[0] * size[1] * channels])
            }
        }
    }

    /// `W·x` of a viewed source.
    pub fn forward(&self, input: Tensor<4>, weight: &Tensor<4>) -> Tensor<4> {
        match self.transposed {
            None => kernels::conv2d(input, weight.clone(), None, &self.geometry),
            Some(size) => kernels::conv2d_transpose(input, weight.clone(), &self.geometry, size),
        }
    }

    /// `Wᵀ·s`, in the shape of the source.
    pub fn transpose(&self, output: Tensor<4>, weight: &Tensor<4>) -> Tensor<4> {
        let input = match self.transposed {
            None => kernels::conv2d_transpose(output, weight.clone(), &self.geometry, self.input_size),
            Some(_) => kernels::conv2d(output, weight.clone(), None, &self.geometry),
        };
        match self.flattened {
            None => input,
            Some((size, channels)) => unflatten(input, size, channels),
        }
    }
}

/// Weight `[C', C/groups, h, w]`, bias `[C']` and geometry of a conv or dense node, or of a batch norm as a conv that looks at one pixel of one channel.
fn layer_weight(model: (&Graph, &Params, &Trace), id: NodeId) -> (Tensor<4>, Tensor<1>, ConvGeometry) {
    let (graph, params, _) = model;
    let (weight, bias, geometry): (Tensor<4>, _, _) = match &graph.node(id).op {
        Op::Conv(conv) | Op::ConvTranspose(conv) => (params.get(graph, conv.weight), conv.bias, conv.geometry),
        Op::Dense(dense) => {
            let weight: Tensor<2> = params.get(graph, dense.weight);
            let [outputs, inputs] = weight.dims();
            (weight.reshape([outputs, inputs, 1, 1]), dense.bias, ConvGeometry::default())
        }
        Op::BatchNorm(_) => {
            let (scale, shift) = norm_affine(model, id);
            let channels = scale.dims()[0];
            let geometry = ConvGeometry { groups: channels, ..ConvGeometry::default() };
            return (scale.reshape([channels, 1, 1, 1]), shift, geometry);
        }
        Op::Input
        | Op::Relu
        | Op::Sigmoid
        | Op::Threshold(_)
        | Op::SpatialShare(_)
        | Op::Interpolate
        | Op::Gate
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::AdaptiveAveragePool(_)
        | Op::LogSumExpPool(_)
        | Op::Add
        | Op::Concat
        | Op::Flatten
        | Op::Dropout(_)
        | Op::Identity
        | Op::Softmax
        | Op::LayerNorm(_)
        | Op::Gelu
        | Op::Tokens(_)
        | Op::SelectToken(_)
        | Op::NarrowChannels { .. }
        | Op::AttentionScores { .. }
        | Op::AttentionSums => {
            unreachable!("an affine part has a conv, a dense layer or a batch norm")
        }
    };
    let outputs = match graph.node(id).op {
        Op::ConvTranspose(_) => weight.dims()[1] * geometry.groups,
        _ => weight.dims()[0],
    };
    let zero = || Tensor::zeros([outputs], (&weight.device().inner(), weight.dtype()));
    (weight.clone(), bias.map_or_else(zero, |bias| params.flat(bias).detach()), geometry)
}

/// A batch norm as `x ↦ scale·x + shift`, its statistics and β constant.
fn norm_affine((graph, params, trace): (&Graph, &Params, &Trace), id: NodeId) -> (Tensor<1>, Tensor<1>) {
    let Op::BatchNorm(norm) = &graph.node(id).op else { unreachable!("only batch norms are folded") };
    let (mean, deviation) = norm_statistics(graph, params, trace, id);
    let scale = deviation * params.flat(norm.weight);
    let shift = params.flat(norm.bias).detach() - mean * scale.clone();
    (scale, shift)
}
