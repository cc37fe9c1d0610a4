//! `rrr`, right for the right reasons (Ross, Hughes and Doshi-Velez, 2017, eq. 3): `L = L_class + λ·Σ over the background of (∂ Σ_k ln P_k / ∂x)²`.
//!
//! The gradient is the relevance walk with ε = 0 seeded with `∂ Σ_k ln P_k / ∂logits`, so Burn differentiates once; batch statistics are constants
//! of the walk. The sum over a sample's background pixels and channels is averaged over the samples with a mask, as L_class is over all. With labels
//! that do not exclude each other, both outcomes of each label count: `Σ_k ln P_k + ln(1 − P_k)`.
//!
//! Needs: masks, and a graph whose every node relevance can pass.

use burn::tensor::Tensor;
use isnet_graph::Graph;
use isnet_kernels::{sigmoid, softmax_rows};
use isnet_loss::{Mask, Targets};
use isnet_lrp::{Composite, Plan, gradient_at};

use super::Step;
use super::standard::classified;
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Right for the right reasons.
#[derive(Clone, Debug)]
pub struct Rrr {
    /// The ordinary gradient.
    pub plan: Plan,
}

impl Rrr {
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
        let seeds = log_probability_gradient(trace.logits(), &step.batch.targets);
        let gradient = gradient_at((step.graph, step.params, &trace), &self.plan, seeds, step.graph.input())?;
        let reasons = squared_background(gradient, &step.batch.mask);
        let total = classification.clone() + reasons.clone() * step.weight;
        Ok(Evaluation { total, terms: vec![("reasons", reasons)], ..classified(trace, classification) })
    }
}

/// `∂ Σ_k ln P_k / ∂logits`: `1 − K·P` of a softmax; `1 − 2·P` of sigmoids, both outcomes of which count.
fn log_probability_gradient(logits: Tensor<2>, targets: &Targets) -> Tensor<2> {
    let n_classes = logits.dims()[1] as f64;
    let scaled = match targets {
        Targets::SingleLabel(_) => softmax_rows(logits) * n_classes,
        Targets::MultiLabel(_) => sigmoid(logits) * 2.0,
    };
    scaled.neg() + 1.0
}

/// Sum of squares over the background of each sample, averaged over those with a mask.
fn squared_background(gradient: Tensor<4>, mask: &Mask) -> Tensor<1> {
    let rows = gradient.dims()[0];
    let outside = mask.background(gradient.dtype());
    mask.mean((gradient.square() * outside).sum_dims(&[1, 2, 3]).reshape([rows]))
}
