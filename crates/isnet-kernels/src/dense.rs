//! A dense layer's product and its transpose.

use burn::tensor::Tensor;

use crate::cpu;

/// `input · weightᵀ`.
///
/// # Shapes
/// - `input`: `[N, C_in]`
/// - `weight`: `[C_out, C_in]`
/// - returns `[N, C_out]`
pub fn dense(input: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    if cpu::applies(&input) { cpu::dense::dense(input, weight) } else { input.matmul(weight.transpose()) }
}

/// `output · weight`: the data gradient of [`dense`], which carries relevance.
///
/// # Shapes
/// - `output`: `[N, C_out]`
/// - `weight`: `[C_out, C_in]`
/// - returns `[N, C_in]`
pub fn dense_transpose(output: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    if cpu::applies(&output) { cpu::dense::dense_transpose(output, weight) } else { output.matmul(weight) }
}
