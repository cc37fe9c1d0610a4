//! Convolution and its transpose, channels last.

use burn::tensor::Tensor;

use crate::{cpu, plain};

/// How a convolution walks over its input; `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Pixels between two output positions, ≥ 1.
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    /// Pixels between two taps of the kernel, ≥ 1.
    pub dilation: [usize; 2],
    /// Channel groups that do not see each other, ≥ 1.
    pub groups: usize,
}

impl Default for ConvGeometry {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl ConvGeometry {
    /// Output size `[H, W]` for an input size, or `None` if the kernel does not fit.
    ///
    /// # Example
    /// ```
    /// use isnet_kernels::ConvGeometry;
    /// let stem = ConvGeometry { stride: [2, 2], padding: [3, 3], ..Default::default() };
    /// assert_eq!(stem.output_size([224, 224], [7, 7]), Some([112, 112]));
    /// assert_eq!(stem.output_size([0, 9], [7, 7]), None);
    /// ```
    pub fn output_size(&self, input: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let reach = self.dilation[axis] * (kernel[axis].checked_sub(1)?) + 1;
            let room = (input[axis] + 2 * self.padding[axis]).checked_sub(reach)?;
            (input[axis] > 0).then_some(room / self.stride[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }
}

/// Cross-correlates `input` with `weight`.
///
/// # Shapes
/// - `input`: `[N, H, W, C_in]`
/// - `weight`: `[C_out, C_in / groups, kernel_h, kernel_w]`
/// - `bias`: `[C_out]`
/// - returns `[N, H_out, W_out, C_out]`
///
/// # Panics
/// If the shapes disagree; graphs are checked by `isnet-graph` before they run.
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, geometry: &ConvGeometry) -> Tensor<4> {
    if cpu::applies(&input) {
        return cpu::conv::conv2d(input, weight, bias, geometry);
    }
    plain::conv2d(input, weight, bias, geometry)
}

/// Applies the transpose of [`conv2d`] (without its bias): the data gradient, which carries relevance.
///
/// # Shapes
/// - `output`: `[N, H_out, W_out, C_out]`
/// - `weight`: `[C_out, C_in / groups, kernel_h, kernel_w]`
/// - `input_size`: `[H, W]` of the convolution's input
/// - returns `[N, H, W, C_in]`
///
/// # Panics
/// If `output` is not the size that [`conv2d`] makes of `input_size`.
pub fn conv2d_transpose(
    output: Tensor<4>,
    weight: Tensor<4>,
    geometry: &ConvGeometry,
    input_size: [usize; 2],
) -> Tensor<4> {
    let [_, height, width, _] = output.dims();
    let [_, _, kernel_h, kernel_w] = weight.dims();
    let expected = geometry.output_size(input_size, [kernel_h, kernel_w]);
    assert_eq!(expected, Some([height, width]), "transpose of a convolution over {input_size:?}");
    if cpu::applies(&output) {
        return cpu::conv::conv2d_transpose(output, weight, geometry, input_size);
    }
    plain::conv2d_transpose(output, weight, geometry, input_size)
}
