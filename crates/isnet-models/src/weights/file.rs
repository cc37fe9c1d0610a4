//! Reading weight files.

use std::path::Path;

use burn::tensor::{bf16, f16};
use pytorch_reader::{PytorchError, PytorchReader};
use safetensors::SafeTensors;

use crate::error::ModelError;
use crate::weights::{NamedTensor, TensorValues, timm};

/// Keys under which training scripts put a `state_dict`, and the prefix of `nn.DataParallel`.
const WRAPPERS: [&str; 4] = ["state_dict.", "model_state_dict.", "model.", "module."];

/// Files with weights: `.safetensors`, and what `torch.save` wrote (`.pth`, `.pt`).
#[derive(Clone, Copy, Debug)]
pub struct WeightFile;

impl WeightFile {
    /// Reads all tensors, sorted by name.
    ///
    /// Floats of any width become f32. Of a checkpoint that holds a `state_dict` (also as `model_state_dict` or `model`) only that is
    /// read; the prefix `module.` is removed; the names of torchvision's first DenseNet files (`denselayer1.norm.1.weight`)
    /// and vision transformers (`mlp.linear_1`) become today's, those of timm's vision transformers (`blocks.0.attn.qkv.weight`) torchvision's.
    ///
    /// # Errors
    /// [`ModelError::UnknownFormat`], [`ModelError::Read`], [`ModelError::Corrupt`] or [`ModelError::UnsupportedType`], each with
    /// the path.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<NamedTensor>, ModelError> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let mut tensors = match extension.to_lowercase().as_str() {
            "safetensors" => read_safetensors(path)?,
            "pth" | "pt" => read_pytorch(path)?,
            _ => return Err(ModelError::UnknownFormat { path: path.to_owned() }),
        };
        timm::to_torchvision(&mut tensors);
        tensors.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tensors)
    }
}

/// Type of a tensor in either format.
#[derive(Clone, Copy)]
enum Type {
    Float64,
    Float32,
    Float16,
    BrainFloat16,
    Int64,
}

fn read_safetensors(path: &Path) -> Result<Vec<NamedTensor>, ModelError> {
    use safetensors::Dtype;
    let bytes = std::fs::read(path).map_err(|cause| ModelError::Read { path: path.to_owned(), cause })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| corrupt(path, &error))?;
    let names = file.names().into_iter().map(str::to_owned).collect();
    let tensor = |(stored, name): (String, String)| {
        let view = file.tensor(&stored).map_err(|error| corrupt(path, &error))?;
        let dtype = match view.dtype() {
            Dtype::F64 => Type::Float64,
            Dtype::F32 => Type::Float32,
            Dtype::F16 => Type::Float16,
            Dtype::BF16 => Type::BrainFloat16,
            Dtype::I64 => Type::Int64,
            other => return Err(unsupported(path, stored, &other)),
        };
        Ok(NamedTensor { name, shape: view.shape().to_vec(), values: decode(dtype, view.data()) })
    };
    unwrapped(names).into_iter().map(tensor).collect()
}

fn read_pytorch(path: &Path) -> Result<Vec<NamedTensor>, ModelError> {
    use pytorch_reader::DType;
    let file = PytorchReader::new(path).map_err(|error| match error {
        PytorchError::Io(cause) if cause.raw_os_error().is_some() => ModelError::Read { path: path.to_owned(), cause },
        other => corrupt(path, &other),
    })?;
    let tensors = file.into_tensors();
    let mut names: Vec<String> = tensors.keys().cloned().collect();
    names.sort();
    let tensor = |(stored, name): (String, String)| {
        let tensor = &tensors[&stored];
        let dtype = match tensor.dtype() {
            DType::F64 => Type::Float64,
            DType::F32 => Type::Float32,
            DType::F16 => Type::Float16,
            DType::BF16 => Type::BrainFloat16,
            DType::I64 => Type::Int64,
            other => return Err(unsupported(path, stored, &other)),
        };
        let bytes = tensor.read().map_err(|error| corrupt(path, &error))?;
        Ok(NamedTensor { name, shape: tensor.shape().to_vec(), values: decode(dtype, &bytes) })
    };
    unwrapped(names).into_iter().map(tensor).collect()
}

fn corrupt(path: &Path, error: &dyn std::error::Error) -> ModelError {
    ModelError::Corrupt { path: path.to_owned(), reason: error.to_string() }
}

fn unsupported(path: &Path, tensor: String, dtype: &dyn std::fmt::Debug) -> ModelError {
    ModelError::UnsupportedType { path: path.to_owned(), tensor, dtype: format!("{dtype:?}").to_lowercase() }
}

/// Values from little-endian bytes.
fn decode(dtype: Type, bytes: &[u8]) -> TensorValues {
    let two = || bytes.as_chunks().0.iter();
    TensorValues::F32(match dtype {
        Type::Float64 => bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight) as f32).collect(),
        Type::Float32 => bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        Type::Float16 => two().map(|two| f16::from_le_bytes(*two).to_f32()).collect(),
        Type::BrainFloat16 => two().map(|two| bf16::from_le_bytes(*two).to_f32()).collect(),
        Type::Int64 => {
            let values = bytes.as_chunks().0.iter().map(|eight| i64::from_le_bytes(*eight));
            return TensorValues::I64(values.collect());
        }
    })
}

/// Pairs of a stored name and the name it stands for; what lies outside a wrapper is left out.
fn unwrapped(names: Vec<String>) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = names.into_iter().map(|name| (name.clone(), name)).collect();
    for wrapper in WRAPPERS {
        let inside = |(stored, name): &(String, String)| Some((stored.clone(), name.strip_prefix(wrapper)?.to_owned()));
        let wrapped: Vec<_> = pairs.iter().filter_map(inside).collect();
        if !wrapped.is_empty() {
            pairs = wrapped;
        }
    }
    pairs.into_iter().map(|(stored, name)| (stored, modern(name))).collect()
}

/// Today's name of a tensor in torchvision's first files of DenseNets and vision transformers.
fn modern(name: String) -> String {
    if name.starts_with("encoder.layers.") {
        return name.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.");
    }
    let Some((before, rest)) = name.split_once(".denselayer") else { return name };
    let mut rest = rest.to_owned();
    for part in ["norm", "conv"] {
        for number in [1, 2] {
            rest = rest.replace(&format!(".{part}.{number}."), &format!(".{part}{number}."));
        }
    }
    format!("{before}.denselayer{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stored: &[&str]) -> Vec<String> {
        unwrapped(stored.iter().map(|name| (*name).to_owned()).collect()).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn wrappers_are_removed_with_all_that_lies_outside() {
        assert_eq!(names(&["fc.bias", "fc.weight"]), ["fc.bias", "fc.weight"]);
        assert_eq!(names(&["module.fc.bias", "module.fc.weight"]), ["fc.bias", "fc.weight"]);
        assert_eq!(names(&["optimizer.state.0.exp_avg", "state_dict.model.module.fc.bias"]), ["fc.bias"]);
    }

    #[test]
    fn the_first_names_become_todays() {
        let block = "features.denseblock1.denselayer12";
        let old = [format!("{block}.norm.1.running_mean"), format!("{block}.conv.2.weight"), "a.norm.1.b".to_owned()];
        let new = [format!("{block}.norm1.running_mean"), format!("{block}.conv2.weight"), "a.norm.1.b".to_owned()];
        assert_eq!(old.map(modern), new);
        let old = "encoder.layers.encoder_layer_0.mlp.linear_2.bias".to_owned();
        assert_eq!(modern(old), "encoder.layers.encoder_layer_0.mlp.3.bias");
    }

    #[test]
    fn floats_of_every_width_become_f32() {
        let expected = TensorValues::F32(vec![1.5, -0.25]);
        assert_eq!(decode(Type::Float64, &[1.5_f64.to_le_bytes(), (-0.25_f64).to_le_bytes()].concat()), expected);
        assert_eq!(decode(Type::Float32, &[1.5_f32.to_le_bytes(), (-0.25_f32).to_le_bytes()].concat()), expected);
        assert_eq!(decode(Type::Float16, &[0x00, 0x3E, 0x00, 0xB4]), expected); // 0x3E00 = 1.5, 0xB400 = −0.25
        assert_eq!(decode(Type::BrainFloat16, &[0xC0, 0x3F, 0x80, 0xBE]), expected); // upper halves of the f32
        assert_eq!(decode(Type::Int64, &7_i64.to_le_bytes()), TensorValues::I64(vec![7]));
    }
}
