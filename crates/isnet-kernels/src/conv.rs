//! Convolution and its transpose, channels last.

use std::sync::Arc;

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

    /// Output size `[H, W]` of the transposed convolution: the smallest that this convolution brings to the size `input`. `None` if there is
    /// none.
    ///
    /// # Example
    /// ```
    /// use isnet_kernels::ConvGeometry;
    /// let double = ConvGeometry { stride: [2, 2], ..Default::default() };
    /// assert_eq!(double.transposed_size([7, 5], [2, 2]), Some([14, 10]));
    /// ```
    pub fn transposed_size(&self, input: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let reach = self.dilation[axis] * kernel[axis].checked_sub(1)? + 1;
            (input[axis].checked_sub(1)? * self.stride[axis] + reach).checked_sub(2 * self.padding[axis])
        };
        Some([along(0)?, along(1)?])
    }
}

/// A convolution's weight, which remembers the forms that the kernels bring it to: a training step reads every weight forwards and
/// backwards twice. Clones share them; a new value is a new `ConvWeight`.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isnet_kernels::{ConvGeometry, ConvWeight};
/// let weight = ConvWeight::new(Tensor::ones([2, 3, 1, 1], &Device::flex()));
/// let image = Tensor::<4>::ones([1, 4, 4, 3], &Device::flex());
/// let output = weight.conv2d(image, None, &ConvGeometry::default());
/// assert_eq!(output.clone().max().into_scalar::<f32>(), 3.0); // three channels of ones
/// let back = weight.conv2d_transpose(output, &ConvGeometry::default(), [4, 4]);
/// assert_eq!(back.max().into_scalar::<f32>(), 6.0); // two outputs of 3
/// ```
#[derive(Clone, Debug)]
pub struct ConvWeight {
    tensor: Tensor<4>,
    forms: WeightForms,
}

/// The forms that the kernels brought the value of a weight to. Clones share them; a new value needs new ones.
#[derive(Clone, Debug, Default)]
pub struct WeightForms(Arc<cpu::pack::Packs>);

impl ConvWeight {
    /// A weight `[C_out, C_in / groups, kernel_h, kernel_w]`.
    pub fn new(tensor: Tensor<4>) -> Self {
        Self::with_forms(tensor, WeightForms::default())
    }

    /// A weight whose value had the forms made before, if any.
    pub fn with_forms(tensor: Tensor<4>, forms: WeightForms) -> Self {
        Self { tensor, forms }
    }

    /// Its value.
    pub fn tensor(&self) -> Tensor<4> {
        self.tensor.clone()
    }

    pub(crate) fn packs(&self) -> Arc<cpu::pack::Packs> {
        self.forms.0.clone()
    }

    /// [`conv2d`] with this weight.
    ///
    /// # Panics
    /// As [`conv2d`].
    pub fn conv2d(&self, input: Tensor<4>, bias: Option<Tensor<1>>, geometry: &ConvGeometry) -> Tensor<4> {
        if cpu::applies(&input) {
            return cpu::conv::conv2d(input, self, bias, geometry);
        }
        plain::conv2d(input, self.tensor(), bias, geometry)
    }

    /// [`conv2d_transpose`] with this weight.
    ///
    /// # Panics
    /// As [`conv2d_transpose`].
    pub fn conv2d_transpose(&self, output: Tensor<4>, geometry: &ConvGeometry, input_size: [usize; 2]) -> Tensor<4> {
        let [_, height, width, _] = output.dims();
        let [_, _, kernel_h, kernel_w] = self.tensor.dims();
        let expected = geometry.output_size(input_size, [kernel_h, kernel_w]);
        assert_eq!(expected, Some([height, width]), "transpose of a convolution over {input_size:?}");
        if cpu::applies(&output) {
            return cpu::conv::conv2d_transpose(output, self, geometry, input_size);
        }
        plain::conv2d_transpose(output, self.tensor(), geometry, input_size)
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
    ConvWeight::new(weight).conv2d(input, bias, geometry)
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
    ConvWeight::new(weight).conv2d_transpose(output, geometry, input_size)
}
