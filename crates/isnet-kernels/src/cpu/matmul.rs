//! Matrix products as a differentiable operation.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        ops::FloatTensorOps,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use rayon::prelude::*;

use super::{
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient},
    product::{Panels, Rows, multiply},
};

/// Rows of a task.
const TASK_ROWS: usize = 64;

/// The operation of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait MatmulOps: Backend {
    /// [`crate::matmul()`].
    fn isnet_matmul(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The fast [`crate::matmul()`].
pub(crate) fn matmul(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let ([a, b, _, inner], [c, d, other, _]) = (first.dims(), second.dims());
    assert_eq!([a, b, inner], [c, d, other], "factors of a product");
    Tensor::from_dispatch(Dispatch::isnet_matmul(first.into_dispatch(), second.into_dispatch()))
}

impl MatmulOps for Flex {
    fn isnet_matmul(first: Primitive, second: Primitive) -> Primitive {
        products(first, &second)
    }
}

impl<C: CheckpointStrategy> MatmulOps for Autodiff<Flex, C> {
    fn isnet_matmul(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [first.node(), second.node()];
        let [first, second] = [first, second].map(|tensor| tensor.into_primitive());
        let output = products(first.clone(), &second);
        match Matmul.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([first, second], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct Matmul;

impl Backward<Flex, 2> for Matmul {
    /// The two factors.
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let [first, second] = ops.state.clone().map(|factor| Flex::float_swap_dims(factor, 2, 3));
        give_gradient(gradients, &ops, 0, || products(gradient.clone(), &second));
        give_gradient(gradients, &ops, 1, || products(first, &gradient));
    }
}

/// `[A, B, M, K] · [A, B, K, N]`, whatever the strides.
fn products(first: Primitive, second: &Primitive) -> Primitive {
    // The tiles read the first factor in place where its inner index runs over neighbours, the second one in any order.
    let first = if dims::<4>(&first)[3] > 1 && strides(&first)[3] != 1 { contiguous(first) } else { first };
    let ([outer, middle, rows, inner], [.., columns]) = (dims::<4>(&first), dims::<4>(second));
    let (a, b) = (strides(&first), strides(second));
    let (x, y) = (first.storage::<f32>(), second.storage::<f32>());
    let start = |tensor: &Primitive, strides: [usize; 4], product: usize| {
        tensor.layout().start_offset() + product / middle * strides[0] + product % middle * strides[1]
    };
    let mut out = vec![0.0; outer * middle * rows * columns];
    let fill = |(product, out): (usize, &mut [f32])| {
        let (x, y) = (&x[start(&first, a, product)..], &y[start(second, b, product)..]);
        let panels = Panels::pack(y, [inner, columns], [b[2], b[3]]);
        out.par_chunks_mut(TASK_ROWS * columns).enumerate().for_each(|(task, out)| {
            let values = &x[task * TASK_ROWS * a[2]..];
            multiply(out, columns, Rows { values, rows: out.len() / columns, stride: a[2] }, &panels);
        });
    };
    out.par_chunks_mut((rows * columns).max(1)).enumerate().for_each(fill);
    primitive(out, [outer, middle, rows, columns])
}

/// Values between two neighbours along each axis.
///
/// # Panics
/// If an axis runs backwards: nothing here flips a tensor.
fn strides(tensor: &Primitive) -> [usize; 4] {
    std::array::from_fn(|axis| usize::try_from(tensor.layout().strides()[axis]).expect("an axis that runs forwards"))
}
