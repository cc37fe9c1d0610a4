//! The operations a node can be.

use isnet_kernels::average_pool::AverageWindow;
use isnet_kernels::{ConvGeometry, MaxPoolGeometry};

use crate::params::ParamId;

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The image, `[N, H, W, C]` in [0, 1]. Every graph has exactly one, its first node.
    Input,
    /// A 2-D convolution.
    Conv(Conv),
    /// The transpose of a 2-D convolution, which enlarges. Its weight is `[C_in, C_out / groups, kernel_h, kernel_w]`, as PyTorch's.
    ConvTranspose(Conv),
    /// A dense layer over the channels of a flat activation, or of every token.
    Dense(Dense),
    /// Batch normalization per channel.
    BatchNorm(BatchNorm),
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e^−x)`: the opening of a gate. Relevance does not pass it.
    Sigmoid,
    /// 1 where a value is above this one, else 0. Neither gradients nor relevance pass it.
    Threshold(f64),
    /// How far the places of a channel open, with mean 1. Relevance does not pass it.
    SpatialShare(Sharing),
    /// The first input at the size of the second, bilinearly.
    Interpolate,
    /// The first input times the second, which has one channel or as many. In the relevance pass the second is a constant.
    Gate,
    /// Largest value of each window.
    MaxPool(MaxPoolGeometry),
    /// Mean of each window.
    AveragePool(AveragePoolWindow),
    /// Mean of windows chosen so that the output has this size `[H, W]`.
    AdaptiveAveragePool([usize; 2]),
    /// `ln(mean exp(r·x)) / r` over the places of each channel: a smooth maximum. Relevance goes to the places by their shares `exp(r·x) / Σ exp(r·x)`.
    LogSumExpPool(f64),
    /// Sum of all inputs, which have one shape.
    Add,
    /// All inputs, joined along their channels.
    Concat,
    /// `[N, H, W, C]` to `[N, 1, 1, C·H·W]`, in the channel-first order of weight files.
    Flatten,
    /// In training, zeroes each value with this probability and scales the others by `1/(1 − p)`; otherwise the identity.
    Dropout(f64),
    /// Nothing; a place with a name.
    Identity,
    /// Probabilities over the channels of every pixel. As the output it is not explained, its input is.
    Softmax,
    /// Normalization of every pixel over its channels.
    LayerNorm(LayerNorm),
    /// `x·Φ(x)`, with Φ the normal distribution function.
    Gelu,
    /// A picture of patches as a row of tokens.
    Tokens(Tokens),
    /// `[N, 1, T, C]` to the flat activation of the token at this position.
    SelectToken(usize),
    /// The channels `start..start + channels`.
    NarrowChannels {
        /// The first channel.
        start: usize,
        /// How many.
        channels: usize,
    },
    /// Queries and keys, `[N, 1, T, C]` each, to `[N, heads, T, T]`: `q·k/√(C/heads)` over the channels of each head.
    AttentionScores {
        /// Number of heads; it divides the channels.
        heads: usize,
    },
    /// Weights `[N, heads, T, T]` and values `[N, 1, T, C]` to `[N, 1, T, C]`: what each token attends to, summed.
    AttentionSums,
}

/// How places share the opening of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// `(x − min x) / mean (x − min x)`, of grid attention.
    AboveMinimum,
    /// `exp x / mean exp x`.
    Softmax,
}

/// A 2-D convolution: its weight is `[C_out, C_in / groups, kernel_h, kernel_w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// The kernel.
    pub weight: ParamId,
    /// `[C_out]`, if any.
    pub bias: Option<ParamId>,
    /// Stride, padding, dilation and groups.
    pub geometry: ConvGeometry,
}

/// A dense layer: its weight is `[C_out, C_in]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// The matrix.
    pub weight: ParamId,
    /// `[C_out]`, if any.
    pub bias: Option<ParamId>,
}

/// Layer normalization; both parameters are `[C]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// γ.
    pub weight: ParamId,
    /// β.
    pub bias: ParamId,
    /// Added to the variance.
    pub epsilon: f64,
}

/// `[N, H, W, C]` to `[N, 1, 1 + H·W, C]`: a learned token first, then the pixels row by row; each plus a learned vector of its position.
///
/// Tokens are pixels of a picture one pixel high, so that what works per pixel (norms, dense layers, sums) works per token.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// The learned token, `[1, 1, C]`.
    pub class_token: ParamId,
    /// What is added to the tokens, `[1, 1 + H·W, C]`.
    pub position: ParamId,
    /// `[H, W]`: the only picture that has these positions.
    pub grid: [usize; 2],
}

/// Batch normalization; all parameters are `[C]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// γ.
    pub weight: ParamId,
    /// β.
    pub bias: ParamId,
    /// Running mean, a buffer.
    pub running_mean: ParamId,
    /// Running variance, a buffer.
    pub running_var: ParamId,
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of the batch in the new running statistics.
    pub momentum: f64,
}

/// An average pool over windows, `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AveragePoolWindow(pub [AverageWindow; 2]);

impl AveragePoolWindow {
    /// A square window without overlap or padding.
    pub fn square(size: usize) -> Self {
        let window = AverageWindow { kernel: size, stride: size, padding: 0, ceil_mode: false, count_padding: true };
        Self([window; 2])
    }
}

impl Op {
    /// The operation's name in summaries and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv(_) => "conv",
            Op::ConvTranspose(_) => "conv_transpose",
            Op::Dense(_) => "dense",
            Op::BatchNorm(_) => "batch_norm",
            Op::Relu => "relu",
            Op::Sigmoid => "sigmoid",
            Op::Threshold(_) => "threshold",
            Op::SpatialShare(_) => "spatial_share",
            Op::Interpolate => "interpolate",
            Op::Gate => "gate",
            Op::MaxPool(_) => "max_pool",
            Op::AveragePool(_) => "average_pool",
            Op::AdaptiveAveragePool(_) => "adaptive_average_pool",
            Op::LogSumExpPool(_) => "log_sum_exp_pool",
            Op::Add => "add",
            Op::Concat => "concat",
            Op::Flatten => "flatten",
            Op::Dropout(_) => "dropout",
            Op::Identity => "identity",
            Op::Softmax => "softmax",
            Op::LayerNorm(_) => "layer_norm",
            Op::Gelu => "gelu",
            Op::Tokens(_) => "tokens",
            Op::SelectToken(_) => "select_token",
            Op::NarrowChannels { .. } => "narrow_channels",
            Op::AttentionScores { .. } => "attention_scores",
            Op::AttentionSums => "attention_sums",
        }
    }

    /// Parameters this operation reads.
    pub fn params(&self) -> Vec<ParamId> {
        self.clone().params_mut().into_iter().map(|id| *id).collect()
    }

    /// [`Op::params`], to let them point elsewhere.
    pub(crate) fn params_mut(&mut self) -> Vec<&mut ParamId> {
        match self {
            Op::Conv(Conv { weight, bias, .. })
            | Op::ConvTranspose(Conv { weight, bias, .. })
            | Op::Dense(Dense { weight, bias }) => std::iter::once(weight).chain(bias).collect(),
            Op::BatchNorm(norm) => {
                vec![&mut norm.weight, &mut norm.bias, &mut norm.running_mean, &mut norm.running_var]
            }
            Op::LayerNorm(norm) => vec![&mut norm.weight, &mut norm.bias],
            Op::Tokens(tokens) => vec![&mut tokens.class_token, &mut tokens.position],
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
            | Op::Gelu
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. }
            | Op::AttentionScores { .. }
            | Op::AttentionSums => Vec::new(),
        }
    }

    /// How many inputs the operation takes.
    pub(crate) fn arity(&self) -> std::ops::RangeInclusive<usize> {
        match self {
            Op::Input => 0..=0,
            Op::Add | Op::Concat => 1..=usize::MAX,
            Op::Gate | Op::Interpolate | Op::AttentionScores { .. } | Op::AttentionSums => 2..=2,
            Op::Conv(_)
            | Op::ConvTranspose(_)
            | Op::Dense(_)
            | Op::BatchNorm(_)
            | Op::Relu
            | Op::Sigmoid
            | Op::Threshold(_)
            | Op::SpatialShare(_)
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::AdaptiveAveragePool(_)
            | Op::LogSumExpPool(_)
            | Op::Flatten
            | Op::Dropout(_)
            | Op::Identity
            | Op::Softmax
            | Op::LayerNorm(_)
            | Op::Gelu
            | Op::Tokens(_)
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. } => 1..=1,
        }
    }
}
