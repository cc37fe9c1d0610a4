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
//! A batch norm around the layer is folded into `W` and `b` first, its statistics constant. Zennit's form differs in one place: its `z` subtracts
//! `b⁺` and `b⁻` whole, so the bias cancels out.

use burn::tensor::Tensor;
use isnet_graph::{Graph, Params, Trace};
use isnet_kernels as kernels;

use crate::canonize::AffinePart;
use crate::folded_layer::FoldedLayer;
use crate::rules::share::{Group, Input, Term, Weight};

/// Zennit's form.
pub(super) fn groups(low: f64, high: f64) -> Vec<Group> {
    let bound = |bound, weight| Term { sign: -1.0, ..Term::new(Input::Constant(bound), weight).with_bias() };
    let whole = Term::new(Input::Whole, Weight::Plain).with_bias();
    vec![Group::new(1.0, vec![whole, bound(low, Weight::Positive), bound(high, Weight::Negative)])]
}

/// ISNet's form: relevance of the image from the relevance at the head of an affine part.
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
    let layer = FoldedLayer::new(model, part, true);
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
