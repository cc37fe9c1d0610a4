//! The methods: each is one file that says what it computes in a step, and what of the model and the data it needs.
//!
//! All share trainer, batches, augmentation, optimizer, checkpoints and logs. METHOD §5 compares them.
//!
//! | name | file | loss |
//! |---|---|---|
//! | `standard` | [`standard`] | L_class |
//! | `isnet` | [`isnet`] | `(1 − P)·L_class + P·L_heatmap` |
//! | `grad_input` | [`isnet`] | the same with gradient × input |

pub mod isnet;
pub mod standard;

use burn::tensor::Tensor;
use isnet_graph::{Graph, Mode, Params, Trace};
use isnet_loss::{ClassificationLoss, ForegroundRange};
use isnet_run::config::{MethodName, RunConfig};
use rand_chacha::ChaCha8Rng;

pub use isnet::HeatmapObjective;

use crate::error::TrainError;
use crate::objective::{Batch, Evaluation, Phase};

/// What a model learns from beside the labels.
#[derive(Clone, Debug)]
pub enum Method {
    /// Nothing: the classifier alone.
    Standard,
    /// A loss on its own relevance: ISNet, or its ablation with gradient × input.
    Isnet(HeatmapObjective),
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
            MethodName::Standard => Ok(Self::Standard),
            MethodName::Isnet | MethodName::GradInput => Ok(Self::Isnet(HeatmapObjective::new(config, graph, range)?)),
        }
    }

    /// The loss of a batch.
    pub(crate) fn evaluate(&self, step: Step<'_>) -> Result<Evaluation, TrainError> {
        match self {
            Self::Standard => standard::evaluate(step),
            Self::Isnet(heatmap) => heatmap.evaluate(step),
        }
    }

    /// The loss on relevance, of the methods that have one.
    pub fn heatmap(&self) -> Option<&HeatmapObjective> {
        match self {
            Self::Isnet(heatmap) => Some(heatmap),
            Self::Standard => None,
        }
    }

    /// [`Method::heatmap`], to change its range.
    pub fn heatmap_mut(&mut self) -> Option<&mut HeatmapObjective> {
        match self {
            Self::Isnet(heatmap) => Some(heatmap),
            Self::Standard => None,
        }
    }
}

/// Weight of a method's own terms once its warm-up is over; 0 for those that have none.
pub fn weight(config: &RunConfig) -> f64 {
    match config.method.name {
        MethodName::Standard => 0.0,
        MethodName::Isnet | MethodName::GradInput => config.loss.heatmap_loss_weight,
    }
}

impl Step<'_> {
    /// The forward pass of the whole graph.
    fn forward(&mut self) -> Trace {
        let mode = match self.phase {
            Phase::Train => Mode::Train(self.rng),
            Phase::Evaluate => Mode::Evaluate,
        };
        self.graph.forward(self.params, self.batch.image.clone(), mode)
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
