//! What a training step minimizes: the classification loss and what the method adds to it.

use burn::tensor::Tensor;
use isnet_graph::{Graph, Params, Trace};
use isnet_loss::{ClassificationLoss, HeatmapTerms, Mask, Targets};
use isnet_lrp::Relevance;
use rand_chacha::ChaCha8Rng;

use crate::error::TrainError;
use crate::methods::{Method, Step};

/// The loss of a run, made once.
#[derive(Clone, Debug)]
pub struct Objective {
    /// Loss on the logits.
    pub classification: ClassificationLoss,
    /// What is trained, and by which further terms.
    pub method: Method,
}

/// A batch on the device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[N, H, W, C]`.
    pub image: Tensor<4>,
    /// Region of interest of each sample.
    pub mask: Mask,
    /// The truth.
    pub targets: Targets,
}

/// How much the method's own terms count at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// Against, or beside, the classification; P of ISNet.
    pub weight: f64,
    /// Whether they are left out at this step for a later one to make up for.
    pub rests: bool,
}

impl From<f64> for Weight {
    fn from(weight: f64) -> Self {
        Self { weight, rests: false }
    }
}

/// What the objective found in one batch.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The scalar `[1]` to differentiate.
    pub total: Tensor<1>,
    /// L_class, where the method classifies.
    pub classification: Option<Tensor<1>>,
    /// L_heatmap and its parts, where it was asked for.
    pub heatmap: Option<HeatmapTerms>,
    /// Further terms by the name they have in the log, unweighted.
    pub terms: Vec<(&'static str, Tensor<1>)>,
    /// The relevance behind the heatmap loss.
    pub relevance: Option<Relevance>,
    /// Which output each map explains; none where maps explain all outputs at once.
    pub explained: Vec<usize>,
    /// The forward pass.
    pub trace: Trace,
}

/// Whether the forward pass uses batch statistics and dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Batch statistics, dropout.
    Train,
    /// Running statistics.
    Evaluate,
}

impl Objective {
    /// Runs the model forward and sums the losses of the method.
    ///
    /// `weight` is that of the method's own terms at this step, P of ISNet, or a [`Weight`]. With 0 (a warm-up), or when no sample has a mask that
    /// the terms need, they are not computed and the loss is L_class alone.
    ///
    /// # Errors
    /// [`TrainError`] if a label or selector does not fit the model.
    pub fn evaluate(
        &self,
        (graph, params): (&Graph, &Params),
        batch: &Batch,
        weight: impl Into<Weight>,
        phase: Phase,
        rng: &mut ChaCha8Rng,
    ) -> Result<Evaluation, TrainError> {
        let (classification, Weight { weight, rests }) = (&self.classification, weight.into());
        self.method.evaluate(Step { graph, params, batch, classification, weight, rests, phase, rng })
    }
}
