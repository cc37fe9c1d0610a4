//! AttnLRP (Achtibat et al. 2024): the operations of a transformer that are not linear.
//!
//! Each of the paper's rules is a modified gradient, `R = a ⊙ G`, so nothing is divided by a small value:
//!
//! | operation | `R_in` in the paper | `G_in` here |
//! |---|---|---|
//! | layer norm | 1/σ passes relevance on (Proposition 3.4), the rest is linear | the gradient with a constant σ |
//! | GELU | passes relevance on (equation 9) | `G·Φ(x)` |
//! | softmax | `x ⊙ (R − s·ΣR)` (Proposition 3.1) | the gradient |
//! | product of two activations | `½·a_i·b_i·R/Σ a·b` for each factor (Proposition 3.3) | half of the gradient |
//!
//! Dense layers and sums follow the ε rule, whose modified gradient is the transpose. The authors' library LXT makes the same maps
//! (`golden/attn_lrp.py`).

use burn::tensor::Tensor;
use isnet_graph::{Graph, LayerNorm, Node, NodeId, Op, Params, Tokens, Trace};
use isnet_kernels as kernels;

/// How an operation that is not linear passes what reached its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As back-propagation does.
    Gradient,
    /// By the table above.
    AttnLrp,
}

/// `G_in` at one input of such an operation, differentiable in parameters and activations.
///
/// # Shapes
/// - `gradient`: `[N·E, …]` of the output; returns `[N·E, …]` of the input
pub(crate) fn pass(
    (graph, params, trace): (&Graph, &Params, &Trace),
    id: NodeId,
    input: usize,
    gradient: Tensor<4>,
    form: Form,
) -> Tensor<4> {
    let node = graph.node(id);
    let x = trace.activation(node.inputs[0]);
    match (&node.op, form) {
        (Op::Softmax, _) => kernels::softmax_transpose(gradient, trace.activation(id)),
        (Op::Gelu, Form::AttnLrp) => kernels::times_activation(gradient, kernels::normal_cdf(x)),
        (Op::Gelu, Form::Gradient) => kernels::times_activation(gradient, gelu_slope(x)),
        (Op::LayerNorm(norm), Form::AttnLrp) => {
            kernels::layer_norm_transpose(gradient, x, params.flat(norm.weight), norm.epsilon)
        }
        (Op::LayerNorm(norm), Form::Gradient) => layer_norm_gradient(gradient, x, params, norm),
        (Op::AttentionScores { heads }, form) => {
            of_scores(trace, node, input, gradient, *heads) * form.share_of_product()
        }
        (Op::AttentionSums, form) => of_sums(trace, node, input, gradient) * form.share_of_product(),
        (Op::Tokens(tokens), _) => patches(gradient, tokens),
        (
            Op::Input
            | Op::Conv(_)
            | Op::ConvTranspose(_)
            | Op::Dense(_)
            | Op::BatchNorm(_)
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
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. },
            _,
        ) => unreachable!("the plan gives `{}` no such rule", node.op.name()),
    }
}

impl Form {
    /// What each factor of a product gets.
    fn share_of_product(self) -> f64 {
        match self {
            Self::AttnLrp => 0.5,
            Self::Gradient => 1.0,
        }
    }
}

/// The other factor of a product of two activations, for every map.
fn other_factor(trace: &Trace, node: &Node, input: usize, gradient: &Tensor<4>) -> Tensor<4> {
    let other = trace.activation(node.inputs[1 - input]);
    kernels::expand_maps(other.clone(), gradient.dims()[0] / other.dims()[0])
}

/// The gradient of scores by queries or keys.
fn of_scores(trace: &Trace, node: &Node, input: usize, gradient: Tensor<4>, heads: usize) -> Tensor<4> {
    let other = other_factor(trace, node, input, &gradient);
    let scale = isnet_graph::attention_scale(&other, heads);
    // Scores are `[queries, keys]` per head: a query sums over its row, a key over its column.
    let gradient = if input == 0 { gradient } else { gradient.swap_dims(2, 3) };
    kernels::head_sums(gradient, other * scale)
}

/// The gradient of sums by weights or values.
fn of_sums(trace: &Trace, node: &Node, input: usize, gradient: Tensor<4>) -> Tensor<4> {
    let other = other_factor(trace, node, input, &gradient);
    if input == 0 {
        return kernels::head_products(gradient, other, trace.activation(node.inputs[0]).dims()[1]);
    }
    kernels::head_sums(other.swap_dims(2, 3), gradient)
}

/// Relevance of the patches: that of all tokens but the first, which is a parameter.
pub(crate) fn patches(gradient: Tensor<4>, tokens: &Tokens) -> Tensor<4> {
    let ([rows, _, count, channels], [height, width]) = (gradient.dims(), tokens.grid);
    gradient.narrow(2, 1, count - 1).reshape([rows, height, width, channels])
}

/// `Φ(x) + x·φ(x)`, φ the normal density.
fn gelu_slope(x: Tensor<4>) -> Tensor<4> {
    let density = kernels::exp(x.clone().square() * -0.5) * std::f64::consts::TAU.sqrt().recip();
    kernels::normal_cdf(x.clone()) + x * density
}

/// The whole gradient: what is left of the one with a constant σ when its part along `x̂ = (x − mean)/σ` is taken away.
fn layer_norm_gradient(gradient: Tensor<4>, x: Tensor<4>, params: &Params, norm: &LayerNorm) -> Tensor<4> {
    let gamma = params.flat(norm.weight);
    let (ones, zeros) = (gamma.ones_like().inner(), gamma.zeros_like().inner());
    let direction = kernels::layer_norm(x.clone(), ones, zeros, norm.epsilon);
    let direction = kernels::expand_maps(direction, gradient.dims()[0] / x.dims()[0]);
    let across = kernels::layer_norm_transpose(gradient, x, gamma, norm.epsilon);
    let along = (across.clone() * direction.clone()).mean_dim(3);
    across - direction * along
}
