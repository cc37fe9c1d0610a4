//! The foreground term of the heatmap loss (METHOD §4).

use burn::tensor::Tensor;

/// Natural range of the total foreground relevance, `C1..=C2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForegroundRange {
    /// C1.
    pub min: f64,
    /// C2.
    pub max: f64,
}

/// How relevance above the range is punished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForegroundForm {
    /// Quadratically.
    L2,
    /// Quadratically up to `C1 + C2`, linearly beyond.
    Hybrid,
}

/// Punishes totals outside the natural range.
///
/// `below = (min(F/C1, 1) − 1)²`, `above = (max(F/C1, C2/C1) − C2/C1)²`; the hybrid form is `(F − (C1 + C2)) + 1` beyond `F = C1 + C2`.
///
/// # Shapes
/// - `total` (`F`) and the result: `[N·E]`
pub fn foreground_term(total: Tensor<1>, range: ForegroundRange, form: ForegroundForm) -> Tensor<1> {
    let (scaled, ceiling) = (total.clone() / range.min, range.max / range.min);
    let below = (scaled.clone().clamp_max(1.0) - 1.0).square();
    let quadratic = (scaled.clamp_min(ceiling) - ceiling).square();
    let above = match form {
        ForegroundForm::L2 => quadratic,
        ForegroundForm::Hybrid => {
            let knee = range.min + range.max;
            let beyond = total.clone().greater_scalar(knee);
            // The branch not taken is zeroed before it is summed, so that its gradient cannot leak or overflow.
            quadratic.mask_fill(beyond.clone(), 0.0) + (total - knee + 1.0).mask_fill(beyond.bool_not(), 0.0)
        }
    };
    below + above
}
