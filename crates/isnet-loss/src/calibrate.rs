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
