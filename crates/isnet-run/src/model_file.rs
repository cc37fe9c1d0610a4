//! A trained model: weights that torchvision can load, and a description that this program needs to use them.
//!
//! `model.safetensors` holds parameters and buffers under torchvision's names and nothing else, so that
//! `load_state_dict(strict=True)` accepts it. `model.json` beside it holds architecture, classes and input.

use std::path::{Path, PathBuf};

use isnet_data::Intensity;
use isnet_models::{NamedTensor, to_safetensors};
use isnet_statistics::Scaling;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    atomic,
    config::Fit,
    error::{Result, RunError},
    no_model::check_model,
    tensor::{digest, read, read_text},
    words,
};

/// Models whose probabilities are scaled; earlier versions would leave the scaling out.
const FORMAT: u32 = 2;
const WITHOUT_SCALING: u32 = 1;

/// What the logits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One class is right: softmax.
    SingleLabel,
    /// Each class is there or not: sigmoids.
    MultiLabel,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SingleLabel => "one class per image",
            Self::MultiLabel => "any number of classes per image",
        })
    }
}

impl From<Task> for isnet_data::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::SingleLabel => Self::SingleLabel,
            Task::MultiLabel => Self::MultiLabel,
        }
    }
}

impl From<isnet_data::Task> for Task {
    fn from(task: isnet_data::Task) -> Self {
        match task {
            isnet_data::Task::SingleLabel => Self::SingleLabel,
            isnet_data::Task::MultiLabel => Self::MultiLabel,
        }
    }
}

/// From a pixel in [0, 1] to what the network sees: `low + pixel·(high − low)`, then `(value − mean) / std` per channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Value of black (l of z^B).
    pub low: f64,
    /// Value of white (h of z^B).
    pub high: f64,
    /// Subtracted per channel; empty = nothing.
    #[serde(default)]
    pub mean: Vec<f64>,
    /// Divided by per channel; empty = nothing.
    #[serde(default)]
    pub std: Vec<f64>,
}

impl Default for Normalisation {
    /// Pixels as they are, in [0, 1].
    fn default() -> Self {
        Self { low: 0.0, high: 1.0, mean: Vec::new(), std: Vec::new() }
    }
}

/// A model file: description and weights.
///
/// # Example
/// ```
/// use isnet_models::NamedTensor;
/// use isnet_run::{ModelFile, Normalisation, Task, config::Fit};
/// let folder = tempfile::tempdir()?;
/// let model = ModelFile {
///     architecture: serde_json::json!({ "name": "resnet18" }),
///     classes: vec!["healthy".into(), "ill".into()],
///     task: Task::SingleLabel,
///     height: 128,
///     width: 128,
///     channels: 3,
///     fit: Fit::Pad,
///     intensity: isnet_data::Intensity::Stored,
///     normalisation: Normalisation::default(),
///     scaling: None,
///     training: serde_json::json!({ "method": "isnet", "seed": 0 }),
///     parameters: vec![NamedTensor::f32("fc.bias", [2], vec![0.5, -0.5])],
/// };
/// model.save(folder.path())?;
/// assert_eq!(ModelFile::load(folder.path())?, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// What the model crate needs to build the graph.
    pub architecture: Value,
    /// Classes in the order of the logits.
    pub classes: Vec<String>,
    /// What the logits mean.
    pub task: Task,
    /// Height of the input, in pixels.
    pub height: usize,
    /// Width of the input, in pixels.
    pub width: usize,
    /// Channels of the input.
    pub channels: usize,
    /// How an image becomes `height` × `width`.
    pub fit: Fit,
    /// Which values of a file are black and white.
    pub intensity: Intensity,
    /// From pixels to what the network sees.
    pub normalisation: Normalisation,
    /// How its probabilities are scaled; `None` as they come from the logits.
    pub scaling: Option<Scaling>,
    /// How it was trained: method, masks, name of the run. For people; nothing depends on it.
    pub training: Value,
    /// Parameters and buffers by torchvision's names; sorted by name when loaded.
    pub parameters: Vec<NamedTensor>,
}

/// `model.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    isnet: String,
    architecture: Value,
    classes: Vec<String>,
    task: Task,
    height: usize,
    width: usize,
    channels: usize,
    fit: Fit,
    #[serde(default, skip_serializing_if = "IntensityJson::is_stored")]
    intensity: IntensityJson,
    normalisation: Normalisation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scaling: Option<Scaling>,
    #[serde(default)]
    training: Value,
    weights_blake3: Option<String>,
}

/// `"percentile"` or `{"depth":{"bits":12}}`; files without the key, as older ones are, read values as stored.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum IntensityJson {
    #[default]
    Stored,
    Depth {
        bits: u8,
    },
    Percentile,
}

impl IntensityJson {
    fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }
}

impl From<IntensityJson> for Intensity {
    fn from(intensity: IntensityJson) -> Self {
        match intensity {
            IntensityJson::Stored => Self::Stored,
            IntensityJson::Depth { bits } => Self::Depth { bits },
            IntensityJson::Percentile => Self::Percentile,
        }
    }
}

impl From<Intensity> for IntensityJson {
    fn from(intensity: Intensity) -> Self {
        match intensity {
            Intensity::Stored => Self::Stored,
            Intensity::Depth { bits } => Self::Depth { bits },
            Intensity::Percentile => Self::Percentile,
        }
    }
}

impl ModelFile {
    /// Writes `model.safetensors` and `model.json` into `folder`.
    ///
    /// # Errors
    /// [`RunError::NonFinite`] if a weight is NaN or infinite, [`RunError::Files`].
    pub fn save(&self, folder: &Path) -> Result<()> {
        let [weights, description] = paths(&folder.join("model.safetensors"));
        refuse_non_finite(&self.parameters, &weights)?;
        let named = self.parameters.iter().map(|tensor| (&tensor.name, tensor));
        atomic::write(&weights, &to_safetensors(named, None)?)?;
        atomic::write_json(&description, &self.describe())
    }

    /// Reads a model: `path` is its folder or either of its two files.
    ///
    /// # Errors
    /// [`RunError::NoModel`] if there is none, [`RunError::Read`], [`RunError::Corrupt`] if it is cut short or the two do not belong
    /// together, [`RunError::NonFinite`] with tensor and index of a NaN.
    pub fn load(path: &Path) -> Result<Self> {
        check_model(path)?;
        let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
        let [weights, description] = paths(&file);
        let text = read_text("model description", &description)?;
        let about = describe(&text).map_err(|reason| corrupt("model description", &description, reason))?;
        if let Some(scaling) = &about.scaling {
            let checked = scaling.check(about.classes.len(), isnet_data::Task::from(about.task).into());
            checked.map_err(|error| corrupt("model description", &description, error.to_string()))?;
        }
        let (parameters, _) = read("model weights", &weights)?;
        refuse_non_finite(&parameters, &weights)?;
        if about.weights_blake3.is_some_and(|expected| expected != digest(&parameters)) {
            let reason = "these are not the weights that `model.json` describes; \
                          if you changed them on purpose, delete its line `weights_blake3`";
            return Err(corrupt("model weights", &weights, reason.into()));
        }
        Ok(Self {
            architecture: about.architecture,
            classes: about.classes,
            task: about.task,
            height: about.height,
            width: about.width,
            channels: about.channels,
            fit: about.fit,
            intensity: about.intensity.into(),
            normalisation: about.normalisation,
            scaling: about.scaling,
            training: about.training,
            parameters,
        })
    }

    /// The digest that the model in `folder` says its weights have, and its scaling; `None` without a model that can be read.
    pub(crate) fn described(folder: &Path) -> Option<(String, Option<Scaling>)> {
        let text = read_text("model description", &folder.join("model.json")).ok()?;
        let about = serde_json::from_str::<Description>(&text).ok()?;
        Some((about.weights_blake3?, about.scaling))
    }

    /// Digest of the weights: two models with the same digest are the same bit for bit.
    pub fn weights_digest(&self) -> String {
        digest(&self.parameters)
    }

    fn describe(&self) -> Description {
        Description {
            format: if self.scaling.is_some() { FORMAT } else { WITHOUT_SCALING },
            isnet: env!("CARGO_PKG_VERSION").into(),
            architecture: self.architecture.clone(),
            classes: self.classes.clone(),
            task: self.task,
            height: self.height,
            width: self.width,
            channels: self.channels,
            fit: self.fit,
            intensity: self.intensity.into(),
            normalisation: self.normalisation.clone(),
            scaling: self.scaling.clone(),
            training: self.training.clone(),
            weights_blake3: Some(self.weights_digest()),
        }
    }
}

/// Reads `model.json`. The format comes first: a newer one may have entries that are unknown here.
fn describe(text: &str) -> std::result::Result<Description, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_str(text).map_err(|error| words::of_json(&error))?;
    if format > FORMAT {
        return Err(format!(
            "it has format {format}, and this version of isnet reads formats up to {FORMAT}; use the version that wrote it, or a newer one"
        ));
    }
    serde_json::from_str(text).map_err(|error| words::of_json(&error))
}

/// Weights and description of the model that `file` belongs to.
fn paths(file: &Path) -> [PathBuf; 2] {
    [file.with_extension("safetensors"), file.with_extension("json")]
}

fn corrupt(what: &'static str, path: &Path, reason: String) -> RunError {
    RunError::Corrupt { what, path: path.to_owned(), reason }
}

fn refuse_non_finite(tensors: &[NamedTensor], path: &Path) -> Result<()> {
    let found = tensors.iter().find_map(|tensor| Some((tensor, tensor.first_non_finite()?)));
    found.map_or(Ok(()), |(tensor, (index, value))| {
        Err(RunError::NonFinite { path: path.to_owned(), tensor: tensor.name.clone(), index, value })
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn model() -> ModelFile {
        ModelFile {
            architecture: json!({ "name": "plain_cnn", "stages": [{ "channels": 4 }] }),
            classes: vec!["healthy".into(), "tuberculosis".into()],
            task: Task::SingleLabel,
            height: 64,
            width: 96,
            channels: 1,
            fit: Fit::Squash,
            intensity: Intensity::Depth { bits: 12 },
            normalisation: Normalisation { mean: vec![0.485], std: vec![0.229], ..Default::default() },
            scaling: None,
            training: json!({ "method": "isnet", "masks": true }),
            parameters: vec![
                NamedTensor::f32("bn1.running_mean", [2], vec![0.25, -1.0]),
                NamedTensor::i64("bn1.num_batches_tracked", [], vec![40]),
            ],
        }
    }

    fn saved() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        model().save(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_model_comes_back_from_its_folder_or_either_file() {
        let folder = saved();
        let mut expected = model();
        expected.parameters.reverse();
        for name in ["", "model.json", "model.safetensors"] {
            assert_eq!(ModelFile::load(&folder.path().join(name)).unwrap(), expected, "{name}");
        }
        assert_eq!(model().weights_digest(), expected.weights_digest());
    }

    #[test]
    fn a_description_without_intensity_reads_values_as_stored_and_says_nothing_about_it() {
        for (intensity, expected) in [
            (Intensity::Stored, None),
            (Intensity::Percentile, Some("\"intensity\": \"percentile\"")),
            (Intensity::Depth { bits: 12 }, Some("\"bits\": 12")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            ModelFile { intensity, ..model() }.save(folder.path()).unwrap();
            let text = fs::read_to_string(folder.path().join("model.json")).unwrap();
            match expected {
                None => assert!(!text.contains("intensity"), "{text}"),
                Some(expected) => assert!(text.contains(expected), "{text}"),
            }
            assert_eq!(ModelFile::load(folder.path()).unwrap().intensity, intensity);
        }
    }

    #[test]
    fn the_description_says_which_file_is_missing() {
        for (name, what) in [("model.json", "is no run folder"), ("model.safetensors", "but not its weights")] {
            let folder = saved();
            fs::remove_file(folder.path().join(name)).unwrap();
            let error = ModelFile::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_weight_that_is_not_a_number_is_named_with_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = model();
        broken.parameters[0] = NamedTensor::f32("fc.weight", [1, 3], vec![0.0, 1.0, f32::NAN]);
        let error = broken.save(folder.path()).unwrap_err().to_string();
        assert!(error.contains("`fc.weight`") && error.contains("NaN at index 2"), "{error}");

        let folder = saved();
        let named = broken.parameters.iter().map(|tensor| (tensor.name.clone(), tensor));
        fs::write(folder.path().join("model.safetensors"), to_safetensors(named, None).unwrap()).unwrap();
        let error = ModelFile::load(folder.path()).unwrap_err();
        assert!(matches!(error, RunError::NonFinite { index: 2, .. }), "{error}");
    }

    #[test]
    fn a_corrupt_header_and_foreign_weights_are_errors() {
        let folder = saved();
        let path = folder.path().join("model.safetensors");
        let tensor = NamedTensor::f32("other", [1], vec![1.0]);
        fs::write(&path, to_safetensors([("other", &tensor)], None).unwrap()).unwrap();
        let error = ModelFile::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("weights_blake3"), "{error}");
        fs::write(&path, b"\xff\xff\xff\xff\xff\xff\xff\xffnothing").unwrap();
        assert!(matches!(ModelFile::load(folder.path()), Err(RunError::Corrupt { what: "model weights", .. })));
        fs::write(folder.path().join("model.json"), "{").unwrap();
        assert!(matches!(ModelFile::load(folder.path()), Err(RunError::Corrupt { what: "model description", .. })));
    }

    #[test]
    fn a_model_from_the_future_is_refused() {
        let folder = saved();
        let path = folder.path().join("model.json");
        let text = fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 3");
        fs::write(&path, text).unwrap();
        let error = ModelFile::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("format 3"), "{error}");
    }
}
