//! `pgd_ex`, robustness to changes of the background (Heo, Piratla, Wicker and Weller, NeurIPS 2023, arXiv 2303.06419, section 3):
//! `L = L_class + λ·max L_class(image + δ on the background)` over `abs(δ) ≤ κ`.
//!
//! The worst `δ` is looked for by projected gradient ascent from 0: `steps` steps of `2.5·κ/steps` along the sign of the gradient, images kept in [0, 1]. It
//! is that of the classifier as it predicts, with running statistics. Samples without a mask are left as they are.
//!
//! Needs: masks, and a graph whose every node a gradient can pass.

use burn::tensor::Tensor;
use isnet_graph::{Graph, Mode, Params};
use isnet_loss::Targets;
use isnet_lrp::{Composite, Plan, gradient_at};
use isnet_run::RunConfig;
use isnet_run::config::PgdExConfig;

use super::standard::classified;
use super::{Step, constant, probabilities, truth};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Robustness to changes of the background.
#[derive(Clone, Debug)]
pub struct PgdEx {
    /// The ordinary gradient.
    pub plan: Plan,
    /// κ and the number of steps.
    pub settings: PgdExConfig,
}

impl PgdEx {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        Ok(Self { plan: Composite::gradient_times_input().plan(graph)?, settings: config.method.pgd_ex.clone() })
    }

    /// The weight of a step is λ.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let search = Search { radius: self.settings.radius, steps: self.settings.steps };
        let attacked = attacked(&step, &self.plan, search)?;
        let again = step.forward_of(attacked);
        let robust = step.classify(&again)?;
        let total = classification.clone() + robust.clone() * step.weight;
        Ok(Evaluation { total, terms: vec![("robust", robust)], ..classified(trace, classification) })
    }
}

/// How far and how long the worst background is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// κ.
    pub radius: f64,
    /// Number of steps.
    pub steps: usize,
}

/// The images with the background, within κ of their own, that the classifier likes least.
pub(super) fn attacked(step: &Step<'_>, plan: &Plan, search: Search) -> Result<Tensor<4>, TrainError> {
    let image = step.batch.image.clone().detach();
    let region = changeable(step);
    let params = step.params.values().iter().map(|value| value.clone().detach()).collect();
    let params = Params::from_tensors(step.graph, params);
    let Search { radius, steps } = search;
    let moved = |delta: &Tensor<4>| (image.clone() + delta.clone() * region.clone()).clamp(0.0, 1.0);
    let mut delta = image.zeros_like();
    for _ in 0..steps {
        let trace = step.graph.forward(&params, moved(&delta), Mode::Evaluate);
        let seeds = loss_gradient(trace.logits(), &step.batch.targets);
        let gradient = gradient_at((step.graph, &params, &trace), plan, seeds, step.graph.input())?;
        let along = gradient.detach().sign() * (2.5 * radius / steps as f64);
        delta = (delta + along).clamp(-radius, radius);
    }
    Ok(moved(&delta))
}

/// 1 where a pixel may be changed: on the background of samples whose mask is known. `[N, H, W, C]`.
pub(super) fn changeable(step: &Step<'_>) -> Tensor<4> {
    let (image, mask) = (&step.batch.image, &step.batch.mask);
    let known: Vec<f32> = mask.known().iter().map(|known| f32::from(u8::from(*known))).collect();
    let known = constant(known, [mask.len(), 1, 1, 1], image);
    mask.background(image.dtype()).expand(image.dims()) * known.expand(image.dims())
}

/// `∂ L_class / ∂logits` of each sample: probabilities less the truth, which of several labels count as one.
pub(super) fn loss_gradient(logits: Tensor<2>, targets: &Targets) -> Tensor<2> {
    let (right, n_classes) = (truth(targets, &logits), logits.dims()[1] as f64);
    let difference = probabilities(logits, targets) - right;
    match targets {
        Targets::SingleLabel(_) => difference,
        Targets::MultiLabel(_) => difference / n_classes,
    }
}
