//! Burn's CPU tensors as slices, and back.

use burn::{
    backend::{
        Flex,
        autodiff::{grads::Gradients, ops::Ops},
        ops::FloatTensorOps,
        tensor::FloatTensor,
    },
    tensor::{Shape, TensorData},
};

/// A tensor of the `flex` backend.
pub(super) type Primitive = FloatTensor<Flex>;

/// The tensor with its values in reading order, copied only if they are not.
pub(super) fn contiguous(tensor: Primitive) -> Primitive {
    tensor.to_contiguous()
}

/// The values of a [`contiguous`] tensor.
pub(super) fn values(tensor: &Primitive) -> &[f32] {
    tensor.as_slice().expect("an f32 tensor made contiguous")
}

/// The lengths of the axes.
pub(super) fn dims<const D: usize>(tensor: &Primitive) -> [usize; D] {
    std::array::from_fn(|axis| tensor.layout().shape()[axis])
}

/// A tensor of these values.
pub(super) fn primitive(values: Vec<f32>, shape: impl Into<Shape>) -> Primitive {
    Flex::float_from_data(TensorData::new(values, shape.into()), &Default::default())
}

/// Takes the gradient of an operation's output off the tape.
pub(super) fn take_gradient<S, const N: usize>(gradients: &mut Gradients, ops: &Ops<S, N>) -> Primitive {
    contiguous(gradients.consume::<Flex>(&ops.node))
}
