//! Reading weight files.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use burn::tensor::{bf16, f16};
use isnet_graph::Graph;
use pytorch_reader::{PytorchError, PytorchReader, Tensor};
use safetensors::SafeTensors;

use crate::error::{FileContents, ModelError};
use crate::weights::{NamedTensor, TensorValues, names, timm};

/// Bytes that the tensors of a file may have together for each byte of the file. A view can repeat one value without end.
const LARGEST: u64 = 8;

/// Files with weights: `.safetensors`, and what `torch.save` wrote (`.pth`, `.pt`).
#[derive(Clone, Copy, Debug)]
pub struct WeightFile;

/// The weights of a file under the names of a model's parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// The tensors that the model has by name, and the counters of batch norms; sorted by name.
    pub tensors: Vec<NamedTensor>,
    /// What stands before these names in the file, such as `state_dict.module.`; often nothing.
    pub prefix: String,
    /// The tensors of the file that the model has no place for; their values are not read.
    pub left_over: Vec<LeftOver>,
}

/// A tensor of a file that the model has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// Name in the file.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
}

impl Weights {
    /// Name and shape of every tensor as today's torchvision would have it, whether the model has a place for it or not.
    pub(super) fn shapes(&self) -> Vec<(String, &[usize])> {
        let left_over: Vec<(&str, &[usize])> = self
            .left_over
            .iter()
            .map(|it| (it.name.strip_prefix(&self.prefix).unwrap_or(&it.name), it.shape.as_slice()))
            .collect();
        let of_timm = left_over.iter().any(|(name, _)| *name == timm::FIRST);
        let todays = |name: &str| if of_timm { timm::torchvision_name(name) } else { names::modern(name) };
        let known = self.tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.as_slice()));
        known.chain(left_over.into_iter().map(|(name, shape)| (todays(name), shape))).collect()
    }

    /// How many tensors the file has, and the names of the first.
    pub(super) fn contents(&self) -> FileContents {
        let known = self.tensors.iter().map(|tensor| format!("{}{}", self.prefix, tensor.name));
        let mut names: Vec<String> = known.chain(self.left_over.iter().map(|it| it.name.clone())).collect();
        names.sort();
        let prefix = names::shared_prefix(&names.iter().map(String::as_str).collect::<Vec<_>>()).to_owned();
        FileContents { tensors: names.len(), first: names.into_iter().take(FileContents::SHOWN).collect(), prefix }
    }
}

impl From<Vec<NamedTensor>> for Weights {
    /// Tensors that are in memory, under the names that they have.
    fn from(tensors: Vec<NamedTensor>) -> Self {
        Self { tensors, ..Self::default() }
    }
}

impl WeightFile {
    /// Reads the tensors that a graph has by name.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_for(path: impl AsRef<Path>, graph: &Graph) -> Result<Weights, ModelError> {
        Self::read(path, &graph.params().map(|(_, spec)| spec.name.clone()).collect())
    }

    /// Reads the tensors whose names are `wanted`.
    ///
    /// Floats of any width become f32. Whatever stands before the names of all of them (`state_dict.`, `module.`, `_orig_mod.`,
    /// `backbone.`…) is taken off. The names of torchvision's first DenseNet files (`denselayer1.norm.1.weight`)
    /// and vision transformers (`mlp.linear_1`) become today's, those of timm's vision transformers (`blocks.0.attn.qkv.weight`) torchvision's.
    /// What a checkpoint keeps of its optimizer is not looked at.
    ///
    /// # Errors
    /// [`ModelError::UnknownFormat`], [`ModelError::Read`] or [`ModelError::Corrupt`] with the path; [`ModelError::UnsupportedType`] of a
    /// wanted tensor, [`ModelError::Several`] where the file has the weights more than once.
    pub fn read(path: impl AsRef<Path>, wanted: &BTreeSet<String>) -> Result<Weights, ModelError> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_lowercase().as_str() {
            "safetensors" => {
                let bytes = std::fs::read(path).map_err(|cause| ModelError::Read { path: path.to_owned(), cause })?;
                let file = SafeTensors::deserialize(&bytes).map_err(|error| corrupt(path, &error))?;
                Contents::of_safetensors(path, &file)?.weights(wanted)
            }
            "pth" | "pt" => {
                let file = PytorchReader::new(path).map_err(|error| match error {
                    PytorchError::Io(cause) if cause.raw_os_error().is_some() => {
                        ModelError::Read { path: path.to_owned(), cause }
                    }
                    other => corrupt(path, &other),
                })?;
                Contents::of_pytorch(path, file).weights(wanted)
            }
            _ => Err(ModelError::UnknownFormat { path: path.to_owned() }),
        }
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

impl Type {
    fn bytes(self) -> u64 {
        match self {
            Self::Float64 | Self::Int64 => 8,
            Self::Float32 => 4,
            Self::Float16 | Self::BrainFloat16 => 2,
        }
    }
}

/// A tensor before its values are read.
struct Stored<'a> {
    shape: Vec<usize>,
    /// The name of the type where it is none of [`Type`].
    dtype: Result<Type, String>,
    values: Values<'a>,
}

enum Values<'a> {
    Bytes(&'a [u8]),
    /// Read from the file when they are asked for.
    Pytorch(Box<Tensor>),
}

/// What a file says that it holds.
struct Contents<'a> {
    path: &'a Path,
    /// Sorted.
    names: Vec<String>,
    tensors: HashMap<String, Stored<'a>>,
}

impl<'a> Contents<'a> {
    fn of_safetensors(path: &'a Path, file: &'a SafeTensors<'a>) -> Result<Self, ModelError> {
        use safetensors::Dtype;
        let mut tensors = HashMap::new();
        for (name, view) in file.iter() {
            let dtype = match view.dtype() {
                Dtype::F64 => Ok(Type::Float64),
                Dtype::F32 => Ok(Type::Float32),
                Dtype::F16 => Ok(Type::Float16),
                Dtype::BF16 => Ok(Type::BrainFloat16),
                Dtype::I64 => Ok(Type::Int64),
                other => Err(format!("{other:?}").to_lowercase()),
            };
            let stored = Stored { shape: view.shape().to_vec(), dtype, values: Values::Bytes(view.data()) };
            tensors.insert(name.to_owned(), stored);
        }
        Ok(Self::new(path, tensors))
    }

    fn of_pytorch(path: &'a Path, file: PytorchReader) -> Self {
        use pytorch_reader::DType;
        let stored = |tensor: Tensor| Stored {
            shape: tensor.shape().to_vec(),
            dtype: match tensor.dtype() {
                DType::F64 => Ok(Type::Float64),
                DType::F32 => Ok(Type::Float32),
                DType::F16 => Ok(Type::Float16),
                DType::BF16 => Ok(Type::BrainFloat16),
                DType::I64 => Ok(Type::Int64),
                other => Err(format!("{other:?}").to_lowercase()),
            },
            values: Values::Pytorch(Box::new(tensor)),
        };
        Self::new(path, file.into_tensors().into_iter().map(|(name, tensor)| (name, stored(tensor))).collect())
    }

    fn new(path: &'a Path, tensors: HashMap<String, Stored<'a>>) -> Self {
        let mut names: Vec<String> = tensors.keys().cloned().collect();
        names.sort();
        Self { path, names, tensors }
    }

    fn weights(&self, wanted: &BTreeSet<String>) -> Result<Weights, ModelError> {
        let found = names::find(&self.names, wanted).map_err(|error| error.in_file(self.path))?;
        let mut weights = Weights { prefix: found.prefix, ..Weights::default() };
        let mut room = std::fs::metadata(self.path).map_or(0, |file| file.len()).saturating_mul(LARGEST);
        for (stored, name) in found.inside {
            let tensor = &self.tensors[stored];
            if wanted.contains(&name) || (names::is_counter(&name) && tensor.shape.iter().all(|size| *size == 1)) {
                weights.tensors.push(self.read(stored, name, &mut room)?);
            } else {
                weights.left_over.push(self.left_over(stored));
            }
        }
        weights.left_over.extend(found.outside.into_iter().map(|stored| self.left_over(stored)));
        weights.tensors.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(weights)
    }

    fn left_over(&self, stored: &str) -> LeftOver {
        LeftOver { name: stored.to_owned(), shape: self.tensors[stored].shape.clone() }
    }

    fn read(&self, stored: &str, name: String, room: &mut u64) -> Result<NamedTensor, ModelError> {
        let tensor = &self.tensors[stored];
        let dtype = tensor.dtype.clone().map_err(|dtype| ModelError::UnsupportedType {
            path: self.path.to_owned(),
            tensor: stored.to_owned(),
            dtype,
        })?;
        let sizes = tensor.shape.iter().try_fold(dtype.bytes(), |product, size| product.checked_mul(*size as u64));
        let damaged = |reason: String| ModelError::Corrupt { path: self.path.to_owned(), reason };
        *room = sizes
            .and_then(|bytes| room.checked_sub(bytes))
            .ok_or_else(|| damaged(format!("tensor `{stored}` of shape {:?} is larger than the file", tensor.shape)))?;
        let values = match &tensor.values {
            Values::Bytes(bytes) => decode(dtype, bytes),
            Values::Pytorch(tensor) => decode(dtype, &tensor.read().map_err(|error| corrupt(self.path, &error))?),
        };
        if values.len() != tensor.shape.iter().product::<usize>() {
            let (got, shape) = (values.len(), &tensor.shape);
            return Err(damaged(format!("tensor `{stored}` of shape {shape:?} has {got} values")));
        }
        Ok(NamedTensor { name, shape: tensor.shape.clone(), values })
    }
}

fn corrupt(path: &Path, error: &dyn std::error::Error) -> ModelError {
    ModelError::Corrupt { path: path.to_owned(), reason: error.to_string() }
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

#[cfg(test)]
mod tests {
    use super::*;

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
