//! Tensors as a run stores them: a name, a shape, values; and their form on disk, safetensors.
//!
//! The format is that of the `safetensors` crate. Metadata is one string under one key, so that the same tensors always
//! give the same bytes. A digest over names, types, shapes and values tells an altered file from a whole one.

use std::{borrow::Cow, collections::HashMap, fs, io, path::Path};

use safetensors::{Dtype, SafeTensors, View};

use crate::error::{Result, RunError};

/// The one metadata key that this crate writes.
const METADATA_KEY: &str = "isnet";

/// A tensor with its name, in row-major order.
///
/// # Example
/// ```
/// use isnet_run::NamedTensor;
/// let weight = NamedTensor::f32("fc.weight", [1, 2], vec![0.5, -0.5]);
/// let batches = NamedTensor::i64("bn1.num_batches_tracked", [], vec![7]); // a scalar has the empty shape
/// assert_eq!(weight.as_f32(), Some(&[0.5, -0.5][..]));
/// assert_eq!(batches.as_f32(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Name as in torchvision: `layer1.0.bn1.running_mean`.
    pub name: String,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of the sizes.
    pub values: TensorValues,
}

/// The values of a tensor, by type.
#[derive(Debug, Clone, PartialEq)]
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

    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn from_bytes(dtype: Dtype, bytes: &[u8]) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect())),
            Dtype::I64 => Some(Self::I64(bytes.as_chunks().0.iter().map(|eight| i64::from_le_bytes(*eight)).collect())),
            _ => None,
        }
    }
}

impl View for &NamedTensor {
    fn dtype(&self) -> Dtype {
        self.values.dtype()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.to_bytes().into()
    }

    fn data_len(&self) -> usize {
        self.values.len() * self.values.dtype().bitsize() / 8
    }
}

/// A digest (BLAKE3, 64 hexadecimal digits) of tensors: names, types, shapes and values, whatever their order.
///
/// Equal digests mean bit-equal weights; `-0.0` and `0.0` differ.
///
/// # Example
/// ```
/// use isnet_run::{NamedTensor, tensor::digest};
/// let one = |value| NamedTensor::f32("bias", [1], vec![value]);
/// assert_eq!(digest([&one(0.5)]), digest([&one(0.5)]));
/// assert_ne!(digest([&one(0.0)]), digest([&one(-0.0)]));
/// ```
pub fn digest<'a>(tensors: impl IntoIterator<Item = &'a NamedTensor>) -> String {
    digest_as(tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)))
}

/// [`digest`] of tensors under other names.
pub(crate) fn digest_as<'a>(tensors: impl IntoIterator<Item = (String, &'a NamedTensor)>) -> String {
    let mut sorted: Vec<_> = tensors.into_iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut hasher = blake3::Hasher::new();
    for (name, NamedTensor { shape, values, .. }) in sorted {
        // Lengths first: without them `ab`, `c` and `a`, `bc` would be the same bytes.
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(shape.len() as u64).to_le_bytes());
        for &size in shape {
            hasher.update(&(size as u64).to_le_bytes());
        }
        hasher.update(&[u8::from(values.dtype() == Dtype::I64)]).update(&values.to_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Tensors under names that differ from each other, and one metadata string, as safetensors bytes.
pub(crate) fn encode<'a>(
    tensors: impl IntoIterator<Item = (String, &'a NamedTensor)>,
    metadata: Option<String>,
) -> Result<Vec<u8>> {
    let metadata = metadata.map(|text| HashMap::from([(METADATA_KEY.to_owned(), text)]));
    safetensors::serialize(tensors, metadata)
        .map_err(|error| RunError::Encode { what: "tensors", reason: error.to_string() })
}

/// What a safetensors file holds: tensors sorted by name, and the metadata string of [`encode`] if there is one.
///
/// `what` names the kind of file in errors.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<(Vec<NamedTensor>, Option<String>)> {
    let corrupt = |reason: String| RunError::Corrupt { what, path: path.to_owned(), reason };
    let bytes = read_bytes(what, path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        let values = TensorValues::from_bytes(view.dtype(), view.data()).ok_or_else(|| {
            corrupt(format!("tensor `{name}` has type {:?}; only F32 and I64 are written here", view.dtype()))
        })?;
        tensors.push(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    tensors.sort_by(|one, other| one.name.cmp(&other.name));
    let metadata = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)).cloned();
    Ok((tensors, metadata))
}

/// The bytes of a file, or [`RunError::Read`].
pub(crate) fn read_bytes(what: &'static str, path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|cause| RunError::Read { what, path: path.to_owned(), cause })
}

/// The text of a file; text that is not UTF-8 is a read error too.
pub(crate) fn read_text(what: &'static str, path: &Path) -> Result<String> {
    String::from_utf8(read_bytes(what, path)?).map_err(|error| RunError::Read {
        what,
        path: path.to_owned(),
        cause: io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        vec![
            NamedTensor::f32("bn1.weight", [2], vec![1.5, f32::MIN_POSITIVE / 2.0]),
            NamedTensor::i64("bn1.num_batches_tracked", [], vec![i64::MIN]),
            NamedTensor::f32("conv1.weight", [2, 1, 1, 2], vec![-0.0, 0.1, f32::MAX, 1e-30]),
            NamedTensor::f32("empty", [0, 3], vec![]),
        ]
    }

    #[test]
    fn a_file_gives_back_every_bit_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let tensors = tensors();
        let named = tensors.iter().map(|tensor| (tensor.name.clone(), tensor));
        let bytes = encode(named, Some("hello".into())).unwrap();
        crate::atomic::write(&path, &bytes).unwrap();
        let (back, metadata) = read("model weights", &path).unwrap();
        let names: Vec<_> = back.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["bn1.num_batches_tracked", "bn1.weight", "conv1.weight", "empty"]);
        assert_eq!(digest(&back), digest(&tensors));
        assert_eq!(metadata.as_deref(), Some("hello"));
    }

    #[test]
    fn the_digest_sees_names_shapes_types_and_bits_but_not_order() {
        let original = digest(&tensors());
        assert_eq!(digest(tensors().iter().rev()), original);
        let shaped = |shape: [usize; 2]| digest([&NamedTensor::f32("w", shape, vec![1.0, 2.0])]);
        assert_ne!(shaped([1, 2]), shaped([2, 1]));
        let changes: [fn(&mut NamedTensor); 4] = [
            |tensor| tensor.name.push('x'),
            |tensor| tensor.shape.insert(0, 1),
            |tensor| tensor.values = TensorValues::F32(vec![1.5, 0.0]),
            |tensor| tensor.values = TensorValues::I64(vec![1]),
        ];
        for change in changes {
            let mut changed = tensors();
            change(&mut changed[0]);
            assert_ne!(digest(&changed), original);
        }
    }

    #[test]
    #[should_panic(expected = "tensor `w` of shape [2, 2] must have 4 values")]
    fn a_tensor_with_missing_values_is_a_bug() {
        NamedTensor::f32("w", [2, 2], vec![1.0]);
    }
}
