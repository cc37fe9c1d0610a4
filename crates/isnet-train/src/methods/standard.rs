//! `standard`: the classifier alone. What every method is in its warm-up, and on a batch without masks.

use burn::tensor::Tensor;
use isnet_graph::Trace;

use super::Step;
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Forward, and the classification loss.
pub(super) fn evaluate(mut step: Step<'_>) -> Result<Evaluation, TrainError> {
    let trace = step.forward();
    let classification = step.classify(&trace)?;
    Ok(classified(trace, classification))
}

/// An evaluation whose loss is L_class and nothing else.
pub(super) fn classified(trace: Trace, classification: Tensor<1>) -> Evaluation {
    Evaluation {
        total: classification.clone(),
        classification: Some(classification),
        heatmap: None,
        terms: Vec::new(),
        relevance: None,
        explained: Vec::new(),
        trace,
    }
}
