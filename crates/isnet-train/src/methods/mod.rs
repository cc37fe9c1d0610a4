//! The methods: each is one file that says what it computes in a step, and what of the model and the data it needs.
//!
//! All share trainer, batches, augmentation, optimizer, checkpoints and logs. METHOD §5 compares them.
//!
//! | name | file | loss |
//! |---|---|---|
//! | `standard` | [`standard`] | L_class |
//! | `background_exchange` | [`standard`] | L_class, of images on the backgrounds of others |
//! | `isnet` | [`isnet`] | `(1 − P)·L_class + P·L_heatmap` |
//! | `grad_input` | [`isnet`] | the same with gradient × input |
//! | `rrr` | [`rrr`] | `L_class + λ·Σ over the background of (∂ Σ_k ln P_k / ∂x)²` |
//! | `energy` | [`energy`] | `L_class + λ·(share of the positive evidence that lies outside)` |
//! | `tap` | [`tap`] | `L_class + λ·(squared activations on the background)` |
//! | `pgd_ex` | [`pgd_ex`] | `L_class + λ·max L_class(image with another background)` |
//! | `ibp_ex` | [`ibp_ex`] | `L_class + λ·L_class(bounds over all backgrounds within κ)` |
//! | `r4` | [`r4`] | `L_class + λ·Σ over the background of abs(∂ L_class / ∂x)`, at the worst background within κ |
//! | `gain` | [`gain`] | `L_class + α·P(label \| image without its attention) + w·(attention − mask)²` |
//! | `ham` | [`ham`] | `L_class + a·L_anomaly + m·L_mask + b·L_bound + u·L_union` |
//! | `attention_gated` | [`standard`] | L_class, of an [`isnet_models::ag_sononet`] |
//! | `multitask` | [`multitask`] | `(1 − P)·L_class + P·L_segmentation` |
//! | `segment` | [`segment`] | L_segmentation |
//! | `segment_classify` | [`segment_classify`] | L_segmentation, then L_class of the masked images |

pub mod energy;
pub mod gain;
pub mod ham;
pub mod ibp_ex;
pub mod isnet;
pub mod multitask;
pub mod pgd_ex;
pub mod r4;
pub mod rrr;
pub mod segment;
pub mod segment_classify;
pub mod standard;
pub mod tap;

use burn::tensor::{Tensor, TensorData};
use isnet_graph::{Graph, Mode, NodeId, Params, Part, Trace};
use isnet_kernels::{sigmoid, softmax_rows};
use isnet_loss::{ClassificationLoss, ForegroundRange, Targets};
use isnet_run::config::{ForegroundRange as ForegroundRangeConfig, MethodName, RunConfig};
use rand_chacha::ChaCha8Rng;

pub use energy::Energy;
pub use gain::Gain;
pub use ham::Ham;
pub use ibp_ex::IbpEx;
pub use isnet::HeatmapObjective;
pub use multitask::Multitask;
pub use pgd_ex::PgdEx;
pub use r4::R4;
pub use rrr::Rrr;
pub use segment::Segment;
pub use segment_classify::SegmentClassify;
pub use tap::Tap;

use crate::error::TrainError;
use crate::objective::{Batch, Evaluation, Phase};
use crate::schedule::method_share;
use segment_classify::segmenter_epochs;

/// What a model learns from beside the labels.
#[derive(Clone, Debug)]
pub enum Method {
    /// Nothing: the classifier alone.
    Standard,
    /// A loss on its own relevance: ISNet, or its ablation with gradient × input.
    Isnet(HeatmapObjective),
    /// A loss on its input gradient.
    Rrr(Rrr),
    /// A loss on the share of its positive evidence that lies outside.
    Energy(Energy),
    /// A loss on its activations on the background.
    Tap(Tap),
    /// A loss on images whose background is changed for the worst.
    PgdEx(PgdEx),
    /// A loss on the worst logits that a changed background can give.
    IbpEx(IbpEx),
    /// A loss on its gradient where the background is changed for the worst.
    R4(R4),
    /// Two losses on its Grad-CAM.
    Gain(Gain),
    /// Losses on its hierarchical attention.
    Ham(Ham),
    /// A segmentation loss beside the classification.
    Multitask(Multitask),
    /// A segmentation loss alone.
    Segment(Segment),
    /// A segmentation loss first, then the classification of what is left of the image.
    SegmentClassify(SegmentClassify),
}

/// A batch with all that a method may use on it.
pub struct Step<'a> {
    /// The model.
    pub graph: &'a Graph,
    /// Its parameters, tracked where they learn.
    pub params: &'a Params,
    /// Images, masks, labels.
    pub batch: &'a Batch,
    /// Loss on the logits.
    pub classification: &'a ClassificationLoss,
    /// Weight of the method's own terms now, from 0 in a warm-up to [`weight`].
    pub weight: f64,
    /// Whether they are left out at this step for a later one to make up for ([`rests`]).
    pub rests: bool,
    /// Whether the forward pass learns.
    pub phase: Phase,
    /// For dropout, then the selector.
    pub rng: &'a mut ChaCha8Rng,
}

impl Method {
    /// The method of a configuration on a graph; `range` is C1 and C2, which a calibration may have measured.
    ///
    /// # Errors
    /// [`TrainError`] naming what the graph lacks.
    pub fn new(config: &RunConfig, graph: &Graph, range: ForegroundRange) -> Result<Self, TrainError> {
        match config.method.name {
            MethodName::Standard | MethodName::BackgroundExchange | MethodName::AttentionGated => Ok(Self::Standard),
            MethodName::Isnet | MethodName::GradInput => Ok(Self::Isnet(HeatmapObjective::new(config, graph, range)?)),
            MethodName::Rrr => Ok(Self::Rrr(Rrr::new(graph)?)),
            MethodName::Energy => Ok(Self::Energy(Energy::new(graph)?)),
            MethodName::Tap => Ok(Self::Tap(Tap::new(config, graph)?)),
            MethodName::PgdEx => Ok(Self::PgdEx(PgdEx::new(config, graph)?)),
            MethodName::IbpEx => Ok(Self::IbpEx(IbpEx::new(config, graph)?)),
            MethodName::R4 => Ok(Self::R4(R4::new(config, graph)?)),
            MethodName::Gain => Ok(Self::Gain(Gain::new(config, graph)?)),
            MethodName::Ham => Ok(Self::Ham(Ham::new(config, graph)?)),
            MethodName::Multitask => Ok(Self::Multitask(Multitask::new(config, graph)?)),
            MethodName::Segment => Ok(Self::Segment(Segment::new(config, graph)?)),
            MethodName::SegmentClassify => Ok(Self::SegmentClassify(SegmentClassify::new(config, graph)?)),
        }
    }

    /// The loss of a batch.
    pub(crate) fn evaluate(&self, step: Step<'_>) -> Result<Evaluation, TrainError> {
        match self {
            Self::Standard => standard::evaluate(step),
            Self::Isnet(heatmap) => heatmap.evaluate(step),
            Self::Rrr(rrr) => rrr.evaluate(step),
            Self::Energy(energy) => energy.evaluate(step),
            Self::Tap(tap) => tap.evaluate(step),
            Self::PgdEx(pgd_ex) => pgd_ex.evaluate(step),
            Self::IbpEx(ibp_ex) => ibp_ex.evaluate(step),
            Self::R4(r4) => r4.evaluate(step),
            Self::Gain(gain) => gain.evaluate(step),
            Self::Ham(ham) => ham.evaluate(step),
            Self::Multitask(multitask) => multitask.evaluate(step),
            Self::Segment(segment) => Ok(segment.evaluate(step)),
            Self::SegmentClassify(pipeline) => pipeline.evaluate(step),
        }
    }

    /// The loss on relevance, of the methods that have one.
    pub fn heatmap(&self) -> Option<&HeatmapObjective> {
        match self {
            Self::Isnet(heatmap) => Some(heatmap),
            _ => None,
        }
    }

    /// [`Method::heatmap`], to change its range.
    pub fn heatmap_mut(&mut self) -> Option<&mut HeatmapObjective> {
        match self {
            Self::Isnet(heatmap) => Some(heatmap),
            _ => None,
        }
    }
}

/// Weight of a method's own terms once its warm-up is over; 0 for those that have none.
pub fn weight(config: &RunConfig) -> f64 {
    match config.method.name {
        MethodName::Standard | MethodName::BackgroundExchange | MethodName::AttentionGated => 0.0,
        MethodName::Isnet | MethodName::GradInput => config.loss.heatmap_loss_weight,
        MethodName::Rrr => config.method.rrr.weight,
        MethodName::Energy => config.method.energy.weight,
        MethodName::Tap => config.method.tap.weight,
        MethodName::PgdEx => config.method.pgd_ex.weight,
        MethodName::IbpEx => config.method.ibp_ex.weight,
        MethodName::R4 => config.method.r4.weight,
        MethodName::Multitask => config.method.multitask.segmentation_weight,
        MethodName::Gain | MethodName::Ham | MethodName::Segment => 1.0,
        MethodName::SegmentClassify => f64::from(u8::from(segmenter_epochs(config) > 0)),
    }
}

/// The weight at a step, counted from 0; `start` is the first epoch that may not be classification alone.
pub fn weight_at(config: &RunConfig, start: usize, steps_per_epoch: usize, step: usize) -> f64 {
    let share = match config.method.name {
        MethodName::SegmentClassify => f64::from(u8::from(step < segmenter_epochs(config) * steps_per_epoch)),
        MethodName::Segment => 1.0,
        _ => method_share(
            config.loss.heatmap_loss_schedule,
            first_epoch(config, start) * steps_per_epoch,
            steps_per_epoch,
            step,
        ),
    };
    weight(config) * share
}

/// Whether the heatmap loss is left out at a step, counted from 0: in all but every k-th (`loss.heatmap_loss_every`).
pub fn rests(config: &RunConfig, step: usize) -> bool {
    config.method.name.has_heatmap_loss() && !(step + 1).is_multiple_of(config.loss.heatmap_loss_every)
}

/// Whether masks have a say in what is learned.
pub fn learns_from_masks(config: &RunConfig) -> bool {
    weight(config) > 0.0 || config.data.augment.exchange_background > 0.0
}

/// Whether the classifier itself is to ignore the background, so that its epoch is chosen by how far it does.
pub fn asks_for_trust(config: &RunConfig) -> bool {
    let looks_at_masks = match config.method.name {
        MethodName::Isnet
        | MethodName::GradInput
        | MethodName::Rrr
        | MethodName::Energy
        | MethodName::Tap
        | MethodName::PgdEx
        | MethodName::IbpEx
        | MethodName::R4
        | MethodName::Gain
        | MethodName::Ham => true,
        MethodName::Standard
        | MethodName::BackgroundExchange
        | MethodName::AttentionGated
        | MethodName::Multitask
        | MethodName::Segment
        | MethodName::SegmentClassify => false,
    };
    looks_at_masks || config.data.augment.exchange_background > 0.0
}

/// The first epoch, from 0, that is the method and not its warm-up, calibration or segmenter.
///
/// `start` is `method.start_epoch` ([`RunConfig::start_epoch`]) as the run was begun with it.
pub fn first_epoch(config: &RunConfig, start: usize) -> usize {
    match config.method.name {
        MethodName::Standard | MethodName::BackgroundExchange | MethodName::AttentionGated | MethodName::Segment => 0,
        MethodName::Isnet | MethodName::GradInput => match config.loss.foreground_range {
            ForegroundRangeConfig::Calibrate => start.max(config.loss.calibration_epochs),
            ForegroundRangeConfig::Fixed { .. } => start,
        },
        MethodName::Rrr
        | MethodName::Energy
        | MethodName::Tap
        | MethodName::PgdEx
        | MethodName::IbpEx
        | MethodName::R4
        | MethodName::Gain
        | MethodName::Ham
        | MethodName::Multitask => start,
        MethodName::SegmentClassify => segmenter_epochs(config),
    }
}

/// The map of a graph that segments.
fn map_of(config: &RunConfig, graph: &Graph) -> Result<NodeId, TrainError> {
    let absent = || TrainError::NoMap { architecture: config.model.architecture.clone() };
    graph.segmentation().ok_or_else(absent)
}

/// Numbers that no gradient reaches, on the device and in the type of `like`.
fn constant<const D: usize, const E: usize>(values: Vec<f32>, dims: [usize; D], like: &Tensor<E>) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, dims), (&like.device().inner(), like.dtype()))
}

/// 1 at the chosen column of each row, else 0.
fn one_hot(chosen: &[usize], like: &Tensor<2>) -> Tensor<2> {
    let mut values = vec![0.0_f32; chosen.len() * like.dims()[1]];
    chosen.iter().enumerate().for_each(|(row, class)| values[row * like.dims()[1] + class] = 1.0);
    constant(values, like.dims(), like)
}

/// What the logits say: a softmax, or a sigmoid for each of several labels.
fn probabilities(logits: Tensor<2>, targets: &Targets) -> Tensor<2> {
    match targets {
        Targets::SingleLabel(_) => softmax_rows(logits),
        Targets::MultiLabel(_) => sigmoid(logits),
    }
}

/// 1 for each class that is right, else 0, as `like`.
fn truth(targets: &Targets, like: &Tensor<2>) -> Tensor<2> {
    match targets {
        Targets::SingleLabel(labels) => one_hot(labels, like),
        Targets::MultiLabel(labels) => constant(labels.concat(), like.dims(), like),
    }
}

/// Each map stretched to 0…1 over its places, `[N, H, W, C]`; one that is the same everywhere is 0.
fn stretched(maps: Tensor<4>) -> Tensor<4> {
    let [rows, height, width, channels] = maps.dims();
    let flat = maps.reshape([rows, height * width, channels]);
    let low = flat.clone().min_dim(1);
    let range = flat.clone().max_dim(1) - low.clone();
    ((flat - low) / (range + 1e-8)).reshape([rows, height, width, channels])
}

impl Step<'_> {
    /// The forward pass of the whole graph.
    fn forward(&mut self) -> Trace {
        self.forward_of(self.batch.image.clone())
    }

    /// The forward pass of other images.
    fn forward_of(&mut self, image: Tensor<4>) -> Trace {
        self.run(image, &Part::all(self.graph))
    }

    /// The forward pass of a part of the graph.
    fn forward_part(&mut self, part: &Part) -> Trace {
        self.run(self.batch.image.clone(), part)
    }

    fn run(&mut self, image: Tensor<4>, part: &Part) -> Trace {
        let mode = match self.phase {
            Phase::Train => Mode::Train(self.rng),
            Phase::Evaluate => Mode::Evaluate,
        };
        self.graph.forward_part(self.params, image, mode, part)
    }

    /// L_class of a forward pass.
    fn classify(&self, trace: &Trace) -> Result<Tensor<1>, TrainError> {
        Ok(self.classification.forward(trace.logits(), &self.batch.targets)?)
    }

    /// Whether the method's own terms count, which need masks.
    fn counts(&self) -> bool {
        self.weight > 0.0 && self.batch.mask.count() > 0
    }
}
