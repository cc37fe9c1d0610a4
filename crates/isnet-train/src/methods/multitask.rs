//! `multitask`: a U-Net whose bottleneck feeds a classification head, `L = (1 − P)·L_class + P·L_segmentation` (METHOD §5).
//!
//! The segmentation loss is that of [`isnet_loss::segmentation`]; it needs the way up, which a classification at run time leaves out.
//!
//! Needs: masks, and a graph with logits and a map.

use isnet_graph::{Graph, NodeId};
use isnet_loss::segmentation_loss;
use isnet_run::RunConfig;

use super::standard::classified;
use super::{Step, map_of};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// A classifier that segments as well.
#[derive(Clone, Debug)]
pub struct Multitask {
    /// The map of logits.
    pub map: NodeId,
}

impl Multitask {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        Ok(Self { map: map_of(config, graph)? })
    }

    /// The weight of a step is P.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let segmentation = segmentation_loss(&trace.activation(self.map), &step.batch.mask);
        let total = classification.clone() * (1.0 - step.weight) + segmentation.total.clone() * step.weight;
        let terms = vec![("segmentation", segmentation.total), ("dice_loss", segmentation.dice)];
        Ok(Evaluation { total, terms, ..classified(trace, classification) })
    }
}
