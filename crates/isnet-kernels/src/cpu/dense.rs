//! Dense layers as differentiable operations: each sweeps once over the weight, which is larger than all else.

use std::ops::Range;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use rayon::prelude::*;

use super::{
    lanes::vectorized,
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    share::SharedOut,
    sweep,
};

/// Values of the input that a task of the transpose makes per row.
const COLUMNS: usize = 1024;
/// Weights that are read by a task of the product.
const WEIGHTS: usize = 64 * 1024;

/// The operations of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait DenseOps: Backend {
    /// [`crate::dense`].
    fn isnet_dense(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;

    /// [`crate::dense_transpose`].
    fn isnet_dense_transpose(output: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The fast [`crate::dense`].
pub(crate) fn dense(input: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    assert_eq!(input.dims()[1], weight.dims()[1], "inputs against a weight of {:?}", weight.dims());
    Tensor::from_dispatch(Dispatch::isnet_dense(input.into_dispatch(), weight.into_dispatch()))
}

/// The fast [`crate::dense_transpose`].
pub(crate) fn dense_transpose(output: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    assert_eq!(output.dims()[1], weight.dims()[0], "outputs against a weight of {:?}", weight.dims());
    Tensor::from_dispatch(Dispatch::isnet_dense_transpose(output.into_dispatch(), weight.into_dispatch()))
}

impl DenseOps for Flex {
    fn isnet_dense(input: Primitive, weight: Primitive) -> Primitive {
        forward(&contiguous(input), &contiguous(weight))
    }

    fn isnet_dense_transpose(output: Primitive, weight: Primitive) -> Primitive {
        backward(&contiguous(output), &contiguous(weight))
    }
}

impl<C: CheckpointStrategy> DenseOps for Autodiff<Flex, C> {
    fn isnet_dense(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node()];
        let [input, weight] = [input, weight].map(|tensor| contiguous(tensor.into_primitive()));
        let output = forward(&input, &weight);
        match Dense.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([input, weight], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn isnet_dense_transpose(output: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [output.node(), weight.node()];
        let [output, weight] = [output, weight].map(|tensor| contiguous(tensor.into_primitive()));
        let input = backward(&output, &weight);
        match DenseTranspose.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([output, weight], input),
            OpsKind::UnTracked(prep) => prep.finish(input),
        }
    }
}

#[derive(Debug)]
struct Dense;

impl Backward<Flex, 2> for Dense {
    /// Input and weight.
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let [input, weight] = &ops.state;
        give_gradient(gradients, &ops, 0, || backward(&gradient, weight));
        give_gradient(gradients, &ops, 1, || outer(&gradient, input));
    }
}

#[derive(Debug)]
struct DenseTranspose;

impl Backward<Flex, 2> for DenseTranspose {
    /// Output and weight.
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let [output, weight] = &ops.state;
        give_gradient(gradients, &ops, 0, || forward(&gradient, weight));
        give_gradient(gradients, &ops, 1, || outer(output, &gradient));
    }
}

/// `[N, C_in] · [C_out, C_in]ᵀ`.
fn forward(input: &Primitive, weight: &Primitive) -> Primitive {
    let ([rows, inputs], [outputs, _]) = (dims::<2>(input), dims::<2>(weight));
    let (x, w) = (values(input), values(weight));
    let share = (WEIGHTS / inputs.max(1)).max(1);
    let of_task = |first: usize| {
        let made = first..(first + share).min(outputs);
        let mut sums = Vec::with_capacity(made.len() * rows);
        vectorized(|| {
            for output in made {
                let w = &w[output * inputs..][..inputs];
                sums.extend((0..rows).map(|row| dot(&x[row * inputs..][..inputs], w)));
            }
        });
        sums
    };
    let starts: Vec<usize> = (0..outputs).step_by(share).collect();
    let columns: Vec<Vec<f32>> = starts.into_par_iter().map(of_task).collect();
    let mut out = vec![0.0; rows * outputs];
    for (output, sums) in columns.iter().flat_map(|part| part.chunks(rows.max(1))).enumerate() {
        sums.iter().enumerate().for_each(|(row, sum)| out[row * outputs + output] = *sum);
    }
    primitive(out, [rows, outputs])
}

/// The sum of products, in sixty-four interleaved sums.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const SUMS: usize = 64;
    let mut sums = [0.0_f32; SUMS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<SUMS>(), b.as_chunks::<SUMS>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..SUMS {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut width = SUMS / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0] + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// `[N, C_out] · [C_out, C_in]`.
fn backward(output: &Primitive, weight: &Primitive) -> Primitive {
    let ([rows, outputs], [_, inputs]) = (dims::<2>(output), dims::<2>(weight));
    let (g, w) = (values(output), values(weight));
    let out = SharedOut::<f32>::new(rows * inputs);
    let fill = |columns: Range<usize>| {
        let width = columns.len();
        let mut sums = vec![0.0_f32; rows * width];
        vectorized(|| {
            for output in 0..outputs {
                let w = &w[output * inputs..][columns.clone()];
                for (row, sums) in sums.chunks_mut(width).enumerate() {
                    let g = g[row * outputs + output];
                    sums.iter_mut().zip(w).for_each(|(sum, w)| *sum += g * w);
                }
            }
        });
        for (row, sums) in sums.chunks(width).enumerate() {
            #[expect(unsafe_code, reason = "the values are not there yet")]
            // SAFETY: tasks own ranges of columns.
            unsafe {
                out.write(row * inputs + columns.start, sums)
            };
        }
    };
    let starts: Vec<usize> = (0..inputs).step_by(COLUMNS).collect();
    starts.into_par_iter().for_each(|start| fill(start..(start + COLUMNS).min(inputs)));
    #[expect(unsafe_code, reason = "zeroing the values first would be wasted")]
    // SAFETY: the ranges cover all columns of all rows.
    let out = unsafe { out.into_vec() };
    primitive(out, [rows, inputs])
}

/// `[N, C_out]ᵀ · [N, C_in]`: the gradient of the weight.
fn outer(output: &Primitive, input: &Primitive) -> Primitive {
    let ([rows, outputs], [_, inputs]) = (dims::<2>(output), dims::<2>(input));
    let (g, x) = (values(output), values(input));
    let out = sweep::create_rows(outputs, inputs, |output, line| {
        for row in 0..rows {
            let g = g[row * outputs + output];
            line.iter_mut().zip(&x[row * inputs..]).for_each(|(sum, x)| *sum += g * x);
        }
    });
    primitive(out, [outputs, inputs])
}
