//! The two products of attention, head by head.
//!
//! Tokens lie in one row, `[N, 1, T, C]`; head `h` owns the channels `h·C/heads..(h + 1)·C/heads`.

use burn::tensor::Tensor;

use crate::matmul;

/// Dot products of every pair of tokens, per head: `out[n, h, t, u] = Σ_c first[n, t, c]·second[n, u, c]` over the channels of head `h`.
///
/// Differentiable in both arguments; the gradients are [`head_sums`].
///
/// # Shapes
/// - `first`: `[N, 1, T, C]`; `second`: `[N, 1, U, C]`
/// - returns `[N, heads, T, U]`
///
/// # Panics
/// If `heads` does not divide `C`; graphs are checked by `isnet-graph` before they run.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let tokens = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &Device::flex()).reshape([1, 1, 2, 2]);
/// let products = isnet_kernels::head_products(tokens.clone(), tokens, 1);
/// assert_eq!(products.into_data().try_into_vec::<f32>().unwrap(), [5.0, 11.0, 11.0, 25.0]); // (1, 2)·(1, 2) = 5, …
/// ```
pub fn head_products(first: Tensor<4>, second: Tensor<4>, heads: usize) -> Tensor<4> {
    matmul(by_head(first, heads), by_head(second, heads).swap_dims(2, 3))
}

/// Sums of tokens weighted per head: `out[n, t, c] = Σ_u weights[n, h, t, u]·values[n, u, c]` with the head `h` that owns `c`.
///
/// Differentiable in both arguments; the gradient by `weights` is [`head_products`].
///
/// # Shapes
/// - `weights`: `[N, heads, T, U]`; `values`: `[N, 1, U, C]`
/// - returns `[N, 1, T, C]`
///
/// # Panics
/// If `heads` does not divide `C`.
pub fn head_sums(weights: Tensor<4>, values: Tensor<4>) -> Tensor<4> {
    let [samples, heads, tokens, _] = weights.dims();
    let channels = values.dims()[3];
    matmul(weights, by_head(values, heads)).swap_dims(1, 2).reshape([samples, 1, tokens, channels])
}

/// `[N, 1, T, C]` to `[N, heads, T, C/heads]`.
fn by_head(tokens: Tensor<4>, heads: usize) -> Tensor<4> {
    let [samples, _, count, channels] = tokens.dims();
    tokens.reshape([samples, count, heads, channels / heads]).swap_dims(1, 2)
}
