//! The operations of inference: weights packed before, what follows fused in.

use std::sync::Arc;

use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};

use super::{
    conv::{Kernel, forward, shape_of},
    convolve::{self, ConvShape, Weight},
    pack::Packs,
    pointwise::rectified,
    primitive::{Primitive, contiguous, dims, values},
    sweep,
};
use crate::conv::{ConvGeometry, ConvWeight};

/// The operations of this file on a backend.
#[backend_extension(Flex)]
pub(crate) trait PreparedOps: Backend {
    /// [`crate::PreparedConv::apply`].
    fn isnet_prepared_conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        packs: Arc<Packs>,
        how: (ConvGeometry, bool),
    ) -> FloatTensor<Self>;

    /// [`crate::prepared::affine`].
    fn isnet_affine(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;
}

/// Packs a weight for what is to come.
pub(crate) fn pack(weight: &ConvWeight, geometry: ConvGeometry) {
    let tensor = weight.tensor();
    let any_size = ConvShape { samples: 1, input: [1, 1], output: [1, 1], weight: tensor.dims(), geometry };
    let values: Vec<f32> = tensor.into_data().try_into_vec().expect("an f32 tensor");
    convolve::prepare(any_size, Weight { values: &values, packs: &weight.packs() });
}

/// The fast [`crate::PreparedConv::apply`].
pub(crate) fn conv2d(
    input: Tensor<4>,
    weight: &ConvWeight,
    bias: Option<Tensor<1>>,
    geometry: &ConvGeometry,
    relu: bool,
) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::empty([0], &input.device()));
    let (input, kernel, bias) = (input.into_dispatch(), weight.tensor().into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_prepared_conv(input, kernel, bias, weight.packs(), (*geometry, relu)))
}

/// The fast [`crate::prepared::affine`].
pub(crate) fn affine(input: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> Tensor<4> {
    let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_affine(input.into_dispatch(), scale, shift, relu))
}

impl PreparedOps for Flex {
    fn isnet_prepared_conv(
        input: Primitive,
        weight: Primitive,
        bias: Primitive,
        packs: Arc<Packs>,
        (geometry, relu): (ConvGeometry, bool),
    ) -> Primitive {
        let kernel = Kernel { values: contiguous(weight), packs };
        let shape = shape_of(&input, &kernel.values, geometry);
        forward(shape, &contiguous(input), &kernel, Some(&contiguous(bias)), relu)
    }

    fn isnet_affine(input: Primitive, scale: Primitive, shift: Primitive, relu: bool) -> Primitive {
        let [.., channels] = dims::<4>(&input);
        let (scale, shift) = (contiguous(scale), contiguous(shift));
        let (scale, shift) = (values(&scale), values(&shift));
        assert!([scale.len(), shift.len()] == [channels; 2], "one scale and shift per channel");
        sweep::update(input, channels, |_, x| {
            for pixel in x.chunks_mut(channels) {
                for (x, (scale, shift)) in pixel.iter_mut().zip(scale.iter().zip(shift)) {
                    let y = *x * scale + shift;
                    *x = if relu { rectified(y) } else { y };
                }
            }
        })
    }
}
