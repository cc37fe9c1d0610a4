//! Two ways to compute the same, and how they are compared.

use std::fmt::Debug;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Largest difference allowed, relative to the largest value.
const TOLERANCE: f32 = 1e-5;

/// The numbers of one computation: results first, then gradients.
pub type Numbers = Vec<Vec<f32>>;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn random<const D: usize>(rng: &mut ChaCha8Rng, shape: [usize; D]) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Which implementation runs: ours in `f32`, or Burn's operations in `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Path {
    Fast,
    Plain,
}

impl Path {
    pub fn leaf<const D: usize>(self, tensor: &Tensor<D>) -> Tensor<D> {
        let precision = if self == Path::Fast { FloatDType::F32 } else { FloatDType::F64 };
        tensor.clone().cast(precision).autodiff().require_grad()
    }
}

pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.cast(FloatDType::F32).into_data().try_into_vec().expect("f32 values")
}

/// The values of `output` and the gradients of a random weighting of them; the weighting depends on the seed alone.
macro_rules! evaluate {
    ($output:expr, $($leaf:expr),+) => {{
        let output = $output;
        let weighting = random(&mut rng(99), output.dims()).cast(output.dtype());
        let gradients = (output.clone() * weighting).sum().backward();
        vec![numbers(output.inner()), $(numbers($leaf.grad(&gradients).expect("a gradient")),)+]
    }};
}

pub fn assert_close(fast: &Numbers, plain: &Numbers, case: &dyn Debug) {
    assert_eq!(fast.len(), plain.len());
    for (part, (fast, plain)) in fast.iter().zip(plain).enumerate() {
        assert_eq!(fast.len(), plain.len(), "length of part {part} of {case:?}");
        let largest = plain.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let error = fast.iter().zip(plain).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        let finite = fast.iter().all(|value| value.is_finite());
        assert!(
            finite && error <= TOLERANCE * largest.max(1e-3),
            "part {part}: error {error} of {largest} in {case:?}"
        );
    }
}

/// Shapes `[N, H, W, C]` of activations.
pub const IMAGES: [[usize; 4]; 6] =
    [[1, 1, 1, 1], [1, 7, 5, 3], [3, 13, 9, 16], [2, 40, 37, 20], [5, 4, 4, 130], [2, 1, 1, 7]];
