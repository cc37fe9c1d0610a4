//! Global weighted ranked pooling as a differentiable operation: a partial sort per row.

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
    primitive::{Primitive, contiguous, dims, give_gradient, primitive, take_gradient, values},
    sweep,
};

/// The operation of this file on a backend.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait RankedOps: Backend {
    /// The sum of every row's largest values by the weights of their ranks; equal values rank by their index.
    fn isnet_ranked_sum(input: FloatTensor<Self>, weights: Vec<f64>) -> FloatTensor<Self>;
}

/// The fast [`crate::ranked_pooling()`], for the weights of the first ranks.
pub(crate) fn ranked_sum(input: Tensor<2>, weights: Vec<f64>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::isnet_ranked_sum(input.into_dispatch(), weights))
}

impl RankedOps for Flex {
    fn isnet_ranked_sum(input: Primitive, weights: Vec<f64>) -> Primitive {
        let input = contiguous(input);
        sums(&input, &ranks(&input, weights.len()), &weights)
    }
}

impl<C: CheckpointStrategy> RankedOps for Autodiff<Flex, C> {
    fn isnet_ranked_sum(input: FloatTensor<Self>, weights: Vec<f64>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = contiguous(input.into_primitive());
        let ranks = ranks(&input, weights.len());
        let output = sums(&input, &ranks, &weights);
        let length = dims::<2>(&input)[1];
        match (RankedSum { length }).prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((ranks, weights), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct RankedSum {
    length: usize,
}

impl Backward<Flex, 1> for RankedSum {
    /// Of every row, the indices by rank; and the weights of the ranks.
    type State = (Vec<Vec<u32>>, Vec<f64>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = take_gradient(gradients, &ops);
        let (ranks, weights) = &ops.state;
        let upstream = values(&gradient);
        let spread = sweep::create_rows(ranks.len(), self.length, |row, out| {
            let places = ranks[row].iter().zip(weights);
            places.for_each(|(index, weight)| out[*index as usize] = upstream[row] * *weight as f32);
        });
        give_gradient(gradients, &ops, 0, || primitive(spread, [ranks.len(), self.length]));
    }
}

/// Of every row, the indices of its `count` largest values in order.
fn ranks(input: &Primitive, count: usize) -> Vec<Vec<u32>> {
    let [_, length] = dims::<2>(input);
    let of_row = |row: &[f32]| {
        let mut keys: Vec<u64> = row.iter().zip(0u32..).map(|(value, index)| key(*value, index)).collect();
        if count < keys.len() {
            keys.select_nth_unstable(count - 1);
            keys.truncate(count);
        }
        keys.sort_unstable();
        keys.into_iter().map(|key| key as u32).collect()
    };
    values(input).par_chunks(length.max(1)).map(of_row).collect()
}

/// Sorts as the value does, largest first in the order of `f32::total_cmp`, then as the index.
fn key(value: f32, index: u32) -> u64 {
    let bits = value.to_bits();
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending) << 32 | u64::from(index)
}

fn sums(input: &Primitive, ranks: &[Vec<u32>], weights: &[f64]) -> Primitive {
    let [rows, length] = dims::<2>(input);
    let sum = |(row, ranks): (&[f32], &Vec<u32>)| {
        let terms = ranks.iter().zip(weights).map(|(index, weight)| f64::from(row[*index as usize]) * weight);
        terms.sum::<f64>() as f32
    };
    primitive(values(input).chunks(length.max(1)).zip(ranks).map(sum).collect(), [rows])
}
