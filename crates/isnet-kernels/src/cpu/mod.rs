//! Hand-written `f32` operations for the CPU (Burn's `flex` device).
//!
//! Each file here is one family of operations: its kernels, their hand-written gradients, and their registration as a Burn
//! backend extension. They compute what the functions of [`crate::plain`] compute; `tests/oracle.rs` holds the two against
//! each other.
//!
//! All results depend on the shapes and values alone, never on the number of threads: work is cut by the shapes, and sums
//! are taken in a fixed order.

pub(crate) mod batch_norm;
pub(crate) mod conv;
mod convolve;
pub(crate) mod dense;
mod depthwise;
pub(crate) mod elementary;
mod exponential;
pub(crate) mod gelu;
pub(crate) mod lanes;
pub(crate) mod layer_norm;
pub(crate) mod layout;
pub(crate) mod matmul;
mod order;
pub(crate) mod pack;
pub(crate) mod pointwise;
pub(crate) mod pool;
pub(crate) mod prepared;
mod primitive;
mod product;
pub(crate) mod ranked;
pub(crate) mod relevance;
mod scratch;
mod share;
pub(crate) mod softmax;
mod stage;
mod sums;
mod sweep;
mod thin;
mod tile;
pub(crate) mod update;
mod walk;
mod weight_gradient;

pub use lanes::InstructionSet;

use std::sync::OnceLock;

use burn::tensor::{DType, Device, Tensor};

use crate::environment::{self, Kernels};

/// Whether the operations of this module run on `tensor`: on `flex`, in `f32`, unless the environment says
/// `ISNET_KERNELS=plain`.
///
/// # Panics
/// If `ISNET_KERNELS` says something that does not exist: see [`crate::check_environment`].
pub fn applies<const D: usize>(tensor: &Tensor<D>) -> bool {
    static WANTED: OnceLock<Kernels> = OnceLock::new();
    let wanted = *WANTED.get_or_init(|| {
        let kernels = environment::kernels_of(std::env::var_os("ISNET_KERNELS").as_deref());
        kernels.unwrap_or_else(|error| panic!("{error}"))
    });
    wanted == Kernels::Fast && tensor.dtype() == DType::F32 && tensor.device() == Device::flex()
}
