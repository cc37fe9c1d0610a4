//! LRP-z^B for the first affine part of a network (Montavon et al. 2019; METHOD §2).
//!
//! With pixels in `[l, h]`, `W⁺ = max(W, 0)`, `W⁻ = min(W, 0)`:
//!
//! ```text
//! z   = (W·x + b) − l·(W⁺·1 + b⁺) − h·(W⁻·1 + b⁻)
//! s   = R / (z + ε·sign(z)),  sign(0) = +1
//! R_x = x ⊙ Wᵀs − l·(W⁺)ᵀs − h·(W⁻)ᵀs
//! ```
//!
//! A batch norm around the layer is folded into `W` and `b` first, its statistics constant.

use burn::tensor::Tensor;
use isnet_graph::{ConvGeometry, Graph, NodeId, Op, Params, Trace};
use isnet_kernels as kernels;

use crate::first_layer::AffinePart;
use crate::relevance::{norm_statistics, unflatten};

/// Relevance of the image from the relevance at the head of an affine part.
///
/// # Shapes
/// - `relevance`: `[N·E, H', W', C']` at `part.head`
/// - returns `[N·E, H, W, C]`
pub(crate) fn z_box(
    model: (&Graph, &Params, &Trace),
    part: &AffinePart,
    relevance: Tensor<4>,
    (low, high): (f64, f64),
    epsilon: f64,
) -> Tensor<4> {
    let (graph, _, trace) = model;
    let image = trace.activation(graph.input());
    let layer = FoldedLayer::new(model, part);
    let pixels = layer.view(image.clone());
    let ones = Tensor::ones_like(&pixels.clone().narrow(0, 0, 1)).inner();

    let product = layer.forward(pixels, &layer.weight);
    let [_, height, width, channels] = product.dims();
    // What z has beside `W·x`: the same for all images.
    let mut offset = layer.bias.clone().expand([1, height, width, channels]);
    let mut bounds = Vec::new();
    for (bound, sign) in [(low, 1.0), (high, -1.0)] {
        if bound != 0.0 {
            let weight = signed_part(layer.weight.clone(), sign);
            let bias = signed_part(layer.bias.clone(), sign);
            offset = offset - (layer.forward(ones.clone(), &weight) + bias) * bound;
            bounds.push((bound, weight));
        }
    }
    let s = kernels::stabilized_quotient(relevance, product, offset, epsilon);
    let mut heatmap = kernels::times_activation(layer.transpose(s.clone(), &layer.weight), image);
    for (bound, weight) in bounds {
        heatmap = heatmap - layer.transpose(s.clone(), &weight) * bound;
    }
    heatmap
}

/// `max(x, 0)` for `sign = 1`, `min(x, 0)` for `sign = −1`.
fn signed_part<const D: usize>(x: Tensor<D>, sign: f64) -> Tensor<D> {
    if sign > 0.0 { x.clamp_min(0.0) } else { x.clamp_max(0.0) }
}

/// A conv or dense layer as a convolution with the batch norms around it folded in.
struct FoldedLayer {
    weight: Tensor<4>,
    /// `[1, 1, 1, C']`, or `[1, H', W', C']` where the padding makes it depend on the place.
    bias: Tensor<4>,
    geometry: ConvGeometry,
    /// Size of the layer's input.
    input_size: [usize; 2],
    /// Size and channels of the image, if it is flattened before the layer.
    flattened: Option<([usize; 2], usize)>,
}

impl FoldedLayer {
    fn new((graph, params, trace): (&Graph, &Params, &Trace), part: &AffinePart) -> Self {
        let [_, height, width, channels] = trace.activation(graph.input()).dims();
        let input = trace.activation(graph.node(part.layer).inputs[0]);
        let (weight, bias, geometry) = layer_weight(graph, params, part.layer);
        let flattened =
            part.before.iter().any(|id| graph.node(*id).op == Op::Flatten).then_some(([height, width], channels));
        let size = input.dims();
        // The relevance pass holds biases constant (b and β, not γ): gradients reach them through the activations only.
        let bias = bias.detach();
        let mut layer =
            Self { weight, bias: bias.unsqueeze::<4>(), geometry, input_size: [size[1], size[2]], flattened };
        layer.fold_before((graph, params, trace), part, [height, width, channels]);
        layer.fold_after((graph, params, trace), part);
        layer
    }

    /// Batch norms before the layer: an affine map of the image, `x ↦ scale·x + shift`.
    fn fold_before(&mut self, (graph, params, trace): (&Graph, &Params, &Trace), part: &AffinePart, image: [usize; 3]) {
        if !part.before.iter().any(|id| matches!(graph.node(*id).op, Op::BatchNorm(_))) {
            return;
        }
        let like = self.weight.clone();
        let flat = (&like.device().inner(), like.dtype());
        let [height, width, channels] = image;
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

    /// The image as the layer sees it.
    fn view(&self, image: Tensor<4>) -> Tensor<4> {
        match self.flattened {
            None => image,
            Some((size, channels)) => {
                let rows = image.dims()[0];
                image.permute([0, 3, 1, 2]).reshape([rows, 1, 1, size[0] * size[1] * channels])
            }
        }
    }

    fn forward(&self, input: Tensor<4>, weight: &Tensor<4>) -> Tensor<4> {
        kernels::conv2d(input, weight.clone(), None, &self.geometry)
    }

    fn transpose(&self, output: Tensor<4>, weight: &Tensor<4>) -> Tensor<4> {
        let input = kernels::conv2d_transpose(output, weight.clone(), &self.geometry, self.input_size);
        match self.flattened {
            None => input,
            Some((size, channels)) => unflatten(input, size, channels),
        }
    }
}

/// Weight `[C', C/groups, h, w]`, bias `[C']` and geometry of a conv or dense node.
fn layer_weight(graph: &Graph, params: &Params, id: NodeId) -> (Tensor<4>, Tensor<1>, ConvGeometry) {
    let (weight, bias, geometry): (Tensor<4>, _, _) = match &graph.node(id).op {
        Op::Conv(conv) => (params.get(graph, conv.weight), conv.bias, conv.geometry),
        Op::Dense(dense) => {
            let weight: Tensor<2> = params.get(graph, dense.weight);
            let [outputs, inputs] = weight.dims();
            (weight.reshape([outputs, inputs, 1, 1]), dense.bias, ConvGeometry::default())
        }
        _ => unreachable!("an affine part has a conv or dense layer"),
    };
    let outputs = weight.dims()[0];
    let zero = || Tensor::zeros([outputs], (&weight.device().inner(), weight.dtype()));
    (weight.clone(), bias.map_or_else(zero, |bias| params.flat(bias)), geometry)
}

/// A batch norm as `x ↦ scale·x + shift`, its statistics and β constant.
fn norm_affine((graph, params, trace): (&Graph, &Params, &Trace), id: NodeId) -> (Tensor<1>, Tensor<1>) {
    let Op::BatchNorm(norm) = &graph.node(id).op else { unreachable!("only batch norms are folded") };
    let (mean, deviation) = norm_statistics(graph, params, trace, id);
    let scale = deviation * params.flat(norm.weight);
    let shift = params.flat(norm.bias).detach() - mean * scale.clone();
    (scale, shift)
}
