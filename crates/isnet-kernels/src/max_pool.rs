//! Max pooling that remembers its winners, and the way back to them.

use burn::tensor::{Int, Tensor};

use crate::{cpu, plain};

/// How a max pool walks over its input; `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPoolGeometry {
    /// Window size, ≥ 1.
    pub kernel: [usize; 2],
    /// Pixels between two windows, ≥ 1.
    pub stride: [usize; 2],
    /// Padding that never wins, at most half the window.
    pub padding: [usize; 2],
    /// Pixels between two taps of the window, ≥ 1.
    pub dilation: [usize; 2],
    /// Keep a last window that hangs over the border.
    pub ceil_mode: bool,
}

impl MaxPoolGeometry {
    /// A square window without overlap or padding.
    pub fn square(size: usize) -> Self {
        Self { kernel: [size; 2], stride: [size; 2], padding: [0; 2], dilation: [1; 2], ceil_mode: false }
    }

    /// Output size `[H, W]` for an input size, or `None` if the window does not fit.
    pub fn output_size(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            pooled_length(input[axis], reach, self.stride[axis], self.padding[axis], self.ceil_mode)
        };
        Some([along(0)?, along(1)?])
    }
}

/// Number of windows along one axis, in PyTorch's convention: with `ceil_mode`, a last window must start inside the input or its left padding.
pub(crate) fn pooled_length(
    input: usize,
    reach: usize,
    stride: usize,
    padding: usize,
    ceil_mode: bool,
) -> Option<usize> {
    let room = (input + 2 * padding).checked_sub(reach)?;
    if input == 0 {
        return None;
    }
    if !ceil_mode {
        return Some(room / stride + 1);
    }
    let windows = room.div_ceil(stride) + 1;
    Some(if (windows - 1) * stride >= input + padding { windows - 1 } else { windows })
}

/// Takes the largest value of every window, and where it was.
///
/// The indices are positions `y·W + x` in the input; among equals the first in reading order wins.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`
/// - returns values and indices, both `[N, H_out, W_out, C]`
pub fn max_pool(input: Tensor<4>, geometry: &MaxPoolGeometry) -> (Tensor<4>, Tensor<4, Int>) {
    if cpu::applies(&input) { cpu::pool::max_pool(input, geometry) } else { plain::max_pool(input, geometry) }
}

/// Puts every value where its window found the maximum; windows that share a winner add up.
///
/// This is the transpose of [`max_pool`] with its choice held constant, and is differentiable in `output`.
///
/// # Shapes
/// - `output`: `[N·E, H_out, W_out, C]`
/// - `indices`: `[N, H_out, W_out, C]`, from [`max_pool`]
/// - returns `[N·E, H, W, C]` with `[H, W] = input_size`
pub fn max_unpool(output: Tensor<4>, indices: Tensor<4, Int>, input_size: [usize; 2]) -> Tensor<4> {
    if cpu::applies(&output) {
        return cpu::pool::max_unpool(output, indices, input_size);
    }
    plain::max_unpool(output, indices, input_size)
}
