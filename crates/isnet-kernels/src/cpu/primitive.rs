//! Burn's CPU tensors as slices, and back; gradients taken off the tape and put on it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use burn::{
    backend::{
        Flex,
        autodiff::{grads::Gradients, ops::Ops},
        ops::FloatTensorOps,
        tensor::FloatTensor,
    },
    tensor::{Shape, TensorData},
};

use super::layout;

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

/// Nodes whose gradient so far was put on the tape by [`add_gradient`]. A node's number is never used again, so an entry cannot speak
/// of another node; one that is forgotten only costs time, since Burn then adds the gradients itself.
static BEGUN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
/// Entries remembered; the oldest go first. Those that an operation of Burn took off the tape are left over from every step.
const REMEMBERED: usize = 4096;

/// Whether a node's gradient is begun from here on, rather than before.
fn begins(node: u64) -> bool {
    let mut begun = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let fresh = begun.insert(node);
    if begun.len() > REMEMBERED {
        begun.pop_first();
    }
    fresh
}

/// Takes the gradient of an operation's output off the tape.
pub(super) fn take_gradient<S, const N: usize>(gradients: &mut Gradients, ops: &Ops<S, N>) -> Primitive {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner).remove(&ops.node.id.value);
    contiguous(gradients.consume::<Flex>(&ops.node))
}

/// Puts the gradient of a parent of an operation on the tape, if that is tracked.
pub(super) fn give_gradient<S, const N: usize>(
    gradients: &mut Gradients,
    ops: &Ops<S, N>,
    parent: usize,
    gradient: impl FnOnce() -> Primitive,
) {
    add_gradient(gradients, ops, parent, |others| match (others, gradient()) {
        (None, gradient) => gradient,
        // In place where one of the two is nobody else's.
        (Some(others), gradient) if gradient.is_unique() => layout::sum(gradient, &others),
        (Some(others), gradient) => layout::sum(others, &contiguous(gradient)),
    });
}

/// The same where the operation adds to what other readers of the parent have put there, instead of leaving that to Burn, whose addition
/// runs on one thread.
pub(super) fn add_gradient<S, const N: usize>(
    gradients: &mut Gradients,
    ops: &Ops<S, N>,
    parent: usize,
    sum: impl FnOnce(Option<Primitive>) -> Primitive,
) {
    let Some(node) = &ops.parents[parent] else { return };
    // What is on the tape for a leaf stays there when it is read.
    let leaf = node.order == 0;
    let others = (!leaf && !begins(node.id.value)).then(|| contiguous(gradients.consume::<Flex>(node)));
    gradients.register::<Flex>(node.id, sum(others));
}
