//! A model's predictions on a data set, with the share of its relevance on the background.

use std::cell::LazyCell;
use std::sync::Arc;

use burn::tensor::Tensor;
use isnet_data::{Batch, Dataset, Label, Loader};
use isnet_graph::Predictor;
use isnet_kernels::{sigmoid, softmax_rows};
use isnet_lrp::{Composite, FirstLayer, OutputSelector, Plan, Target};
use isnet_run::Model;

use crate::EvalError;
use crate::explained::{Explained, mask_verdict};
use isnet_statistics::{Predictions, decimal};

/// Whether an evaluation explains each prediction to measure the background share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Yes, wherever there is a mask.
    Predicted,
    /// No; faster.
    No,
}

/// The composite to explain a trained model with: ISNet's, or without z^B where the graph has no first layer for it.
pub fn explaining_plan(model: &Model) -> Result<Plan, EvalError> {
    let isnet = Composite::isnet();
    let plain = Composite { first_layer: FirstLayer::TimesInput, ..isnet };
    Ok(isnet.plan(&model.graph).or_else(|_| plain.plan(&model.graph))?)
}

/// Predicts every sample of a data set; `split` is the name that the predictions carry.
///
/// The background share is that of the log-odds of the most probable class ([`OutputSelector::log_odds`]); samples whose mask says nothing have
/// none. `progress` is told how many samples are done.
///
/// # Errors
/// [`EvalError`] if a sample cannot be read or the model cannot be explained.
pub fn evaluate(
    model: &Model,
    dataset: &Arc<dyn Dataset>,
    split: &str,
    explaining: Explain,
    mut progress: impl FnMut(usize),
) -> Result<Predictions, EvalError> {
    let mut predictions = Predictions::new(model.classes.clone(), model.task.into());
    let plan = if explaining == Explain::Predicted { Some(explaining_plan(model)?) } else { None };
    let loader = Loader {
        dataset: dataset.clone(),
        order: (0..dataset.len()).collect(),
        batch_size: 16,
        augmentation: None,
        seed: 0,
        epoch: 0,
        merge_single: false,
    };
    // Packing the weights is for nothing where every batch is explained.
    let predictor = LazyCell::new(|| Predictor::new(&model.graph, &model.params));
    for batch in loader.prefetch() {
        let batch = batch?;
        let (logits, shares) = match &plan {
            None => (predictor.logits(model.images(&batch)), vec![None; batch.len()]),
            Some(plan) => explained(model, plan, &batch)?,
        };
        let probabilities = probabilities(model, logits);
        for (row, index) in batch.indices.iter().enumerate() {
            let label = dataset.label(*index).map(Label::classes).unwrap_or_default();
            predictions.push(&dataset.id(*index), dataset.source(*index), split, label, &probabilities[row]);
        }
        let start = predictions.len() - batch.len();
        for (group, index) in predictions.groups[start..].iter_mut().zip(&batch.indices) {
            dataset.group(*index).clone_into(group);
        }
        predictions.background_share[start..].copy_from_slice(&shares);
        for (sample, verdict) in predictions.masks[start..].iter_mut().enumerate() {
            *verdict = mask_verdict(&batch, sample);
        }
        progress(predictions.len());
    }
    predictions.check()?;
    Ok(predictions)
}

fn explained(model: &Model, plan: &Plan, batch: &Batch) -> Result<(Tensor<2>, Vec<Option<f64>>), EvalError> {
    let selector = OutputSelector::log_odds(Target::Highest);
    let found = Explained::new(model, plan, selector, batch)?;
    let share = |row| found.background_share(batch, row).map(|share| decimal(share as f32));
    Ok((found.logits.clone(), (0..batch.len()).map(share).collect()))
}

/// Softmax or sigmoid of the logits, a row per sample, scaled as the model says.
pub fn probabilities(model: &Model, logits: Tensor<2>) -> Vec<Vec<f64>> {
    let n_classes = logits.dims()[1];
    let probabilities = match model.task {
        isnet_data::Task::SingleLabel => softmax_rows(logits),
        isnet_data::Task::MultiLabel => sigmoid(logits),
    };
    let values: Vec<f32> = probabilities.try_into_vec_as().expect("probabilities are floats");
    let row = |row: &[f32]| {
        let row: Vec<f64> = row.iter().copied().map(decimal).collect();
        model.scaling.as_ref().map_or(row.clone(), |scaling| scaling.scaled(&row, model.task.into()))
    };
    values.chunks(n_classes).map(row).collect()
}
