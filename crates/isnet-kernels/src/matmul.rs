//! Matrix products, many at a time.

use burn::tensor::Tensor;

use crate::cpu;

/// `first · second`, matrix by matrix. Differentiable in both.
///
/// On the CPU every element is one chain of fused multiply-adds in the order of the inner index, on every processor; Burn's own product adds up in an
/// order that depends on the processor's registers and caches.
///
/// # Shapes
/// - `first`: `[A, B, M, K]`; `second`: `[A, B, K, N]`
/// - returns `[A, B, M, N]`
///
/// # Panics
/// If the shapes disagree.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// let row = Tensor::<4>::from_floats([[[[1.0, 2.0]]]], &Device::flex());
/// let product = isnet_kernels::matmul(row.clone(), row.swap_dims(2, 3));
/// assert_eq!(product.into_scalar::<f32>(), 5.0); // 1·1 + 2·2
/// ```
pub fn matmul(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    if cpu::applies(&first) { cpu::matmul::matmul(first, second) } else { first.matmul(second) }
}
