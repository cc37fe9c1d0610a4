//! The classification loss.

use burn::tensor::{DType, Tensor, TensorData, activation};

use crate::error::LossError;

/// The truth of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class per sample: softmax and cross-entropy.
    SingleLabel(Vec<usize>),
    /// Any number of labels per sample, 0 or 1 each, `N` rows of `K`: sigmoid and binary cross-entropy.
    MultiLabel(Vec<Vec<f32>>),
}

/// Cross-entropy with optional class weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassificationLoss {
    /// Weight of each class; in multi-label tasks, of the positives of each label. `None`: all 1.
    pub class_weights: Option<Vec<f32>>,
}

impl ClassificationLoss {
    /// The loss of a batch, a scalar `[1]`.
    ///
    /// Weighted cross-entropy divides by the sum of the weights, as PyTorch does; binary cross-entropy averages over `N·K`.
    ///
    /// # Shapes
    /// - `logits`: `[N, K]`
    ///
    /// # Errors
    /// [`LossError`] if a label is no class, or the weights are of another number of classes.
    pub fn forward(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, LossError> {
        let n_classes = logits.dims()[1];
        let weights = self.weights(n_classes)?;
        let dtype = if logits.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let logits = logits.cast(dtype);
        match targets {
            Targets::SingleLabel(labels) => {
                let coefficients = cross_entropy_coefficients(labels, &weights)?;
                let log_probabilities = activation::log_softmax(logits.clone(), 1);
                Ok((log_probabilities * constant(coefficients, &logits)).sum().neg())
            }
            Targets::MultiLabel(rows) => Ok(binary_cross_entropy(logits, rows, &weights)),
        }
    }

    fn weights(&self, n_classes: usize) -> Result<Vec<f32>, LossError> {
        match &self.class_weights {
            None => Ok(vec![1.0; n_classes]),
            Some(weights) if weights.len() == n_classes => Ok(weights.clone()),
            Some(weights) => Err(LossError::ClassWeights { expected: n_classes, got: weights.len() }),
        }
    }
}

/// What each log probability counts: `weight / Σ weights` at the label, 0 elsewhere.
fn cross_entropy_coefficients(labels: &[usize], weights: &[f32]) -> Result<Vec<f64>, LossError> {
    let n_classes = weights.len();
    if let Some((sample, label)) = labels.iter().enumerate().find(|(_, label)| **label >= n_classes) {
        return Err(LossError::Label { sample, label: *label, n_classes });
    }
    let total: f64 = labels.iter().map(|label| f64::from(weights[*label])).sum();
    let mut coefficients = vec![0.0; labels.len() * n_classes];
    for (row, label) in labels.iter().enumerate() {
        coefficients[row * n_classes + label] = f64::from(weights[*label]) / total;
    }
    Ok(coefficients)
}

/// Mean of `−w·y·ln σ(x) − (1 − y)·ln σ(−x)`.
fn binary_cross_entropy(logits: Tensor<2>, rows: &[Vec<f32>], weights: &[f32]) -> Tensor<1> {
    let weighted = |row: &Vec<f32>| row.iter().zip(weights).map(|(y, w)| f64::from(y * w)).collect::<Vec<_>>();
    let positive = constant(rows.iter().flat_map(weighted).collect(), &logits);
    let negative = constant(rows.iter().flatten().map(|y| 1.0 - f64::from(*y)).collect(), &logits);
    let of_positive = activation::log_sigmoid(logits.clone()) * positive;
    let of_negative = activation::log_sigmoid(logits.neg()) * negative;
    (of_positive + of_negative).mean().neg()
}

fn constant(values: Vec<f64>, like: &Tensor<2>) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, like.dims()), (&like.device().inner(), like.dtype()))
}
