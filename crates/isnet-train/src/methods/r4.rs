//! `r4`, robust feature attribution (arXiv 2506.19680) by search: `L = L_class + λ·Σ over the background of abs(∂ L_class / ∂ image)` at the image whose background is worst.
//!
//! `rrr` flattens the background at the training images and nowhere else; here the gradient is flat in a box around them too. The worst background within κ
//! is that of [`pgd_ex`](super::pgd_ex), and the sum over pixels and channels is averaged over the samples with a mask. This is the paper's variant by
//! projected gradient ascent ("PGD-R4"); its certified one bounds the gradient itself by intervals and is not here.
//!
//! Needs: masks, and a graph whose every node a gradient can pass.

use isnet_graph::{Graph, Mode};
use isnet_lrp::{Composite, Plan, gradient_at};
use isnet_run::RunConfig;
use isnet_run::config::R4Config;

use super::Step;
use super::pgd_ex::{Search, attacked, loss_gradient};
use super::standard::classified;
use crate::error::TrainError;
use crate::objective::Evaluation;

/// A flat background around every training image.
#[derive(Clone, Debug)]
pub struct R4 {
    /// The ordinary gradient.
    pub plan: Plan,
    /// κ and the number of steps.
    pub settings: R4Config,
}

impl R4 {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        Ok(Self { plan: Composite::gradient_times_input().plan(graph)?, settings: config.method.r4.clone() })
    }

    /// The weight of a step is λ.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let search = Search { radius: self.settings.radius, steps: self.settings.steps };
        let worst = attacked(&step, &self.plan, search)?;
        let there = step.graph.forward(step.params, worst, Mode::Evaluate);
        let seeds = loss_gradient(there.logits(), &step.batch.targets);
        let gradient = gradient_at((step.graph, step.params, &there), &self.plan, seeds, step.graph.input())?;
        let mask = &step.batch.mask;
        let outside = mask.background(gradient.dtype()).expand(gradient.dims());
        let sums = (gradient.abs() * outside).sum_dims(&[1, 2, 3]).reshape([mask.len()]);
        let slope = mask.mean(sums);
        let total = classification.clone() + slope.clone() * step.weight;
        Ok(Evaluation { total, terms: vec![("slope", slope)], ..classified(trace, classification) })
    }
}
