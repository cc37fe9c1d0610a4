//! What a training step minimizes: `L = (1 − P)·L_class + P·L_heatmap` (METHOD §1).

use burn::tensor::Tensor;
use isnet_graph::{Graph, Mode, NodeId, Params, Trace};
use isnet_loss::{ClassificationLoss, HeatmapLoss, HeatmapTerms, Mask, Targets, heatmap_loss, pool_over_nodes};
use isnet_lrp::{OutputSelector, Outputs, Plan, Relevance, Seeds, explain};
use rand_chacha::ChaCha8Rng;

use crate::error::TrainError;

/// The loss of a method, made once per run.
#[derive(Clone, Debug)]
pub struct Objective {
    /// Loss on the logits.
    pub classification: ClassificationLoss,
    /// Loss on the relevance; `None` for the plain classifier.
    pub heatmap: Option<HeatmapObjective>,
}

/// The loss on relevance.
#[derive(Clone, Debug)]
pub struct HeatmapObjective {
    /// Rule of every node.
    pub plan: Plan,
    /// What is explained.
    pub selector: OutputSelector,
    /// Terms and weights.
    pub loss: HeatmapLoss,
    /// Deep supervision: the decay of the pooling over supervised nodes; `None` looks at the image only.
    pub lds_decay: Option<f64>,
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

/// What the objective found in one batch.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The scalar `[1]` to differentiate.
    pub total: Tensor<1>,
    /// L_class.
    pub classification: Tensor<1>,
    /// L_heatmap and its parts, where it was asked for.
    pub heatmap: Option<HeatmapTerms>,
    /// The relevance behind it.
    pub relevance: Option<Relevance>,
    /// Which output each map explains.
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
    /// Runs the model forward, explains it, and sums the losses.
    ///
    /// `heatmap_weight` is P; with 0 (a warm-up), or when no sample has a mask, the heatmap is not computed and the loss is L_class alone.
    ///
    /// # Errors
    /// [`TrainError`] if a label or selector does not fit the model.
    pub fn evaluate(
        &self,
        (graph, params): (&Graph, &Params),
        batch: &Batch,
        heatmap_weight: f64,
        phase: Phase,
        rng: &mut ChaCha8Rng,
    ) -> Result<Evaluation, TrainError> {
        let mode = match phase {
            Phase::Train => Mode::Train(rng),
            Phase::Evaluate => Mode::Evaluate,
        };
        let trace = graph.forward(params, batch.image.clone(), mode);
        let classification = self.classification.forward(trace.logits(), &batch.targets)?;
        let Some(objective) = self.heatmap.as_ref().filter(|_| heatmap_weight > 0.0 && batch.mask.count() > 0) else {
            let total = classification.clone();
            return Ok(Evaluation { total, classification, heatmap: None, relevance: None, explained: vec![], trace });
        };
        let seeds = objective.selector.seeds(trace.logits(), &outputs(&batch.targets), Some(rng))?;
        let Seeds { gradient, maps, explained } = seeds;
        let supervised: &[NodeId] = if objective.lds_decay.is_some() { graph.supervised() } else { &[] };
        let relevance = explain(graph, params, &trace, &objective.plan, gradient, supervised);
        let heatmap = objective.terms(&relevance, &batch.mask, maps);
        let total = classification.clone() * (1.0 - heatmap_weight) + heatmap.total.clone() * heatmap_weight;
        Ok(Evaluation { total, classification, heatmap: Some(heatmap), relevance: Some(relevance), explained, trace })
    }
}

impl HeatmapObjective {
    fn terms(&self, relevance: &Relevance, mask: &Mask, maps: usize) -> HeatmapTerms {
        let image = heatmap_loss(&relevance.heatmap, mask, maps, &self.loss);
        match self.lds_decay {
            None => image,
            Some(decay) => {
                let hidden = relevance.hidden.iter().map(|map| heatmap_loss(map, mask, maps, &self.loss));
                pool_over_nodes(std::iter::once(image).chain(hidden).collect(), decay)
            }
        }
    }
}

fn outputs(targets: &Targets) -> Outputs<'_> {
    match targets {
        Targets::SingleLabel(labels) => Outputs::single_label(Some(labels)),
        Targets::MultiLabel(_) => Outputs::multi_label(),
    }
}
