//! Everything a training needs to go on as if it had not stopped, in one file.
//!
//! A checkpoint is a safetensors file: tensors under `params/…`, `buffers/…` and `optimizer/…`, and a header of JSON in
//! its metadata with the position and whatever else the trainer remembers. A seal (BLAKE3 over header and tensors) is
//! verified when it is loaded: a file cut short or altered is an error, never a wrong start.

use std::{collections::BTreeMap, path::Path};

use isnet_models::{NamedTensor, to_safetensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    atomic,
    error::{Result, RunError},
    tensor::{digest_as, read},
};

const WHAT: &str = "checkpoint";
const FORMAT: u32 = 1;

/// Where a training stands, between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// The epoch in progress, counted from 0; equally, how many epochs are complete.
    pub epoch: usize,
    /// Steps done since the beginning of the run.
    pub step: usize,
    /// Batches of this epoch that are done.
    pub batch_in_epoch: usize,
}

/// The state of a training. Floats keep every bit.
///
/// # Example
/// ```
/// use isnet_models::NamedTensor;
/// use isnet_run::Checkpoint;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("last.safetensors");
/// let checkpoint = Checkpoint {
///     epoch: 1,
///     step: 50,
///     batch_in_epoch: 0,
///     params: vec![NamedTensor::f32("fc.bias", [2], vec![0.1, -0.1])],
///     buffers: vec![],
///     optimizer: vec![NamedTensor::f32("fc.bias/momentum", [2], vec![0.0, 0.5])],
///     state: serde_json::json!({ "best_macro_f1": 0.75 }),
/// };
/// checkpoint.save(&path)?;
/// assert_eq!(Checkpoint::load(&path)?, checkpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The epoch in progress, counted from 0; equally, how many epochs are complete.
    pub epoch: usize,
    /// Steps done since the beginning of the run.
    pub step: usize,
    /// Batches of this epoch that are done.
    pub batch_in_epoch: usize,
    /// Parameters, by torchvision's names.
    pub params: Vec<NamedTensor>,
    /// Running statistics and counters, by torchvision's names.
    pub buffers: Vec<NamedTensor>,
    /// What the optimizer remembers, by names of its own.
    pub optimizer: Vec<NamedTensor>,
    /// Anything else: best score so far, calibrated range, sums of the epoch. Finite `f64` and all `i64` come back bit
    /// for bit; JSON has no NaN and no infinity, they would come back as null.
    pub state: Value,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    isnet: String,
    #[serde(flatten)]
    position: Position,
    params: Vec<String>,
    buffers: Vec<String>,
    optimizer: Vec<String>,
    state: Value,
}

impl Checkpoint {
    /// Where the training stands.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, step: self.step, batch_in_epoch: self.batch_in_epoch }
    }

    /// Replaces the file at `path`, all or nothing.
    ///
    /// Flush the log first: the log of a run may be ahead of its checkpoint, never behind it.
    ///
    /// # Errors
    /// [`RunError::Files`]; the checkpoint that was there is intact.
    pub fn save(&self, path: &Path) -> Result<()> {
        let names = |tensors: &[NamedTensor]| tensors.iter().map(|tensor| tensor.name.clone()).collect();
        let header = Header {
            format: FORMAT,
            isnet: env!("CARGO_PKG_VERSION").into(),
            position: self.position(),
            params: names(&self.params),
            buffers: names(&self.buffers),
            optimizer: names(&self.optimizer),
            state: self.state.clone(),
        };
        let header = serde_json::to_string(&header)
            .map_err(|error| RunError::Encode { what: "the state of a checkpoint", reason: error.to_string() })?;
        let metadata = format!("{}\n{header}", seal(&header, self.tensors()));
        atomic::write(path, &to_safetensors(self.tensors(), Some(metadata))?)
    }

    /// Reads the file at `path` and verifies its seal.
    ///
    /// # Errors
    /// [`RunError::Read`] if it cannot be read, [`RunError::Corrupt`] if it is cut short, altered or not a checkpoint.
    pub fn load(path: &Path) -> Result<Self> {
        let corrupt = |reason: String| RunError::Corrupt { what: WHAT, path: path.to_owned(), reason };
        let (tensors, metadata) = read(WHAT, path)?;
        let metadata = metadata.ok_or_else(|| corrupt("it is a safetensors file without a training state".into()))?;
        let (sealed, text) = metadata.split_once('\n').unwrap_or_default();
        if sealed != seal(text, tensors.iter().map(|tensor| (tensor.name.clone(), tensor))) {
            return Err(corrupt("its contents do not match its seal; take the other checkpoint".into()));
        }
        let header: Header = serde_json::from_str(text).map_err(|error| corrupt(crate::words::of_json(&error)))?;
        if header.format > FORMAT {
            let reason = format!("it has format {}, this program knows up to {FORMAT}", header.format);
            return Err(corrupt(reason));
        }
        let mut tensors: BTreeMap<_, _> = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut group = |prefix: &str, names: Vec<String>| {
            let take = |name: String| match tensors.remove(&format!("{prefix}/{name}")) {
                Some(tensor) => Ok(NamedTensor { name, ..tensor }),
                None => Err(corrupt(format!("tensor `{prefix}/{name}` is missing"))),
            };
            names.into_iter().map(take).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            epoch: header.position.epoch,
            step: header.position.step,
            batch_in_epoch: header.position.batch_in_epoch,
            params: group("params", header.params)?,
            buffers: group("buffers", header.buffers)?,
            optimizer: group("optimizer", header.optimizer)?,
            state: header.state,
        })
    }

    /// All tensors under the names they have in the file.
    fn tensors(&self) -> impl Iterator<Item = (String, &NamedTensor)> {
        let groups = [("params", &self.params), ("buffers", &self.buffers), ("optimizer", &self.optimizer)];
        groups.into_iter().flat_map(|(prefix, tensors)| {
            tensors.iter().map(move |tensor| (format!("{prefix}/{}", tensor.name), tensor))
        })
    }
}

fn seal<'a>(header: &str, tensors: impl IntoIterator<Item = (String, &'a NamedTensor)>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(digest_as(tensors).as_bytes()).update(header.as_bytes());
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            epoch: 2,
            step: 75,
            batch_in_epoch: 25,
            params: vec![
                NamedTensor::f32("z.weight", [2, 2], vec![0.1, -0.0, f32::MIN_POSITIVE / 4.0, f32::MAX]),
                NamedTensor::f32("a.bias", [1], vec![1.0 / 3.0]),
            ],
            buffers: vec![NamedTensor::i64("a.num_batches_tracked", [], vec![i64::MAX])],
            optimizer: vec![NamedTensor::f32("a.bias", [1], vec![f32::NAN])],
            state: json!({ "best": 0.1 + 0.2, "tiny": 5e-324, "seed": i64::MIN, "text": "mean ± 3σ", "none": null }),
        }
    }

    fn saved() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        checkpoint().save(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn a_checkpoint_comes_back_bit_for_bit_in_its_order() {
        let (_folder, path) = saved();
        let (back, original) = (Checkpoint::load(&path).unwrap(), checkpoint());
        let bits = |tensors: &[NamedTensor]| -> Vec<_> {
            let floats = |tensor: &NamedTensor| tensor.as_f32().unwrap().iter().map(|value| value.to_bits()).collect();
            tensors.iter().map(|tensor| (tensor.name.clone(), floats(tensor))).collect::<Vec<(_, Vec<_>)>>()
        };
        assert_eq!(bits(&back.params), bits(&original.params));
        assert_eq!(bits(&back.optimizer), bits(&original.optimizer));
        assert_eq!((back.buffers, back.state), (original.buffers.clone(), original.state.clone()));
        assert_eq!(checkpoint().position(), Position { epoch: 2, step: 75, batch_in_epoch: 25 });
    }

    #[test]
    fn the_same_state_gives_the_same_bytes() {
        let ((_one, first), (_two, second)) = (saved(), saved());
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    }

    #[test]
    fn a_truncated_checkpoint_is_an_error_wherever_it_ends() {
        let (_folder, path) = saved();
        let bytes = fs::read(&path).unwrap();
        for length in [0, 4, 8, 100, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = Checkpoint::load(&path).unwrap_err();
            assert!(matches!(error, RunError::Corrupt { what: "checkpoint", .. }), "{length}: {error}");
            assert!(error.to_string().contains("last.safetensors"), "{error}");
        }
    }

    #[test]
    fn one_flipped_bit_breaks_the_seal() {
        let (_folder, path) = saved();
        let bytes = fs::read(&path).unwrap();
        let digit = bytes
            .windows(8)
            .position(|window| window == b"\"epoch\\\"")
            .or_else(|| bytes.windows(6).position(|window| window == b"epoch\\"));
        for index in [bytes.len() - 1, bytes.len() - 9, digit.unwrap()] {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            fs::write(&path, &altered).unwrap();
            assert!(matches!(Checkpoint::load(&path), Err(RunError::Corrupt { .. })), "byte {index}");
        }
    }

    #[test]
    fn a_plain_weight_file_is_not_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensor = NamedTensor::f32("w", [1], vec![1.0]);
        fs::write(&path, to_safetensors([("w", &tensor)], None).unwrap()).unwrap();
        let error = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(error.contains("without a training state"), "{error}");
        let error = Checkpoint::load(&folder.path().join("absent")).unwrap_err().to_string();
        assert!(error.contains("cannot read checkpoint"), "{error}");
    }
}
