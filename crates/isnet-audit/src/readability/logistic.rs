//! A small classifier: multinomial logistic regression.

/// Weight of the squared coefficients, per image.
const RIDGE: f64 = 0.02;
/// Steps of the optimizer.
const STEPS: usize = 150;
/// Steps of the power iteration that finds the largest curvature.
const POWER_STEPS: usize = 20;

/// Multinomial logistic regression on standardised features, `softmax(W·x + b)`.
///
/// Minimises the mean over images of `−w_c·ln P_c` plus `0.02/2·‖W‖²`, where `w_c` gives every class the same weight, by 150
/// steps of Nesterov's accelerated gradient. The step is the inverse of the largest curvature, from a power iteration.
///
/// # Example
/// ```
/// # use isnet_audit::readability::Logistic;
/// let rows: [&[f32]; 4] = [&[0.0, 1.0], &[0.1, 0.0], &[0.9, 1.0], &[1.0, 0.0]];
/// let model = Logistic::fit(&rows, &[0, 0, 1, 1], 2);
/// assert!(model.probabilities(&[0.95, 0.5])[1] > 0.8); // the first feature tells, the second does not
/// ```
#[derive(Clone, Debug)]
pub struct Logistic {
    /// `[K][D + 1]`, the intercept last.
    weights: Vec<Vec<f64>>,
    mean: Vec<f64>,
    /// 1/deviation; 0 for a feature that never changes.
    scale: Vec<f64>,
}

impl Logistic {
    /// Learns from rows of equal length.
    ///
    /// # Panics
    /// If a label is not below `n_classes`, or there are not as many labels as rows.
    pub fn fit(rows: &[&[f32]], labels: &[usize], n_classes: usize) -> Self {
        assert_eq!(rows.len(), labels.len(), "every row needs a label");
        assert!(labels.iter().all(|label| *label < n_classes), "a label of {n_classes} classes is out of range");
        let n_features = rows.first().map_or(0, |row| row.len());
        let (mean, scale) = standardisation(rows, n_features);
        let mut model = Self { weights: vec![vec![0.0; n_features + 1]; n_classes], mean, scale };
        let inputs: Vec<Vec<f64>> = rows.iter().map(|row| model.standardised(row)).collect();
        let importance = importance(labels, n_classes);
        let step = 1.0 / (0.5 * largest_curvature(&inputs, &importance) + RIDGE);
        let (mut ahead, mut momentum) = (model.weights.clone(), 1.0_f64);
        for _ in 0..STEPS {
            let gradient = gradient(&ahead, &inputs, labels, &importance);
            let next_momentum = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
            let push = (momentum - 1.0) / next_momentum;
            for ((weights, ahead), gradient) in model.weights.iter_mut().zip(&mut ahead).zip(&gradient) {
                for ((weight, ahead), slope) in weights.iter_mut().zip(ahead.iter_mut()).zip(gradient) {
                    let next = *ahead - step * slope;
                    *ahead = next + push * (next - *weight);
                    *weight = next;
                }
            }
            momentum = next_momentum;
        }
        model
    }

    /// A probability per class.
    pub fn probabilities(&self, row: &[f32]) -> Vec<f64> {
        softmax(&self.weights, &self.standardised(row))
    }

    /// With a 1 for the intercept at the end.
    fn standardised(&self, row: &[f32]) -> Vec<f64> {
        let values = row.iter().zip(&self.mean).zip(&self.scale);
        values.map(|((value, mean), scale)| (f64::from(*value) - mean) * scale).chain([1.0]).collect()
    }
}

fn standardisation(rows: &[&[f32]], n_features: usize) -> (Vec<f64>, Vec<f64>) {
    let n = rows.len().max(1) as f64;
    let mean: Vec<f64> =
        (0..n_features).map(|feature| rows.iter().map(|row| f64::from(row[feature])).sum::<f64>() / n).collect();
    let scale = (0..n_features).map(|feature| {
        let squares: f64 = rows.iter().map(|row| (f64::from(row[feature]) - mean[feature]).powi(2)).sum();
        let deviation = (squares / n).sqrt();
        if deviation > 1e-6 { 1.0 / deviation } else { 0.0 }
    });
    let scale = scale.collect();
    (mean, scale)
}

/// What each image counts, `1/(K·n_c)`: every class the same, all together 1.
fn importance(labels: &[usize], n_classes: usize) -> Vec<f64> {
    let count = |class: usize| labels.iter().filter(|label| **label == class).count() as f64;
    let counts: Vec<f64> = (0..n_classes).map(count).collect();
    let present = counts.iter().filter(|count| **count > 0.0).count() as f64;
    labels.iter().map(|label| 1.0 / (present * counts[*label])).collect()
}

/// The largest eigenvalue of `Σ w·x·xᵀ`; half of it bounds the curvature of the loss (Böhning 1992).
fn largest_curvature(inputs: &[Vec<f64>], importance: &[f64]) -> f64 {
    let Some(length) = inputs.first().map(Vec::len) else { return 1.0 };
    let mut vector = vec![1.0 / (length as f64).sqrt(); length];
    let mut largest = 1.0;
    for _ in 0..POWER_STEPS {
        let mut next = vec![0.0; length];
        for (row, weight) in inputs.iter().zip(importance) {
            let along = weight * dot(row, &vector);
            next.iter_mut().zip(row).for_each(|(sum, value)| *sum += along * value);
        }
        largest = dot(&next, &next).sqrt().max(f64::MIN_POSITIVE);
        vector = next.into_iter().map(|value| value / largest).collect();
    }
    // A power iteration comes from below.
    1.1 * largest
}

fn gradient(weights: &[Vec<f64>], inputs: &[Vec<f64>], labels: &[usize], importance: &[f64]) -> Vec<Vec<f64>> {
    let mut gradient: Vec<Vec<f64>> =
        weights.iter().map(|weights| weights.iter().map(|weight| RIDGE * weight).collect()).collect();
    for ((row, label), importance) in inputs.iter().zip(labels).zip(importance) {
        for (class, probability) in softmax(weights, row).into_iter().enumerate() {
            let slope = importance * (probability - f64::from(u8::from(class == *label)));
            gradient[class].iter_mut().zip(row).for_each(|(sum, value)| *sum += slope * value);
        }
    }
    gradient
}

fn softmax(weights: &[Vec<f64>], row: &[f64]) -> Vec<f64> {
    let scores: Vec<f64> = weights.iter().map(|weights| dot(weights, row)).collect();
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

/// In eight sums that are added at the end, so that they can run side by side; the order is fixed.
fn dot(first: &[f64], second: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (wide, rest) = (first.len() / 8 * 8, first.len() % 8);
    for (one, other) in first[..wide].chunks_exact(8).zip(second[..wide].chunks_exact(8)) {
        sums.iter_mut().zip(one.iter().zip(other)).for_each(|(sum, (one, other))| *sum += one * other);
    }
    let tail: f64 = (0..rest).map(|place| first[wide + place] * second[wide + place]).sum();
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the minimum the gradient is 0.
    #[test]
    fn the_minimum_is_found() {
        let rows: Vec<Vec<f32>> = (0..30)
            .map(|row| (0..4).map(|column| ((row * 7 + column * 5 + row * column) % 11) as f32).collect())
            .collect();
        let labels: Vec<usize> = (0..30).map(|row| (row * row + row / 3) % 3).collect();
        let views: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let model = Logistic::fit(&views, &labels, 3);
        let inputs: Vec<Vec<f64>> = views.iter().map(|row| model.standardised(row)).collect();
        let slopes = gradient(&model.weights, &inputs, &labels, &importance(&labels, 3));
        let steepest = slopes.iter().flatten().fold(0.0_f64, |most, slope| most.max(slope.abs()));
        assert!(steepest < 1e-4, "{steepest}");
    }

    #[test]
    fn rare_classes_count_as_much_as_frequent_ones() {
        let rows: Vec<[f32; 1]> = (0..100).map(|row| [if row < 95 { 0.0 } else { 1.0 }]).collect();
        let views: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        let labels: Vec<usize> = (0..100).map(|row| usize::from(row >= 90)).collect();
        // Half of class 1 looks like class 0: without weights a 0 would be told as class 0 with 0.95.
        let model = Logistic::fit(&views, &labels, 2);
        let told = model.probabilities(&[0.0])[1];
        assert!((0.25..0.45).contains(&told), "{told}");
        assert!(model.probabilities(&[1.0])[1] > 0.9);
    }

    #[test]
    fn a_class_that_was_never_seen_and_a_feature_that_never_changes_do_no_harm() {
        let model = Logistic::fit(&[&[1.0, 0.0], &[1.0, 1.0]], &[0, 1], 3);
        let told = model.probabilities(&[9.0, 1.0]);
        assert!(told.iter().all(|value| value.is_finite()) && told[1] > told[0] && told[1] > told[2], "{told:?}");
    }
}
