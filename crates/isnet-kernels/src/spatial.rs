//! Operations over all places of a channel.

use burn::tensor::Tensor;

use crate::{exp, ln, softmax};

/// The share of each place in its channel: `exp(r·x) / Σ exp(r·x)`. Large `r` gives all to the largest value.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`
/// - returns the same; the places of each channel sum to 1
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let row = Tensor::<4>::from_floats([[[[0.0], [0.0], [3.0_f32.ln()]]]], &Device::flex());
/// let shares = isnet_kernels::spatial_softmax(row, 1.0).try_into_vec_as::<f32>()?;
/// assert!(shares.iter().zip([0.2, 0.2, 0.6]).all(|(found, expected)| (found - expected).abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spatial_softmax(input: Tensor<4>, sharpness: f64) -> Tensor<4> {
    let [samples, height, width, channels] = input.dims();
    let places: Tensor<4> = (input * sharpness).reshape([samples, 1, height * width, channels]).swap_dims(2, 3);
    softmax(places).swap_dims(2, 3).reshape([samples, height, width, channels])
}

/// A smooth maximum over the places of each channel: `ln(mean exp(r·x)) / r`, between the mean (small `r`) and the maximum (large `r`).
/// Source: Pinheiro and Collobert, "From image-level to pixel-level labeling with convolutional networks", 2015.
///
/// Its gradient is [`spatial_softmax`].
///
/// # Shapes
/// - `input`: `[N, H, W, C]`
/// - returns `[N, 1, 1, C]`
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let row = Tensor::<4>::from_floats([[[[1.0_f32.ln()], [3.0_f32.ln()]]]], &Device::flex());
/// let pooled = isnet_kernels::log_sum_exp_pool(row, 1.0).into_scalar::<f32>();
/// assert!((pooled - 2.0_f32.ln()).abs() < 1e-6); // the mean of 1 and 3 is 2
/// ```
pub fn log_sum_exp_pool(input: Tensor<4>, sharpness: f64) -> Tensor<4> {
    let [samples, height, width, channels] = input.dims();
    let flat = (input * sharpness).reshape([samples, height * width, channels]);
    // It cancels: what is taken out before exp comes back after ln.
    let largest = flat.clone().detach().max_dim(1);
    let mean = exp(flat - largest.clone()).mean_dim(1);
    ((ln(mean) + largest) / sharpness).reshape([samples, 1, 1, channels])
}
