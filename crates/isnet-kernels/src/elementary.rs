//! Exponentials and logarithms, value by value.
//!
//! On the CPU they are computed by this program, not by the C library of the system, whose last bits depend on its version and on the processor.

use burn::tensor::{Tensor, activation};

use crate::{cpu, softmax};

/// A function of one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elementary {
    Exp,
    Ln,
    Sigmoid,
    LogSigmoid,
}

/// `eˣ`.
pub fn exp<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if cpu::applies(&input) { cpu::elementary::apply(input, Elementary::Exp) } else { input.exp() }
}

/// The natural logarithm.
pub fn ln<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if cpu::applies(&input) { cpu::elementary::apply(input, Elementary::Ln) } else { input.log() }
}

/// `1 / (1 + e⁻ˣ)`.
pub fn sigmoid<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if cpu::applies(&input) { cpu::elementary::apply(input, Elementary::Sigmoid) } else { activation::sigmoid(input) }
}

/// `−ln(1 + e⁻ˣ)`, without overflow.
pub fn log_sigmoid<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if cpu::applies(&input) {
        return cpu::elementary::apply(input, Elementary::LogSigmoid);
    }
    activation::log_sigmoid(input)
}

/// [`softmax`] of every row.
///
/// # Shapes
/// - `rows`: `[N, K]`
pub fn softmax_rows(rows: Tensor<2>) -> Tensor<2> {
    let [count, classes] = rows.dims();
    softmax(rows.reshape([count, 1, 1, classes])).reshape([count, classes])
}

/// The logarithm of [`softmax_rows`], without underflow: `x − max − ln Σ e^(x − max)`.
///
/// # Shapes
/// - `rows`: `[N, K]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let rows = Tensor::<2>::from_floats([[0.0, -1000.0]], &Device::flex());
/// assert_eq!(isnet_kernels::log_softmax_rows(rows).try_into_vec_as::<f32>()?, [0.0, -1000.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn log_softmax_rows(rows: Tensor<2>) -> Tensor<2> {
    let below = rows.clone() - rows.detach().max_dim(1);
    below.clone() - ln(exp(below).sum_dim(1))
}
