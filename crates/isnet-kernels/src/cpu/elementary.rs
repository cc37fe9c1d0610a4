//! Functions of one variable as differentiable operations.

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

use super::{
    primitive::{Primitive, contiguous, give_gradient, take_gradient, values},
    sweep,
};
use crate::elementary::Elementary;

/// The operation of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait ElementaryOps: Backend {
    /// The function of every value.
    fn isnet_elementary(input: FloatTensor<Self>, function: Elementary) -> FloatTensor<Self>;
}

/// The function of every value.
pub(crate) fn apply<const D: usize>(input: Tensor<D>, function: Elementary) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::isnet_elementary(input.into_dispatch(), function))
}

impl ElementaryOps for Flex {
    fn isnet_elementary(input: Primitive, function: Elementary) -> Primitive {
        sweep::update(input, 1, |_, x| x.iter_mut().for_each(|x| *x = function.value(*x)))
    }
}

impl<C: CheckpointStrategy> ElementaryOps for Autodiff<Flex, C> {
    fn isnet_elementary(input: FloatTensor<Self>, function: Elementary) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = contiguous(input.into_primitive());
        let output = Flex::isnet_elementary(input.clone(), function);
        match (Applied { function }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(input, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct Applied {
    function: Elementary,
}

impl Backward<Flex, 1> for Applied {
    /// The input.
    type State = Primitive;

    fn backward(self, ops: Ops<Primitive, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let input = values(&ops.state);
        give_gradient(gradients, &ops, 0, || {
            sweep::update(gradient, 1, |start, gradient| {
                gradient.iter_mut().zip(&input[start..]).for_each(|(g, x)| *g *= self.function.slope(*x));
            })
        });
    }
}

impl Elementary {
    fn value(self, x: f32) -> f32 {
        match self {
            Self::Exp => libm::expf(x),
            Self::Ln => libm::logf(x),
            // Neither form lets the exponential overflow.
            Self::Sigmoid if x >= 0.0 => 1.0 / (1.0 + libm::expf(-x)),
            Self::Sigmoid => libm::expf(x) / (1.0 + libm::expf(x)),
            Self::LogSigmoid if x >= 0.0 => -libm::log1pf(libm::expf(-x)),
            Self::LogSigmoid => x - libm::log1pf(libm::expf(x)),
        }
    }

    /// The derivative.
    fn slope(self, x: f32) -> f32 {
        match self {
            Self::Exp => libm::expf(x),
            Self::Ln => 1.0 / x,
            Self::Sigmoid => {
                let y = self.value(x);
                y * (1.0 - y)
            }
            Self::LogSigmoid => Self::Sigmoid.value(-x),
        }
    }
}
