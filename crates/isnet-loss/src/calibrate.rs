//! Calibration of the foreground range from a plain classifier (METHOD §4).

use crate::error::LossError;
use crate::foreground::ForegroundRange;

/// `C1 = max(μ/5, μ − 3σ)`, `C2 = min(25·C1, μ + 3σ)` of the total relevance `Σ|R|` of each sample.
///
/// # Errors
/// [`LossError::Calibration`] if there is no sample, or no relevance.
///
/// # Example
/// ```
/// let range = isnet_loss::calibrated_range(&[2.0, 2.0, 2.0])?; // μ = 2, σ = 0
/// assert_eq!((range.min, range.max), (2.0, 2.0));
/// # Ok::<(), isnet_loss::LossError>(())
/// ```
pub fn calibrated_range(totals: &[f64]) -> Result<ForegroundRange, LossError> {
    let count = totals.len() as f64;
    let mean = totals.iter().sum::<f64>() / count.max(1.0);
    if !(mean.is_finite() && mean > 0.0) {
        return Err(LossError::Calibration { samples: totals.len(), mean });
    }
    let variance = totals.iter().map(|total| (total - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let deviation = variance.sqrt();
    let min = (mean / 5.0).max(mean - 3.0 * deviation);
    Ok(ForegroundRange { min, max: (25.0 * min).min(mean + 3.0 * deviation) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_the_tighter_of_two() {
        let root = 2_f64.sqrt();
        for (totals, min, max) in [
            (vec![9.0, 11.0], 10.0 - 3.0 * root, 10.0 + 3.0 * root), // μ = 10, σ = √2
            (vec![8.0, 12.0], 2.0, 10.0 + 6.0 * root),               // σ = 2√2: μ/5 is above μ − 3σ
            (vec![0.0, 0.0, 0.0, 12.0], 0.6, 15.0),                  // μ = 3, σ = 6: 25·C1 is below μ + 3σ = 21
        ] {
            let range = calibrated_range(&totals).expect("there is relevance");
            assert!((range.min - min).abs() < 1e-12 && (range.max - max).abs() < 1e-12, "{totals:?}: {range:?}");
        }
    }

    #[test]
    fn one_sample_is_its_own_range() {
        assert_eq!(calibrated_range(&[4.0]), Ok(ForegroundRange { min: 4.0, max: 4.0 }));
    }

    #[test]
    fn nothing_to_measure_is_an_error_with_the_way_out() {
        assert_eq!(calibrated_range(&[]), Err(LossError::Calibration { samples: 0, mean: 0.0 }));
        assert_eq!(calibrated_range(&[0.0, 0.0]), Err(LossError::Calibration { samples: 2, mean: 0.0 }));
        for total in [f64::NAN, f64::INFINITY] {
            let message = calibrated_range(&[1.0, total]).expect_err("not finite").to_string();
            assert!(message.contains("2 samples") && message.contains("`loss.foreground_range`"), "{message}");
        }
    }
}
