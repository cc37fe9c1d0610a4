//! Bilinear interpolation.

use burn::tensor::{Tensor, TensorData};

use crate::matmul;

/// Brings activations to another size `[H, W]` bilinearly, as PyTorch's `interpolate(mode="bilinear", align_corners=False)` does.
///
/// It is linear and separable, hence two matrix products; differentiable.
///
/// # Shapes
/// - `input`: `[N, h, w, C]`
/// - returns `[N, H, W, C]`
///
/// # Panics
/// If a size is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let row = Tensor::<4>::from_floats([[[[0.0], [4.0]]]], &Device::flex());
/// let wide = isnet_kernels::interpolate(row, [1, 4]);
/// assert_eq!(wide.try_into_vec_as::<f32>()?, [0.0, 1.0, 3.0, 4.0]); // the outer pixels lie beyond the centers of the old ones
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn interpolate(input: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, height, width, _] = input.dims();
    let matrices = [matrix(height, size[0], &input), matrix(width, size[1], &input)];
    if [height, width] == size { input } else { separably(input, matrices) }
}

/// The transpose of [`interpolate`] from `input_size`: what carries relevance back.
///
/// # Shapes
/// - `output`: `[N, H, W, C]`
/// - returns `[N, h, w, C]`
pub fn interpolate_transpose(output: Tensor<4>, input_size: [usize; 2]) -> Tensor<4> {
    let [_, height, width, _] = output.dims();
    let [rows, columns] = [matrix(input_size[0], height, &output), matrix(input_size[1], width, &output)];
    if [height, width] == input_size {
        return output;
    }
    separably(output, [rows.swap_dims(1, 2), columns.swap_dims(1, 2)])
}

/// `rows · input · columnsᵀ` for every channel.
fn separably(input: Tensor<4>, [rows, columns]: [Tensor<3>; 2]) -> Tensor<4> {
    let [samples, height, width, channels] = input.dims();
    let [to_height, to_width] = [rows.dims()[1], columns.dims()[1]];
    let rows = rows.unsqueeze::<4>().expand([1, samples, to_height, height]);
    let columns = columns.unsqueeze::<4>().expand([1, samples * to_height, to_width, width]);
    let tall = matmul(rows, input.reshape([1, samples, height, width * channels]));
    let wide = matmul(columns, tall.reshape([1, samples * to_height, width, channels]));
    wide.reshape([samples, to_height, to_width, channels])
}

/// What each output reads of each input along one axis, `[1, output, input]`: two neighbors, by their distance to its center.
fn matrix<const D: usize>(input: usize, output: usize, like: &Tensor<D>) -> Tensor<3> {
    assert!(input > 0 && output > 0, "interpolation from {input} to {output} pixels");
    let mut values = vec![0.0_f64; input * output];
    for place in 0..output {
        let center = ((place as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0);
        let first = (center.floor() as usize).min(input - 1);
        let second = (first + 1).min(input - 1);
        let far = center - first as f64;
        values[place * input + first] += 1.0 - far;
        values[place * input + second] += far;
    }
    Tensor::from_data(TensorData::new(values, [1, output, input]), (&like.device().inner(), like.dtype()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn assert_row(input: &[f32], size: usize, expected: &[f32]) {
        let row = Tensor::<1>::from_floats(input, &Device::flex()).reshape([1, 1, input.len(), 1]);
        let found: Vec<f32> = interpolate(row, [1, size]).try_into_vec_as().unwrap();
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6) && found.len() == size, "{found:?}");
    }

    #[test]
    fn values_are_pytorchs_without_aligned_corners() {
        // torch.nn.functional.interpolate(torch.tensor([[[[3., 0., 6.]]]]), size=(1, n), mode="bilinear")
        assert_row(&[3.0, 0.0, 6.0], 6, &[3.0, 2.25, 0.75, 1.5, 4.5, 6.0]);
        assert_row(&[3.0, 0.0, 6.0], 2, &[2.25, 4.5]);
        assert_row(&[3.0, 0.0, 6.0], 3, &[3.0, 0.0, 6.0]);
    }

    #[test]
    fn rows_columns_and_channels_are_not_confused() {
        let input = Tensor::<1>::from_floats([0.0, 10.0, 2.0, 20.0], &Device::flex()).reshape([1, 2, 1, 2]);
        let found: Vec<f32> = interpolate(input, [4, 1]).try_into_vec_as().unwrap();
        assert_eq!(found, [0.0, 10.0, 0.5, 12.5, 1.5, 17.5, 2.0, 20.0]);
    }
}
