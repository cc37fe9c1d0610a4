//! Weights and images that follow from a seed, so that two programs can agree on a network without a file.
//!
//! For the parameter `name`, element `i` in the row-major order of weight files:
//!
//! ```text
//! h = fnv1a64(seed + "/" + name)
//! z = h + i + 0x9E3779B97F4A7C15                     wrapping
//! z = (z ^ z>>30) · 0xBF58476D1CE4E5B9;  z = (z ^ z>>27) · 0x94D049BB133111EB;  z = z ^ z>>31
//! u = 2 · (z >> 11) · 2^-53 − 1                      in f64, rounded to f32 at the very end
//! ```
//!
//! Norms: weight `1 + 0.2u`, bias `0.1u`, running mean `0.1u`, running variance `1 + 0.3u`. Other biases and embeddings: `0.1u`. Other weights:
//! `u·√(6 / fan_in)`. An image is `(z >> 11)·2^-53` of the name `input`. The reference cases and `golden/torchvision_logits.py`
//! use this rule.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_graph::{Graph, Op, ParamRole, ParamSpec, Params};

/// The seeded parameters of a graph; those of its last dense layer are multiplied by `head_gain`.
///
/// In f64 they are the same numbers as in f32.
pub fn params(graph: &Graph, seed: &str, head_gain: f64, device: &Device, dtype: DType) -> Params {
    let last_dense = graph.nodes().rfind(|(_, node)| matches!(node.op, Op::Dense(_)));
    let head: Vec<&str> = last_dense
        .map(|(_, node)| node.op.params().into_iter().map(|id| graph.param(id).name.as_str()).collect())
        .unwrap_or_default();
    Params::from_fn(graph, device, dtype, |spec| {
        let gain = if head.contains(&spec.name.as_str()) { head_gain } else { 1.0 } as f32;
        parameter(seed, spec).into_iter().map(|value| f64::from(value * gain)).collect()
    })
}

/// The values of one parameter.
pub fn parameter(seed: &str, spec: &ParamSpec) -> Vec<f32> {
    let fan_in: usize = spec.shape[1..].iter().product();
    let (offset, scale) = match spec.role {
        ParamRole::ConvWeight | ParamRole::DenseWeight => (0.0, (6.0 / fan_in as f64).sqrt()),
        ParamRole::Bias | ParamRole::NormBias | ParamRole::RunningMean | ParamRole::Embedding => (0.0, 0.1),
        ParamRole::NormWeight => (1.0, 0.2),
        ParamRole::RunningVar => (1.0, 0.3),
    };
    fractions(seed, &spec.name, spec.len()).map(|fraction| (offset + scale * (2.0 * fraction - 1.0)) as f32).collect()
}

/// A batch of images in [0, 1), `[N, H, W, C]`; `size` is `[N, C, H, W]`, the order in which the values are numbered.
pub fn image(seed: &str, size: [usize; 4], device: &Device, dtype: DType) -> Tensor<4> {
    let values: Vec<f32> = fractions(seed, "input", size.iter().product()).map(|value| value as f32).collect();
    Tensor::<4>::from_data(TensorData::new(values, size), (device, dtype)).permute([0, 2, 3, 1])
}

/// `count` numbers in [0, 1), each from a hash of seed, name and position.
pub fn fractions(seed: &str, name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = fnv1a64(format!("{seed}/{name}").as_bytes());
    (0..count as u64).map(move |index| mix(start, index))
}

/// Number `index` of the stream `key`, in [0, 1).
pub fn unit(key: &str, index: u64) -> f64 {
    mix(fnv1a64(key.as_bytes()), index)
}

/// One step of splitmix64.
fn mix(start: u64, index: u64) -> f64 {
    let z = start.wrapping_add(index).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let z = z ^ (z >> 31);
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// The FNV-1a hash of bytes.
///
/// # Example
/// ```
/// assert_eq!(isnet_testkit::seeded::fnv1a64(b"a"), 0xaf63dc4c8601ec8c); // from the authors' test vectors
/// ```
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_splitmix64_from_the_hash() {
        // Python: fraction("input", 3) of golden/torchvision_logits.py with SEED = "golden".
        let numbers: Vec<f64> = fractions("golden", "input", 3).collect();
        assert_eq!(numbers, [0.05621967528654459, 0.04668036534095732, 0.24194932797375557]);
    }
}
