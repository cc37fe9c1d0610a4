//! `energy`, the energy loss of model guidance (Rao, Böhle, Parchami-Araghi and Schiele, ICCV 2023, arXiv 2303.11932, section 3.3):
//! `L = L_class + λ·(1 − Σ inside A⁺ / Σ A⁺)`.
//!
//! `A` is gradient × input of the label's logit, summed over the channels of the image, and `A⁺` its positive part: the share of positive evidence that
//! lies outside is what is punished, however it is spread inside, so that boxes do for masks. The paper also takes B-cos explanations, GradCAM and
//! hidden layers; here the map is that of the image. With several labels there is a map per class, and those that are present count, each sample's as
//! one.
//!
//! Needs: masks or boxes, and a graph whose every node relevance can pass.

use isnet_graph::Graph;
use isnet_kernels::expand_maps;
use isnet_lrp::{Composite, Plan, explain};

use super::Step;
use super::gain::{selector, shares};
use super::isnet::outputs;
use super::standard::classified;
use crate::error::TrainError;
use crate::objective::Evaluation;

/// The energy loss.
#[derive(Clone, Debug)]
pub struct Energy {
    /// Gradient × input.
    pub plan: Plan,
}

/// Keeps the share finite where nothing speaks for the label.
const TINY: f64 = 1e-10;

impl Energy {
    pub(super) fn new(graph: &Graph) -> Result<Self, TrainError> {
        Ok(Self { plan: Composite::gradient_times_input().plan(graph)? })
    }

    /// The weight of a step is λ.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let targets = &step.batch.targets;
        let seeds = selector(targets).seeds(trace.logits(), &outputs(targets), None)?;
        let shares = shares(targets, &seeds, &trace);
        let map = explain(step.graph, step.params, &trace, &self.plan, seeds.gradient.clone(), &[]).heatmap;
        let positive = map.sum_dim(3).clamp_min(0.0);
        let mask = |values| expand_maps(values, seeds.maps);
        let inside = positive.clone() * mask(step.batch.mask.foreground(positive.dtype()));
        let outside = positive.clone() * mask(step.batch.mask.background(positive.dtype()));
        let [inside, outside] = [inside, outside].map(|part| part.sum_dims(&[1, 2, 3]).reshape(shares.dims()));
        // What is neither inside nor outside, the margin of a mask, counts for neither. No evidence at all is none inside.
        let of_map = (inside.clone() / (inside + outside + TINY)).neg() + 1.0;
        let samples = step.batch.mask.len();
        let of_sample = (of_map * shares).reshape([samples, seeds.maps]).sum_dim(1).reshape([samples]);
        let energy = step.batch.mask.mean(of_sample);
        let total = classification.clone() + energy.clone() * step.weight;
        let (terms, explained) = (vec![("energy", energy)], seeds.explained);
        Ok(Evaluation { total, terms, explained, ..classified(trace, classification) })
    }
}
