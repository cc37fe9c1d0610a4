//! `segment_classify`: the pipeline of two networks that ISNet does without (METHOD §5). First a U-Net learns the masks; then it stands still, and a
//! classifier learns from the images that are black where the binarised map says background.
//!
//! Both are one graph ([`isnet_models::pipeline`]) and one run: in the first `segmenter_epochs` the loss is that of the map and the classifier is not even
//! run; after them it is L_class and the segmenter runs as in evaluation, so that neither its weights nor its statistics move. A segmenter that is
//! trained already leaves out the first part.
//!
//! Needs: masks, unless the segmenter is given, and the graph of a pipeline.

use isnet_graph::{Graph, NodeId, Part};
use isnet_run::RunConfig;

use super::segment::segmented;
use super::standard::classified;
use super::{Step, map_of};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// A segmenter before a classifier.
#[derive(Clone, Debug)]
pub struct SegmentClassify {
    /// The map of logits.
    pub map: NodeId,
    first: Part,
    second: Part,
}

impl SegmentClassify {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        let map = map_of(config, graph)?;
        let second = Part::to(graph, &[graph.logits()]).freezing(graph, &[map]);
        Ok(Self { map, first: Part::to(graph, &[map]), second })
    }

    /// The weight of a step is 1 while the segmenter learns, then 0.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        if step.weight > 0.0 {
            let trace = step.forward_part(&self.first);
            return Ok(segmented(trace, self.map, &step.batch.mask));
        }
        let trace = step.forward_part(&self.second);
        let classification = step.classify(&trace)?;
        Ok(classified(trace, classification))
    }
}

/// Epochs of the segmenter: none where it is given.
pub(crate) fn segmenter_epochs(config: &RunConfig) -> usize {
    let pipeline = &config.method.segment_classify;
    if pipeline.segmenter.is_some() { 0 } else { pipeline.segmenter_epochs }
}
