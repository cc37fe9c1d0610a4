//! `segment`: a U-Net that learns the masks and nothing else; `isnet segment train`.
//!
//! Needs: masks, and a graph whose output is a map. No labels.

use isnet_graph::{Graph, NodeId, Trace};
use isnet_loss::{Mask, segmentation_loss};
use isnet_run::RunConfig;

use super::{Step, map_of};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// A segmenter.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The map of logits.
    pub map: NodeId,
}

impl Segment {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        Ok(Self { map: map_of(config, graph)? })
    }

    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Evaluation {
        let trace = step.forward();
        segmented(trace, self.map, &step.batch.mask)
    }
}

/// An evaluation whose loss is that of the map and nothing else.
pub(super) fn segmented(trace: Trace, map: NodeId, mask: &Mask) -> Evaluation {
    let segmentation = segmentation_loss(&trace.activation(map), mask);
    Evaluation {
        total: segmentation.total.clone(),
        classification: None,
        heatmap: None,
        terms: vec![("segmentation", segmentation.total), ("dice_loss", segmentation.dice)],
        relevance: None,
        explained: Vec::new(),
        trace,
    }
}
