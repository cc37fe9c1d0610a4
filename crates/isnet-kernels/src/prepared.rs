//! Operations of inference, where weights stay as they are: made ready once, and fused with what follows.

use burn::tensor::Tensor;

use crate::{ConvGeometry, ConvWeight, cpu, plain};

/// A convolution with a fixed weight, for many inputs of any size. Not differentiable.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use isnet_kernels::{ConvGeometry, PreparedConv};
/// let weight = Tensor::<4>::ones([2, 3, 1, 1], &Device::flex());
/// let conv = PreparedConv::new(weight, None, ConvGeometry::default());
/// let image = Tensor::<4>::ones([1, 4, 4, 3], &Device::flex());
/// assert_eq!(conv.apply(image, false).dims(), [1, 4, 4, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct PreparedConv {
    weight: ConvWeight,
    bias: Option<Tensor<1>>,
    geometry: ConvGeometry,
}

impl PreparedConv {
    /// Makes a convolution ready.
    ///
    /// # Shapes
    /// - `weight`: `[C_out, C_in / groups, kernel_h, kernel_w]`
    /// - `bias`: `[C_out]`
    pub fn new(weight: Tensor<4>, bias: Option<Tensor<1>>, geometry: ConvGeometry) -> Self {
        let (weight, bias) = (ConvWeight::new(weight.inner()), bias.map(Tensor::inner));
        if cpu::applies(&weight.tensor()) {
            cpu::prepared::pack(&weight, geometry);
        }
        Self { weight, bias, geometry }
    }

    /// The convolution of `input`, `[N, H, W, C_in]`, with a ReLU after it if wanted.
    ///
    /// # Panics
    /// If the shapes disagree.
    pub fn apply(&self, input: Tensor<4>, relu: bool) -> Tensor<4> {
        if cpu::applies(&input) {
            return cpu::prepared::conv2d(input, &self.weight, self.bias.clone(), &self.geometry, relu);
        }
        let output = plain::conv2d(input, self.weight.tensor(), self.bias.clone(), &self.geometry);
        if relu { plain::relu(output) } else { output }
    }
}

/// `input · scale + shift` per channel, with a ReLU after it if wanted. Not differentiable.
///
/// # Shapes
/// - `input`: `[N, H, W, C]`; `scale`, `shift`: `[C]`
pub fn affine(input: Tensor<4>, scale: &Tensor<1>, shift: &Tensor<1>, relu: bool) -> Tensor<4> {
    if cpu::applies(&input) {
        return cpu::prepared::affine(input, scale.clone(), shift.clone(), relu);
    }
    let output = input * scale.clone().unsqueeze::<4>() + shift.clone().unsqueeze::<4>();
    if relu { plain::relu(output) } else { output }
}
