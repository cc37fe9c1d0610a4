//! The optimizers' updates in one sweep over parameter, gradient and memory.

use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};
use rayon::prelude::*;

use super::{
    lanes::vectorized,
    primitive::{Primitive, contiguous, primitive, values},
    share::SharedOut,
    sweep::CHUNK,
};
use crate::update::{AdamWStep, SgdStep};

/// The operations of this file on a backend.
#[backend_extension(Flex)]
pub(crate) trait UpdateOps: Backend {
    /// [`crate::update::sgd`]: parameter and velocity.
    fn isnet_sgd(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// [`crate::update::adamw`]: parameter and both moments.
    fn isnet_adamw(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamWStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The sums of squares of the chunks of [`crate::update::squared_norm`].
    fn isnet_square_sums(input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The fast [`crate::update::sgd`].
pub(crate) fn sgd(
    value: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Tensor<1>,
    step: &SgdStep,
) -> (Tensor<1>, Tensor<1>) {
    let [value, gradient, velocity] = [value, gradient, velocity].map(Tensor::into_dispatch);
    let (value, velocity) = Dispatch::isnet_sgd(value, gradient, velocity, *step);
    (Tensor::from_dispatch(value), Tensor::from_dispatch(velocity))
}

/// The fast [`crate::update::adamw`].
pub(crate) fn adamw(
    value: Tensor<1>,
    gradient: Tensor<1>,
    [first, second]: [Tensor<1>; 2],
    step: &AdamWStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [value, gradient, first, second] = [value, gradient, first, second].map(Tensor::into_dispatch);
    let (value, first, second) = Dispatch::isnet_adamw(value, gradient, first, second, *step);
    (Tensor::from_dispatch(value), [Tensor::from_dispatch(first), Tensor::from_dispatch(second)])
}

/// The fast [`crate::update::squared_norm`].
pub(crate) fn squared_norm(input: Tensor<1>) -> f64 {
    let sums: Tensor<1> = Tensor::from_dispatch(Dispatch::isnet_square_sums(input.into_dispatch()));
    let sums: Vec<f32> = sums.into_data().try_into_vec().expect("f32 sums");
    sums.into_iter().map(f64::from).sum()
}

impl UpdateOps for Flex {
    fn isnet_sgd(value: Primitive, gradient: Primitive, velocity: Primitive, step: SgdStep) -> (Primitive, Primitive) {
        let inputs = [value, gradient, velocity].map(contiguous);
        let [rate, momentum, decay, clip] = [step.rate, step.momentum, step.decay, step.clip].map(|x| x as f32);
        let [value, velocity] = sweep_many(&inputs, |[x, g, v]| {
            let g = clip * g + decay * x;
            let v = momentum * v + g;
            [x - rate * if step.nesterov { g + momentum * v } else { v }, v]
        });
        (value, velocity)
    }

    fn isnet_adamw(
        value: Primitive,
        gradient: Primitive,
        first: Primitive,
        second: Primitive,
        step: AdamWStep,
    ) -> (Primitive, Primitive, Primitive) {
        let inputs = [value, gradient, first, second].map(contiguous);
        let [b1, b2] = step.betas.map(|beta| beta as f32);
        let [rest1, rest2] = step.betas.map(|beta| (1.0 - beta) as f32);
        let [c1, c2] = step.betas.map(|beta| (1.0 / (1.0 - beta.powi(step.count))) as f32);
        let [rate, epsilon, clip] = [step.rate, step.epsilon, step.clip].map(|x| x as f32);
        let keep = (1.0 - step.rate * step.decay) as f32;
        let [value, first, second] = sweep_many(&inputs, |[x, g, m, v]| {
            let g = clip * g;
            let m = b1 * m + rest1 * g;
            let v = b2 * v + rest2 * g * g;
            [keep * x - rate * (c1 * m) / ((c2 * v).sqrt() + epsilon), m, v]
        });
        (value, first, second)
    }

    fn isnet_square_sums(input: Primitive) -> Primitive {
        let input = contiguous(input);
        let sum = |chunk: &[f32]| vectorized(|| sixteen_sums(chunk));
        let sums: Vec<f32> = values(&input).par_chunks(CHUNK).map(sum).collect();
        let count = sums.len();
        primitive(sums, [count])
    }
}

/// The sum of squares, in sixteen interleaved sums.
fn sixteen_sums(chunk: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (whole, rest) = chunk.as_chunks::<16>();
    for values in whole {
        sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += x * x);
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

/// Makes `OUT` tensors of `IN` tensors of the same length, value by value.
fn sweep_many<const IN: usize, const OUT: usize>(
    inputs: &[Primitive; IN],
    change: impl Fn([f32; IN]) -> [f32; OUT] + Sync,
) -> [Primitive; OUT] {
    let inputs: [&[f32]; IN] = std::array::from_fn(|index| values(&inputs[index]));
    let length = inputs[0].len();
    assert!(inputs.iter().all(|input| input.len() == length), "parameter, gradient and memory are equally long");
    let outs: [SharedOut; OUT] = std::array::from_fn(|_| SharedOut::new(length));
    (0..length.div_ceil(CHUNK)).into_par_iter().for_each(|part| {
        let (start, count) = (part * CHUNK, CHUNK.min(length - part * CHUNK));
        let inputs: [&[f32]; IN] = std::array::from_fn(|index| &inputs[index][start..start + count]);
        #[expect(unsafe_code, reason = "the values are not there yet")]
        // SAFETY: chunks do not overlap.
        let mut outs: [&mut [f32]; OUT] = std::array::from_fn(|index| unsafe { outs[index].zeroed(start, count) });
        vectorized(|| {
            for at in 0..count {
                let made = change(std::array::from_fn(|index| inputs[index][at]));
                for (out, value) in outs.iter_mut().zip(made) {
                    out[at] = value;
                }
            }
        });
    });
    outs.map(|out| {
        #[expect(unsafe_code, reason = "zeroing the values first would cost as much as the sweep")]
        // SAFETY: the chunks cover the buffer, and each was zeroed.
        let out = unsafe { out.into_vec() };
        primitive(out, [length])
    })
}
