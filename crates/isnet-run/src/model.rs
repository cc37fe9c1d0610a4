//! A model in memory: graph, parameters, and all that is needed to feed it and read it.

use burn::tensor::{Device, Tensor, TensorData};
use isnet_data::Preparation;
use isnet_graph::{Graph, Params};
use isnet_models::{
    Architecture, NamedTensor, Stage, TensorValues, VisionTransformer, build, export, is_transformer, load_exactly,
    zoo::has_stages,
};
use serde::{Deserialize, Serialize};

use crate::error::{Result, RunError};
use crate::model_file::{ModelFile, Normalisation};
use isnet_data::Task;
use isnet_statistics::Scaling;

/// A classifier that can run, be explained, be trained further, and be saved.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the graph was built from.
    pub architecture: Architecture,
    /// The graph.
    pub graph: Graph,
    /// Its weights.
    pub params: Params,
    /// Classes in the order of the logits.
    pub classes: Vec<String>,
    /// What the logits mean.
    pub task: Task,
    /// How an image becomes the network's input.
    pub preparation: Preparation,
    /// How its probabilities are scaled; `None` as they come from the logits.
    pub scaling: Option<Scaling>,
    /// How it was trained, for people.
    pub training: serde_json::Value,
    /// Training steps that its batch norms have counted (`num_batches_tracked` in weight files).
    pub batches: i64,
}

impl Model {
    /// Reads a model: its folder, a run folder, or either of its two files.
    ///
    /// # Errors
    /// As [`ModelFile::load`]; [`RunError::InModel`] if architecture and weights do not belong together.
    pub fn load(path: &std::path::Path, device: &Device) -> Result<Self> {
        let in_model = |cause| RunError::InModel { path: path.to_owned(), cause: Box::new(cause) };
        Self::from_file(ModelFile::load(path)?, device).map_err(in_model)
    }

    /// [`Model::load`] of one that says classes.
    ///
    /// # Errors
    /// As [`Model::load`]; [`RunError::NotAClassifier`].
    pub fn load_classifier(path: &std::path::Path, device: &Device) -> Result<Self> {
        let model = Self::load(path, device)?;
        if model.graph.classifies() { Ok(model) } else { Err(RunError::NotAClassifier { path: path.to_owned() }) }
    }

    /// [`Model::load`] of one that makes a map of its image.
    ///
    /// # Errors
    /// As [`Model::load`]; [`RunError::NotASegmenter`].
    pub fn load_segmenter(path: &std::path::Path, device: &Device) -> Result<Self> {
        let model = Self::load(path, device)?;
        if model.graph.segmentation().is_some() {
            Ok(model)
        } else {
            Err(RunError::NotASegmenter { path: path.to_owned() })
        }
    }

    /// Builds the graph of a model file and fills it.
    ///
    /// # Errors
    /// [`RunError::Model`] if architecture and weights do not belong together.
    pub fn from_file(file: ModelFile, device: &Device) -> Result<Self> {
        let architecture = architecture_from_json(&file.architecture)?;
        let graph = build(&architecture)?;
        graph.shapes([file.height, file.width]).map_err(isnet_models::ModelError::from)?;
        let mut params = Params::initialize(&graph, 0, device);
        load_exactly(&graph, &mut params, &file.parameters)?;
        if file.normalisation != Normalisation::default() {
            return Err(RunError::Normalisation);
        }
        let ModelFile { height, width, channels, fit, intensity, .. } = file;
        let preparation = Preparation { height, width, channels, fit: fit.into(), intensity };
        Ok(Self {
            architecture,
            graph,
            params,
            classes: file.classes,
            task: file.task.into(),
            preparation,
            scaling: file.scaling,
            training: file.training,
            batches: counted_batches(&file.parameters),
        })
    }

    /// The form on disk.
    pub fn to_file(&self) -> ModelFile {
        let mut parameters = export(&self.graph, &self.params);
        for tensor in &mut parameters {
            if let TensorValues::I64(counter) = &mut tensor.values {
                counter.fill(self.batches);
            }
        }
        ModelFile {
            architecture: architecture_to_json(&self.architecture),
            classes: self.classes.clone(),
            task: self.task.into(),
            height: self.preparation.height,
            width: self.preparation.width,
            channels: self.preparation.channels,
            fit: self.preparation.fit.into(),
            intensity: self.preparation.intensity,
            normalisation: Normalisation::default(),
            scaling: self.scaling.clone(),
            training: self.training.clone(),
            parameters,
        }
    }

    /// The images of a batch on the device of the parameters, `[N, H, W, C]`.
    pub fn images(&self, batch: &isnet_data::Batch) -> Tensor<4> {
        let shape = [batch.len(), batch.height, batch.width, batch.channels];
        let device = self.params.values()[0].device().inner();
        Tensor::from_data(TensorData::new(batch.image.clone(), shape), &device)
    }
}

/// Training steps that the batch norms of a weight file have counted: its only integers. 0 where there are none.
pub fn counted_batches<'a>(tensors: impl IntoIterator<Item = &'a NamedTensor>) -> i64 {
    tensors.into_iter().find_map(|tensor| tensor.as_i64()?.first().copied()).unwrap_or(0)
}

/// The JSON form of an architecture in `model.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchitectureJson {
    name: String,
    n_classes: usize,
    input_channels: usize,
    #[serde(default)]
    transition_relu: bool,
    #[serde(default)]
    dropout: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageJson>,
    #[serde(default)]
    batch_norm: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hierarchical_attention: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segmenter: Option<Box<ArchitectureJson>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_size: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transformer: Option<TransformerJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransformerJson {
    patch: usize,
    width: usize,
    layers: usize,
    heads: usize,
    mlp: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageJson {
    channels: usize,
    convs: usize,
    kernel: usize,
    pool: usize,
}

fn architecture_from_json(value: &serde_json::Value) -> Result<Architecture> {
    let json = ArchitectureJson::deserialize(value);
    Ok(architecture(json.map_err(|error| RunError::Architecture { reason: crate::words::of_json(&error) })?))
}

fn architecture(json: ArchitectureJson) -> Architecture {
    let stage = |stage: StageJson| Stage {
        channels: stage.channels,
        convs: stage.convs,
        kernel: stage.kernel,
        pool: stage.pool,
    };
    let base = Architecture::new(&json.name, json.n_classes, json.input_channels);
    let transformer = |json: TransformerJson| VisionTransformer {
        patch: json.patch,
        width: json.width,
        layers: json.layers,
        heads: json.heads,
        mlp: json.mlp,
    };
    Architecture {
        name: json.name,
        n_classes: json.n_classes,
        input_channels: json.input_channels,
        transition_relu: json.transition_relu,
        dropout: json.dropout,
        stages: json.stages.into_iter().map(stage).collect(),
        batch_norm: json.batch_norm,
        image_size: json.image_size.unwrap_or(base.image_size),
        transformer: json.transformer.map_or(base.transformer, transformer),
        hierarchical_attention: json.hierarchical_attention,
        segmenter: json.segmenter.map(|segmenter| Box::new(architecture(*segmenter))),
    }
}

fn architecture_to_json(architecture: &Architecture) -> serde_json::Value {
    serde_json::to_value(json(architecture)).expect("plain data has a JSON form")
}

fn json(architecture: &Architecture) -> ArchitectureJson {
    let stage = |stage: &Stage| StageJson {
        channels: stage.channels,
        convs: stage.convs,
        kernel: stage.kernel,
        pool: stage.pool,
    };
    let is_plain_transformer = architecture.name == crate::config::PLAIN_VIT;
    let VisionTransformer { patch, width, layers, heads, mlp } = architecture.transformer;
    ArchitectureJson {
        name: architecture.name.clone(),
        n_classes: architecture.n_classes,
        input_channels: architecture.input_channels,
        transition_relu: architecture.transition_relu,
        dropout: architecture.dropout,
        stages: if has_stages(&architecture.name) {
            architecture.stages.iter().map(stage).collect()
        } else {
            Vec::new()
        },
        batch_norm: architecture.batch_norm,
        image_size: is_transformer(&architecture.name).then_some(architecture.image_size),
        transformer: is_plain_transformer.then_some(TransformerJson { patch, width, layers, heads, mlp }),
        hierarchical_attention: architecture.hierarchical_attention,
        segmenter: architecture.segmenter.as_deref().map(|segmenter| Box::new(json(segmenter))),
    }
}
