//! A dense layer's product and its transpose.

use burn::tensor::Tensor;

use crate::{ConvGeometry, ConvWeight, cpu};

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

/// [`dense`] with a bias for every token: `input · weightᵀ + bias`.
///
/// # Shapes
/// - `input`: `[N, 1, T, C_in]`; a flat activation is one token
/// - `weight`: `[C_out, C_in, 1, 1]`; `bias`: `[C_out]`
/// - returns `[N, 1, T, C_out]`
pub fn token_dense(input: Tensor<4>, weight: &ConvWeight, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [samples, _, tokens, inputs] = input.dims();
    if tokens > 1 && cpu::applies(&input) {
        // Many rows to each weight: the convolutions tile them in registers.
        return weight.conv2d(input, bias, &ConvGeometry::default());
    }
    let outputs = weight.tensor().dims()[0];
    let product = dense(input.reshape([samples * tokens, inputs]), weight.tensor().reshape([outputs, inputs]));
    let sum = match bias {
        Some(bias) => product + bias.unsqueeze::<2>(),
        None => product,
    };
    sum.reshape([samples, 1, tokens, outputs])
}

/// [`dense_transpose`] for every token.
///
/// # Shapes
/// - `output`: `[N, 1, T, C_out]`; `weight`: `[C_out, C_in, 1, 1]`
/// - returns `[N, 1, T, C_in]`
pub fn token_dense_transpose(output: Tensor<4>, weight: &ConvWeight) -> Tensor<4> {
    let [rows, _, tokens, outputs] = output.dims();
    if tokens > 1 && cpu::applies(&output) {
        return weight.conv2d_transpose(output, &ConvGeometry::default(), [1, tokens]);
    }
    let inputs = weight.tensor().dims()[1];
    let weight = weight.tensor().reshape([outputs, inputs]);
    dense_transpose(output.reshape([rows * tokens, outputs]), weight).reshape([rows, 1, tokens, inputs])
}
