//! From a configuration to what a training needs: model and objective.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor};
use isnet_data::rng::stream;
use isnet_data::{Dataset, Preparation, Task, epoch_order};
use isnet_graph::{Graph, Op, Params, Shape};
use isnet_loss::{ClassificationLoss, ForegroundRange, HeatmapLoss, Mask, Targets};
use isnet_models::hierarchical_attention::is_own;
use isnet_models::pipeline::SEGMENTER;
use isnet_models::{
    Architecture, LoadReport, NamedTensor, Stage, VisionTransformer, WeightFile, build, export, load_into,
};
use isnet_run::config::{self, ClassWeights, MethodName, RunConfig};
use isnet_run::model::counted_batches;
use isnet_run::{Datasets, Model};

use crate::chooser;
use crate::error::TrainError;
use crate::methods::{self, Method};
use crate::objective::{Batch, Objective, Phase};

/// Key of the random draws of a rehearsal.
const REHEARSAL: u64 = 0x4EA4;

/// Model and objective of a configuration, and what a weight file gave the model: all that a training is refused for before its first step.
///
/// # Errors
/// [`TrainError`] if data, model and method do not fit each other.
pub fn prepare(
    config: &RunConfig,
    data: &Datasets,
    device: &Device,
) -> Result<(Model, Objective, Option<LoadReport>), TrainError> {
    check_class_weights(config, data)?;
    check_masks(config, data)?;
    let (model, report) = model(config, data, device)?;
    check_trainable(config, &model.graph)?;
    check_batch_norm(config, data, &model.graph)?;
    chooser::check(config, data, &model.graph)?;
    let objective = objective(config, &model.graph, data, initial_range(config))?;
    rehearse(&objective, &model, data)?;
    Ok((model, objective, report))
}

/// Computes the loss of two black images once, so that what does not fit, as a selector that needs what the task has not, is found
/// before a run begins.
fn rehearse(objective: &Objective, model: &Model, data: &Datasets) -> Result<(), TrainError> {
    const IMAGES: usize = 2;
    let Preparation { height, width, channels, .. } = data.preparation;
    let device = model.params.values()[0].device().inner();
    let targets = match data.task {
        _ if !model.graph.classifies() => Targets::SingleLabel(Vec::new()),
        Task::SingleLabel => Targets::SingleLabel(vec![0; IMAGES]),
        Task::MultiLabel => Targets::MultiLabel(vec![vec![0.0; data.classes.len()]; IMAGES]),
    };
    let half = Tensor::<4>::ones([IMAGES, height.div_ceil(2), width, 1], &device);
    let mask = half.pad([(0, 0), (0, height / 2), (0, 0), (0, 0)], 0.0);
    let image = Tensor::zeros([IMAGES, height, width, channels], &device);
    let batch = Batch { image, mask: Mask::new(mask, vec![true; IMAGES]), targets };
    let mut rng = stream(0, &[REHEARSAL]);
    objective.evaluate((&model.graph, &model.params), &batch, 1.0, Phase::Evaluate, &mut rng)?;
    Ok(())
}

/// The order in which an epoch shows the training images.
pub(crate) fn order(config: &RunConfig, data: &Datasets, graph: &Graph, epoch: usize) -> Vec<usize> {
    let mut order = epoch_order(&*data.train, config.data.balance.into(), config.seed, epoch as u64);
    if !graph.classifies() {
        // What has neither label nor mask to learn from would only take time.
        order.retain(|index| data.train.has_mask(*index));
    }
    order
}

/// Refuses steps in which a batch norm sees one value per channel: it would subtract that value from itself.
///
/// # Errors
/// [`TrainError::OneValue`] naming the node.
pub fn check_batch_norm(config: &RunConfig, data: &Datasets, graph: &Graph) -> Result<(), TrainError> {
    let images = order(config, data, graph, 0).len();
    if config.train.batch_size > 1 && images > 1 {
        return Ok(());
    }
    let shapes = graph.shapes([config.data.height, config.data.width])?;
    let blind = graph.nodes().find(|(id, node)| {
        let Shape { height, width, .. } = shapes[id.index()];
        matches!(node.op, Op::BatchNorm(_)) && height * width == 1
    });
    blind.map_or(Ok(()), |(_, node)| Err(TrainError::OneValue { node: node.name.clone(), images }))
}

/// Builds the model of a configuration, and reports what a weight file gave it.
///
/// # Errors
/// [`TrainError`] if the architecture does not exist, cannot take images of this size, or the weights do not fit.
pub fn model(config: &RunConfig, data: &Datasets, device: &Device) -> Result<(Model, Option<LoadReport>), TrainError> {
    let segmenter = segmenter(config, data, device)?;
    let architecture = Architecture {
        segmenter: segmenter_architecture(config, segmenter.as_ref()).map(Box::new),
        ..architecture(config, data.classes.len())
    };
    let graph = build(&architecture)?;
    graph.shapes([config.data.height, config.data.width])?;
    let mut params = Params::initialize(&graph, config.seed, device);
    if let Some(segmenter) = &segmenter {
        load_segmenter(&graph, &mut params, segmenter);
    }
    let (mut report, mut batches) = (None, 0);
    if let Some(path) = &config.model.weights {
        let plain = build(&Architecture { hierarchical_attention: false, ..architecture.clone() })?;
        let mut weights = WeightFile::read(path, &names_of_classifier([&graph, &plain]))?;
        // The file is the classifier's; the segmenter stays as it is.
        weights.tensors.extend(export(&graph, &params).into_iter().filter(|tensor| tensor.name.starts_with(SEGMENTER)));
        let replaced = fill_attention((&graph, &params), &mut weights.tensors);
        let found = load_into(&graph, &mut params, &weights, config.model.unused_weights.into());
        let mut found = found.map_err(|error| error.in_file(path))?;
        found.unused.extend(replaced);
        report = Some(found);
        batches = counted_batches(&weights.tensors);
    }
    let training = serde_json::json!({ "run": config.name, "method": config.method.name, "seed": config.seed });
    let (task, preparation) = (data.task, data.preparation);
    let classes = if graph.classifies() { data.classes.clone() } else { Vec::new() };
    Ok((Model { architecture, graph, params, classes, task, preparation, scaling: None, training, batches }, report))
}

/// The segmenter that a pipeline is given, which takes the images that the configuration makes.
fn segmenter(config: &RunConfig, data: &Datasets, device: &Device) -> Result<Option<Model>, TrainError> {
    let path = match &config.method.segment_classify.segmenter {
        Some(path) if config.method.name == MethodName::SegmentClassify => path,
        _ => return Ok(None),
    };
    let model = Model::load_segmenter(path, device)?;
    if model.preparation != data.preparation {
        let words = |it: &Preparation| {
            let Preparation { height, width, channels, intensity, .. } = it;
            let fit = config::Fit::from(it.fit);
            format!("{height}×{width} px of {channels} channels (`data.fit` = \"{fit}\", {intensity})")
        };
        let (expected, got) = (words(&model.preparation), words(&data.preparation));
        return Err(TrainError::Segmenter { path: path.clone(), expected, got });
    }
    Ok(Some(model))
}

/// What a pipeline begins with: the segmenter that is given, or a U-Net.
fn segmenter_architecture(config: &RunConfig, given: Option<&Model>) -> Option<Architecture> {
    let pipeline = &config.method.segment_classify;
    let stages = || pipeline.stages.iter().map(stage).collect();
    let fresh = || Architecture { stages: stages(), ..Architecture::new(config::UNET, 0, config.data.channels) };
    let is_pipeline = config.method.name == MethodName::SegmentClassify;
    is_pipeline.then(|| given.map_or_else(fresh, |model| model.architecture.clone()))
}

/// Gives the first part of a pipeline the weights of a segmenter.
fn load_segmenter(graph: &Graph, params: &mut Params, segmenter: &Model) {
    for (from, spec) in segmenter.graph.params() {
        let place = graph.params().find(|(_, to)| to.name.strip_prefix(SEGMENTER) == Some(spec.name.as_str()));
        if let Some((to, _)) = place {
            params.set(to, segmenter.params.flat(from));
        }
    }
}

/// The names of the parameters that a weight file of the classifier may have.
fn names_of_classifier(graphs: [&Graph; 2]) -> BTreeSet<String> {
    let specs = graphs.into_iter().flat_map(|graph| graph.params().map(|(_, spec)| &spec.name));
    specs.filter(|name| !name.starts_with(SEGMENTER)).cloned().collect()
}

/// Gives the tensors of a plain classifier the attention that stands in place of its head, and returns the names of that head. Does nothing
/// where the graph has no such attention or the tensors have it.
fn fill_attention((graph, params): (&Graph, &Params), tensors: &mut Vec<NamedTensor>) -> Vec<String> {
    let own = export(graph, params).into_iter().filter(|tensor| is_own(&tensor.name));
    let own: Vec<NamedTensor> = own.collect();
    if own.is_empty() || tensors.iter().any(|tensor| is_own(&tensor.name)) {
        return Vec::new();
    }
    let known: BTreeSet<&str> = graph.params().map(|(_, spec)| spec.name.as_str()).collect();
    let is_counter = |tensor: &NamedTensor| tensor.as_i64().is_some();
    let (kept, head): (Vec<_>, Vec<_>) = std::mem::take(tensors)
        .into_iter()
        .partition(|tensor| known.contains(tensor.name.as_str()) || is_counter(tensor));
    *tensors = kept;
    tensors.extend(own);
    head.into_iter().map(|tensor| tensor.name).collect()
}

fn stage(stage: &config::Stage) -> Stage {
    Stage { channels: stage.channels, convs: stage.convs, kernel: stage.kernel, pool: stage.pool }
}

fn architecture(config: &RunConfig, n_classes: usize) -> Architecture {
    let n_classes = if config.method.name == MethodName::Segment { 0 } else { n_classes };
    let transformer = |sizes: &config::Transformer| VisionTransformer {
        patch: sizes.patch,
        width: sizes.width,
        layers: sizes.layers,
        heads: sizes.heads,
        mlp: sizes.mlp,
    };
    let base = Architecture::new(&config.model.architecture, n_classes, config.data.channels);
    Architecture {
        transition_relu: config.model.transition_relu,
        dropout: config.model.dropout.unwrap_or(base.dropout),
        stages: if config.model.stages.is_empty() {
            base.stages.clone()
        } else {
            config.model.stages.iter().map(stage).collect()
        },
        batch_norm: config.model.batch_norm,
        image_size: [config.data.height, config.data.width],
        transformer: config.model.transformer.as_ref().map_or(base.transformer, transformer),
        hierarchical_attention: config.method.name == MethodName::Ham,
        ..base
    }
}

/// The objective of a configuration; `range` is C1 and C2, which a calibration may have measured.
///
/// # Errors
/// [`TrainError`] naming what the graph lacks for the method, such as every node that relevance cannot pass.
pub fn objective(
    config: &RunConfig,
    graph: &Graph,
    data: &Datasets,
    range: ForegroundRange,
) -> Result<Objective, TrainError> {
    let classification = ClassificationLoss { class_weights: class_weights(config, data) };
    Ok(Objective { classification, method: Method::new(config, graph, range)? })
}

/// Refuses a method whose terms would have nothing to say. Masks are read up to the first that says something, most often one.
///
/// # Errors
/// [`TrainError::NoMasks`]; [`TrainError::Data`] if a sample on the way cannot be read.
pub fn check_masks(config: &RunConfig, data: &Datasets) -> Result<(), TrainError> {
    if !methods::learns_from_masks(config) {
        return Ok(());
    }
    for index in 0..data.train.len() {
        if data.train.mask_says_something(index)? {
            return Ok(());
        }
    }
    let what = match methods::weight(config) {
        0.0 => "`data.augment.exchange_background`".to_owned(),
        _ => format!("the method `{}`", config.method.name),
    };
    Err(TrainError::NoMasks { what })
}

/// Refuses a `train.trainable` that is empty, or in which a name begins none of the parameters, as a mistyped one does.
///
/// # Errors
/// [`TrainError::Untrainable`].
pub fn check_trainable(config: &RunConfig, graph: &Graph) -> Result<(), TrainError> {
    let Some(prefixes) = &config.train.trainable else { return Ok(()) };
    let trainable = graph.params().filter(|(_, spec)| spec.role.is_trainable());
    let names: Vec<&str> = trainable.map(|(_, spec)| spec.name.as_str()).collect();
    let what = match prefixes.iter().find(|prefix| !names.iter().any(|name| name.starts_with(prefix.as_str()))) {
        Some(absent) => format!("names `{absent}`, with which no parameter begins"),
        None if prefixes.is_empty() => "is empty, so nothing would learn".to_owned(),
        None => return Ok(()),
    };
    let mut known: Vec<String> =
        names.iter().map(|name| format!("`{}.`", name.split('.').next().unwrap_or(name))).collect();
    known.dedup();
    Err(TrainError::Untrainable { what, known })
}

/// The range of a configuration, or the preset until it is calibrated.
pub fn initial_range(config: &RunConfig) -> ForegroundRange {
    match config.loss.foreground_range {
        config::ForegroundRange::Fixed { low, high } => ForegroundRange { min: low, max: high },
        config::ForegroundRange::Calibrate => HeatmapLoss::default().foreground_range,
    }
}

/// Refuses a list of class weights that is not as long as the classes of the data.
///
/// # Errors
/// [`TrainError::ClassWeights`].
pub fn check_class_weights(config: &RunConfig, data: &Datasets) -> Result<(), TrainError> {
    match &config.loss.class_weights {
        ClassWeights::List(weights) if weights.len() != data.classes.len() => {
            Err(TrainError::ClassWeights { weights: weights.len(), classes: data.classes.clone() })
        }
        _ => Ok(()),
    }
}

fn class_weights(config: &RunConfig, data: &Datasets) -> Option<Vec<f32>> {
    match &config.loss.class_weights {
        ClassWeights::None => None,
        ClassWeights::List(weights) => Some(weights.iter().map(|weight| *weight as f32).collect()),
        ClassWeights::Balanced => Some(balanced_weights(&*data.train, data.task)),
    }
}

/// Inverse to the frequency of each class, with mean 1; in multi-label tasks negatives over positives.
fn balanced_weights(train: &dyn Dataset, task: Task) -> Vec<f32> {
    let mut counts = vec![0_usize; train.n_classes()];
    for label in (0..train.len()).filter_map(|index| train.label(index)) {
        for class in label.classes() {
            counts[*class] += 1;
        }
    }
    let total = train.len() as f32;
    let weight = |count: &usize| match task {
        Task::SingleLabel => total / (*count).max(1) as f32,
        Task::MultiLabel => (total - *count as f32) / (*count).max(1) as f32,
    };
    let weights: Vec<f32> = counts.iter().map(weight).collect();
    let mean = if task == Task::SingleLabel { weights.iter().sum::<f32>() / weights.len() as f32 } else { 1.0 };
    weights.into_iter().map(|weight| weight / mean).collect()
}

#[cfg(test)]
mod tests {
    use isnet_models::UnusedWeights;

    use super::*;

    #[test]
    fn the_file_of_a_plain_classifier_fills_the_trunk_whatever_its_head_is_called() {
        // The last map of a SqueezeNet comes after the convolution of its head, so all of the file has a place.
        for (name, left_out) in [("plain_cnn", 2), ("resnet18", 2), ("squeezenet1_1", 0)] {
            let plain = Architecture::new(name, 3, 1);
            let attended = Architecture { hierarchical_attention: true, ..plain.clone() };
            let [from, to] = [&plain, &attended].map(|it| build(it).expect("known"));
            let [from_params, mut to_params] =
                [(&from, 1), (&to, 2)].map(|(graph, seed)| Params::initialize(graph, seed, &Device::flex()));
            let mut tensors = export(&from, &from_params);
            let head = fill_attention((&to, &to_params), &mut tensors);
            assert_eq!(head.len(), left_out, "{name}: {head:?}");
            let report = load_into(&to, &mut to_params, &tensors.into(), UnusedWeights::Refuse);
            let report = report.expect("all that the model needs");
            assert!(report.head_replaced.is_empty(), "{name}");
            let first = |graph: &Graph, params: &Params| {
                let (id, _) = graph.params().next().expect("a convolution");
                params.flat(id).try_into_vec_as::<f32>().expect("f32")
            };
            assert_eq!(first(&to, &to_params), first(&from, &from_params), "{name}");
        }
    }
}
