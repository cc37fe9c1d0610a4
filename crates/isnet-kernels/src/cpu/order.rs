//! The order in which a convolution adds up: that of PyTorch with one thread on a processor with AVX-512.
//!
//! It matters because the heatmap loss looks at the sign of every relevance, so that a network's rounding shows in its gradients
//! (docs/decisions/0003). PyTorch asks oneDNN, except for 1×1 kernels without stride, which are a matrix product of MKL.

use super::convolve::ConvShape;

/// Source channels, of the `reduce` that are summed, in one chain of multiply-adds; the chains are then added in ascending order.
///
/// A chain goes over the rows of the kernel, then its columns, then the channels of the block.
pub(super) fn block(shape: &ConvShape, reduce: usize) -> usize {
    const MKL: usize = 192;
    let block = match (shape.taps(), shape.geometry.stride) {
        (2.., _) => 16,
        (_, [1, 1]) if reduce > MKL && reduce <= 2 * MKL => reduce.div_ceil(2).next_multiple_of(4),
        (_, [1, 1]) => MKL,
        _ => 256,
    };
    reduce.min(block).max(1)
}
