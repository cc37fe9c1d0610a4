//! GELU with the exact normal distribution function (Hendrycks and Gimpel 2016).

use burn::tensor::Tensor;

use crate::{cpu, plain, times_activation};

/// `x·Φ(x)`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let x = Tensor::<4>::from_floats([[[[0.0, 10.0, -10.0]]]], &Device::flex());
/// let y = isnet_kernels::gelu(x).into_data().try_into_vec::<f32>().unwrap();
/// assert!(y[0] == 0.0 && y[1] == 10.0 && y[2].abs() < 1e-20);
/// ```
pub fn gelu(input: Tensor<4>) -> Tensor<4> {
    times_activation(input.clone(), normal_cdf(input))
}

/// `Φ(x) = (1 + erf(x/√2))/2`, the normal distribution function: what GELU multiplies its input by.
///
/// On the CPU in `f32` exact to some units in the last place, also far out on the left.
pub fn normal_cdf(input: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&input) { cpu::gelu::normal_cdf(input) } else { plain::normal_cdf(input) }
}
