//! Differentiable tensor operations of the ISNet, channels last.
//!
//! Every activation is a Burn tensor `[N, H, W, C]`: a dense layer's output is `[N, 1, 1, C]`. Each operation here is an
//! ordinary function from tensors to tensors, differentiable once by Burn's autodiff, on any device. Convolution weights keep
//! the layout of weight files, `[C_out, C_in / groups, kernel_h, kernel_w]`.
//!
//! The functions are the *seam* between the method and the machine: `isnet-graph` and `isnet-lrp` call nothing else for
//! heavy work. On the CPU (`flex`, `f32`) the hot ones run hand-written code ([`cpu`]); on every other device, and as the oracle of the
//! tests, the same function is composed of Burn operations.

pub mod attention;
pub mod average_pool;
pub mod batch_norm;
pub mod conv;
pub mod cpu;
pub mod dense;
pub mod elementary;
mod environment;
pub mod gelu;
pub mod interpolate;
pub mod layer_norm;
pub mod matmul;
pub mod max_pool;
pub mod plain;
pub mod pointwise;
pub mod prepared;
pub mod ranked_pooling;
mod recycle;
pub mod softmax;
pub mod spatial;
pub mod update;
mod workers;

pub use attention::{head_products, head_sums};
pub use average_pool::{AveragePool, average_pool, average_pool_transpose};
pub use batch_norm::{BatchStatistics, batch_norm_train, inverse_deviation, normalize, normalize_transpose};
pub use conv::{ConvGeometry, ConvWeight, WeightForms, conv2d, conv2d_transpose};
pub use dense::{dense, dense_transpose, token_dense, token_dense_transpose};
pub use elementary::{exp, ln, log_sigmoid, log_softmax_rows, sigmoid, softmax_rows};
pub use environment::{EnvironmentError, check_environment};
pub use gelu::{gelu, normal_cdf};
pub use interpolate::{interpolate, interpolate_transpose};
pub use layer_norm::{layer_norm, layer_norm_transpose};
pub use matmul::matmul;
pub use max_pool::{MaxPoolGeometry, max_pool, max_unpool};
pub use pointwise::{
    add, add_relu, concat_channels, expand_maps, gate, narrow_channels, relevance_step, relevance_step_normalized,
    relu, stabilized_quotient, times_activation,
};
pub use prepared::PreparedConv;
pub use ranked_pooling::ranked_pooling;
pub use recycle::Recycler;
pub use softmax::{softmax, softmax_transpose};
pub use spatial::{log_sum_exp_pool, spatial_softmax};
pub use workers::on_workers;
