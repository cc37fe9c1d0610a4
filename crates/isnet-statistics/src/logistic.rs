//! Logistic regression with a few coefficients: for calibration, where the outcome is regressed on what was predicted.

/// Linear predictors beyond this mean that the data are separated: more than the logit of what an f64 can be short of 1.
const LARGEST: f64 = 40.0;
const MOST_STEPS: usize = 100;
/// A step moves no linear predictor farther: where all probabilities are nearly 0 or 1, Newton's first step would be huge.
const LONGEST: f64 = 8.0;

/// A fit: coefficients and their covariance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    pub coefficients: Vec<f64>,
    /// Inverse of the information, or between groups the sandwich of it; NaN if all samples are of one group.
    pub covariance: Vec<Vec<f64>>,
}

/// What is regressed: `logit P(y) = offset + x·β`, a row of `x` per sample. Targets lie in [0, 1].
pub(crate) struct Regression<'a> {
    pub x: &'a [Vec<f64>],
    pub offset: &'a [f64],
    pub target: &'a [f64],
}

impl Regression<'_> {
    /// Maximum likelihood by Newton's steps, halved while they make it worse; `None` where it has no finite maximum.
    ///
    /// `units` are the groups of the samples: then the covariance is `G/(G−1) · I⁻¹ (Σ_g s_g s_gᵀ) I⁻¹` with the scores `s_g` of the
    /// groups (Liang and Zeger 1986), for which samples of one group may depend on each other.
    pub fn fit(&self, units: Option<&[usize]>) -> Option<Fit> {
        let n_coefficients = self.x.first()?.len();
        let mut coefficients = vec![0.0; n_coefficients];
        let mut likelihood = self.log_likelihood(&coefficients);
        for _ in 0..MOST_STEPS {
            let (score, information) = self.score_and_information(&coefficients);
            let step = solve(&information, &score)?;
            let farthest = self.x.iter().map(|x| dot(x, &step).abs()).fold(0.0, f64::max);
            let (mut share, mut next, mut reached);
            share = (LONGEST / farthest).min(1.0);
            loop {
                next = coefficients.iter().zip(&step).map(|(at, step)| at + share * step).collect::<Vec<f64>>();
                reached = self.log_likelihood(&next);
                if reached >= likelihood - 1e-12 * likelihood.abs() || share < 1e-6 {
                    break;
                }
                share /= 2.0;
            }
            let moved = share * farthest;
            (coefficients, likelihood) = (next, reached);
            let is_far = |sample: usize| {
                let eta = self.linear(&coefficients, sample);
                !eta.is_finite() || eta.abs() > LARGEST
            };
            if (0..self.x.len()).any(is_far) {
                return None;
            }
            if moved < 1e-9 {
                let covariance = self.covariance(&coefficients, units)?;
                return Some(Fit { coefficients, covariance });
            }
        }
        None
    }

    fn linear(&self, coefficients: &[f64], sample: usize) -> f64 {
        self.offset[sample] + dot(&self.x[sample], coefficients)
    }

    fn log_likelihood(&self, coefficients: &[f64]) -> f64 {
        // y·η − ln(1 + e^η), without overflow.
        let of = |sample: usize| {
            let eta = self.linear(coefficients, sample);
            self.target[sample] * eta - eta.max(0.0) - (-eta.abs()).exp().ln_1p()
        };
        (0..self.x.len()).map(of).sum()
    }

    fn score_and_information(&self, coefficients: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let k = coefficients.len();
        let (mut score, mut information) = (vec![0.0; k], vec![vec![0.0; k]; k]);
        for (sample, x) in self.x.iter().enumerate() {
            let p = expit(self.linear(coefficients, sample));
            for row in 0..k {
                score[row] += (self.target[sample] - p) * x[row];
                for column in 0..k {
                    information[row][column] += p * (1.0 - p) * x[row] * x[column];
                }
            }
        }
        (score, information)
    }

    fn covariance(&self, coefficients: &[f64], units: Option<&[usize]>) -> Option<Vec<Vec<f64>>> {
        let k = coefficients.len();
        let (_, information) = self.score_and_information(coefficients);
        let unit = |row: usize| (0..k).map(|column| f64::from(u8::from(row == column))).collect::<Vec<f64>>();
        let inverse: Vec<Vec<f64>> = (0..k).map(|row| solve(&information, &unit(row))).collect::<Option<_>>()?;
        let Some(units) = units else { return Some(inverse) };
        let n_units = units.iter().max()? + 1;
        let mut scores = vec![vec![0.0; k]; n_units];
        for (sample, x) in self.x.iter().enumerate() {
            let residual = self.target[sample] - expit(self.linear(coefficients, sample));
            (0..k).for_each(|row| scores[units[sample]][row] += residual * x[row]);
        }
        let mut middle = vec![vec![0.0; k]; k];
        for score in &scores {
            (0..k).for_each(|row| (0..k).for_each(|column| middle[row][column] += score[row] * score[column]));
        }
        let small = if n_units > 1 { n_units as f64 / (n_units as f64 - 1.0) } else { f64::NAN };
        let sandwich = |row: usize, column: usize| {
            let right = |it: usize| (0..k).map(|other| middle[it][other] * inverse[other][column]).sum::<f64>();
            small * (0..k).map(|it| inverse[row][it] * right(it)).sum::<f64>()
        };
        Some((0..k).map(|row| (0..k).map(|column| sandwich(row, column)).collect()).collect())
    }
}

impl Fit {
    /// Variance of `x·β`.
    pub fn variance(&self, x: &[f64]) -> f64 {
        x.iter().zip(&self.covariance).map(|(left, row)| left * dot(row, x)).sum()
    }
}

pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The probability of a logit.
pub(crate) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `A⁻¹ b` by elimination with pivots; `None` if `A` is singular.
fn solve(matrix: &[Vec<f64>], right: &[f64]) -> Option<Vec<f64>> {
    let k = right.len();
    let mut rows: Vec<Vec<f64>> = matrix.iter().zip(right).map(|(row, b)| [row.as_slice(), &[*b]].concat()).collect();
    let scale = matrix.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    for column in 0..k {
        let pivot = (column..k).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        rows.swap(column, pivot);
        if rows[column][column].abs() <= 1e-12 * scale {
            return None;
        }
        for row in 0..k {
            if row != column {
                let factor = rows[row][column] / rows[column][column];
                let pivot = rows[column].clone();
                rows[row].iter_mut().zip(&pivot).skip(column).for_each(|(value, above)| *value -= factor * above);
            }
        }
    }
    Some((0..k).map(|row| rows[row][k] / rows[row][row]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 10 at x = 0, 2 are true, of 10 at x = 1, 5: the maximum is at the logits of the shares.
    #[test]
    fn two_shares_are_their_logits() {
        let x: Vec<Vec<f64>> = (0..20).map(|sample| vec![1.0, f64::from(sample / 10)]).collect();
        let target: Vec<f64> = (0..20).map(|sample| f64::from(u8::from(matches!(sample, 0 | 1 | 10..=14)))).collect();
        let fit = Regression { x: &x, offset: &[0.0; 20], target: &target }.fit(None).unwrap();
        assert!((fit.coefficients[0] - (0.2_f64 / 0.8).ln()).abs() < 1e-9);
        assert!((fit.coefficients[1] + (0.2_f64 / 0.8).ln()).abs() < 1e-9);
        assert!(
            (fit.covariance[0][0] - 1.0 / 1.6).abs() < 1e-9 && (fit.variance(&[1.0, 1.0]) - 1.0 / 2.5).abs() < 1e-9
        );
        // Groups of one sample tell as much, up to G/(G−1).
        let alone: Vec<usize> = (0..20).collect();
        let between = Regression { x: &x, offset: &[0.0; 20], target: &target }.fit(Some(&alone)).unwrap();
        assert!((between.covariance[0][0] - 20.0 / 19.0 / 1.6).abs() < 1e-9);
    }

    /// Called nearly impossible, true of 49 in 50: the maximum is where the share is met, however far Newton's first step would go.
    #[test]
    fn a_far_intercept_is_reached() {
        let target: Vec<f64> = (0..100).map(|sample| f64::from(u8::from(sample % 50 != 0))).collect();
        let fit = Regression { x: &vec![vec![1.0]; 100], offset: &[-16.0; 100], target: &target }.fit(None).unwrap();
        assert!((fit.coefficients[0] - 16.0 - 49.0_f64.ln()).abs() < 1e-6, "{:?}", fit.coefficients);
    }

    #[test]
    fn what_is_separated_has_no_fit() {
        let x: Vec<Vec<f64>> = (0..20).map(|sample| vec![1.0, f64::from(sample)]).collect();
        let target: Vec<f64> = (0..20).map(|sample| f64::from(u8::from(sample >= 10))).collect();
        assert_eq!(Regression { x: &x, offset: &[0.0; 20], target: &target }.fit(None), None);
        let equal = vec![vec![1.0, 0.5]; 20];
        assert_eq!(Regression { x: &equal, offset: &[0.0; 20], target: &target }.fit(None), None);
    }
}
