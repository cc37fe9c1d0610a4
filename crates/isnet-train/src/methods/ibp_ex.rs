//! `ibp_ex`, certified robustness to changes of the background (Heo, Piratla, Wicker and Weller, NeurIPS 2023, arXiv 2303.06419, section 3):
//! `L = L_class + λ·L_class(worst logits)`.
//!
//! The worst logits are bounds ([`Graph::logit_bounds`]) over all images that differ from the given one by at most κ on the background: the lower bound of
//! what is right, the upper bounds of what is not. Unlike `pgd_ex` nothing is searched for, and no background can be worse. Bounds use running statistics.
//! They are wide at first: a ramp (`loss.heatmap_loss_schedule`) or a small κ lets the classifier learn before.
//!
//! Needs: masks, and a graph of affine and monotone nodes.

use burn::tensor::Tensor;
use isnet_graph::Graph;
use isnet_graph::bounds::Bounds;
use isnet_loss::Targets;
use isnet_run::RunConfig;
use isnet_run::config::IbpExConfig;

use super::pgd_ex::changeable;
use super::standard::classified;
use super::{Step, truth};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Certified robustness to changes of the background.
#[derive(Clone, Debug)]
pub struct IbpEx {
    /// κ.
    pub settings: IbpExConfig,
}

impl IbpEx {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        graph.check_bounds()?;
        Ok(Self { settings: config.method.ibp_ex.clone() })
    }

    /// The weight of a step is λ.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let reach = changeable(&step) * self.settings.radius;
        let image = step.batch.image.clone();
        let images =
            Bounds { lower: (image.clone() - reach.clone()).clamp(0.0, 1.0), upper: (image + reach).clamp(0.0, 1.0) };
        let bounds = step.graph.logit_bounds(step.params, images)?;
        let worst = worst(bounds, &step.batch.targets);
        let certified = step.classification.forward(worst, &step.batch.targets)?;
        let total = classification.clone() + certified.clone() * step.weight;
        Ok(Evaluation { total, terms: vec![("certified", certified)], ..classified(trace, classification) })
    }
}

/// The lower bounds of what is right, the upper bounds of what is not.
fn worst(bounds: Bounds<2>, targets: &Targets) -> Tensor<2> {
    let right = truth(targets, &bounds.lower);
    bounds.lower * right.clone() + bounds.upper * (right.neg() + 1.0)
}
