//! The operations of inference: weights packed before, what follows fused in.

use std::sync::Arc;

use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};

use super::{
    convolve::{self, ConvShape, PackedWeight},
    pointwise::rectified,
    primitive::{Primitive, contiguous, dims, primitive, values},
    sweep,
};
use crate::conv::ConvGeometry;

/// A packed weight with its bias.
#[derive(Debug)]
pub(crate) struct Packed {
    weight: PackedWeight,
    shape: [usize; 4],
    bias: Vec<f32>,
    geometry: ConvGeometry,
}

/// The operations of this file on a backend.
#[backend_extension(Flex)]
pub(crate) trait PreparedOps: Backend {
    /// [`crate::PreparedConv::apply`].
    fn isnet_prepared_conv(input: FloatTensor<Self>, packed: Arc<Packed>, relu: bool) -> FloatTensor<Self>;

    /// [`crate::prepared::affine`].
    fn isnet_affine(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;
}

/// Packs a weight; `None` where packing does not help.
pub(crate) fn pack(weight: &Tensor<4>, bias: Option<&Tensor<1>>, geometry: ConvGeometry) -> Option<Packed> {
    let shape = weight.dims();
    let floats = |data: burn::tensor::TensorData| data.try_into_vec::<f32>().expect("an f32 tensor");
    let any_size = ConvShape { samples: 1, input: [1, 1], output: [1, 1], weight: shape, geometry };
    let weight = PackedWeight::new(any_size, &floats(weight.clone().into_data()))?;
    let bias = bias.map_or_else(Vec::new, |bias| floats(bias.clone().into_data()));
    Some(Packed { weight, shape, bias, geometry })
}

/// The fast [`crate::PreparedConv::apply`].
pub(crate) fn conv2d(input: Tensor<4>, packed: Arc<Packed>, relu: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::isnet_prepared_conv(input.into_dispatch(), packed, relu))
}

/// The fast [`crate::prepared::affine`].
pub(crate) fn affine(input: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> Tensor<4> {
    let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(Dispatch::isnet_affine(input.into_dispatch(), scale, shift, relu))
}

impl PreparedOps for Flex {
    fn isnet_prepared_conv(input: Primitive, packed: Arc<Packed>, relu: bool) -> Primitive {
        let ([samples, height, width, channels], input) = (dims::<4>(&input), contiguous(input));
        let (size, geometry) = ([height, width], packed.geometry);
        let output = geometry.output_size(size, [packed.shape[2], packed.shape[3]]);
        let output = output.unwrap_or_else(|| panic!("{:?} does not fit into {size:?}", packed.shape));
        let shape = ConvShape { samples, input: size, output, weight: packed.shape, geometry };
        assert_eq!(channels, shape.in_channels(), "input channels against a weight of {:?}", packed.shape);
        let bias = (!packed.bias.is_empty()).then_some(&packed.bias[..]);
        let out = convolve::convolution_packed(shape, values(&input), &packed.weight, bias, relu);
        primitive(out, [samples, output[0], output[1], shape.out_channels()])
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
