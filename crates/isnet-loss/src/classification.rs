//! The classification loss.

use burn::tensor::{DType, Tensor, TensorData};
use isnet_kernels::{log_sigmoid, log_softmax_rows};

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
                let log_probabilities = log_softmax_rows(logits.clone());
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
    let of_positive = log_sigmoid(logits.clone()) * positive;
    let of_negative = log_sigmoid(logits.neg()) * negative;
    (of_positive + of_negative).mean().neg()
}

fn constant(values: Vec<f64>, like: &Tensor<2>) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, like.dims()), (&like.device().inner(), like.dtype()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn loss<const N: usize, const K: usize>(logits: [[f32; K]; N], targets: &Targets, weights: Option<&[f32]>) -> f32 {
        try_loss(logits, targets, weights).expect("valid targets")
    }

    fn try_loss<const N: usize, const K: usize>(
        logits: [[f32; K]; N],
        targets: &Targets,
        weights: Option<&[f32]>,
    ) -> Result<f32, LossError> {
        let loss = ClassificationLoss { class_weights: weights.map(<[f32]>::to_vec) };
        let logits = Tensor::<2>::from_floats(logits, &Device::flex());
        Ok(loss.forward(logits, targets)?.into_scalar::<f32>())
    }

    fn assert_loss(found: f32, expected: f32) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    const LOGITS: [[f32; 3]; 2] = [[2.0, 1.0, 0.0], [0.0, 1.0, 3.0]];

    #[test]
    fn cross_entropy_is_the_mean_of_negative_log_probabilities() {
        // ln(e² + e + 1) − 2 = 0.4076060 and ln(1 + e + e³) − 1 = 2.1698460
        assert_loss(loss(LOGITS, &Targets::SingleLabel(vec![0, 1]), None), 1.288_726);
    }

    #[test]
    fn weighted_cross_entropy_divides_by_the_sum_of_the_weights() {
        // As torch.nn.functional.cross_entropy with `weight`: (1·0.4076060 + 2·2.1698460)/(1 + 2)
        assert_loss(loss(LOGITS, &Targets::SingleLabel(vec![0, 1]), Some(&[1.0, 2.0, 0.5])), 1.582_432_7);
    }

    #[test]
    fn binary_cross_entropy_averages_over_samples_and_labels() {
        // ln(1 + e^∓x), − where y = 1: 0.4740770, 0.3132617, 2.1269280, 0.6931472
        let targets = Targets::MultiLabel(vec![vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_loss(loss([[0.5, -1.0], [2.0, 0.0]], &targets, None), 0.901_853_5);
    }

    #[test]
    fn weights_of_labels_count_positives_only() {
        // As torch.nn.functional.binary_cross_entropy_with_logits with `pos_weight`:
        // (3·0.4740770 + 0.3132617 + 2.1269280 + 2·0.6931472)/4
        let targets = Targets::MultiLabel(vec![vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_loss(loss([[0.5, -1.0], [2.0, 0.0]], &targets, Some(&[3.0, 2.0])), 1.312_178_8);
    }

    #[test]
    fn large_logits_stay_finite() {
        assert_eq!(loss([[1e4, -1e4]], &Targets::SingleLabel(vec![1]), None), 2e4);
        assert_eq!(loss([[1e4, -1e4]], &Targets::MultiLabel(vec![vec![0.0, 1.0]]), None), 1e4);
    }

    #[test]
    fn a_label_outside_the_classes_is_an_error_with_its_place() {
        let error = LossError::Label { sample: 1, label: 3, n_classes: 3 };
        assert_eq!(try_loss(LOGITS, &Targets::SingleLabel(vec![0, 3]), None), Err(error));
    }

    #[test]
    fn weights_of_another_number_of_classes_are_an_error() {
        let error = LossError::ClassWeights { expected: 3, got: 2 };
        assert_eq!(try_loss(LOGITS, &Targets::SingleLabel(vec![0, 1]), Some(&[1.0, 2.0])), Err(error));
    }
}
