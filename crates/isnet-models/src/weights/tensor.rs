//! Tensors as files have them: a name, a shape, values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use safetensors::{Dtype, View};

use crate::error::ModelError;

/// The one metadata key that is written, so that the same tensors always give the same bytes.
pub const METADATA_KEY: &str = "isnet";

/// A tensor with its name, in row-major order.
///
/// # Example
/// ```
/// use isnet_models::NamedTensor;
/// let weight = NamedTensor::f32("fc.weight", [1, 2], vec![0.5, -0.5]);
/// let batches = NamedTensor::i64("bn1.num_batches_tracked", [], vec![7]); // a scalar has the empty shape
/// assert_eq!(weight.as_f32(), Some(&[0.5, -0.5][..]));
/// assert_eq!(batches.as_f32(), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Name as in torchvision: `layer1.0.bn1.running_mean`.
    pub name: String,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of the sizes.
    pub values: TensorValues,
}

/// The values of a tensor, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorValues {
    /// Weights, statistics, states of an optimizer.
    F32(Vec<f32>),
    /// Counters, such as `num_batches_tracked` of a batch norm.
    I64(Vec<i64>),
}

impl NamedTensor {
    /// A tensor of floats.
    ///
    /// # Panics
    /// If the number of values is not the product of `shape`: a bug in the caller.
    pub fn f32(name: impl Into<String>, shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        Self::new(name.into(), shape.into(), TensorValues::F32(values))
    }

    /// A tensor of integers.
    ///
    /// # Panics
    /// If the number of values is not the product of `shape`: a bug in the caller.
    pub fn i64(name: impl Into<String>, shape: impl Into<Vec<usize>>, values: Vec<i64>) -> Self {
        Self::new(name.into(), shape.into(), TensorValues::I64(values))
    }

    fn new(name: String, shape: Vec<usize>, values: TensorValues) -> Self {
        let expected: usize = shape.iter().product();
        let got = values.len();
        assert_eq!(got, expected, "tensor `{name}` of shape {shape:?} must have {expected} values");
        Self { name, shape, values }
    }

    /// The values, if they are floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            TensorValues::F32(values) => Some(values),
            TensorValues::I64(_) => None,
        }
    }

    /// The values, if they are integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &self.values {
            TensorValues::I64(values) => Some(values),
            TensorValues::F32(_) => None,
        }
    }

    /// Index and value of the first NaN or infinity.
    pub fn first_non_finite(&self) -> Option<(usize, f32)> {
        self.as_f32()?.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
    }
}

impl TensorValues {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of bytes that [`to_le_bytes`](Self::to_le_bytes) made; `None` for a type that it never makes.
    pub fn from_le_bytes(dtype: Dtype, bytes: &[u8]) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect())),
            Dtype::I64 => Some(Self::I64(bytes.as_chunks().0.iter().map(|eight| i64::from_le_bytes(*eight)).collect())),
            _ => None,
        }
    }

    /// The values as bytes, each from its lowest to its highest.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

impl View for &NamedTensor {
    fn dtype(&self) -> Dtype {
        match self.values {
            TensorValues::F32(_) => Dtype::F32,
            TensorValues::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.to_le_bytes().into()
    }

    fn data_len(&self) -> usize {
        self.values.len() * self.dtype().bitsize() / 8
    }
}

/// Tensors under names that differ from each other, and one metadata string under [`METADATA_KEY`], as the bytes of a safetensors file.
///
/// # Errors
/// [`ModelError::Encode`] if the format cannot hold them.
///
/// # Example
/// ```
/// use isnet_models::{NamedTensor, to_safetensors};
/// let map = NamedTensor::f32("heatmap", [1, 2], vec![0.5, -0.5]);
/// let file = to_safetensors([(&map.name, &map)], None)?;
/// assert_eq!(&file[file.len() - 8..], [0.5_f32.to_le_bytes(), (-0.5_f32).to_le_bytes()].concat());
/// # Ok::<(), isnet_models::ModelError>(())
/// ```
pub fn to_safetensors<'a, N: AsRef<str> + Ord + Display>(
    tensors: impl IntoIterator<Item = (N, &'a NamedTensor)>,
    metadata: Option<String>,
) -> Result<Vec<u8>, ModelError> {
    let metadata = metadata.map(|text| HashMap::from([(METADATA_KEY.to_owned(), text)]));
    safetensors::serialize(tensors, metadata).map_err(|error| ModelError::Encode { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "tensor `w` of shape [2, 2] must have 4 values")]
    fn a_tensor_with_missing_values_is_a_bug() {
        NamedTensor::f32("w", [2, 2], vec![1.0]);
    }
}
