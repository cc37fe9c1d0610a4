//! Relevance maps of a batch of images.

use burn::tensor::Tensor;
use isnet_data::{Image, Task};
use isnet_eval::evaluate::explaining_plan;
use isnet_graph::{Mode, Params};
use isnet_lrp::{OutputSelector, Outputs, Plan, Target, explain};

use crate::error::{AuditError, Result};
use crate::subject::{Subject, highest};
use crate::verdict::Missing;

/// Images in an explained batch: a trace keeps every activation.
const BATCH: usize = 16;

/// The relevance of one image, for the log-odds of one class.
pub(crate) struct Map {
    /// `[H, W, C]`.
    pub values: Vec<f32>,
    /// The class that is explained.
    pub class: usize,
    /// All logits, `[K]`.
    pub logits: Vec<f32>,
}

impl Map {
    /// Relevance of each pixel, summed over channels, `[H, W]`.
    pub fn summed(&self, channels: usize) -> Vec<f32> {
        self.values.chunks_exact(channels).map(|pixel| pixel.iter().sum()).collect()
    }
}

/// Explains images with one set of weights.
pub(crate) struct Explainer<'a> {
    subject: &'a Subject<'a>,
    plan: Plan,
}

impl<'a> Explainer<'a> {
    /// With ISNet's rules, or without z^B where the graph has no first layer for it; what is missing where neither can be.
    pub fn new(subject: &'a Subject<'a>) -> std::result::Result<Self, Missing> {
        match explaining_plan(subject.model) {
            Ok(plan) => Ok(Self { subject, plan }),
            Err(error) => Err(Missing::Explanation { reason: error.to_string() }),
        }
    }

    /// A map per image: of the log-odds of the most probable class, or of the given class each.
    pub fn maps(&self, params: &Params, images: &[&Image], classes: Option<&[usize]>) -> Result<Vec<Map>> {
        let mut maps = Vec::with_capacity(images.len());
        for (batch, start) in images.chunks(BATCH).zip((0..).step_by(BATCH)) {
            let graph = &self.subject.model.graph;
            let trace = graph.forward(params, self.subject.tensor(batch), Mode::Evaluate);
            let target = if classes.is_some() { Target::Label } else { Target::Highest };
            let labels = classes.map(|classes| &classes[start..start + batch.len()]);
            let outputs = Outputs { labels, multi_label: self.subject.model.task == Task::MultiLabel };
            let seeds = OutputSelector::log_odds(target).seeds(trace.logits(), &outputs, None)?;
            let heatmap = explain(graph, params, &trace, &self.plan, seeds.gradient, &[]).heatmap;
            let (values, logits) = (numbers(heatmap)?, numbers(trace.logits())?);
            let values = values.chunks_exact(values.len() / batch.len());
            let logits = logits.chunks_exact(logits.len() / batch.len());
            for ((values, logits), class) in values.zip(logits).zip(seeds.explained) {
                maps.push(Map { values: values.to_vec(), class, logits: logits.to_vec() });
            }
        }
        Ok(maps)
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as().map_err(|error| AuditError::Device(error.to_string()))
}

/// Place of the largest value, the first of equals.
pub(crate) fn maximum(values: &[f32]) -> usize {
    highest(values)
}
