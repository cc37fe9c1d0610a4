//! Tensors as a run stores them: safetensors whose every bit comes back. A digest over names, types, shapes and values tells an altered file from a whole one.

use std::{fs, io, path::Path};

use isnet_models::{NamedTensor, TensorValues, weights::METADATA_KEY};
use safetensors::SafeTensors;

use crate::error::{Result, RunError};

/// A digest (BLAKE3, 64 hexadecimal digits) of tensors: names, types, shapes and values, whatever their order.
///
/// Equal digests mean bit-equal weights; `-0.0` and `0.0` differ.
///
/// # Example
/// ```
/// use isnet_models::NamedTensor;
/// use isnet_run::tensor::digest;
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
        hasher.update(&[u8::from(matches!(values, TensorValues::I64(_)))]).update(&values.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// What is said of a file that is no whole one; the reader tells no more that would help.
const TORN: &str = "it is no whole safetensors file: cut short, altered or of another kind; copy it again";

/// What a safetensors file holds: tensors sorted by name, and its metadata string if there is one.
///
/// `what` names the kind of file in errors.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<(Vec<NamedTensor>, Option<String>)> {
    let corrupt = |reason: String| RunError::Corrupt { what, path: path.to_owned(), reason };
    let bytes = read_bytes(what, path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| corrupt(TORN.into()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|_| corrupt(TORN.into()))?;
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter() {
        let values = TensorValues::from_le_bytes(view.dtype(), view.data()).ok_or_else(|| {
            corrupt(format!("tensor `{name}` has the type {}; only F32 and I64 are written here", view.dtype()))
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
        let bytes = isnet_models::to_safetensors(named, Some("hello".into())).unwrap();
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
}
